//! The broken promises of a head that have names of their own: fork, gap, lost write.
//!
//! Each is certain: a history with one of them has no explaining order. What is merely suspicious
//! (an open compare-and-set may have been the missing link) is left to the search.

use super::{Key, Op, Ret, name};
use crate::{ClientId, Outcome, Property, Seen, Violation};
use std::collections::BTreeMap;

/// The first promise that was broken, by the time of the return that broke it.
///
/// `init` is where each head starts. `O(n log n)`; the operations come in any order.
pub fn diagnose<'a, K: Key + 'a>(
    init: u64,
    seen: impl IntoIterator<Item = Seen<'a, Op<K>, Ret>>,
) -> Option<Violation> {
    let mut logs: BTreeMap<&K, Log> = BTreeMap::new();
    for one in seen {
        logs.entry(one.op.key()).or_default().note(&one);
    }
    let mut earliest: Option<Violation> = None;
    for (key, mut log) in logs {
        log.sort();
        for violation in [log.fork(key), log.gap(key, init), log.lost(key)].into_iter().flatten() {
            if earliest.as_ref().is_none_or(|other| violation.at < other.at) {
                earliest = Some(violation);
            }
        }
    }
    earliest
}

/// An answer that says where the head was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    at: u64,
    index: usize,
    call: u64,
    head: u64,
    client: ClientId,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Read,
    Saw,
    /// It was there, and went one up.
    Moved,
}

/// What was heard of one head.
#[derive(Default)]
struct Log {
    /// Acknowledged transitions.
    moves: Vec<Answer>,
    /// Reads, and the heads that losers saw.
    sights: Vec<Answer>,
    /// The earliest call of a transition from a number that happened or may have.
    tried: BTreeMap<u64, u64>,
}

impl Log {
    fn note<K>(&mut self, one: &Seen<'_, Op<K>, Ret>) {
        let &Seen { index, client, op, call, outcome } = one;
        let answer = |at, head, how| Answer { at, index, call, head, client, how };
        match (op, outcome) {
            (Op::Cas { from, .. }, Outcome::Open) => self.try_from(*from, call),
            (Op::Cas { from, .. }, Outcome::Returned { at, ret: Ret::Won { .. } }) => {
                self.try_from(*from, call);
                self.moves.push(answer(at, *from, How::Moved));
            }
            (Op::Cas { .. }, Outcome::Returned { at, ret: Ret::Saw { head } }) => {
                self.sights.push(answer(at, *head, How::Saw));
            }
            (Op::Read { .. }, Outcome::Returned { at, ret: Ret::Head(head) }) => {
                self.sights.push(answer(at, *head, How::Read));
            }
            _ => {}
        }
    }

    fn try_from(&mut self, from: u64, call: u64) {
        self.tried.entry(from).and_modify(|first| *first = call.min(*first)).or_insert(call);
    }

    fn sort(&mut self) {
        self.moves.sort_unstable();
        self.sights.sort_unstable();
    }

    /// Two transitions from one parent, both acknowledged.
    fn fork<K: Key>(&self, key: &K) -> Option<Violation> {
        let mut parents: BTreeMap<u64, &Answer> = BTreeMap::new();
        for second in &self.moves {
            let Some(first) = parents.insert(second.head, second) else { continue };
            let (key, from) = (name(key), second.head);
            let why = if first.client == second.client {
                format!(
                    "{} moved {key} from {from} twice, and was told both times it won",
                    first.client
                )
            } else {
                format!(
                    "{} and {} both moved {key} from {from}, both were told they won",
                    first.client, second.client
                )
            };
            return Some(Violation {
                at: Some(second.at),
                operations: vec![first.index, second.index],
                ..Violation::new(Property::FORK, why)
            });
        }
        None
    }

    /// The head was somewhere that no transition led to by then.
    fn gap<K: Key>(&self, key: &K, init: u64) -> Option<Violation> {
        let unlinked = |answer: &&Answer| {
            answer.head > init
                && self.tried.get(&(answer.head - 1)).is_none_or(|&call| call > answer.at)
        };
        let moved = self.moves.iter().find(unlinked);
        let found = self.sights.iter().find(unlinked).into_iter().chain(moved).min()?;
        let (key, head, parent) = (name(key), found.head, found.head - 1);
        let what = match found.how {
            How::Read | How::Saw => format!("{key} was seen at {head}"),
            How::Moved => format!("{key} was moved from {head}"),
        };
        let why = match self.tried.get(&parent) {
            None => format!("{what}, but nobody moved it from {parent}"),
            Some(_) => format!("{what}, before anybody tried to move it from {parent}"),
        };
        Some(Violation {
            at: Some(found.at),
            operations: vec![found.index],
            ..Violation::new(Property::GAP, why)
        })
    }

    /// Somebody saw a head from before a transition that had been acknowledged when they asked.
    fn lost<K: Key>(&self, key: &K) -> Option<Violation> {
        // The furthest transition acknowledged so far, at each acknowledgement.
        let mut furthest: Vec<&Answer> = Vec::with_capacity(self.moves.len());
        for one in &self.moves {
            let best = furthest.last().filter(|best| best.head >= one.head);
            furthest.push(best.copied().unwrap_or(one));
        }
        let (moved, sight) = self.sights.iter().find_map(|sight| {
            let acknowledged = self.moves.partition_point(|one| one.at < sight.call);
            let moved = furthest[..acknowledged].last()?;
            (sight.head <= moved.head).then_some((moved, sight))
        })?;
        let verb = if sight.how == How::Read { "read" } else { "lost its transition and saw" };
        let why = format!(
            "{} {verb} {} of {} although {}'s transition {} -> {} had been acknowledged before",
            sight.client,
            sight.head,
            name(key),
            moved.client,
            moved.head,
            moved.head.saturating_add(1),
        );
        Some(Violation {
            at: Some(sight.at),
            operations: vec![moved.index, sight.index],
            ..Violation::new(Property::LOST, why)
        })
    }
}
