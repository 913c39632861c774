//! A load on a real table: the scripts of the simulated one, each on a connection of its own.
//!
//! Nothing is serialised here, so what the server shows is held to a band and not to a page. What
//! can be the same is: every connection's statements, the settings, how often and by what the table
//! is looked at, and the rate, which is kept to by the clock. A server that does not keep up is not
//! wrong; how much it did is said, for the simulated load to be as slow.

mod watch;
mod worker;

use super::latency::Latencies;
use super::{broke, joined, run, table};
use crate::error::RealError;
use crate::service::{self, postgres::Options};
use crate::targets::runtime;
use heap::soak::{Course, FRESH, Hold, Name, Params, Reindexed, Sample, Script};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::cell::Cell;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use watch::Watch;
use worker::Worker;

pub(super) use worker::pid_of;

/// How often it is asked whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// What a load did to a real table.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The server's version.
    pub version: String,
    /// The table as it was loaded.
    pub loaded: Sample,
    /// What was seen since, a window apart; the last is of the end.
    pub samples: Vec<Sample>,
    /// Each REINDEX there was.
    pub reindexed: Vec<Reindexed>,
    /// How long statements took, and commits where they are statements of their own.
    pub latencies: Latencies,
    /// Rows inserted and deleted by the load.
    pub inserted_and_deleted: (u64, u64),
    /// Whether it came to its end, and was not stopped before.
    pub whole: bool,
}

impl Loaded {
    /// The table as it was loaded, and what was seen since.
    pub fn course(&self) -> Course<'_> {
        Course { loaded: &self.loaded, samples: &self.samples }
    }

    /// Updates a second, over the whole load.
    pub fn rate(&self) -> f64 {
        let end = self.samples.last().unwrap_or(&self.loaded);
        end.ops as f64 / end.t_s.max(1) as f64
    }
}

/// What all connections know.
#[derive(Debug)]
struct Shared {
    params: Params,
    began: Instant,
    /// When it is over, unless it is stopped.
    ends: Instant,
    stopped: Cell<bool>,
    updates: Cell<u64>,
    inserts: Cell<u64>,
    deletes: Cell<u64>,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.stopped.get() || Instant::now() >= self.ends
    }

    /// When so many seconds of the load are over.
    fn at(&self, seconds: u64) -> Instant {
        self.began + Duration::from_secs(seconds)
    }

    /// Waits until then, or until it is over: whether it goes on.
    async fn until(&self, then: Instant) -> bool {
        while !self.is_over() && Instant::now() < then {
            sleep_until(then.min(Instant::now() + LOOK)).await;
        }
        !self.is_over()
    }
}

/// Runs a load on a server that is started for it. `tell` hears how many seconds of it are over, none
/// as long as the table is loaded, and says whether to go on.
pub fn measure(
    params: &Params,
    tell: &mut dyn FnMut(Option<f64>) -> bool,
) -> Result<Loaded, RealError> {
    tell(None);
    let server =
        service::Postgres::start(&Options { extra: settings(params), ..Options::default() })?;
    let options = PgConnectOptions::from_str(&server.url()).map_err(broke)?;
    let options = options.disable_statement_logging();
    runtime()?.block_on(LocalSet::new().run_until(on(&options, params, tell)))
}

/// What of a load is the server's to know. Plans are those that are simulated.
fn settings(params: &Params) -> Vec<(String, String)> {
    let connections = params.concurrency + 10;
    let all = [
        ("max_connections", connections.to_string()),
        ("autovacuum_naptime", format!("{}s", params.naptime)),
        ("enable_seqscan", "off".to_owned()),
        ("enable_bitmapscan", "off".to_owned()),
        ("jit", "off".to_owned()),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// What of a load is the table's to know. Autovacuum stays away until the table is loaded.
fn storage(params: &Params) -> String {
    format!(
        "fillfactor = {}, autovacuum_enabled = off, autovacuum_vacuum_threshold = {}, \
         autovacuum_vacuum_scale_factor = {}, autovacuum_vacuum_insert_threshold = {}, \
         autovacuum_vacuum_insert_scale_factor = {}, autovacuum_analyze_threshold = {}, \
         autovacuum_analyze_scale_factor = {}, autovacuum_vacuum_cost_limit = {}, \
         autovacuum_vacuum_cost_delay = {}",
        params.fillfactor,
        params.threshold,
        params.scale_factor,
        params.insert_threshold,
        params.insert_scale_factor,
        params.analyze_threshold,
        params.analyze_scale_factor,
        params.cost_limit,
        params.cost_delay,
    )
}

async fn on(
    options: &PgConnectOptions,
    params: &Params,
    tell: &mut dyn FnMut(Option<f64>) -> bool,
) -> Result<Loaded, RealError> {
    let mut watch = Watch::begin(options).await?;
    load(watch.connection(), params, tell).await?;
    let loaded = watch.sample(0, 0).await?;
    let scripts = Script::all(params, (1..=params.active).map(Name::loaded));
    let mut workers = Vec::new();
    for script in scripts {
        workers.push(Worker::connect(options, script, params).await?);
    }
    if params.autovacuum {
        let on = "ALTER TABLE run_head SET (autovacuum_enabled = on)";
        run(watch.connection(), on.to_owned()).await?;
    }
    let began = Instant::now();
    let shared = Rc::new(Shared {
        params: params.clone(),
        began,
        ends: began + Duration::from_secs(params.duration),
        stopped: Cell::new(false),
        updates: Cell::new(0),
        inserts: Cell::new(0),
        deletes: Cell::new(0),
    });
    let tasks = Tasks::begin(&shared, workers, watch, options).await?;
    while !shared.is_over() && !tasks.are_broken() {
        sleep(LOOK).await;
        if !tell(Some(shared.began.elapsed().as_secs_f64())) {
            shared.stopped.set(true);
        }
    }
    let whole = !shared.stopped.replace(true);
    tasks.end(&shared, loaded, whole).await
}

/// Fills the table as the harnesses do, so many rows a statement.
async fn load(
    connection: &mut PgConnection,
    params: &Params,
    tell: &mut dyn FnMut(Option<f64>) -> bool,
) -> Result<(), RealError> {
    run(connection, table(&storage(params))).await?;
    let mut from = 1;
    while from <= params.active && tell(None) {
        let to = params.active.min(from + params.load_batch() - 1);
        let sql = format!(
            "INSERT INTO run_head (run_id, seq, execution_status, run_status) SELECT 'r' || g, 0, \
             repeat('w', {}), repeat('w', {}) FROM generate_series({from}::bigint, {to}::bigint) g",
            FRESH.status, FRESH.run_status,
        );
        run(connection, sql).await?;
        from = to + 1;
    }
    Ok(())
}

/// All that goes on at once.
struct Tasks {
    workers: Vec<JoinHandle<Result<Latencies, RealError>>>,
    watch: JoinHandle<Result<(Watch, Vec<Sample>), RealError>>,
    reindex: JoinHandle<Result<Vec<Reindexed>, RealError>>,
    holder: JoinHandle<Result<Option<PgConnection>, RealError>>,
}

impl Tasks {
    async fn begin(
        shared: &Rc<Shared>,
        workers: Vec<Worker>,
        mut watch: Watch,
        options: &PgConnectOptions,
    ) -> Result<Self, RealError> {
        let reindexer = PgConnection::connect_with(options).await.map_err(broke)?;
        let mut holder = PgConnection::connect_with(options).await.map_err(broke)?;
        let pids = workers.iter().map(|it| (it.pid(), it.session()));
        let last = shared.params.concurrency as u16;
        let holder_pid = pid_of(&mut holder).await?;
        watch.knows(pids.chain([(holder_pid, last + 2)]).collect());
        let mut tasks = Vec::new();
        for worker in workers {
            tasks.push(tokio::task::spawn_local(worker.work(shared.clone())));
        }
        Ok(Tasks {
            workers: tasks,
            watch: tokio::task::spawn_local(watch.watch(shared.clone())),
            reindex: tokio::task::spawn_local(reindex(shared.clone(), reindexer)),
            holder: tokio::task::spawn_local(hold(shared.clone(), holder)),
        })
    }

    /// Whether any of them has ended before its time: it broke.
    fn are_broken(&self) -> bool {
        self.workers.iter().any(JoinHandle::is_finished) || self.watch.is_finished()
    }

    async fn end(self, shared: &Shared, loaded: Sample, whole: bool) -> Result<Loaded, RealError> {
        let mut latencies = Latencies::default();
        for worker in self.workers {
            latencies.merge(joined(worker).await?);
        }
        // One that holds to the end is seen to.
        let holder = joined(self.holder).await?;
        let (mut watch, mut samples) = joined(self.watch).await?;
        let reindexed = joined(self.reindex).await?;
        let seconds = if whole { shared.params.duration } else { shared.began.elapsed().as_secs() };
        samples.retain(|it| it.t_s < seconds);
        samples.push(watch.sample(seconds, shared.updates.get()).await?);
        drop(holder);
        Ok(Loaded {
            version: watch.version().await?,
            loaded,
            samples,
            reindexed,
            latencies,
            inserted_and_deleted: (shared.inserts.get(), shared.deletes.get()),
            whole,
        })
    }
}

/// The session that opens a transaction and leaves it alone; it comes back if it holds to the end.
async fn hold(
    shared: Rc<Shared>,
    mut connection: PgConnection,
) -> Result<Option<PgConnection>, RealError> {
    let Params { hold, hold_from, hold_until, .. } = shared.params;
    let open = match hold {
        Hold::None => return Ok(None),
        Hold::RcSelect => "BEGIN; SELECT 1",
        Hold::RcXid => "BEGIN; SELECT txid_current()",
        Hold::Rr => "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1",
        Hold::Cursor => "BEGIN; DECLARE held CURSOR FOR SELECT run_id FROM run_head; FETCH 1 held",
    };
    if !shared.until(shared.at(hold_from)).await {
        return Ok(None);
    }
    for sql in open.split("; ") {
        run(&mut connection, sql.to_owned()).await?;
    }
    if hold_until == 0 || !shared.until(shared.at(hold_until)).await {
        return Ok(Some(connection));
    }
    run(&mut connection, "ROLLBACK".to_owned()).await?;
    Ok(None)
}

/// Builds the index anew every so often.
async fn reindex(
    shared: Rc<Shared>,
    mut connection: PgConnection,
) -> Result<Vec<Reindexed>, RealError> {
    let every = shared.params.reindex_every;
    let mut done = Vec::new();
    let mut second = every;
    while every != 0 && shared.until(shared.at(second)).await {
        let before = watch::index_bytes(&mut connection).await?;
        let sql = "REINDEX INDEX CONCURRENTLY run_head_pkey";
        run(&mut connection, sql.to_owned()).await?;
        let after = watch::index_bytes(&mut connection).await?;
        done.push(Reindexed { t_s: second, before, after });
        second += every;
    }
    connection.close().await.map_err(broke)?;
    Ok(done)
}
