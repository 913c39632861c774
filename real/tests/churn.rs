//! What a rotation by TRUNCATE leaves in `pg_class`, on a real server: more than its authors count.
//!
//! A table that gets a new file has its row in the catalog rewritten, and so has each of its indexes,
//! and the table and index that long values would go to. The least is what the arithmetic of three
//! tables a rotation has: 360 dead rows an hour every 30 s (`heap/tests/rotation.rs`).

mod skip;

use real::service::postgres::{Options, Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _};

async fn run(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Rows of `pg_class` that die when a table of these columns is emptied by TRUNCATE.
async fn churn(connection: &mut PgConnection, columns: &str) -> i64 {
    run(connection, &format!("CREATE TABLE rotated ({columns})")).await;
    run(connection, "VACUUM pg_class").await;
    run(connection, "TRUNCATE rotated").await;
    let dead = sqlx::query("SELECT dead_tuple_count FROM pgstattuple('pg_class')");
    let dead = dead.fetch_one(&mut *connection).await.expect("it can be counted").get(0);
    run(connection, "DROP TABLE rotated").await;
    dead
}

#[test]
fn a_truncate_rewrites_the_catalogs_row_of_each_file() {
    let extra = vec![("autovacuum".to_owned(), "off".to_owned())];
    let server = match Postgres::start(&Options { fsync: false, extra }) {
        Ok(server) => server,
        Err(error) => return skip::skip("postgres", error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there is a runtime").block_on(async {
        let connection = PgConnection::connect(&server.url()).await;
        let mut connection = connection.expect("it takes connections");
        run(&mut connection, "CREATE EXTENSION pgstattuple").await;
        for (columns, dead) in [
            ("a int", 1),
            ("a int PRIMARY KEY", 2),
            ("a int, b text", 3),
            ("a int PRIMARY KEY, b text, c int UNIQUE", 5),
        ] {
            assert_eq!(churn(&mut connection, columns).await, dead, "{columns}");
        }
    });
}
