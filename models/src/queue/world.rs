//! What the queue stands on: its tables, time, and whoever looks on and remembers.
//!
//! A promise such as "a job runs twice only if its worker was taken for dead" is not in any table, so
//! what was begun is remembered beside them (`promises`). Time passes from deadline to deadline: a
//! sleeper's, that of a job which may be tried again, and a lease's, which a fair schedule does not wait for
//! while somebody is at work. Who finds nothing to do waits for news, as
//! LISTEN has it, and is not woken to find nothing once more.

use super::promises::Witness;
use super::statements::{CACHE, JOBS, Job, Query, State};
use crate::worlds::tables::{self, Schema, Tables};
use sim::prelude::*;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Of Postgres.
    Sql {
        /// On which connection.
        session: u64,
        /// Connections given up since.
        gave_up: Vec<u64>,
        /// What.
        query: Query,
    },
    /// Wait for so long.
    Sleep {
        /// Milliseconds.
        ms: i64,
    },
    /// Wait until a job can be claimed or rescued, or it is time to leave.
    Listen,
    /// Wait until no job of this address is open.
    Await {
        /// The address.
        address: i64,
    },
    /// The body of a job begins.
    Execute(Job),
    /// A caller is told that its job is in the queue.
    Told {
        /// The job's number.
        job: i64,
    },
    /// A caller is given its result, or told that there is none.
    Answer {
        /// Whether there is one.
        found: bool,
    },
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// By Postgres.
    Sql(tables::Reply),
    /// Go on.
    Done,
    /// There is nothing left to come.
    Leave,
}

/// Time passes until the next deadline.
const PASS: u8 = 0;
/// Postgres notices that a client is gone.
const CLOSE: u8 = 1;

/// A job was made ready because its worker was not heard of.
pub const RESCUED: &str = "jobs rescued";
/// A worker's report came too late and was refused.
pub const STALE: &str = "stale reports refused";

/// All of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Queue {
    /// Postgres.
    pub tables: Tables,
    /// What was seen.
    pub witness: Witness,
    /// Calls that wait for something else than Postgres, and until when if that is it.
    parked: Vec<(CallId, Call, Option<i64>)>,
    woken: Option<CallId>,
    marks: Marks,
}

impl Queue {
    /// Empty, with `producers` clients who add jobs, and then `workers` who do them.
    pub fn new(schema: &'static [Schema], producers: u16, workers: u16) -> Self {
        Queue {
            tables: Tables::new(schema),
            witness: Witness::new(producers, workers),
            parked: Vec::new(),
            woken: None,
            marks: Marks::default(),
        }
    }

    /// The jobs that are committed.
    pub fn jobs(&self) -> impl Iterator<Item = Job> + '_ {
        self.tables.rows(JOBS).map(|row| Job::read(row))
    }

    /// Whether the result of an address is kept.
    pub fn is_kept(&self, address: i64) -> bool {
        self.tables.rows(CACHE).any(|row| row[0] == Some(address))
    }

    /// What a call that waits would be answered now.
    fn answer(&self, call: &Call, until: Option<i64>) -> Option<Reply> {
        let now = self.tables.now_ms();
        let due = |it: Job| match it.state {
            State::Ready => it.run_at <= now,
            State::Running => it.lease.is_some_and(|lease| lease <= now),
            State::Done => false,
        };
        let open = |it: &Job| it.state != State::Done;
        match call {
            Call::Sleep { .. } => (until? <= now).then_some(Reply::Done),
            Call::Listen if self.jobs().any(due) => Some(Reply::Done),
            Call::Listen => {
                let over = self.witness.producers_left() == 0 && !self.jobs().any(|it| open(&it));
                over.then_some(Reply::Leave)
            }
            Call::Await { address } => {
                match self.jobs().any(|it| open(&it) && it.address == Some(*address)) {
                    false => Some(Reply::Done),
                    true => (self.witness.workers_left() == 0).then_some(Reply::Leave),
                }
            }
            other => unreachable!("{other:?} does not wait"),
        }
    }

    /// The next deadline, and whether it is a lease's alone.
    fn next_ms(&self) -> Option<(i64, bool)> {
        let now = self.tables.now_ms();
        let jobs = self.jobs().filter_map(|it| match it.state {
            State::Ready => Some((it.run_at, false)),
            State::Running => Some((it.lease?, true)),
            State::Done => None,
        });
        let sleepers = self.parked.iter().filter_map(|(.., until)| Some(((*until)?, false)));
        jobs.chain(sleepers).filter(|(at, _)| *at > now).min()
    }

    fn ask(&mut self, from: CallId, session: u64, gave_up: &[u64], query: &Query) -> Poll<Reply> {
        let statement = query.statement();
        let call = tables::Call { session, gave_up: gave_up.to_vec(), statement };
        let reply = self.tables.apply(from, &call);
        if let Poll::Ready(tables::Reply::Rows(rows)) = &reply {
            let job = rows.first().filter(|_| query.is_of_jobs()).map(|row| Job::read(row));
            match query {
                Query::Rescue | Query::RescueById { .. } => {
                    self.marks.add(RESCUED, rows.len() as u64);
                }
                Query::Complete { .. } | Query::Fail { .. } | Query::Beat { .. }
                    if rows.is_empty() =>
                {
                    self.marks.hit_by(STALE, from.client);
                }
                _ => {}
            }
            if let Some(job) = job {
                self.witness.reported(query, job, self.tables.now_ms());
            }
        }
        self.witness.saw(self.tables.rows(JOBS).map(|row| Job::read(row)));
        reply.map(Reply::Sql)
    }
}

impl World for Queue {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] = &["pass", "close"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let here = from.slot < CallId::ADRIFT;
        if here {
            self.witness.is_there(from.client);
        }
        match call {
            Call::Sql { session, gave_up, query } => {
                return self.ask(from, *session, gave_up, query);
            }
            Call::Sleep { .. } | Call::Listen | Call::Await { .. } => {
                let until = match call {
                    Call::Sleep { ms } => Some(self.tables.now_ms() + ms),
                    _ => None,
                };
                let woken = self.woken.take_if(|id| *id == from).is_some();
                let until = if woken { Some(i64::MIN) } else { until };
                if let Some(reply) = self.answer(call, until) {
                    if reply == Reply::Leave {
                        self.witness.leaves(from.client);
                    }
                    return Poll::Ready(reply);
                }
                self.parked.push((from, call.clone(), until));
                return Poll::Pending;
            }
            // What a process does within itself is done by it or not at all.
            _ if !here => {}
            Call::Execute(job) => {
                let kept = job.address.is_some_and(|it| self.is_kept(it));
                self.witness.begun(from.client, *job, kept, self.tables.now_ms());
            }
            Call::Told { job } => self.witness.told(from.client, *job),
            Call::Answer { found } => self.witness.answered(from.client, *found),
        }
        Poll::Ready(Reply::Done)
    }

    fn freed(&mut self) -> Option<CallId> {
        if let Some(id) = self.tables.freed() {
            return Some(id);
        }
        let goes_on =
            |it: &(CallId, Call, Option<i64>)| self.answer(&it.1, it.2).is_some();
        let index = self.parked.iter().position(goes_on)?;
        let (id, ..) = self.parked.remove(index);
        self.woken = Some(id);
        Some(id)
    }

    fn moves(&self, moves: &mut Moves) {
        match self.next_ms() {
            Some((_, false)) => moves.due(PASS, 0),
            Some((_, true)) => moves.may(PASS, 0),
            None => {}
        }
        for client in self.tables.orphans() {
            moves.due(CLOSE, client.0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        match kind {
            PASS => {
                let (next, _) = self.next_ms().expect("time passes until a deadline");
                self.tables.pass(next - self.tables.now_ms());
            }
            CLOSE => self.tables.close(ClientId(arg)),
            other => unreachable!("move {other} is none of these"),
        }
    }

    fn gone(&mut self, client: ClientId) {
        self.tables.gone(client);
        self.parked.retain(|(id, ..)| id.client != client);
        self.witness.gone(client);
    }
}

impl Legible for Queue {
    fn ask(call: &Call) -> String {
        super::words::ask(call)
    }

    fn answer(call: &Call, reply: &Reply) -> String {
        super::words::answer(call, reply)
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        super::words::columns(self)
    }

    fn marks(&self) -> Option<&Marks> {
        Some(&self.marks)
    }

    fn listen(&mut self) {
        self.marks.listen();
    }
}
