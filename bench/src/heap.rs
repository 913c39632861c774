//! Transitions of rows on the simulated hot table, beside the same statements on the real one.
//!
//! A transition is an update that names the `seq` it has seen. Which row is next is drawn, so that
//! a large table is as bad for the processor's caches as it is in earnest.

use crate::ours::per_cpu_second;
use cpu_time::ProcessTime;
use heap::{Key, Op, Row, Step, Table};
use serde_json::{Map, Value, json};
use sim::rng::Rng;
use std::process::ExitCode;

/// Rows, and the fillfactor.
pub(crate) const SHAPES: [(&str, u32, u8); 4] = [
    ("10 000 rows at 90", 10_000, 90),
    ("10 000 rows at 100", 10_000, 100),
    ("100 000 rows at 90", 100_000, 90),
    ("1 000 000 rows at 90", 1_000_000, 90),
];

/// Transitions of a day at a thousand a second.
const DAY: u64 = 86_400_000;
const BATCH: u64 = 16_000;
/// Transitions on the real server.
const POSTGRES: u64 = 30_000;
/// Rows that are looked at together.
const AHEAD: usize = 16;
/// A row of 80 bytes, as the seeds' are.
const ROW: Row = Row { status: 9, run_status: 7, attempt: false };

/// Rows that were inserted and are moved on.
struct Hot {
    table: Table,
    /// Each with its `seq`.
    rows: Vec<(Key, u32)>,
    random: Rng,
}

impl Hot {
    fn new(rows: u32, fillfactor: u8) -> Self {
        let mut table = Table::new(fillfactor, 1);
        let key = |row: u32| format!("r{row}").into_bytes();
        let rows: Vec<(Key, u32)> = (0..rows).map(|row| (table.add_key(&key(row)), 0)).collect();
        for (key, _) in &rows {
            apply(&mut table, Op::Insert { key: *key, row: ROW });
        }
        Hot { table, rows, random: Rng::new(1) }
    }

    /// As many transitions as are looked at together.
    fn transitions(&mut self) {
        let random = &mut self.random;
        let places = [(); AHEAD].map(|()| random.below(self.rows.len() as u64) as usize);
        self.table.look_ahead(&places.map(|at| self.rows[at].0));
        for at in places {
            let (key, seen) = &mut self.rows[at];
            apply(&mut self.table, Op::Update { key: *key, seen: *seen, row: ROW });
            *seen += 1;
        }
    }
}

fn apply(table: &mut Table, op: Op) {
    table.apply(Step { session: 0, op }).expect("it is simulated");
}

/// Transitions a CPU-second, rows being there.
pub(crate) fn ours(shape: &str) -> Option<Map<String, Value>> {
    let (_, rows, fillfactor) = SHAPES.iter().find(|(name, ..)| *name == shape)?;
    let mut hot = Hot::new(*rows, *fillfactor);
    Some(per_cpu_second(["transitions"], |_| {
        (0..BATCH / AHEAD as u64).for_each(|_| hot.transitions());
        [BATCH]
    }))
}

/// The same statements on a real server, for some seconds: transitions a CPU-second of its
/// processes, ours that sends them left out.
fn postgres(shape: &str) -> Result<Map<String, Value>, String> {
    let (_, rows, fillfactor) =
        SHAPES.iter().find(|(name, ..)| *name == shape).ok_or("no such shape")?;
    let words = |error: real::RealError| error.to_string();
    let server = real::heap::Server::start().map_err(words)?;
    let mut table = server.table(*fillfactor, 1).map_err(words)?;
    let mut names = Table::new(*fillfactor, 1);
    let keys: Vec<Vec<u8>> = (0..*rows).map(|row| format!("r{row}").into_bytes()).collect();
    let mut all: Vec<(Key, u32)> = keys.iter().map(|key| (names.add_key(key), 0)).collect();
    let mut apply = |op| table.apply(&keys, Step { session: 0, op }).map(drop).map_err(words);
    // In one transaction: what is measured comes later.
    apply(Op::Begin(heap::Isolation::ReadCommitted))?;
    for (key, _) in &all {
        apply(Op::Insert { key: *key, row: ROW })?;
    }
    apply(Op::Commit)?;
    let mut random = Rng::new(1);
    let began = cpu_seconds(&server);
    for _ in 0..POSTGRES {
        let at = random.below(all.len() as u64) as usize;
        let (key, seen) = &mut all[at];
        apply(Op::Update { key: *key, seen: *seen, row: ROW })?;
        *seen += 1;
    }
    let seconds = cpu_seconds(&server) - began;
    table.remove().map_err(words)?;
    let rate = (POSTGRES as f64 / seconds).round();
    Ok(Map::from_iter([("transitions_per_cpu_s".to_owned(), json!(rate))]))
}

/// Measures the real server once and prints a line of JSON.
pub(crate) fn measure_postgres(shape: &str) -> ExitCode {
    match postgres(shape) {
        Ok(figures) => println!("{}", Value::Object(figures)),
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What the server's sessions have used of processors, in hundredths that the kernel counts.
fn cpu_seconds(server: &real::heap::Server) -> f64 {
    let parent = server.pid().map_or(String::new(), |pid| pid.to_string());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ticks = processes.filter_map(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        (fields.get(1) == Some(&&*parent)).then(|| Some(ticks(11)? + ticks(12)?)).flatten()
    });
    ticks.sum::<f64>() / 100.0
}

/// A day of transitions on so many rows, with a VACUUM every so often, as autovacuum would.
pub(crate) fn day(rows: &str) -> ExitCode {
    let Ok(rows) = rows.parse::<u32>() else { return ExitCode::from(2) };
    let began = ProcessTime::now();
    let mut hot = Hot::new(rows, 90);
    eprintln!("{rows} rows after {:.1} CPU-s", began.elapsed().as_secs_f64());
    let began = ProcessTime::now();
    let often = (DAY / 100).max(u64::from(rows) / 2);
    let mut due = often;
    for number in 1..=DAY / AHEAD as u64 {
        hot.transitions();
        if number * AHEAD as u64 >= due {
            due += often;
            apply(&mut hot.table, Op::Flush);
            apply(&mut hot.table, Op::Vacuum);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    apply(&mut hot.table, Op::Flush);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    let figures = json!({
        "transitions": DAY, "cpu_s": seconds, "transitions_per_cpu_s": DAY as f64 / seconds,
        "peak_memory": peak.trim(), "heap_pages": hot.table.heap_pages(),
        "index_pages": hot.table.index_pages(), "hot_updated": hot.table.stats().hot_updated,
        "prunes": hot.table.events().prunes,
    });
    println!("{figures:#}");
    ExitCode::SUCCESS
}
