//! What clients saw of the snapshots of runs, as a datatype: append after one, and all since one.
//!
//! A reader on a replica may be late, but what it is shown has no hole; and a runner that goes on
//! must be given what it waited for, which is joined to its snapshot and may come later than that.

use super::words::snapshot;
use crate::worlds::Run;
use checker::{Operation, Property, Spec, Violation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A runner that goes on is given what it waited for.
pub const CONTINUES_WITH: Property = Property::named("continue-has-waitpoints");

/// The snapshots of each run, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Snapshots(BTreeMap<Run, Vec<u64>>);

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case")]
pub enum Op {
    /// Append a snapshot after another, if that is the last.
    Append {
        /// The run.
        run: Run,
        /// What it follows; 0: nothing.
        after: u64,
        /// The snapshot.
        by: u64,
    },
    /// All snapshots after one.
    Since {
        /// The run.
        run: Run,
        /// The cursor; 0: from the beginning.
        after: u64,
        /// Whether a replica was asked, which may be late.
        replica: bool,
    },
    /// A runner goes on.
    Resume {
        /// The run.
        run: Run,
        /// How many waitpoints it waited for.
        needs: u8,
    },
}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ret {
    /// It was appended.
    Won,
    /// It was not.
    Lost,
    /// The snapshots, in order.
    Rows(Vec<u64>),
    /// With so many waitpoints.
    With(u8),
}

impl Snapshots {
    /// The first run begins with these.
    pub fn new(first: Vec<u64>) -> Self {
        Snapshots([(Run(0), first)].into_iter().collect())
    }

    fn of(&self, run: Run) -> &[u64] {
        self.0.get(&run).map_or(&[], Vec::as_slice)
    }

    fn last(&self, run: Run) -> u64 {
        self.of(run).last().copied().unwrap_or(0)
    }

    fn since(&self, run: Run, after: u64) -> Option<&[u64]> {
        let all = self.of(run);
        place(all, after).map(|from| &all[from..])
    }
}

/// Where what comes after a cursor begins; 0 is before all.
fn place(all: &[u64], cursor: u64) -> Option<usize> {
    match cursor {
        0 => Some(0),
        _ => all.iter().position(|it| *it == cursor).map(|at| at + 1),
    }
}

impl Spec for Snapshots {
    type Op = Op;
    type Ret = Ret;

    fn step(&self, op: &Op, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        self.after(op, ret)
    }

    fn reads(op: &Op, ret: Option<&Ret>) -> bool {
        !matches!(op, Op::Append { .. }) || matches!(ret, Some(Ret::Lost))
    }

    fn phrase(op: &Op, ret: &Ret) -> String {
        let asked = match op {
            Op::Append { after, .. } => format!("append after {}", snapshot(*after)),
            Op::Since { after, .. } => format!("read of all after {}", snapshot(*after)),
            Op::Resume { needs, .. } => format!("going on after {needs} waitpoints"),
        };
        match ret {
            Ret::Won => format!("{asked}, told it won"),
            Ret::Lost => format!("{asked}, told it lost"),
            Ret::Rows(rows) => format!("{asked}, shown {} snapshots", rows.len()),
            Ret::With(had) => format!("{asked}, given {had}"),
        }
    }

    fn diagnose(&self, operations: &[Operation<Op, Ret>]) -> Option<Violation> {
        let all = 0..operations.len();
        let found = all.clone().filter_map(|index| without(operations, index));
        let found = found.chain(all.clone().filter_map(|index| forked(operations, index)));
        let found = found.chain(all.filter_map(|index| self.hole(operations, index)));
        found.min_by_key(|it| it.at)
    }
}

impl Snapshots {
    fn after(&self, op: &Op, ret: Option<&Ret>) -> Option<Self> {
        match (op, ret) {
            (Op::Append { run, after, by }, None | Some(Ret::Won)) if self.last(*run) == *after => {
                let mut next = self.clone();
                next.0.entry(*run).or_default().push(*by);
                Some(next)
            }
            (Op::Append { run, after, .. }, None | Some(Ret::Lost)) if self.last(*run) != *after => {
                Some(self.clone())
            }
            (Op::Since { run, after, replica }, Some(Ret::Rows(rows))) => {
                let all = self.since(*run, *after)?;
                let complete = if *replica { all.starts_with(rows) } else { all == rows };
                complete.then(|| self.clone())
            }
            (Op::Resume { needs, .. }, Some(Ret::With(had))) => (needs == had).then(|| self.clone()),
            (Op::Since { .. } | Op::Resume { .. }, None) => Some(self.clone()),
            _ => None,
        }
    }

    /// A read that shows less than there was when it began.
    fn hole(&self, operations: &[Operation<Op, Ret>], index: usize) -> Option<Violation> {
        let it = &operations[index];
        let (Op::Since { run, after, replica }, Some(Ret::Rows(rows))) = (&it.op, it.ret()) else {
            return None;
        };
        let cursor = *after;
        let mut all = self.of(*run).to_vec();
        loop {
            let last = all.last().copied().unwrap_or(0);
            let next = operations.iter().find_map(|other| match &other.op {
                Op::Append { run: of, after, by } if (of, *after) == (run, last) => {
                    // What nobody was told of is there if it was seen.
                    let seen = *by == cursor || rows.contains(by);
                    let told = other.returned_at().filter(|_| other.ret() == Some(&Ret::Won));
                    (seen || told.is_some_and(|at| at <= it.call)).then_some(*by)
                }
                _ => None,
            });
            let Some(by) = next else { break };
            all.push(by);
        }
        let from = place(&all, cursor)?;
        let missed = all[from..].iter().zip(0..).find(|(id, place)| rows.get(*place) != Some(id));
        let (missed, place) = missed?;
        if *replica && place == rows.len() {
            return None;
        }
        let why = format!(
            "{} read {run} since {} and was not shown {}, which was there",
            it.client,
            snapshot(cursor),
            snapshot(*missed)
        );
        let violation = Violation::new(Property::SINCE_COMPLETE, why);
        Some(Violation { at: it.returned_at(), operations: vec![index], ..violation })
    }
}

/// A runner that went on without what it waited for.
fn without(operations: &[Operation<Op, Ret>], index: usize) -> Option<Violation> {
    let it = &operations[index];
    let (Op::Resume { run, needs }, Some(Ret::With(had))) = (&it.op, it.ret()) else { return None };
    if needs == had {
        return None;
    }
    let why = format!("{} went on with {run} and {had} of {needs} waitpoints", it.client);
    let violation = Violation::new(CONTINUES_WITH, why);
    Some(Violation { at: it.returned_at(), operations: vec![index], ..violation })
}

/// A second snapshot after one that had one.
fn forked(operations: &[Operation<Op, Ret>], index: usize) -> Option<Violation> {
    let parent = |it: &Operation<Op, Ret>| match (&it.op, it.ret()) {
        (Op::Append { run, after, .. }, Some(Ret::Won)) => Some((*run, *after)),
        _ => None,
    };
    let it = &operations[index];
    let mine = parent(it)?;
    let earlier = |other: &Operation<Op, Ret>| {
        parent(other) == Some(mine) && other.returned_at() < it.returned_at()
    };
    let other = operations.iter().position(earlier)?;
    let why = format!(
        "{} and {} both moved {} from {}, both were told they won",
        operations[other].client,
        it.client,
        mine.0,
        snapshot(mine.1)
    );
    let violation = Violation::new(Property::FORK, why);
    Some(Violation { at: it.returned_at(), operations: vec![other, index], ..violation })
}
