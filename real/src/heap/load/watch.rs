//! What is seen of a real table while it is under load, by what a user would look with.
//!
//! Looking is part of the load: `pgstattuple` reads every page with a snapshot open, and what dies
//! meanwhile stays. It is looked as often here as in simulation, and by the same functions.

use super::Shared;
use crate::error::RealError;
use crate::heap::{broke, run};
use heap::soak::{By, Holder, Sample};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection, Error, PgConnection, Row as _};
use std::rc::Rc;

/// What the collector was told, and sizes.
const COUNTS: &str = "SELECT n_tup_upd, n_tup_hot_upd, n_dead_tup, autovacuum_count, \
     pg_table_size(relid), pg_relation_size(relid) / 8192, pg_indexes_size(relid), \
     (SELECT age(relfrozenxid)::bigint FROM pg_class WHERE oid = relid) \
     FROM pg_stat_all_tables WHERE relid = 'run_head'::regclass";
const HEAP: &str = "SELECT dead_tuple_percent, free_percent FROM pgstattuple('run_head')";
/// A leaf that was never there has no density, which reads NaN.
const INDEX: &str = "SELECT nullif(avg_leaf_density, 'NaN'), nullif(leaf_fragmentation, 'NaN') \
     FROM pgstatindex('run_head_pkey')";
/// Who holds the oldest number or snapshot. Ages, because numbers wrap.
const HOLDER: &str = "SELECT pid, backend_xid IS NOT NULL AND age(backend_xid) >= \
     coalesce(age(backend_xmin), 0), least(backend_xid::text::bigint, backend_xmin::text::bigint) \
     FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' \
     AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) \
     ORDER BY greatest(age(backend_xid), age(backend_xmin)) DESC LIMIT 1";

/// Whoever looks.
pub(super) struct Watch {
    connection: PgConnection,
    /// The server's process behind each session that may hold something.
    sessions: Vec<(i32, u16)>,
    /// At the last look: second, updates as the collector had them, and those of them that stayed.
    last: (u64, u64, u64),
}

pub(super) async fn index_bytes(connection: &mut PgConnection) -> Result<u64, RealError> {
    let row = sqlx::query("SELECT pg_indexes_size('run_head')").fetch_one(connection).await;
    Ok(row.map_err(broke)?.get::<i64, _>(0).cast_unsigned())
}

impl Watch {
    pub(super) async fn begin(options: &PgConnectOptions) -> Result<Self, RealError> {
        let mut connection = PgConnection::connect_with(options).await.map_err(broke)?;
        run(&mut connection, "CREATE EXTENSION IF NOT EXISTS pgstattuple".to_owned()).await?;
        Ok(Watch { connection, sessions: Vec::new(), last: (0, 0, 0) })
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Which session is behind which of the server's processes.
    pub(super) fn knows(&mut self, sessions: Vec<(i32, u16)>) {
        self.sessions = sessions;
    }

    pub(super) async fn version(&mut self) -> Result<String, RealError> {
        let row = sqlx::query("SELECT split_part(current_setting('server_version'), ' ', 1)");
        Ok(row.fetch_one(&mut self.connection).await.map_err(broke)?.get(0))
    }

    /// Looks once a window until the load is over.
    pub(super) async fn watch(
        mut self,
        shared: Rc<Shared>,
    ) -> Result<(Self, Vec<Sample>), RealError> {
        let window = shared.params.window();
        let mut samples = Vec::new();
        let mut second = window;
        while shared.until(shared.at(second)).await {
            samples.push(self.sample(second, shared.updates.get()).await?);
            // A look that took longer than a window is not made up for.
            let now = shared.began.elapsed().as_secs();
            second = window * (now / window + 1);
        }
        Ok((self, samples))
    }

    /// What is seen at this second, after so many updates.
    pub(super) async fn sample(&mut self, t_s: u64, ops: u64) -> Result<Sample, RealError> {
        self.look(t_s, ops).await.map_err(broke)
    }

    async fn look(&mut self, t_s: u64, ops: u64) -> Result<Sample, Error> {
        let connection = &mut self.connection;
        let counts = sqlx::query(COUNTS).fetch_one(&mut *connection).await?;
        let holder = sqlx::query(HOLDER).fetch_optional(&mut *connection).await?;
        let heap = sqlx::query(HEAP).fetch_one(&mut *connection).await?;
        let index = sqlx::query(INDEX).fetch_one(&mut *connection).await?;
        let count = |at: usize| counts.get::<i64, _>(at).cast_unsigned();
        let (then, updated, stayed) = self.last;
        self.last = (t_s, count(0), count(1));
        let (updates, hot) = (count(0).saturating_sub(updated), count(1).saturating_sub(stayed));
        let seconds = t_s.saturating_sub(then);
        Ok(Sample {
            t_s,
            ops,
            upd_per_s: if seconds == 0 { 0.0 } else { updates as f64 / seconds as f64 },
            hot_window: percent(hot, updates),
            hot: percent(count(1), count(0)),
            dead_pct: heap.get(0),
            free_pct: heap.get(1),
            heap_bytes: count(4),
            heap_pages: count(5),
            index_bytes: count(6),
            leaf_density: index.get::<Option<f64>, _>(0).unwrap_or(0.0),
            fragmentation: index.get::<Option<f64>, _>(1).unwrap_or(0.0),
            n_dead: counts.get(2),
            autovacuums: count(3),
            xid_age: count(7),
            holder: holder.and_then(|row| self.holder(&row)),
        })
    }

    fn holder(&self, row: &PgRow) -> Option<Holder> {
        let pid: i32 = row.get(0);
        let session = self.sessions.iter().find(|it| it.0 == pid)?.1;
        let by = if row.get(1) { By::Xid } else { By::Snapshot };
        Some(Holder { session, by, horizon: row.get::<i64, _>(2) as u32 })
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
