//! What the run engine stands on: a table in Postgres, and jobs, locks and keys in Redis.
//!
//! Nothing here spans the two: what must be in both is written to one and then to the other, and a
//! client may be gone in between. Calls that wait (for a job, a lock, news) give up some time,
//! which is a move, as all time here is.

use super::jobs::{self, Jobs};
use super::table::{self, Table};
use crate::worlds::leases::{self, Leases};
use crate::worlds::{CONFLICT, EXPIRED, Run};
use sim::prelude::*;
use sim::world::Hold;

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Of Postgres.
    Table(table::Call),
    /// Of Redis, about jobs.
    Jobs(jobs::Call),
    /// Of Redis, about the lock of a run; to take it waits until it is free.
    Lock(leases::Call),
    /// `SET key run NX`: whether it was set.
    Claim(Run),
    /// `GET key`
    Peek,
    /// `SET key run`
    Put(Run),
}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// By Postgres.
    Table(table::Reply),
    /// About jobs.
    Jobs(jobs::Reply),
    /// About a lock.
    Lock(leases::Reply),
    /// Whether the key was set, or whether there was one.
    Key(bool),
}

/// All of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Engine {
    /// Postgres.
    pub table: Table,
    /// Redis: jobs.
    pub jobs: Jobs,
    /// Redis: the locks of runs.
    pub locks: Leases,
    /// Redis: the run that has the debounce key.
    key: Option<Run>,
    /// Whether the clock of every second client is behind.
    skewed: Constant<bool>,
    /// Calls that wait, first come first.
    parked: Vec<(CallId, Call)>,
    /// One of them that has waited for long enough.
    giving_up: Option<CallId>,
    marks: Marks,
}

/// A lock runs out.
const LAPSE: u8 = 0;
/// Who waits gives up.
const GIVE_UP: u8 = 1;
/// It is time for a job.
const RING: u8 = 2;
/// The taker of a job is silent for too long, and it comes back.
const RETURN: u8 = 3;
/// The time to live of a message ends.
const EXPIRE: u8 = 4;
/// Clocks tick.
const TICK: u8 = 5;
/// The replica gets a row.
const REPLICATE: u8 = 6;
/// The replica gets what is joined to a row.
const JOIN: u8 = 7;

impl Engine {
    /// With `runs` runs at most.
    pub fn new(runs: u16, table: Table, jobs: Jobs, skewed: bool) -> Self {
        Engine {
            table,
            jobs,
            locks: Leases::new(runs),
            key: None,
            skewed: Constant(skewed),
            parked: Vec::new(),
            giving_up: None,
            marks: Marks::default(),
        }
    }

    fn waits(&self, call: &Call) -> bool {
        match call {
            Call::Table(call) => self.table.waits(call),
            Call::Jobs(call) => self.jobs.waits(call),
            Call::Lock(leases::Call::Acquire { run, .. }) => self.locks.holder(*run).is_some(),
            _ => false,
        }
    }

    /// Whoever waits for a lock waits until it has it.
    fn may_give_up(call: &Call) -> bool {
        !matches!(call, Call::Lock(_))
    }

    /// What is done to the same part of it may not change places.
    fn part(call: &Call) -> u8 {
        match call {
            Call::Table(_) => 0,
            Call::Jobs(_) => 1,
            Call::Lock(_) => 2,
            Call::Claim(_) | Call::Peek | Call::Put(_) => 3,
        }
    }

    fn mark(&mut self, from: ClientId, call: &table::Call, reply: &table::Reply) {
        if let (table::Call::Append { snapshot, .. }, table::Reply::Appended(done)) = (call, reply) {
            if !done {
                self.marks.hit_by(CONFLICT, from);
            }
            if self.locks.has_lapsed(snapshot.run, from) {
                self.marks.hit_by(EXPIRED, from);
            }
        }
    }
}

impl World for Engine {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] =
        &["lapse", "give-up", "ring", "return", "expire", "tick", "replicate", "join"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let gives_up = self.giving_up.take_if(|id| *id == from).is_some();
        if self.waits(call) && !gives_up {
            self.parked.push((from, call.clone()));
            return Poll::Pending;
        }
        Poll::Ready(match call {
            Call::Table(call) => {
                let behind = self.skewed.0 && from.client.0 % 2 == 1;
                let reply = self.table.apply(call, behind);
                self.mark(from.client, call, &reply);
                Reply::Table(reply)
            }
            Call::Jobs(call) => Reply::Jobs(self.jobs.apply(call)),
            Call::Lock(call) => Reply::Lock(self.locks.apply(from, call)),
            Call::Claim(run) => {
                let free = self.key.is_none();
                self.key.get_or_insert(*run);
                Reply::Key(free)
            }
            Call::Peek => Reply::Key(self.key.is_some()),
            Call::Put(run) => {
                self.key = Some(*run);
                Reply::Key(true)
            }
        })
    }

    fn freed(&mut self) -> Option<CallId> {
        let gives_up = |it: &(CallId, Call)| self.giving_up == Some(it.0);
        let free = |it: &(CallId, Call)| gives_up(it) || !self.waits(&it.1);
        let index = self.parked.iter().position(free)?;
        Some(self.parked.remove(index).0)
    }

    fn moves(&self, moves: &mut Moves) {
        for (run, _) in self.locks.left_ms() {
            moves.may(LAPSE, run.0);
        }
        for (id, _) in self.parked.iter().filter(|it| Self::may_give_up(&it.1)) {
            if !moves.iter().any(|it| it == Move { kind: GIVE_UP, arg: id.client.0 }) {
                moves.may(GIVE_UP, id.client.0);
            }
        }
        self.jobs.may_ring().for_each(|index| moves.may(RING, index));
        self.jobs.may_return().for_each(|index| moves.may(RETURN, index));
        self.jobs.may_expire().for_each(|index| moves.may(EXPIRE, index));
        let (tick, rows, joins) = self.table.may();
        if tick {
            moves.may(TICK, 0);
        }
        if rows {
            moves.due(REPLICATE, 0);
        }
        if joins {
            moves.due(JOIN, 0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        match kind {
            LAPSE => {
                let left = self.locks.left_ms().find(|it| it.0.0 == arg);
                let (_, left) = left.expect("only a lock that is held can run out");
                self.locks.pass(left, |_| {});
            }
            GIVE_UP => {
                let mine = |it: &&(CallId, Call)| it.0.client.0 == arg && Self::may_give_up(&it.1);
                self.giving_up = self.parked.iter().find(mine).map(|it| it.0);
            }
            RING | RETURN => self.jobs.ring(arg),
            EXPIRE => self.jobs.expire(arg),
            TICK => self.table.tick(),
            REPLICATE => self.table.replicate(false),
            JOIN => self.table.replicate(true),
            other => unreachable!("move {other} is none of these"),
        }
    }

    /// The table, the jobs, the locks and the key know nothing of each other. A call that is parked
    /// stands in one line with all others.
    fn commute(&self, one: Act<'_, Call>, other: Act<'_, Call>) -> bool {
        match (one, other) {
            (Act::Call(_, first), Act::Call(_, second)) => {
                Self::part(first) != Self::part(second) && !self.waits(first) && !self.waits(second)
            }
            _ => false,
        }
    }

    fn gone(&mut self, client: ClientId) {
        self.parked.retain(|(id, _)| id.client != client);
    }
}

impl Legible for Engine {
    fn ask(call: &Call) -> String {
        super::words::ask(call)
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        super::words::answer(reply)
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        super::words::columns(self)
    }

    fn holds(&self) -> Vec<Hold> {
        self.locks.holds()
    }

    fn marks(&self) -> Option<&Marks> {
        Some(&self.marks)
    }

    fn listen(&mut self) {
        self.marks.listen();
    }
}
