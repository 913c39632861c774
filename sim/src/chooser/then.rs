//! Steps that are given, and somebody else for the rest.
//!
//! What a failure owes to each of its steps is seen by playing it up to there and leaving what
//! follows to chance.

use super::{Chooser, Replay};
use crate::menu::Menu;

/// Plays a schedule, then leaves every choice to `rest`.
#[derive(Clone, Debug)]
pub struct Then<'a, C> {
    replay: Replay<'a>,
    rest: C,
}

impl<'a, C> Then<'a, C> {
    /// First `replay`, then `rest`.
    pub fn new(replay: Replay<'a>, rest: C) -> Self {
        Then { replay, rest }
    }

    /// How many of the given steps were not possible when their turn came.
    pub fn skipped(&self) -> usize {
        self.replay.skipped()
    }
}

impl<C: Chooser> Chooser for Then<'_, C> {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        self.replay.choose(menu).or_else(|| self.rest.choose(menu))
    }
}
