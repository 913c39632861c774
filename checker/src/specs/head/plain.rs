//! An order of a head's operations, where one is plain to see.
//!
//! A head only goes up, so an answer that names a head also names its place in the order: after the
//! transition that led there, before the one that led away. So every transition is put as early as
//! that allows, and if it still fits between its call and its return, all is explained. Nothing is
//! guessed: what does not fit, or may fit elsewhere, is left to the search.

use super::{Key, Op, Ret};
use crate::{Operation, Outcome};
use std::collections::BTreeMap;

/// Whether an order was found. False says nothing.
///
/// `init` is where each head starts. `O(n log k)` for `k` heads; the operations come in any order.
pub(super) fn is_plain<K: Key>(init: u64, operations: &[Operation<Op<K>, Ret>]) -> bool {
    let Some(first) = operations.first().map(|one| one.op.key()) else { return true };
    // Most histories are of one head, which no map is needed to find.
    let (mut line, mut others) = (Line::default(), BTreeMap::<&K, Line>::new());
    let all = operations.iter().all(|one| {
        let key = one.op.key();
        let line = if key == first { &mut line } else { others.entry(key).or_default() };
        line.note(one, init).is_some()
    });
    all && others.values().chain([&line]).all(|line| line.is_ordered().is_some())
}

/// How far ahead of the operations seen so far a head may be: memory follows what is there.
const AHEAD_MAX: usize = 64;

/// What was heard of one head.
#[derive(Default)]
struct Line {
    /// Its numbers, in order.
    places: Vec<Place>,
    /// How many operations were noted.
    noted: usize,
}

/// What is known of one number.
#[derive(Clone, Copy)]
struct Place {
    /// When the last of those asked who found the head here.
    asked: u64,
    /// When the first of them was answered.
    told: u64,
    /// The transition that left, if one was acknowledged.
    left: Option<Span>,
    /// The first call of a transition from here of which nobody heard.
    silent: Option<u64>,
    /// When the first was told that the head is not here, of those who were told no more.
    refused: Option<u64>,
}

/// A call and its return.
#[derive(Clone, Copy)]
struct Span {
    call: u64,
    at: u64,
}

impl Place {
    const EMPTY: Place =
        Place { asked: 0, told: u64::MAX, left: None, silent: None, refused: None };

    /// Somebody found the head here.
    fn found(&mut self, span: Span) {
        self.asked = self.asked.max(span.call);
        self.told = self.told.min(span.at);
    }

    /// Whether the head must have been here.
    fn is_needed(&self) -> bool {
        self.told < u64::MAX || self.left.is_some()
    }
}

impl Line {
    /// `None`: it is not plain.
    fn note<K>(&mut self, one: &Operation<Op<K>, Ret>, init: u64) -> Option<()> {
        self.noted += 1;
        let (at, ret) = match one.outcome {
            Outcome::Failed => return Some(()),
            Outcome::Open => (u64::MAX, None),
            Outcome::Returned { at, ret } => (at.max(one.call), Some(ret)),
        };
        let span = Span { call: one.call, at };
        match (&one.op, ret) {
            (Op::Read { .. }, None) => {}
            (Op::Read { .. }, Some(Ret::Head(head))) => self.place(head, init)?.found(span),
            (Op::Cas { from, .. }, None) => {
                let silent = &mut self.place(*from, init)?.silent;
                *silent = Some(silent.map_or(span.call, |first| first.min(span.call)));
            }
            (Op::Cas { from, .. }, Some(Ret::Won { .. })) => {
                let before = self.place(*from, init)?.left.replace(span);
                before.is_none().then_some(())?;
            }
            (Op::Cas { from, .. }, Some(Ret::Saw { head })) if head != *from => {
                self.place(head, init)?.found(span);
            }
            (Op::Cas { from, .. }, Some(Ret::Lost)) => {
                let refused = &mut self.place(*from, init)?.refused;
                *refused = Some(refused.map_or(at, |first| first.min(at)));
            }
            (Op::Read { .. } | Op::Cas { .. }, Some(_)) => return None,
        }
        Some(())
    }

    fn place(&mut self, head: u64, init: u64) -> Option<&mut Place> {
        // Beyond the last number nothing can be said.
        head.checked_add(1)?;
        let most = self.noted + AHEAD_MAX;
        let index = usize::try_from(head.checked_sub(init)?).ok().filter(|index| *index <= most)?;
        if index >= self.places.len() {
            self.places.resize(index + 1, Place::EMPTY);
        }
        self.places.get_mut(index)
    }

    /// Puts every transition as early as it can be.
    fn is_ordered(&self) -> Option<()> {
        let mut here_since = 0;
        for (index, place) in self.places.iter().enumerate() {
            if place.told < here_since {
                return None;
            }
            let free = here_since.max(place.asked);
            let gone = match (place.left, place.silent) {
                (Some(left), _) if free.max(left.call) <= left.at => free.max(left.call),
                (Some(_), _) => return None,
                (None, Some(call)) => free.max(call),
                (None, None) => {
                    let later = &self.places[index + 1..];
                    let last = !later.iter().any(|it| it.is_needed() || it.refused.is_some());
                    return (last && place.refused.is_none()).then_some(());
                }
            };
            if place.refused.is_some_and(|at| at < gone) {
                return None;
            }
            here_since = gone;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientId;

    const KEY: u8 = 0;

    fn asked(op: Op<u8>, call: u64, outcome: Outcome<Ret>) -> Operation<Op<u8>, Ret> {
        Operation { client: ClientId(0), op, call, outcome }
    }

    fn cas(from: u64, call: u64, at: u64, ret: Ret) -> Operation<Op<u8>, Ret> {
        asked(Op::Cas { key: KEY, from }, call, Outcome::Returned { at, ret })
    }

    fn read(head: u64, call: u64, at: u64) -> Operation<Op<u8>, Ret> {
        let ret = Ret::Head(head);
        asked(Op::Read { key: KEY }, call, Outcome::Returned { at, ret })
    }

    const WON: Ret = Ret::Won { seq: None };

    #[test]
    fn silence_explains_who_lost_and_what_was_seen() {
        let silent = asked(Op::Cas { key: KEY, from: 0 }, 1, Outcome::Open);
        let lost = cas(0, 3, 6, Ret::Lost);
        assert!(is_plain(0, &[silent.clone(), lost.clone(), read(1, 8, 9)]));
        assert!(!is_plain(0, &[lost, read(1, 8, 9)]), "nobody moved it");
        assert!(!is_plain(0, &[read(1, 0, 0), silent]), "it was seen before it was moved");
    }

    #[test]
    fn what_touches_may_come_in_any_order() {
        assert!(is_plain(0, &[cas(1, 4, 5, WON), read(2, 2, 4), cas(0, 1, 4, WON)]));
        assert!(!is_plain(0, &[cas(1, 4, 5, WON), read(2, 2, 3), cas(0, 1, 4, WON)]));
    }

    #[test]
    fn a_fork_is_not_plain() {
        assert!(!is_plain(0, &[cas(0, 1, 2, WON), cas(0, 1, 4, WON)]));
    }

    #[test]
    fn a_number_far_ahead_takes_no_memory() {
        assert!(!is_plain(0, &[cas(u64::MAX - 1, 1, 2, Ret::Lost)]));
        assert!(!is_plain(u64::MAX, &[cas(u64::MAX, 1, 2, WON)]), "there is no next number");
    }
}
