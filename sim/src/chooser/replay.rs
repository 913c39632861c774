//! The steps of a trace, again.
//!
//! Total on purpose: a step that is not possible now is skipped and counted, and when the steps
//! run out the rest is left to the fair schedule. So any subsequence of a trace is a trace, which is all that
//! minimising needs.

use super::Chooser;
use crate::menu::Menu;
use crate::step::Step;

/// Plays given steps, then is dull.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    steps: &'a [Step],
    skipped: usize,
}

impl<'a> Replay<'a> {
    /// Plays `steps`.
    pub fn new(steps: &'a [Step]) -> Self {
        Replay { steps, skipped: 0 }
    }

    /// How many steps were not possible when their turn came.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// How many steps have not had their turn.
    pub fn left(&self) -> usize {
        self.steps.len()
    }
}

impl Chooser for Replay<'_> {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        while let Some((first, rest)) = self.steps.split_first() {
            self.steps = rest;
            if let Some(index) = menu.position(*first) {
                return Some(index);
            }
            self.skipped += 1;
        }
        None
    }
}
