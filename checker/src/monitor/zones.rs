//! The order of values that are each written once.
//!
//! All operations on one value, and on the values that compare-and-sets made of it one after
//! another, go in a row: they are a *block*. Let `first` be the earliest return in a block and
//! `last` the latest call. If `first < last` the block owns all the time between; else it may be at
//! any one moment from `last` to `first`. The blocks can go in some order if and only if no two own
//! the same moment, no block has all its moments owned by another, and the one with the initial
//! value can be the first: Gibbons & Korach, "Testing shared memories" (1997), for one value a
//! block; Golab, Li & Shah, "Analyzing consistency properties for fun and profit" (2011), call them
//! zones. A block of several values is no different: nothing but its own operations may be within
//! it. When the order is known, the values are the stages of a [chain](super::chain), which finds
//! what is wrong within a block and gives the points.
//!
//! The hard part is a compare-and-set that lost: it says that the value was another one, whichever,
//! and which depends on the order of blocks that could go in several. So one order is tried; if no
//! points are right in it, the history fails only when the value is sure to have been that one all
//! the while, from a return to a call in its own block. Else it is declined.

mod blocks;
mod plan;

use super::chain::{Broken, Mark, Said, Stages, decide};
use blocks::Blocks;
use plan::plan;

pub(super) const NOBODY: u32 = u32::MAX;

/// What an operation did to the value, which is a small number; that at the start is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Touch {
    /// It took no effect and tells nothing.
    Dropped,
    /// It is right whenever it is.
    Free,
    /// It wrote this.
    Write(u32),
    /// It found this.
    Read(u32),
    /// It found the first, and wrote the second.
    Cas(u32, u32),
    /// It found anything but this.
    Avoid(u32),
}

/// An operation: what it did, and when. One that never returned, at `u64::MAX`, may have done it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    pub(crate) touch: Touch,
    pub(crate) call: u64,
    pub(crate) at: u64,
}

/// What the values say, by positions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Zoned {
    /// Values are written twice, or operations that lost leave too much open.
    Declined,
    /// They can have gone in this order.
    Pass(Vec<u32>),
    /// It found a value that nobody wrote.
    Unwritten(usize),
    /// Both found one value and replaced it; if they did not say so, others saw what they wrote.
    Fork(usize, usize, Vec<usize>),
    /// `second` was called after `first` had returned, but has to come before it.
    Late { first: usize, second: usize },
    /// Two blocks in each other's way: `first` returned before `between` was called, so the block
    /// of the former would be first; but `until`, of the latter's block, returned before `last`, of
    /// the former's, was called. The two of one block may be one and the same.
    Split { first: usize, between: usize, until: usize, last: usize },
    /// `refused` denies what was so from the return of `since` to the call of `until`.
    Denied { since: Option<usize>, refused: usize, until: Option<usize> },
}

/// Decides what happened to a value, of `count` different ones.
pub(crate) fn zones(touched: &[Touched], count: usize) -> Zoned {
    let blocks = match Blocks::new(touched, count) {
        Ok(blocks) => blocks,
        Err(zoned) => return zoned,
    };
    if let Some(split) = blocks.split() {
        return split;
    }
    let order = plan(touched, &blocks);
    match try_order(touched, &blocks.stages(order)) {
        Ok(order) => return Zoned::Pass(order),
        Err(Broken::Late { first, second }) if blocks.is_certain(touched, first, second) => {
            return Zoned::Late { first, second };
        }
        Err(_) => {}
    }
    blocks.denied(touched).unwrap_or(Zoned::Declined)
}

/// Tries one order of the values: the stage of each.
fn try_order(touched: &[Touched], stages: &[u32]) -> Result<Vec<u32>, Broken> {
    let stage = |value: u32| stages[value as usize];
    let said: Vec<Said> = touched
        .iter()
        .map(|it| {
            let mark = match it.touch {
                Touch::Write(value) | Touch::Cas(_, value) if stage(value) != NOBODY => {
                    Mark::Makes(stage(value))
                }
                Touch::Dropped | Touch::Write(_) | Touch::Cas(..) => Mark::Dropped,
                Touch::Free => Mark::Free,
                Touch::Read(value) => Mark::Sees(stage(value)),
                Touch::Avoid(value) if stage(value) == NOBODY => Mark::Free,
                Touch::Avoid(value) => Mark::Avoids(stage(value)),
            };
            Said { mark, call: it.call, at: it.at }
        })
        .collect();
    let last = stages.iter().filter(|stage| **stage != NOBODY).count() as u32 - 1;
    decide(Stages { said, last, must: last })
}
