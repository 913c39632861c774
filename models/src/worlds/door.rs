//! A client's side of the services: the calls one would write, with their types.
//!
//! A connection that fell silent is not used again: whether its last statement ran is unknown, and
//! a transaction left open on it is the server's to roll back.

use super::clock;
use super::leases::{self, Call as Redis};
use super::objects::{self, Body, Call as S3, When};
use super::rows::{self, Isolation, Row, Statement, Update};
use super::{Call, Reply, Run, Services};
use sim::prelude::*;
use std::cell::Cell;

/// The services, as one client reaches them.
pub struct Door<'a, M: Model<World = Services>> {
    io: &'a Io<M>,
    /// The Postgres connection in use; 0: none yet.
    session: Cell<u32>,
}

impl<'a, M: Model<World = Services>> Door<'a, M> {
    /// Nothing is connected until it is used.
    pub fn new(io: &'a Io<M>) -> Self {
        Door { io, session: Cell::new(0) }
    }

    async fn postgres(&self, statement: Statement) -> Result<rows::Reply, Lost> {
        if self.session.get() == 0 {
            self.session.set(self.io.unique() as u32);
        }
        let call = Call::Postgres(rows::Call { session: self.session.get(), statement });
        match self.io.call(call).await {
            Ok(Reply::Postgres(rows::Reply::Closed)) | Err(Lost) => {
                self.session.set(0);
                Err(Lost)
            }
            Ok(Reply::Postgres(reply)) => Ok(reply),
            Ok(other) => unreachable!("Postgres answers as Postgres, not {other:?}"),
        }
    }

    /// `BEGIN`
    pub async fn begin(&self, isolation: Isolation) -> Result<(), Lost> {
        self.postgres(Statement::Begin(isolation)).await.map(drop)
    }

    /// `COMMIT`
    pub async fn commit(&self) -> Result<(), Lost> {
        self.postgres(Statement::Commit).await.map(drop)
    }

    /// `SELECT .. WHERE run_id = ..`; nothing if the row cannot be seen.
    pub async fn select(&self, run: Run) -> Result<Option<Row>, Lost> {
        match self.postgres(Statement::Select { run }).await? {
            rows::Reply::Row(row) => Ok(row),
            other => unreachable!("a SELECT answers a row, not {other:?}"),
        }
    }

    /// `UPDATE .. RETURNING seq`; nothing: 0 rows.
    pub async fn update(&self, update: Update) -> Result<Option<u64>, Lost> {
        match self.postgres(Statement::Update(update)).await? {
            rows::Reply::Updated(seq) => Ok(seq),
            other => unreachable!("an UPDATE at READ COMMITTED answers rows, not {other:?}"),
        }
    }

    async fn redis(&self, call: Redis) -> Result<leases::Reply, Lost> {
        match self.io.call(Call::Redis(call)).await? {
            Reply::Redis(reply) => Ok(reply),
            other => unreachable!("Redis answers as Redis, not {other:?}"),
        }
    }

    /// Takes the lock if it is free; the fencing token.
    pub async fn lock(&self, run: Run, value: u64, ttl_ms: u32) -> Result<Option<u64>, Lost> {
        match self.redis(Redis::Acquire { run, value, ttl_ms }).await? {
            leases::Reply::Granted { token } => Ok(Some(token)),
            _ => Ok(None),
        }
    }

    /// Gives it back if it is still the caller's. Silence does not matter: it runs out by itself.
    pub async fn unlock(&self, run: Run, value: u64) {
        let _ = self.redis(Redis::Release { run, value }).await;
    }

    /// Gives the lock its full time again, if it is still the caller's; whether it was.
    pub async fn extend(&self, run: Run, value: u64, ttl_ms: u32) -> bool {
        let extended = self.redis(Redis::Extend { run, value, ttl_ms }).await;
        extended == Ok(leases::Reply::Held(true))
    }

    async fn s3(&self, call: S3) -> Result<objects::Reply, Lost> {
        match self.io.call(Call::S3(call)).await? {
            Reply::S3(reply) => Ok(reply),
            other => unreachable!("S3 answers as S3, not {other:?}"),
        }
    }

    /// Writes an object; whether it was written.
    pub async fn put(&self, key: String, body: Body, when: When) -> Result<bool, Lost> {
        Ok(self.s3(S3::Put { key, body, when }).await? == objects::Reply::Written)
    }

    /// Reads an object.
    pub async fn get(&self, key: String) -> Result<Option<Body>, Lost> {
        match self.s3(S3::Get { key }).await? {
            objects::Reply::Found(body) => Ok(body),
            other => unreachable!("a GET answers an object, not {other:?}"),
        }
    }

    /// One page of keys, and whether there are more.
    pub async fn list(
        &self,
        prefix: String,
        start_after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<String>, bool), Lost> {
        match self.s3(S3::List { prefix, start_after, limit }).await? {
            objects::Reply::Page { keys, truncated } => Ok((keys, truncated)),
            other => unreachable!("a LIST answers a page, not {other:?}"),
        }
    }

    /// Every key after `start_after`, page by page.
    pub async fn list_all(
        &self,
        prefix: &str,
        start_after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, Lost> {
        let (mut all, mut after) = (Vec::new(), start_after);
        loop {
            let (keys, truncated) = self.list(prefix.to_owned(), after, limit).await?;
            after = keys.last().cloned();
            all.extend(keys);
            if !truncated {
                return Ok(all);
            }
        }
    }

    /// Waits. Its answer cannot be lost in any way that matters.
    pub async fn sleep(&self, ms: u32) {
        let _ = self.io.call(Call::Clock(clock::Call::Sleep { ms })).await;
    }
}
