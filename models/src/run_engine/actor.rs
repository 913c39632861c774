//! What everybody who moves a run does: under its lock, read the latest snapshot, append the next.
//!
//! The hard part is what must be in Redis too. As published a snapshot is committed and its message
//! sent next, and a crash in between leaves a run that nobody looks for. Here the message is first,
//! and names both the snapshot it is about and its parent; a taker that finds the parent still the
//! latest leaves it there, because its snapshot may yet come. That needs nothing but that a parent
//! has one child: the lock saves work, and nothing is lost with it.

use super::history::{Op, Ret};
use super::jobs::{self, Job, Kind, Taken};
use super::table::{self, Snapshot, Status};
use super::words::begun;
use super::world::{Call, Reply};
use super::{Mutant, RunEngine};
use crate::worlds::Run;
use crate::worlds::leases::Call as Redis;
use sim::prelude::*;

/// One client.
pub(super) struct Actor<'a> {
    pub(super) model: &'a RunEngine,
    pub(super) io: &'a Io<RunEngine>,
}

/// What came of wanting to move a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It is there now.
    Moved(Snapshot),
    /// Somebody else was faster.
    Beaten,
    /// Nothing is to be done: what was the latest, and whether the run waits for something.
    Declined(Option<Snapshot>, bool),
}

impl Outcome {
    pub(super) fn moved(self) -> Option<Snapshot> {
        match self {
            Outcome::Moved(snapshot) => Some(snapshot),
            Outcome::Beaten | Outcome::Declined(..) => None,
        }
    }
}

/// The first snapshot of a run; its writer names it.
pub(super) fn first(run: Run, status: Status) -> Snapshot {
    Snapshot {
        id: 0,
        run,
        previous: 0,
        seq: 1,
        status,
        attempt: 0,
        checkpoint: false,
        batch: true,
        waitpoints: 0,
        report: None,
        created_ms: 0,
    }
}

impl Snapshot {
    /// The next of its run; its writer names it. A checkpoint is kept until a runner has it.
    pub(super) fn to(self, status: Status) -> Snapshot {
        let frozen =
            matches!(status, Status::Queued | Status::PendingExecuting | Status::Suspended);
        Snapshot {
            id: 0,
            previous: self.id,
            seq: self.seq + 1,
            status,
            checkpoint: self.checkpoint && frozen,
            waitpoints: 0,
            report: None,
            ..self
        }
    }
}

impl RunEngine {
    /// What must be in Redis while this is the latest.
    pub(super) fn job(&self, it: &Snapshot, ttl: bool) -> Option<Job> {
        let kind = match it.status {
            Status::Queued | Status::QueuedExecuting => Kind::Run,
            Status::Delayed => Kind::Delayed,
            Status::RunCreated | Status::Finished => return None,
            _ => Kind::Stalled,
        };
        let key = if kind == Kind::Stalled { self.heartbeat(it) } else { it.id };
        Some(Job { key, kind, run: it.run, about: it.id, parent: it.previous, ttl })
    }

    /// The key of the job that looks whether somebody is at work.
    pub(super) fn heartbeat(&self, it: &Snapshot) -> u64 {
        if self.is(Mutant::HeartbeatPerRun) { begun(1000 + u64::from(it.run.0)) } else { it.id }
    }
}

impl Actor<'_> {
    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.model.is(mutant)
    }

    pub(super) async fn table(&self, call: table::Call) -> Result<table::Reply, Lost> {
        match self.io.call(Call::Table(call)).await? {
            Reply::Table(reply) => Ok(reply),
            other => unreachable!("Postgres answers as Postgres, not {other:?}"),
        }
    }

    pub(super) async fn jobs(&self, call: jobs::Call) -> Result<jobs::Reply, Lost> {
        match self.io.call(Call::Jobs(call)).await? {
            Reply::Jobs(reply) => Ok(reply),
            other => unreachable!("a queue answers as one, not {other:?}"),
        }
    }

    /// The latest snapshot, and whether the run waits for something.
    pub(super) async fn latest(&self, run: Run) -> Result<(Option<Snapshot>, bool), Lost> {
        match self.table(table::Call::Latest { run }).await? {
            table::Reply::Latest(latest, blocked) => Ok((latest, blocked)),
            other => unreachable!("it was asked for the latest, not {other:?}"),
        }
    }

    /// Waits for a job; none: there was none for long enough.
    pub(super) async fn take(&self, monitor: bool) -> Result<Option<Taken>, Lost> {
        match self.jobs(jobs::Call::Take { monitor }).await? {
            jobs::Reply::Taken(taken) => Ok(taken),
            other => unreachable!("it was asked for a job, not {other:?}"),
        }
    }

    pub(super) async fn send(&self, job: Job) -> Result<(), Lost> {
        self.jobs(jobs::Call::Send(job)).await.map(drop)
    }

    pub(super) async fn ack(&self, taken: &Taken) -> Result<(), Lost> {
        // As published, whoever holds it by now.
        let per_run = self.is(Mutant::HeartbeatPerRun) && taken.job.kind == Kind::Stalled;
        let lease = Some(taken.lease).filter(|_| !per_run);
        self.jobs(jobs::Call::Ack { key: taken.job.key, lease }).await.map(drop)
    }

    pub(super) async fn nack(&self, taken: &Taken, restart: bool) -> Result<(), Lost> {
        let (key, lease) = (taken.job.key, taken.lease);
        self.jobs(jobs::Call::Nack { key, lease, restart }).await.map(drop)
    }

    /// A job is over once the run is past the snapshot it is about.
    pub(super) async fn done_with(&self, taken: &Taken, outcome: Outcome) -> Result<(), Lost> {
        let may_come = match outcome {
            Outcome::Declined(latest, _) => latest.map_or(0, |it| it.id) == taken.job.parent,
            Outcome::Moved(_) | Outcome::Beaten => false,
        };
        if may_come && !self.is(Mutant::AcksSwallowed) {
            return self.nack(taken, false).await;
        }
        self.ack(taken).await
    }

    /// Moves a run to what `next` makes of its latest snapshot.
    pub(super) async fn transition(
        &self,
        run: Run,
        next: impl FnOnce(Option<Snapshot>, bool) -> Option<Snapshot>,
    ) -> Result<Outcome, Lost> {
        let Some(ttl_ms) = self.model.lock_ms() else { return self.moved(run, next).await };
        let value = self.io.unique();
        let locked = self.io.call(Call::Lock(Redis::Acquire { run, value, ttl_ms })).await;
        let outcome = match locked {
            Ok(_) => self.moved(run, next).await,
            Err(Lost) => Err(Lost),
        };
        // As well as it can: it runs out by itself.
        let _ = self.io.call(Call::Lock(Redis::Release { run, value })).await;
        outcome
    }

    async fn moved(
        &self,
        run: Run,
        next: impl FnOnce(Option<Snapshot>, bool) -> Option<Snapshot>,
    ) -> Result<Outcome, Lost> {
        let (latest, blocked) = self.latest(run).await?;
        let Some(next) = next(latest, blocked) else {
            return Ok(Outcome::Declined(latest, blocked));
        };
        let snapshot = Snapshot { id: self.io.unique(), ..next };
        let fresh = |it: Snapshot| matches!(it.status, Status::Delayed | Status::RunCreated);
        let ttl = snapshot.status == Status::Queued
            && (self.is(Mutant::RequeueKeepsTtl) || latest.is_none_or(fresh));
        let job = self.model.job(&snapshot, ttl);
        let late = match job.map(|it| it.kind) {
            Some(Kind::Run) => self.is(Mutant::EnqueuesAfter),
            Some(Kind::Stalled) => self.is(Mutant::HeartbeatAfter),
            _ => false,
        };
        if let Some(job) = job.filter(|_| !late) {
            self.send(job).await?;
        }
        if !self.append(snapshot).await? {
            return Ok(Outcome::Beaten);
        }
        if let Some(job) = job.filter(|_| late) {
            self.send(job).await?;
        }
        Ok(Outcome::Moved(snapshot))
    }

    async fn append(&self, snapshot: Snapshot) -> Result<bool, Lost> {
        let Snapshot { run, previous, id, status, .. } = snapshot;
        // A history is kept for those who read it.
        let read = self.model.is_read();
        let asked = read.then(|| self.io.begin(Op::Append { run, after: previous, by: id }));
        let waits = status == Status::ExecutingWithWaitpoints;
        let told = self.table(table::Call::Append { snapshot, waits }).await?;
        let done = told == table::Reply::Appended(true);
        if let Some(asked) = asked {
            asked.end(if done { Ret::Won } else { Ret::Lost });
        }
        Ok(done)
    }

    /// Moves a run on from a snapshot, if that is still its latest.
    pub(super) async fn follow(
        &self,
        at: Snapshot,
        next: impl FnOnce(Snapshot) -> Snapshot,
    ) -> Result<Option<Snapshot>, Lost> {
        let latest = |it: Option<Snapshot>, _| it.filter(|it| it.id == at.id).map(next);
        Ok(self.transition(at.run, latest).await?.moved())
    }
}
