//! The services a design is built on, as one world: Postgres, Redis, S3 and time.
//!
//! Each is a file of its own and knows nothing of the others; only time touches more than one.
//! Every model that runs against services uses this world, so one adapter to real servers serves
//! them all. [`Door`] is the client's side: the calls one would write, with their types.

pub mod clock;
pub mod gate;
pub mod leases;
pub mod lock_table;
pub mod objects;
pub mod quorum;
pub mod rows;
pub mod slow_down;
pub mod tables;
mod door;
mod sql;
pub(crate) mod words;

pub use door::{Door, first};

use clock::{Clock, Rate};
use leases::Leases;
use objects::{Objects, Profile};
use rows::{Rows, Set, Update, Vacuum};
use sim::prelude::*;
use sim::world::Hold;
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

/// One of several Redis servers that know nothing of each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Node(pub u8);

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// What the surroundings of a lock may do although its protocol counts on the contrary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Surroundings {
    /// Nothing: clocks are off by their rates, and that is all.
    #[default]
    Sound,
    /// A node's clock jumps ahead.
    NodesJump,
    /// A client's clock is set back.
    ClientsFallBack,
    /// A node restarts and has nothing on disk.
    NodesForget,
}

/// A call to one of the services.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Call {
    /// To Postgres.
    Postgres(rows::Call),
    /// To Redis.
    Redis(leases::Call),
    /// To one of several Redis servers.
    Node(Node, leases::Call),
    /// To S3.
    S3(objects::Call),
    /// To the clock.
    Clock(clock::Call),
}

/// What a service answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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
/// Time passes until the lock on a node has run out.
const EXPIRE: u8 = 5;
/// The clock of a node jumps ahead.
const JUMP: u8 = 6;
/// A node restarts with nothing on disk.
const FORGET: u8 = 7;
/// The clock of a client falls back.
const BACK: u8 = 8;
/// A disk with an object fails, or comes back.
const FLAP: u8 = 9;
/// A PUT that has checked its condition is written.
const WRITE: u8 = 10;

/// All services.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Services {
    /// Time.
    pub clock: Clock,
    /// Postgres.
    pub rows: Rows,
    /// Redis.
    pub leases: Leases,
    /// Redis, where there are several servers.
    pub nodes: Vec<Leases>,
    surroundings: Constant<Surroundings>,
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
            nodes: Vec::new(),
            surroundings: Constant::default(),
            objects: Objects::new(profile),
            locked,
            marks: Marks::with_room(),
        }
    }

    /// The same with several Redis servers, each with the lock of one run and a clock of its own.
    pub fn with_nodes(self, rates: impl Iterator<Item = Rate>) -> Self {
        let nodes = rates.map(|rate| Leases::new(1).at_rate(rate)).collect();
        Services { nodes, ..self }
    }

    /// The same with a clock for each client to read.
    pub fn with_clocks(mut self, rates: impl Iterator<Item = Rate>) -> Self {
        self.clock.give(rates);
        self
    }

    /// The same where things happen that nobody counts on.
    pub fn amid(self, surroundings: Surroundings) -> Self {
        Services { surroundings: Constant(surroundings), ..self }
    }

    /// Two clients that each take themselves for the holder of the lock now.
    pub fn two_holders(&self) -> Option<(ClientId, ClientId)> {
        let mut trusting = self.clock.trusting();
        Some((trusting.next()?, trusting.next()?))
    }

    /// The connection that this move would close.
    fn closing(&self, chosen: Move) -> Option<rows::Session> {
        let client = ClientId(chosen.arg);
        if chosen.kind == CLOSE { self.rows.orphan(client) } else { None }
    }

    fn pass(&mut self, ms: u32) {
        self.clock.pass(ms);
        self.objects.pass(ms);
        for server in self.nodes.iter_mut().chain([&mut self.leases]) {
            server.pass(ms, |holder| self.marks.told_by(LAPSED, holder));
        }
    }

    /// The servers that the lock of a run is on, and how many of them decide.
    fn lock_servers(&self) -> (&[Leases], usize) {
        match self.nodes.len() {
            0 => (std::slice::from_ref(&self.leases), 1),
            nodes => (&self.nodes, nodes.div_ceil(2)),
        }
    }

    /// Whether the lock that `client` took on `run` ran out under it, and whether somebody else has
    /// it since.
    fn lost_lock(&self, run: Run, client: ClientId) -> (bool, bool) {
        let (servers, decisive) = self.lock_servers();
        let lapsed = servers.iter().filter(|it| it.has_lapsed(run, client));
        let lost = lapsed.clone().count() >= decisive;
        let taken = lapsed.filter(|it| it.holder(run).is_some()).count() >= decisive;
        (lost, lost && taken)
    }

    fn lock(&mut self, node: Option<Node>, from: CallId, call: &leases::Call) -> leases::Reply {
        match *call {
            leases::Call::Release { value, .. } => self.clock.let_go(from.client, Some(value)),
            leases::Call::Delete { .. } => self.clock.let_go(from.client, None),
            _ => {}
        }
        let server = match node {
            Some(node) => &mut self.nodes[usize::from(node.0)],
            None => &mut self.leases,
        };
        let reply = server.apply(from, call);
        if let leases::Reply::Granted { .. } = reply {
            self.marks.hit_by(GRANTED, from.client);
        }
        reply
    }

    /// What a store does later than it should.
    fn tardy(&self, moves: &mut Moves) {
        for index in 0..self.objects.unseen() {
            moves.due(APPEAR, index as u16);
        }
        for index in 0..self.objects.checked() {
            moves.due(WRITE, index as u16);
        }
        if self.objects.may_flap() {
            moves.may(FLAP, 0);
        }
    }

    /// The locks that may run out where there are several servers.
    fn expiries(&self, moves: &mut Moves) {
        for (node, server) in (0..).zip(&self.nodes) {
            if server.left_ms().next().is_some() {
                moves.may(EXPIRE, node);
            }
        }
    }

    /// What may happen although nobody counts on it.
    fn untoward(&self, moves: &mut Moves) {
        let kind = match self.surroundings.0 {
            Surroundings::Sound => return,
            Surroundings::ClientsFallBack => {
                return self.clock.may_fall_back().for_each(|client| moves.may(BACK, client.0));
            }
            Surroundings::NodesJump => JUMP,
            Surroundings::NodesForget => FORGET,
        };
        for (node, _) in
            (0..).zip(&self.nodes).filter(|(_, server)| server.left_ms().next().is_some())
        {
            moves.may(kind, node);
        }
    }

    /// A writer moves a head, or tries to: does the lock it took still stand?
    fn mark_update(&mut self, from: CallId, update: &Update) {
        if self.locked
            && let (true, taken) = self.lost_lock(update.run, from.client)
        {
            self.marks.hit_by(EXPIRED, from.client);
            if taken {
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
    const MOVES: &'static [&'static str] = &[
        "pass",
        "lapse",
        "close",
        "vacuum",
        "appear",
        "expire",
        "jump",
        "forget",
        "fall-back",
        "flap",
        "write",
    ];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        match call {
            Call::Postgres(call) => {
                let reply = self.rows.apply(from, call);
                match (&call.statement, &reply) {
                    (_, Poll::Pending) => self.marks.hit_by(WAITED, from.client),
                    (rows::Statement::Update(Update { set: Set::Same, .. }), _) => {}
                    (rows::Statement::Update(update), Poll::Ready(rows::Reply::Updated(seq))) => {
                        let mark = if seq.is_some() { WON } else { CONFLICT };
                        self.marks.hit_by(mark, from.client);
                        self.mark_update(from, update);
                    }
                    _ => {}
                }
                reply.map(Reply::Postgres)
            }
            Call::Redis(call) => Poll::Ready(Reply::Redis(self.lock(None, from, call))),
            Call::Node(node, call) => Poll::Ready(Reply::Redis(self.lock(Some(*node), from, call))),
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
        if let Some(id) = self.rows.freed() {
            return Some(id);
        }
        match self.clock.freed() {
            None if !self.objects.is_sound() => self.objects.freed(),
            freed => freed,
        }
    }

    /// Services know nothing of each other, so what is done to two of them may change places; time
    /// is the clock's and the leases'. Sleepers are kept in the order they came.
    fn commute(&self, one: Act<'_, Call>, other: Act<'_, Call>) -> bool {
        match (one, other) {
            (Act::Call(one, first), Act::Call(other, second)) => match (first, second) {
                (Call::Postgres(first), Call::Postgres(second)) => {
                    self.rows.commute((one.client, first), (other.client, second))
                }
                (Call::Redis(first), Call::Redis(second)) => self.leases.commute(first, second),
                (Call::S3(first), Call::S3(second)) => self.objects.commute(first, second),
                (Call::Node(one, first), Call::Node(other, second)) => {
                    one != other || self.nodes[usize::from(one.0)].commute(first, second)
                }
                (Call::Clock(_), Call::Clock(_)) => false,
                _ => true,
            },
            (Act::Call(_, call), Act::Move(chosen)) | (Act::Move(chosen), Act::Call(_, call)) => {
                // Time gives a store with a limit its requests back.
                let limited = self.objects.is_limited() && matches!(call, Call::S3(_));
                let same = matches!(
                    (chosen.kind, call),
                    (
                        PASS | LAPSE | EXPIRE | JUMP | FORGET | BACK,
                        Call::Redis(_) | Call::Node(..) | Call::Clock(_)
                    ) | (CLOSE | VACUUM, Call::Postgres(_))
                        | (APPEAR | FLAP | WRITE, Call::S3(_))
                );
                !same && !limited
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn moves(&self, moves: &mut Moves) {
        let mut lease: Option<u32> = None;
        for (run, left) in self.leases.left_ms() {
            lease = Some(lease.map_or(left, |least| least.min(left)));
            moves.may(LAPSE, run.0);
        }
        for (_, left) in self.nodes.iter().flat_map(Leases::left_ms) {
            lease = Some(lease.map_or(left, |least| least.min(left)));
        }
        if self.clock.next_ms().is_some_and(|ms| lease.is_none_or(|left| ms < left)) {
            moves.due(PASS, 0);
        }
        for client in self.rows.orphans() {
            moves.due(CLOSE, client.0);
        }
        if self.rows.vacuum_due() {
            moves.due(VACUUM, 0);
        }
        // Most worlds have one sound store each, and nothing more to ask after every step.
        if !self.objects.is_sound() {
            self.tardy(moves);
        }
        if !self.nodes.is_empty() {
            self.expiries(moves);
        }
        if self.surroundings.0 != Surroundings::Sound {
            self.untoward(moves);
        }
    }

    fn advance(&mut self, chosen: Move) {
        match chosen.kind {
            PASS => self.pass(self.clock.next_ms().unwrap_or(0)),
            LAPSE => {
                let lease = self.leases.left_ms().find(|(run, _)| run.0 == chosen.arg);
                self.pass(lease.expect("only a lock that is held can lapse").1);
            }
            EXPIRE => {
                let lease = self.nodes[usize::from(chosen.arg)].left_ms().next();
                self.pass(lease.expect("only a lock that is held can run out").1);
            }
            JUMP => {
                let marks = &mut self.marks;
                let node = &mut self.nodes[usize::from(chosen.arg)];
                node.jump(|holder| marks.told_by(LAPSED, holder));
            }
            FORGET => self.nodes[usize::from(chosen.arg)].forget(),
            BACK => self.clock.fall_back(ClientId(chosen.arg)),
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

    fn holds(&self) -> Vec<Hold> {
        self.leases.holds()
    }

    fn marks(&self) -> Option<&Marks> {
        Some(&self.marks)
    }

    fn listen(&mut self) {
        self.marks.listen();
    }
}
