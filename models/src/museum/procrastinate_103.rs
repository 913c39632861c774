//! Procrastinate runs two jobs of one lock at once (procrastinate-org/procrastinate, issue 103).
//!
//! Two jobs share a lock, so that one is to run after the other. Two workers fetch at the same time:
//! each sees that no job of the lock is running, and locks a row that the other has not locked. Each
//! updates its own row, no two write the same, and both jobs run.
//!
//! Put right here by a unique index: of one lock, one job is running. The hard part is that nothing
//! collides: `FOR UPDATE SKIP LOCKED` guards the rows that are there, and what was decided on is that
//! a row is not.

use super::AsReported;
use super::jobs::{Door, Job, Jobs, Only, State};
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/procrastinate-org/procrastinate/issues/103";

const PROMISE: &str = "one-runs-per-lock";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Looks that nothing runs and takes a job, as published.
    LooksAndTakes,
}

/// The model.
#[derive(Clone)]
pub struct Procrastinate {
    mutant: Option<Mutant>,
}

impl Model for Procrastinate {
    const NAME: &'static str = "museum/procrastinate_103";
    const ABOUT: &'static str = "Procrastinate's fetch of two jobs that must not run at once";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::LooksAndTakes,
        PROMISE,
        "that nothing of the lock runs is looked up and never asked again, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::LooksAndTakes);

    type World = Jobs;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Procrastinate { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<Jobs> {
        vec![Jobs::new(vec![Job::NEW; 2])]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Jobs>, now: &Jobs) -> Result<(), Violation> {
        now.one_runs().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        let table = Door(&io);
        // Silence leaves the job as it is: who fetches next finds it.
        let _ = self.fetch(&table).await;
    }
}

impl Procrastinate {
    async fn fetch(&self, table: &Door<'_, Procrastinate>) -> Result<(), Lost> {
        let Some(job) = table.pick().await? else { return Ok(()) };
        let alone = self.mutant != Some(Mutant::LooksAndTakes);
        let only = Only { state: Some(State::Waiting), alone, ..Only::default() };
        if let Some(job_row) = table.update(job, State::Running, only).await? {
            let mine = Only { attempt: Some(job_row.attempt), ..Only::default() };
            table.update(job, State::Completed, mine).await?;
        }
        Ok(())
    }
}
