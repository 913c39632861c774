//! `redlock`: a lock on a majority of Redis nodes that know nothing of each other.
//!
//! The holder is the code one would ship, after antirez, "Distributed locks with Redis", and
//! node-redlock 5: `SET NX PX` on all nodes at once, a majority wins, and the lock is good until
//! its time to live after the *first* look at the clock, less what clocks may drift. It is extended
//! while the work under it goes on; an extension that fails drops the work.
//!
//! Two things are promised, and the first is the hard one. From the grant until its validity is
//! over by the holder's own clock, nobody else takes itself for the holder: this needs clocks that
//! are off by little and nodes that remember. And the head is never forked, which needs nothing of
//! the kind, because the row is guarded by itself. Kleppmann, "How to do distributed locking"
//! (2016), is about the difference; antirez, "Is Redlock safe?" (2016), is the other side, and its
//! answer, a compare-and-set of the lock's random value, is one of the two guards.

use crate::run_head::stats;
use crate::worlds::clock::Rate;
use crate::worlds::leases::Call as Redis;
use crate::worlds::objects::Profile;
use crate::worlds::quorum::{Quorum, Vote};
use crate::worlds::rows::{Set, Update, Vacuum};
use crate::worlds::{CONFLICT, Door, EXPIRED, Run, Services, Surroundings, first};
use checker::specs::head::{Head, Op, Ret, counters};
use sim::model::Seen;
use sim::prelude::*;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many clients want the lock.
    pub writers: u16,
    /// How often each of them does.
    pub turns: u16,
    /// How many Redis servers there are.
    pub nodes: u8,
    /// When the lock runs out, in milliseconds.
    pub ttl: u32,
    /// A lock with so little left is extended, in milliseconds.
    pub threshold: u32,
    /// How often, before the work under it is given up.
    pub extensions: u16,
    /// How often one who did not get the lock tries again.
    pub retries: u16,
    /// What keeps the row right.
    pub guard: Open<Guard>,
    /// How clocks drift.
    pub clocks: Open<Clocks>,
    /// Whether that there is one holder is promised, or only that the row is right.
    pub exclusive: bool,
}

/// What keeps the row right when there are two holders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// `WHERE seq = $read`.
    Cas,
    /// Whoever reads leaves the random value of its lock in the row, and writes only if it is
    /// still there. The values of a redlock have no order, so "is mine" must do for "is not older".
    Token,
}

/// How clocks drift: each by half a percent at most, and so by one percent from each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clocks {
    /// Not at all.
    Exact,
    /// Those of nodes are fast and those of clients slow: keys run out early, trust late.
    NodesFast,
    /// The other way round.
    NodesSlow,
    /// Every second one is fast.
    Mixed,
}

impl Clocks {
    fn rate(self, of_node: bool, number: u16) -> Rate {
        let fast = match self {
            Clocks::Exact => return Rate(0),
            Clocks::NodesFast => of_node,
            Clocks::NodesSlow => !of_node,
            Clocks::Mixed => number.is_multiple_of(2),
        };
        Rate(if fast { 5 } else { -5 })
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            writers: 2,
            turns: 2,
            nodes: 3,
            ttl: 5000,
            threshold: 500,
            extensions: 2,
            retries: 3,
            guard: Open::Any,
            clocks: Open::Any,
            exclusive: true,
        }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "turns", "retries", "extensions"];

    fn draw(&mut self, rng: &mut Rng) {
        self.guard.draw(rng, &[Guard::Cas, Guard::Token]);
        let clocks = [Clocks::Exact, Clocks::NodesFast, Clocks::NodesSlow, Clocks::Mixed];
        self.clocks.draw(rng, &clocks);
    }

    fn simpler(&self) -> Vec<Self> {
        let (guard, clocks) = (Open::Is(Guard::Cas), Open::Is(Clocks::Exact));
        vec![Sizes { guard, clocks, ..self.clone() }, Sizes { clocks, ..self.clone() }]
    }

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=64)?;
        within("turns", self.turns, 1..=1000)?;
        within("nodes", self.nodes, 1..=5)?;
        within("retries", self.retries, 0..=1000)?;
        within("extensions", self.extensions, 0..=1000)?;
        within("ttl", self.ttl, 10..=86_400_000)?;
        within("threshold", self.threshold, 0..=self.ttl / 2)
    }
}

/// The ways it is broken, and those in which its surroundings are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Gives back by `DEL`, whoever has the lock.
    ReleaseAny,
    /// Extends by `PEXPIRE`, whoever has the lock.
    ExtendAny,
    /// Counts the validity from the answers.
    ValidFromAfter,
    /// Takes no drift off.
    NoDrift,
    /// Is content with half of the nodes.
    HalfIsEnough,
    /// A node's clock jumps ahead.
    NodeClockJumps,
    /// A client's clock is set back.
    ClientClockFallsBack,
    /// A node restarts and has nothing on disk.
    RestartsEmpty,
    /// Trusts the lock, and writes without a guard.
    NoGuard,
    /// Leaves its token in the row when it writes, not when it reads.
    RegistersLate,
}

use Mutant::*;

/// Two clients take themselves for the holder.
const EXCLUSION: Property = Property::named("mutual-exclusion");
const ONE_NODE: &[(&str, &str)] = &[("nodes", "1")];

/// The model.
#[derive(Clone)]
pub struct Redlock {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const RUN: Run = Run(0);

impl Model for Redlock {
    const NAME: &'static str = "redlock";
    const ABOUT: &'static str = "a lock on most of several Redis nodes whose clocks drift, and its row";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation {
            mutant: ReleaseAny,
            breaks: EXCLUSION,
            how: "DEL without a look at the value: one who did not get the lock frees the other's",
            params: ONE_NODE,
        },
        Mutation {
            mutant: ExtendAny,
            breaks: EXCLUSION,
            how: "PEXPIRE without a look at the value: an old holder extends the new one's lock",
            params: ONE_NODE,
        },
        Mutation {
            mutant: ValidFromAfter,
            breaks: EXCLUSION,
            how: "validity from after the round trip: by then the keys have less left than that",
            params: &[],
        },
        Mutation {
            mutant: NoDrift,
            breaks: EXCLUSION,
            how: "no drift taken off: the keys run out by faster clocks than the holder's",
            params: &[("clocks", "nodes-fast")],
        },
        Mutation {
            mutant: HalfIsEnough,
            breaks: EXCLUSION,
            how: "a quorum of half of the nodes, rounded down: two clients can have one each",
            params: &[],
        },
        Mutation {
            mutant: NodeClockJumps,
            breaks: EXCLUSION,
            how: "the clock of a node jumps ahead, and its key is gone early (Kleppmann 2016)",
            params: &[],
        },
        Mutation {
            mutant: ClientClockFallsBack,
            breaks: EXCLUSION,
            how: "the holder's clock is set back, and it trusts the lock for longer than it lasts",
            params: &[],
        },
        Mutation {
            mutant: RestartsEmpty,
            breaks: EXCLUSION,
            how: "a node without fsync restarts at once, and grants what it had granted before",
            params: &[],
        },
        Mutation {
            mutant: NoGuard,
            breaks: Property::FORK,
            how: "trusts the lock: it pauses, the lock runs out, and it writes (Kleppmann 2016)",
            params: ONE_NODE,
        },
        Mutation {
            mutant: RegistersLate,
            breaks: Property::FORK,
            how: "a token that is left in the row at the write, not at the read, decides nothing",
            params: &[("nodes", "1"), ("guard", "token")],
        },
    ];
    const GUARD: Option<Mutant> = Some(NoGuard);

    type World = Services;
    type Spec = Head<Run>;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        Redlock { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        self.sizes.writers
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<Services> {
        let clocks = self.sizes.clocks.or(Clocks::Exact);
        let nodes = (0..u16::from(self.sizes.nodes)).map(|it| clocks.rate(true, it));
        let clients = (0..self.sizes.writers).map(|it| clocks.rate(false, it));
        let surroundings = match self.mutant {
            Some(NodeClockJumps) => Surroundings::NodesJump,
            Some(ClientClockFallsBack) => Surroundings::ClientsFallBack,
            Some(RestartsEmpty) => Surroundings::NodesForget,
            _ => Surroundings::Sound,
        };
        let services = Services::new(1, true, Vacuum::AtOnce, Profile::Strong);
        vec![services.with_nodes(nodes).with_clocks(clients).amid(surroundings)]
    }

    fn spec(&self) -> Head<Run> {
        Head::new(0)
    }

    async fn client(self, io: Io<Self>) {
        let writer = Writer { model: &self, io: &io, services: &Door::new(&io) };
        for turn in 0..self.sizes.turns {
            if let Some(held) = writer.acquire(turn).await {
                writer.under(held).await;
                // What it read of its clock is forgotten.
                io.at(&(turn, held.value));
                writer.release(held.value).await;
            }
        }
    }

    fn invariant(&self, _before: Option<&Services>, now: &Services) -> Result<(), Violation> {
        match now.two_holders().filter(|_| self.sizes.exclusive) {
            None => Ok(()),
            Some((old, new)) => Err(Violation::new(
                EXCLUSION,
                format!("w{} trusts its lock on {RUN} while w{} does", new.0, old.0),
            )),
        }
    }

    fn sometimes(&self) -> Vec<&'static str> {
        match self.sizes.writers {
            1 => vec![EXTENDED],
            _ => vec![EXTENDED, SPLIT, EXPIRED, CONFLICT],
        }
    }

    fn stats(&self, history: &Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        let seen = history.iter().enumerate().map(|(index, it)| it.seen(index));
        stats(counters(seen), marks)
    }
}

/// A majority gave the lock more time.
const EXTENDED: &str = "locks extended";
/// Some nodes granted the lock, too few of them.
const SPLIT: &str = "votes split";

/// A lock that was got.
#[derive(Clone, Copy, Hash)]
struct Held {
    value: u64,
    left_ms: u32,
}

/// One client.
struct Writer<'a> {
    model: &'a Redlock,
    io: &'a Io<Redlock>,
    services: &'a Door<'a, Redlock>,
}

impl Writer<'_> {
    fn is(&self, mutant: Mutant) -> bool {
        self.model.mutant == Some(mutant)
    }

    async fn acquire(&self, turn: u16) -> Option<Held> {
        let Sizes { ttl, retries, .. } = self.model.sizes;
        for retries_left in (0..=retries).rev() {
            self.io.at(&(turn, retries_left));
            let value = self.io.unique();
            let got = self.ask(value, Redis::Acquire { run: RUN, value, ttl_ms: ttl }).await;
            self.io.at(&(turn, retries_left, got));
            if got.is_some() {
                return got;
            }
            self.release(value).await;
            if retries_left > 0 {
                // Never in step with the others: that is what the jitter is for.
                self.services.sleep(200 + 50 * u32::from(self.io.me().0)).await;
            }
        }
        None
    }

    /// The terms that it asks on, as a mutant has them.
    fn quorum(&self) -> Quorum {
        let Sizes { nodes, ttl, .. } = self.model.sizes;
        let mut quorum = Quorum::of(nodes, ttl);
        if self.is(HalfIsEnough) {
            quorum.needed = usize::from(nodes / 2).max(1);
        }
        if self.is(NoDrift) {
            quorum.drift_ms = 0;
        }
        quorum.from_answers = self.is(ValidFromAfter);
        quorum
    }

    /// Asks all nodes for the lock, or for more time; nothing if too few agree, or too late.
    async fn ask(&self, value: u64, call: Redis) -> Option<Held> {
        match self.quorum().ask(self.services, value, call).await {
            Vote::Held { left_ms } => Some(Held { value, left_ms }),
            Vote::TooFew { votes } => {
                if votes > 0 {
                    self.io.mark(SPLIT);
                }
                None
            }
            Vote::TooLate => None,
        }
    }

    /// The work, while the lock is kept beside it. The abort signal: when it cannot be kept, the
    /// work is dropped. A lock that is never extended has nobody to give the signal.
    async fn under(&self, held: Held) {
        match self.model.sizes.extensions {
            0 => self.work(held.value).await,
            _ => first(self.work(held.value), self.keep(held)).await,
        }
    }

    /// Ends when the lock cannot be kept any more.
    async fn keep(&self, mut held: Held) {
        let Sizes { ttl, threshold, extensions, .. } = self.model.sizes;
        for _ in 0..extensions {
            self.services.sleep(held.left_ms.saturating_sub(threshold)).await;
            let extend = match self.is(ExtendAny) {
                true => Redis::Expire { run: RUN, ttl_ms: ttl },
                false => Redis::Extend { run: RUN, value: held.value, ttl_ms: ttl },
            };
            match self.ask(held.value, extend).await {
                Some(extended) => held = extended,
                None => return,
            }
            self.io.mark(EXTENDED);
        }
        self.services.sleep(held.left_ms).await;
    }

    async fn release(&self, value: u64) {
        let release = match self.is(ReleaseAny) {
            true => Redis::Delete { run: RUN },
            false => Redis::Release { run: RUN, value },
        };
        self.quorum().release(self.services, release).await;
    }

    /// Reads the head and moves it by one. `value` is also the body that this leaves in the row.
    async fn work(&self, value: u64) {
        let token = self.model.sizes.guard == Open::Is(Guard::Token);
        let asked = self.io.begin(Op::Read { key: RUN });
        let read = match token && !self.is(RegistersLate) {
            true => self.update(value, Set::Same, None).await,
            false => self.services.select(RUN).await.map(|row| row.map(|row| row.seq)),
        };
        let Ok(Some(from)) = read else { return };
        asked.end(Ret::Head(from));
        let asked = self.io.begin(Op::Cas { key: RUN, from });
        if self.is(RegistersLate) && self.update(value, Set::Same, None).await.is_err() {
            return;
        }
        let written = match token {
            _ if self.is(NoGuard) => self.update(value, Set::To(from + 1), None).await,
            true => self.update(value, Set::NextOf(value), None).await,
            false => self.update(value, Set::Next, Some(from)).await,
        };
        match written {
            Ok(Some(seq)) => asked.end(Ret::Won { seq: Some(seq) }),
            Ok(None) if !token => asked.end(Ret::Lost),
            // Silence; or somebody else registered, which says nothing of where the head is.
            _ => {}
        }
    }

    async fn update(&self, body: u64, set: Set, seen: Option<u64>) -> Result<Option<u64>, Lost> {
        self.services.update(Update { run: RUN, set, seen, token: None, body }).await
    }
}
