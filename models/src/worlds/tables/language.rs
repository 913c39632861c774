//! Statements as data, and what is answered: the language of `tables`.
//!
//! It is as much SQL as the queues in use say to one table at a time. What is hard is to leave
//! nothing to a planner: a statement goes over its rows in the order of their primary keys, so that
//! the order in which it locks them is part of what it says.

pub use crate::worlds::lock_table::Mode;
pub use crate::worlds::sql::{Isolation, Session};

/// What a column holds; none: NULL.
pub type Value = Option<i64>;

/// The values of a row, column by column. The first is the primary key, and stays as it is.
pub type Row = Vec<Value>;

/// A table: its columns, and what must be unique in it beside the first.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Its name.
    pub name: &'static str,
    /// The names of its columns, all of them `bigint`; the first is the primary key.
    pub columns: &'static [&'static str],
    /// Its unique indexes, in the order they were made.
    pub unique: &'static [Unique],
}

/// A unique index on one column, of those rows that pass its tests.
#[derive(Clone, Copy, Debug)]
pub struct Unique {
    /// The column. NULLs are never equal.
    pub column: usize,
    /// `WHERE ..`
    pub only: &'static [Test],
}

/// `column <op> value`, as a part of a WHERE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Test {
    /// The column.
    pub column: usize,
    /// How they are to compare.
    pub is: Is,
    /// With what.
    pub than: Term,
}

impl Test {
    /// `column = value`
    pub const fn equals(column: usize, value: i64) -> Self {
        Test { column, is: Is::Equal, than: Term::To(value) }
    }
}

/// How two values compare. With NULL nothing does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Is {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Term {
    /// It is given.
    To(i64),
    /// `NULL`
    Null,
    /// What the column has, and so much more.
    Plus(i64),
    /// The server's time when the statement looks at the row, and so many milliseconds more.
    Now(i64),
}

/// What is done about a lock that somebody else has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wait {
    /// It is waited for.
    Blocks,
    /// `SKIP LOCKED`: the row is passed over.
    Skips,
    /// `NOWAIT`: SQLSTATE 55P03.
    Fails,
}

/// Which rows of a table, in the order of their primary keys.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scan {
    /// The table, by its place in the schema.
    pub table: usize,
    /// `WHERE ..`: all of these.
    pub only: Vec<Test>,
    /// `LIMIT ..`, of a SELECT, or of the locking that comes first.
    pub limit: Option<u32>,
    /// `FOR UPDATE ..`. Of an UPDATE or a DELETE: its rows are first locked so, by
    /// `WITH picked AS MATERIALIZED (SELECT .. FOR UPDATE ..)`.
    pub lock: Option<Wait>,
}

/// A statement.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Statement {
    /// `BEGIN ISOLATION LEVEL ..`
    Begin(Isolation),
    /// `COMMIT`
    Commit,
    /// `ROLLBACK`
    Rollback,
    /// `SELECT *`
    Select(Scan),
    /// `UPDATE .. RETURNING *`
    Update {
        /// Of which rows.
        scan: Scan,
        /// What each of these columns becomes.
        set: Vec<(usize, Term)>,
    },
    /// `DELETE .. RETURNING *`
    Delete(Scan),
    /// `INSERT .. RETURNING *`
    Insert {
        /// Into which table.
        table: usize,
        /// The row.
        row: Vec<Term>,
        /// `ON CONFLICT DO NOTHING`
        or_nothing: bool,
    },
    /// `TRUNCATE`
    Truncate(usize),
    /// `LOCK TABLE`
    LockTable {
        /// Which.
        table: usize,
        /// How.
        mode: Mode,
        /// `NOWAIT`
        nowait: bool,
    },
    /// `pg_advisory_lock`, and its relatives `_xact_` and `try_`.
    Advise {
        /// The key.
        key: i64,
        /// Whether it ends with the transaction, not with the session.
        xact: bool,
        /// Whether it only tries.
        tries: bool,
    },
    /// `pg_advisory_unlock`
    Unadvise {
        /// The key.
        key: i64,
    },
}

/// A statement on a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Call {
    /// The connection's number; the client is the caller.
    pub session: u64,
    /// Connections that the caller let go since it last heard an answer.
    pub gave_up: Vec<u64>,
    /// What to do.
    pub statement: Statement,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It was done.
    Done,
    /// Rows: found, locked, or as they are now; of a DELETE as they were.
    Rows(Vec<Row>),
    /// Whether the lock was there to be taken, or to be given back.
    Locked(bool),
    /// An error. In a transaction it undoes all of it there and then.
    Failed(SqlState),
    /// The answer to the COMMIT of a transaction that had failed: `ROLLBACK`.
    RolledBack,
    /// The connection is closed.
    Closed,
}

/// An error, as the server names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SqlState {
    /// 23505
    UniqueViolation,
    /// 25P02: the transaction has failed and hears nothing but its end.
    InFailedTransaction,
    /// 40001: REPEATABLE READ, and the row was changed since the snapshot.
    SerializationFailure,
    /// 40P01
    DeadlockDetected,
    /// 55P03: NOWAIT.
    LockNotAvailable,
}

impl SqlState {
    /// Every one that is an answer here.
    pub const ALL: [SqlState; 5] = [
        SqlState::UniqueViolation,
        SqlState::InFailedTransaction,
        SqlState::SerializationFailure,
        SqlState::DeadlockDetected,
        SqlState::LockNotAvailable,
    ];

    /// Its five characters.
    pub fn code(self) -> &'static str {
        match self {
            SqlState::UniqueViolation => "23505",
            SqlState::InFailedTransaction => "25P02",
            SqlState::SerializationFailure => "40001",
            SqlState::DeadlockDetected => "40P01",
            SqlState::LockNotAvailable => "55P03",
        }
    }
}

impl Term {
    /// Its value, where the column has `old` and the server's clock shows `now_ms`.
    pub(super) fn value(self, old: Value, now_ms: i64) -> Value {
        match self {
            Term::To(value) => Some(value),
            Term::Null => None,
            Term::Plus(more) => old.map(|it| it + more),
            Term::Now(more) => Some(now_ms + more),
        }
    }
}

impl Test {
    pub(super) fn holds(&self, row: &[Value], now_ms: i64) -> bool {
        let (Some(one), Some(other)) = (row[self.column], self.than.value(None, now_ms)) else {
            return false;
        };
        match self.is {
            Is::Equal => one == other,
            Is::Unequal => one != other,
            Is::Less => one < other,
            Is::AtMost => one <= other,
            Is::More => one > other,
        }
    }
}
