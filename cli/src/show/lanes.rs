//! What a timeline shows, as data: what `show --json` prints, and what its page holds.
//!
//! Everything that draws reads this and nothing else, so that a terminal, a page and a script tell
//! the same story. It knows no model: which lanes there are follows from what a run's scenes hold.
//! The form is `unforked-show/1`, and is what the types below say, field by field.
//!
//! Positions are counted in *half columns*. Column `n` is at `2n`: a step of a trace, or a distinct
//! time of a history, never a length of time. What happens between two steps is at an odd one.

use serde::Serialize;

/// The form's name.
pub(crate) const FORMAT: &str = "unforked-show/1";

/// A trace or a history.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// [`FORMAT`].
    pub(crate) format: &'static str,
    /// `trace` or `history`.
    pub(crate) kind: &'static str,
    /// The file.
    pub(crate) title: String,
    /// Names and values: model, mutant, parameters, seed.
    pub(crate) about: Vec<(String, String)>,
    /// What a column is: `step` or `moment`.
    pub(crate) column: &'static str,
    /// What was given; then its control, the same steps with one decision changed.
    pub(crate) runs: Vec<Run>,
}

/// One run, or one history.
#[derive(Serialize, Default)]
pub(crate) struct Run {
    /// `without CAS`.
    pub(crate) label: String,
    /// `pass`, `fail` or `unknown`.
    pub(crate) outcome: &'static str,
    /// The promise that was broken.
    pub(crate) property: Option<String>,
    /// The verdict as a sentence.
    pub(crate) sentence: String,
    /// How it came about, where that is known.
    pub(crate) why: Option<String>,
    /// What one should take home.
    pub(crate) lesson: String,
    /// How many columns there are: `1..=columns`.
    pub(crate) columns: usize,
    /// Columns up to this one are the trace's own; after it the fair schedule went on.
    pub(crate) recorded: usize,
    /// The column where a reader begins: the failure, or the closest call.
    pub(crate) focus: usize,
    /// The column at which a promise was broken.
    pub(crate) failed_at: Option<usize>,
    /// From top to bottom.
    pub(crate) lanes: Vec<Lane>,
    /// One a column. A history has none.
    pub(crate) steps: Vec<Step>,
    /// By call.
    pub(crate) ops: Vec<Op>,
    /// Each time somebody held a lock.
    pub(crate) leases: Vec<Lease>,
    /// Each time somebody believed so and was wrong.
    pub(crate) beliefs: Vec<Belief>,
    /// From a decision to what was done about it.
    pub(crate) arrows: Vec<Arrow>,
    /// Second children of one parent.
    pub(crate) branches: Vec<Branch>,
    /// The longest ways through the operations that contradict each other.
    pub(crate) ways: Vec<Way>,
    /// How likely the failure was: before any step, then after each. Empty where nobody asked.
    pub(crate) chances: Vec<Risk>,
    /// The step that raised it most, if one did.
    pub(crate) likely_at: Option<usize>,
    /// The step from which on it could not be avoided, if there is one.
    pub(crate) inevitable_from: Option<usize>,
}

/// The share of random endings that fail in the same way, and its 95% interval.
#[derive(Serialize)]
pub(crate) struct Risk {
    pub(crate) p: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What a lane is of.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A client: its operations and steps.
    Client,
    /// A lock: its leases.
    Lock,
    /// A value: how it changes.
    State,
    /// A kind of move of the world: when it happens.
    Moves,
    /// Crashes and silences, whoever's.
    Faults,
    /// How likely the failure was.
    Chance,
}

/// A row of the timeline.
#[derive(Serialize)]
pub(crate) struct Lane {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Whose it is, if it is a client's.
    pub(crate) client: Option<u16>,
    /// How many of its operations lie above one another.
    pub(crate) tracks: u8,
    /// For a value: from where on it is what.
    pub(crate) values: Vec<(u64, String)>,
}

/// One step of a trace.
#[derive(Serialize)]
pub(crate) struct Step {
    /// `apply`, `reply`, `lose`, `late`, `crash`, `restart`, or the move's kind.
    pub(crate) verb: String,
    /// Whether it is the world's own move.
    pub(crate) moved: bool,
    /// The client it happens to.
    pub(crate) client: Option<u16>,
    /// As the trace writes it.
    pub(crate) text: String,
    /// Whether a fair schedule would have taken it anyway.
    pub(crate) dull: bool,
    /// What took effect.
    pub(crate) calls: Vec<Call>,
    /// What happened that matters.
    pub(crate) marks: Vec<String>,
    /// What it changed: name, before, after.
    pub(crate) changed: Vec<(String, String, String)>,
}

/// A call that took effect, or is waiting, or that nobody heard of.
#[derive(Serialize)]
pub(crate) struct Call {
    pub(crate) client: u16,
    pub(crate) asked: String,
    pub(crate) answer: String,
}

/// How an operation ended.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    /// With what it asked for.
    Done,
    /// With a no.
    Refused,
    /// Nobody heard.
    Open,
    /// It certainly did nothing.
    Failed,
}

/// An operation of the history.
#[derive(Serialize)]
pub(crate) struct Op {
    pub(crate) client: u16,
    /// `cas run-0 0->1`.
    pub(crate) text: String,
    /// What it is about, if the history says so.
    pub(crate) key: String,
    /// Without the key, for where there is one key only.
    pub(crate) short: String,
    /// What was answered: `won`. Empty if nobody heard.
    pub(crate) answer: String,
    pub(crate) end: End,
    /// Half columns.
    pub(crate) from: u64,
    /// Half columns. None: open for ever.
    pub(crate) to: Option<u64>,
    /// The history's own clock.
    pub(crate) called: u64,
    /// The same.
    pub(crate) returned: Option<u64>,
    /// Which of its lane's tracks it lies on.
    pub(crate) track: u8,
    /// Whether it is one of the few that contradict each other.
    pub(crate) guilty: bool,
    /// Its place in an order that explains all answers of its part, from 1.
    pub(crate) place: Option<usize>,
    /// The state before and after it in that order.
    pub(crate) states: Option<(String, String)>,
}

/// How a lease ended.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ended {
    /// It ran out under its holder.
    RanOut,
    /// Its holder gave it back.
    GivenBack,
    /// It was still held at the end.
    Held,
}

/// A lock, held from one step to another.
#[derive(Serialize)]
pub(crate) struct Lease {
    pub(crate) lock: String,
    pub(crate) client: u16,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) ended: Ended,
    /// How long it was granted for, in milliseconds.
    pub(crate) of_ms: Option<u32>,
    /// How long it had left, from where on.
    pub(crate) left_ms: Vec<(u64, u32)>,
}

/// A client that acts on a lock that is gone.
#[derive(Serialize)]
pub(crate) struct Belief {
    pub(crate) client: u16,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) text: String,
}

/// From the read that decided to the write that acted.
#[derive(Serialize)]
pub(crate) struct Arrow {
    pub(crate) client: u16,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) text: String,
    /// Whether the write was let through.
    pub(crate) acted: bool,
}

/// A transition from a parent that had a child already.
#[derive(Serialize)]
pub(crate) struct Branch {
    /// An index into `lanes`.
    pub(crate) lane: usize,
    /// Where the first child took the parent's place.
    pub(crate) from: u64,
    /// Where the second one was acknowledged.
    pub(crate) at: u64,
    pub(crate) text: String,
}

/// How far the guilty operations can be explained.
#[derive(Serialize)]
pub(crate) struct Way {
    /// The state it begins in.
    pub(crate) start: String,
    /// Operations, as indices, and the state after each.
    pub(crate) order: Vec<(usize, String)>,
    /// What could have come next, and what is wrong with it there.
    pub(crate) stuck: Vec<(usize, String)>,
}
