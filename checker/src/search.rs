//! Decides whether some order of the operations, respecting real time, explains every answer.
//!
//! The hard part is that the question is NP-complete, and that histories are long. So the search
//! walks the events once and keeps every way it can have gone so far (just-in-time linearization:
//! Lowe, "Testing for linearizability", 2017). An operation is put in order only when its return
//! forces it: until then nothing is guessed, and memory follows what is open, not what is past.
//! Where nothing is open, what is kept is just the set of states that can have been reached.
//!
//! Four things keep the ways few. An answer that changes nothing ([`Spec::reads`]) is put in order
//! the moment it is right: nothing after it can tell. A way that has spent more operations of
//! unknown outcome than another is dropped. One that can change nothing any more ([`Spec::spent`])
//! is forgotten. Of two that are alike ([`Spec::kind`]), the one that returns first goes first.
//! Beware: an operation that changes nothing *now* is no read. A delete of what is absent, or a put
//! of what is there already, may still take effect later.

mod depth;
mod frontier;
mod order;
mod table;

use crate::budget::{Meter, Out, Reason};
use crate::monitor::Part;
use crate::{Operation, Outcome, Spec};
use depth::Depth;
use frontier::{Configuration, Frontier};
use order::{Order, Trail};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
pub(crate) use table::Tabled;

/// Operations open at once that can be told apart: the bits of a mask.
const SLOTS_MAX: u32 = u128::BITS;

/// A call or a return.
///
/// The order of the fields is the order of events. Intervals are closed, so at one time calls come
/// before returns: operations that touch overlap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Event {
    pub(crate) time: u64,
    is_return: bool,
    pub(crate) index: usize,
}

/// The calls and returns of a part, in the order of time.
///
/// The calls are in order as they stand, and few are open at once, so the returns are put between
/// them as they come.
pub(crate) fn events<Op, Ret>(part: Part<'_, Op, Ret>) -> Vec<Event> {
    let mut events = Vec::with_capacity(2 * part.len());
    let mut open = BinaryHeap::new();
    for (index, operation) in part.iter() {
        let (call, index) = (operation.call, index as usize);
        while let Some(&Reverse((time, index))) = open.peek()
            && time < call
        {
            events.push(Event { time, is_return: true, index });
            open.pop();
        }
        events.push(Event { time: call, is_return: false, index });
        if let Outcome::Returned { at, .. } = operation.outcome {
            debug_assert!(call <= at, "an operation returns after its call");
            open.push(Reverse((at.max(call), index)));
        }
    }
    while let Some(Reverse((time, index))) = open.pop() {
        events.push(Event { time, is_return: true, index });
    }
    events
}

/// How the walk through a part ended.
pub(crate) enum End {
    /// It can have gone in this order, if orders are kept.
    Explained(Vec<u32>),
    /// No way goes on from here.
    Contradicted(Event),
    /// Out of budget, after so many returns.
    Poor(usize, Out),
}

impl End {
    /// The same with operations of the whole history, where it was told by positions in a part.
    pub(crate) fn of_whole(self, members: &[u32]) -> Self {
        match self {
            End::Explained(mut order) => {
                order.iter_mut().for_each(|it| *it = members[*it as usize]);
                End::Explained(order)
            }
            End::Contradicted(event) => {
                End::Contradicted(Event { index: members[event.index] as usize, ..event })
            }
            poor => poor,
        }
    }
}

/// The walk. One serves all parts, so that memory is asked for once.
pub(crate) struct Search<'a, S: Spec> {
    operations: &'a [Operation<S::Op, S::Ret>],
    /// The operation in each slot.
    slots: [usize; SLOTS_MAX as usize],
    /// What it touches: none if that is all keys.
    keys: [Option<u64>; SLOTS_MAX as usize],
    /// What kind it is of, if that is known.
    kinds: [Option<u64>; SLOTS_MAX as usize],
    /// Those of its kind that return before it does: they go first.
    ahead: [u128; SLOTS_MAX as usize],
    /// The slot of each operation that is open.
    slot_of: Vec<u8>,
    /// Slots in use.
    open: u128,
    /// Of those, the ones that will never return.
    unheard: u128,
    /// Of those, the ones whose answer says that they change nothing.
    reads: u128,
    /// Of the open ones, those that touch all keys.
    wide: u128,
    frontier: Frontier<S>,
    next: Frontier<S>,
    pending: Frontier<S>,
    order: Order,
}

impl<'a, S: Spec> Search<'a, S> {
    pub(crate) fn new(operations: &'a [Operation<S::Op, S::Ret>], keeps_order: bool) -> Self {
        Search {
            operations,
            slots: [0; SLOTS_MAX as usize],
            keys: [None; SLOTS_MAX as usize],
            kinds: [None; SLOTS_MAX as usize],
            ahead: [0; SLOTS_MAX as usize],
            slot_of: vec![0; operations.len()],
            open: 0,
            unheard: 0,
            reads: 0,
            wide: 0,
            frontier: Frontier::new(),
            next: Frontier::new(),
            pending: Frontier::new(),
            order: Order::new(keeps_order),
        }
    }

    /// Judges a part: by a quick look in depth, if it is `new`, and by all ways where that finds
    /// nothing.
    pub(crate) fn run(
        &mut self,
        init: &S,
        events: &[Event],
        new: bool,
        meter: &mut Meter<'_>,
    ) -> End {
        if !new {
            return self.walk(init, events, meter);
        }
        match Depth::new(self.operations, events, &mut self.slot_of).run(init, meter) {
            Ok(Some(order)) => End::Explained(order),
            Ok(None) | Err(Out::Turn) => self.walk(init, events, meter),
            Err(out) => End::Poor(0, out),
        }
    }

    fn walk(&mut self, init: &S, events: &[Event], meter: &mut Meter<'_>) -> End {
        (self.open, self.unheard, self.reads, self.wide) = (0, 0, 0, 0);
        self.order.clear();
        self.frontier.clear();
        let start = Configuration { state: init.clone(), done: 0, trail: Trail::START };
        self.frontier.insert(start, 0);
        let mut judged = 0;
        for &event in events {
            if !event.is_return {
                if !self.call(event.index) {
                    let crowded = Reason::Crowded { most: SLOTS_MAX as usize, at: event.time };
                    return End::Poor(judged, Out::Budget(crowded));
                }
                continue;
            }
            if let Err(out) = self.returned(event.index, meter) {
                return End::Poor(judged, out);
            }
            let Some(way) = self.frontier.members().first() else {
                return End::Contradicted(event);
            };
            if self.frontier.len() == 1 && !self.order.is_felled() {
                self.order.fell(way.trail);
                self.frontier.for_each(|way| way.trail = Trail::START);
            }
            judged += 1;
        }
        End::Explained(self.order.whole(self.frontier.get(0).trail))
    }

    /// Gives the operation a slot, if there is one.
    fn call(&mut self, index: usize) -> bool {
        if self.open == u128::MAX {
            self.forget_unheard();
        }
        let slot = (!self.open).trailing_zeros();
        if slot == SLOTS_MAX {
            return false;
        }
        let bit = 1 << slot;
        self.line_up(slot, index);
        self.slots[slot as usize] = index;
        self.slot_of[index] = slot as u8;
        self.open |= bit;
        self.keys[slot as usize] = S::key(&self.operations[index].op);
        self.wide |= if self.keys[slot as usize].is_none() { bit } else { 0 };
        let operations = self.operations;
        let Operation { op, outcome, .. } = &operations[index];
        match outcome {
            Outcome::Open => {
                self.unheard |= bit;
                self.frontier.for_each(|way| way.done |= if way.state.spent(op) { bit } else { 0 });
            }
            Outcome::Returned { ret, .. } if S::reads(op, Some(ret)) => {
                self.reads |= bit;
                let order = &mut self.order;
                self.frontier.for_each(|way| {
                    if is_right(&way.state, op, Some(ret)) {
                        way.done |= bit;
                        way.trail = order.then(way.trail, index);
                    }
                });
            }
            Outcome::Returned { .. } => {}
            Outcome::Failed => unreachable!("a failed operation has no events"),
        }
        true
    }

    /// Finds who is of the same kind, and which of them must return first.
    fn line_up(&mut self, slot: u32, index: usize) {
        let returns = |index: usize| self.operations[index].returned_at().unwrap_or(u64::MAX);
        let Operation { op, .. } = &self.operations[index];
        let (kind, at) = (S::kind(op, self.operations[index].ret()), returns(index));
        let (mut ahead, mut open) = (0, self.open);
        while open != 0 {
            let other = open.trailing_zeros() as usize;
            open &= open - 1;
            // Whoever had this slot is gone.
            self.ahead[other] &= !(1 << slot);
            if kind.is_some() && self.kinds[other] == kind {
                match returns(self.slots[other]) <= at {
                    true => ahead |= 1 << other,
                    false => self.ahead[other] |= 1 << slot,
                }
            }
        }
        (self.kinds[slot as usize], self.ahead[slot as usize]) = (kind, ahead);
    }

    /// Takes back the slots of operations that nobody will hear of and that are done in every way.
    fn forget_unheard(&mut self) {
        let done = self.frontier.members().iter().fold(self.unheard, |all, way| all & way.done);
        self.frontier.for_each(|way| way.done &= !done);
        self.open &= !done;
        self.unheard &= !done;
        self.wide &= !done;
    }

    /// Keeps the ways in which the operation has taken effect by now.
    fn returned(&mut self, index: usize, meter: &mut Meter<'_>) -> Result<(), Out> {
        let bit = 1 << self.slot_of[index];
        if self.frontier.members().iter().all(|way| way.done & bit != 0) {
            self.frontier.for_each(|way| way.done &= !bit);
        } else {
            self.force(bit, self.touching(index), meter)?;
            std::mem::swap(&mut self.frontier, &mut self.next);
            if self.unheard != 0 {
                self.frontier.keep_undominated(self.unheard);
            }
        }
        self.open &= !bit;
        self.reads &= !bit;
        self.wide &= !bit;
        Ok(())
    }

    /// The open operations that touch the same key.
    fn touching(&self, index: usize) -> u128 {
        let Some(key) = self.keys[usize::from(self.slot_of[index])] else { return u128::MAX };
        let (mut same, mut open) = (0, self.open);
        while open != 0 {
            let slot = open.trailing_zeros();
            open &= open - 1;
            let is_same = self.keys[slot as usize].is_none_or(|other| other == key);
            same |= u128::from(is_same) << slot;
        }
        same
    }

    /// Collects in `next` all ways to go on from `frontier` until the operation has taken effect.
    ///
    /// `touching` are the operations it can tell apart. The others may as well come after it,
    /// unless one that touches all keys is still to come and may sit between.
    fn force(&mut self, bit: u128, touching: u128, meter: &mut Meter<'_>) -> Result<(), Out> {
        self.next.clear();
        self.pending.clear();
        for way in self.frontier.members() {
            if way.done & bit == 0 {
                self.pending.insert(way.clone(), self.unheard);
            } else {
                let way = Configuration { done: way.done & !bit, ..way.clone() };
                self.next.insert(way, self.unheard);
            }
        }
        let operations = self.operations;
        let mut position = 0;
        while position < self.pending.len() {
            let way = self.pending.get(position).clone();
            position += 1;
            // A read that is right has been absorbed; one that is not cannot come next.
            let mut choices = self.open & !self.reads & !way.done;
            if self.wide & !way.done == 0 {
                choices &= touching;
            }
            while choices != 0 {
                let slot = choices.trailing_zeros();
                choices &= choices - 1;
                if self.ahead[slot as usize] & self.open & !way.done != 0 {
                    continue;
                }
                let index = self.slots[slot as usize];
                let operation = &operations[index];
                for state in way.state.step(&operation.op, operation.ret()) {
                    meter.spend(|| self.bytes())?;
                    // Nobody waits for it: if it changes nothing, better keep it in hand.
                    if self.unheard & (1 << slot) != 0 && state == way.state {
                        continue;
                    }
                    let trail = self.order.then(way.trail, index);
                    let way = self.settled(state, way.done | 1 << slot, trail);
                    let into = if way.done & bit == 0 { &mut self.pending } else { &mut self.next };
                    into.insert(Configuration { done: way.done & !bit, ..way }, self.unheard);
                }
            }
        }
        Ok(())
    }

    /// The way that leads to `state`, the reads that are right in it put in order and the unheard
    /// that are spent in it forgotten.
    fn settled(&mut self, state: S, mut done: u128, mut trail: Trail) -> Configuration<S> {
        let choices = (self.reads | self.unheard) & !done;
        let order = &mut self.order;
        done |= settled(self.operations, &self.slots, choices, &state, |index| {
            trail = order.then(trail, index);
        });
        Configuration { state, done, trail }
    }

    /// What is held at present; of what states own, as much as a few of them do.
    fn bytes(&self) -> usize {
        let frontiers = [&self.frontier, &self.next, &self.pending];
        let sample = 16;
        let few = self.pending.members().iter().take(sample).map(|way| way.state.heap());
        let each = few.sum::<usize>() / self.pending.len().clamp(1, sample);
        let ways: usize = frontiers.iter().map(|it| it.len()).sum();
        frontiers.iter().map(|it| it.bytes()).sum::<usize>() + self.order.bytes() + each * ways
    }
}

/// Of the operations in these slots, the reads that are right in `state`, each told to `read`, and
/// the unheard that are spent in it.
fn settled<S: Spec>(
    operations: &[Operation<S::Op, S::Ret>],
    slots: &[usize],
    mut choices: u128,
    state: &S,
    mut read: impl FnMut(usize),
) -> u128 {
    let mut done = 0;
    while choices != 0 {
        let slot = choices.trailing_zeros();
        choices &= choices - 1;
        let index = slots[slot as usize];
        let Operation { op, outcome, .. } = &operations[index];
        match outcome {
            Outcome::Returned { ret, .. } if is_right(state, op, Some(ret)) => {
                done |= 1 << slot;
                read(index);
            }
            Outcome::Open if state.spent(op) => done |= 1 << slot,
            _ => {}
        }
    }
    done
}

fn is_right<S: Spec>(state: &S, op: &S::Op, ret: Option<&S::Ret>) -> bool {
    state.step(op, ret).into_iter().next().is_some()
}
