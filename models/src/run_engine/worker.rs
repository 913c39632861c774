//! Those who run a run: take it off the queue, begin an attempt, report; and those who follow it.
//!
//! A worker may be taken for dead while it works, and its run be somebody else's by the time it
//! reports; so everything it says is about the snapshot it was given, and is refused once that is
//! not the latest any more.

use super::actor::Actor;
use super::history::{Op, Ret};
use super::jobs;
use super::sizes::Plan;
use super::table::{self, Snapshot, Status};
use super::Mutant;
use crate::worlds::Run;
use sim::prelude::*;

/// How often a runner that waits looks whether it may go on.
const LOOKS: u8 = 2;

impl Actor<'_> {
    pub(super) async fn work(&self, in_hand: Option<Snapshot>) {
        for turn in 0..self.model.sizes.turns {
            self.io.at(&turn);
            // Silence ends a turn: somebody will notice.
            let _ = match in_hand.filter(|_| turn == 0) {
                Some(held) => self.run(held).await,
                None => self.turn().await,
            };
        }
    }

    async fn turn(&self) -> Result<(), Lost> {
        match self.dequeue().await? {
            Some(held) => self.run(held).await,
            None => Ok(()),
        }
    }

    /// Takes a run off the queue, if its message is about what it is at.
    async fn dequeue(&self) -> Result<Option<Snapshot>, Lost> {
        let Some(taken) = self.take(false).await? else { return Ok(None) };
        let about = taken.job.about;
        let undeployed = |it: &Snapshot| self.model.plan() == Plan::Undeployed && it.seq == 1;
        let batch = !self.is(Mutant::DequeueDropsBatch);
        let next = |latest: Option<Snapshot>, _| {
            let it = latest.filter(|it| it.id == about)?;
            match it.status {
                Status::Queued if undeployed(&it) => Some(it.to(Status::RunCreated)),
                Status::Queued => Some(Snapshot { batch, ..it.to(Status::PendingExecuting) }),
                // Its runner has it still, and sees that it may go on.
                Status::QueuedExecuting => Some(it.to(Status::Executing)),
                _ => None,
            }
        };
        let outcome = self.transition(taken.job.run, next).await?;
        self.done_with(&taken, outcome).await?;
        Ok(outcome.moved().filter(|it| it.status == Status::PendingExecuting))
    }

    async fn run(&self, held: Snapshot) -> Result<(), Lost> {
        let mut at = held;
        if at.status == Status::QueuedExecuting {
            if self.freeze(at, Status::Queued).await? {
                return Ok(());
            }
            return self.go_on(at).await;
        }
        if at.status == Status::ExecutingWithWaitpoints {
            return self.go_on(at).await;
        }
        if at.status == Status::PendingExecuting {
            let restored = at.checkpoint;
            let next = |it: Snapshot| match restored {
                true => it.to(Status::Executing),
                false => attempt(it),
            };
            let Some(begun) = self.follow(at, next).await? else { return Ok(()) };
            if restored {
                return self.report(begun, Status::Finished).await.map(drop);
            }
            at = begun;
        }
        self.go_by_plan(at).await
    }

    async fn go_by_plan(&self, at: Snapshot) -> Result<(), Lost> {
        let again = at.attempt < self.model.sizes.attempts;
        match self.model.plan() {
            Plan::Retries if again => {
                let Some(failed) = self.report(at, Status::Executing).await? else { return Ok(()) };
                let Some(begun) = self.follow(failed, attempt).await? else { return Ok(()) };
                self.report(begun, Status::Finished).await.map(drop)
            }
            Plan::Requeues if again => self.report(at, Status::Queued).await.map(drop),
            Plan::Waits => match self.block(at).await? {
                Some(blocked) => self.go_on(blocked).await,
                None => Ok(()),
            },
            Plan::Freezes => match self.block(at).await? {
                Some(blocked) => self.freeze(blocked, Status::Suspended).await.map(drop),
                None => Ok(()),
            },
            Plan::Succeeds | Plan::Undeployed | Plan::Retries | Plan::Requeues => {
                self.beat(at).await?;
                self.report(at, Status::Finished).await.map(drop)
            }
        }
    }

    /// A sign of life. It takes no lock.
    async fn beat(&self, at: Snapshot) -> Result<(), Lost> {
        if self.latest(at.run).await?.0.is_some_and(|it| it.id == at.id) {
            self.jobs(jobs::Call::Beat { key: self.model.heartbeat(&at) }).await?;
        }
        Ok(())
    }

    /// The attempt is over.
    async fn report(&self, at: Snapshot, status: Status) -> Result<Option<Snapshot>, Lost> {
        let report = Some(at.id);
        if self.is(Mutant::StaleWorkerCompletes) {
            let open = |it: &Snapshot| it.status != Status::Finished;
            let next = |it: Option<Snapshot>, _| {
                it.filter(open).map(|it| Snapshot { report, ..it.to(status) })
            };
            return Ok(self.transition(at.run, next).await?.moved());
        }
        self.follow(at, |it| Snapshot { report, ..it.to(status) }).await
    }

    /// It waits for something from here on.
    async fn block(&self, at: Snapshot) -> Result<Option<Snapshot>, Lost> {
        self.follow(at, |it| it.to(Status::ExecutingWithWaitpoints)).await
    }

    /// Is put on disk, and its runner is gone.
    async fn freeze(&self, at: Snapshot, to: Status) -> Result<bool, Lost> {
        let next = |it: Snapshot| Snapshot { checkpoint: true, ..it.to(to) };
        Ok(self.follow(at, next).await?.is_some())
    }

    /// Waits until it may go on, and ends.
    async fn go_on(&self, at: Snapshot) -> Result<(), Lost> {
        let mut cursor = at.id;
        for _ in 0..LOOKS {
            let (rows, joined) = self.since(at.run, cursor, self.model.sizes.replica).await?;
            let Some(last) = rows.last().copied() else { return Ok(()) };
            if last.status == Status::Executing {
                let had = self.waitpoints(last, cursor, joined).await?;
                let (run, needs) = (at.run, last.waitpoints);
                self.io.begin(Op::Resume { run, needs }).end(Ret::With(had));
                return self.report(last, Status::Finished).await.map(drop);
            }
            cursor = last.id;
        }
        Ok(())
    }

    /// What the snapshot says it goes on with. Where fewer have been joined to it, a replica was
    /// asked that is late.
    async fn waitpoints(&self, last: Snapshot, cursor: u64, joined: u8) -> Result<u8, Lost> {
        if joined == last.waitpoints || self.is(Mutant::TrustsReplica) {
            return Ok(joined);
        }
        let (rows, joined) = self.since(last.run, cursor, false).await?;
        Ok(if rows.last().is_some_and(|it| it.id == last.id) { joined } else { last.waitpoints })
    }

    /// Everything after the cursor, page by page, and what is joined to the last.
    pub(super) async fn since(
        &self,
        run: Run,
        cursor: u64,
        replica: bool,
    ) -> Result<(Vec<Snapshot>, u8), Lost> {
        let read = self.model.is_read();
        let asked = read.then(|| self.io.begin(Op::Since { run, after: cursor, replica }));
        let (mut all, mut joined, mut waits) = (Vec::<Snapshot>::new(), 0, true);
        loop {
            let after = all.last().map_or(cursor, |it| it.id);
            let page = self.table(table::Call::Since { run, after, replica, waits }).await?;
            let table::Reply::Rows(rows, joined_last) = page else {
                unreachable!("it was asked for rows, not {page:?}")
            };
            let full = rows.len() == usize::from(self.model.sizes.limit);
            // The page after the last row has none, and says nothing of what is joined.
            if !rows.is_empty() {
                joined = joined_last;
            }
            all.extend(rows);
            if !full {
                if let Some(asked) = asked {
                    asked.end(Ret::Rows(all.iter().map(|it| it.id).collect()));
                }
                return Ok((all, joined));
            }
            waits = false;
        }
    }

    /// Follows the first run.
    pub(super) async fn poll(&self) {
        let mut cursor = 0;
        for turn in 0..self.model.sizes.turns {
            self.io.at(&(turn, cursor));
            let replica = self.model.sizes.replica;
            let Ok((rows, _)) = self.since(Run(0), cursor, replica).await else { continue };
            cursor = rows.last().map_or(cursor, |it| it.id);
        }
    }
}

/// The next attempt begins.
fn attempt(it: Snapshot) -> Snapshot {
    Snapshot { attempt: it.attempt + 1, ..it.to(Status::Executing) }
}
