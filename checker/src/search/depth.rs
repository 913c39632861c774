//! One order that explains a part, looked for in depth: most histories hold, and then the first good
//! guess at every return is enough.
//!
//! It only ever says yes. What it gives up on is left to the walk over all ways, so that neither
//! the bound on its tries nor a fingerprint taken for another can make a history wrong.

use super::{Event, SLOTS_MAX, is_right, settled};
use crate::budget::{Meter, Out};
use crate::hash::Chain;
use crate::{Operation, Outcome, Spec};

/// Tries for each operation, after which it gives up.
const PATIENCE: usize = 8;

/// Where a guess was made, and what is left to guess there.
struct Guess<S> {
    /// The return that forces it.
    at: usize,
    state: S,
    done: u128,
    open: Open,
    /// Operations that may come next, and are yet to be tried.
    left: u128,
    /// How long the order was.
    order: usize,
    /// Stands for it among the dead ends.
    print: u64,
}

/// What is open, a bit for each slot.
#[derive(Clone, Copy, Default)]
struct Open {
    all: u128,
    reads: u128,
    unheard: u128,
}

pub(super) struct Depth<'a, S: Spec> {
    operations: &'a [Operation<S::Op, S::Ret>],
    events: &'a [Event],
    slot_of: &'a mut [u8],
    /// The operation in each slot, after the events before `reached`.
    slots: [usize; SLOTS_MAX as usize],
    /// What kind it is of, if that is known.
    kinds: [Option<u64>; SLOTS_MAX as usize],
    reached: usize,
    /// What was in the slot that each call took.
    before: Vec<u32>,
    /// Of the dead ends, by their fingerprints: open addressing, 0 is vacant.
    dead: Vec<u64>,
    dead_count: usize,
    guesses: Vec<Guess<S>>,
    order: Vec<u32>,
    tries_left: usize,
}

impl<'a, S: Spec> Depth<'a, S> {
    pub(super) fn new(
        operations: &'a [Operation<S::Op, S::Ret>],
        events: &'a [Event],
        slot_of: &'a mut [u8],
    ) -> Self {
        Depth {
            operations,
            events,
            slot_of,
            slots: [0; SLOTS_MAX as usize],
            kinds: [None; SLOTS_MAX as usize],
            reached: 0,
            before: vec![0; events.len()],
            dead: vec![0; 1 << 10],
            dead_count: 0,
            guesses: Vec::new(),
            order: Vec::new(),
            tries_left: PATIENCE * events.len(),
        }
    }

    /// An order, if it finds one; `Ok(None)`: it says nothing.
    pub(super) fn run(mut self, init: &S, meter: &mut Meter<'_>) -> Result<Option<Vec<u32>>, Out> {
        let (mut state, mut done, mut open, mut at) = (init.clone(), 0, Open::default(), 0);
        loop {
            // On to the next return that forces a guess.
            while let Some(event) = self.events.get(at) {
                let is_forced = match event.is_return {
                    false => match self.call(event.index, &state, &mut done, &mut open) {
                        Some(()) => false,
                        None => return Ok(None),
                    },
                    true => {
                        let bit = 1 << self.slot_of[event.index];
                        let is_done = done & bit != 0;
                        if is_done {
                            self.close(bit, &mut done, &mut open);
                        }
                        !is_done
                    }
                };
                if is_forced {
                    break;
                }
                at += 1;
                self.reached = at;
            }
            if at == self.events.len() {
                return Ok(Some(self.order));
            }
            let print = Chain::of(&(at, &state, done)).max(1);
            if self.dead[find(&self.dead, print)] == 0 {
                let left = open.all & !open.reads & !done;
                let order = self.order.len();
                self.guesses.push(Guess { at, state, done, open, left, order, print });
            }
            match self.guess(meter)? {
                Some((next_at, next, next_done, next_open)) => {
                    (at, state, done, open) = (next_at, next, next_done, next_open);
                }
                None => return Ok(None),
            }
        }
    }

    /// Tries the next operation at the latest place where one is left.
    fn guess(&mut self, meter: &mut Meter<'_>) -> Result<Option<(usize, S, u128, Open)>, Out> {
        while let Some(guess) = self.guesses.last_mut() {
            if guess.left == 0 {
                let print = guess.print;
                self.guesses.pop();
                self.bury(print);
                continue;
            }
            let at = guess.at;
            self.back_to(at);
            let guess = self.guesses.last_mut().expect("it was there");
            if self.tries_left == 0 {
                return Ok(None);
            }
            // First whoever must.
            let forced = self.slot_of[self.events[guess.at].index];
            let slot = match guess.left & 1 << forced {
                0 => guess.left.trailing_zeros() as u8,
                _ => forced,
            };
            guess.left &= !(1 << slot);
            let in_hand = guess.open.all & !guess.done;
            if self.is_outrun(slot, in_hand) {
                continue;
            }
            let guess = self.guesses.last_mut().expect("it was there");
            self.tries_left -= 1;
            meter.spend(|| 0)?;
            let index = self.slots[usize::from(slot)];
            let (at, open, order) = (guess.at, guess.open, guess.order);
            let Operation { op, .. } = &self.operations[index];
            let next = guess.state.step(op, self.operations[index].ret()).into_iter().next();
            let Some(state) = next else { continue };
            let mut done = guess.done | 1 << slot;
            self.order.truncate(order);
            self.order.push(index as u32);
            self.settle(&state, &mut done, open);
            return Ok(Some((at, state, done, open)));
        }
        Ok(None)
    }

    /// Goes back to where the slots were as they are before the event at `at`.
    fn back_to(&mut self, at: usize) {
        while self.reached > at {
            self.reached -= 1;
            let event = self.events[self.reached];
            if !event.is_return {
                self.seat(self.slot_of[event.index], self.before[self.reached] as usize);
            }
        }
    }

    fn seat(&mut self, slot: u8, index: usize) {
        let Operation { op, .. } = &self.operations[index];
        self.slots[usize::from(slot)] = index;
        self.kinds[usize::from(slot)] = S::kind(op, self.operations[index].ret());
    }

    /// Whether one of the same kind returns earlier: that one goes first.
    fn is_outrun(&self, slot: u8, in_hand: u128) -> bool {
        let kind = self.kinds[usize::from(slot)];
        let returns = |slot: usize| {
            let index = self.slots[slot];
            (self.operations[index].returned_at().unwrap_or(u64::MAX), index)
        };
        let mut others = in_hand & !(1 << slot);
        while kind.is_some() && others != 0 {
            let other = others.trailing_zeros() as usize;
            others &= others - 1;
            if self.kinds[other] == kind && returns(other) < returns(usize::from(slot)) {
                return true;
            }
        }
        false
    }

    /// Remembers a dead end.
    fn bury(&mut self, print: u64) {
        if self.dead_count * 2 >= self.dead.len() {
            let old = std::mem::take(&mut self.dead);
            self.dead = vec![0; old.len() * 4];
            for print in old.into_iter().filter(|it| *it != 0) {
                let place = find(&self.dead, print);
                self.dead[place] = print;
            }
        }
        let place = find(&self.dead, print);
        self.dead_count += usize::from(self.dead[place] == 0);
        self.dead[place] = print;
    }

    /// Gives the operation a slot. `None`: there are too many.
    fn call(&mut self, index: usize, state: &S, done: &mut u128, open: &mut Open) -> Option<()> {
        let slot = (!open.all).trailing_zeros();
        if slot == SLOTS_MAX {
            return None;
        }
        let bit = 1 << slot;
        self.before[self.reached] = self.slots[slot as usize] as u32;
        self.seat(slot as u8, index);
        self.slot_of[index] = slot as u8;
        open.all |= bit;
        let Operation { op, outcome, .. } = &self.operations[index];
        match outcome {
            Outcome::Open => {
                open.unheard |= bit;
                *done |= if state.spent(op) { bit } else { 0 };
            }
            Outcome::Returned { ret, .. } if S::reads(op, Some(ret)) => {
                open.reads |= bit;
                if is_right(state, op, Some(ret)) {
                    *done |= bit;
                    self.order.push(index as u32);
                }
            }
            Outcome::Returned { .. } | Outcome::Failed => {}
        }
        Some(())
    }

    fn close(&self, bit: u128, done: &mut u128, open: &mut Open) {
        *done &= !bit;
        open.all &= !bit;
        open.reads &= !bit;
    }

    /// Puts in order the reads that are right now, and forgets the unheard that are spent.
    fn settle(&mut self, state: &S, done: &mut u128, open: Open) {
        let choices = (open.reads | open.unheard) & !*done;
        let order = &mut self.order;
        *done |= settled(self.operations, &self.slots, choices, state, |index| {
            order.push(index as u32);
        });
    }
}

/// Where it is in the table, or would be.
fn find(table: &[u64], print: u64) -> usize {
    let mask = table.len() - 1;
    let mut place = print as usize & mask;
    while table[place] != 0 && table[place] != print {
        place = (place + 1) & mask;
    }
    place
}
