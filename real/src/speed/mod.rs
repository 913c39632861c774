//! Real services at full speed: every client has connections of its own, and real time runs.
//!
//! Two things are hard. A lock that runs out at the wrong moment is rare when all is well, so now
//! and then a client is held back between its read and its write, as by a long pause of its
//! runtime. And whether the lock was then somebody else's is asked of Redis before the write is
//! sent, for afterwards it proves nothing.

mod simulated;

use ::redis::aio::MultiplexedConnection;
use models::served::{Reached, Remote};
use models::worlds::rows::{self, Session, Statement};
use models::worlds::{Call, Node, Reply, Run, clock, leases};
use sim::io::Lost;
use sim::prelude::ClientId;
use sqlx::PgConnection;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

use self::simulated::Simulated;
use crate::postgres::{self, Database};
use crate::redis::{Locks, Place};
use crate::s3::{Bucket, Etags};
use crate::targets::Targets;

/// So many lost calls in a row are not a hiccup: the service is gone.
const LOST_MAX: u32 = 100;

/// How a run at full speed is disturbed and bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// With a real lock, one UPDATE in so many is held back until the lock has run out; 0: none.
    pub pause_every: u32,
    /// Where the counting of those begins.
    pub seed: u64,
    /// When the run is given up.
    pub time_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { pause_every: 20, seed: 0, time_max: Duration::from_secs(240) }
    }
}

/// What a run did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Answers of Postgres, of Redis and of S3.
    pub answers: [u64; 3],
    /// Calls that nobody answered.
    pub lost: u64,
    /// UPDATEs that were held back.
    pub pauses: u64,
    /// UPDATEs before which Redis had given the lock to somebody else.
    pub expiries: u64,
}

/// Services for all clients of one run.
#[derive(Default)]
pub struct Speed {
    database: Option<Database>,
    locks: Option<Locks>,
    bucket: Option<Bucket>,
    etags: Etags,
    aside: Option<Simulated>,
    epoch: u32,
    options: Options,
    sessions: RefCell<HashMap<Session, PgConnection>>,
    lines: RefCell<HashMap<ClientId, MultiplexedConnection>>,
    grants: RefCell<HashMap<(ClientId, Run), Grant>>,
    began: OnceCell<Instant>,
    updates: Cell<u64>,
    lost_in_a_row: Cell<u32>,
    counts: Cell<Counts>,
    error: RefCell<Option<String>>,
    broken: Notify,
}

/// A lock that was granted.
#[derive(Clone, Copy)]
struct Grant {
    node: Option<Node>,
    token: u64,
    ttl_ms: u32,
}

impl Speed {
    /// Services for one run over `runs` rows, which are at 0.
    pub fn new(targets: &Targets, runs: u16, options: Options) -> Self {
        Speed {
            database: targets.postgres.as_ref().map(|(_, it)| it.clone()),
            locks: targets.redis.as_ref().map(|(_, it)| it.clone()),
            bucket: targets.s3.as_ref().map(|(_, it)| it.clone()),
            aside: Some(Simulated::new(runs)),
            epoch: targets.next_epoch(),
            options,
            ..Speed::default()
        }
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// What the first call that was lost died of.
    pub fn error(&self) -> Option<String> {
        self.error.borrow().clone()
    }

    /// Resolves when a service is gone for good.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    /// What the one clock shows that all clients here have.
    fn now_ms(&self) -> u64 {
        let began = *self.began.get_or_init(Instant::now);
        u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    async fn send(&self, from: ClientId, call: Call) -> Result<Reply, String> {
        let (service, reply) = match call {
            Call::Clock(clock::Call::Sleep { ms }) => {
                tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
                return Ok(Reply::Clock(clock::Reply::Woke));
            }
            Call::Postgres(call) if self.database.is_some() => {
                (0, Reply::Postgres(self.postgres(from, call).await?))
            }
            Call::Clock(clock::Call::Now) => {
                return Ok(Reply::Clock(clock::Reply::Now { ms: self.now_ms() }));
            }
            Call::Clock(clock::Call::Trust { until_ms, .. }) => {
                let left = until_ms.saturating_sub(self.now_ms());
                let ms = u32::try_from(left).unwrap_or(u32::MAX);
                return Ok(Reply::Clock(clock::Reply::Left { ms }));
            }
            Call::Redis(call) if self.locks.is_some() => {
                (1, Reply::Redis(self.redis(from, None, call).await?))
            }
            Call::Node(node, call) if self.locks.is_some() => {
                (1, Reply::Redis(self.redis(from, Some(node), call).await?))
            }
            Call::S3(call) if self.bucket.is_some() => {
                let bucket = self.bucket.as_ref().expect("asked a moment ago");
                (2, Reply::S3(bucket.send(&self.etags, self.epoch, &call).await?))
            }
            other => {
                let aside = self.aside.as_ref().expect("a run has services for what is not real");
                return Ok(aside.call(from, other).await);
            }
        };
        self.count(|counts| counts.answers[service] += 1);
        Ok(reply)
    }

    async fn postgres(&self, from: ClientId, call: rows::Call) -> Result<rows::Reply, String> {
        let database = self.database.as_ref().expect("asked before");
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
        if let Statement::Update(update) = &call.statement {
            self.hold_back(from, update.run).await?;
        }
        let reply = postgres::send(&mut connection, &call.statement).await?;
        if reply == rows::Reply::Closed {
            return Err("postgres closed the connection".to_owned());
        }
        self.sessions.borrow_mut().insert(session(call.session), connection);
        Ok(reply)
    }

    /// Between a client's read and its write: pauses it now and then, and asks whose the lock is.
    async fn hold_back(&self, from: ClientId, run: Run) -> Result<(), String> {
        let (Some(locks), Some(grant)) = (&self.locks, self.grant(from, run)) else {
            return Ok(());
        };
        self.updates.set(self.updates.get() + 1);
        let every = u64::from(self.options.pause_every);
        if every > 0 && (self.updates.get() + self.options.seed).is_multiple_of(every) {
            self.count(|counts| counts.pauses += 1);
            // Long enough for the lock to run out, and for others to come by and take it.
            let pause = u64::from(grant.ttl_ms) * 5 / 2 + 5;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let mut line = self.line(from).await?;
        let place = Place { epoch: self.epoch, node: grant.node };
        if locks.token_last(&mut line, place, run).await? > grant.token {
            self.count(|counts| counts.expiries += 1);
        }
        Ok(())
    }

    fn grant(&self, from: ClientId, run: Run) -> Option<Grant> {
        self.grants.borrow().get(&(from, run)).copied()
    }

    async fn redis(
        &self,
        from: ClientId,
        node: Option<Node>,
        call: leases::Call,
    ) -> Result<leases::Reply, String> {
        let locks = self.locks.as_ref().expect("asked before");
        let ttl_ms = match call {
            leases::Call::Acquire { ttl_ms, .. }
            | leases::Call::Extend { ttl_ms, .. }
            | leases::Call::Expire { ttl_ms, .. } => ttl_ms,
            leases::Call::Release { run, .. } | leases::Call::Delete { run } => {
                self.grants.borrow_mut().remove(&(from, run));
                0
            }
        };
        let mut line = self.line(from).await?;
        let reply = locks.send(&mut line, Place { epoch: self.epoch, node }, &call, ttl_ms).await?;
        if let (leases::Call::Acquire { run, .. }, leases::Reply::Granted { token }) =
            (&call, &reply)
        {
            self.grants.borrow_mut().insert((from, *run), Grant { node, token: *token, ttl_ms });
        }
        Ok(reply)
    }

    /// The client's connection to Redis.
    async fn line(&self, from: ClientId) -> Result<MultiplexedConnection, String> {
        let known = self.lines.borrow().get(&from).cloned();
        if let Some(line) = known {
            return Ok(line);
        }
        let locks = self.locks.as_ref().expect("asked before");
        let line = locks.connect().await.map_err(|error| error.to_string())?;
        self.lines.borrow_mut().insert(from, line.clone());
        Ok(line)
    }

    fn lose(&self, from: ClientId, why: String) -> Lost {
        tracing::debug!(client = from.0, %why, "a call is lost");
        self.lines.borrow_mut().remove(&from);
        self.count(|counts| counts.lost += 1);
        self.error.borrow_mut().get_or_insert(why);
        self.lost_in_a_row.set(self.lost_in_a_row.get() + 1);
        if self.lost_in_a_row.get() == LOST_MAX {
            self.broken.notify_one();
        }
        Lost
    }
}

impl Remote for Speed {
    fn call(&self, from: ClientId, call: Call) -> Reached<'_> {
        Box::pin(async move {
            let asleep = matches!(call, Call::Clock(_));
            match self.send(from, call).await {
                Ok(reply) => {
                    if !asleep {
                        self.lost_in_a_row.set(0);
                    }
                    Ok(reply)
                }
                Err(why) => Err(self.lose(from, why)),
            }
        })
    }
}
