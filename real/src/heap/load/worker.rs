//! A connection of a load: its script's statements, each as soon as it is due.
//!
//! An update is due by the clock and not by the one before it, so that one that was slow is made up
//! for and the rate is what was asked for, as long as the server can do it.

use super::Shared;
use crate::error::RealError;
use crate::heap::latency::Latencies;
use crate::heap::{broke, run, statements};
use heap::soak::{FRESH, MOVED, Name, Params, Script, Statement};
use sqlx::postgres::{PgConnectOptions, PgQueryResult};
use sqlx::{Connection, PgConnection, Row as _};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// A connection, and what it does.
pub(super) struct Worker {
    connection: PgConnection,
    script: Script<Name>,
    pid: i32,
    /// Whether a transaction is open.
    open: bool,
    /// Updates that it did.
    updates: u64,
    latencies: Latencies,
}

/// The server's process behind a connection.
pub(in crate::heap) async fn pid_of(connection: &mut PgConnection) -> Result<i32, RealError> {
    let row = sqlx::query("SELECT pg_backend_pid()").fetch_one(connection).await.map_err(broke)?;
    Ok(row.get(0))
}

impl Worker {
    pub(super) async fn connect(
        options: &PgConnectOptions,
        script: Script<Name>,
        params: &Params,
    ) -> Result<Self, RealError> {
        let mut connection = PgConnection::connect_with(options).await.map_err(broke)?;
        let on = if params.synchronous_commit { "on" } else { "off" };
        run(&mut connection, format!("SET synchronous_commit = {on}")).await?;
        let pid = pid_of(&mut connection).await?;
        let (open, updates, latencies) = (false, 0, Latencies::default());
        Ok(Worker { connection, script, pid, open, updates, latencies })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn session(&self) -> u16 {
        self.script.worker()
    }

    /// Works until the load is over: how long its statements took.
    pub(super) async fn work(mut self, shared: Rc<Shared>) -> Result<Latencies, RealError> {
        let batched = shared.params.commit_batch > 1;
        loop {
            if self.script.will_update() && !shared.until(self.due(&shared)).await {
                break;
            }
            if batched && self.script.is_between_transactions() {
                self.begin().await?;
            }
            self.statement(&shared).await?;
            if batched && self.script.is_between_transactions() {
                self.commit().await?;
            }
        }
        self.commit().await?;
        // What it did is told before it goes, and not up to a second later.
        run(&mut self.connection, "SELECT pg_stat_force_next_flush()".to_owned()).await?;
        self.connection.close().await.map_err(broke)?;
        Ok(self.latencies)
    }

    /// When its next update is: all connections take turns.
    fn due(&self, shared: &Shared) -> Instant {
        let Params { concurrency, rate, .. } = shared.params;
        let before = self.updates * concurrency + u64::from(self.script.worker());
        shared.began + Duration::from_secs_f64(before as f64 / rate as f64)
    }

    async fn begin(&mut self) -> Result<(), RealError> {
        if !self.open {
            run(&mut self.connection, "BEGIN".to_owned()).await?;
            self.open = true;
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), RealError> {
        if self.open {
            let began = Instant::now();
            run(&mut self.connection, "COMMIT".to_owned()).await?;
            self.latencies.add("commit", began.elapsed());
            self.open = false;
        }
        Ok(())
    }

    async fn statement(&mut self, shared: &Shared) -> Result<(), RealError> {
        let connection = &mut self.connection;
        let began = Instant::now();
        let (kind, done, count) = match self.script.advance() {
            Statement::Update { key, seen } => {
                let query = statements::with(statements::UPDATE, &key.to_string(), MOVED);
                let done = query.bind(i64::from(seen)).execute(connection).await;
                self.updates += 1;
                ("update", done, &shared.updates)
            }
            Statement::Delete { key } => {
                let query = sqlx::query(statements::DELETE).bind(key.to_string());
                ("delete", query.execute(connection).await, &shared.deletes)
            }
            Statement::Insert { name } => {
                let query = statements::with(statements::INSERT, &name.to_string(), FRESH);
                let done = query.execute(connection).await;
                self.script.inserted(name);
                ("insert", done, &shared.inserts)
            }
        };
        self.latencies.add(kind, began.elapsed());
        let rows = done.as_ref().map_or(1, PgQueryResult::rows_affected);
        done.map_err(broke)?;
        if rows != 1 {
            let why = format!("postgres: an {kind} of one row found {rows}: somebody else is here");
            return Err(RealError::Broke { why });
        }
        count.set(count.get() + 1);
        Ok(())
    }
}
