//! What can be done to the table: the operations of a stream.

use crate::keys::Key;
use crate::layout::Row;
use crate::session::{Isolation, SessionId};

/// A statement, or something that happens to a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// `INSERT`, with `seq` 0.
    Insert {
        /// The row's key.
        key: Key,
        /// Its other columns.
        row: Row,
    },
    /// `INSERT .. ON CONFLICT (run_id) DO NOTHING`, or `DO UPDATE SET` all but the key and `seq`.
    Upsert {
        /// The row's key.
        key: Key,
        /// Its other columns.
        row: Row,
        /// Whether a row that is there is updated.
        update: bool,
    },
    /// `UPDATE .. SET seq = seq + 1, .. WHERE run_id = key AND seq = seen`.
    Update {
        /// The row's key.
        key: Key,
        /// The `seq` it must have.
        seen: u32,
        /// Its other columns from now on.
        row: Row,
    },
    /// `DELETE .. WHERE run_id = key`.
    Delete {
        /// The row's key.
        key: Key,
    },
    /// `SELECT seq .. WHERE run_id = key`.
    Select {
        /// The row's key.
        key: Key,
    },
    /// `SELECT seq .. WHERE run_id = key FOR UPDATE`.
    Lock {
        /// The row's key.
        key: Key,
    },
    /// `DELETE .. WHERE run_id = (SELECT run_id .. ORDER BY run_id LIMIT 1 FOR UPDATE SKIP LOCKED)`,
    /// by scans of the index: [`Table::reads`](crate::Table::reads) says what it cost.
    Claim,
    /// `SELECT count(execution_status)`, by a sequential scan.
    SeqScan,
    /// `BEGIN`.
    Begin(Isolation),
    /// `SELECT 1`: takes a snapshot and touches nothing.
    TakeSnapshot,
    /// `SELECT txid_current()`: takes a transaction number.
    TakeXid,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// `VACUUM`.
    Vacuum,
    /// `ANALYZE`.
    Analyze,
    /// The session tells its statistics, ends, and a new one takes its place.
    Reconnect,
    /// The server is stopped in good order and started again: all sessions are new. Every one
    /// must have told its statistics.
    Restart,
    /// `SELECT pg_stat_force_next_flush()`: the session tells its statistics.
    Flush,
}

/// An operation, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Whose.
    pub session: SessionId,
    /// What.
    pub op: Op,
}

/// What an operation answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It was done, on so many rows.
    Rows(u64),
    /// The key is there already; the transaction is rolled back, or will be.
    Duplicate,
    /// It cannot be done in a transaction block, or the block has failed before.
    Failed,
}

/// Why an operation was not simulated to its end: what would follow is not known exactly. No row was
/// changed, but a page may have been pruned on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The row would be compressed or stored elsewhere.
    TooLong {
        /// Bytes of the row.
        bytes: usize,
    },
    /// Another transaction is at this row: the statement would wait.
    WouldWait,
    /// The row was changed since the transaction's snapshot: REPEATABLE READ would fail.
    WouldConflict,
    /// Two billion transactions are over: freezing is not simulated.
    OutOfXids,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                let most = crate::layout::TOAST_THRESHOLD;
                write!(f, "a row of {bytes} bytes would be compressed; up to {most} are simulated")
            }
            Self::WouldWait => f.write_str(
                "the statement would wait for another transaction; statements that overlap are not \
                 simulated exactly",
            ),
            Self::WouldConflict => f.write_str(
                "the row was changed since the snapshot was taken; REPEATABLE READ would fail, which \
                 is not simulated",
            ),
            Self::OutOfXids => {
                f.write_str("two billion transactions are over; freezing is not simulated")
            }
        }
    }
}

impl std::error::Error for Refused {}
