//! An order of the blocks in which those who say what the value was not are likely to be right.
//!
//! Each such operation is right if the value it denies was written after its call, or replaced
//! before its return. So every block waits as long as it can, which serves those who deny it; and
//! when somebody needs the current value replaced by a moment, one of the blocks that can begin by
//! then is taken out of turn: one that no denial is left for, if there is, and of those the one
//! that could wait the least. Where nothing can, the one that is in need of it is put before others
//! that it waited for in vain. A write that nobody heard of and nobody saw is a last resort: it is
//! there for whoever needs it, and need not be anywhere.

use super::blocks::{Blocks, Slot, Spare};
use super::{Touch, Touched};
use std::iter::Peekable;
use std::vec::IntoIter;

/// Blocks that one may be put back before.
const BACK_MAX: usize = 64;

/// The blocks after the first.
pub(super) fn plan(touched: &[Touched], blocks: &Blocks) -> Vec<u32> {
    let slots = blocks.slots();
    let denials = Denials::new(touched, blocks);
    if denials.all.is_empty() {
        return slots.iter().map(|slot| slot.number).collect();
    }
    let written = blocks.last_written(touched);
    let spares = (blocks.count() as u32..).zip(&blocks.spares);
    let (mut anywhere, mut after) = (Vec::new(), vec![None; blocks.count()]);
    for (number, spare) in spares {
        match spare.from {
            None => anywhere.push((number, *spare)),
            // The first that can; they come by call.
            Some(from) => {
                if let Some(block) = blocks.ended_by(from) {
                    after[block as usize].get_or_insert((number, *spare));
                }
            }
        }
    }
    let mut plan = Plan {
        touched,
        denials,
        anywhere: anywhere.into_iter().peekable(),
        after,
        order: Vec::with_capacity(slots.len()),
        began: Vec::with_capacity(slots.len()),
        current: None,
        is_placed: vec![false; blocks.count()],
        until: 0,
        written,
    };
    plan.until = plan.deadline(0, plan.written[0]);
    plan.fill(&slots);
    plan.order
}

struct Plan<'a> {
    touched: &'a [Touched],
    denials: Denials,
    /// Spares that may replace any value, by call.
    anywhere: Peekable<IntoIter<(u32, Spare)>>,
    /// Of those that may replace the last value of a block, the one called first.
    after: Vec<Option<(u32, Spare)>>,
    order: Vec<u32>,
    /// When each of these begins.
    began: Vec<u64>,
    /// The latest of them, and by when the one before had to be replaced, unless it was put back.
    current: Option<(Slot, u64)>,
    is_placed: Vec<bool>,
    /// When the current value must have been replaced.
    until: u64,
    /// When the last value of each block is written at the latest.
    written: Vec<Option<u64>>,
}

impl Plan<'_> {
    fn fill(&mut self, slots: &[Slot]) {
        let mut early: Vec<&Slot> = slots.iter().filter(|slot| !slot.is_wide).collect();
        early.sort_unstable_by_key(|slot| slot.early);
        let mut early = early.into_iter().peekable();
        let mut in_hand: Vec<&Slot> = Vec::new();
        for slot in slots {
            while !self.is_placed[slot.number as usize] && self.until < slot.late {
                // Whoever can begin before this one must: until its own moment comes it owns the
                // time from where it is written.
                while let Some(ready) = early.next_if(|it| it.early <= slot.late) {
                    in_hand.push(ready);
                }
                in_hand.retain(|it| !self.is_placed[it.number as usize]);
                let wide = Some(slot).filter(|slot| slot.is_wide);
                let choices = in_hand.iter().copied().chain(wide);
                let choices = choices.filter(|it| self.begins_by(it, self.until));
                let best = choices.max_by_key(|it| {
                    let next = self.next_deadline(it, self.until);
                    (next, u64::MAX - it.late)
                });
                // Nothing can replace it in time: that is for others to find out.
                if !self.replace(best) && !self.put_back() {
                    break;
                }
            }
            if !self.is_placed[slot.number as usize] {
                self.place(slot, slot.late);
            }
        }
    }

    /// Replaces the current value in time: by the best block, or, if that one would have to be
    /// replaced in turn, rather by a write that nobody saw.
    fn replace(&mut self, best: Option<&Slot>) -> bool {
        let lasts = best.is_some_and(|it| self.next_deadline(it, self.until) == u64::MAX);
        if !lasts && let Some(spare) = self.spare() {
            self.order.push(spare);
            self.began.push(self.until);
            self.current = None;
            self.until = u64::MAX;
            return true;
        }
        if let Some(best) = best {
            self.place(best, self.until.min(best.late));
        }
        best.is_some()
    }

    /// Puts the current block before others, as if it had not waited so long, if it can be there:
    /// once for each block, because the one it leaves at the end may be in the same need.
    fn put_back(&mut self) -> bool {
        let Some((slot, until)) = self.current.take() else { return false };
        let begins_by =
            |moment: u64| !slot.is_wide && slot.early <= moment && self.begins_by(&slot, moment);
        let end = self.order.len() - 1;
        let others = &self.began[end.saturating_sub(BACK_MAX)..end];
        let Some(back) = others.iter().rev().position(|moment| begins_by(*moment)) else {
            return false;
        };
        let (number, _) = (self.order.pop(), self.began.pop());
        let place = end - 1 - back;
        self.order.insert(place, number.expect("it is the last"));
        self.began.insert(place, self.began[place]);
        self.until = until;
        true
    }

    /// A write that nobody saw, to replace the current value in time.
    fn spare(&mut self) -> Option<u32> {
        let current = self.order.last().map_or(0, |it| *it as usize);
        let own = self.after.get(current).copied().flatten();
        let own = own.filter(|(_, spare)| spare.call <= self.until);
        let any = || self.anywhere.next_if(|(_, spare)| spare.call <= self.until);
        own.or_else(any).map(|(number, _)| number)
    }

    fn begins_by(&self, slot: &Slot, moment: u64) -> bool {
        let is_called = self.touched[slot.writer as usize].call <= moment;
        is_called && (slot.is_wide || self.next_deadline(slot, moment) >= slot.early)
    }

    /// When the block must have been replaced, if it begins at this moment.
    fn next_deadline(&self, slot: &Slot, moment: u64) -> u64 {
        let written = self.written[slot.number as usize];
        self.deadline(slot.number, if slot.is_wide { written } else { Some(moment) })
    }

    fn deadline(&self, block: u32, written: Option<u64>) -> u64 {
        self.denials.deadline(block, written)
    }

    fn place(&mut self, slot: &Slot, moment: u64) {
        self.current = Some((*slot, self.until));
        self.until = self.next_deadline(slot, moment);
        self.is_placed[slot.number as usize] = true;
        self.order.push(slot.number);
        self.began.push(moment);
    }
}

/// Who denies the last value of each block.
struct Denials {
    /// By block and call, with the earliest return from there on.
    all: Vec<(u32, u64, u64)>,
    starts: Vec<u32>,
}

impl Denials {
    fn new(touched: &[Touched], blocks: &Blocks) -> Self {
        let denials = touched.iter().filter_map(|it| match it.touch {
            Touch::Avoid(value) => Some((blocks.ended_by(value)?, it.call, it.at)),
            _ => None,
        });
        let mut all: Vec<(u32, u64, u64)> = denials.collect();
        all.sort_unstable();
        for k in (1..all.len()).rev() {
            if all[k - 1].0 == all[k].0 {
                all[k - 1].2 = all[k - 1].2.min(all[k].2);
            }
        }
        let mut starts = vec![0; blocks.count() + 1];
        all.iter().for_each(|it| starts[it.0 as usize + 1] += 1);
        for k in 1..starts.len() {
            starts[k] += starts[k - 1];
        }
        Denials { all, starts }
    }

    /// The earliest return of those that began after the value was written.
    fn deadline(&self, block: u32, written: Option<u64>) -> u64 {
        let range = self.starts[block as usize] as usize..self.starts[block as usize + 1] as usize;
        let denials = &self.all[range];
        let after = written.map_or(0, |moment| denials.partition_point(|it| it.1 <= moment));
        denials.get(after).map_or(u64::MAX, |it| it.2)
    }
}
