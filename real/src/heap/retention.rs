//! Retention on a real server: partitions that are dropped, or DELETE, while runs keep coming.
//!
//! What is hard is to see who waited. A wait for a lock on a table shows in `pg_locks` only as long
//! as it lasts, so somebody looks fifty times a second, and counts who waits a tenth of one. The runs
//! are those of the simulated load, each created when it is due and in the partition of that moment,
//! however late the server is, so that which of them go is the same on both sides.

use super::latency::Latencies;
use super::{broke, joined, run};
use crate::error::RealError;
use crate::service::{self, postgres::Options};
use crate::targets::runtime;
use heap::retention::locks::{Held, Mode, Relation};
use heap::retention::{Outcome, Params, READER_BEFORE, Sleepers, Way, name};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Error, PgConnection, Row as _};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

/// How often it is looked who waits.
const LOOK: Duration = Duration::from_millis(20);
/// Seconds that somebody waits before it counts: VACUUM cuts off a table's empty tail in less.
const WAIT_LEAST: f64 = 0.1;
/// What columns hold of a run that is new, under way and done.
const FRESH: [&str; 2] = ["RUN_CREATED", "PENDING"];
const MOVED: [&str; 2] = ["EXECUTING", "EXECUTING"];
const DONE: [&str; 2] = ["FINISHED", "COMPLETED"];

const COLUMNS: &str = "run_id text NOT NULL, seq bigint NOT NULL DEFAULT 0, \
     execution_status text NOT NULL, run_status text NOT NULL, attempt_number int, \
     created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL DEFAULT now()";
const INSERT: &str = "INSERT INTO run_head (run_id, execution_status, run_status, created_at) \
     VALUES ($1, $2, $3, to_timestamp($4))";
const UPDATE: &str = "UPDATE run_head SET seq = seq + 1, execution_status = $2, run_status = $3, \
     attempt_number = 1, updated_at = now() \
     WHERE run_id = $1 AND seq = $4 AND created_at = to_timestamp($5)";
/// Of tables that have rows; what is empty yet was made beforehand.
const BYTES: &str = "SELECT coalesce(sum(pg_relation_size(c.oid) + (SELECT \
     coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index WHERE indrelid = c.oid)), 0) \
     ::bigint FROM pg_class c WHERE relkind = 'r' AND relname LIKE 'run\\_head%' \
     AND pg_relation_size(c.oid) > 0";
/// Who of these waits, and what the one who retires holds or waits for on the table that all use.
const LOCKS: &str = "SELECT pid, coalesce(waitstart::text, ''), \
     coalesce(extract(epoch FROM clock_timestamp() - waitstart), 0)::float8, mode, pid = $2 \
     FROM pg_locks WHERE locktype = 'relation' AND \
     (pid = ANY($1) AND waitstart IS NOT NULL OR pid = $2 AND relation = 'run_head'::regclass)";

/// What a load with retention did to a real server.
#[derive(Clone, Debug)]
pub struct Retired {
    /// What came of it; of the locks, those on the table that all use that lasted to be seen.
    pub outcome: Outcome,
    /// How long statements took: those that serve runs, and those that retire them.
    pub latencies: Latencies,
    /// Whether it came to its end, and was not stopped before.
    pub whole: bool,
}

/// What all connections know.
struct Shared {
    params: Params,
    way: Way,
    /// Whether each run sleeps.
    sleepers: Vec<bool>,
    began: Instant,
    stopped: Cell<bool>,
    outcome: RefCell<Outcome>,
    latencies: RefCell<Latencies>,
}

impl Shared {
    fn at(&self, milliseconds: u64) -> Instant {
        self.began + Duration::from_millis(milliseconds)
    }

    fn is_over(&self) -> bool {
        self.stopped.get() || Instant::now() >= self.at(self.params.duration * 1000)
    }

    /// Waits until so many milliseconds are over, or all is: whether it goes on.
    async fn until(&self, milliseconds: u64) -> bool {
        let then = self.at(milliseconds);
        while !self.stopped.get() && Instant::now() < then {
            sleep_until(then.min(Instant::now() + LOOK)).await;
        }
        !self.stopped.get()
    }

    /// Does something, and keeps how long it took.
    async fn timed<T>(
        &self,
        kind: &'static str,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, RealError> {
        let began = Instant::now();
        let done = doing.await.map_err(broke)?;
        self.latencies.borrow_mut().add(kind, began.elapsed());
        Ok(done)
    }
}

/// Runs a load with retention on a server that is started for it. `tell` hears how many seconds of it
/// are over, and says whether to go on.
pub fn measure(
    params: &Params,
    way: Way,
    tell: &mut dyn FnMut(f64) -> bool,
) -> Result<Retired, RealError> {
    let connections = (params.concurrency + 10).to_string();
    // A generic plan would lock every partition, and wait for the one that goes.
    let extra = [
        ("max_connections", connections.as_str()),
        ("plan_cache_mode", "force_custom_plan"),
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
        ("jit", "off"),
    ];
    let extra = extra.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = service::Postgres::start(&Options { extra, ..Options::default() })?;
    let options = PgConnectOptions::from_str(&server.url()).map_err(broke)?;
    let options = options.disable_statement_logging();
    runtime()?.block_on(LocalSet::new().run_until(on(&options, params, way, tell)))
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, RealError> {
    PgConnection::connect_with(options).await.map_err(broke)
}

async fn on(
    options: &PgConnectOptions,
    params: &Params,
    way: Way,
    tell: &mut dyn FnMut(f64) -> bool,
) -> Result<Retired, RealError> {
    let mut keeper = connect(options).await?;
    make_tables(&mut keeper, params, way).await?;
    let mut workers = Vec::new();
    for _ in 0..params.concurrency {
        workers.push(connect(options).await?);
    }
    let retires = super::load::pid_of(&mut keeper).await?;
    let mut pids = Vec::new();
    for worker in &mut workers {
        pids.push(super::load::pid_of(worker).await?);
    }
    let (looker, reader) = (connect(options).await?, connect(options).await?);
    let mut sleepers = Sleepers::of(params);
    let shared = Rc::new(Shared {
        params: params.clone(),
        way,
        sleepers: (0..params.rate * params.duration).map(|_| sleepers.next_sleeps()).collect(),
        began: Instant::now(),
        stopped: Cell::new(false),
        outcome: RefCell::default(),
        latencies: RefCell::default(),
    });
    let mut tasks = Vec::new();
    for (number, connection) in workers.into_iter().enumerate() {
        let serving = serve(shared.clone(), connection, number as u64);
        tasks.push(spawn_local(all_or_none(shared.clone(), serving)));
    }
    tasks.push(spawn_local(all_or_none(shared.clone(), read(shared.clone(), reader))));
    let keeping = spawn_local(all_or_none(shared.clone(), keep(shared.clone(), keeper)));
    let looking = spawn_local(look(shared.clone(), looker, pids, retires));
    while !shared.is_over() {
        sleep(LOOK).await;
        if !tell(shared.began.elapsed().as_secs_f64()) {
            shared.stopped.set(true);
        }
    }
    for task in tasks {
        joined(task).await?;
    }
    let mut keeper = joined(keeping).await?;
    let whole = !shared.stopped.replace(true);
    joined(looking).await?;
    let outcome = end(&mut keeper, &shared).await.map_err(broke)?;
    Ok(Retired { outcome, latencies: shared.latencies.take(), whole })
}

/// What breaks stops all others.
async fn all_or_none<T>(
    shared: Rc<Shared>,
    doing: impl Future<Output = Result<T, RealError>>,
) -> Result<T, RealError> {
    let done = doing.await;
    if done.is_err() {
        shared.stopped.set(true);
    }
    done
}

/// Partitions are made before there are runs: making one takes the strongest lock there is.
async fn make_tables(
    keeper: &mut PgConnection,
    params: &Params,
    way: Way,
) -> Result<(), RealError> {
    run(keeper, "CREATE EXTENSION pgstattuple".to_owned()).await?;
    let storage = format!("fillfactor = {}, autovacuum_enabled = off", params.fillfactor);
    if !way.is_partitioned() {
        let sql =
            format!("CREATE TABLE run_head ({COLUMNS}, PRIMARY KEY (run_id)) WITH ({storage})");
        return run(keeper, sql).await;
    }
    run(keeper, format!("CREATE TABLE run_head ({COLUMNS}) PARTITION BY RANGE (created_at)"))
        .await?;
    for number in 0..=params.duration / params.range {
        let (from, to) = (number * params.range, (number + 1) * params.range);
        let sql = format!(
            "CREATE TABLE run_head_{number} PARTITION OF run_head (PRIMARY KEY (run_id)) \
             FOR VALUES FROM (to_timestamp({from})) TO (to_timestamp({to})) WITH ({storage})"
        );
        run(keeper, sql).await?;
    }
    Ok(())
}

/// A connection that creates runs and moves them on.
async fn serve(
    shared: Rc<Shared>,
    mut connection: PgConnection,
    worker: u64,
) -> Result<(), RealError> {
    let Params { rate, concurrency, transitions, .. } = shared.params;
    let mut number = worker;
    while let Some(sleeps) = shared.sleepers.get(number as usize) {
        let due = number * 1000 / rate;
        if !shared.until(due).await {
            break;
        }
        let (name, created) = (name(number), due as f64 / 1e3);
        let insert = sqlx::query(INSERT).bind(&name).bind(FRESH[0]).bind(FRESH[1]).bind(created);
        shared.timed("insert", insert.execute(&mut connection)).await?;
        for seen in 0..transitions - u64::from(*sleeps) {
            let [status, run_status] = if seen + 1 == transitions { DONE } else { MOVED };
            let update = sqlx::query(UPDATE).bind(&name).bind(status).bind(run_status);
            let update = update.bind(seen.cast_signed()).bind(created);
            let done = shared.timed("update", update.execute(&mut connection)).await?;
            if done.rows_affected() != 1 {
                let why = format!(
                    "postgres is behind by so much that {name} grew old before it was done; \
                     expected a lower rate"
                );
                return Err(RealError::Broke { why });
            }
        }
        number += concurrency;
    }
    run(&mut connection, "SELECT pg_stat_force_next_flush()".to_owned()).await?;
    connection.close().await.map_err(broke)
}

/// Who reads all there is across each retirement, and keeps what he saw.
async fn read(shared: Rc<Shared>, mut connection: PgConnection) -> Result<(), RealError> {
    if shared.params.reader == 0 {
        return Ok(());
    }
    for (second, _) in shared.params.retirements() {
        let begins = second * 1000 - READER_BEFORE;
        if !shared.until(begins).await {
            break;
        }
        run(&mut connection, "BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned()).await?;
        run(&mut connection, "SELECT count(*) FROM run_head".to_owned()).await?;
        shared.until(begins + shared.params.reader * 1000).await;
        run(&mut connection, "COMMIT".to_owned()).await?;
    }
    connection.close().await.map_err(broke)
}

/// Who retires what is old.
async fn keep(shared: Rc<Shared>, mut keeper: PgConnection) -> Result<PgConnection, RealError> {
    for (second, first) in shared.params.retirements() {
        if !shared.until(second * 1000).await {
            break;
        }
        let began = Instant::now();
        let (moved, gone, freed, reclaimed) = if shared.way.is_partitioned() {
            retire(&shared, &mut keeper, second, first).await?
        } else {
            delete(&shared, &mut keeper, first).await?
        };
        let took =
            if reclaimed { began.elapsed() } else { Duration::from_secs(shared.params.range) };
        let outcome = &mut *shared.outcome.borrow_mut();
        outcome.retired += 1;
        outcome.moved += moved;
        outcome.gone += gone;
        outcome.freed += freed;
        outcome.longest = outcome.longest.max(took.as_millis() as u64);
    }
    Ok(keeper)
}

async fn number(connection: &mut PgConnection, sql: String) -> Result<u64, Error> {
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await?;
    Ok(row.get::<i64, _>(0).cast_unsigned())
}

/// Carries open runs forward, and drops their partition: how many were carried, how many went, the
/// bytes that were freed, and that they were.
async fn retire(
    shared: &Shared,
    keeper: &mut PgConnection,
    second: u64,
    first: u64,
) -> Result<(u64, u64, u64, bool), RealError> {
    let range = shared.params.range;
    let (old, new) = ((first - 1) / range, second / range);
    let sql = format!(
        "WITH moved AS (DELETE FROM run_head_{old} WHERE execution_status <> '{}' RETURNING *) \
         INSERT INTO run_head_{new} SELECT run_id, seq, execution_status, run_status, \
         attempt_number, to_timestamp({second}), updated_at FROM moved",
        DONE[0],
    );
    let carrying = sqlx::query(AssertSqlSafe(sql)).execute(&mut *keeper);
    let moved = shared.timed("carry forward", carrying).await?.rows_affected();
    let sql = format!("SELECT count(*) FROM run_head_{old}");
    let gone = number(keeper, sql).await.map_err(broke)?;
    let sql = format!(
        "SELECT pg_relation_size('run_head_{old}') + pg_relation_size('run_head_{old}_pkey')"
    );
    let freed = number(keeper, sql).await.map_err(broke)?;
    let how = if shared.way == Way::Drop { " CONCURRENTLY" } else { "" };
    let sql = format!("ALTER TABLE run_head DETACH PARTITION run_head_{old}{how}");
    shared.timed("detach", sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *keeper)).await?;
    let sql = format!("DROP TABLE run_head_{old}");
    shared.timed("drop", sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *keeper)).await?;
    Ok((moved, gone, freed, true))
}

/// Deletes finished runs of before this second, and vacuums: the same figures; none is carried.
async fn delete(
    shared: &Shared,
    keeper: &mut PgConnection,
    first: u64,
) -> Result<(u64, u64, u64, bool), RealError> {
    let before = number(keeper, BYTES.to_owned()).await.map_err(broke)?;
    let sql = format!(
        "DELETE FROM run_head WHERE created_at < to_timestamp({first}) AND execution_status = '{}'",
        DONE[0],
    );
    let deleting = sqlx::query(AssertSqlSafe(sql)).execute(&mut *keeper);
    let gone = shared.timed("bulk delete", deleting).await?.rows_affected();
    shared.timed("vacuum", sqlx::raw_sql("VACUUM run_head").execute(&mut *keeper)).await?;
    let after = number(keeper, BYTES.to_owned()).await.map_err(broke)?;
    let dead = "SELECT dead_tuple_count FROM pgstattuple('run_head')";
    let dead = number(keeper, dead.to_owned()).await.map_err(broke)?;
    Ok((0, gone, before.saturating_sub(after), dead < gone.max(1)))
}

/// Looks who waits for a lock on a table, and once a second how large all is.
async fn look(
    shared: Rc<Shared>,
    mut connection: PgConnection,
    pids: Vec<i32>,
    keeper: i32,
) -> Result<(), RealError> {
    let mut seen: BTreeSet<(i32, String)> = BTreeSet::new();
    let mut next = shared.began;
    while !shared.stopped.get() {
        let rows = sqlx::query(LOCKS).bind(&pids).bind(keeper).fetch_all(&mut connection).await;
        for row in rows.map_err(broke)? {
            let outcome = &mut *shared.outcome.borrow_mut();
            let (pid, since, waits) = (row.get(0), row.get(1), row.get::<f64, _>(2));
            let waited = (waits * 1e3) as u64;
            if row.get(4) {
                // VACUUM takes the strongest for a moment if it need not wait, to cut off a tail.
                let brief = |mode: &Mode| *mode == Mode::AccessExclusive && waited == 0;
                let mode = Mode::named(row.get(3)).filter(|mode| !brief(mode));
                let held = mode.map(|mode| Held { mode, on: Relation::Table, waited });
                held.into_iter().for_each(|held| outcome.locked(held));
            } else if waits >= WAIT_LEAST {
                seen.insert((pid, since));
                outcome.waits = seen.len() as u64;
                outcome.wait_max = outcome.wait_max.max(waited);
            }
        }
        if Instant::now() >= next {
            let bytes = number(&mut connection, BYTES.to_owned()).await.map_err(broke)?;
            let t_s = (next - shared.began).as_secs();
            shared.outcome.borrow_mut().seen(t_s, bytes);
            next += Duration::from_secs(1);
        }
        sleep(LOOK).await;
    }
    connection.close().await.map_err(broke)
}

/// What is there in the end.
async fn end(keeper: &mut PgConnection, shared: &Shared) -> Result<Outcome, Error> {
    let mut outcome = shared.outcome.take();
    outcome.runs = number(keeper, "SELECT count(*) FROM run_head".to_owned()).await?;
    outcome.bytes = number(keeper, BYTES.to_owned()).await?;
    outcome.bytes_max = outcome.bytes_max.max(outcome.bytes);
    let dead = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_all_tables \
                WHERE relname LIKE 'run\\_head%'";
    outcome.dead = number(keeper, dead.to_owned()).await?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap::retention;
    use heap::soak;

    #[test]
    fn what_columns_hold_is_as_long_as_what_is_simulated() {
        let all = [(FRESH, soak::FRESH), (MOVED, soak::MOVED), (DONE, retention::DONE)];
        for (texts, row) in all {
            let lengths = [row.status, row.run_status].map(usize::from);
            assert_eq!(texts.map(str::len), lengths);
        }
    }
}
