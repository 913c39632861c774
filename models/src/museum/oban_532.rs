//! Oban's late attempt makes a job that was discarded wait again (oban-bg/oban, issue 532).
//!
//! A producer crashes, its job goes on, and the job is rescued and begun once more beside it. The last
//! attempt fails first, and the job is discarded. Then the earlier one fails, finds in its own copy
//! of the row that it has attempts left, and makes the job wait for a next attempt that the table's
//! check on their number refuses.
//!
//! Put right here by asking for the attempt that fails to be the one that is running; two attempts are
//! the most instead of three. The hard part is that both know their own number, and nobody else's.

use super::AsReported;
use super::jobs::{Door, Job, Jobs, Only, State};
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/oban-bg/oban/issues/532";

const PROMISE: &str = "discarded-is-terminal";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Writes what it read when it began, over whatever is there, as published.
    TrustsItsCopy,
}

/// The model.
#[derive(Clone)]
pub struct Oban {
    mutant: Option<Mutant>,
}

impl Model for Oban {
    const NAME: &'static str = "museum/oban_532";
    const ABOUT: &'static str =
        "Oban's attempts of one job, two of them at once after a producer crashed";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::TrustsItsCopy,
        PROMISE,
        "an old attempt that fails writes its own copy of the row back, as published: it has one left",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::TrustsItsCopy);

    type World = Jobs;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Oban { mutant }
    }

    fn clients(&self) -> u16 {
        3
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 2 { 'r' } else { 'w' }
    }

    fn worlds(&self) -> Vec<Jobs> {
        vec![Jobs::new(vec![Job::NEW])]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Jobs>, now: &Jobs) -> Result<(), Violation> {
        now.ends_once().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        let table = Door(&io);
        // What silence hides is found by the next rescue.
        let _ = match io.me() {
            ClientId(2) => rescue(&table).await,
            _ => self.attempt(&table).await,
        };
    }
}

/// How often a job is begun, at most.
const ATTEMPTS_MAX: u8 = 2;

/// The row's producer is known to be gone, its job is not: this makes it wait again.
async fn rescue(table: &Door<'_, Oban>) -> Result<(), Lost> {
    let orphan = table.select(0).await?;
    // The last attempt is not rescued: it would be one too many.
    if orphan.state == State::Running && orphan.attempt < ATTEMPTS_MAX {
        table.update(0, State::Waiting, Only::running(orphan)).await?;
    }
    Ok(())
}

impl Oban {
    /// Begins an attempt, which fails.
    async fn attempt(&self, table: &Door<'_, Oban>) -> Result<(), Lost> {
        let Some(job) = table.claim(0).await? else { return Ok(()) };
        let last = job.attempt >= ATTEMPTS_MAX;
        let to = if last { State::Discarded } else { State::Waiting };
        let trusts = self.mutant == Some(Mutant::TrustsItsCopy);
        let only = if trusts { Only::default() } else { Only::running(job) };
        table.update(0, to, only).await?;
        Ok(())
    }
}
