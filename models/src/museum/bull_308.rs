//! Bull completes a job twice when a worker is too slow to renew its lock (OptimalBits/bull, issue 308).
//!
//! A worker holds a lock on its job that runs out unless it is renewed. A busy event loop renews it
//! too late, the job passes for stalled, and another worker is given it. The first was only slow, and
//! completes the job, as the other does.
//!
//! Put right here: whoever completes shows the token of its lock, one for each time the job is given
//! out, and it must be the one that stands. The hard part is that a worker cannot tell being slow
//! from being on time; only who keeps the lock can.

use super::AsReported;
use super::jobs::{Door, Job, Jobs, Only, State};
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/OptimalBits/bull/issues/308";

const PROMISE: &str = "completed-once";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Completes its job whoever holds the lock, as published.
    CompletesUnchecked,
}

/// The model.
#[derive(Clone)]
pub struct Bull {
    mutant: Option<Mutant>,
}

impl Model for Bull {
    const NAME: &'static str = "museum/bull_308";
    const ABOUT: &'static str = "Bull's worker whose lock on a job runs out while it is slow";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::CompletesUnchecked,
        PROMISE,
        "completes without a look at its lock, as published: it ran out, and another has the job",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::CompletesUnchecked);

    type World = Jobs;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Bull { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<Jobs> {
        vec![Jobs::new(vec![Job::NEW]).with_leases()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Jobs>, now: &Jobs) -> Result<(), Violation> {
        now.completed_once().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        let table = Door(&io);
        // Silence looks like a stall, and is treated as one.
        let _ = self.work(&table).await;
    }
}

/// Takes the job if it waits, or if the lock of whoever has it ran out.
async fn take(table: &Door<'_, Bull>) -> Result<Option<Job>, Lost> {
    if let Some(job) = table.claim(0).await? {
        return Ok(Some(job));
    }
    let stalled = Only { state: Some(State::Running), leased: Some(false), ..Only::default() };
    table.update(0, State::Running, stalled).await
}

impl Bull {
    async fn work(&self, table: &Door<'_, Bull>) -> Result<(), Lost> {
        let Some(job) = take(table).await? else { return Ok(()) };
        let only = match self.mutant {
            Some(Mutant::CompletesUnchecked) => Only::default(),
            None => Only { attempt: Some(job.attempt), leased: Some(true), ..Only::default() },
        };
        table.update(0, State::Completed, only).await?;
        Ok(())
    }
}
