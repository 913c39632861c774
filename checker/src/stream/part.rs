//! The ways in which the operations of one part can have gone so far.
//!
//! An operation is put in order only when an answer forces it (as in [`search`](crate::search)).
//! One that changed nothing needs no place of its own: it may be put wherever it would have been
//! right and changed nothing, in any state that has passed by since its call.

use crate::budget::{Budget, Meter, Out, Reason};
use crate::hash::Chain;
use crate::{ClientId, Spec};
use std::collections::BTreeMap;

/// Operations open at once that can be told apart: the bits of a mask.
pub(super) const SLOTS_MAX: u32 = u128::BITS;

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
        budget: &Budget<'_>,
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
                self.ways = Forced { part: self, slot, ret, now }.all(ways, budget)?;
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
        let lost = self.lost();
        let mut best = Set::new(lost);
        for mut way in std::mem::take(&mut self.ways) {
            for slot in bits(lost & !way.done) {
                let op = &self.slots[slot].as_ref().expect("it is lost").op;
                way.done |= u128::from(way.state.spent(op) || S::reads(op, None)) << slot;
            }
            let passed = std::mem::take(&mut way.passed);
            for (state, left) in passed {
                self.pass(&mut way, state, left);
            }
            best.insert(way);
        }
        self.ways = best.best();
        let spent = self.ways.iter().fold(lost, |all, way| all & way.done);
        for slot in bits(spent) {
            self.slots[slot] = None;
        }
        self.ways.iter_mut().for_each(|way| way.done &= !spent);
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
    }

    fn lost(&self) -> u128 {
        self.mask(|open| open.is_lost)
    }

    /// Notes that `state` was left at event `left`, if some answer that is to come may be right
    /// there: one that changes nothing. All that matters is which of them were called by then.
    fn pass(&self, way: &mut Way<S>, state: S, left: u64) {
        let may = |(slot, it): (usize, &Option<Open<S::Op>>)| {
            let open = it.as_ref()?;
            let waits = !open.is_lost && way.done & 1 << slot == 0 && open.since <= left;
            let keeps = || state.step(&open.op, None).into_iter().any(|after| after == state);
            (waits && (S::reads(&open.op, None) || keeps())).then_some(open.since)
        };
        let Some(left) = self.slots.iter().enumerate().filter_map(may).max() else { return };
        match way.passed.iter_mut().find(|(it, _)| *it == state) {
            Some((_, latest)) => *latest = left.max(*latest),
            None => way.passed.push((state, left)),
        }
    }

    fn mask(&self, is: impl Fn(&Open<S::Op>) -> bool) -> u128 {
        let slots = self.slots.iter().enumerate();
        slots.fold(0, |all, (slot, it)| all | u128::from(it.as_ref().is_some_and(&is)) << slot)
    }
}

/// What is needed to go on until an operation has returned.
struct Forced<'a, S: Spec> {
    part: &'a Part<S>,
    slot: u8,
    ret: &'a S::Ret,
    now: u64,
}

impl<S: Spec> Forced<'_, S> {
    /// All ways to go on from these.
    fn all(&self, ways: Vec<Way<S>>, budget: &Budget<'_>) -> Result<Vec<Way<S>>, Reason> {
        let bit = 1 << self.slot;
        let Open { op, since, .. } = self.part.at(self.slot);
        let is_read = S::reads(op, Some(self.ret));
        let lost = self.part.lost();
        let (mut next, mut pending) = (Set::new(lost), Set::new(lost));
        let mut meter = Meter::new(budget, budget.configurations_max);
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
            meter.spend(|| next.bytes + pending.bytes).map_err(|out| match out {
                Out::Turn => Reason::Configurations(budget.configurations_max),
                Out::Budget(reason) => reason,
            })?;
            if next.bytes + pending.bytes > budget.bytes_max {
                return Err(Reason::Memory(budget.bytes_max));
            }
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
                    let mut on = Way { done: way.done | 1 << slot, ..way.clone() };
                    on = self.moved(&on, after.clone());
                    if !other.is_lost {
                        on.claims.push((slot as u8, way.state.clone(), after));
                        on.claims.sort_unstable_by_key(|claim| claim.0);
                    }
                    pending.insert(on);
                }
            }
        }
        Ok(next.best())
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
        self.part.pass(&mut moved, before, self.now);
        moved
    }
}

/// Ways, but for those that another outdoes: the same, with more of the lost operations still in
/// hand, or with more states that have passed by. Those may be used or not, so whatever follows
/// from fewer of them follows from more.
struct Set<S> {
    all: Vec<Way<S>>,
    /// Of those that differ in nothing else.
    alike: BTreeMap<u64, Vec<usize>>,
    lost: u128,
    bytes: usize,
}

impl<S: Spec> Set<S> {
    fn new(lost: u128) -> Self {
        Set { all: Vec::new(), alike: BTreeMap::new(), lost, bytes: 0 }
    }

    fn insert(&mut self, way: Way<S>) {
        let hash = Chain::of(&(&way.state, way.done & !self.lost, &way.claims));
        let alike = self.alike.entry(hash).or_default();
        if alike.iter().any(|&at| outdone(&way, &self.all[at], self.lost)) {
            return;
        }
        alike.push(self.all.len());
        let states = 1 + 2 * way.claims.len() + way.passed.len();
        self.bytes += size_of::<Way<S>>() + states * (size_of::<S>() + way.state.heap() + 16);
        self.all.push(way);
    }

    /// Those that none outdoes, of those that came later either.
    fn best(self) -> Vec<Way<S>> {
        let mut kept = vec![true; self.all.len()];
        for alike in self.alike.values() {
            for (nth, &one) in alike.iter().enumerate() {
                let later = &alike[nth + 1..];
                kept[one] =
                    !later.iter().any(|&by| outdone(&self.all[one], &self.all[by], self.lost));
            }
        }
        let mut kept = kept.into_iter();
        self.all.into_iter().filter(|_| kept.next().unwrap_or(true)).collect()
    }
}

fn outdone<S: Eq>(one: &Way<S>, by: &Way<S>, lost: u128) -> bool {
    one.done & !lost == by.done & !lost
        && by.done & !one.done == 0
        && one.state == by.state
        && one.claims == by.claims
        && one.passed.iter().all(|(state, left)| {
            by.passed.iter().any(|(other, until)| state == other && until >= left)
        })
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
