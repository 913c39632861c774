//! A gate: the simulated services decide what should happen, and real ones are held to it.
//!
//! Every call is answered by both. Where they differ the run is over, and the difference is what
//! it found. Services that are not real in a run answer from the simulation alone.

use super::{Call, Reply, Services};
use sim::prelude::*;

/// Real services, driven one step at a time.
pub trait Backend {
    /// Whether this call goes to a real service.
    fn serves(&self, call: &Call) -> bool;

    /// Sends the call, or looks at one that was parked: `Pending` if the service makes it wait.
    fn apply(&mut self, from: CallId, call: &Call) -> Result<Poll<Reply>, String>;

    /// Makes a move of the world happen for real, if there is a way. `Ok(false)`: there is none,
    /// and none is needed.
    fn advance(&mut self, chosen: Moved) -> Result<bool, String>;

    /// The client is gone: its connections are cut.
    fn gone(&mut self, client: ClientId) -> Result<(), String>;
}

/// A move of the services, as a backend has to make it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moved {
    /// Time passed: the lock of this run ran out, on this node where there are several.
    Lapse(Option<super::Node>, super::Run),
    /// A node restarted with nothing on disk.
    Forget(super::Node),
    /// Postgres noticed that a connection was given up.
    Close(super::rows::Session),
    /// An autovacuum tick.
    Vacuum,
    /// Nothing that a service would notice.
    Nothing,
}

/// Where the simulation and the real thing part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Whose call it was.
    pub from: CallId,
    /// What was asked.
    pub call: String,
    /// What the simulation answered.
    pub simulated: String,
    /// What the real service did.
    pub real: String,
}

/// Simulated services with real ones beside them.
pub struct Gate<'a> {
    simulated: Services,
    real: &'a mut dyn Backend,
    /// The first difference, or what broke.
    pub parted: Option<Parted>,
    /// How many replies of real services were compared.
    pub compared: u64,
    /// How many calls waited in both.
    pub waits: u64,
}

/// Why a run through the gate ended early.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parted {
    /// The answers differ.
    Differs(Difference),
    /// A real service broke.
    Broke(String),
}

impl<'a> Gate<'a> {
    /// Holds `real` to what `simulated` does.
    pub fn new(simulated: Services, real: &'a mut dyn Backend) -> Self {
        Gate { simulated, real, parted: None, compared: 0, waits: 0 }
    }

    /// The simulated side, with its marks.
    pub fn simulated(&self) -> &Services {
        &self.simulated
    }

    fn part(&mut self, why: Parted) {
        self.parted.get_or_insert(why);
    }

    fn compare(&mut self, from: CallId, call: &Call, simulated: &Poll<Reply>) {
        let real = match self.real.apply(from, call) {
            Ok(real) => real,
            Err(why) => return self.part(Parted::Broke(why)),
        };
        if real == *simulated {
            self.compared += 1;
            self.waits += u64::from(real.is_pending());
            return;
        }
        let told = |answer: &Poll<Reply>| match answer {
            Poll::Ready(reply) => format!("{reply:?}"),
            Poll::Pending => "waits".to_owned(),
        };
        self.part(Parted::Differs(Difference {
            from,
            call: Services::ask(call),
            simulated: told(simulated),
            real: told(&real),
        }));
    }
}

/// The locks that a move made run out.
fn lapsed(before: &Services, now: &Services) -> Vec<Moved> {
    let servers = [(None, &before.leases, &now.leases)].into_iter();
    let nodes = before.nodes.iter().zip(&now.nodes).zip(0..);
    let nodes = nodes.map(|((before, now), node)| (Some(super::Node(node)), before, now));
    let each = servers.chain(nodes).flat_map(|(node, before, now)| {
        let held = before.left_ms().map(|(run, _)| run);
        held.filter(|run| now.holder(*run).is_none()).map(move |run| Moved::Lapse(node, run))
    });
    each.collect()
}

impl World for Gate<'_> {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] = Services::MOVES;

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let simulated = self.simulated.apply(from, call);
        if self.parted.is_none() && self.real.serves(call) {
            self.compare(from, call, &simulated);
        }
        simulated
    }

    fn freed(&mut self) -> Option<CallId> {
        self.simulated.freed()
    }

    fn moves(&self, moves: &mut Moves) {
        self.simulated.moves(moves);
    }

    fn advance(&mut self, chosen: Move) {
        let before = self.simulated.clone();
        let session = self.simulated.closing(chosen);
        self.simulated.advance(chosen);
        if self.parted.is_some() {
            return;
        }
        let mut moved = lapsed(&before, &self.simulated);
        moved.extend(session.map(Moved::Close));
        match chosen.kind {
            super::VACUUM => moved.push(Moved::Vacuum),
            super::FORGET => moved = vec![Moved::Forget(super::Node(chosen.arg as u8))],
            _ => {}
        }
        for it in moved {
            if let Err(why) = self.real.advance(it) {
                return self.part(Parted::Broke(why));
            }
        }
    }

    fn gone(&mut self, client: ClientId) {
        self.simulated.gone(client);
        if self.parted.is_none()
            && let Err(why) = self.real.gone(client)
        {
            self.part(Parted::Broke(why));
        }
    }
}
