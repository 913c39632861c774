//! A hot table on a real server, for the simulated one to be held to.
//!
//! The hard part is to be alone: a transaction of anybody else in the cluster shows in the pages. So
//! the server is our own, started for this, with no autovacuum, and each table has a database of its
//! own. Statements go one after another, each on the session it belongs to.

pub mod claims;
mod compare;
mod dump;
mod latency;
pub mod load;
pub mod retention;
mod statements;

pub use compare::{Checked, Compared, Mismatch, compare, first_difference, minimise};
pub use latency::{Latencies, Quantiles};

use crate::error::RealError;
use crate::service::{self, postgres::Options};
use crate::targets::runtime;
use heap::{Key, State, Step};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row as _};
use std::cell::Cell;
use std::str::FromStr;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// What a task came to; one that panicked is told as what broke.
async fn joined<T>(task: JoinHandle<Result<T, RealError>>) -> Result<T, RealError> {
    task.await.map_err(|error| RealError::Broke { why: error.to_string() })?
}

/// The major version whose rules are simulated.
const MAJOR: i32 = 15;

/// What shows pages; Debian has them with the server.
const EXTENSIONS: [&str; 3] = ["pageinspect", "pg_freespacemap", "pg_visibility"];

/// What the rules were found under. The rest is the server's default.
const SETTINGS: [(&str, &str); 11] = [
    ("autovacuum", "off"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
    // Pages are written when the server is stopped, and not before.
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1d"),
    ("bgwriter_lru_maxpages", "0"),
    // As many as a recording may have, and ours.
    ("max_connections", "220"),
];

/// The table, with two columns whose lengths can be chosen.
fn table(options: &str) -> String {
    format!(
        "CREATE TABLE run_head (run_id text PRIMARY KEY, seq bigint NOT NULL DEFAULT 0, \
         execution_status text NOT NULL, run_status text NOT NULL, attempt_number int, \
         created_at timestamptz NOT NULL DEFAULT now(), \
         updated_at timestamptz NOT NULL DEFAULT now()) \
         WITH ({options})"
    )
}

/// A server that nobody else uses.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    postgres: service::Postgres,
    version: String,
    tables: Cell<u32>,
}

/// An empty table on it, and sessions.
#[derive(Debug)]
pub struct RealTable<'a> {
    server: &'a Server,
    options: PgConnectOptions,
    sessions: Vec<PgConnection>,
    observer: PgConnection,
    database: String,
}

fn broke(error: sqlx::Error) -> RealError {
    RealError::Broke { why: format!("postgres: {error}") }
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), RealError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop).map_err(broke)
}

impl Server {
    /// Starts one. It is [`RealError::Unsuitable`] if it is not the version that is simulated or
    /// cannot show its pages.
    pub fn start() -> Result<Self, RealError> {
        Self::start_with(false)
    }

    /// The same, and commits reach the disk: pages are no others, but times are a user's.
    pub fn start_durable() -> Result<Self, RealError> {
        Self::start_with(true)
    }

    fn start_with(fsync: bool) -> Result<Self, RealError> {
        let extra = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let postgres = service::Postgres::start(&Options { fsync, extra })?;
        let runtime = runtime()?;
        let (version, tables) = (String::new(), Cell::new(0));
        let mut server = Server { runtime, postgres, version, tables };
        server.version = server.runtime.block_on(server.prepare())?;
        Ok(server)
    }

    /// Its version, as it tells it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The postmaster's process; its children do the work.
    pub fn pid(&self) -> Option<u32> {
        self.postgres.pid()
    }

    fn options(&self, database: &str) -> Result<PgConnectOptions, RealError> {
        let options = PgConnectOptions::from_str(&self.postgres.url()).map_err(broke)?;
        Ok(options.database(database).disable_statement_logging())
    }

    async fn prepare(&self) -> Result<String, RealError> {
        let options = self.options("template1")?;
        let mut connection = PgConnection::connect_with(&options).await.map_err(broke)?;
        let row = "SELECT current_setting('server_version_num')::int / 10000, \
                   current_setting('server_version')";
        let row = sqlx::query(row).fetch_one(&mut connection).await.map_err(broke)?;
        let unsuitable = |why| RealError::Unsuitable { service: service::postgres::NAME, why };
        let major: i32 = row.get(0);
        if major != MAJOR {
            let why = format!("it is version {major}, and what is simulated is {MAJOR}");
            return Err(unsuitable(why));
        }
        for extension in EXTENSIONS {
            let made = run(&mut connection, format!("CREATE EXTENSION {extension}")).await;
            made.map_err(|error| {
                unsuitable(format!("it has no extension {extension} ({error}); install contrib"))
            })?;
        }
        connection.close().await.map_err(broke)?;
        let version: String = row.get(1);
        Ok(version.split_whitespace().next().unwrap_or("unknown").to_owned())
    }

    /// An empty table in a database of its own, to be used by so many sessions.
    pub fn table(&self, fillfactor: u8, sessions: u16) -> Result<RealTable<'_>, RealError> {
        self.runtime.block_on(async {
            self.tables.set(self.tables.get() + 1);
            let database = format!("heap_{}", self.tables.get());
            let admin = self.options("postgres")?;
            let mut admin = PgConnection::connect_with(&admin).await.map_err(broke)?;
            run(&mut admin, format!("CREATE DATABASE {database}")).await?;
            admin.close().await.map_err(broke)?;
            let options = self.options(&database)?;
            let mut observer = PgConnection::connect_with(&options).await.map_err(broke)?;
            let with = format!("fillfactor = {fillfactor}, autovacuum_enabled = false");
            run(&mut observer, table(&with)).await?;
            let mut table =
                RealTable { server: self, options, sessions: Vec::new(), observer, database };
            table.connect(sessions.into()).await?;
            Ok(table)
        })
    }
}

impl RealTable<'_> {
    async fn connect(&mut self, sessions: usize) -> Result<(), RealError> {
        while self.sessions.len() < sessions {
            let session = PgConnection::connect_with(&self.options).await.map_err(broke)?;
            self.sessions.push(session);
        }
        Ok(())
    }

    /// Does an operation; `keys` are the bytes of each key, by number.
    pub fn apply(&mut self, keys: &[Vec<u8>], step: Step) -> Result<heap::Answer, RealError> {
        let server = self.server;
        server.runtime.block_on(async {
            match step.op {
                heap::Op::Reconnect => self.reconnect(step.session.into()).await,
                heap::Op::Restart => self.restart().await,
                op => {
                    let key = |key: Key| &keys[key.number()][..];
                    statements::send(&mut self.sessions[usize::from(step.session)], op, key).await
                }
            }
        })
    }

    /// What can be seen of it now.
    pub fn state(&mut self) -> Result<State, RealError> {
        self.server.runtime.block_on(dump::state(&mut self.observer)).map_err(broke)
    }

    async fn reconnect(&mut self, at: usize) -> Result<heap::Answer, RealError> {
        let new = PgConnection::connect_with(&self.options).await.map_err(broke)?;
        let mut old = std::mem::replace(&mut self.sessions[at], new);
        run(&mut old, "ROLLBACK".to_owned()).await?;
        run(&mut old, "SELECT pg_stat_force_next_flush()".to_owned()).await?;
        old.close().await.map_err(broke)?;
        Ok(heap::Answer::Rows(0))
    }

    async fn restart(&mut self) -> Result<heap::Answer, RealError> {
        let sessions = self.sessions.len();
        self.sessions.clear();
        self.server.postgres.restart()?;
        let options = &self.options;
        self.observer = PgConnection::connect_with(options).await.map_err(broke)?;
        self.connect(sessions).await?;
        Ok(heap::Answer::Rows(0))
    }

    /// Removes the table with its database.
    pub fn remove(self) -> Result<(), RealError> {
        let RealTable { server, sessions, observer, database, .. } = self;
        server.runtime.block_on(async {
            for session in sessions.into_iter().chain([observer]) {
                session.close().await.map_err(broke)?;
            }
            let admin = server.options("postgres")?;
            let mut admin = PgConnection::connect_with(&admin).await.map_err(broke)?;
            run(&mut admin, format!("DROP DATABASE {database} WITH (FORCE)")).await?;
            admin.close().await.map_err(broke)
        })
    }
}
