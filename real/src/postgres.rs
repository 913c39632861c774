//! The statements of `rows`, as SQL on a real server.
//!
//! The hard part is to say only what the server said: an error is told by its SQLSTATE, a broken
//! connection is no error but silence, and an answer counts once the server is ready for the next
//! statement, when its commit is done and its locks are gone.

use models::worlds::rows::{Isolation, Reply, Row, Set, Statement, Update};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Error, PgConnection, Row as _};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::error::RealError;
use crate::exact::sessions::Language;

/// One table, in a schema of our own, that clients connect to.
///
/// Autovacuum leaves it alone: a vacuum is the simulation's to order.
const TABLE: &str = "CREATE TABLE run_head (run_id text PRIMARY KEY, \
     seq bigint NOT NULL DEFAULT 0, body bigint NOT NULL DEFAULT 0, \
     token bigint NOT NULL DEFAULT 0) WITH (autovacuum_enabled = false)";

/// A database to connect to, and the schema in it that is ours.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    url: String,
    schema: String,
    shown: String,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.shown, self.schema)
    }
}

impl Database {
    /// Where `url` leads; `shown` is the same without a password.
    pub(crate) fn new(url: &str, shown: &str, schema: &str) -> Result<Self, RealError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| refused(shown, error))?;
        let options = options
            .application_name("unforked")
            .options([("search_path", schema)])
            .disable_statement_logging();
        let (url, schema, shown) = (url.to_owned(), schema.to_owned(), shown.to_owned());
        Ok(Self { options, url, schema, shown })
    }

    /// What [`Database::new`] takes.
    pub(crate) fn address(&self) -> [String; 3] {
        [self.url.clone(), self.shown.clone(), self.schema.clone()]
    }

    /// Makes the schema and its table; the server's version.
    pub(crate) async fn prepare(&self) -> Result<String, RealError> {
        let mut connection = self.connect().await?;
        let make = format!("CREATE SCHEMA {0}; SET search_path TO {0}; {TABLE}", self.schema);
        self.run(&mut connection, make).await?;
        let version = sqlx::query_scalar::<_, String>("SHOW server_version")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| refused(&self.shown, error))?;
        Ok(version.split_whitespace().next().unwrap_or("unknown").to_owned())
    }

    /// Removes the schema and all in it.
    pub(crate) async fn remove(&self) -> Result<(), RealError> {
        let mut connection = self.connect().await?;
        self.run(&mut connection, format!("DROP SCHEMA {} CASCADE", self.schema)).await
    }

    /// One more connection.
    pub(crate) async fn connect(&self) -> Result<PgConnection, RealError> {
        let connected = PgConnection::connect_with(&self.options).await;
        connected.map_err(|error| refused(&self.shown, error))
    }

    /// Begins anew with one row, at 0, for each of `runs`.
    pub(crate) async fn reset(
        &self,
        connection: &mut PgConnection,
        runs: u16,
    ) -> Result<(), RealError> {
        let fill = format!(
            "TRUNCATE run_head; INSERT INTO run_head (run_id) \
             SELECT 'run-' || n FROM generate_series(0, {runs} - 1) n"
        );
        self.run(connection, fill).await
    }

    /// Takes the dead, as an autovacuum tick does. A held snapshot does not make it wait.
    pub(crate) async fn vacuum(&self, connection: &mut PgConnection) -> Result<(), RealError> {
        self.run(connection, "VACUUM run_head".to_owned()).await
    }

    pub(crate) async fn run(
        &self,
        connection: &mut PgConnection,
        sql: String,
    ) -> Result<(), RealError> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
        done.map(drop).map_err(|error| refused(&self.shown, error))
    }
}

fn refused(shown: &str, error: Error) -> RealError {
    RealError::Connect { service: format!("postgres at {shown}"), why: error.to_string() }
}

/// The language of `rows`.
pub(crate) struct RunHead;

impl Language for RunHead {
    type Statement = Statement;
    type Reply = Reply;
    const IN_TURN: bool = true;

    async fn send(connection: &mut PgConnection, statement: &Statement) -> Result<Reply, String> {
        send(connection, statement).await
    }

    async fn forget(connection: &mut PgConnection) -> bool {
        send(connection, &Statement::Rollback).await == Ok(Reply::Done)
    }
}

/// Sends a statement and waits for its answer; an error is one that no model knows.
pub(crate) async fn send(
    connection: &mut PgConnection,
    statement: &Statement,
) -> Result<Reply, String> {
    let answer = match statement {
        Statement::Begin(Isolation::ReadCommitted) => {
            plain(connection, "BEGIN ISOLATION LEVEL READ COMMITTED").await
        }
        Statement::Begin(Isolation::RepeatableRead) => {
            plain(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ").await
        }
        Statement::Commit => committed(connection).await.map(|done| match done {
            true => Reply::Done,
            false => Reply::RolledBack,
        }),
        Statement::Rollback => plain(connection, "ROLLBACK").await,
        Statement::Select { run } => {
            let select = sqlx::query("SELECT seq, body, token FROM run_head WHERE run_id = $1");
            let rows = select.bind(run.to_string()).fetch_all(connection).await;
            rows.and_then(|rows| rows.first().map(row).transpose()).map(Reply::Row)
        }
        Statement::Update(it) => update(connection, it).await,
    };
    answer.or_else(said).map_err(unknown)
}

async fn plain(connection: &mut PgConnection, sql: &'static str) -> Result<Reply, Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| Reply::Done)
}

/// Ends a transaction; whether it was committed. What the server answers to a COMMIT, its client
/// keeps from us: `COMMIT` or, if the transaction had failed, `ROLLBACK`. A SELECT sent along, in
/// the same message, tells them apart: it fails in a failed transaction, and what follows it is not
/// run.
pub(crate) async fn committed(connection: &mut PgConnection) -> Result<bool, Error> {
    match sqlx::raw_sql("SELECT 1; COMMIT").execute(&mut *connection).await {
        Err(error) if code(&error) == "25P02" => {
            sqlx::raw_sql("COMMIT").execute(connection).await.map(|_| false)
        }
        answer => answer.map(|_| true),
    }
}

/// Its SQLSTATE, if it is one of the server's.
pub(crate) fn code(error: &Error) -> Cow<'_, str> {
    error.as_database_error().and_then(|it| it.code()).unwrap_or_default()
}

async fn update(connection: &mut PgConnection, update: &Update) -> Result<Reply, Error> {
    let (sql, numbers) = update_sql(update);
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(update.run.to_string());
    for number in numbers {
        query = query.bind(number.cast_signed());
    }
    // Not the first row but all of them: only then is the statement over, and its commit done.
    let rows = query.fetch_all(connection).await?;
    let seq = rows.first().map(|row| row.try_get::<i64, _>(0)).transpose()?;
    Ok(Reply::Updated(seq.map(i64::cast_unsigned)))
}

/// The text of an UPDATE, and its parameters from `$2` on.
fn update_sql(update: &Update) -> (String, Vec<u64>) {
    if let (Set::Token, Some(token)) = (update.set, update.token) {
        let sql = "UPDATE run_head SET token = $2 WHERE run_id = $1 AND token <= $2 RETURNING seq";
        return (sql.to_owned(), vec![token]);
    }
    let mut numbers = vec![update.body];
    let mut next = |number| {
        numbers.push(number);
        numbers.len() + 1
    };
    let set = match update.set {
        Set::Next => "seq + 1".to_owned(),
        Set::NextOf(_) => "seq + 1".to_owned(),
        Set::To(seq) => format!("${}", next(seq)),
        Set::Same => "seq".to_owned(),
        Set::Token => "seq".to_owned(),
    };
    let seen = update.seen.map_or(String::new(), |seen| format!(" AND seq = ${}", next(seen)));
    let mine = match update.set {
        Set::NextOf(body) => format!(" AND body = ${}", next(body)),
        _ => String::new(),
    };
    let (fence, fenced) = update.token.map_or((String::new(), String::new()), |token| {
        let at = next(token);
        (format!(", token = ${at}"), format!(" AND token <= ${at}"))
    });
    let sql = format!(
        "UPDATE run_head SET seq = {set}, body = $2{fence} \
         WHERE run_id = $1{seen}{mine}{fenced} RETURNING seq"
    );
    (sql, numbers)
}

fn row(row: &PgRow) -> Result<Row, Error> {
    let number = |index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
    Ok(Row { seq: number(0)?, body: number(1)?, token: number(2)? })
}

/// The errors that are answers, by their SQLSTATE.
fn said(error: Error) -> Result<Reply, Error> {
    match (&*code(&error), &error) {
        ("40001", _) => Ok(Reply::SerializationFailure),
        ("25P02", _) => Ok(Reply::InFailedTransaction),
        // The server is ending this connection, or has ended it.
        ("57P01" | "57P02" | "57P03", _) | (_, Error::Io(_)) => Ok(Reply::Closed),
        _ => Err(error),
    }
}

/// What an error says that no model knows.
fn unknown(error: Error) -> String {
    match error.as_database_error().and_then(|it| it.code()) {
        Some(code) => format!("postgres answered with SQLSTATE {code}: {error}"),
        None => format!("postgres: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::worlds::Run;

    #[test]
    fn an_update_says_what_its_model_documents() {
        let plain = Update { run: Run(0), set: Set::Next, seen: None, token: None, body: 9 };
        let cas = Update { seen: Some(4), ..plain };
        let fenced = Update { set: Set::To(5), token: Some(7), ..cas };
        let all = [
            (plain, "SET seq = seq + 1, body = $2 WHERE run_id = $1 RETURNING seq", vec![9]),
            (
                cas,
                "SET seq = seq + 1, body = $2 WHERE run_id = $1 AND seq = $3 RETURNING seq",
                vec![9, 4],
            ),
            (
                fenced,
                "SET seq = $3, body = $2, token = $5 \
                 WHERE run_id = $1 AND seq = $4 AND token <= $5 RETURNING seq",
                vec![9, 5, 4, 7],
            ),
            (
                Update { set: Set::Token, token: Some(7), ..plain },
                "SET token = $2 WHERE run_id = $1 AND token <= $2 RETURNING seq",
                vec![7],
            ),
        ];
        let more = [
            (
                Update { set: Set::Same, ..plain },
                "SET seq = seq, body = $2 WHERE run_id = $1 RETURNING seq",
                vec![9],
            ),
            (
                Update { set: Set::NextOf(8), ..plain },
                "SET seq = seq + 1, body = $2 WHERE run_id = $1 AND body = $3 RETURNING seq",
                vec![9, 8],
            ),
        ];
        for (update, sql, numbers) in all.into_iter().chain(more) {
            assert_eq!(update_sql(&update), (format!("UPDATE run_head {sql}"), numbers));
        }
    }
}
