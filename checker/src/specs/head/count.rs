//! What a store's own counters say of a run, beside what they cannot see.
//!
//! A store that only counts its numbers can be perfect by them and fork: `duplicates` and `gaps`
//! look at the numbers handed out, `forks` at the parents the transitions left.

use super::{Key, Op, Ret};
use crate::{Outcome, Seen};
use serde::Serialize;
use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;

/// Counts over the transitions of one run, or of several added up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Counters {
    /// The highest number handed out.
    pub final_seq: u64,
    /// Acknowledged transitions.
    pub winners: u64,
    /// Transitions that were told they lost.
    pub conflicts: u64,
    /// Numbers handed out again.
    pub duplicates: u64,
    /// Numbers from 1 to the highest that nobody was given, and nobody may have been in silence.
    pub gaps: u64,
    /// Acknowledged transitions beyond the first from one parent.
    pub forks: u64,
}

impl Add for Counters {
    type Output = Counters;

    fn add(self, other: Counters) -> Counters {
        Counters {
            final_seq: self.final_seq + other.final_seq,
            winners: self.winners + other.winners,
            conflicts: self.conflicts + other.conflicts,
            duplicates: self.duplicates + other.duplicates,
            gaps: self.gaps + other.gaps,
            forks: self.forks + other.forks,
        }
    }
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Counters>>(counters: I) -> Counters {
        counters.fold(Counters::default(), Add::add)
    }
}

/// The counters of all runs, added up.
pub fn counters<'a, K: Key + 'a>(seen: impl IntoIterator<Item = Seen<'a, Op<K>, Ret>>) -> Counters {
    tallies(seen).into_values().map(Tally::counters).sum()
}

/// The counters of each run.
pub fn counters_by_key<'a, K: Key + 'a>(
    seen: impl IntoIterator<Item = Seen<'a, Op<K>, Ret>>,
) -> BTreeMap<&'a K, Counters> {
    tallies(seen).into_iter().map(|(key, tally)| (key, tally.counters())).collect()
}

fn tallies<'a, K: Key + 'a>(
    seen: impl IntoIterator<Item = Seen<'a, Op<K>, Ret>>,
) -> BTreeMap<&'a K, Tally> {
    let mut tallies: BTreeMap<&K, Tally> = BTreeMap::new();
    for Seen { op, outcome, .. } in seen {
        let tally = tallies.entry(op.key()).or_default();
        let Op::Cas { from, .. } = op else { continue };
        let next = from.saturating_add(1);
        match outcome {
            Outcome::Open => tally.silent.push(next),
            Outcome::Returned { ret: Ret::Won { seq }, .. } => {
                tally.numbers.push(seq.unwrap_or(next));
                tally.parents.push(*from);
            }
            Outcome::Returned { ret: Ret::Lost | Ret::Saw { .. }, .. } => tally.conflicts += 1,
            Outcome::Returned { ret: Ret::Head(_), .. } | Outcome::Failed => {}
        }
    }
    tallies
}

#[derive(Default)]
struct Tally {
    conflicts: u64,
    /// Numbers handed out.
    numbers: Vec<u64>,
    /// Numbers that a transition may have made of which nobody heard.
    silent: Vec<u64>,
    /// Where acknowledged transitions left from.
    parents: Vec<u64>,
}

impl Tally {
    fn counters(mut self) -> Counters {
        let winners = self.numbers.len() as u64;
        for numbers in [&mut self.numbers, &mut self.silent, &mut self.parents] {
            numbers.sort_unstable();
            numbers.dedup();
        }
        let final_seq = self.numbers.last().copied().unwrap_or(0);
        let from_one = |numbers: &[u64]| numbers.iter().filter(|it| **it >= 1).count() as u64;
        self.silent.retain(|it| *it <= final_seq && self.numbers.binary_search(it).is_err());
        Counters {
            final_seq,
            winners,
            conflicts: self.conflicts,
            duplicates: winners - self.numbers.len() as u64,
            gaps: final_seq - from_one(&self.numbers) - from_one(&self.silent),
            forks: winners - self.parents.len() as u64,
        }
    }
}
