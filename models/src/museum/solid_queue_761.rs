//! Solid Queue gives one slot of a semaphore back twice (rails/solid_queue, pull request 761).
//!
//! A worker is busy, its heartbeat fails, and a supervisor prunes it: its claim is failed, its slot of
//! the semaphore given back, and another job takes it. The worker is alive. When it is done it gives
//! the slot back again, which is the other's by now, and one more job than the limit runs; in the
//! report eleven did, of one.
//!
//! Put right by giving back what is still claimed. The hard part is that a counter has no owners: that
//! it never exceeds its limit is checked, and does not help while somebody else holds what is counted.

use super::AsReported;
use crate::promise::{breaks, unless};
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/rails/solid_queue/pull/761";

const PROMISE: &str = "slots-within-limit";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Gives a slot back whether or not its claim is there, as published.
    FinishesUnclaimed,
}

/// The model.
#[derive(Clone)]
pub struct Semaphored {
    mutant: Option<Mutant>,
}

impl Model for Semaphored {
    const NAME: &'static str = "museum/solid_queue_761";
    const ABOUT: &'static str = "Solid Queue's slot of a worker that was pruned and is alive";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::FinishesUnclaimed,
        PROMISE,
        "done, and gives its slot back, as published: the supervisor has, and another has it",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::FinishesUnclaimed);

    type World = Slots;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Semaphored { mutant }
    }

    fn clients(&self) -> u16 {
        3
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 2 { 's' } else { 'w' }
    }

    fn worlds(&self) -> Vec<Slots> {
        vec![Slots::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Slots>, now: &Slots) -> Result<(), Violation> {
        now.within_limit().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides, a supervisor prunes.
        let _ = match io.me() {
            ClientId(2) => io.call(Call::Prune).await.map(|_| ()),
            _ => self.work(&io).await,
        };
    }
}

impl Semaphored {
    async fn work(&self, io: &Io<Self>) -> Result<(), Lost> {
        let claimed = self.mutant != Some(Mutant::FinishesUnclaimed);
        let Reply::Claimed(Some(claim)) = io.call(Call::Claim).await? else { return Ok(()) };
        io.call(Call::Finish { claim, claimed }).await.map(|_| ())
    }
}

/// What clients ask.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// A job and a slot, if one is free.
    Claim,
    /// The job is done, and its slot given back.
    Finish {
        /// Which.
        claim: u8,
        /// Only if it is there.
        claimed: bool,
    },
    /// The oldest claim is failed, for want of heartbeats, and its slot given back.
    Prune,
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The claim; nothing: no slot is free.
    Claimed(Option<u8>),
    /// It is done.
    Done,
}

/// How many jobs of the key may run.
const LIMIT: usize = 1;

/// The claims, by number, and how many slots are taken as the semaphore has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Slots {
    claims: Vec<u8>,
    taken: usize,
    next: u8,
}

impl Slots {
    fn claim(&mut self) -> Option<u8> {
        if self.taken == LIMIT {
            return None;
        }
        self.taken += 1;
        self.next += 1;
        self.claims.push(self.next);
        Some(self.next)
    }

    fn give_back(&mut self, claim: u8, only_claimed: bool) {
        let there = self.claims.contains(&claim);
        self.claims.retain(|it| *it != claim);
        if there || !only_claimed {
            // As published, it never counts below none taken.
            self.taken = self.taken.saturating_sub(1);
        }
    }

    fn within_limit(&self) -> Result<(), String> {
        let (claims, taken) = (self.claims.len(), self.taken);
        unless(claims <= taken, || {
            format!("{claims} of {LIMIT} slots are claimed, and the semaphore has {taken} taken")
        })
    }
}

impl World for Slots {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, _from: CallId, call: &Call) -> Poll<Reply> {
        match *call {
            Call::Claim => return Poll::Ready(Reply::Claimed(self.claim())),
            Call::Finish { claim, claimed } => self.give_back(claim, claimed),
            Call::Prune => {
                if let Some(oldest) = self.claims.first().copied() {
                    self.give_back(oldest, true);
                }
            }
        }
        Poll::Ready(Reply::Done)
    }
}

impl Legible for Slots {
    fn ask(call: &Call) -> String {
        match call {
            Call::Claim => "claim".to_owned(),
            Call::Finish { claim, claimed: true } => format!("finish {claim} if it is claimed"),
            Call::Finish { claim, claimed: false } => format!("finish {claim}"),
            Call::Prune => "prune the oldest claim".to_owned(),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Claimed(Some(claim)) => format!("claim {claim}"),
            Reply::Claimed(None) => "no slot".to_owned(),
            Reply::Done => "done".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        vec![("claims", format!("{:?}", self.claims)), ("taken", self.taken.to_string())]
    }
}
