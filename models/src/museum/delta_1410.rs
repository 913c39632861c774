//! Delta Lake's commit is written over by the next one (delta-io/delta, issue 1410).
//!
//! The S3 of its day could not refuse to write over a file, so an entry in DynamoDB says who writes
//! version N of the log. Once the version is written its entry may run out. A slow writer of the same
//! version finds no entry, makes its own, and writes its version over the one that is there.
//!
//! Put right by the file itself: it is written if there is none, which S3 can do now and pull request
//! 1416 did as well as it could. The hard part is that the entry guards the file only while it lasts,
//! and a writer may be slower than anything that runs out.

use super::AsReported;
use super::store::{Door, Key, Store};
use crate::promise::breaks;
use crate::worlds::objects::When;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/delta-io/delta/issues/1410";

const PROMISE: &str = "version-written-once";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Writes the file over whatever is there, as published.
    Overwrites,
}

/// The model.
#[derive(Clone)]
pub struct Delta {
    mutant: Option<Mutant>,
}

impl Model for Delta {
    const NAME: &'static str = "museum/delta_1410";
    const ABOUT: &'static str =
        "Delta Lake's writers of one version, and the entry that says whose it is";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::Overwrites,
        PROMISE,
        "no entry, so no such version, as published: it had run out after the version was written",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::Overwrites);

    type World = Store;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Delta { mutant }
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
        now.writes_once().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides is another's to complete: its entry says how far it is.
        let _ = self.commit(&Door(&io), io.unique()).await;
    }
}

/// The version that both want to write.
const VERSION: Key = Key::Version;

impl Delta {
    async fn commit(&self, log: &Door<'_, Delta>, own: u64) -> Result<(), Lost> {
        let taken = log.get(Key::Entry).await?.is_some();
        if taken || !log.put(Key::Entry, own, When::Absent).await? {
            return Ok(());
        }
        let overwrites = self.mutant == Some(Mutant::Overwrites);
        let when = if overwrites { When::Always } else { When::Absent };
        if log.put(VERSION, own, when).await? {
            log.put_to_lapse(Key::Entry, own).await?;
        }
        Ok(())
    }
}
