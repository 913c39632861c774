//! How long a request takes: drawn between two quantiles, the same to the bit on every machine.
//!
//! Below the median it lies evenly, down to half of it; above, each halving of what is left takes
//! the same time more (an exponential tail), so many that 99% are within p99. Logarithms would
//! differ from library to library, so the tail is walked by halves, in whole numbers.

use sim::rng::Rng;

/// 1% lies between the sixth halving and the seventh, at 0.72 of the way: `1 - (0.01 * 128 - 1)`.
/// So from the median, which is the first, it is 5.72 halvings to p99.
const HALVINGS_PER_100: u64 = 572;
/// Microseconds of a millisecond.
const MS: u64 = 1000;

/// Times of one kind of request, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Latency {
    median: u64,
    /// What a halving of the tail takes.
    halving: u64,
}

impl Latency {
    /// From milliseconds.
    pub(super) fn new(p50_ms: u64, p99_ms: u64) -> Self {
        let halving = (p99_ms - p50_ms) * MS * 100 / HALVINGS_PER_100;
        Latency { median: p50_ms * MS, halving }
    }

    /// One request's microseconds.
    pub(super) fn draw(self, rng: &mut Rng) -> u64 {
        let bits = rng.bits();
        let part = |of: u64, share: u64| ((u128::from(of) * u128::from(share)) >> 63) as u64;
        // What is left above it: a half and more has no leading zero.
        let halvings = u64::from(bits.leading_zeros().min(40));
        let within = (bits << halvings) & (u64::MAX >> 1);
        if halvings == 0 {
            return self.median - part(self.median / 2, within);
        }
        let over = self.halving - part(self.halving, within);
        self.median + (halvings - 1) * self.halving + over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_that_were_asked_for() {
        for (p50, p99) in [(30, 200), (100, 100), (5, 50)] {
            let mut rng = Rng::new(7);
            let latency = Latency::new(p50, p99);
            let mut all: Vec<u64> = (0..1_000_000).map(|_| latency.draw(&mut rng)).collect();
            all.sort_unstable();
            let near = |at: usize, ms: u64| {
                let (got, wanted) = (all[at], ms * MS);
                assert!(got.abs_diff(wanted) <= wanted / 50, "{p50}/{p99} at {at}: {got}");
            };
            near(500_000, p50);
            near(990_000, p99);
            assert!(all[0] >= p50 * MS / 2);
        }
    }

    #[test]
    fn what_a_seed_draws_is_what_it_drew_before() {
        let mut rng = Rng::new(1);
        let latency = Latency::new(30, 200);
        let drawn: Vec<u64> = (0..6).map(|_| latency.draw(&mut rng)).collect();
        assert_eq!(drawn, [20652, 22587, 101257, 22614, 75251, 27286]);
    }
}
