//! What the world's moves happen to, under the lowest numbers that will do.
//!
//! A model of moves alone numbers its parties and keys in the argument of a move, often two of
//! them in one: a job in one byte, its segment in the other. What happened to segment 2 can happen
//! to segment 0 as well, and sooner if nobody had to get to segment 2 first.

use super::Pass;
use super::passes::without;
use super::search::Search;
use crate::step::{Move, Step};
use std::collections::BTreeSet;

/// In causes up to this length each other name is also tried without one of the steps.
const SHORT: usize = 40;

impl Search<'_> {
    /// Calls what moves happen to by lower numbers.
    pub(super) fn rename_keys(&mut self) {
        for byte in 0..2 {
            let numbers: BTreeSet<u8> =
                self.cause.steps.iter().filter_map(|step| number(step, byte)).collect();
            for from in numbers.into_iter().rev() {
                for to in 0..from {
                    if !self.rename(byte, from, to) {
                        return;
                    }
                }
            }
        }
    }

    /// False: there is to be no other try.
    fn rename(&mut self, byte: usize, from: u8, to: u8) -> bool {
        let steps = &self.cause.steps;
        if !steps.iter().any(|step| number(step, byte) == Some(from)) {
            return true;
        }
        let renamed: Vec<Step> =
            steps.iter().map(|step| exchanged(*step, byte, from, to)).collect();
        let least = if renamed.len() <= SHORT { 0 } else { renamed.len() };
        for gone in (least..=renamed.len()).rev() {
            if !self.goes_on() {
                return false;
            }
            if self.try_steps(Pass::Keys, &without(&renamed, |at| at == gone)) {
                return true;
            }
        }
        true
    }
}

/// The sum of the numbers that the world's moves name.
pub(super) fn sum(steps: &[Step]) -> usize {
    let numbers = steps.iter().flat_map(|step| [number(step, 0), number(step, 1)]);
    numbers.flatten().map(usize::from).sum()
}

fn number(step: &Step, byte: usize) -> Option<u8> {
    match step {
        Step::World(Move { arg, .. }) => Some(arg.to_le_bytes()[byte]),
        _ => None,
    }
}

/// The step with two numbers exchanged: whoever had the lower one needs another.
fn exchanged(step: Step, byte: usize, one: u8, other: u8) -> Step {
    let Step::World(Move { kind, arg }) = step else { return step };
    let mut bytes = arg.to_le_bytes();
    if bytes[byte] == one {
        bytes[byte] = other;
    } else if bytes[byte] == other {
        bytes[byte] = one;
    }
    Step::World(Move { kind, arg: u16::from_le_bytes(bytes) })
}
