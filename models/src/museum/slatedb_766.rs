//! SlateDB's writer is fenced off by its own write (slatedb/slatedb, issue 766).
//!
//! A writer puts the next file of its log if there is none, which is also how it learns that another
//! writer took over. The store writes it, and the answer is lost. The writer puts it again, is
//! told that there is one, and takes itself for fenced off.
//!
//! Put right here by reading what there is, which bears the number of who wrote it. The hard part
//! is that trying again, which is harmless for a PUT, is not for a PUT under a condition: the first
//! try makes the second fail.

use super::AsReported;
use super::store::{Door, Key, Store};
use crate::promise::breaks;
use crate::worlds::objects::When;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/slatedb/slatedb/issues/766";

const PROMISE: &str = "fenced-by-another-only";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Takes a refusal for another writer's doing, as published.
    RefusedIsFenced,
}

/// The model.
#[derive(Clone)]
pub struct SlateDb {
    mutant: Option<Mutant>,
}

impl Model for SlateDb {
    const NAME: &'static str = "museum/slatedb_766";
    const ABOUT: &'static str = "SlateDB's writer that tries a conditional PUT again";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::RefusedIsFenced,
        PROMISE,
        "refused, and fenced off at once: the answer that was lost had said that it was written",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::RefusedIsFenced);

    type World = Store;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        SlateDb { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<Store> {
        vec![Store::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Store>, now: &Store) -> Result<(), Violation> {
        now.gives_way_to_others().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides when it reads, it reads when it starts again.
        let _ = self.write(&Door(&io), io.unique()).await;
    }
}

/// The next file of the log.
const NEXT: Key = Key::Version;
/// How often a PUT is tried.
const TRIES: u8 = 3;

impl SlateDb {
    async fn write(&self, store: &Door<'_, SlateDb>, own: u64) -> Result<(), Lost> {
        for _ in 0..TRIES {
            let Ok(written) = store.put(NEXT, own, When::Absent).await else { continue };
            let asks = !written && self.mutant != Some(Mutant::RefusedIsFenced);
            if written || asks && store.get(NEXT).await? == Some(own) {
                return Ok(());
            }
            return store.give_up(NEXT, own).await;
        }
        Ok(())
    }
}
