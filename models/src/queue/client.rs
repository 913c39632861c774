//! Those who add jobs, and those who do them: one process each, with a connection to Postgres.
//!
//! Whoever hears nothing takes a new connection and begins again from what the tables say: what it
//! asked for may have been done, and may yet be. So an insert is repeated under its number, a claim
//! that was not heard of runs out, and a report that was not heard of is made by somebody else.

use super::Mutant;
use super::promises::backoff_ms;
use super::statements::{Job, Query};
use super::world::{Call, Reply};
use super::{AtLeastOnce, Kind};
use crate::worlds::tables;
use checker::hash::mix;
use sim::prelude::*;
use std::cell::{Cell, RefCell};

/// How often a worker is heard of, in milliseconds.
const BEAT_MS: i64 = 1000;
/// What is computed.
const ADDRESS: i64 = 0;

/// A client and its connection.
pub(super) struct Client<'a> {
    model: &'a AtLeastOnce,
    io: &'a Io<AtLeastOnce>,
    session: Cell<u64>,
    gave_up: RefCell<Vec<u64>>,
}

impl<'a> Client<'a> {
    pub(super) fn new(model: &'a AtLeastOnce, io: &'a Io<AtLeastOnce>) -> Self {
        let session = Cell::new(io.unique());
        Client { model, io, session, gave_up: RefCell::default() }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.model.is(mutant)
    }

    /// Sends a statement; the jobs that it is about, as they are now. Silence and errors are one:
    /// the connection is given up.
    async fn sql(&self, query: Query) -> Result<Vec<tables::Row>, Lost> {
        let (session, gave_up) = (self.session.get(), self.gave_up.take());
        let told = self.io.call(Call::Sql { session, gave_up, query }).await;
        match told {
            Ok(Reply::Sql(tables::Reply::Rows(rows))) => Ok(rows),
            Ok(Reply::Sql(tables::Reply::Done)) => Ok(Vec::new()),
            Ok(Reply::Sql(_)) | Err(Lost) => {
                self.gave_up.borrow_mut().push(session);
                self.session.set(self.io.unique());
                Err(Lost)
            }
            Ok(other) => unreachable!("Postgres answers as Postgres, not {other:?}"),
        }
    }

    async fn job(&self, query: Query) -> Result<Option<Job>, Lost> {
        Ok(self.sql(query).await?.first().map(|row| Job::read(row)))
    }

    /// What a process does within itself is not lost on the way.
    async fn tell(&self, call: Call) {
        while self.io.call(call.clone()).await.is_err() {}
    }

    /// Adds a job, or has something computed.
    pub(super) async fn produce(&self) {
        match self.model.kind() {
            Kind::Plain => self.enqueue().await,
            Kind::Addressed => while self.request().await.is_err() {},
        }
    }

    async fn enqueue(&self) {
        let job = self.io.unique() as i64;
        if self.is(Mutant::AcksBeforeCommit) {
            let begun = self.sql(Query::Begin).await.is_ok();
            if begun && self.sql(Query::Enqueue { job, address: None }).await.is_ok() {
                self.tell(Call::Told { job }).await;
                let _ = self.sql(Query::Commit).await;
                return;
            }
        }
        while self.sql(Query::Enqueue { job, address: None }).await.is_err() {}
        self.tell(Call::Told { job }).await;
    }

    /// Asks for a result: one that is kept, or that of a job, its own or another's.
    async fn request(&self) -> Result<(), Lost> {
        let address = ADDRESS;
        if self.is_kept(address).await? {
            self.tell(Call::Answer { found: true }).await;
            return Ok(());
        }
        let unchecked = self.is(Mutant::ChecksThenPushes);
        if !unchecked || self.sql(Query::Pending { address }).await?.is_empty() {
            let job = self.io.unique() as i64;
            self.sql(Query::Enqueue { job, address: Some(address) }).await?;
        }
        if self.io.call(Call::Await { address }).await? == Reply::Leave {
            return Ok(());
        }
        let found = self.is_kept(address).await?;
        self.tell(Call::Answer { found }).await;
        if found { Ok(()) } else { Err(Lost) }
    }

    async fn is_kept(&self, address: i64) -> Result<bool, Lost> {
        Ok(!self.sql(Query::Look { address }).await?.is_empty())
    }

    /// Does jobs until none is left to come.
    pub(super) async fn work(&self) {
        // Silence ends a turn.
        while self.turn().await.unwrap_or(true) {}
    }

    /// A job, or a look for what is stale; whether there may be more.
    async fn turn(&self) -> Result<bool, Lost> {
        if let Some(job) = self.claim().await? {
            self.run(job).await?;
            return Ok(true);
        }
        if self.rescue().await? {
            return Ok(true);
        }
        Ok(self.io.call(Call::Listen).await? != Reply::Leave)
    }

    async fn claim(&self) -> Result<Option<Job>, Lost> {
        if self.is(Mutant::ClaimsUnlocked) {
            return match self.job(Query::Peek).await? {
                Some(job) => self.job(Query::ClaimById { job: job.id }).await,
                None => Ok(None),
            };
        }
        let leased = !self.is(Mutant::LeasesByHeartbeat);
        let due = !self.is(Mutant::RetriesAtOnce);
        self.job(Query::Claim { leased, due }).await
    }

    /// Makes ready again what nobody was heard of about; whether there was such a job.
    async fn rescue(&self) -> Result<bool, Lost> {
        if self.is(Mutant::RescuesById) {
            let Some(job) = self.job(Query::Stale).await? else { return Ok(false) };
            return Ok(self.job(Query::RescueById { job: job.id }).await?.is_some());
        }
        Ok(!self.sql(Query::Rescue).await?.is_empty())
    }

    async fn run(&self, it: Job) -> Result<(), Lost> {
        let (job, attempt) = (it.id, it.attempt);
        if let Some(address) = it.address.filter(|_| !self.is(Mutant::TrustsTheQueue))
            && self.is_kept(address).await?
        {
            return self.complete(it).await;
        }
        self.io.call(Call::Execute(it)).await?;
        for _ in 0..self.model.beats() {
            self.io.call(Call::Sleep { ms: BEAT_MS }).await?;
            if self.job(Query::Beat { job, attempt }).await?.is_none() {
                return Ok(());
            }
        }
        if attempt <= self.model.failures() {
            let delay_ms = self.delay_ms(job, attempt);
            return self.sql(Query::Fail { job, attempt, delay_ms }).await.map(drop);
        }
        self.complete(it).await
    }

    /// The policy's delay, and up to a tenth more or less, so that what failed together does not
    /// come back together.
    fn delay_ms(&self, job: i64, attempt: i64) -> i64 {
        let policy = backoff_ms(attempt);
        let fifth = policy / 5;
        let more = (mix(job as u64, attempt as u64) % (fifth as u64 + 1)) as i64;
        match self.is(Mutant::JitterAddsOnly) {
            true => policy + more,
            false => policy - policy / 10 + more,
        }
    }

    /// The job is done, and what it computed is kept from the same moment on.
    async fn complete(&self, it: Job) -> Result<(), Lost> {
        let fenced = !self.is(Mutant::CompletesUnfenced);
        let complete = Query::Complete { job: it.id, attempt: it.attempt, fenced };
        let Some(address) = it.address else {
            return self.sql(complete).await.map(drop);
        };
        let together = !self.is(Mutant::KeepsResultAfter);
        if together {
            self.sql(Query::Begin).await?;
        }
        if self.job(complete).await?.is_some() {
            self.sql(Query::Keep { address }).await?;
        }
        if together {
            self.sql(Query::Commit).await?;
        }
        Ok(())
    }
}
