//! What is said of a history: it passes, it fails and here is why, or nobody knows.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A promise, by name: `fork`, `list-after-write`, or one of a model's own.
///
/// A name and not an enum, because every model brings its own invariants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Property(Cow<'static, str>);

impl Property {
    /// The answers fit some order that respects real time.
    pub const LINEARIZABLE: Property = Property::named("linearizable");
    /// At most one acknowledged transition leaves each parent.
    pub const FORK: Property = Property::named("fork");
    /// Every number up to the head was reached by a transition somebody made.
    pub const GAP: Property = Property::named("gap");
    /// The head never goes back.
    pub const MONOTONE: Property = Property::named("monotone");
    /// What was acknowledged is still there.
    pub const LOST: Property = Property::named("lost-write");
    /// A read that begins after an acknowledged write returned sees it.
    pub const READ_AFTER_WRITE: Property = Property::named("read-after-write");
    /// A listing that begins after an acknowledged write returned contains it.
    pub const LIST_AFTER_WRITE: Property = Property::named("list-after-write");
    /// Pages that follow one another from N on contain every key after N that was there before.
    pub const SINCE_COMPLETE: Property = Property::named("since-complete");
    /// A conditional write has at most one winner.
    pub const ONE_WINNER: Property = Property::named("one-winner");
    /// Somebody can always go on, and everything drains once faults stop.
    pub const PROGRESS: Property = Property::named("progress");

    /// A property of a model's own.
    pub const fn named(name: &'static str) -> Self {
        Property(Cow::Borrowed(name))
    }

    /// Its name, as `checker list` shows it and a trace records it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A promise that was broken, and by what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The promise.
    pub property: Property,
    /// A sentence for a human.
    pub why: String,
    /// When it could no longer be mended, on the history's clock: the return that broke it.
    pub at: Option<u64>,
    /// The operations that contradict each other, as indices into the history.
    pub operations: Vec<usize>,
}

impl Violation {
    /// A violation of `property`, not yet tied to operations.
    pub fn new(property: Property, why: impl Into<String>) -> Self {
        Violation { property, why: why.into(), at: None, operations: Vec::new() }
    }
}

/// Whether a history, or a run, keeps its promises.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Fail(Violation),
    /// A budget ran out before the answer was known. Never read this as a pass.
    Unknown {
        /// Which budget, and how far it went.
        why: String,
    },
}

impl Verdict {
    /// The violation, if there is one.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Verdict::Fail(violation) => Some(violation),
            Verdict::Pass | Verdict::Unknown { .. } => None,
        }
    }

    /// The property that was broken, if one was.
    pub fn broken(&self) -> Option<&Property> {
        self.violation().map(|violation| &violation.property)
    }
}
