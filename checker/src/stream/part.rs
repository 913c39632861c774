//! The ways in which the operations of one part can have gone so far.
//!
//! An operation is put in order only when an answer forces it (as in [`search`](crate::search)).
//! One that changed nothing needs no place of its own: it may be put wherever it would have been
//! right and changed nothing, in any state that has passed by since its call.

use crate::budget::Reason;
use crate::hash::Chain;
use crate::{ClientId, Spec};
use std::collections::BTreeMap;

/// Operations open at once that can be told apart: the bits of a mask.
pub(super) const SLOTS_MAX: u32 = u128::BITS;
/// So many ways are compared with one another, each with each.
const COMPARED_MAX: usize = 64;

/// An operation that is under way.
pub(super) struct Open<Op> {
    pub(super) index: usize,
    pub(super) client: ClientId,
    pub(super) op: Op,
    pub(super) key: Option<u64>,
    pub(super) call: u64,
    /// The event that was its call.
    pub(super) since: u64,
    pub(super) is_lost: bool,
}

/// How an operation ends.
pub(super) enum Shut<'a, Ret> {
    Returned(&'a Ret),
    Failed,
    Lost,
}

impl<Ret> Clone for Shut<'_, Ret> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Ret> Copy for Shut<'_, Ret> {}

/// A way it can have gone.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Way<S> {
    state: S,
    /// The open operations that have taken effect, a bit for each slot.
    done: u128,
    /// Of those whose answers are to come: the slot, and the states before and after.
    claims: Vec<(u8, S, S)>,
    /// The states that passed by since the oldest call that is open, with the event at which each
    /// was last left.
    passed: Vec<(S, u64)>,
}

/// The operations of one key, or all.
pub(super) struct Part<S: Spec> {
    ways: Vec<Way<S>>,
    slots: Vec<Option<Open<S::Op>>>,
}

impl<S: Spec> Part<S> {
    pub(super) fn new(init: S) -> Self {
        let way = Way { state: init, done: 0, claims: Vec::new(), passed: Vec::new() };
        Part { ways: vec![way], slots: Vec::new() }
    }

    pub(super) fn is_possible(&self) -> bool {
        !self.ways.is_empty()
    }

    pub(super) fn get(&self, slot: u8) -> Option<&Open<S::Op>> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    pub(super) fn at(&self, slot: u8) -> &Open<S::Op> {
        self.get(slot).expect("it is open")
    }

    /// Gives the operation a slot, if there is one.
    pub(super) fn call(&mut self, open: Open<S::Op>) -> Option<u8> {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free == SLOTS_MAX as usize {
            return None;
        }
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[free] = Some(open);
        Some(free as u8)
    }

    /// Keeps the ways in which the operation can have ended like this.
    pub(super) fn shut(
        &mut self,
        slot: u8,
        shut: Shut<'_, S::Ret>,
        now: u64,
        bytes_max: usize,
    ) -> Result<(), Reason> {
        let bit = 1 << slot;
        match shut {
            Shut::Failed => self.ways.retain(|way| way.done & bit == 0),
            Shut::Lost => {
                for way in &mut self.ways {
                    way.claims.retain(|claim| claim.0 != slot);
                }
            }
            Shut::Returned(ret) => {
                let ways = std::mem::take(&mut self.ways);
                self.ways = Forced { part: self, slot, ret, now, bytes_max }.all(ways)?;
            }
        }
        Ok(())
    }

    /// Takes back the slot of an operation that has ended, and forgets what only it needed.
    pub(super) fn free(&mut self, slot: u8, shut: Shut<'_, S::Ret>) {
        match shut {
            Shut::Lost => {
                if let Some(open) = &mut self.slots[usize::from(slot)] {
                    open.is_lost = true;
                }
            }
            _ => self.slots[usize::from(slot)] = None,
        }
        let lost = self.mask(|open| open.is_lost);
        for way in &mut self.ways {
            for slot in bits(lost & !way.done) {
                let op = &self.slots[slot].as_ref().expect("it is lost").op;
                way.done |= u128::from(way.state.spent(op) || S::reads(op, None)) << slot;
            }
            let waiting = |(at, it): (usize, &Option<Open<S::Op>>)| {
                let open = it.as_ref().filter(|it| !it.is_lost && way.done & 1 << at == 0);
                open.map(|open| open.since)
            };
            let oldest = self.slots.iter().enumerate().filter_map(waiting).min();
            way.passed.retain(|(_, left)| oldest.is_some_and(|oldest| *left >= oldest));
        }
        self.keep_best(lost);
        let spent = self.ways.iter().fold(lost, |all, way| all & way.done);
        for slot in bits(spent) {
            self.slots[slot] = None;
        }
        self.ways.iter_mut().for_each(|way| way.done &= !spent);
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
    }

    fn mask(&self, is: impl Fn(&Open<S::Op>) -> bool) -> u128 {
        let slots = self.slots.iter().enumerate();
        slots.fold(0, |all, (slot, it)| all | u128::from(it.as_ref().is_some_and(&is)) << slot)
    }

    /// Drops each way that another outdoes: the same, but with more of the `lost` still in hand,
    /// or with more states that have passed by.
    fn keep_best(&mut self, lost: u128) {
        if !(2..=COMPARED_MAX).contains(&self.ways.len()) {
            return;
        }
        let outdone = |one: &Way<S>, by: &Way<S>| {
            one.done & !lost == by.done & !lost
                && by.done & !one.done == 0
                && one.state == by.state
                && one.claims == by.claims
                && one.passed.iter().all(|(state, left)| {
                    by.passed.iter().any(|(other, until)| state == other && until >= left)
                })
        };
        let mut position = 0;
        while position < self.ways.len() {
            let one = &self.ways[position];
            let others = self.ways.iter().enumerate().filter(|(other, _)| *other != position);
            let is_outdone = others.into_iter().any(|(_, by)| outdone(one, by));
            if is_outdone {
                self.ways.swap_remove(position);
            } else {
                position += 1;
            }
        }
    }
}

/// What is needed to go on until an operation has returned.
struct Forced<'a, S: Spec> {
    part: &'a Part<S>,
    slot: u8,
    ret: &'a S::Ret,
    now: u64,
    bytes_max: usize,
}

impl<S: Spec> Forced<'_, S> {
    /// All ways to go on from these.
    fn all(&self, ways: Vec<Way<S>>) -> Result<Vec<Way<S>>, Reason> {
        let bit = 1 << self.slot;
        let Open { op, since, .. } = self.part.at(self.slot);
        let is_read = S::reads(op, Some(self.ret));
        let (mut next, mut pending) = (Set::new(), Set::new());
        for mut way in ways {
            if way.done & bit == 0 {
                pending.insert(way);
            } else if let Some(at) = way.claims.iter().position(|claim| claim.0 == self.slot) {
                let (_, before, after) = way.claims.swap_remove(at);
                if before.step(op, Some(self.ret)).into_iter().any(|state| state == after) {
                    way.done &= !bit;
                    next.insert(way);
                }
            }
        }
        let choices = self.choices();
        let mut position = 0;
        while position < pending.all.len() {
            let way = pending.all[position].clone();
            position += 1;
            let keeps =
                |state: &S| state.step(op, Some(self.ret)).into_iter().any(|after| after == *state);
            let passed = way.passed.iter().filter(|(_, left)| left >= since);
            if keeps(&way.state) || passed.into_iter().any(|(state, _)| keeps(state)) {
                next.insert(way.clone());
                // Nothing after it can tell where it was.
                if is_read {
                    continue;
                }
            }
            for after in way.state.step(op, Some(self.ret)) {
                if after != way.state {
                    next.insert(self.moved(&way, after));
                }
            }
            for slot in bits(choices(&way)) {
                let other = self.part.slots[slot].as_ref().expect("it is open");
                for after in way.state.step(&other.op, None) {
                    if after == way.state {
                        continue;
                    }
                    let mut on = self.moved(&way, after.clone());
                    on.done |= 1 << slot;
                    if !other.is_lost {
                        on.claims.push((slot as u8, way.state.clone(), after));
                        on.claims.sort_unstable_by_key(|claim| claim.0);
                    }
                    pending.insert(on);
                }
            }
            if next.bytes + pending.bytes > self.bytes_max {
                return Err(Reason::Memory(self.bytes_max));
            }
        }
        Ok(next.all)
    }

    /// The operations that may come first. Those of other keys may as well come later, unless one
    /// that touches all keys is still to come and may sit between.
    fn choices(&self) -> impl Fn(&Way<S>) -> u128 {
        let key = self.part.at(self.slot).key;
        let may = self.part.mask(|open| !S::reads(&open.op, None)) & !(1 << self.slot);
        let wide = self.part.mask(|open| open.key.is_none());
        let same = self.part.mask(|open| open.key.is_none() || key.is_none() || open.key == key);
        move |way| {
            let touching = if wide & !way.done == 0 { same } else { u128::MAX };
            may & touching & !way.done
        }
    }

    fn moved(&self, way: &Way<S>, state: S) -> Way<S> {
        let mut moved = way.clone();
        let before = std::mem::replace(&mut moved.state, state);
        match moved.passed.iter_mut().find(|(it, _)| *it == before) {
            Some((_, left)) => *left = self.now,
            None => moved.passed.push((before, self.now)),
        }
        moved
    }
}

/// Ways, each once.
struct Set<S> {
    all: Vec<Way<S>>,
    by_hash: BTreeMap<u64, Vec<usize>>,
    bytes: usize,
}

impl<S: Spec> Set<S> {
    fn new() -> Self {
        Set { all: Vec::new(), by_hash: BTreeMap::new(), bytes: 0 }
    }

    fn insert(&mut self, way: Way<S>) {
        let same = self.by_hash.entry(Chain::of(&way)).or_default();
        if same.iter().any(|&at| self.all[at] == way) {
            return;
        }
        same.push(self.all.len());
        let states = 1 + 2 * way.claims.len() + way.passed.len();
        self.bytes += size_of::<Way<S>>() + states * (size_of::<S>() + way.state.heap() + 16);
        self.all.push(way);
    }
}

/// The numbers of the bits that are set.
fn bits(mask: u128) -> impl Iterator<Item = usize> {
    let mut left = mask;
    std::iter::from_fn(move || {
        let bit = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        (bit < SLOTS_MAX).then_some(bit as usize)
    })
}
