//! The generator behind every seed: xoshiro256++, with our own way from bits to a choice.
//!
//! The generator is a published algorithm, so the crate may change and the bits may not; how bits
//! become a number below `n` is spelled out here, because libraries do change that.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};
use std::mem::replace;

/// A stream of choices that a seed fixes for ever. The next bits are there before anybody asks:
/// whoever chooses by them has something to wait for as it is.
#[derive(Clone, Debug)]
pub struct Rng {
    next: u64,
    source: Xoshiro256PlusPlus,
}

impl Rng {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut source = Xoshiro256PlusPlus::seed_from_u64(seed);
        Rng { next: source.next_u64(), source }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        replace(&mut self.next, self.source.next_u64())
    }

    /// A number below `n`, which must not be zero. Multiply-shift: no loop and no division, with a
    /// bias below `n / 2^64`.
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0, "nothing to choose from");
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
