//! The broken promises of a head that have names of their own: fork, gap, lost write.
//!
//! Each is certain: a history with one of them has no explaining order. What is merely suspicious
//! (an open compare-and-set may have been the missing link) is left to the search.

use super::{Key, Op, Ret, name};
use crate::{ClientId, Outcome, Property, Seen, Violation};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The first promise that was broken, by the time of the return that broke it; only a gap gives way
/// to a fork at any time, because it may be the fork's shadow: a number that nobody owns up to yet.
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
    let mut first: Option<Violation> = None;
    let mut gap: Option<Violation> = None;
    let earliest = |first: &mut Option<Violation>, found: Option<Violation>| {
        if let Some(found) = found
            && first.as_ref().is_none_or(|other| found.at < other.at)
        {
            *first = Some(found);
        }
    };
    for (key, mut log) in logs {
        log.sort();
        earliest(&mut first, log.fork(key));
        earliest(&mut first, log.lost(key));
        earliest(&mut gap, log.gap(key, init));
    }
    match first {
        Some(fork) if fork.property == Property::FORK => Some(fork),
        lost => {
            let mut first = lost;
            earliest(&mut first, gap);
            first
        }
    }
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
    /// Transitions that happened or may have: where they left, and the earliest call.
    tried: Vec<(u64, u64)>,
    /// Transitions that were told they lost: where they would have left, when they were told, when
    /// they were called, and which operation it was.
    refused: Vec<(u64, u64, u64, usize)>,
}

impl Log {
    fn note<K>(&mut self, one: &Seen<'_, Op<K>, Ret>) {
        let &Seen { index, client, op, call, outcome } = one;
        let answer = |at, head, how| Answer { at, index, call, head, client, how };
        if let (Op::Cas { from, .. }, Outcome::Returned { at, ret: Ret::Lost | Ret::Saw { .. } }) =
            (op, outcome)
        {
            self.refused.push((*from, at, call, index));
        }
        match (op, outcome) {
            (Op::Cas { from, .. }, Outcome::Open) => self.tried.push((*from, call)),
            (Op::Cas { from, .. }, Outcome::Returned { at, ret: Ret::Won { .. } }) => {
                self.tried.push((*from, call));
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

    fn sort(&mut self) {
        self.moves.sort_unstable();
        self.sights.sort_unstable();
        self.tried.sort_unstable();
        self.tried.dedup_by_key(|(from, _)| *from);
    }

    /// The earliest call of a transition from there, if there is one that may have happened.
    fn tried(&self, from: u64) -> Option<u64> {
        // Most often there is one from each number.
        let guess = from.checked_sub(self.tried.first()?.0)? as usize;
        match self.tried.get(guess) {
            Some(&(found, call)) if found == from => Some(call),
            _ => {
                let position = self.tried.binary_search_by_key(&from, |it| it.0).ok()?;
                Some(self.tried[position].1)
            }
        }
    }

    /// Two transitions from one parent, both acknowledged.
    fn fork<K: Key>(&self, key: &K) -> Option<Violation> {
        let parents = self.moves.iter().enumerate().map(|(position, it)| (it.head, position));
        let mut parents: Vec<(u64, usize)> = parents.collect();
        parents.sort_unstable();
        let twice = parents.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let (second, first) = twice.map(|pair| (pair[1].1, pair[0].1)).min()?;
        let (first, second) = (&self.moves[first], &self.moves[second]);
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
        Some(Violation {
            at: Some(second.at),
            operations: vec![first.index, second.index],
            ..Violation::new(Property::FORK, why)
        })
    }

    /// The head was somewhere that no transition led to by then.
    fn gap<K: Key>(&mut self, key: &K, init: u64) -> Option<Violation> {
        let unlinked = |answer: &&Answer| {
            answer.head > init && self.tried(answer.head - 1).is_none_or(|call| call > answer.at)
        };
        let answers = self.sights.iter().chain(&self.moves).filter(unlinked);
        let answers: Vec<&Answer> = answers.collect();
        if answers.is_empty() {
            return None;
        }
        self.refused.sort_unstable();
        let certain = answers.into_iter().map(|found| {
            let refusal = self.refusal(found).filter(|(at, _)| *at > found.at);
            (refusal.map_or(found.at, |(at, _)| at), found, refusal)
        });
        let (at, found, refusal) = certain.min()?;
        let (key, head, parent) = (name(key), found.head, found.head - 1);
        let what = match found.how {
            How::Read | How::Saw => format!("{key} was seen at {head}"),
            How::Moved => format!("{key} was moved from {head}"),
        };
        let why = match self.tried(parent) {
            None => format!("{what}, but nobody moved it from {parent}"),
            Some(_) => format!("{what}, before anybody tried to move it from {parent}"),
        };
        Some(Violation {
            at: Some(at),
            operations: [found.index].into_iter().chain(refusal.map(|(_, index)| index)).collect(),
            ..Violation::new(Property::GAP, why)
        })
    }

    /// The last attempt that might have led the head there, under way at the time, to be told that
    /// it lost: when, and which. Until then nothing was certain.
    fn refusal(&self, found: &Answer) -> Option<(u64, usize)> {
        let parent = found.head - 1;
        let refused = self.refused.partition_point(|it| it.0 < parent);
        let refused = self.refused[refused..].iter().take_while(|it| it.0 == parent);
        let under_way = refused.filter(|(_, _, call, _)| *call <= found.at);
        let latest = under_way.max_by_key(|&&(_, at, call, index)| (at, Reverse((call, index))));
        latest.map(|&(_, at, _, index)| (at, index))
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
