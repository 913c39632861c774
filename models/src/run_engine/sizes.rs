//! How large a run engine is, where its run begins, and what is to become of it.
//!
//! A story is short where it begins late: a run that executes has been queued and dequeued before,
//! and need not be again. So a seed draws where to begin, and what runners do while nothing goes wrong.

use sim::prelude::*;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many trigger the run, all under one key.
    pub triggers: u16,
    /// How many run it.
    pub workers: u16,
    /// How many look for what is late.
    pub monitors: u16,
    /// How many complete what it waits for, or deploy its code.
    pub operators: u16,
    /// How many cancel it.
    pub cancellers: u16,
    /// How many follow its snapshots.
    pub pollers: u16,
    /// How often each of them does.
    pub turns: u16,
    /// How many attempts a run has.
    pub attempts: u8,
    /// How often a run that is frozen is looked at again.
    pub restarts: u8,
    /// How many snapshots a page of `since` holds.
    pub limit: u8,
    /// What is held while a run is moved.
    pub lock: Lock,
    /// When that runs out, in milliseconds.
    pub ttl: u32,
    /// Whether the run is delayed at first.
    pub delayed: bool,
    /// Whether those who follow ask a replica.
    pub replica: bool,
    /// What the run is at in the beginning.
    pub begins: Open<Begins>,
    /// What becomes of it.
    pub plan: Open<Plan>,
}

/// What is held while a run is moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// Nothing.
    None,
    /// A key in Redis that runs out.
    Redis,
}

/// What the run is at in the beginning. Who executes it is the first of the workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begins {
    /// It has yet to be triggered.
    Nothing,
    /// `QUEUED`
    Queued,
    /// `PENDING_EXECUTING` with a checkpoint, after its first attempt; who took it is gone.
    Pending,
    /// `EXECUTING`
    Executing,
    /// `QUEUED_EXECUTING`
    QueuedExecuting,
    /// `EXECUTING_WITH_WAITPOINTS`
    Waiting,
    /// `SUSPENDED`
    Suspended,
}

/// What becomes of a run while nothing goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// Its first attempt succeeds.
    Succeeds,
    /// An attempt fails, and its runner begins the next.
    Retries,
    /// An attempt fails, and it goes back to the queue.
    Requeues,
    /// It waits, and its runner with it.
    Waits,
    /// It waits in a checkpoint.
    Freezes,
    /// The version it needs is deployed later.
    Undeployed,
}

const BEGINS: [Begins; 7] = [
    Begins::Nothing,
    Begins::Queued,
    Begins::Pending,
    Begins::Executing,
    Begins::QueuedExecuting,
    Begins::Waiting,
    Begins::Suspended,
];
const PLANS: [Plan; 6] = [
    Plan::Succeeds,
    Plan::Retries,
    Plan::Requeues,
    Plan::Waits,
    Plan::Freezes,
    Plan::Undeployed,
];

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            triggers: 1,
            workers: 2,
            monitors: 1,
            operators: 1,
            cancellers: 1,
            pollers: 1,
            turns: 2,
            attempts: 2,
            restarts: 1,
            limit: 2,
            lock: Lock::Redis,
            ttl: 5000,
            delayed: false,
            replica: true,
            begins: Open::Any,
            plan: Open::Any,
        }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] =
        &["triggers", "workers", "monitors", "operators", "cancellers", "pollers", "turns"];

    fn draw(&mut self, rng: &mut Rng) {
        self.begins.draw(rng, &BEGINS);
        self.plan.draw(rng, &PLANS);
    }

    fn simpler(&self) -> Vec<Self> {
        let with = |few: fn(&mut Sizes)| {
            let mut sizes = self.clone();
            few(&mut sizes);
            sizes
        };
        vec![
            with(|it| (it.plan, it.replica) = (Open::Is(Plan::Succeeds), false)),
            with(|it| it.replica = false),
            with(|it| it.pollers = 0),
            with(|it| it.cancellers = 0),
            with(|it| it.operators = 0),
            with(|it| it.monitors = 0),
            with(|it| it.triggers = 0),
        ]
    }

    fn check(&self) -> Result<(), String> {
        within("triggers", self.triggers, 0..=16)?;
        within("workers", self.workers, 1..=16)?;
        within("monitors", self.monitors, 0..=16)?;
        within("operators", self.operators, 0..=16)?;
        within("cancellers", self.cancellers, 0..=16)?;
        within("pollers", self.pollers, 0..=16)?;
        within("turns", self.turns, 1..=1000)?;
        within("attempts", self.attempts, 1..=250)?;
        within("restarts", self.restarts, 0..=100)?;
        within("limit", self.limit, 1..=100)?;
        within("ttl", self.ttl, 1..=86_400_000)
    }
}

