//! Decides whether some order of the operations, respecting real time, explains every answer.
//!
//! The hard part is that the question is NP-complete, and that histories are long. So the search
//! walks the events once and keeps every way it can have gone so far (just-in-time linearization:
//! Lowe, "Testing for linearizability", 2017). An operation is put in order only when its return
//! forces it: until then nothing is guessed, and memory follows what is open, not what is past.
//!
//! Three things keep the ways few. An answer that changes nothing ([`Spec::reads`]) is put in order
//! the moment it is right: nothing after it can tell. A way that has spent more operations of
//! unknown outcome than another is dropped. One that can change nothing any more ([`Spec::spent`])
//! is forgotten. Beware: an operation that changes nothing *now* is no read. A delete of what is
//! absent, or a put of what is there already, may still take effect later.

mod frontier;

use crate::{Operation, Outcome, Property, Spec, Verdict, Violation};
use frontier::{Configuration, Frontier};
use std::collections::BTreeMap;

/// How much a search may do before it says that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Configurations made, in all parts and rounds together. One takes some 32 bytes and a state,
    /// only those of one moment are held, and a history that holds makes about one an operation.
    pub configurations_max: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { configurations_max: 4_000_000 }
    }
}

/// Operations open at once that can be told apart: the bits of a mask.
const SLOTS_MAX: u32 = u128::BITS;

/// What each part gets in the first of several rounds: an easy violation need not wait for a hard
/// part.
const ROUND_FIRST: usize = 1 << 14;

/// Judges a history: by an order that is plain to see, by the datatype's own named violations, then
/// by search, part by part.
///
/// Times need not be distinct and the slice need not be sorted. Indices in the verdict are into
/// `operations`.
pub fn judge<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget,
) -> Verdict {
    if init.is_plain(operations) {
        return Verdict::Pass;
    }
    if let Some(violation) = init.diagnose(operations) {
        return Verdict::Fail(violation);
    }
    let keys: Vec<Option<u64>> = operations.iter().map(|one| S::key(&one.op)).collect();
    let mut waiting = parts::<S>(operations, &keys);
    let mut search = Search::<S>::new(operations, &keys);
    let mut left = budget.configurations_max;
    let mut round = if waiting.len() == 1 { left } else { ROUND_FIRST };
    let mut crowded = None;
    while !waiting.is_empty() {
        let mut wrong: Option<(u64, usize)> = None;
        let mut poor = false;
        waiting.retain_mut(|part| {
            search.made_max = round.min(left);
            let end = search.run(init, part);
            left -= search.made.min(left);
            match end {
                End::Explained => false,
                End::Contradicted(event) => {
                    let found = (event.time, event.index);
                    wrong = Some(wrong.map_or(found, |earliest| earliest.min(found)));
                    false
                }
                End::Crowded { time } => {
                    crowded = crowded.or(Some(time));
                    false
                }
                End::Poor => {
                    poor |= left == 0;
                    true
                }
            }
        });
        if let Some((at, index)) = wrong {
            return Verdict::Fail(contradiction::<S>(&operations[index], index, at));
        }
        if poor {
            return Verdict::Unknown { why: poor_because(operations, &waiting, budget) };
        }
        round = round.saturating_mul(8);
    }
    match crowded {
        None => Verdict::Pass,
        Some(time) => Verdict::Unknown {
            why: format!("more than {SLOTS_MAX} operations were open at once at {time}"),
        },
    }
}

fn contradiction<S: Spec>(
    operation: &Operation<S::Op, S::Ret>,
    index: usize,
    at: u64,
) -> Violation {
    let what = match operation.ret() {
        Some(ret) => S::phrase(&operation.op, ret),
        None => unreachable!("only a return can contradict"),
    };
    let Operation { client, call, .. } = operation;
    let why = format!("no order of the operations explains {client}'s {what} ({call}..{at})");
    Violation {
        at: Some(at),
        operations: vec![index],
        ..Violation::new(Property::LINEARIZABLE, why)
    }
}

fn poor_because<Op, Ret>(
    operations: &[Operation<Op, Ret>],
    waiting: &[Part],
    budget: &Budget,
) -> String {
    let missing: usize = waiting.iter().map(|part| part.returns() - part.judged).sum();
    let returned = operations.iter().filter(|operation| operation.ret().is_some()).count();
    format!(
        "{} configurations were not enough: {} of {returned} answers were judged",
        budget.configurations_max,
        returned - missing,
    )
}

/// A call or a return.
///
/// The order of the fields is the order of events. Intervals are closed, so at one time calls come
/// before returns: operations that touch overlap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    time: u64,
    is_return: bool,
    index: usize,
}

/// The events of operations that touch one another's state.
struct Part {
    events: Vec<Event>,
    /// Answers that the latest run explained.
    judged: usize,
}

impl Part {
    fn returns(&self) -> usize {
        self.events.iter().filter(|event| event.is_return).count()
    }
}

/// Splits the history by key, unless some operation touches all keys.
fn parts<S: Spec>(operations: &[Operation<S::Op, S::Ret>], keys: &[Option<u64>]) -> Vec<Part> {
    let mut events = Vec::with_capacity(2 * operations.len());
    for (index, Operation { op, call, outcome, .. }) in operations.iter().enumerate() {
        match outcome {
            Outcome::Failed => continue,
            // Whatever it would have heard, nobody will miss it.
            Outcome::Open if S::reads(op, None) => continue,
            Outcome::Open => {}
            Outcome::Returned { at, .. } => {
                debug_assert!(call <= at, "an operation returns after its call");
                events.push(Event { time: *at.max(call), is_return: true, index });
            }
        }
        events.push(Event { time: *call, is_return: false, index });
    }
    events.sort_unstable();
    let mut parts: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
    for event in &events {
        let Some(key) = keys[event.index] else { return vec![Part { events, judged: 0 }] };
        parts.entry(key).or_default().push(*event);
    }
    parts.into_values().map(|events| Part { events, judged: 0 }).collect()
}

/// How the walk through a part ended.
enum End {
    Explained,
    Contradicted(Event),
    /// Out of slots.
    Crowded {
        time: u64,
    },
    /// Out of budget.
    Poor,
}

/// The walk. One serves all parts, so that memory is asked for once.
struct Search<'a, S: Spec> {
    operations: &'a [Operation<S::Op, S::Ret>],
    keys: &'a [Option<u64>],
    /// The operation in each slot.
    slots: [usize; SLOTS_MAX as usize],
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
    made: usize,
    made_max: usize,
}

impl<'a, S: Spec> Search<'a, S> {
    fn new(operations: &'a [Operation<S::Op, S::Ret>], keys: &'a [Option<u64>]) -> Self {
        Search {
            operations,
            keys,
            slots: [0; SLOTS_MAX as usize],
            slot_of: vec![0; operations.len()],
            open: 0,
            unheard: 0,
            reads: 0,
            wide: 0,
            frontier: Frontier::new(),
            next: Frontier::new(),
            pending: Frontier::new(),
            made: 0,
            made_max: 0,
        }
    }

    fn run(&mut self, init: &S, part: &mut Part) -> End {
        (self.open, self.unheard, self.reads, self.wide, self.made) = (0, 0, 0, 0, 0);
        self.frontier.clear();
        self.frontier.insert(Configuration { state: init.clone(), done: 0 });
        part.judged = 0;
        for &event in &part.events {
            if !event.is_return {
                if !self.call(event.index) {
                    return End::Crowded { time: event.time };
                }
                continue;
            }
            if !self.returned(event.index) {
                return End::Poor;
            }
            if self.frontier.is_empty() {
                return End::Contradicted(event);
            }
            part.judged += 1;
        }
        End::Explained
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
        self.slots[slot as usize] = index;
        self.slot_of[index] = slot as u8;
        self.open |= bit;
        self.wide |= if self.keys[index].is_none() { bit } else { 0 };
        let operations = self.operations;
        let Operation { op, outcome, .. } = &operations[index];
        match outcome {
            Outcome::Open => {
                self.unheard |= bit;
                self.frontier.for_each(|way| way.done |= if way.state.spent(op) { bit } else { 0 });
            }
            Outcome::Returned { ret, .. } if S::reads(op, Some(ret)) => {
                self.reads |= bit;
                self.frontier.for_each(|way| {
                    way.done |= if is_right(&way.state, op, Some(ret)) { bit } else { 0 };
                });
            }
            Outcome::Returned { .. } => {}
            Outcome::Failed => unreachable!("a failed operation has no events"),
        }
        true
    }

    /// Takes back the slots of operations that nobody will hear of and that are done in every way.
    fn forget_unheard(&mut self) {
        let done = self.frontier.members().iter().fold(self.unheard, |all, way| all & way.done);
        self.frontier.for_each(|way| way.done &= !done);
        self.open &= !done;
        self.unheard &= !done;
        self.wide &= !done;
    }

    /// Keeps the ways in which the operation has taken effect by now. False: out of budget.
    fn returned(&mut self, index: usize) -> bool {
        let bit = 1 << self.slot_of[index];
        if self.frontier.members().iter().all(|way| way.done & bit != 0) {
            self.frontier.for_each(|way| way.done &= !bit);
        } else {
            if !self.force(bit, self.touching(index)) {
                return false;
            }
            std::mem::swap(&mut self.frontier, &mut self.next);
            if self.unheard != 0 {
                self.frontier.keep_undominated(self.unheard);
            }
        }
        self.open &= !bit;
        self.reads &= !bit;
        self.wide &= !bit;
        true
    }

    /// The open operations that touch the same key.
    fn touching(&self, index: usize) -> u128 {
        let Some(key) = self.keys[index] else { return u128::MAX };
        let (mut same, mut open) = (0, self.open);
        while open != 0 {
            let slot = open.trailing_zeros();
            open &= open - 1;
            let is_same = self.keys[self.slots[slot as usize]].is_none_or(|other| other == key);
            same |= u128::from(is_same) << slot;
        }
        same
    }

    /// Collects in `next` all ways to go on from `frontier` until the operation has taken effect.
    ///
    /// `touching` are the operations it can tell apart. The others may as well come after it,
    /// unless one that touches all keys is still to come and may sit between.
    fn force(&mut self, bit: u128, touching: u128) -> bool {
        self.next.clear();
        self.pending.clear();
        for way in self.frontier.members() {
            if way.done & bit == 0 {
                self.pending.insert(way.clone());
            } else {
                self.next.insert(Configuration { done: way.done & !bit, ..way.clone() });
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
                let operation = &operations[self.slots[slot as usize]];
                for state in way.state.step(&operation.op, operation.ret()) {
                    // Nobody waits for it: if it changes nothing, better keep it in hand.
                    if self.unheard & (1 << slot) != 0 && state == way.state {
                        continue;
                    }
                    if self.made == self.made_max {
                        return false;
                    }
                    let done = self.settle(&state, way.done | 1 << slot);
                    let into = if done & bit == 0 { &mut self.pending } else { &mut self.next };
                    self.made +=
                        usize::from(into.insert(Configuration { state, done: done & !bit }));
                }
            }
        }
        true
    }

    /// Adds to `done` the reads that are right in `state`, and the unheard that are spent in it.
    fn settle(&self, state: &S, mut done: u128) -> u128 {
        let mut choices = (self.reads | self.unheard) & !done;
        while choices != 0 {
            let slot = choices.trailing_zeros();
            choices &= choices - 1;
            let Operation { op, outcome, .. } = &self.operations[self.slots[slot as usize]];
            let settled = match outcome {
                Outcome::Returned { ret, .. } => is_right(state, op, Some(ret)),
                Outcome::Open | Outcome::Failed => state.spent(op),
            };
            done |= u128::from(settled) << slot;
        }
        done
    }
}

fn is_right<S: Spec>(state: &S, op: &S::Op, ret: Option<&S::Ret>) -> bool {
    state.step(op, ret).into_iter().next().is_some()
}
