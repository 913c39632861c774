//! What a store's own counters say of a run, beside what they cannot see.
//!
//! A store that only counts its numbers can be perfect by them and fork: `duplicates` and `gaps`
//! look at the numbers handed out, `forks` at the parents the transitions left.

use super::{Key, Op, Ret};
use crate::{Outcome, Seen};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
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
    counters_by_key(seen).into_values().sum()
}

/// The counters of each run.
pub fn counters_by_key<'a, K: Key + 'a>(
    seen: impl IntoIterator<Item = Seen<'a, Op<K>, Ret>>,
) -> BTreeMap<&'a K, Counters> {
    let mut tallies: BTreeMap<&K, Tally> = BTreeMap::new();
    for Seen { op, outcome, .. } in seen {
        let tally = tallies.entry(op.key()).or_default();
        if let (Op::Cas { from, .. }, Outcome::Open) = (op, outcome) {
            tally.silent.insert(from.saturating_add(1));
        }
        let (Op::Cas { from, .. }, Outcome::Returned { ret, .. }) = (op, outcome) else { continue };
        match ret {
            Ret::Won { seq } => {
                tally.winners += 1;
                tally.numbers.insert(seq.unwrap_or(from.saturating_add(1)));
                tally.parents.insert(*from);
            }
            Ret::Lost | Ret::Saw { .. } => tally.conflicts += 1,
            Ret::Head(_) => {}
        }
    }
    tallies.into_iter().map(|(key, tally)| (key, tally.counters())).collect()
}

#[derive(Default)]
struct Tally {
    winners: u64,
    conflicts: u64,
    numbers: BTreeSet<u64>,
    /// Numbers that a transition may have made of which nobody heard.
    silent: BTreeSet<u64>,
    parents: BTreeSet<u64>,
}

impl Tally {
    fn counters(&self) -> Counters {
        let final_seq = self.numbers.last().copied().unwrap_or(0);
        let from_one = self.numbers.range(1..).count() as u64;
        let silent = self.silent.range(1..).take_while(|number| **number <= final_seq);
        let silent = silent.filter(|number| !self.numbers.contains(number)).count() as u64;
        Counters {
            final_seq,
            winners: self.winners,
            conflicts: self.conflicts,
            duplicates: self.winners - self.numbers.len() as u64,
            gaps: final_seq - from_one - silent,
            forks: self.winners - self.parents.len() as u64,
        }
    }
}
