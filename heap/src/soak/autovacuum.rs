//! Autovacuum: when it decides that the table needs it, and how long it takes.
//!
//! It looks once a naptime at what the collector was told, which is late, and at what the last
//! VACUUM or ANALYZE believed of the table's size, which is old; so how far dead rows get between
//! two looks is the load's doing as much as the threshold's. That it decides so is the server's
//! rule. How long it takes is a band: it is what its cost limit alone would make of it, and all it
//! does is done at its end, with the horizon of that moment.

use crate::op::{Op, Refused, Step};
use crate::session::SessionId;
use crate::soak::params::Params;
use crate::stats::Stats;
use crate::table::Table;

/// The worker that looks after the table, and what it knows of its last visit.
#[derive(Clone, Debug)]
pub(super) struct Autovacuum {
    session: SessionId,
    /// Vacuums that ended, as `autovacuum_count` has it.
    pub(super) count: u64,
    /// Whether one is running.
    running: bool,
    analyze_after: bool,
    inserted_then: u64,
    changed_then: u64,
}

/// Rows from which on something is due.
fn due(threshold: u64, factor: f64, rows: f64) -> f64 {
    threshold as f64 + factor * rows
}

fn changed(stats: &Stats) -> u64 {
    stats.inserted + stats.updated + stats.deleted
}

impl Autovacuum {
    pub(super) fn new(session: SessionId) -> Self {
        Autovacuum {
            session,
            count: 0,
            running: false,
            analyze_after: false,
            inserted_then: 0,
            changed_then: 0,
        }
    }

    /// Looks at the table: after how many microseconds the VACUUM that it begins ends, if it does.
    pub(super) fn look(
        &mut self,
        params: &Params,
        table: &mut Table,
    ) -> Result<Option<u64>, Refused> {
        if self.running || !params.autovacuum {
            return Ok(None);
        }
        let stats = table.stats();
        let rows = table.heap.class.tuples.max(0.0);
        let dead = stats.dead as f64 > due(params.threshold, params.scale_factor, rows);
        let new = (stats.inserted - self.inserted_then) as f64;
        let inserts = new > due(params.insert_threshold, params.insert_scale_factor, rows);
        let moved = (changed(&stats) - self.changed_then) as f64;
        let analyze = moved > due(params.analyze_threshold, params.analyze_scale_factor, rows);
        if dead || inserts {
            (self.running, self.analyze_after) = (true, analyze);
            return Ok(Some(duration(params, table)));
        }
        if analyze {
            self.analyze(table)?;
        }
        Ok(None)
    }

    /// The VACUUM that was begun ends.
    pub(super) fn end(&mut self, table: &mut Table) -> Result<(), Refused> {
        table.apply(Step { session: self.session, op: Op::Vacuum })?;
        self.inserted_then = table.stats().inserted;
        self.count += 1;
        self.running = false;
        if self.analyze_after { self.analyze(table) } else { Ok(()) }
    }

    fn analyze(&mut self, table: &mut Table) -> Result<(), Refused> {
        table.apply(Step { session: self.session, op: Op::Analyze })?;
        self.changed_then = changed(&table.stats());
        Ok(())
    }
}

/// Microseconds that the cost limit makes of the pages it will read: those of the heap that are not
/// all-visible, and the index.
fn duration(params: &Params, table: &Table) -> u64 {
    let heap = table.heap.pages.iter().filter(|it| !it.all_visible).count();
    let cost = (heap + table.index.pages.len()) as u64 * params.page_cost;
    (cost as f64 / params.cost_limit as f64 * params.cost_delay * 1000.0) as u64
}
