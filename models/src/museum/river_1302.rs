//! River's rescuer makes a job that was completed run again (riverqueue/river, issue 1302).
//!
//! The rescuer selects jobs that have been running for too long, and later updates them by their
//! number. A worker that was only slow completes its job between the two. The update asks for no
//! state, so what is completed waits to be run once more.
//!
//! Put right as in pull request 1373: still running, and begun before the horizon, which here is to
//! be the attempt that was seen. The hard part is that whoever decides on a row it has read decides
//! on the past, and how long ago is nobody's to say: a job may have run for too long at any time.

use super::AsReported;
use super::jobs::{Door, Job, Jobs, Only, State};
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/riverqueue/river/issues/1302";

const PROMISE: &str = "completed-is-terminal";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Rescues whatever bears the number, in whatever state, as published.
    UpdatesById,
}

/// The model.
#[derive(Clone)]
pub struct River {
    mutant: Option<Mutant>,
}

impl Model for River {
    const NAME: &'static str = "museum/river_1302";
    const ABOUT: &'static str =
        "River's rescuer of stuck jobs, beside the worker who was only slow";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::UpdatesById,
        PROMISE,
        "rescues by number alone, as published: the job was completed meanwhile",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::UpdatesById);

    type World = Jobs;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        River { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 0 { 'w' } else { 'r' }
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
            ClientId(0) => work(&table).await,
            _ => self.rescue(&table).await,
        };
    }
}

async fn work(table: &Door<'_, River>) -> Result<(), Lost> {
    for _ in 0..2 {
        let Some(job) = table.claim(0).await? else { return Ok(()) };
        table.update(0, State::Completed, Only::running(job)).await?;
    }
    Ok(())
}

impl River {
    async fn rescue(&self, table: &Door<'_, River>) -> Result<(), Lost> {
        let stuck = table.select(0).await?;
        if stuck.state != State::Running {
            return Ok(());
        }
        let by_id = self.mutant == Some(Mutant::UpdatesById);
        let only = if by_id { Only::default() } else { Only::running(stuck) };
        table.update(0, State::Waiting, only).await?;
        Ok(())
    }
}
