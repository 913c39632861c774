//! `run_engine`: a run from its trigger to its end, by snapshots that workers and others add.
//!
//! After triggerdotdev/trigger.dev at b082e44389, `internal-packages/run-engine/src/engine`: what a
//! run is at is its latest snapshot in Postgres, and everything that moves it takes its lock in
//! Redis, reads that, and appends the next. Messages and heartbeats are in Redis too.
//!
//! The hard part is that nothing spans the two stores and that the lock runs out. As published,
//! nothing refuses a second child of a snapshot, "the latest" is a column of clocks, and a message
//! follows its snapshot by a round trip in which the process may die. Here a parent has one child,
//! snapshots are numbered from their parents, and what must be in Redis is there first (`actor`).
//! Each thing that is done otherwise as published, or was until it was fixed, is a mutant; a number
//! is that of an issue or a pull request there.

pub mod history;
pub mod jobs;
pub mod sizes;
pub mod table;
pub mod world;

mod actor;
mod monitor;
mod promises;
mod words;
mod worker;

use crate::worlds::{CONFLICT, EXPIRED, Run};
use actor::{Actor, first};
use history::{CONTINUES_WITH, Snapshots};
use jobs::Jobs;
use promises::{ANEW, CONTEXT, FINAL, LATEST, LEGAL, NOTICED, ONE_RUN, QUEUED, RESTARTS, STALE};
use sim::model::Seen;
use sim::prelude::*;
use sizes::{Begins, Lock, Plan, Sizes};
use table::{Design, Snapshot, Status, Table};
use words::begun;
use world::Engine;

/// The ways it is broken. What is said of each is at [`RunEngine::MUTANTS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// No `UNIQUE (run_id, previous_id)`.
    Unconditional,
    /// `WHERE created_at > $cursor`.
    SinceByClock,
    /// `ORDER BY created_at DESC`.
    LatestByClock,
    /// `ORDER BY .. DESC LIMIT`.
    KeepsNewest,
    /// Does not ask whether all is joined yet.
    TrustsReplica,
    /// The snapshot first, and the message next.
    EnqueuesAfter,
    /// The snapshot first, and the heartbeat job next.
    HeartbeatAfter,
    /// A message that is not about the latest is done.
    AcksSwallowed,
    /// One heartbeat job a run, and whoever finishes one deletes it.
    HeartbeatPerRun,
    /// A stalled run is queued without its checkpoint.
    StallDropsCheckpoint,
    /// A frozen run is looked at for ever.
    RestartsForEver,
    /// A run that is queued again may be given up as if it were new.
    RequeueKeepsTtl,
    /// The batch is not copied when a run is taken off the queue.
    DequeueDropsBatch,
    /// `GET`, then `SET`.
    DebounceGetSet,
    /// A report is about whatever is the latest.
    StaleWorkerCompletes,
    /// Cancels what is over.
    CancelUnchecked,
    /// Lets go on whatever there is.
    ContinueUnchecked,
}

use Mutant::*;

/// The model.
#[derive(Clone)]
pub struct RunEngine {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const UNLOCKED: (&str, &str) = ("lock", "none");
const UNREAD: (&str, &str) = ("pollers", "0");
const NO_CANCEL: (&str, &str) = ("cancellers", "0");
const NO_OPERATOR: (&str, &str) = ("operators", "0");
const NO_TRIGGER: (&str, &str) = ("triggers", "0");
const ONE_WORKER: (&str, &str) = ("workers", "1");
/// A run that moves twice while somebody follows it.
const FOLLOWED: &[(&str, &str)] = &[
    UNLOCKED,
    NO_CANCEL,
    NO_OPERATOR,
    NO_TRIGGER,
    ONE_WORKER,
    ("monitors", "0"),
    ("limit", "4"),
    ("replica", "false"),
    ("begins", "executing"),
    ("plan", "retries"),
];
/// A run that was taken off the queue, and by nobody who is there.
const STALLED: &[(&str, &str)] =
    &[UNLOCKED, UNREAD, NO_CANCEL, NO_OPERATOR, NO_TRIGGER, ONE_WORKER, ("begins", "pending")];

impl Model for RunEngine {
    const NAME: &'static str = "run_engine";
    const ABOUT: &'static str = "Trigger.dev's run engine: snapshots, messages and stalls of a run";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation::new(
            Unconditional,
            Property::FORK,
            &[("begins", "executing"), UNREAD],
            "nothing refuses a second child of a snapshot, as published: the lock ran out",
        ),
        Mutation::new(
            SinceByClock,
            Property::SINCE_COMPLETE,
            FOLLOWED,
            "WHERE created_at > the cursor's, as published: two snapshots in one millisecond",
        ),
        Mutation::new(
            LatestByClock,
            LATEST,
            &[UNLOCKED, UNREAD],
            "ORDER BY created_at, as published: a server whose clock is behind adds the latest",
        ),
        Mutation::new(
            KeepsNewest,
            Property::SINCE_COMPLETE,
            &[UNLOCKED, ("replica", "false")],
            "ORDER BY created_at DESC LIMIT, as published: what does not fit is the oldest",
        ),
        Mutation::new(
            TrustsReplica,
            CONTINUES_WITH,
            &[UNLOCKED, UNREAD, NO_CANCEL, ("begins", "waiting")],
            "a snapshot on the replica without the rows joined to it (#3889, #4163, #4164)",
        ),
        Mutation::new(
            EnqueuesAfter,
            QUEUED,
            &[UNLOCKED, UNREAD, NO_CANCEL, NO_OPERATOR, ONE_WORKER, ("begins", "nothing")],
            "QUEUED is committed and the message sent next, as published: a crash in between",
        ),
        Mutation::new(
            AcksSwallowed,
            QUEUED,
            &[UNREAD, NO_CANCEL, NO_OPERATOR, NO_TRIGGER, ONE_WORKER, ("begins", "pending")],
            "a message whose snapshot is yet to come is taken for an old one, as published",
        ),
        Mutation::new(
            HeartbeatAfter,
            NOTICED,
            &[UNLOCKED, UNREAD, NO_CANCEL, NO_OPERATOR, NO_TRIGGER, ONE_WORKER],
            "a snapshot is committed and its heartbeat set next, as published: a crash in between",
        ),
        Mutation::new(
            HeartbeatPerRun,
            ANEW,
            &[UNLOCKED, UNREAD, NO_CANCEL, NO_OPERATOR, NO_TRIGGER, ONE_WORKER],
            "one heartbeat job a run: done with the last, a monitor deletes the next (#2380)",
        ),
        Mutation::new(
            StallDropsCheckpoint,
            CONTEXT,
            &[UNLOCKED, UNREAD, ("begins", "pending")],
            "a run that stalls before it is restored is queued without its checkpoint (#2493)",
        ),
        Mutation::new(
            RestartsForEver,
            RESTARTS,
            &[UNLOCKED, UNREAD, NO_CANCEL, ("begins", "suspended")],
            "a frozen run that still waits is restarted without end (#2448)",
        ),
        Mutation::new(
            RequeueKeepsTtl,
            QUEUED,
            STALLED,
            "the message of a run that had begun is given up by its ttl, the run is not (#4669)",
        ),
        Mutation::new(
            DequeueDropsBatch,
            CONTEXT,
            &[UNLOCKED, UNREAD],
            "the batch is not copied to the snapshot of a run taken off the queue (#1893)",
        ),
        Mutation::new(
            DebounceGetSet,
            ONE_RUN,
            &[UNLOCKED, UNREAD, ("triggers", "2"), ("begins", "nothing")],
            "GET and then SET of the debounce key: two find none (#2794)",
        ),
        Mutation::new(
            StaleWorkerCompletes,
            STALE,
            &[UNLOCKED, UNREAD, NO_CANCEL, NO_OPERATOR, NO_TRIGGER, ("begins", "executing")],
            "a report is taken for one about the latest: its worker stalled, and the run went on",
        ),
        Mutation::new(
            CancelUnchecked,
            FINAL,
            &[
                UNLOCKED,
                UNREAD,
                NO_OPERATOR,
                NO_TRIGGER,
                ONE_WORKER,
                ("monitors", "0"),
                ("begins", "executing"),
            ],
            "cancels a run without a look at whether it is over",
        ),
        Mutation::new(
            ContinueUnchecked,
            LEGAL,
            &[UNLOCKED, UNREAD, ("begins", "suspended")],
            "lets a run go on although it does not wait: nobody executes it",
        ),
    ];
    const GUARD: Option<Mutant> = Some(Unconditional);

    type World = Engine;
    type Spec = Snapshots;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        RunEngine { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        self.roles().iter().map(|(count, _)| count).sum()
    }

    fn role(&self, client: ClientId) -> char {
        let mut left = client.0;
        for (count, role) in self.roles() {
            match left.checked_sub(count) {
                None => return role,
                Some(rest) => left = rest,
            }
        }
        '?'
    }

    fn worlds(&self) -> Vec<Engine> {
        let design = Design {
            unique: !self.is(Unconditional),
            latest_by_clock: self.is(LatestByClock),
            since_by_clock: self.is(SinceByClock),
            newest_first: self.is(KeepsNewest),
            limit: usize::from(self.sizes.limit),
        };
        let rows = self.first();
        let mut jobs = Jobs::default();
        if let Some(job) = rows.last().and_then(|it| self.job(it, it.seq == 1)) {
            jobs.send(job);
        }
        let waiting = rows.iter().filter(|it| it.status == Status::ExecutingWithWaitpoints);
        let pending = waiting.map(|it| (it.run, it.id)).collect();
        let table = Table::new(rows, pending, self.sizes.replica, design);
        let runs = self.sizes.triggers.max(1);
        vec![Engine::new(runs, table, jobs, self.is(LatestByClock))]
    }

    fn spec(&self) -> Snapshots {
        Snapshots::new(self.first().iter().map(|it| it.id).collect())
    }

    async fn client(self, io: Io<Self>) {
        let role = self.role(io.me());
        let actor = Actor { model: &self, io: &io };
        match role {
            't' if self.begins() != Begins::Nothing => {}
            // Nobody tries again: whoever asked has heard nothing, and asks again or not.
            't' => drop(actor.trigger().await),
            'w' => actor.work(self.in_hand(io.me())).await,
            'm' => actor.monitor().await,
            'o' => actor.operate().await,
            'c' => drop(actor.cancel().await),
            _ => actor.poll().await,
        }
    }

    fn invariant(&self, _before: Option<&Engine>, now: &Engine) -> Result<(), Violation> {
        promises::kept(now, self.sizes.restarts)
    }

    fn settled(&self, now: &Engine) -> Result<(), Violation> {
        promises::settled(now)
    }

    fn sometimes(&self) -> Vec<&'static str> {
        match self.sizes.lock {
            Lock::Redis if self.sizes.workers > 1 => vec![CONFLICT, EXPIRED],
            _ => Vec::new(),
        }
    }

    fn stats(&self, _history: &Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        vec![
            ("conflicts", marks.count(CONFLICT)),
            ("expiries_mid_transition", marks.count(EXPIRED)),
        ]
    }
}

impl RunEngine {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn begins(&self) -> Begins {
        self.sizes.begins.or(Begins::Nothing)
    }

    fn plan(&self) -> Plan {
        self.sizes.plan.or(Plan::Succeeds)
    }

    fn lock_ms(&self) -> Option<u32> {
        (self.sizes.lock == Lock::Redis).then_some(self.sizes.ttl)
    }

    /// Whether anybody looks at what was appended.
    fn is_read(&self) -> bool {
        self.sizes.pollers > 0 || self.sizes.replica
    }

    fn roles(&self) -> [(u16, char); 6] {
        let Sizes { triggers, workers, monitors, operators, cancellers, pollers, .. } = self.sizes;
        [
            (triggers, 't'),
            (workers, 'w'),
            (monitors, 'm'),
            (operators, 'o'),
            (cancellers, 'c'),
            (pollers, 'p'),
        ]
    }

    /// The snapshots that are there in the beginning.
    fn first(&self) -> Vec<Snapshot> {
        use Status::*;
        let statuses: &[Status] = match self.begins() {
            Begins::Nothing => &[],
            Begins::Queued => &[Queued],
            Begins::Pending => &[Queued, PendingExecuting],
            Begins::Executing => &[Queued, PendingExecuting, Executing],
            Begins::QueuedExecuting => &[Queued, PendingExecuting, Executing, QueuedExecuting],
            Begins::Waiting => &[Queued, PendingExecuting, Executing, ExecutingWithWaitpoints],
            Begins::Suspended => {
                &[Queued, PendingExecuting, Executing, ExecutingWithWaitpoints, Suspended]
            }
        };
        let mut rows: Vec<Snapshot> = Vec::new();
        for (status, number) in statuses.iter().zip(1..) {
            let next = rows.last().map_or(first(Run(0), *status), |it| it.to(*status));
            let attempt = u8::from(number > 2 || self.begins() == Begins::Pending);
            let checkpoint = match self.begins() {
                Begins::Pending => true,
                _ => *status == Suspended,
            };
            rows.push(Snapshot { id: begun(number), attempt, checkpoint, ..next });
        }
        rows
    }

    /// What a client holds in the beginning.
    fn in_hand(&self, client: ClientId) -> Option<Snapshot> {
        let held = [Begins::Executing, Begins::QueuedExecuting, Begins::Waiting];
        let first = client.0 == self.sizes.triggers && held.contains(&self.begins());
        self.first().last().copied().filter(|_| first)
    }
}
