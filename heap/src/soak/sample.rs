//! A sample: what the server's own views and `pgstattuple` would say of the table at this moment.
//!
//! Sizes are of files, so both maps count, and so does the empty index of the table that long
//! values would go to. Line pointers that are dead or lead on are no rows, to `pgstattuple` either:
//! their bytes are in neither percentage.

use crate::layout::{BLCKSZ, INDEX_SPACE};
use crate::page::Page;
use crate::soak::hold::Holder;
use crate::table::Table;

/// Heap pages that one page of the visibility map is for.
const VM_PAGES: usize = (BLCKSZ - 24) * 4;
/// Bytes of the index of the TOAST table, which is otherwise empty.
const TOAST: usize = BLCKSZ;

/// The table at one moment. Megabytes are 1e6 bytes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sample {
    /// Seconds since the load began.
    pub t_s: u64,
    /// Updates until then.
    pub ops: u64,
    /// Updates a second since the last sample.
    pub upd_per_s: f64,
    /// Percent of the updates since the last sample that stayed on their page.
    pub hot_window: f64,
    /// Percent of all updates that did.
    pub hot: f64,
    /// Percent of the heap that is rows nobody sees any more.
    pub dead_pct: f64,
    /// Percent of the heap that is free.
    pub free_pct: f64,
    /// Bytes as `pg_table_size` counts them.
    pub heap_bytes: u64,
    /// Pages of the heap itself.
    pub heap_pages: u64,
    /// Bytes as `pg_indexes_size` counts them.
    pub index_bytes: u64,
    /// Percent of the leaves' room that is used.
    pub leaf_density: f64,
    /// Percent of leaves whose right neighbour comes before them in the file.
    pub fragmentation: f64,
    /// Dead rows as the collector counts them.
    pub n_dead: i64,
    /// Vacuums by autovacuum until then.
    pub autovacuums: u64,
    /// Transactions since `relfrozenxid`.
    pub xid_age: u64,
    /// The session that the horizon hangs on, if any has a transaction open.
    pub holder: Option<Holder>,
}

/// Everything of a sample that is measured on the table, the rest as it was given.
pub(super) fn measure(table: &Table, sample: Sample) -> Sample {
    let heap_pages = table.heap.pages.len();
    let whole = (heap_pages * BLCKSZ).max(1) as f64;
    let dead = table.heap.counted().dead_bytes;
    let free: usize = table.heap.pages.iter().map(Page::free).sum();
    let (leaf_density, fragmentation) = leaves(table);
    let stats = table.stats();
    let vm = if sample.autovacuums == 0 { 0 } else { heap_pages.div_ceil(VM_PAGES) };
    let maps = (table.heap.fsm.pages() + vm) * BLCKSZ;
    Sample {
        hot: percent(stats.hot_updated, stats.updated),
        dead_pct: dead as f64 * 100.0 / whole,
        free_pct: free as f64 * 100.0 / whole,
        heap_bytes: (heap_pages * BLCKSZ + maps + TOAST) as u64,
        heap_pages: heap_pages as u64,
        index_bytes: ((table.index.pages.len() + table.index.fsm_pages()) * BLCKSZ) as u64,
        leaf_density,
        fragmentation,
        n_dead: stats.dead,
        xid_age: u64::from(table.heap.backends.next_xid - table.heap.class.frozen_xid),
        holder: table.holder(),
        ..sample
    }
}

/// `part` of `whole` in percent; 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// `avg_leaf_density` and `leaf_fragmentation` of `pgstatindex`.
fn leaves(table: &Table) -> (f64, f64) {
    let leaves = table.index.pages.iter().enumerate().skip(1);
    let leaves = leaves.filter(|(_, it)| it.is_leaf() && !it.deleted);
    let (mut count, mut used, mut back) = (0, 0, 0);
    for (number, leaf) in leaves {
        count += 1;
        used += (INDEX_SPACE - leaf.free()) as u64;
        back += u64::from(leaf.right != 0 && (leaf.right as usize) < number);
    }
    (percent(used, count * INDEX_SPACE as u64), percent(back, count))
}

impl Sample {
    /// What is to be seen of a table that no load was on.
    pub fn of(table: &Table) -> Sample {
        let stats = table.stats();
        let hot_window = percent(stats.hot_updated, stats.updated);
        let sample = Sample { ops: stats.updated, hot_window, ..Sample::default() };
        measure(table, sample)
    }

    /// The names of [`Sample::csv`]'s columns.
    pub const COLUMNS: [&'static str; 13] = [
        "t_s",
        "ops",
        "upd_per_s",
        "hot_ratio_window_pct",
        "dead_pct",
        "free_pct",
        "heap_mb",
        "idx_mb",
        "idx_leaf_density",
        "idx_fragmentation",
        "n_dead_tup",
        "autovac_count",
        "xid_age",
    ];

    /// The sample, a field a column of [`Sample::COLUMNS`].
    pub fn fields(&self) -> [String; 13] {
        [
            self.t_s.to_string(),
            self.ops.to_string(),
            format!("{:.0}", self.upd_per_s),
            format!("{:.1}", self.hot_window),
            format!("{:.2}", self.dead_pct),
            format!("{:.2}", self.free_pct),
            format!("{:.1}", megabytes(self.heap_bytes)),
            format!("{:.1}", megabytes(self.index_bytes)),
            format!("{:.1}", self.leaf_density),
            format!("{:.1}", self.fragmentation),
            self.n_dead.to_string(),
            self.autovacuums.to_string(),
            self.xid_age.to_string(),
        ]
    }

    /// The sample as a line of CSV.
    pub fn csv(&self) -> String {
        self.fields().join(",")
    }
}

/// Bytes in megabytes of 1e6.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
