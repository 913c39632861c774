//! Uniform choice from a seed: the random walk every other chooser is measured against.

use super::Chooser;
use crate::menu::Menu;
use crate::rng::Rng;

/// Each step on the menu with the same chance, faults included.
#[derive(Clone, Debug)]
pub struct Random(Rng);

impl Random {
    /// Draws from `rng`.
    pub fn new(rng: Rng) -> Self {
        Random(rng)
    }
}

impl Chooser for Random {
    #[inline]
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        Some(self.0.below(menu.len() as u64) as usize)
    }
}
