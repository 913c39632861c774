//! Connections of clients to real services, and the calls that are made on them.
//!
//! Each client has connections of its own, as it would in a process of its own. One that breaks is
//! dropped and never used again: whatever was under way on it may still land.

use ::redis::aio::MultiplexedConnection;
use models::worlds::rows::{self, Session};
use models::worlds::{Call, Node, Reply, clock, leases};
use sim::prelude::ClientId;
use sqlx::PgConnection;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::postgres::{self, Database};
use crate::redis::{Locks, Place};
use crate::s3::{Bucket, Etags};

/// Real services, and clients' lines to them.
pub(crate) struct Lines {
    database: Option<Database>,
    locks: Option<Locks>,
    bucket: Option<Bucket>,
    /// Keeps the keys of this run apart from all others'.
    epoch: u32,
    etags: Etags,
    sessions: RefCell<HashMap<Session, PgConnection>>,
    to_redis: RefCell<HashMap<(ClientId, Option<Node>), MultiplexedConnection>>,
}

impl Lines {
    /// Lines to services for the run of that number; what is none is not real.
    pub(crate) fn new(
        database: Option<Database>,
        locks: Option<Locks>,
        bucket: Option<Bucket>,
        epoch: u32,
    ) -> Self {
        let (etags, sessions, to_redis) =
            (Etags::default(), RefCell::default(), RefCell::default());
        Lines { database, locks, bucket, epoch, etags, sessions, to_redis }
    }

    /// Whether locks are real.
    pub(crate) fn has_locks(&self) -> bool {
        self.locks.is_some()
    }

    /// Which of the three services a call is for, and whether it is real here.
    pub(crate) fn serves(&self, call: &Call) -> Option<usize> {
        match call {
            Call::Postgres(_) => self.database.is_some().then_some(0),
            Call::Redis(_) | Call::Node(..) => self.locks.is_some().then_some(1),
            Call::S3(_) => self.bucket.is_some().then_some(2),
            Call::Clock(_) => None,
        }
    }

    /// Makes a call that a service here serves; an error is silence, and why.
    pub(crate) async fn send(&self, from: ClientId, call: Call) -> Result<Reply, String> {
        match call {
            Call::Postgres(call) => self.postgres(from, call).await.map(Reply::Postgres),
            Call::Redis(call) => self.redis(from, None, call).await.map(Reply::Redis),
            Call::Node(node, call) => self.redis(from, Some(node), call).await.map(Reply::Redis),
            Call::S3(call) => {
                let bucket = self.bucket.as_ref().expect("whoever asks knows that it is served");
                bucket.send(&self.etags, self.epoch, &call).await.map(Reply::S3)
            }
            Call::Clock(_) => unreachable!("a clock is no service"),
        }
    }

    async fn postgres(&self, from: ClientId, call: rows::Call) -> Result<rows::Reply, String> {
        let database = self.database.as_ref().expect("whoever asks knows that it is served");
        let session = |number| Session { client: from, number };
        for number in &call.gave_up {
            self.sessions.borrow_mut().remove(&session(*number));
        }
        // Out of its place while it is in use: whatever goes wrong, it is closed and not put back.
        let line = self.sessions.borrow_mut().remove(&session(call.session));
        let mut connection = match line {
            Some(connection) => connection,
            None => database.connect().await.map_err(|error| error.to_string())?,
        };
        let reply = postgres::send(&mut connection, &call.statement).await?;
        if reply == rows::Reply::Closed {
            return Err("postgres closed the connection".to_owned());
        }
        self.sessions.borrow_mut().insert(session(call.session), connection);
        Ok(reply)
    }

    async fn redis(
        &self,
        from: ClientId,
        node: Option<Node>,
        call: leases::Call,
    ) -> Result<leases::Reply, String> {
        let locks = self.locks.as_ref().expect("whoever asks knows that it is served");
        let ttl_ms = match call {
            leases::Call::Acquire { ttl_ms, .. }
            | leases::Call::Extend { ttl_ms, .. }
            | leases::Call::Expire { ttl_ms, .. } => ttl_ms,
            leases::Call::Release { .. } | leases::Call::Delete { .. } => 0,
        };
        let mut line = self.line(locks, from, node).await?;
        let sent = locks.send(&mut line, Place { epoch: self.epoch, node }, &call, ttl_ms).await;
        if sent.is_err() {
            self.to_redis.borrow_mut().remove(&(from, node));
        }
        sent
    }

    async fn line(
        &self,
        locks: &Locks,
        from: ClientId,
        node: Option<Node>,
    ) -> Result<MultiplexedConnection, String> {
        let known = self.to_redis.borrow().get(&(from, node)).cloned();
        if let Some(line) = known {
            return Ok(line);
        }
        let line = locks.connect(node).await.map_err(|error| error.to_string())?;
        self.to_redis.borrow_mut().insert((from, node), line.clone());
        Ok(line)
    }
}

/// A clock that shows how long it has run.
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn started() -> Self {
        Watch(Instant::now())
    }

    pub(crate) fn ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What a client is told that asks its clock.
    pub(crate) async fn tell(&self, call: clock::Call) -> clock::Reply {
        let now_ms = || self.ns() / 1_000_000;
        match call {
            clock::Call::Sleep { ms } => {
                tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
                clock::Reply::Woke
            }
            clock::Call::Now => clock::Reply::Now { ms: now_ms() },
            clock::Call::Trust { until_ms, .. } => {
                let left = until_ms.saturating_sub(now_ms());
                clock::Reply::Left { ms: u32::try_from(left).unwrap_or(u32::MAX) }
            }
        }
    }
}
