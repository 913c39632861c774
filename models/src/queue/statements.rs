//! The queue's two tables, and each thing that is said to them as one statement.
//!
//! What is hard is to say it in one. A claim looks, locks and writes at once and passes over what
//! others have locked; a report names the attempt it is about, so that a worker which was taken
//! for dead is not heard; and an address is unique among the jobs that are open.

use crate::worlds::tables::{
    Is, Isolation, Scan, Schema, Statement, Term, Test, Unique, Value, Wait,
};

pub(super) const JOBS: usize = 0;
pub(super) const CACHE: usize = 1;

pub(super) const ID: usize = 0;
pub(super) const STATE: usize = 1;
pub(super) const ATTEMPT: usize = 2;
pub(super) const LEASE: usize = 3;
pub(super) const RUN_AT: usize = 4;
pub(super) const ADDRESS: usize = 5;
pub(super) const DONE_BY: usize = 6;

const READY: i64 = 0;
const RUNNING: i64 = 1;
const DONE: i64 = 2;

/// How long a worker is believed to be at work after it was last heard of, in milliseconds.
pub(super) const LEASE_MS: i64 = 3000;

const COLUMNS: &[&str] = &["id", "state", "attempt", "lease", "run_at", "address", "done_by"];
const RESULTS: Schema = Schema { name: "cache", columns: &["address", "result"], unique: &[] };

/// The jobs, of which one of each address is open, and the results by address.
pub(super) const TABLES: &[Schema] = &[
    Schema {
        name: "jobs",
        columns: COLUMNS,
        unique: &[Unique {
            column: ADDRESS,
            only: &[Test { column: STATE, is: Is::Less, than: Term::To(DONE) }],
        }],
    },
    RESULTS,
];

/// The same without that.
pub(super) const NOT_UNIQUE: &[Schema] =
    &[Schema { name: "jobs", columns: COLUMNS, unique: &[] }, RESULTS];

/// A job, as its row has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// How often it was claimed.
    pub attempt: i64,
    /// Until when its worker is believed to be at work, in milliseconds.
    pub lease: Option<i64>,
    /// From when it may be claimed, in milliseconds.
    pub run_at: i64,
    /// What it computes.
    pub address: Option<i64>,
    /// Which attempt completed it.
    pub done_by: Option<i64>,
    /// What becomes of it.
    pub state: State,
}

/// What becomes of a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// It waits to be claimed, for the first time or again.
    Ready,
    /// A worker is on it.
    Running,
    /// It is done.
    Done,
}

impl Job {
    pub(super) fn read(row: &[Value]) -> Self {
        let number = |column: usize| row[column].unwrap_or_default();
        Job {
            id: number(ID),
            attempt: number(ATTEMPT),
            lease: row[LEASE],
            run_at: number(RUN_AT),
            address: row[ADDRESS],
            done_by: row[DONE_BY],
            state: match number(STATE) {
                READY => State::Ready,
                RUNNING => State::Running,
                _ => State::Done,
            },
        }
    }
}

/// What is said.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Query {
    /// A transaction begins.
    Begin,
    /// It ends.
    Commit,
    /// Adds a job, unless there is one of its number or an open one of its address.
    Enqueue {
        /// Its number.
        job: i64,
        /// What it computes.
        address: Option<i64>,
    },
    /// Takes the first job that is ready and due, and that nobody has locked.
    Claim {
        /// Whether it has a lease from now on, or from its first heartbeat on.
        leased: bool,
        /// Whether only a job that is due.
        due: bool,
    },
    /// Reads the first job that is ready and due.
    Peek,
    /// Takes this job.
    ClaimById {
        /// Its number.
        job: i64,
    },
    /// A sign of life.
    Beat {
        /// The job's number.
        job: i64,
        /// The attempt.
        attempt: i64,
    },
    /// It is done; `fenced`: if this attempt is the one that is running.
    Complete {
        /// The job's number.
        job: i64,
        /// The attempt.
        attempt: i64,
        /// Whether it asks.
        fenced: bool,
    },
    /// It failed, if this attempt is the one that is running, and may be claimed again later.
    Fail {
        /// The job's number.
        job: i64,
        /// The attempt.
        attempt: i64,
        /// How much later, in milliseconds.
        delay_ms: i64,
    },
    /// Makes every running job ready whose lease has run out.
    Rescue,
    /// Reads those.
    Stale,
    /// Makes this job ready.
    RescueById {
        /// Its number.
        job: i64,
    },
    /// Reads a result.
    Look {
        /// The address.
        address: i64,
    },
    /// Keeps a result.
    Keep {
        /// The address.
        address: i64,
    },
    /// Reads the open jobs of an address.
    Pending {
        /// The address.
        address: i64,
    },
}

const fn test(column: usize, is: Is, than: Term) -> Test {
    Test { column, is, than }
}

fn jobs(only: Vec<Test>, limit: Option<u32>, lock: Option<Wait>) -> Scan {
    Scan { table: JOBS, only, limit, lock }
}

fn by_id(job: i64) -> Scan {
    jobs(vec![Test::equals(ID, job)], None, None)
}

fn attempt(job: i64, attempt: i64) -> Scan {
    let only = [(ID, job), (STATE, RUNNING), (ATTEMPT, attempt)];
    jobs(only.map(|(column, value)| Test::equals(column, value)).to_vec(), None, None)
}

fn ready(due: bool, lock: Option<Wait>) -> Scan {
    let mut only = vec![Test::equals(STATE, READY)];
    if due {
        only.push(test(RUN_AT, Is::AtMost, Term::Now(0)));
    }
    jobs(only, Some(1), lock)
}

fn stale(lock: Option<Wait>) -> Scan {
    let ran_out = test(LEASE, Is::AtMost, Term::Now(0));
    jobs(vec![Test::equals(STATE, RUNNING), ran_out], None, lock)
}

fn claims(scan: Scan, leased: bool) -> Statement {
    let lease = if leased { Term::Now(LEASE_MS) } else { Term::Null };
    let set = vec![(STATE, Term::To(RUNNING)), (ATTEMPT, Term::Plus(1)), (LEASE, lease)];
    Statement::Update { scan, set }
}

fn frees(scan: Scan, delay_ms: i64) -> Statement {
    let set = vec![(STATE, Term::To(READY)), (LEASE, Term::Null), (RUN_AT, Term::Now(delay_ms))];
    Statement::Update { scan, set }
}

impl Query {
    /// Whether the rows that it answers are jobs.
    pub(super) fn is_of_jobs(&self) -> bool {
        !matches!(self, Query::Look { .. } | Query::Keep { .. })
    }

    /// As a statement on the two tables.
    pub(super) fn statement(&self) -> Statement {
        match *self {
            Query::Begin => Statement::Begin(Isolation::ReadCommitted),
            Query::Commit => Statement::Commit,
            Query::Enqueue { job, address } => {
                let address = address.map_or(Term::Null, Term::To);
                let (id, zero, null) = (Term::To(job), Term::To(0), Term::Null);
                let row = vec![id, zero, zero, null, Term::Now(0), address, null];
                Statement::Insert { table: JOBS, row, or_nothing: true }
            }
            Query::Claim { leased, due } => claims(ready(due, Some(Wait::Skips)), leased),
            Query::Peek => Statement::Select(ready(true, None)),
            Query::ClaimById { job } => claims(by_id(job), true),
            Query::Beat { job, attempt: number } => {
                let set = vec![(LEASE, Term::Now(LEASE_MS))];
                Statement::Update { scan: attempt(job, number), set }
            }
            Query::Complete { job, attempt: number, fenced } => {
                let scan = if fenced { attempt(job, number) } else { by_id(job) };
                let set =
                    vec![(STATE, Term::To(DONE)), (LEASE, Term::Null), (DONE_BY, Term::To(number))];
                Statement::Update { scan, set }
            }
            Query::Fail { job, attempt: number, delay_ms } => {
                frees(attempt(job, number), delay_ms)
            }
            Query::Rescue => frees(stale(Some(Wait::Skips)), 0),
            Query::Stale => Statement::Select(stale(None)),
            Query::RescueById { job } => frees(by_id(job), 0),
            Query::Look { address } => {
                let only = vec![Test::equals(0, address)];
                Statement::Select(Scan { table: CACHE, only, limit: None, lock: None })
            }
            Query::Keep { address } => {
                let row = vec![Term::To(address), Term::To(1)];
                Statement::Insert { table: CACHE, row, or_nothing: true }
            }
            Query::Pending { address } => {
                let open = test(STATE, Is::Less, Term::To(DONE));
                Statement::Select(jobs(vec![Test::equals(ADDRESS, address), open], None, None))
            }
        }
    }
}
