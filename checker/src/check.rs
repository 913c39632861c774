//! Judges a history and shows the proof: an order, or the few operations that admit none.

use crate::{Budget, Operation, Spec, Verdict, Violation, judge};
use std::fmt;

/// What is known of a history, with its proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checked {
    /// It can have gone like this.
    Pass(Witness),
    /// It cannot have gone in any order.
    Fail(Counterexample),
    /// A budget ran out before the answer was known. Never read this as a pass.
    Unknown(Unknown),
}

/// How a history can have gone: for each part of it an order that the spec has played again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Witness {
    /// One for each key: the operations that took effect, as indices into the history.
    pub orders: Vec<Vec<u32>>,
}

/// What is wrong with a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// The promise that was broken, and the sentence.
    pub violation: Violation,
    /// The operations that still break it when all others are left out, as indices into the
    /// history, by call.
    pub minimal: Vec<usize>,
    /// How far the history can be explained, and why no further.
    pub ways: Vec<Way>,
}

/// One way the history can have gone, until it could not go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// The state it led to.
    pub state: String,
    /// Each operation that could have come next, and what is wrong with it there.
    pub candidates: Vec<Candidate>,
}

/// An operation that could have come next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its index in the history.
    pub operation: usize,
    /// What is wrong with it; `None` if it is right there, but leads no further.
    pub wrong: Option<String>,
}

/// How far a search came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown {
    /// Which budget ran out.
    pub reason: Reason,
    /// How many answers were judged.
    pub judged: usize,
    /// How many there are.
    pub answers: usize,
}

/// Which budget ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It was told to stop: the time was up, or somebody interrupted it.
    Time,
    /// More would have been held at one time than the budget allows, in bytes.
    Memory(usize),
    /// More ways were tried than the budget allows.
    Configurations(usize),
    /// More operations were open at one time than the search can tell apart.
    Crowded {
        /// How many it can tell apart.
        most: usize,
        /// When it was.
        at: u64,
    },
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Time => write!(f, "the time was not enough")?,
            Reason::Memory(bytes) => write!(f, "{} MiB were not enough", bytes >> 20)?,
            Reason::Configurations(most) => write!(f, "{most} configurations were not enough")?,
            Reason::Crowded { most, at } => {
                write!(f, "more than {most} operations were open at once at {at}")?;
            }
        }
        write!(f, ": {} of {} answers were judged", self.judged, self.answers)
    }
}

/// Judges a history, and shows the proof.
pub fn check<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget,
) -> Checked {
    match judge(init, operations, budget) {
        Verdict::Pass => Checked::Pass(Witness::default()),
        Verdict::Fail(violation) => {
            let minimal = violation.operations.clone();
            Checked::Fail(Counterexample { violation, minimal, ways: Vec::new() })
        }
        Verdict::Unknown { .. } => Checked::Unknown(Unknown {
            reason: Reason::Configurations(budget.configurations_max),
            judged: 0,
            answers: 0,
        }),
    }
}
