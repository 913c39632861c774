//! The snapshots of runs in Postgres: rows that are only ever added.
//!
//! A transition is one statement here, as it is one transaction as published: the snapshot, and
//! what it changes of its run. The hard part is what "the latest" means. As published it is the row with
//! the largest `created_at`, to a millisecond and by the clock of whichever server wrote it; here
//! rows are also numbered from their parents, and one parent has one child. A replica follows, rows
//! first and what is joined to them later.

use crate::worlds::Run;
use sim::prelude::*;
use std::fmt;

/// What a run is at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    /// There, and in no queue: no version of its code is deployed.
    RunCreated,
    /// Not to be queued yet.
    Delayed,
    /// In the queue.
    Queued,
    /// In the queue, while its runner still has it.
    QueuedExecuting,
    /// Taken off the queue; no attempt has begun.
    PendingExecuting,
    /// A runner is at work.
    Executing,
    /// The same, and it waits for something.
    ExecutingWithWaitpoints,
    /// Frozen in a checkpoint while it waits.
    Suspended,
    /// The runner is to stop.
    PendingCancel,
    /// Over.
    Finished,
}

impl Status {
    /// Whether a runner is taken to be at work on it.
    pub fn has_runner(self) -> bool {
        use Status::{Executing, ExecutingWithWaitpoints, PendingExecuting, QueuedExecuting};
        matches!(self, Executing | ExecutingWithWaitpoints | PendingExecuting | QueuedExecuting)
    }

    /// Whether a run may go from here to there.
    pub fn leads_to(self, next: Status) -> bool {
        use Status::*;
        match self {
            RunCreated | Delayed | Suspended => matches!(next, Queued | Finished),
            Queued => matches!(next, PendingExecuting | RunCreated | Finished),
            QueuedExecuting => matches!(next, Executing | Queued | PendingCancel),
            PendingExecuting => matches!(next, Executing | Queued | PendingCancel),
            Executing | ExecutingWithWaitpoints => !matches!(
                next,
                RunCreated | Delayed | QueuedExecuting | PendingExecuting
            ),
            PendingCancel => next == Finished,
            Finished => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::RunCreated => "RUN_CREATED",
            Status::Delayed => "DELAYED",
            Status::Queued => "QUEUED",
            Status::QueuedExecuting => "QUEUED_EXECUTING",
            Status::PendingExecuting => "PENDING_EXECUTING",
            Status::Executing => "EXECUTING",
            Status::ExecutingWithWaitpoints => "EXECUTING_WITH_WAITPOINTS",
            Status::Suspended => "SUSPENDED",
            Status::PendingCancel => "PENDING_CANCEL",
            Status::Finished => "FINISHED",
        })
    }
}

/// A row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Snapshot {
    /// Drawn by who writes it.
    pub id: u64,
    /// The run.
    pub run: Run,
    /// The snapshot it follows; 0: none.
    pub previous: u64,
    /// One more than that one's.
    pub seq: u32,
    /// What the run is at.
    pub status: Status,
    /// How many attempts have begun.
    pub attempt: u8,
    /// Whether a checkpoint belongs to it, to be restored.
    pub checkpoint: bool,
    /// Whether it carries the batch that its run was triggered in.
    pub batch: bool,
    /// How many waitpoints its runner goes on with.
    pub waitpoints: u8,
    /// What the runner reports about, where it is a runner's report.
    pub report: Option<u64>,
    /// By the clock of who wrote it, where anybody looks at that.
    pub created_ms: u32,
}

/// What is asked of Postgres.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// The latest snapshot, and whether the run waits for something.
    Latest {
        /// The run.
        run: Run,
    },
    /// `INSERT`, with `ON CONFLICT (run_id, previous_id) DO NOTHING` where that is unique.
    Append {
        /// The row.
        snapshot: Snapshot,
        /// Whether a waitpoint that is named like the row is made with it.
        waits: bool,
    },
    /// What came after a snapshot, at most so many; waits until there is something.
    Since {
        /// The run.
        run: Run,
        /// The cursor; 0: from the beginning.
        after: u64,
        /// Whether to ask the replica.
        replica: bool,
        /// Whether to wait until there is something.
        waits: bool,
    },
    /// Waits until the run waits for something; the waitpoint.
    AwaitWaitpoint {
        /// The run.
        run: Run,
    },
    /// What the run waits for has come.
    Complete {
        /// The waitpoint.
        waitpoint: u64,
    },
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The snapshot, and whether the run waits for something.
    Latest(Option<Snapshot>, bool),
    /// Whether the row was inserted.
    Appended(bool),
    /// Rows, and how many of its waitpoints the last of them has been joined to.
    Rows(Vec<Snapshot>, u8),
    /// A waitpoint; none: nobody waited long enough.
    Waitpoint(Option<u64>),
    /// It was done.
    Done,
}

/// How the table is read and written: mutants are here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Design {
    /// One child a parent.
    pub unique: bool,
    /// The latest is the largest `created_at`.
    pub latest_by_clock: bool,
    /// Since is a comparison of `created_at`.
    pub since_by_clock: bool,
    /// A page that is too small for all keeps the newest.
    pub newest_first: bool,
    /// How many rows a page has.
    pub limit: usize,
}

/// How far a replica has got: the rows it has, and of these the ones that are joined.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Replica {
    rows: usize,
    joined: usize,
}

/// The table, in the order of commits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Table {
    rows: Vec<Snapshot>,
    /// The waitpoints that are pending, with their runs.
    pending: Vec<(Run, u64)>,
    replica: Option<Replica>,
    now_ms: u32,
    design: Constant<Design>,
}

/// What every clock shows in the beginning; those that are behind show 0.
const START_MS: u32 = 1000;
/// How long a run is looked at, in ticks.
const TICKS: u32 = 3;

impl Table {
    /// A table that holds `rows` already, and what their runs wait for.
    pub fn new(
        rows: Vec<Snapshot>,
        pending: Vec<(Run, u64)>,
        replica: bool,
        design: Design,
    ) -> Self {
        let (all, clocks) = (rows.len(), design.latest_by_clock || design.since_by_clock);
        let mut rows = rows;
        if clocks {
            let before = (START_MS - all as u32..).zip(&mut rows);
            before.for_each(|(ms, it)| it.created_ms = ms);
        }
        let replica = replica.then_some(Replica { rows: all, joined: all });
        Table { rows, pending, replica, now_ms: 0, design: Constant(design) }
    }

    /// Every row, in the order of commits.
    pub fn rows(&self) -> &[Snapshot] {
        &self.rows
    }

    /// The rows of a run.
    fn of(&self, run: Run) -> impl DoubleEndedIterator<Item = &Snapshot> {
        self.rows.iter().filter(move |it| it.run == run)
    }

    /// The row of a run that was committed last.
    pub fn last(&self, run: Run) -> Option<Snapshot> {
        self.of(run).next_back().copied()
    }

    /// The row that a query for the latest finds.
    pub fn latest(&self, run: Run) -> Option<Snapshot> {
        match self.design.0.latest_by_clock {
            // Of equals the later one, as it often is: this is not about ties.
            true => self.of(run).max_by_key(|it| it.created_ms).copied(),
            false => self.of(run).max_by_key(|it| it.seq).copied(),
        }
    }

    /// Whether the run waits for something.
    pub fn is_blocked(&self, run: Run) -> bool {
        self.pending.iter().any(|(it, _)| *it == run)
    }

    /// Whether this must wait for somebody else's doing.
    pub(super) fn waits(&self, call: &Call) -> bool {
        match call {
            Call::Since { run, after, replica, waits: true } => {
                self.since(*run, *after, *replica).0.is_empty()
            }
            Call::AwaitWaitpoint { run } => !self.is_blocked(*run),
            _ => false,
        }
    }

    /// `behind`: the caller's clock is a second behind the others.
    pub(super) fn apply(&mut self, call: &Call, behind: bool) -> Reply {
        match *call {
            Call::Latest { run } => Reply::Latest(self.latest(run), self.is_blocked(run)),
            Call::Append { snapshot, waits } => {
                Reply::Appended(self.append(snapshot, waits, behind))
            }
            Call::Since { run, after, replica, .. } => {
                let (rows, joined) = self.since(run, after, replica);
                Reply::Rows(rows, joined)
            }
            Call::AwaitWaitpoint { run } => {
                let waitpoint = self.pending.iter().find(|(it, _)| *it == run);
                Reply::Waitpoint(waitpoint.map(|it| it.1))
            }
            Call::Complete { waitpoint } => {
                self.pending.retain(|(_, it)| *it != waitpoint);
                Reply::Done
            }
        }
    }

    fn append(&mut self, snapshot: Snapshot, waits: bool, behind: bool) -> bool {
        let sibling = self.of(snapshot.run).any(|it| it.previous == snapshot.previous);
        if sibling && self.design.0.unique {
            return false;
        }
        let clocks = self.design.0.latest_by_clock || self.design.0.since_by_clock;
        let now_ms = self.now_ms + if behind { 0 } else { START_MS };
        self.rows.push(Snapshot { created_ms: if clocks { now_ms } else { 0 }, ..snapshot });
        if waits {
            self.pending.push((snapshot.run, snapshot.id));
        }
        true
    }

    fn since(&self, run: Run, after: u64, replica: bool) -> (Vec<Snapshot>, u8) {
        let whole = Replica { rows: self.rows.len(), joined: self.rows.len() };
        let Replica { rows: seen, joined } =
            if replica { self.replica.clone().unwrap_or(whole) } else { whole };
        let Design { since_by_clock, newest_first, limit, .. } = self.design.0;
        let cursor = self.of(run).find(|it| it.id == after);
        let later = |it: &&Snapshot| match cursor {
            Some(cursor) if since_by_clock => it.created_ms > cursor.created_ms,
            Some(cursor) => it.seq > cursor.seq,
            None => true,
        };
        let rows = self.rows[..seen].iter().filter(|it| it.run == run).filter(later);
        let mut rows: Vec<Snapshot> = rows.copied().collect();
        let over = rows.len().saturating_sub(limit);
        if newest_first {
            rows.drain(..over);
        } else {
            rows.truncate(limit);
        }
        let is_joined = |last: &Snapshot| self.rows[..joined].iter().any(|it| it.id == last.id);
        let joined = rows.last().filter(|it| is_joined(it)).map_or(0, |it| it.waitpoints);
        (rows, joined)
    }

    /// Whether a clock may tick, and the replica get on: with a row, with what is joined.
    pub(super) fn may(&self) -> (bool, bool, bool) {
        let clocks = self.design.0.latest_by_clock || self.design.0.since_by_clock;
        let (rows, joins) = self.replica.as_ref().map_or((false, false), |it| {
            (it.rows < self.rows.len(), it.joined < it.rows)
        });
        (clocks && self.now_ms < TICKS, rows, joins)
    }

    pub(super) fn tick(&mut self) {
        self.now_ms += 1;
    }

    pub(super) fn replicate(&mut self, joins: bool) {
        let replica = self.replica.as_mut().expect("only a replica that is there gets on");
        *(if joins { &mut replica.joined } else { &mut replica.rows }) += 1;
    }
}
