//! Claims on a real server: the same jobs put in and taken, and what each claim's plan says it read.
//!
//! `EXPLAIN (ANALYZE, BUFFERS)` does what it explains, so every claim is made under it. Its figure is
//! the plan's own: what planning reads is counted apart, and what is marked when the plan is ended
//! comes too late for it, on both sides.

use super::compare::Checked;
use super::{Latencies, RealTable, Server, broke, run, statements};
use crate::error::RealError;
use heap::claims::{HOLDER, Params, WORKER, stream};
use heap::soak::Hold;
use heap::{Difference, Isolation, Op, Rules, Step};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _};
use std::time::Instant;

/// What claims did to a real table.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The server's version.
    pub version: String,
    /// Pages that each claim read, found in memory or not.
    pub pages: Vec<u64>,
    /// The table at each sample.
    pub course: Vec<Checked>,
    /// Where its pages were first other than the simulated ones, and how; none if never.
    pub differences: Vec<Difference>,
    /// How long statements took.
    pub latencies: Latencies,
    /// Whether it came to its end, and was not stopped before.
    pub whole: bool,
}

/// Runs a load of claims on a server that is started for it, and compares every page at each sample.
/// `tell` hears how many claims were made, and says whether to go on.
pub fn measure(params: &Params, tell: &mut dyn FnMut(u64) -> bool) -> Result<Claimed, RealError> {
    let server = Server::start_durable()?;
    let stream = stream(params);
    let fillfactor = params.fillfactor as u8;
    let mut real = server.table(fillfactor, stream.sessions)?;
    let mut table = stream.table(fillfactor, Rules::default());
    let mut claimed = Claimed {
        version: server.version().to_owned(),
        pages: Vec::new(),
        course: Vec::new(),
        differences: Vec::new(),
        latencies: Latencies::default(),
        whole: false,
    };
    for (at, step) in stream.steps.iter().enumerate() {
        if at % 16 == 0 && !tell(claimed.pages.len() as u64) {
            return Ok(claimed);
        }
        let began = Instant::now();
        match *step {
            Step { session: HOLDER, op } => hold(&mut real, params.hold, op)?,
            Step { op: Op::Claim, .. } => claimed.pages.push(claim(&mut real)?),
            step => drop(real.apply(&stream.keys, step)?),
        }
        claimed.latencies.add(statements::kind(step.op), began.elapsed());
        let ours = table.apply(*step);
        ours.map_err(|error| RealError::Broke { why: format!("step {at}: {error}") })?;
        if stream.checks.binary_search(&(at + 1)).is_ok() {
            let state = real.state()?;
            claimed.course.push(Checked::real(&state, at + 1));
            claimed.differences = state.differences(&table.state());
            if !claimed.differences.is_empty() {
                break;
            }
        }
    }
    real.remove()?;
    claimed.whole = true;
    Ok(claimed)
}

/// What the session does that holds the horizon back.
fn hold(real: &mut RealTable<'_>, hold: Hold, op: Op) -> Result<(), RealError> {
    let sql = match (hold, op) {
        (_, Op::Commit) => "COMMIT",
        // The cursor is of no table: what it reads would be pruned.
        (Hold::Cursor, Op::Begin(_)) => {
            "BEGIN; DECLARE held CURSOR FOR SELECT generate_series(1, 2); FETCH 1 held"
        }
        (Hold::Cursor, _) => return Ok(()),
        (_, Op::Begin(Isolation::RepeatableRead)) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        (_, Op::Begin(_)) => "BEGIN",
        (_, Op::TakeXid) => "SELECT txid_current()",
        _ => "SELECT 1",
    };
    let session = &mut real.sessions[usize::from(HOLDER)];
    real.server.runtime.block_on(run(session, sql.to_owned()))
}

/// Makes a claim: how many pages its plan read.
fn claim(real: &mut RealTable<'_>) -> Result<u64, RealError> {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {}", statements::CLAIM);
    let session = &mut real.sessions[usize::from(WORKER)];
    let explained = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(session);
    let row = real.server.runtime.block_on(explained).map_err(broke)?;
    let text = row.try_get_raw(0).map_err(broke)?;
    let parsed = text.as_str().ok().and_then(|it| serde_json::from_str(it).ok());
    let plan: Value = parsed.unwrap_or_default();
    let plan = &plan[0]["Plan"];
    let blocks = |name: &str| plan[name].as_u64();
    let pages = blocks("Shared Hit Blocks").zip(blocks("Shared Read Blocks"));
    let pages = pages.map(|(hit, read)| hit + read);
    pages.ok_or_else(|| RealError::Broke {
        why: format!("postgres: a plan without buffers: {plan}"),
    })
}
