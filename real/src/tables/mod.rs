//! The world `tables` beside a real server: the same statements, in the same order, step by step.
//!
//! Every reply is compared, and so is who waits, and who is let on by whose step (`pair`). The hard
//! part is that the server decides some things by a race. Where one step lets two go on, either may be
//! first, and the world is asked for both; which of two that then begin to wait finds the deadlock
//! nobody can say, and where the sides differ in that every time, they are said to be undecided.

mod pair;
mod program;
mod sql;

pub use program::{Program, SCHEMA, begins};

use crate::error::RealError;
use crate::exact::sessions::Sessions;
use crate::postgres::Database;
use crate::service::{self, postgres::Options};
use crate::targets::runtime;
use models::worlds::tables::{Reply, SqlState, Tables};
use pair::{Pair, told};
use sim::prelude::{CallId, ClientId};
use sql::{Tabular, text};
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::fmt;
use std::task::Poll;
use tokio::runtime::Runtime;

/// How often a program is played before the server is said to differ.
const TRIES: usize = 4;

/// No plan but one that goes over the rows by their primary keys. Who waits looks for a deadlock
/// as soon as it can, so that the one who closes the circle is the one who finds it.
const SETTINGS: [(&str, &str); 6] = [
    ("autovacuum", "off"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("deadlock_timeout", "1ms"),
];

/// A server that nobody else uses, with the tables of [`SCHEMA`].
pub struct Server {
    runtime: Runtime,
    sessions: Sessions<Tabular>,
    version: String,
    _postgres: service::Postgres,
}

/// What came of a program on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Played {
    /// The same. How often what mattered happened.
    Agrees(Counts),
    /// They differ every time.
    Differs(Vec<Line>),
    /// They differ in who of two finds a deadlock that both ran into in one step.
    Undecided,
}

/// How often things happened: replies, waits, each SQLSTATE.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Replies that were compared.
    pub replies: u64,
    /// Statements that waited.
    pub waits: u64,
    /// Statements that were let on and waited again.
    pub waits_again: u64,
    /// Statements that waited, and then found no row.
    pub second_looks_missed: u64,
    /// Steps that let on more than one, and the server served them out of turn.
    pub races: u64,
    /// Programs that came to nothing: see [`Played::Undecided`].
    pub undecided: u64,
    /// Errors, by their SQLSTATE.
    pub errors: BTreeMap<SqlState, u64>,
}

impl Counts {
    /// These too.
    pub fn add(&mut self, other: &Counts) {
        self.replies += other.replies;
        self.waits += other.waits;
        self.waits_again += other.waits_again;
        self.second_looks_missed += other.second_looks_missed;
        self.races += other.races;
        self.undecided += other.undecided;
        for (state, count) in &other.errors {
            *self.errors.entry(*state).or_default() += count;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { replies, waits, waits_again, second_looks_missed, races, undecided, errors } =
            self;
        write!(
            f,
            "{replies} replies, {waits} waits ({waits_again} again), {second_looks_missed} second \
             looks missed, {races} races, {undecided} undecided"
        )?;
        errors.iter().try_for_each(|(state, count)| write!(f, ", {count} times {}", state.code()))
    }
}

/// A statement, and what both sides said to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Whose it is.
    pub session: usize,
    /// As the server is told it; empty: it is let on.
    pub sql: String,
    /// What the world answers.
    pub simulated: String,
    /// What the server answers.
    pub real: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sql = if self.sql.is_empty() { "(goes on)" } else { &self.sql };
        write!(f, "s{} {sql} -> {}", self.session, self.simulated)?;
        if self.simulated != self.real {
            write!(f, "   POSTGRES: {}", self.real)?;
        }
        Ok(())
    }
}

impl Server {
    /// Starts one.
    pub fn start() -> Result<Self, RealError> {
        let extra = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let postgres = service::Postgres::start(&Options { fsync: false, extra })?;
        let runtime = runtime()?;
        let database = Database::new(&postgres.url(), &postgres.redacted_url(), "unforked_tables")?;
        let prepared = async {
            let version = database.prepare().await?;
            let mut connection = database.connect().await?;
            database.run(&mut connection, sql::create(SCHEMA)).await?;
            let sessions = Sessions::new(database).await?;
            Ok::<_, RealError>((version, sessions))
        };
        let (version, sessions) = runtime.block_on(prepared)?;
        Ok(Server { runtime, sessions, version, _postgres: postgres })
    }

    /// Its version, as it tells it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Plays a program on both sides, more than once if they differ.
    pub fn compare(&mut self, program: &Program) -> Result<Played, RealError> {
        let mut last = Vec::new();
        for _ in 0..TRIES {
            match self.runtime.block_on(play(&mut self.sessions, program))? {
                (counts, None) => return Ok(Played::Agrees(counts)),
                (_, Some(lines)) => last = lines,
            }
        }
        let deadlock = told(&Poll::Ready(Reply::Failed(SqlState::DeadlockDetected)));
        let found_on_the_way = |it: &Line| {
            it.sql.is_empty()
                && it.simulated != it.real
                && [&it.simulated, &it.real].contains(&&deadlock)
        };
        Ok(match last.iter().any(found_on_the_way) {
            true => Played::Undecided,
            false => Played::Differs(last),
        })
    }

    /// The smallest part of a program that differs still, and how.
    pub fn minimise(&mut self, program: &Program) -> Result<(Program, Vec<Line>), RealError> {
        let mut least = (program.clone(), Vec::new());
        'smaller: loop {
            for smaller in least.0.smaller() {
                if let Played::Differs(lines) = self.compare(&smaller)? {
                    least = (smaller, lines);
                    continue 'smaller;
                }
            }
            return Ok(least);
        }
    }
}

/// One try; what was said, if the two differ.
async fn play(
    sessions: &mut Sessions<Tabular>,
    program: &Program,
) -> Result<(Counts, Option<Vec<Line>>), RealError> {
    sessions.reset(renew).await?;
    let mut world = Tables::new(SCHEMA);
    for (number, statement) in (0..).zip(begins()) {
        let id = CallId { client: ClientId(99), slot: number };
        let done = world.apply(id, &pair::call(&statement));
        assert!(matches!(done, Poll::Ready(Reply::Rows(_))), "it begins with {statement:?}");
    }
    Ok(Pair::new(world, sessions).play(program).await)
}

async fn renew(database: &Database, connection: &mut PgConnection) -> Result<(), RealError> {
    let tables = SCHEMA.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
    let fill: String = begins().iter().map(|it| text(SCHEMA, it) + ";").collect();
    database.run(connection, format!("TRUNCATE {tables}; {fill}")).await
}
