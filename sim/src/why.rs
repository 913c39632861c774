//! How likely a failure was after each of its steps.
//!
//! The chance is over what follows: the first steps are played exactly, and the rest is a uniform
//! random walk, in which every possible step is as likely as any other and the faults that were
//! left may be spent. So it is a statement about that walk and not about a real system, whose
//! schedules are not uniform; what carries over is where the chance jumps. It is an estimate, so
//! each comes with its 95% interval, and no jump counts that could be luck.

use crate::session::{Plan, Session};
use crate::step::Step;
use checker::hash::mix;
use checker::{Property, Verdict};

/// Sets these walks apart from those of the seeds.
const STREAM: u64 = 0x7768_7900;
/// The normal quantile of a two-sided 95% interval.
const Z: f64 = 1.959_964;
/// How high the interval must begin for a failure to be called inevitable; 73 tails reach it.
const SURE: f64 = 0.95;

/// A failure to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The steps up to it.
    pub steps: &'a [Step],
    /// How many faults may be spent, those among the steps included.
    pub faults_max: u32,
    /// What it breaks.
    pub property: &'a Property,
}

/// What came of many walks from one point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chance {
    /// How many walks were made.
    pub tails: u64,
    /// How many broke the same promise. One that broke another first is none of them.
    pub failed: u64,
    /// Of how many nothing could be said.
    pub unknown: u64,
}

impl Failure<'_> {
    /// Plays the first `count` steps and then a walk, `tails` times. `None`: `goes_on` said no.
    pub fn chance(
        &self,
        session: &mut dyn Session,
        count: usize,
        tails: u64,
        goes_on: &dyn Fn() -> bool,
    ) -> Option<Chance> {
        let mut chance = Chance { tails, failed: 0, unknown: 0 };
        for tail in 0..tails {
            if !goes_on() {
                return None;
            }
            let seed = mix(mix(STREAM, count as u64), tail);
            let (steps, faults_max) = (&self.steps[..count], self.faults_max);
            match session.play(&Plan::Walk { steps, faults_max, seed }).verdict {
                Verdict::Fail(it) if it.property == *self.property => chance.failed += 1,
                Verdict::Unknown { .. } => chance.unknown += 1,
                _ => {}
            }
        }
        Some(chance)
    }
}

impl Chance {
    /// The share that failed.
    pub fn p(&self) -> f64 {
        self.failed as f64 / self.tails.max(1) as f64
    }

    /// Where the 95% interval begins: what is unknown may all have held.
    pub fn low(&self) -> f64 {
        wilson(self.failed, self.tails).0
    }

    /// Where it ends: what is unknown may all have failed.
    pub fn high(&self) -> f64 {
        wilson(self.failed + self.unknown, self.tails).1
    }

    /// Whether every walk failed, and there were enough of them.
    fn is_sure(&self) -> bool {
        self.failed == self.tails && self.low() >= SURE
    }
}

/// The step that raised the chance most, of those whose jump cannot be luck: the intervals before
/// and after it are apart. `chances` begins with the chance before any step.
pub fn decisive(chances: &[Chance]) -> Option<usize> {
    let jumps = chances.windows(2).zip(1..).filter_map(|(pair, step)| {
        let (before, after) = (&pair[0], &pair[1]);
        (after.low() > before.high()).then(|| (step, after.p() - before.p()))
    });
    // The first of the highest.
    let highest = jumps.reduce(|best, jump| if jump.1 > best.1 { jump } else { best });
    highest.map(|(step, _)| step)
}

/// After how many steps every walk failed, and from there on.
pub fn inevitable_from(chances: &[Chance]) -> Option<usize> {
    let from = chances.iter().rposition(|it| !it.is_sure()).map_or(0, |last| last + 1);
    (from < chances.len()).then_some(from)
}

/// Wilson's interval: unlike the textbook's, it is right near 0 and 1, where this is used most.
fn wilson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let n = of as f64;
    let p = hits as f64 / n;
    let scale = 1.0 + Z * Z / n;
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends it is exact, and rounding is not.
    let low = if hits == 0 { 0.0 } else { (middle - half) / scale };
    let high = if hits == of { 1.0 } else { (middle + half) / scale };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chances(failed: &[u64]) -> Vec<Chance> {
        failed.iter().map(|it| Chance { tails: 200, failed: *it, unknown: 0 }).collect()
    }

    /// Against the figures of Newcombe, "Two-sided confidence intervals for the single proportion"
    /// (1998), table I, method 3.
    #[test]
    fn the_interval_is_the_published_one() {
        let published = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ];
        for (hits, of, low, high) in published {
            let ours = wilson(hits, of);
            let near = |one: f64, other: f64| (one - other).abs() < 0.000_06;
            assert!(near(ours.0, low) && near(ours.1, high), "{hits}/{of}: {ours:?}");
        }
        assert_eq!((wilson(0, 0), wilson(7, 7).1), ((0.0, 1.0), 1.0));
    }

    #[test]
    fn a_jump_that_could_be_luck_decides_nothing() {
        assert_eq!(decisive(&chances(&[10, 12, 100, 200, 200])), Some(3));
        assert_eq!(decisive(&chances(&[0, 100, 200])), Some(1), "the first of the highest");
        assert_eq!(decisive(&chances(&[100, 104, 108])), None);
        assert_eq!(decisive(&chances(&[200, 20])), None, "it fell");
        assert_eq!(decisive(&[]), None);
    }

    #[test]
    fn inevitable_is_from_where_every_walk_fails_to_the_end() {
        assert_eq!(inevitable_from(&chances(&[10, 200, 199, 200, 200])), Some(3));
        assert_eq!(inevitable_from(&chances(&[200, 200])), Some(0));
        assert_eq!(inevitable_from(&chances(&[10, 199])), None);
        assert_eq!(inevitable_from(&[]), None);
        let few = |tails| [Chance { tails, failed: tails, unknown: 0 }];
        assert_eq!(inevitable_from(&few(72)), None, "so few prove nothing");
        assert_eq!(inevitable_from(&few(73)), Some(0));
    }

    #[test]
    fn what_is_unknown_widens_the_interval() {
        let known = Chance { tails: 100, failed: 50, unknown: 0 };
        let unknown = Chance { unknown: 30, ..known };
        assert_eq!(known.low(), unknown.low());
        assert!(unknown.high() > known.high() + 0.2);
        assert!(!Chance { tails: 200, failed: 199, unknown: 1 }.is_sure());
    }
}
