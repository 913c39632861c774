//! Deferred terminal rows as a running system: workers, a materialiser's timer, a pruner, a reader.
//!
//! To complete a job is to write its closure; its terminal row (`done_entries`) is written later, by a
//! timer, or by the pruner just before what it is made of goes. What is hard is that each of them is
//! right by itself. Two that materialise the same backlog see it before either has written. Whoever
//! reads in between must read closures too. A body may go when its terminal row is there, and not when
//! its closure is; closures may go when every one of them has become a row. And what the old path did
//! beside the row, to free the job's unique key, has to stay where it was.
//!
//! The source is awa's ADR-024 (hardbyte/awa, pull request 250), which was measured and rejected, and the
//! tests that came with it: that the materialiser is idempotent, that a unique claim is released, that
//! the synchronous path still writes, and that a prune is blocked until the materialiser has drained. Of
//! no specification: [`super::deferred_materialise`] is the one that is counted.

pub mod tables;

use crate::promise::{Promise, breaks};
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;
use tables::{Call, Completion, Reply, Ring, Tables};

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many jobs.
    pub jobs: u8,
    /// How often the timer fires, the pruner comes round and the reader reads.
    pub rounds: u8,
    /// Whether terminal rows are deferred.
    pub deferred: bool,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { jobs: 2, rounds: 2, deferred: true }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["jobs", "rounds"];

    fn check(&self) -> Result<(), String> {
        within("jobs", self.jobs, 1..=4)?;
        within("rounds", self.rounds, 1..=20)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// The materialiser writes what it saw missing, whatever is there by now.
    MaterialisesAgain,
    /// The deferred path skips all that was done beside the terminal row.
    KeepsUnique,
    /// The synchronous path writes no terminal row either.
    SyncSkipsDone,
    /// A body goes when its job's closure is there.
    PrunesUndrained,
    /// Claims and closures go without another look at what they have yet to become.
    PrunesClaimsFirst,
    /// Only terminal rows are read.
    ReadsDoneOnly,
}

/// The model.
#[derive(Clone)]
pub struct DoneEntries {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const WORKER: ClientId = ClientId(0);
const TIMER: ClientId = ClientId(1);
const PRUNER: ClientId = ClientId(2);

const PROMISES: &[Promise<Tables>] = &[
    Promise::new("done-once", Tables::done_once),
    Promise::new("unique-released", Tables::unique_released),
    Promise::new("source-kept", Tables::source_kept),
    Promise::new("seen-done", Tables::seen_done),
];
/// What holds where nothing is deferred.
const AT_ONCE: &[Promise<Tables>] =
    &[Promise::new("done-with-completion", Tables::done_with_completion)];

impl Model for DoneEntries {
    const NAME: &'static str = "awa/done_entries";
    const ABOUT: &'static str = "terminal rows written after completion, by a timer and a pruner";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::MaterialisesAgain,
            "done-once",
            "writes the rows that it saw missing, and the pruner has written them since",
        ),
        breaks(
            Mutant::KeepsUnique,
            "unique-released",
            "defers with the terminal row what was done beside it: the unique key stays taken",
        ),
        Mutation::new(
            Mutant::SyncSkipsDone,
            Property::named("done-with-completion"),
            &[("deferred", "false")],
            "the synchronous path writes no terminal row either",
        ),
        breaks(
            Mutant::PrunesUndrained,
            "source-kept",
            "truncates a body as soon as its job's closure is there",
        ),
        breaks(
            Mutant::PrunesClaimsFirst,
            "source-kept",
            "truncates closures that have yet to become terminal rows",
        ),
        breaks(
            Mutant::ReadsDoneOnly,
            "seen-done",
            "reads terminal rows, and not the closures that have yet to become some",
        ),
    ];
    const GUARD: Option<Mutant> = Some(Mutant::PrunesUndrained);

    type World = Tables;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        DoneEntries { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        4
    }

    fn role(&self, client: ClientId) -> char {
        match client {
            WORKER => 'w',
            TIMER => 't',
            PRUNER => 'p',
            _ => 'r',
        }
    }

    fn worlds(&self) -> Vec<Tables> {
        vec![Tables::new(self.sizes.jobs)]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Tables>, now: &Tables) -> Result<(), Violation> {
        Promise::check(PROMISES, now)?;
        if self.sizes.deferred { Ok(()) } else { Promise::check(AT_ONCE, now) }
    }

    fn sometimes(&self) -> Vec<&'static str> {
        let late = [tables::BLOCKED, tables::INLINE, tables::TIMED];
        if self.sizes.deferred { late.to_vec() } else { vec![tables::BLOCKED] }
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides is there for the next round, which asks the tables anew.
        for round in 0..self.sizes.rounds.max(self.sizes.jobs) {
            let _ = match io.me() {
                WORKER if round < self.sizes.jobs => self.work(&io).await,
                _ if round >= self.sizes.rounds => return,
                WORKER => Ok(()),
                TIMER => self.materialise(&io).await,
                PRUNER => self.prune(&io).await,
                _ => self.read(&io, round % self.sizes.jobs).await,
            };
        }
    }
}

impl DoneEntries {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    async fn work(&self, io: &Io<Self>) -> Result<(), Lost> {
        let Reply::Job(Some(job)) = io.call(Call::Claim).await? else { return Ok(()) };
        let with = Completion {
            writes_done: !self.sizes.deferred && !self.is(Mutant::SyncSkipsDone),
            releases_unique: !self.is(Mutant::KeepsUnique),
        };
        io.call(Call::Complete { job, with }).await.map(|_| ())
    }

    /// One statement of the timer: what it sees, and what it writes.
    async fn materialise(&self, io: &Io<Self>) -> Result<(), Lost> {
        let Reply::Jobs(jobs) = io.call(Call::Backlog).await? else { return Ok(()) };
        if jobs.is_empty() {
            return Ok(());
        }
        let skips_there = !self.is(Mutant::MaterialisesAgain);
        io.call(Call::Materialise { jobs, skips_there }).await.map(|_| ())
    }

    async fn prune(&self, io: &Io<Self>) -> Result<(), Lost> {
        let asks_closures = self.is(Mutant::PrunesUndrained);
        let materialises = !self.is(Mutant::PrunesClaimsFirst);
        io.call(Call::Rotate(Ring::Claims)).await?;
        io.call(Call::PruneClaims { materialises }).await?;
        io.call(Call::Rotate(Ring::Ready)).await?;
        io.call(Call::PruneReady { asks_closures }).await.map(|_| ())
    }

    async fn read(&self, io: &Io<Self>, job: u8) -> Result<(), Lost> {
        let union = !self.is(Mutant::ReadsDoneOnly);
        io.call(Call::Read { job, union }).await.map(|_| ())
    }
}
