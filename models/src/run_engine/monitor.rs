//! Those who move a run without running it: whoever triggers, looks for the stalled, completes what
//! is waited for, and cancels.

use super::actor::{Actor, Outcome, first};
use super::jobs::{Job, Kind, Taken};
use super::sizes::Plan;
use super::table::{self, Snapshot, Status};
use super::world::{Call, Reply};
use super::Mutant;
use crate::worlds::Run;
use sim::prelude::*;

impl Actor<'_> {
    /// Creates a run, one for each key.
    pub(super) async fn trigger(&self) -> Result<(), Lost> {
        let run = Run(self.io.me().0);
        if self.is(Mutant::DebounceGetSet) {
            if self.key(Call::Peek).await? {
                return Ok(());
            }
            self.key(Call::Put(run)).await?;
        } else if !self.key(Call::Claim(run)).await? {
            return Ok(());
        }
        let status = if self.model.sizes.delayed { Status::Delayed } else { Status::Queued };
        let next = |latest: Option<Snapshot>, _| latest.is_none().then(|| first(run, status));
        self.transition(run, next).await.map(drop)
    }

    async fn key(&self, call: Call) -> Result<bool, Lost> {
        match self.io.call(call).await? {
            Reply::Key(yes) => Ok(yes),
            other => unreachable!("it was asked for a key, not {other:?}"),
        }
    }

    pub(super) async fn monitor(&self) {
        for turn in 0..self.model.sizes.turns {
            self.io.at(&turn);
            // Silence ends a turn: the job comes back.
            let _ = self.look().await;
        }
    }

    async fn look(&self) -> Result<(), Lost> {
        let Some(taken) = self.take(true).await? else { return Ok(()) };
        if taken.job.kind == Kind::Continue {
            return self.unblock(&taken).await;
        }
        let about = taken.job.about;
        let next = |latest: Option<Snapshot>, blocked| {
            self.late(latest.filter(|it| it.id == about)?, taken.job.kind, blocked)
        };
        let outcome = self.transition(taken.job.run, next).await?;
        match outcome {
            // Still frozen: it is looked at again, but not for ever. What it waits for will say so.
            Outcome::Declined(Some(it), true) if it.id == about => {
                let again = taken.restarts < self.model.sizes.restarts;
                match again || self.is(Mutant::RestartsForEver) {
                    true => self.nack(&taken, true).await,
                    false => self.ack(&taken).await,
                }
            }
            outcome => self.done_with(&taken, outcome).await,
        }
    }

    /// What becomes of a run that a job was to look at, and which is there still.
    fn late(&self, it: Snapshot, kind: Kind, blocked: bool) -> Option<Snapshot> {
        let again = it.attempt < self.model.sizes.attempts;
        match (kind, it.status) {
            (Kind::Expired, Status::Queued) => (it.attempt == 0).then(|| it.to(Status::Finished)),
            (Kind::Delayed, Status::Delayed) => Some(it.to(Status::Queued)),
            (Kind::Stalled, Status::PendingExecuting) => {
                let checkpoint = it.checkpoint && !self.is(Mutant::StallDropsCheckpoint);
                Some(Snapshot { checkpoint, ..it.to(Status::Queued) })
            }
            (Kind::Stalled, Status::Executing | Status::ExecutingWithWaitpoints) => {
                Some(it.to(if again { Status::Queued } else { Status::Finished }))
            }
            (Kind::Stalled, Status::Suspended) => (!blocked).then(|| it.to(Status::Queued)),
            (Kind::Stalled, Status::PendingCancel) => Some(it.to(Status::Finished)),
            _ => None,
        }
    }

    /// Lets a run go on once nothing is left to wait for.
    async fn unblock(&self, taken: &Taken) -> Result<(), Lost> {
        let waits = |it: &Snapshot| {
            matches!(it.status, Status::ExecutingWithWaitpoints | Status::Suspended)
        };
        let unchecked = self.is(Mutant::ContinueUnchecked);
        let next = |latest: Option<Snapshot>, blocked: bool| {
            let it = latest.filter(|_| !blocked)?;
            match it.status {
                Status::Suspended => Some(it.to(Status::Queued)),
                _ if waits(&it) => Some(Snapshot { waitpoints: 1, ..it.to(Status::Executing) }),
                _ => unchecked.then(|| it.to(Status::Executing)),
            }
        };
        match self.transition(taken.job.run, next).await? {
            Outcome::Beaten => self.nack(taken, false).await,
            Outcome::Declined(Some(it), true) if waits(&it) => self.nack(taken, false).await,
            Outcome::Moved(_) | Outcome::Declined(..) => self.ack(taken).await,
        }
    }

    pub(super) async fn operate(&self) {
        for turn in 0..self.model.sizes.turns {
            self.io.at(&turn);
            let _ = match self.model.plan() {
                Plan::Undeployed => self.deploy().await,
                _ => self.complete().await,
            };
        }
    }

    /// A version is deployed, and who waited for one is queued.
    async fn deploy(&self) -> Result<(), Lost> {
        let undeployed = |it: &Snapshot| it.status == Status::RunCreated;
        let next = |it: Option<Snapshot>, _| it.filter(undeployed).map(|it| it.to(Status::Queued));
        self.transition(Run(0), next).await.map(drop)
    }

    /// Something that the run waits for has come. Who is to let it go on is told first.
    async fn complete(&self) -> Result<(), Lost> {
        let run = Run(0);
        let told = self.table(table::Call::AwaitWaitpoint { run }).await?;
        let table::Reply::Waitpoint(Some(waitpoint)) = told else { return Ok(()) };
        let (key, kind) = (self.io.unique(), Kind::Continue);
        self.send(Job { key, kind, run, about: waitpoint, parent: 0, ttl: false }).await?;
        self.table(table::Call::Complete { waitpoint }).await.map(drop)
    }

    pub(super) async fn cancel(&self) -> Result<(), Lost> {
        let unchecked = self.is(Mutant::CancelUnchecked);
        let next = |latest: Option<Snapshot>, _| {
            let it = latest?;
            match it.status {
                Status::Finished => unchecked.then(|| it.to(Status::Finished)),
                Status::PendingCancel => None,
                status if status.has_runner() => Some(it.to(Status::PendingCancel)),
                _ => Some(it.to(Status::Finished)),
            }
        };
        self.transition(Run(0), next).await.map(drop)
    }
}
