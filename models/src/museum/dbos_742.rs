//! DBOS's second recovery executes a workflow that the first gave back (dbos-transact-py, issue 742).
//!
//! Two recoveries read that a workflow of a dead executor is pending. The first gives it back to the
//! queue, where a worker will take it. The second changes 0 rows, takes that for a workflow that was
//! never queued, and executes it, beside the worker or before it.
//!
//! Put right here: 0 rows mean that it is somebody else's, and only the dead executor's are given
//! back. The hard part is that one answer, nothing changed, has two reasons, and just one of them
//! leaves the workflow to whoever hears it.

use super::AsReported;
use super::jobs::{Door, Job, Jobs, Only, Owner, State};
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/dbos-inc/dbos-transact-py/issues/742";

const PROMISE: &str = "executed-by-owner";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Executes what it could not give back to the queue, as published.
    ZeroRowsExecutes,
}

/// The model.
#[derive(Clone)]
pub struct Dbos {
    mutant: Option<Mutant>,
}

impl Model for Dbos {
    const NAME: &'static str = "museum/dbos_742";
    const ABOUT: &'static str = "DBOS's recovery of a dead executor's workflow, twice at once";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::ZeroRowsExecutes,
        PROMISE,
        "0 rows given back to the queue, and it executes the workflow itself, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::ZeroRowsExecutes);

    type World = Jobs;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Dbos { mutant }
    }

    fn clients(&self) -> u16 {
        3
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 2 { 'w' } else { 'r' }
    }

    fn worlds(&self) -> Vec<Jobs> {
        let lost = Job { state: State::Running, attempt: 1, owner: Owner::Dead, leased: false };
        vec![Jobs::new(vec![lost])]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Jobs>, now: &Jobs) -> Result<(), Violation> {
        now.executed_by_owner().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        let table = Door(&io);
        // What silence hides is recovered when the executor is found dead again.
        let _ = match io.me() {
            ClientId(2) => dequeue(&table).await,
            _ => self.recover(&table).await,
        };
    }
}

async fn dequeue(table: &Door<'_, Dbos>) -> Result<(), Lost> {
    if table.claim(0).await?.is_some() {
        table.execute(0).await?;
    }
    Ok(())
}

impl Dbos {
    async fn recover(&self, table: &Door<'_, Dbos>) -> Result<(), Lost> {
        let pending = table.select(0).await?;
        if pending.owner != Owner::Dead {
            return Ok(());
        }
        let of_dead = Only { owner: Some(Owner::Dead), ..Only::default() };
        let cleared = table.update(0, State::Waiting, of_dead).await?;
        if cleared.is_none() && self.mutant == Some(Mutant::ZeroRowsExecutes) {
            table.execute(0).await?;
        }
        Ok(())
    }
}
