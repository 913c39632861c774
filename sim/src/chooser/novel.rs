//! Guided by coverage: of a few random steps, the one that follows the last step most rarely.
//!
//! What is covered is pairs of steps, one right after the other, by who did what: the order that
//! two parties met in. The idea of feedback is that of Meng, Pirlea, Roychoudhury and Sergey,
//! "Greybox Fuzzing of Distributed Systems" (CCS 2023), and of Wolff, Zheng, Duck, Mathur and
//! Roychoudhury, "Greybox Fuzzing for Concurrency Testing" (ASPLOS 2024). They keep a corpus from run
//! to run; here all of it lies within one run, so that every seed can be run again by itself.

use super::Chooser;
use crate::menu::Menu;
use crate::rng::Rng;
use crate::step::Step;
use checker::hash::mix;

/// How many pairs are told apart.
const PAIRS: usize = 1 << 10;
/// How many steps are compared.
const TRIES: usize = 3;

/// A random walk that likes what it has not done yet.
#[derive(Clone, Debug)]
pub struct Novel {
    rng: Rng,
    seen: Vec<u16>,
    last: u64,
}

impl Novel {
    /// Draws from `rng`.
    pub fn new(rng: Rng) -> Self {
        Novel { rng, seen: vec![0; PAIRS], last: 0 }
    }

    fn pair(&self, step: Step) -> usize {
        mix(self.last, step.code()) as usize % PAIRS
    }
}

impl Chooser for Novel {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let count = menu.len() as u64;
        let mut best = self.rng.below(count) as usize;
        for _ in 1..TRIES {
            let other = self.rng.below(count) as usize;
            if self.seen[self.pair(menu.get(other))] < self.seen[self.pair(menu.get(best))] {
                best = other;
            }
        }
        let step = menu.get(best);
        let pair = self.pair(step);
        self.seen[pair] = self.seen[pair].saturating_add(1);
        self.last = step.code();
        Some(best)
    }
}
