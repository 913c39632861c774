//! Real services, driven one step at a time by the simulation's own schedule.
//!
//! The hard part is the row lock: whether a statement waits is asked of the server and never
//! guessed from a silence (see `sessions`). Time is the simulation's: a lock in Redis gets an hour,
//! and runs out when the schedule says so.

pub(crate) mod sessions;

use ::redis::aio::MultiplexedConnection;
use models::worlds::gate::{Backend, Moved};
use models::worlds::rows::Session;
use models::worlds::{Call, Node, Reply, Run};
use sim::prelude::{CallId, ClientId};
use sqlx::PgConnection;
use std::collections::HashMap;
use std::fmt;
use std::task::Poll;
use tokio::runtime::Runtime;

use self::sessions::Sessions;
use crate::error::RealError;
use crate::postgres::{Database, RunHead};
use crate::redis::{Locks, Place};
use crate::s3::{Bucket, Etags};
use crate::targets::{Targets, runtime};

/// How long a lock lasts that only a move may end.
const HOUR_MS: u32 = 3_600_000;

/// The gate's real side. Its connections are kept from trace to trace.
pub struct Exact {
    runtime: Runtime,
    sessions: Option<Sessions<RunHead>>,
    redis: Option<Redis>,
    s3: Option<S3>,
    epoch: u32,
    trouble: Option<Trouble>,
    counts: Counts,
}

/// What a trace did on the real side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Answers of Postgres, of Redis and of S3.
    pub answers: [u64; 3],
    /// Which of the three was asked last.
    pub asked_last: usize,
    /// Statements that waited for a row lock, as `pg_blocking_pids` has it.
    pub waits: u64,
    /// Locks that were made to run out.
    pub lapses: u64,
    /// Connections that were closed under a transaction.
    pub closes: u64,
    /// VACUUMs.
    pub vacuums: u64,
}

/// Why the real side could not go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// A service broke, or answered what no model knows.
    Broke(String),
    /// The server let a waiter through that was not next, as it may: the schedule cannot be had.
    OutOfTurn(String),
    /// The server answered a statement that waits in the simulation.
    Early(String),
}

impl Trouble {
    /// What happened.
    pub fn why(&self) -> &str {
        match self {
            Self::Broke(why) | Self::OutOfTurn(why) | Self::Early(why) => why,
        }
    }
}

struct Redis {
    locks: Locks,
    lines: HashMap<(ClientId, Option<Node>), MultiplexedConnection>,
}

struct S3 {
    bucket: Bucket,
    etags: Etags,
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exact").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Exact {
    /// Connects an observer; clients connect when they first call.
    pub fn new(targets: &Targets) -> Result<Self, RealError> {
        let runtime = runtime()?;
        let sessions = match &targets.postgres {
            Some((_, database)) => Some(runtime.block_on(Sessions::new(database.clone()))?),
            None => None,
        };
        let lines = HashMap::new();
        let redis = targets.redis.as_ref().map(|(_, it)| Redis { locks: it.clone(), lines });
        let etags = Etags::default();
        let s3 = targets.s3.as_ref().map(|(_, it)| S3 { bucket: it.clone(), etags });
        let counts = Counts::default();
        Ok(Exact { runtime, sessions, redis, s3, epoch: 0, trouble: None, counts })
    }

    /// Begins one more trace: rows at 0 for each of `runs`, no lock, no object.
    pub fn reset(&mut self, epoch: u32, runs: u16) -> Result<(), RealError> {
        self.epoch = epoch;
        self.trouble = None;
        self.counts = Counts::default();
        if let Some(s3) = &mut self.s3 {
            s3.etags.borrow_mut().clear();
        }
        match &mut self.sessions {
            Some(sessions) => {
                let renew = async |database: &Database, connection: &mut PgConnection| {
                    database.reset(connection, runs).await
                };
                self.runtime.block_on(sessions.reset(renew))
            }
            None => Ok(()),
        }
    }

    /// The trace is over: whether a statement was answered that still waits in the simulation.
    pub fn end(&mut self) {
        if let (None, Some(sessions)) = (&self.trouble, &self.sessions) {
            self.trouble = self.runtime.block_on(sessions.audit()).err();
        }
    }

    /// Why it could not go on, if it could not.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// What the trace did.
    pub fn counts(&self) -> Counts {
        let waits = self.sessions.as_ref().map_or(0, Sessions::waits);
        Counts { waits, ..self.counts }
    }

    fn send(&mut self, from: CallId, call: &Call) -> Result<Poll<Reply>, Trouble> {
        let Exact { runtime, sessions, redis, s3, epoch, .. } = self;
        runtime.block_on(async {
            match (call, sessions, redis, s3) {
                (Call::Postgres(call), Some(sessions), _, _) => {
                    let session = Session { client: from.client, number: call.session };
                    let answer = sessions.apply(from, session, &call.statement).await?;
                    Ok(answer.map(Reply::Postgres))
                }
                (Call::Redis(call), _, Some(redis), _) => {
                    let mut line = redis.line(from.client, None).await?;
                    let place = Place { epoch: *epoch, node: None };
                    let sent = redis.locks.send(&mut line, place, call, HOUR_MS).await;
                    sent.map(|reply| Poll::Ready(Reply::Redis(reply))).map_err(Trouble::Broke)
                }
                (Call::Node(node, call), _, Some(redis), _) => {
                    let mut line = redis.line(from.client, Some(*node)).await?;
                    let place = Place { epoch: *epoch, node: Some(*node) };
                    let sent = redis.locks.send(&mut line, place, call, HOUR_MS).await;
                    sent.map(|reply| Poll::Ready(Reply::Redis(reply))).map_err(Trouble::Broke)
                }
                (Call::S3(call), _, _, Some(s3)) => {
                    let sent = s3.bucket.send(&s3.etags, *epoch, call).await;
                    sent.map(|reply| Poll::Ready(Reply::S3(reply))).map_err(Trouble::Broke)
                }
                _ => unreachable!("a call that nobody here serves: {call:?}"),
            }
        })
    }

    fn lapse(&mut self, node: Option<Node>, run: Run) -> Result<bool, Trouble> {
        let Exact { runtime, redis: Some(redis), epoch, .. } = self else { return Ok(false) };
        let place = Place { epoch: *epoch, node };
        let lapse = async {
            let mut line = redis.line(OBSERVER, place.node).await?;
            redis.locks.lapse(&mut line, place, run).await.map_err(Trouble::Broke)
        };
        runtime.block_on(lapse)?;
        self.counts.lapses += 1;
        Ok(true)
    }

    /// A node has the lock of one run only.
    fn forget(&mut self, node: Node) -> Result<bool, Trouble> {
        let Exact { runtime, redis: Some(redis), epoch, .. } = self else { return Ok(false) };
        let place = Place { epoch: *epoch, node: Some(node) };
        let forget = async {
            let mut line = redis.line(OBSERVER, place.node).await?;
            redis.locks.forget(&mut line, place, Run(0)).await.map_err(Trouble::Broke)
        };
        runtime.block_on(forget)?;
        Ok(true)
    }

    fn make(&mut self, chosen: Moved) -> Result<bool, Trouble> {
        let Exact { runtime, sessions, .. } = self;
        match (chosen, sessions) {
            (Moved::Lapse(node, run), _) => return self.lapse(node, run),
            (Moved::Forget(node), _) => return self.forget(node),
            (Moved::Close(session), Some(sessions)) => {
                runtime.block_on(sessions.close(session))?;
                self.counts.closes += 1;
            }
            (Moved::Vacuum, Some(sessions)) => {
                runtime.block_on(sessions.vacuum())?;
                self.counts.vacuums += 1;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Remembers the first trouble: the gate knows it as a text only.
    fn note<T>(&mut self, result: Result<T, Trouble>) -> Result<T, String> {
        result.map_err(|trouble| {
            let why = trouble.why().to_owned();
            self.trouble.get_or_insert(trouble);
            why
        })
    }
}

/// Whoever makes a lock run out; no model has so many clients.
const OBSERVER: ClientId = ClientId(u16::MAX);

impl Redis {
    async fn line(
        &mut self,
        client: ClientId,
        node: Option<Node>,
    ) -> Result<MultiplexedConnection, Trouble> {
        if let Some(line) = self.lines.get(&(client, node)) {
            return Ok(line.clone());
        }
        let connected = self.locks.connect(node).await;
        let line = connected.map_err(|error| Trouble::Broke(error.to_string()))?;
        self.lines.insert((client, node), line.clone());
        Ok(line)
    }
}

impl Backend for Exact {
    fn serves(&self, call: &Call) -> bool {
        match call {
            Call::Postgres(_) => self.sessions.is_some(),
            Call::Redis(_) | Call::Node(..) => self.redis.is_some(),
            Call::S3(_) => self.s3.is_some(),
            Call::Clock(_) => false,
        }
    }

    fn apply(&mut self, from: CallId, call: &Call) -> Result<Poll<Reply>, String> {
        let service = match call {
            Call::Postgres(_) => 0,
            Call::Redis(_) | Call::Node(..) => 1,
            Call::S3(_) | Call::Clock(_) => 2,
        };
        self.counts.asked_last = service;
        let sent = self.send(from, call);
        let answer = self.note(sent)?;
        self.counts.answers[service] += u64::from(answer.is_ready());
        Ok(answer)
    }

    fn advance(&mut self, chosen: Moved) -> Result<bool, String> {
        let made = self.make(chosen);
        self.note(made)
    }

    /// Its connections stay until the schedule closes them: what it sent may still land.
    fn gone(&mut self, _client: ClientId) -> Result<(), String> {
        Ok(())
    }
}
