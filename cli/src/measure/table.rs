//! The samples of a load as a table in the terminal, thinned to what fits on a screen.

use heap::soak::{Params, Sample, Soak, megabytes};

/// Samples that are shown, the loaded table and the last sample included.
const ROWS_MAX: usize = 20;

/// The columns, in the order of the CSV's.
const TITLES: [&str; 13] = [
    "t_s", "updates", "upd/s", "HOT%", "dead%", "free%", "heap MB", "idx MB", "leaf%", "frag%",
    "n_dead", "vacuums", "xid age",
];

/// What is measured, in a line.
pub(super) fn title(workload: &str, params: &Params) -> String {
    let Params { active, fillfactor, concurrency, rate, duration, seed, .. } = params;
    let held = params.hold.name();
    format!(
        "{workload}: {active} rows at fillfactor {fillfactor}, {concurrency} connections, {rate} \
         updates a second, {duration} s, hold {held}, seed {seed}\n"
    )
}

/// The samples, thinned evenly; the last is always shown.
pub(super) fn lines(soak: &Soak) -> Vec<String> {
    let shown = [soak.loaded()].into_iter().chain(thinned(soak.samples()));
    let mut rows = vec![TITLES.map(str::to_owned).to_vec()];
    rows.extend(shown.map(|it| it.fields().to_vec()));
    rows[1][2] = "-".to_owned();
    rows[1][3] = "-".to_owned();
    aligned(&rows)
}

/// As many of all as are shown, the last one with them.
pub(super) fn thinned<T>(all: &[T]) -> Vec<&T> {
    let step = all.len().div_ceil(ROWS_MAX - 1).max(1);
    let mut shown: Vec<&T> = all.iter().rev().step_by(step).collect();
    shown.reverse();
    shown
}

/// Rows of as many cells each, to the right of their columns.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |at: usize| rows.iter().map(|it| it[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let cell = |(text, width): (&String, &usize)| format!("{text:>width$}");
    let line = |row: &Vec<String>| row.iter().zip(&widths).map(cell).collect::<Vec<_>>().join("  ");
    rows.iter().map(line).collect()
}

/// Where a load of a sweep ended.
pub(super) fn ended(value: &str, first: &Sample, end: &Sample) -> Vec<String> {
    let size = |it: u64| format!("{:.1}", megabytes(it));
    let from_to = |from: u64, to: u64| format!("{} -> {}", size(from), size(to));
    vec![
        value.to_owned(),
        format!("{:.2}", end.hot),
        format!("{:.2}", end.dead_pct),
        format!("{:.2}", end.free_pct),
        from_to(first.heap_bytes, end.heap_bytes),
        from_to(first.index_bytes, end.index_bytes),
        format!("{:.1}", end.leaf_density),
        end.n_dead.to_string(),
        end.autovacuums.to_string(),
    ]
}

/// The columns of [`ended`], the first of which is the parameter's name.
pub(super) const ENDED: [&str; 8] =
    ["HOT%", "dead%", "free%", "heap MB", "idx MB", "leaf%", "n_dead", "vacuums"];

/// The columns of a replay, which has one row.
pub(super) const REPLAYED: [&str; 11] = [
    "statements",
    "inserts",
    "updates",
    "deletes",
    "missed",
    "duplicates",
    "HOT%",
    "dead%",
    "heap MB",
    "idx MB",
    "n_dead",
];
