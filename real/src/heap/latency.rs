//! How long statements took, by their kind: quantiles, for a mean says nothing of the worst.
//!
//! A day of load is a hundred million statements, so they are counted in buckets of a thousandth of
//! their value, and none is kept.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Statements' times, by kind.
#[derive(Clone, Debug, Default)]
pub struct Latencies(BTreeMap<&'static str, Histogram<u64>>);

/// What there is to say of one kind of statement, in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantiles {
    /// How many there were.
    pub count: u64,
    /// What they took on average.
    pub mean: f64,
    /// Half of them took up to this.
    pub p50: f64,
    /// 99 of a hundred did.
    pub p99: f64,
    /// 999 of a thousand did.
    pub p999: f64,
    /// All of them did.
    pub max: f64,
}

impl Latencies {
    /// A statement of this kind took so long.
    pub fn add(&mut self, kind: &'static str, took: Duration) {
        let new = || Histogram::new(3).expect("three digits are supported");
        let histogram = self.0.entry(kind).or_insert_with(new);
        histogram.record(took.as_nanos() as u64 / 100).expect("it grows as it must");
    }

    /// Those of another client beside these.
    pub fn merge(&mut self, other: Latencies) {
        for (kind, theirs) in other.0 {
            match self.0.get_mut(kind) {
                Some(ours) => ours.add(theirs).expect("it grows as it must"),
                None => drop(self.0.insert(kind, theirs)),
            }
        }
    }

    /// The quantiles of one kind, if there were any.
    pub fn of(&self, kind: &str) -> Option<Quantiles> {
        self.all().find(|it| it.0 == kind).map(|it| it.1)
    }

    /// Each kind there was, with its quantiles.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Quantiles)> {
        self.0.iter().map(|(kind, times)| {
            let at = |quantile| times.value_at_quantile(quantile) as f64 / 1e4;
            let quantiles = Quantiles {
                count: times.len(),
                mean: times.mean() / 1e4,
                p50: at(0.5),
                p99: at(0.99),
                p999: at(0.999),
                max: times.max() as f64 / 1e4,
            };
            (*kind, quantiles)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_all_clients_together() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        for number in 1..=900 {
            one.add("update", Duration::from_micros(number));
        }
        for _ in 0..100 {
            other.add("update", Duration::from_millis(50));
        }
        other.add("delete", Duration::from_millis(1));
        one.merge(other);
        let all: Vec<_> = one.all().collect();
        let [("delete", delete), ("update", update)] = all[..] else { panic!("{all:?}") };
        assert_eq!((delete.count, delete.p50), (1, delete.max));
        assert_eq!(update.count, 1000);
        assert!((update.p50 - 0.5).abs() < 0.01, "{update:?}");
        assert!((update.p99 - 50.0).abs() < 0.1 && update.max >= update.p999, "{update:?}");
    }
}
