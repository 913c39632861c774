//! Judges a history and shows the proof: an order, or the few operations that admit none.

use crate::budget::{Budget, Reason};
use crate::judge::{Decision, Passed, decide, decide_on};
use crate::shrink::{Few, few, shrink};
use crate::ways::{Way, ways};
use crate::workers::Workers;
use crate::{Operation, Spec, Violation};
use std::fmt;

/// What is known of a history, with its proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checked<S> {
    /// It can have gone like this.
    Pass(Witness),
    /// It cannot have gone in any order.
    Fail(Counterexample<S>),
    /// A budget ran out before the answer was known. Never read this as a pass.
    Unknown(Unknown),
}

/// How a history can have gone: for each part of it an order that the spec has played again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Witness {
    /// One for each key, in the order of their first calls: the operations that took effect, as
    /// indices into the history.
    pub orders: Vec<Vec<u32>>,
    /// How many of these parts a monitor decided; the others took a search.
    pub monitored: usize,
}

/// What is wrong with a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample<S> {
    /// The promise that was broken, and the sentence.
    pub violation: Violation,
    /// The operations that still break it, as indices into the history, by call.
    pub minimal: Vec<usize>,
    /// Those that may have acted meanwhile, by call. They are no part of the reason: whatever became
    /// of them, it is broken.
    pub beside: Vec<usize>,
    /// Where these few begin.
    pub start: S,
    /// How far these few can be explained, and why no further.
    pub ways: Vec<Way<S>>,
}

impl<S> Counterexample<S> {
    /// The few operations as a history of their own, with nothing known of what became of those
    /// beside them. From `start` on, it is broken too.
    pub fn few<Op: Clone, Ret: Clone>(
        &self,
        operations: &[Operation<Op, Ret>],
    ) -> Vec<Operation<Op, Ret>> {
        few(operations, &self.minimal, &self.beside)
    }
}

/// How far a decision came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown {
    /// Which budget ran out.
    pub reason: Reason,
    /// How many answers were judged, of those that no monitor decided.
    pub judged: usize,
    /// How many there are.
    pub answers: usize,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if matches!(self.reason, Reason::Crowded { .. }) {
            return Ok(());
        }
        write!(f, ": {} of {} answers were judged", self.judged, self.answers)
    }
}

/// Judges a history, and shows the proof.
///
/// As [`judge`](crate::judge()), but a pass comes with an order that the spec has played again, and
/// a failure is cut down to the few operations that cause it.
///
/// ```
/// use checker::specs::head::{Head, Op, Ret};
/// use checker::{Budget, Checked, ClientId, History, check};
///
/// let mut history = History::default();
/// let cas = history.invoke(ClientId(0), Op::Cas { key: "run-1".to_owned(), from: 0 }, 1);
/// history.finish(cas, Ret::Won { seq: None }, 2);
/// let read = history.invoke(ClientId(1), Op::Read { key: "run-1".to_owned() }, 3);
/// history.finish(read, Ret::Head(0), 4);
///
/// let checked = check(&Head::default(), history.operations(), &Budget::default());
/// let Checked::Fail(found) = checked else { panic!("a stale read") };
/// assert_eq!(found.violation.property.name(), "lost-write");
/// assert_eq!(found.minimal, [cas, read]);
/// ```
pub fn check<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Checked<S>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    with_proof(decide(init, operations, budget, true), init, operations, budget)
}

/// [`check`] on several workers, a part of the history each.
pub fn check_on<S: Spec + Sync>(
    workers: &dyn Workers,
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Checked<S>
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    with_proof(decide_on(workers, init, operations, budget), init, operations, budget)
}

fn with_proof<S: Spec>(
    decision: Decision,
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Checked<S>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    match decision {
        Decision::Pass(Passed { orders, monitored }) => {
            Checked::Pass(Witness { orders, monitored })
        }
        Decision::Unknown(unknown) => Checked::Unknown(unknown),
        Decision::Fail(violation) => {
            let Few { start, kept, beside } = shrink(init, operations, &violation, budget);
            let ways = ways(&start, operations, &kept, &beside);
            Checked::Fail(Counterexample { violation, minimal: kept, beside, start, ways })
        }
    }
}
