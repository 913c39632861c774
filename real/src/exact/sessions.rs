//! Connections to Postgres, one for each session of a client, and which of them wait.
//!
//! A statement waits for good when the server's own books say so: `pg_blocking_pids` leads from it
//! to a connection that is idle, and only the schedule can have that one go on. Anything
//! else (a waiter that is just being woken, a slow disk) is over soon and is waited for.

use models::worlds::rows::Session;
use sim::prelude::CallId;
use sqlx::PgConnection;
use std::collections::HashMap;
use std::fmt::Debug;
use std::task::Poll;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Trouble;
use crate::error::RealError;
use crate::postgres::Database;

/// Whether `$1` waits for somebody who is idle, over however many others.
const WAITS: &str = "WITH RECURSIVE chain(pid) AS (\
     SELECT unnest(pg_blocking_pids($1)) \
     UNION SELECT unnest(pg_blocking_pids(chain.pid)) FROM chain) \
     SELECT EXISTS (SELECT FROM chain JOIN pg_stat_activity USING (pid) \
     WHERE state LIKE 'idle%')";

/// How often the server is asked. It decides nothing: a statement that takes longer is asked for
/// again.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// When a statement that neither ends nor waits for anybody is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What may be said on a connection.
pub(crate) trait Language: 'static {
    /// What is asked.
    type Statement: Clone + Debug + Send + Sync + 'static;
    /// What is answered.
    type Reply: Send + 'static;
    /// Whether those whom one step lets on are expected to be served in the order they came.
    const IN_TURN: bool;

    /// Sends a statement and waits for its answer; an error is one that no model knows.
    fn send(
        connection: &mut PgConnection,
        statement: &Self::Statement,
    ) -> impl Future<Output = Result<Self::Reply, String>> + Send;

    /// Ends all that the session has open; whether the connection lives.
    fn forget(connection: &mut PgConnection) -> impl Future<Output = bool> + Send;
}

pub(crate) struct Sessions<L: Language> {
    database: Database,
    observer: PgConnection,
    open: HashMap<Session, Line<L>>,
    idle: Vec<Line<L>>,
    parked: HashMap<CallId, Session>,
    waits: u64,
}

struct Line<L: Language> {
    pid: i32,
    state: State<L>,
}

enum State<L: Language> {
    Idle(Box<PgConnection>),
    Busy(JoinHandle<Answer<L>>),
}

type Answer<L> = (Box<PgConnection>, Result<<L as Language>::Reply, String>);

impl<L: Language> Sessions<L> {
    pub(crate) async fn new(database: Database) -> Result<Self, RealError> {
        let observer = database.connect().await?;
        let (open, parked) = (HashMap::new(), HashMap::new());
        Ok(Sessions { database, observer, open, idle: Vec::new(), parked, waits: 0 })
    }

    pub(crate) fn waits(&self) -> u64 {
        self.waits
    }

    /// Sends a statement, or looks at one that waited when it was sent.
    pub(crate) async fn apply(
        &mut self,
        from: CallId,
        session: Session,
        statement: &L::Statement,
    ) -> Result<Poll<L::Reply>, Trouble> {
        let woken = self.parked.remove(&from).is_some();
        if !woken {
            self.audit().await?;
            self.send(session, statement.clone()).await?;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.look(session).await? {
                return Ok(Poll::Ready(answer));
            }
            if self.waits_for_good(session).await? {
                self.in_turn(woken)?;
                self.parked.insert(from, session);
                self.waits += u64::from(!woken);
                return Ok(Poll::Pending);
            }
            if Instant::now() > deadline {
                return Err(Trouble::Broke(format!(
                    "after {} s {statement:?} neither ended nor waits for anybody",
                    PATIENCE.as_secs(),
                )));
            }
        }
    }

    async fn send(&mut self, session: Session, statement: L::Statement) -> Result<(), Trouble> {
        let line = match self.open.remove(&session).or_else(|| self.idle.pop()) {
            Some(line) => line,
            None => self.connect().await.map_err(|error| Trouble::Broke(error.to_string()))?,
        };
        let State::Idle(mut connection) = line.state else {
            unreachable!("a connection has one statement at a time")
        };
        let task = tokio::spawn(async move {
            let answer = L::send(&mut connection, &statement).await;
            (connection, answer)
        });
        self.open.insert(session, Line { pid: line.pid, state: State::Busy(task) });
        Ok(())
    }

    async fn connect(&self) -> Result<Line<L>, RealError> {
        let mut connection = self.database.connect().await?;
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await;
        let pid = pid.map_err(|error| RealError::Broke { why: error.to_string() })?;
        Ok(Line { pid, state: State::Idle(Box::new(connection)) })
    }

    /// The answer to what `session` sent, if it is there in a moment.
    async fn look(&mut self, session: Session) -> Result<Option<L::Reply>, Trouble> {
        let line = self.open.get_mut(&session).expect("only a session that was used is asked");
        line.finished(LOOK_EVERY).await.transpose().map_err(Trouble::Broke)
    }

    async fn waits_for_good(&mut self, session: Session) -> Result<bool, Trouble> {
        let pid = self.open[&session].pid;
        let waits = sqlx::query_scalar(WAITS).bind(pid).fetch_one(&mut self.observer).await;
        waits.map_err(broke)
    }

    /// Who still waits although it was let through: was another one served in its place?
    fn in_turn(&self, woken: bool) -> Result<(), Trouble> {
        let woken = woken && L::IN_TURN;
        match self.parked.iter().find(|(_, session)| woken && self.open[session].is_answered()) {
            None => Ok(()),
            Some((id, _)) => Err(Trouble::OutOfTurn(format!(
                "postgres let client {} through before one that had waited longer",
                id.client.0
            ))),
        }
    }

    /// Whether what waits in the simulation still waits on the server.
    pub(crate) async fn audit(&self) -> Result<(), Trouble> {
        tokio::task::yield_now().await;
        match self.parked.iter().find(|(_, session)| self.open[session].is_answered()) {
            None => Ok(()),
            Some((id, _)) => Err(Trouble::Early(format!(
                "postgres answered client {}, whose statement still waits in the simulation",
                id.client.0
            ))),
        }
    }

    /// Ends a connection from the server's side, and waits until its locks are gone.
    pub(crate) async fn close(&mut self, session: Session) -> Result<(), Trouble> {
        self.parked.retain(|_, it| *it != session);
        let Some(line) = self.open.get_mut(&session) else { return Ok(()) };
        let end = sqlx::query("SELECT pg_terminate_backend($1)").bind(line.pid);
        end.execute(&mut self.observer).await.map_err(broke)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let there = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)";
            let there = sqlx::query_scalar(there).bind(line.pid);
            if !there.fetch_one(&mut self.observer).await.map_err(broke)? {
                break;
            }
            if Instant::now() > deadline {
                return Err(Trouble::Broke("a connection could not be closed".to_owned()));
            }
            sleep(Duration::from_millis(1)).await;
        }
        // What waited on it is answered by the end of the connection, and heard by nobody. The
        // connection stays in its place, so that whoever uses it is told by the server.
        line.finished(PATIENCE).await;
        Ok(())
    }

    pub(crate) async fn vacuum(&mut self) -> Result<(), Trouble> {
        let done = self.database.vacuum(&mut self.observer).await;
        done.map_err(|error| Trouble::Broke(error.to_string()))
    }

    /// Ends every transaction, keeps the connections, and lets somebody do what else is to be done
    /// before the next trace.
    pub(crate) async fn reset(
        &mut self,
        renew: impl AsyncFnOnce(&Database, &mut PgConnection) -> Result<(), RealError>,
    ) -> Result<(), RealError> {
        self.parked.clear();
        self.waits = 0;
        let mut lines: Vec<Line<L>> = self.open.drain().map(|(_, line)| line).collect();
        let deadline = Instant::now() + PATIENCE;
        while !lines.is_empty() {
            let mut busy = Vec::new();
            for mut line in lines {
                // A waiter gets through when the transactions before it have ended.
                line.finished(LOOK_EVERY).await;
                match line.forgotten().await {
                    Ok(true) => self.idle.push(line),
                    Ok(false) => {}
                    Err(()) => busy.push(line),
                }
            }
            lines = busy;
            if Instant::now() > deadline {
                let why = "statements of the last trace do not come to an end".to_owned();
                return Err(RealError::Broke { why });
            }
        }
        renew(&self.database, &mut self.observer).await
    }
}

impl<L: Language> Line<L> {
    fn is_answered(&self) -> bool {
        matches!(&self.state, State::Busy(task) if task.is_finished())
    }

    /// The answer, if the statement ends within `patience`.
    async fn finished(&mut self, patience: Duration) -> Option<Result<L::Reply, String>> {
        let State::Busy(task) = &mut self.state else { return None };
        match timeout(patience, task).await.ok()? {
            Ok((connection, answer)) => {
                self.state = State::Idle(connection);
                Some(answer)
            }
            Err(error) => Some(Err(format!("a client's task ended: {error}"))),
        }
    }

    /// Ends what it has open; whether the connection lives. An error: it has yet to be answered.
    async fn forgotten(&mut self) -> Result<bool, ()> {
        match &mut self.state {
            State::Busy(_) => Err(()),
            State::Idle(connection) => Ok(L::forget(connection).await),
        }
    }
}

fn broke(error: sqlx::Error) -> Trouble {
    Trouble::Broke(format!("postgres: {error}"))
}
