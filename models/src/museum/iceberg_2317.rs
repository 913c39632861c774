//! Iceberg deletes the metadata of a commit that succeeded (apache/iceberg, issue 2317).
//!
//! A commit writes a file of metadata and then makes the catalogue's head name it. The head is
//! swapped, and the answer is lost. The commit takes that for a failure and cleans up after itself:
//! the file that the head names is gone, and so is the table.
//!
//! Put right as in pull request 2328: what is not known to have failed is not cleaned up. The hard
//! part is that looking whether the swap took effect is no way out, for it may do so after the look.

use super::AsReported;
use super::store::{Door, Key, Store};
use crate::promise::breaks;
use crate::worlds::objects::When;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/apache/iceberg/issues/2317";

const PROMISE: &str = "head-readable";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Deletes its file whenever the swap did not succeed, as published.
    CleansUpUnknown,
}

/// The model.
#[derive(Clone)]
pub struct Iceberg {
    mutant: Option<Mutant>,
}

impl Model for Iceberg {
    const NAME: &'static str = "museum/iceberg_2317";
    const ABOUT: &'static str = "Iceberg's commit whose swap of the head is not answered";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::CleansUpUnknown,
        PROMISE,
        "an answer that was lost is a failure, as published, and its file is deleted",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::CleansUpUnknown);

    type World = Store;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Iceberg { mutant }
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
        now.head_readable().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // A file that nobody names is found by a later clean-up, which looks at the head.
        let _ = self.commit(&Door(&io), io.unique()).await;
    }
}

impl Iceberg {
    async fn commit(&self, catalogue: &Door<'_, Iceberg>, own: u64) -> Result<(), Lost> {
        let base = catalogue.get(Key::Head).await?;
        catalogue.put(Key::File(own), own, When::Always).await?;
        let swap = base.map_or(When::Absent, When::Is);
        let failed = match catalogue.put(Key::Head, own, swap).await {
            Ok(swapped) => !swapped,
            Err(Lost) => self.mutant == Some(Mutant::CleansUpUnknown),
        };
        if failed {
            catalogue.delete(Key::File(own)).await?;
        }
        Ok(())
    }
}
