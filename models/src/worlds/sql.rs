//! What may be said on a connection to Postgres, and what is answered: the language of `rows`.

use super::Run;
use sim::prelude::*;

/// One connection of one client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Session {
    /// Whose.
    pub client: ClientId,
    /// Which of its connections; never used twice.
    pub number: u64,
}

/// What a transaction sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Isolation {
    /// Each statement sees what was committed when it began.
    ReadCommitted,
    /// All statements see what was committed when the first began.
    RepeatableRead,
}

/// A statement on a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The connection's number; the client is the caller.
    pub session: u64,
    /// Connections that the caller let go since it last heard an answer: closing a socket is no
    /// call and has no answer, so the server learns of it beside the next statement.
    pub gave_up: Vec<u64>,
    /// What to do.
    pub statement: Statement,
}

/// The statements in use.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Statement {
    /// `BEGIN ISOLATION LEVEL ..`
    Begin(Isolation),
    /// `COMMIT`
    Commit,
    /// `ROLLBACK`
    Rollback,
    /// `SELECT seq, body, token FROM run_head WHERE run_id = ..`
    Select {
        /// The row.
        run: Run,
    },
    /// `UPDATE run_head SET .. WHERE run_id = .. [AND seq = ..] [AND token <= ..] RETURNING seq`
    Update(Update),
}

/// An UPDATE of one row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Update {
    /// The row.
    pub run: Run,
    /// The new number.
    pub set: Set,
    /// `AND seq = ..`: the compare of the compare-and-swap.
    pub seen: Option<u64>,
    /// `SET token = .. WHERE token <= ..`: fencing.
    pub token: Option<u64>,
    /// The transition that does it: an idempotency key.
    pub body: u64,
}

/// What a row's number becomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Set {
    /// `seq = seq + 1`: counted by the server.
    Next,
    /// `seq = ..`: counted by the client.
    To(u64),
    /// `seq = seq`: whoever reads registers with its body.
    Same,
    /// `seq = seq + 1 .. AND body = ..`: if nobody else has written or registered since.
    NextOf(u64),
    /// As it is, and the body with it: nothing but the fencing token is written, as one does who
    /// is about to read.
    Token,
}

/// What Postgres answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It was done.
    Done,
    /// The row, if it can be seen.
    Row(Option<Row>),
    /// `RETURNING seq`; nothing: 0 rows.
    Updated(Option<u64>),
    /// An error: SQLSTATE 40001, could not serialize access due to concurrent update. It undoes
    /// the transaction there and then.
    SerializationFailure,
    /// An error: SQLSTATE 25P02, the transaction has failed and hears nothing but its end.
    InFailedTransaction,
    /// The answer to the COMMIT of a transaction that had failed: `ROLLBACK`.
    RolledBack,
    /// The connection is closed.
    Closed,
}

/// A row of `run_head`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// The head.
    pub seq: u64,
    /// The transition that moved it there; 0: none yet.
    pub body: u64,
    /// The largest fencing token that wrote it.
    pub token: u64,
}
