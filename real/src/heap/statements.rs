//! The operations of a stream as SQL, each prepared once a session.

use crate::error::RealError;
use heap::{Answer, Isolation, Key, Op, Row};
use sqlx::postgres::{PgArguments, PgQueryResult};
use sqlx::{Error, PgConnection, Postgres, query::Query};

pub(super) const INSERT: &str = "INSERT INTO run_head \
     (run_id, seq, execution_status, run_status, attempt_number) VALUES ($1, 0, $2, $3, $4)";
const INSERT_OR_NOTHING: &str = "INSERT INTO run_head \
     (run_id, seq, execution_status, run_status, attempt_number) VALUES ($1, 0, $2, $3, $4) \
     ON CONFLICT (run_id) DO NOTHING";
const INSERT_OR_UPDATE: &str = "INSERT INTO run_head \
     (run_id, seq, execution_status, run_status, attempt_number) VALUES ($1, 0, $2, $3, $4) \
     ON CONFLICT (run_id) DO UPDATE SET execution_status = excluded.execution_status, \
     run_status = excluded.run_status, attempt_number = excluded.attempt_number, \
     updated_at = now()";
pub(super) const UPDATE: &str = "UPDATE run_head \
     SET seq = seq + 1, execution_status = $2, run_status = $3, \
     attempt_number = $4, updated_at = now() WHERE run_id = $1 AND seq = $5";
pub(super) const DELETE: &str = "DELETE FROM run_head WHERE run_id = $1";
const SELECT: &str = "SELECT seq FROM run_head WHERE run_id = $1";
const LOCK: &str = "SELECT seq FROM run_head WHERE run_id = $1 FOR UPDATE";
pub(super) const CLAIM: &str = "DELETE FROM run_head WHERE run_id = \
     (SELECT run_id FROM run_head ORDER BY run_id LIMIT 1 FOR UPDATE SKIP LOCKED)";
/// In one message, and so one transaction.
const SEQ_SCAN: &str = "SET enable_seqscan = on; SELECT count(execution_status) FROM run_head; \
     SET enable_seqscan = off";

/// Sends an operation and waits until it is over, its commit too.
pub(super) async fn send<'k>(
    connection: &mut PgConnection,
    op: Op,
    key: impl Fn(Key) -> &'k [u8],
) -> Result<Answer, RealError> {
    let text = |it: Key| std::str::from_utf8(key(it)).expect("keys are text");
    let done = match op {
        Op::Insert { key, row } => with(INSERT, text(key), row).execute(connection).await,
        Op::Upsert { key, row, update } => {
            let sql = if update { INSERT_OR_UPDATE } else { INSERT_OR_NOTHING };
            with(sql, text(key), row).execute(connection).await
        }
        Op::Update { key, seen, row } => {
            with(UPDATE, text(key), row).bind(i64::from(seen)).execute(connection).await
        }
        Op::Delete { key } => sqlx::query(DELETE).bind(text(key)).execute(connection).await,
        Op::Select { key } => sqlx::query(SELECT).bind(text(key)).execute(connection).await,
        Op::Lock { key } => sqlx::query(LOCK).bind(text(key)).execute(connection).await,
        other => sqlx::raw_sql(plain(other)).execute(connection).await,
    };
    answer(done)
}

/// What kind of statement an operation is.
pub(super) fn kind(op: Op) -> &'static str {
    match op {
        Op::Insert { .. } => "insert",
        Op::Upsert { .. } => "upsert",
        Op::Update { .. } => "update",
        Op::Delete { .. } => "delete",
        Op::Select { .. } => "select",
        Op::Lock { .. } => "select for update",
        Op::Claim => "claim",
        Op::SeqScan => "sequential scan",
        Op::Begin(_) => "begin",
        Op::Commit => "commit",
        Op::Rollback => "rollback",
        Op::Vacuum => "vacuum",
        Op::Analyze => "analyze",
        Op::TakeSnapshot | Op::TakeXid | Op::Flush | Op::Reconnect | Op::Restart => "other",
    }
}

/// Operations without parameters.
fn plain(op: Op) -> &'static str {
    match op {
        Op::Claim => CLAIM,
        Op::SeqScan => SEQ_SCAN,
        Op::Begin(Isolation::ReadCommitted) => "BEGIN ISOLATION LEVEL READ COMMITTED",
        Op::Begin(Isolation::RepeatableRead) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        Op::TakeSnapshot => "SELECT 1",
        Op::TakeXid => "SELECT txid_current()",
        Op::Commit => "COMMIT",
        Op::Rollback => "ROLLBACK",
        Op::Vacuum => "VACUUM run_head",
        Op::Analyze => "ANALYZE run_head",
        Op::Flush => "SELECT pg_stat_force_next_flush()",
        _ => unreachable!("it has parameters, or is not the server's to do"),
    }
}

/// A statement that has a row's values.
pub(super) fn with(
    sql: &'static str,
    key: &str,
    row: Row,
) -> Query<'static, Postgres, PgArguments> {
    let attempt = row.attempt.then_some(7_i32);
    let filled = |bytes: u16| "w".repeat(bytes.into());
    let query = sqlx::query(sql).bind(key.to_owned());
    query.bind(filled(row.status)).bind(filled(row.run_status)).bind(attempt)
}

/// What the simulated table would have answered.
fn answer(done: Result<PgQueryResult, Error>) -> Result<Answer, RealError> {
    let error = match done {
        Ok(done) => return Ok(Answer::Rows(done.rows_affected())),
        Err(error) => error,
    };
    let code = error.as_database_error().and_then(|it| it.code()).unwrap_or_default();
    match &*code {
        "23505" => Ok(Answer::Duplicate),
        // In a block that has failed, or that VACUUM cannot be in.
        "25P02" | "25001" => Ok(Answer::Failed),
        _ => Err(super::broke(error)),
    }
}
