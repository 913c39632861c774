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

    /// One of `count` steps, by chance.
    fn drawn(&mut self, menu: &Menu, count: u64) -> Drawn {
        let index = self.rng.below(count) as usize;
        let code = menu.get(index).code();
        Drawn { index, code, pair: mix(self.last, code) as usize % PAIRS }
    }
}

/// A step that may be taken, and which pair it would make with the last one.
struct Drawn {
    index: usize,
    code: u64,
    pair: usize,
}

impl Chooser for Novel {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let count = menu.len() as u64;
        let mut best: Option<Drawn> = None;
        for _ in 0..TRIES {
            let other = self.drawn(menu, count);
            if best.as_ref().is_none_or(|best| self.seen[other.pair] < self.seen[best.pair]) {
                best = Some(other);
            }
        }
        let best = best?;
        let seen = &mut self.seen[best.pair];
        *seen = seen.saturating_add(1);
        self.last = best.code;
        Some(best.index)
    }
}
