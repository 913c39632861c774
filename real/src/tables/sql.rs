//! The statements of the world `tables`, as SQL on a real server.
//!
//! The hard part is order: a statement has to go over its rows by their primary keys, on a table so
//! small that no planner would. So a SELECT is ordered, what is changed is found through the
//! primary key's index, and the server has other plans switched off (`SETTINGS` in `mod`).

use crate::exact::sessions::Language;
use crate::postgres::{code, committed};
use models::worlds::tables::{
    Is, Isolation, Mode, Reply, Row, Scan, Schema, SqlState, Statement, Term, Test, Wait,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Error, PgConnection, Row as _};

/// A statement and the tables it is about.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) schema: &'static [Schema],
    pub(super) statement: Statement,
}

/// The language of `tables`.
pub(super) struct Tabular;

impl Language for Tabular {
    type Statement = Said;
    type Reply = Reply;
    const IN_TURN: bool = false;

    async fn send(connection: &mut PgConnection, said: &Said) -> Result<Reply, String> {
        let sent = match said.statement {
            Statement::Commit => committed(connection).await.map(|done| match done {
                true => Reply::Done,
                false => Reply::RolledBack,
            }),
            _ => ask(connection, said).await,
        };
        sent.or_else(failed).map_err(|error| format!("postgres: {error}"))
    }

    async fn forget(connection: &mut PgConnection) -> bool {
        let all = "ROLLBACK; SELECT pg_advisory_unlock_all()";
        sqlx::raw_sql(all).execute(connection).await.is_ok()
    }
}

async fn ask(connection: &mut PgConnection, said: &Said) -> Result<Reply, Error> {
    let sql = AssertSqlSafe(text(said.schema, &said.statement));
    let rows = sqlx::raw_sql(sql).fetch_all(connection).await?;
    let found = |table: usize| -> Result<Vec<Row>, Error> {
        rows.iter().map(|it| row(&said.schema[table], it)).collect()
    };
    match &said.statement {
        Statement::Select(scan) => found(scan.table).map(Reply::Rows),
        Statement::Insert { table, .. } => found(*table).map(Reply::Rows),
        Statement::Update { scan, .. } | Statement::Delete(scan) => {
            // They come in the order of a join where the rows were locked first.
            found(scan.table).map(|mut rows| {
                rows.sort_unstable();
                Reply::Rows(rows)
            })
        }
        Statement::Advise { tries: true, .. } | Statement::Unadvise { .. } => {
            rows[0].try_get(0).map(Reply::Locked)
        }
        _ => Ok(Reply::Done),
    }
}

fn row(schema: &Schema, row: &PgRow) -> Result<Row, Error> {
    (0..schema.columns.len()).map(|column| row.try_get::<Option<i64>, _>(column)).collect()
}

/// The errors that are answers.
fn failed(error: Error) -> Result<Reply, Error> {
    let code = code(&error);
    let known = SqlState::ALL.into_iter().find(|it| it.code() == code);
    match known {
        Some(state) => Ok(Reply::Failed(state)),
        None => Err(error),
    }
}

/// The tables, empty. Autovacuum leaves them alone.
pub(super) fn create(schema: &[Schema]) -> String {
    let table = |it: &Schema| {
        let columns = it.columns.iter().enumerate().map(|(at, name)| {
            format!("{name} bigint{}", if at == 0 { " PRIMARY KEY" } else { "" })
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let indexes = it.unique.iter().map(|index| {
            let (column, only) = (it.columns[index.column], tests(it, index.only));
            format!("CREATE UNIQUE INDEX ON {} ({column}) WHERE {only}; ", it.name)
        });
        let options = "WITH (autovacuum_enabled = false)";
        format!("CREATE TABLE {} ({columns}) {options}; {}", it.name, indexes.collect::<String>())
    };
    schema.iter().map(table).collect()
}

/// A statement as the server is told it.
pub(super) fn text(schema: &[Schema], statement: &Statement) -> String {
    match statement {
        Statement::Begin(Isolation::ReadCommitted) => {
            "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned()
        }
        Statement::Begin(Isolation::RepeatableRead) => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned()
        }
        Statement::Commit => "COMMIT".to_owned(),
        Statement::Rollback => "ROLLBACK".to_owned(),
        Statement::Select(scan) => select(&schema[scan.table], scan, "*"),
        Statement::Update { scan, set } => {
            let table = &schema[scan.table];
            let set = set.iter().map(|(column, to)| {
                let name = table.columns[*column];
                format!("{name} = {}", term(*to, name))
            });
            let set = set.collect::<Vec<_>>().join(", ");
            change(table, scan, &format!("UPDATE {} SET {set}", table.name), "FROM")
        }
        Statement::Delete(scan) => {
            let table = &schema[scan.table];
            change(table, scan, &format!("DELETE FROM {}", table.name), "USING")
        }
        Statement::Insert { table, row, or_nothing } => {
            let row = row.iter().map(|it| term(*it, "NULL")).collect::<Vec<_>>().join(", ");
            let or_nothing = if *or_nothing { " ON CONFLICT DO NOTHING" } else { "" };
            format!("INSERT INTO {} VALUES ({row}){or_nothing} RETURNING *", schema[*table].name)
        }
        Statement::Truncate(table) => format!("TRUNCATE {}", schema[*table].name),
        Statement::LockTable { table, mode, nowait } => {
            let nowait = if *nowait { " NOWAIT" } else { "" };
            format!("LOCK TABLE {} IN {} MODE{nowait}", schema[*table].name, mode_name(*mode))
        }
        Statement::Advise { key, xact, tries } => {
            let (tries, xact) =
                (if *tries { "try_" } else { "" }, if *xact { "xact_" } else { "" });
            format!("SELECT pg_{tries}advisory_{xact}lock({key})")
        }
        Statement::Unadvise { key } => format!("SELECT pg_advisory_unlock({key})"),
    }
}

/// An UPDATE or a DELETE; `from` joins what was locked first.
fn change(table: &Schema, scan: &Scan, what: &str, from: &str) -> String {
    let key = table.columns[0];
    match scan.lock {
        None => {
            let only = tests(table, &scan.only);
            format!("{what} WHERE {key} >= 0 AND {only} RETURNING *")
        }
        Some(_) => {
            let (picked, name) = (select(table, scan, key), table.name);
            format!(
                "WITH picked AS MATERIALIZED ({picked}) {what} {from} picked \
                 WHERE {name}.{key} = picked.{key} RETURNING {name}.*"
            )
        }
    }
}

fn select(table: &Schema, scan: &Scan, what: &str) -> String {
    let limit = scan.limit.map_or(String::new(), |most| format!(" LIMIT {most}"));
    let lock = match scan.lock {
        None => "",
        Some(Wait::Blocks) => " FOR UPDATE",
        Some(Wait::Skips) => " FOR UPDATE SKIP LOCKED",
        Some(Wait::Fails) => " FOR UPDATE NOWAIT",
    };
    let (name, key, only) = (table.name, table.columns[0], tests(table, &scan.only));
    format!("SELECT {what} FROM {name} WHERE {only} ORDER BY {key}{limit}{lock}")
}

fn tests(table: &Schema, only: &[Test]) -> String {
    let test = |it: &Test| {
        let is = match it.is {
            Is::Equal => "=",
            Is::Unequal => "<>",
            Is::Less => "<",
            Is::AtMost => "<=",
            Is::More => ">",
        };
        format!("{} {is} {}", table.columns[it.column], term(it.than, "NULL"))
    };
    match only {
        [] => "true".to_owned(),
        _ => only.iter().map(test).collect::<Vec<_>>().join(" AND "),
    }
}

fn term(term: Term, column: &str) -> String {
    match term {
        Term::To(value) => value.to_string(),
        Term::Null => "NULL".to_owned(),
        Term::Plus(more) => format!("{column} + {more}"),
        Term::Now(more) => {
            format!("(extract(epoch FROM clock_timestamp()) * 1000)::bigint + {more}")
        }
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::AccessShare => "ACCESS SHARE",
        Mode::RowShare => "ROW SHARE",
        Mode::RowExclusive => "ROW EXCLUSIVE",
        Mode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
        Mode::Share => "SHARE",
        Mode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
        Mode::Exclusive => "EXCLUSIVE",
        Mode::AccessExclusive => "ACCESS EXCLUSIVE",
    }
}
