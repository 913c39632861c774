//! `run_locker`: the lock on a run as Trigger.dev's engine takes it, around every move of the run.
//!
//! After triggerdotdev/trigger.dev at b082e44389, `internal-packages/run-engine/src/engine/locking.ts`:
//! node-redlock 5 on a single server, 5,000 ms, extended when 1,000 are left, with a retry policy of
//! its own. Under the lock a routine reads the latest snapshot and appends the next.
//!
//! The hard part is what the routine cannot see. It is given no abort signal, so that the lock ran
//! out under it is unobservable to it; and a `lock` inside a `lock` on the same run is granted from
//! memory. As published nothing else stands between two routines and one parent: the snapshot is
//! inserted unconditionally, with no unique `(run, previous snapshot)` and no fencing token, so a
//! fork is a pause away. Here the insert is guarded in either way, and how it is published is a
//! mutant. A snapshot is a number here, and its parent the number before it.
//!
//! An extension still in flight when the lock is given back is not awaited, as published: it does
//! no harm, because the script looks at the value.

use crate::run_head::stats;
use crate::worlds::leases::{Call as Redis, Reply};
use crate::worlds::objects::Profile;
use crate::worlds::rows::{Set, Update, Vacuum};
use crate::worlds::{CONFLICT, Door, EXPIRED, Run, Services, first};
use checker::specs::head::{Head, Op, Ret, counters};
use sim::model::Seen;
use sim::prelude::*;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many workers move the run.
    pub writers: u16,
    /// How often each of them does.
    pub turns: u16,
    /// When the lock runs out, in milliseconds.
    pub ttl: u32,
    /// A lock with so little left is extended, in milliseconds.
    pub threshold: u32,
    /// How often, at most.
    pub extensions: u16,
    /// How often a worker tries to get the lock.
    pub attempts: u16,
    /// Whether the routine takes the lock once more before it writes.
    pub nested: bool,
    /// What keeps the run right.
    pub guard: Open<Guard>,
}

/// What keeps a run right whoever holds its lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// `UNIQUE (run_id, previous_snapshot_id)`: the second child of a parent is refused.
    Unique,
    /// The lock's fencing token, left in the row by whoever reads, and compared at the write.
    Token,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            writers: 2,
            turns: 2,
            ttl: 5000,
            threshold: 1000,
            extensions: 2,
            attempts: 10,
            nested: true,
            guard: Open::Any,
        }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "turns", "extensions", "attempts"];

    fn draw(&mut self, rng: &mut Rng) {
        self.guard.draw(rng, &[Guard::Unique, Guard::Token]);
    }

    fn simpler(&self) -> Vec<Self> {
        let guard = Open::Is(Guard::Unique);
        let flat = Sizes { nested: false, ..self.clone() };
        vec![Sizes { guard, ..flat.clone() }, flat, Sizes { guard, ..self.clone() }]
    }

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=64)?;
        within("turns", self.turns, 1..=1000)?;
        within("attempts", self.attempts, 1..=1000)?;
        within("extensions", self.extensions, 0..=1000)?;
        within("ttl", self.ttl, 10..=86_400_000)?;
        within("threshold", self.threshold, 0..=self.ttl / 2)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Inserts the snapshot unconditionally, as published.
    Unconditional,
    /// The same, but the routine heeds an abort signal.
    HeedsSignal,
    /// Compares the fencing token when it writes, and does not register it when it reads.
    TokenAtWrite,
    /// Takes a lock it holds already without a look at when that runs out, as published.
    ReentryUnchecked,
}

use Mutant::*;

/// Two workers take themselves for the holder.
const EXCLUSION: Property = Property::named("mutual-exclusion");

/// The model.
#[derive(Clone)]
pub struct RunLocker {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const RUN: Run = Run(0);

impl Model for RunLocker {
    const NAME: &'static str = "run_locker";
    const ABOUT: &'static str = "Trigger.dev's lock on a run, whose routine never hears that it is lost";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation {
            mutant: Unconditional,
            breaks: Property::FORK,
            how: "the snapshot is inserted unconditionally, as published: the lock ran out unseen",
            params: &[("nested", "false")],
        },
        Mutation {
            mutant: HeedsSignal,
            breaks: Property::FORK,
            how: "the routine heeds an abort signal, which a pause holds up as it does the routine",
            params: &[("nested", "false")],
        },
        Mutation {
            mutant: TokenAtWrite,
            breaks: Property::FORK,
            how: "a token compared at the write only: the old holder writes first, the new one next",
            params: &[("guard", "token"), ("nested", "false")],
        },
        Mutation {
            mutant: ReentryUnchecked,
            breaks: EXCLUSION,
            how: "a lock inside a lock is granted from memory, as published: it may have run out",
            params: &[],
        },
    ];
    const GUARD: Option<Mutant> = Some(Unconditional);

    type World = Services;
    type Spec = Head<Run>;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        RunLocker { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        self.sizes.writers
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<Services> {
        let services = Services::new(1, true, Vacuum::AtOnce, Profile::Strong);
        let clocks = (0..self.sizes.writers).map(|_| Default::default());
        vec![services.with_clocks(clocks)]
    }

    fn spec(&self) -> Head<Run> {
        Head::new(0)
    }

    async fn client(self, io: Io<Self>) {
        let worker = Worker { model: &self, io: &io, services: &Door::new(&io) };
        for turn in 0..self.sizes.turns {
            if let Some(held) = worker.lock(turn).await {
                worker.under(held).await;
                // What it read of its clock is forgotten.
                io.at(&(turn, held.value));
                worker.services.unlock(RUN, held.value).await;
            }
        }
    }

    fn invariant(&self, _before: Option<&Services>, now: &Services) -> Result<(), Violation> {
        let Some((old, new)) = now.two_holders() else { return Ok(()) };
        let why = format!("w{} trusts its lock on {RUN} while w{} does", new.0, old.0);
        Err(Violation::new(EXCLUSION, why))
    }

    fn sometimes(&self) -> Vec<&'static str> {
        match self.sizes.writers {
            1 => vec![EXTENDED],
            _ => vec![EXTENDED, EXPIRED, CONFLICT],
        }
    }

    fn stats(&self, history: &Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        let seen = history.iter().enumerate().map(|(index, it)| it.seen(index));
        stats(counters(seen), marks)
    }
}

/// Redis gave the lock more time.
const EXTENDED: &str = "locks extended";

/// How long to wait between two attempts to extend a lock, in milliseconds.
const EXTENSION_DELAY_MS: u32 = 100;
/// The wait after the first attempt to get a lock, and the longest, in milliseconds.
const DELAY_MS: [u32; 2] = [100, 3000];
/// The longest wait in all, in milliseconds.
const WAIT_MAX_MS: u32 = 15_000;

/// A lock that was got.
#[derive(Clone, Copy, Hash)]
struct Held {
    value: u64,
    token: u64,
    until_ms: u64,
    left_ms: u32,
}

/// One worker.
struct Worker<'a> {
    model: &'a RunLocker,
    io: &'a Io<RunLocker>,
    services: &'a Door<'a, RunLocker>,
}

impl Worker<'_> {
    fn is(&self, mutant: Mutant) -> bool {
        self.model.mutant == Some(mutant)
    }

    /// Takes the lock, by the retry policy.
    async fn lock(&self, turn: u16) -> Option<Held> {
        let Sizes { ttl, attempts, .. } = self.model.sizes;
        let ([mut delay, delay_max], mut waited) = (DELAY_MS, 0);
        for attempts_left in (0..attempts).rev() {
            self.io.at(&(turn, attempts_left));
            let value = self.io.unique();
            let got = self.ask(value, Redis::Acquire { run: RUN, value, ttl_ms: ttl }).await;
            self.io.at(&(turn, attempts_left, got));
            if got.is_some() {
                return got;
            }
            self.services.unlock(RUN, value).await;
            // A jitter of 15 percent, each worker's its own.
            let jittered = delay * (85 + u32::from(self.io.me().0) * 10 % 31) / 100;
            waited += jittered;
            if attempts_left == 0 || waited > WAIT_MAX_MS {
                break;
            }
            self.services.sleep(jittered).await;
            delay = (delay * 9 / 5).min(delay_max);
        }
        None
    }

    /// Asks Redis for the lock, or for more time.
    async fn ask(&self, value: u64, call: Redis) -> Option<Held> {
        let ttl = self.model.sizes.ttl;
        let start = self.services.now().await.ok()?;
        let token = match self.services.redis(call).await.ok()? {
            Reply::Granted { token } => token,
            Reply::Held(true) => 0,
            Reply::Busy | Reply::Held(false) => return None,
        };
        let until_ms = self.valid_from(start, ttl);
        let left_ms = self.services.trust(value, until_ms).await;
        (left_ms > 0).then_some(Held { value, token, until_ms, left_ms })
    }

    fn valid_from(&self, start: u64, ttl: u32) -> u64 {
        (start + u64::from(ttl)).saturating_sub(u64::from(ttl.div_ceil(100) + 2))
    }

    /// The routine, while the lock is kept beside it. Nobody tells it when that fails.
    async fn under(&self, held: Held) {
        let routine = self.routine(held);
        if self.model.sizes.extensions == 0 {
            return routine.await;
        }
        let keep = async {
            self.keep(held).await;
            if !self.is(HeedsSignal) {
                std::future::pending().await
            }
        };
        first(routine, keep).await;
    }

    /// Ends when the lock cannot be kept any more.
    async fn keep(&self, mut held: Held) {
        let Sizes { ttl, threshold, extensions, .. } = self.model.sizes;
        let mut delay = held.left_ms.saturating_sub(threshold);
        for _ in 0..extensions {
            self.services.sleep(delay).await;
            let extend = Redis::Extend { run: RUN, value: held.value, ttl_ms: ttl };
            match self.ask(held.value, extend).await {
                Some(extended) => {
                    self.io.mark(EXTENDED);
                    held = extended;
                    delay = held.left_ms.saturating_sub(threshold);
                }
                None => match self.services.now().await {
                    Ok(now) if now < held.until_ms => delay = EXTENSION_DELAY_MS,
                    _ => return,
                },
            }
        }
        self.services.sleep(held.left_ms).await;
    }

    /// Takes the lock it is under once more: whether it may go on.
    async fn lock_again(&self, held: Held) -> bool {
        if !self.is(ReentryUnchecked) {
            return self.services.trust(held.value, held.until_ms).await > 0;
        }
        // Whoever asks for a lock of 5,000 ms and is told "yes" takes it for one.
        let Ok(now) = self.services.now().await else { return false };
        self.services.trust(held.value, self.valid_from(now, self.model.sizes.ttl)).await > 0
    }

    /// Reads the latest snapshot and appends the next.
    async fn routine(&self, held: Held) {
        let fenced = self.model.sizes.guard == Open::Is(Guard::Token);
        let blind = self.is(Unconditional) || self.is(HeedsSignal);
        let token = Some(held.token).filter(|_| fenced && !blind);
        let asked = self.io.begin(Op::Read { key: RUN });
        let register = Update { run: RUN, set: Set::Same, seen: None, token, body: held.value };
        let read = match token.is_some() && !self.is(TokenAtWrite) {
            true => self.services.update(register).await,
            false => self.services.select(RUN).await.map(|row| row.map(|row| row.seq)),
        };
        let Ok(Some(from)) = read else { return };
        asked.end(Ret::Head(from));
        if self.model.sizes.nested && !self.lock_again(held).await {
            return;
        }
        let asked = self.io.begin(Op::Cas { key: RUN, from });
        let seen = Some(from).filter(|_| !fenced && !blind);
        let set = if blind || fenced { Set::To(from + 1) } else { Set::Next };
        match self.services.update(Update { set, seen, ..register }).await {
            Ok(Some(seq)) => asked.end(Ret::Won { seq: Some(seq) }),
            Ok(None) if seen.is_some() => asked.end(Ret::Lost),
            // Silence; or a newer token, which says nothing of where the head is.
            _ => {}
        }
    }
}
