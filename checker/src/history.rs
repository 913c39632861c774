//! What clients asked and what they heard back, each operation an interval on one clock.

use std::fmt;

/// A client, numbered from zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct ClientId(pub u16);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// How an operation ended, as far as its client knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome<Ret> {
    /// Nobody heard the answer: it may have taken effect at any time since its call, or never.
    Open,
    /// It answered `ret` at time `at`.
    Returned {
        /// When the answer arrived.
        at: u64,
        /// What it said.
        ret: Ret,
    },
    /// It certainly did nothing, and tells nothing. Not the same as an answer of "no".
    Failed,
}

impl<Ret> Outcome<Ret> {
    /// The same outcome, its answer borrowed.
    pub fn as_ref(&self) -> Outcome<&Ret> {
        match self {
            Outcome::Open => Outcome::Open,
            Outcome::Returned { at, ret } => Outcome::Returned { at: *at, ret },
            Outcome::Failed => Outcome::Failed,
        }
    }

    /// The same outcome with its answer seen another way.
    pub fn map<Other>(self, see: impl FnOnce(Ret) -> Other) -> Outcome<Other> {
        match self {
            Outcome::Open => Outcome::Open,
            Outcome::Returned { at, ret } => Outcome::Returned { at, ret: see(ret) },
            Outcome::Failed => Outcome::Failed,
        }
    }
}

/// An operation as a diagnosis sees it: borrowed, so that a history of several datatypes can show
/// each datatype its own operations, under the indices they have in the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen<'a, Op, Ret> {
    /// Where it is in the whole history.
    pub index: usize,
    /// Who asked.
    pub client: ClientId,
    /// What was asked.
    pub op: &'a Op,
    /// When it was asked.
    pub call: u64,
    /// What came of it.
    pub outcome: Outcome<&'a Ret>,
}

/// One operation, from its call to its return.
///
/// `[call, at]` is a closed interval: one operation precedes another only if it returned strictly
/// before the other was called. The clock is any one monotone clock: nanoseconds or event numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Operation<Op, Ret> {
    /// Who asked.
    pub client: ClientId,
    /// What was asked.
    pub op: Op,
    /// When it was asked.
    pub call: u64,
    /// What came of it.
    pub outcome: Outcome<Ret>,
}

impl<Op, Ret> Operation<Op, Ret> {
    /// The answer, if one was heard.
    pub fn ret(&self) -> Option<&Ret> {
        match &self.outcome {
            Outcome::Returned { ret, .. } => Some(ret),
            Outcome::Open | Outcome::Failed => None,
        }
    }

    /// When the answer arrived, if one did.
    pub fn returned_at(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Returned { at, .. } => Some(at),
            Outcome::Open | Outcome::Failed => None,
        }
    }

    /// This operation, number `index` of its history, for a diagnosis.
    pub fn seen(&self, index: usize) -> Seen<'_, Op, Ret> {
        let Operation { client, op, call, outcome } = self;
        Seen { index, client: *client, op, call: *call, outcome: outcome.as_ref() }
    }

    /// Whether this operation had returned before `later` was called.
    pub fn precedes(&self, later: &Self) -> bool {
        self.returned_at().is_some_and(|at| at < later.call)
    }
}

/// The operations of one run, in the order of their calls.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct History<Op, Ret> {
    operations: Vec<Operation<Op, Ret>>,
}

impl<Op, Ret> Default for History<Op, Ret> {
    fn default() -> Self {
        History { operations: Vec::new() }
    }
}

impl<Op, Ret> History<Op, Ret> {
    /// All operations, sorted by call.
    pub fn operations(&self) -> &[Operation<Op, Ret>] {
        &self.operations
    }

    /// Begins an operation at time `call`; the index is given back to [`History::finish`].
    pub fn invoke(&mut self, client: ClientId, op: Op, call: u64) -> usize {
        debug_assert!(self.operations.last().is_none_or(|last| last.call <= call));
        self.operations.push(Operation { client, op, call, outcome: Outcome::Open });
        self.operations.len() - 1
    }

    /// Ends operation `index` with the answer `ret`, heard at time `at`.
    pub fn finish(&mut self, index: usize, ret: Ret, at: u64) {
        let operation = &mut self.operations[index];
        assert!(matches!(operation.outcome, Outcome::Open), "an operation returns once");
        assert!(operation.call <= at, "an operation returns after its call");
        operation.outcome = Outcome::Returned { at, ret };
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.operations.clear();
    }
}

impl<Op, Ret> From<Vec<Operation<Op, Ret>>> for History<Op, Ret> {
    /// Sorts by call; operations called at one time keep their order.
    fn from(mut operations: Vec<Operation<Op, Ret>>) -> Self {
        operations.sort_by_key(|operation| operation.call);
        History { operations }
    }
}

/// The first of these operations, by call, if it had returned before any other was called: what it
/// saw is what the others found.
pub fn first_alone<'a, Op, Ret>(
    operations: &[&'a Operation<Op, Ret>],
) -> Option<&'a Operation<Op, Ret>> {
    let (first, others) = operations.split_first()?;
    others.iter().all(|other| first.precedes(other)).then_some(first)
}
