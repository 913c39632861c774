//! The services a design is built on, as one world: Postgres, Redis, S3 and time.
//!
//! Each is a file of its own and knows nothing of the others; only time touches more than one.
//! Every model that runs against services uses this world, so one adapter to real servers serves
//! them all. [`Door`] is the client's side: the calls one would write, with their types.

pub mod clock;
pub mod gate;
pub mod leases;
pub mod objects;
pub mod rows;
pub mod slow_down;

mod door;
mod sql;
mod words;

pub use door::Door;

use clock::Clock;
use leases::Leases;
use objects::{Objects, Profile};
use rows::{Rows, Vacuum};
use sim::prelude::*;
use std::fmt;

/// One workflow run: the row, the lock and the prefix that belong to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Run(pub u16);

impl Run {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{}", self.0)
    }
}

impl Serialize for Run {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.strip_prefix("run-").and_then(|it| it.parse().ok());
        number
            .map(Run)
            .ok_or_else(|| serde::de::Error::custom(format!("'{text}' is no run: expected run-0")))
    }
}

/// A call to one of the services.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// To Postgres.
    Postgres(rows::Call),
    /// To Redis.
    Redis(leases::Call),
    /// To S3.
    S3(objects::Call),
    /// To the clock.
    Clock(clock::Call),
}

/// What a service answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// Postgres.
    Postgres(rows::Reply),
    /// Redis.
    Redis(leases::Reply),
    /// S3.
    S3(objects::Reply),
    /// The clock.
    Clock(clock::Reply),
}

/// Time passes until the next sleeper wakes.
const PASS: u8 = 0;
/// Time passes until the lock of a run has run out.
const LAPSE: u8 = 1;
/// Postgres notices that a client is gone, and rolls back.
const CLOSE: u8 = 2;
/// An autovacuum tick.
const VACUUM: u8 = 3;
/// A replica hears of a new key.
const APPEAR: u8 = 4;
/// A disk with an object fails, or comes back.
const FLAP: u8 = 5;
/// A PUT that has checked its condition is written.
const WRITE: u8 = 6;

/// All services.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Services {
    /// Time.
    pub clock: Clock,
    /// Postgres.
    pub rows: Rows,
    /// Redis.
    pub leases: Leases,
    /// S3.
    pub objects: Objects,
    /// Whether writers are meant to hold the lock of a run when they move its head.
    locked: bool,
    marks: Marks,
}

impl Services {
    /// Services for `runs` runs. `locked`: writers hold a lock while they move a head.
    pub fn new(runs: u16, locked: bool, vacuum: Vacuum, profile: Profile) -> Self {
        Services {
            clock: Clock::default(),
            rows: Rows::new(runs, vacuum),
            leases: Leases::new(runs),
            objects: Objects::new(profile),
            locked,
            marks: Marks::default(),
        }
    }

    /// The connection that this move would close.
    fn closing(&self, chosen: Move) -> Option<rows::Session> {
        let client = ClientId(chosen.arg);
        if chosen.kind == CLOSE { self.rows.orphan(client) } else { None }
    }

    fn pass(&mut self, ms: u32) {
        self.clock.pass(ms);
        self.objects.pass(ms);
        self.leases.pass(ms, |holder| self.marks.told_by(LAPSED, holder));
    }

    /// A writer moves a head, or tries to: does the lock it took still stand?
    fn mark_update(&mut self, from: CallId, update: &rows::Update) {
        if self.locked && self.leases.has_lapsed(update.run, from.client) {
            self.marks.hit_by(EXPIRED, from.client);
            if self.leases.holder(update.run).is_some() {
                self.marks.hit_by(TAKEN, from.client);
            }
        }
    }
}

/// A client got the lock it asked for.
pub const GRANTED: &str = "locks granted";
/// The lock of a client ran out under it. Counted as the moves that let time pass are.
pub const LAPSED: &str = "locks run out";
/// An UPDATE that found its row as it should be, and changed it.
pub const WON: &str = "updates won";

/// A write was sent by a client whose lock had run out since it was granted.
pub const EXPIRED: &str = "expiries mid-transition";
/// The same, and somebody else held the lock by then.
pub const TAKEN: &str = "lock taken over mid-transition";
/// An UPDATE that changed no row: its compare-and-swap lost.
pub const CONFLICT: &str = "conflicts";
/// An UPDATE waited for a row lock.
pub const WAITED: &str = "row lock waits";
/// A store asked somebody to slow down.
pub const SLOWED: &str = "slowed down";
/// A vacuum left a dead version because a snapshot could see it.
pub const HELD_BACK: &str = "vacuums held back";

impl World for Services {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] =
        &["pass", "lapse", "close", "vacuum", "appear", "flap", "write"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        match call {
            Call::Postgres(call) => {
                let reply = self.rows.apply(from, call);
                match (&call.statement, &reply) {
                    (_, Poll::Pending) => self.marks.hit_by(WAITED, from.client),
                    (rows::Statement::Update(update), Poll::Ready(rows::Reply::Updated(seq))) => {
                        let mark = if seq.is_some() { WON } else { CONFLICT };
                        self.marks.hit_by(mark, from.client);
                        self.mark_update(from, update);
                    }
                    _ => {}
                }
                reply.map(Reply::Postgres)
            }
            Call::Redis(call) => {
                let reply = self.leases.apply(from, call);
                if let leases::Reply::Granted { .. } = reply {
                    self.marks.hit_by(GRANTED, from.client);
                }
                Poll::Ready(Reply::Redis(reply))
            }
            Call::S3(call) => {
                let reply = self.objects.apply(from, call);
                if reply == Poll::Ready(objects::Reply::SlowDown) {
                    self.marks.hit_by(SLOWED, from.client);
                }
                reply.map(Reply::S3)
            }
            Call::Clock(call) => self.clock.apply(from, call).map(Reply::Clock),
        }
    }

    fn freed(&mut self) -> Option<CallId> {
        self.rows.freed().or_else(|| self.clock.freed()).or_else(|| self.objects.freed())
    }

    fn moves(&self, moves: &mut Moves) {
        let lease = self.leases.left_ms().map(|(_, left)| left).min();
        if self.clock.next_ms().is_some_and(|ms| lease.is_none_or(|left| ms < left)) {
            moves.due(PASS, 0);
        }
        for client in self.rows.orphans() {
            moves.due(CLOSE, client.0);
        }
        if self.rows.vacuum_due() {
            moves.due(VACUUM, 0);
        }
        for index in 0..self.objects.unseen() {
            moves.due(APPEAR, index as u16);
        }
        for index in 0..self.objects.checked() {
            moves.due(WRITE, index as u16);
        }
        if self.objects.may_flap() {
            moves.may(FLAP, 0);
        }
        for (run, _) in self.leases.left_ms() {
            moves.may(LAPSE, run.0);
        }
    }

    fn advance(&mut self, chosen: Move) {
        match chosen.kind {
            PASS => self.pass(self.clock.next_ms().unwrap_or(0)),
            LAPSE => {
                let lease = self.leases.left_ms().find(|(run, _)| run.0 == chosen.arg);
                self.pass(lease.expect("only a lock that is held can lapse").1);
            }
            CLOSE => self.rows.close(ClientId(chosen.arg)),
            VACUUM => {
                let (_, kept) = self.rows.bury();
                if kept > 0 {
                    self.marks.hit(HELD_BACK);
                }
            }
            APPEAR => self.objects.appear(usize::from(chosen.arg)),
            FLAP => self.objects.flap(),
            WRITE => self.objects.write(usize::from(chosen.arg)),
            other => unreachable!("move {other} is none of these"),
        }
    }

    fn gone(&mut self, client: ClientId) {
        self.rows.gone(client);
        self.clock.gone(client);
        self.objects.gone(client);
    }
}

impl Legible for Services {
    const SAID: &'static [&'static str] = &[GRANTED, LAPSED, WON];

    fn ask(call: &Call) -> String {
        words::ask(call)
    }

    fn answer(call: &Call, reply: &Reply) -> String {
        words::answer(call, reply)
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        words::columns(self)
    }

    fn marks(&self) -> Option<&Marks> {
        Some(&self.marks)
    }

    fn listen(&mut self) {
        self.marks.listen();
    }
}
