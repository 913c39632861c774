//! What `pg_stat_all_tables` and `pg_class` say of the table.
//!
//! Neither is the truth: the statistics arrive late and are clamped when they arrive, and
//! `pg_class` holds what the last VACUUM or ANALYZE believed. The second has effects: only if it
//! changed do backends forget their target page.

use crate::Xid;

/// The counts that the collector shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Rows inserted, rolled back or not.
    pub inserted: u64,
    /// Rows updated, rolled back or not.
    pub updated: u64,
    /// Updates that stayed on their page.
    pub hot_updated: u64,
    /// Rows deleted, rolled back or not.
    pub deleted: u64,
    /// Rows alive, as far as the collector knows.
    pub live: i64,
    /// Rows dead, as far as the collector knows.
    pub dead: i64,
}

/// What happened, for those who ask how much was exercised: it decides nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Events {
    /// Pages pruned on access.
    pub prunes: u64,
    /// Those of them pruned by a uniqueness check.
    pub prunes_in_unique: u64,
    /// Pages added to the end of the table.
    pub extensions: u64,
    /// Vacuums that left the index alone though there were dead line pointers.
    pub bypasses: u64,
    /// Vacuums that deleted index entries.
    pub index_vacuums: u64,
    /// Times that the table's tail was cut off.
    pub truncations: u64,
    /// Index pages split, of all levels.
    pub splits: u64,
    /// Those of them not leaves.
    pub inner_splits: u64,
    /// Splits of a leaf full of duplicates, at the end of one key's.
    pub many_duplicates: u64,
    /// Splits of a leaf full of one key.
    pub single_value: u64,
    /// Entries put into a posting list's range.
    pub posting_swaps: u64,
    /// Bottom-up deletion passes.
    pub bottom_ups: u64,
    /// Deduplication passes that merged something.
    pub dedups: u64,
    /// Deletions of marked entries.
    pub simple_deletions: u64,
    /// Entries marked dead.
    pub kills: u64,
    /// Index pages deleted.
    pub page_deletions: u64,
    /// Index pages used again.
    pub recycled: u64,
}

/// The table's row in `pg_class`, as far as VACUUM and ANALYZE write it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct PgClass {
    pub(crate) pages: u32,
    /// -1 until the first VACUUM or ANALYZE.
    pub(crate) tuples: f64,
    pub(crate) all_visible: u32,
    pub(crate) frozen_xid: Xid,
}
