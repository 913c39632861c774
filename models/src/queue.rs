//! `queue`: jobs in Postgres, each done at least once.
//!
//! Producers insert jobs, workers claim them with SKIP LOCKED and are believed to be at work for a
//! lease, which heartbeats prolong; what has run out is made ready again by whoever has nothing to do,
//! and what failed is tried again after a delay with jitter. Jobs may have an address: then one of them
//! is open at a time, its result is kept, and whoever comes second is given that.
//!
//! The hard part is that a worker cannot be told dead from slow. So a body may run twice, and what
//! can be had is that this happens in no other case, that whoever was given up is not heard when it
//! reports, and that a result is there from the moment its job is done.
//!
//! After the queues that users of River and of platform-lib's rsqueue, rscache and AddressedPush
//! compare (riverqueue/river: `job_rescuer.go`, `retry_policy.go`; rstudio/platform-lib:
//! `pkg/rsqueue`, `pkg/rscache`).

pub mod promises;
pub mod statements;
pub mod world;

mod client;
mod words;

use checker::specs::nothing::Nothing;
use client::Client;
use promises::{
    ADDRESS, BACKOFF, COMPLETES, DUPLICATES, FENCED, FINAL, JITTER, RESULT,
};
use sim::prelude::*;
use statements::{NOT_UNIQUE, TABLES};
use world::{Queue, RESCUED, STALE};

/// The ways it is broken. What is said of each is at [`AtLeastOnce::MUTANTS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// SELECT, then UPDATE by number.
    ClaimsUnlocked,
    /// SELECT, then UPDATE by number.
    RescuesById,
    /// UPDATE by number.
    CompletesUnfenced,
    /// The caller is told, then COMMIT.
    AcksBeforeCommit,
    /// A claim leaves the lease NULL.
    LeasesByHeartbeat,
    /// A claim does not ask for `run_at`.
    RetriesAtOnce,
    /// Up to a fifth is added, and nothing taken away.
    JitterAddsOnly,
    /// No unique index: SELECT, then INSERT.
    ChecksThenPushes,
    /// A worker does not look whether the result is kept.
    TrustsTheQueue,
    /// The job is done, and the result is kept next.
    KeepsResultAfter,
}

use Mutant::*;

/// What jobs are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Each by itself.
    Plain,
    /// All of them compute one thing.
    Addressed,
}

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many add a job, each one.
    pub producers: u16,
    /// How many do them.
    pub workers: u16,
    /// What jobs are.
    pub kind: Open<Kind>,
    /// How many attempts of each job fail.
    pub failures: u8,
    /// How many heartbeats long a job is.
    pub beats: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { producers: 2, workers: 2, kind: Open::Any, failures: 1, beats: 1 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["producers", "workers"];

    fn draw(&mut self, rng: &mut Rng) {
        self.kind.draw(rng, &[Kind::Plain, Kind::Addressed]);
    }

    fn simpler(&self) -> Vec<Self> {
        let without = |few: fn(&mut Sizes)| {
            let mut sizes = self.clone();
            few(&mut sizes);
            sizes
        };
        vec![
            without(|it| (it.failures, it.beats) = (0, 0)),
            without(|it| it.failures = 0),
            without(|it| it.beats = 0),
        ]
    }

    fn check(&self) -> Result<(), String> {
        within("producers", self.producers, 1..=64)?;
        within("workers", self.workers, 1..=64)?;
        within("failures", self.failures, 0..=10)?;
        within("beats", self.beats, 0..=100)
    }
}

/// The model.
#[derive(Clone)]
pub struct AtLeastOnce {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const PLAIN: &[(&str, &str)] = &[("kind", "plain")];
const STEADY: &[(&str, &str)] = &[("kind", "plain"), ("failures", "0"), ("beats", "0")];
const FAILS: &[(&str, &str)] = &[("kind", "plain"), ("failures", "1"), ("beats", "0")];
const ADDRESSED: &[(&str, &str)] = &[("kind", "addressed"), ("failures", "0"), ("beats", "0")];

impl Model for AtLeastOnce {
    const NAME: &'static str = "queue";
    const ABOUT: &'static str = "jobs in Postgres done at least once: leases, rescue, retries, results";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation::new(
            ClaimsUnlocked,
            DUPLICATES,
            PLAIN,
            "SELECT of a ready job, then UPDATE by its number: two find the same",
        ),
        Mutation::new(
            RescuesById,
            FINAL,
            STEADY,
            "SELECT of stale jobs, then UPDATE by their numbers: one is done in between",
        ),
        Mutation::new(
            CompletesUnfenced,
            FENCED,
            PLAIN,
            "a report is taken by the job's number: its worker was given up, and another runs it",
        ),
        Mutation::new(
            AcksBeforeCommit,
            COMPLETES,
            PLAIN,
            "the caller is told of its job before the transaction that inserts it is committed",
        ),
        Mutation::new(
            LeasesByHeartbeat,
            Property::PROGRESS,
            PLAIN,
            "the lease begins with the first heartbeat: NULL is never in the past",
        ),
        Mutation::new(
            RetriesAtOnce,
            BACKOFF,
            FAILS,
            "a claim does not ask whether the delay of a job that failed is over",
        ),
        Mutation::new(
            JitterAddsOnly,
            JITTER,
            FAILS,
            "jitter of up to a fifth is added, where a tenth is to be added or taken away",
        ),
        Mutation::new(
            ChecksThenPushes,
            ADDRESS,
            ADDRESSED,
            "no unique index on open addresses: SELECT, then INSERT, and two find none",
        ),
        Mutation::new(
            TrustsTheQueue,
            ADDRESS,
            ADDRESSED,
            "a worker does not look for a result first: the job was pushed after it was kept",
        ),
        Mutation::new(
            KeepsResultAfter,
            RESULT,
            ADDRESSED,
            "a job is done in one transaction, and its result is kept in the next",
        ),
    ];
    const GUARD: Option<Mutant> = Some(ClaimsUnlocked);

    type World = Queue;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        AtLeastOnce { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        self.sizes.producers + self.sizes.workers
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 < self.sizes.producers { 'p' } else { 'w' }
    }

    fn worlds(&self) -> Vec<Queue> {
        let schema = if self.is(ChecksThenPushes) { NOT_UNIQUE } else { TABLES };
        vec![Queue::new(schema, self.sizes.producers, self.sizes.workers)]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    async fn client(self, io: Io<Self>) {
        let client = Client::new(&self, &io);
        match self.role(io.me()) {
            'p' => client.produce().await,
            _ => client.work().await,
        }
    }

    fn invariant(&self, _before: Option<&Queue>, now: &Queue) -> Result<(), Violation> {
        now.witness.kept()
    }

    fn settled(&self, now: &Queue) -> Result<(), Violation> {
        now.witness.settled()
    }

    fn sometimes(&self) -> Vec<&'static str> {
        vec![RESCUED, STALE]
    }

    fn stats(&self, _history: &sim::model::Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        vec![("rescued", marks.count(RESCUED)), ("stale_reports", marks.count(STALE))]
    }
}

impl AtLeastOnce {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn kind(&self) -> Kind {
        self.sizes.kind.or(Kind::Plain)
    }

    fn failures(&self) -> i64 {
        i64::from(self.sizes.failures)
    }

    fn beats(&self) -> u8 {
        self.sizes.beats
    }
}
