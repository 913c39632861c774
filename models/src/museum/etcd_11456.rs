//! etcd grants a lock to a client whose lease is gone (etcd-io/etcd, issue 11456, found by Jepsen).
//!
//! Who wants the lock writes a key that goes with its lease, and waits until there is no older
//! key. The lease of one that waits runs out, and its key is deleted. The holder lets go, no key is
//! older, and the one without a key is told that it holds the lock.
//!
//! Put right by a look at its own key when the wait is over. The hard part is that a wait ends for
//! another's reasons: what was true when it began has to be asked again. What comes after the answer
//! no lock can help: its holder may lose it at any time, so a holder fences what it writes.

use super::AsReported;
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/etcd-io/etcd/issues/11456";

const PROMISE: &str = "granted-has-key";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Grants when the wait is over, whatever became of the waiter's key, as published.
    GrantsUnchecked,
}

/// The model.
#[derive(Clone)]
pub struct Etcd {
    mutant: Option<Mutant>,
}

impl Model for Etcd {
    const NAME: &'static str = "museum/etcd_11456";
    const ABOUT: &'static str = "etcd's lock, and the lease of one that waits for it";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::GrantsUnchecked,
        PROMISE,
        "its lease ran out while it waited, and nobody looks, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::GrantsUnchecked);

    type World = Locks;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Etcd { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, _client: ClientId) -> char {
        'c'
    }

    fn worlds(&self) -> Vec<Locks> {
        vec![Locks { unchecked: Constant(self.mutant.is_some()), ..Locks::default() }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Locks>, now: &Locks) -> Result<(), Violation> {
        now.granted_has_key().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // Silence costs the lock: the lease runs out, and the key goes with it.
        if let Ok(Reply::Locked) = io.call(Call::Lock).await {
            let _ = io.call(Call::Unlock).await;
        }
    }
}

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// A key, and an answer when no older one is left.
    Lock,
    /// Deletes the client's keys.
    Unlock,
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The lock is the client's.
    Locked,
    /// It was its turn, and its key was gone.
    LeaseGone,
    /// It is unlocked.
    Unlocked,
}

/// A lease runs out, and its key goes with it.
const LAPSE: u8 = 0;

/// The keys under the lock's name, and who waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Locks {
    /// Each with the revision it was written at: oldest first.
    keys: Vec<(u16, ClientId)>,
    revision: u16,
    waiting: Vec<(CallId, u16)>,
    /// Whose wait is over.
    woken: Option<(CallId, u16)>,
    /// Who was told that the lock is its own, without a key.
    keyless: Option<ClientId>,
    unchecked: Constant<bool>,
}

impl Locks {
    fn is_oldest(&self, revision: u16) -> bool {
        self.keys.first().is_none_or(|(oldest, _)| *oldest >= revision)
    }

    fn lock(&mut self, from: CallId) -> Poll<Reply> {
        let woken = self.woken.take_if(|(id, _)| *id == from);
        let Some((_, revision)) = woken else {
            self.revision += 1;
            self.keys.push((self.revision, from.client));
            if self.is_oldest(self.revision) {
                return Poll::Ready(Reply::Locked);
            }
            self.waiting.push((from, self.revision));
            return Poll::Pending;
        };
        let has_key = self.keys.iter().any(|(key, _)| *key == revision);
        if !has_key && !self.unchecked.0 {
            return Poll::Ready(Reply::LeaseGone);
        }
        if !has_key {
            self.keyless = Some(from.client);
        }
        Poll::Ready(Reply::Locked)
    }

    fn granted_has_key(&self) -> Result<(), String> {
        self.keyless.map_or(Ok(()), |it| {
            Err(format!("c{} is told that it holds the lock, and its lease had run out", it.0))
        })
    }
}

impl World for Locks {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] = &["lapse"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        match call {
            Call::Lock => self.lock(from),
            Call::Unlock => {
                self.keys.retain(|(_, client)| *client != from.client);
                Poll::Ready(Reply::Unlocked)
            }
        }
    }

    fn freed(&mut self) -> Option<CallId> {
        let first = self.waiting.iter().position(|(_, revision)| self.is_oldest(*revision))?;
        let woken = self.waiting.remove(first);
        self.woken = Some(woken);
        Some(woken.0)
    }

    fn moves(&self, moves: &mut Moves) {
        self.keys.iter().for_each(|(revision, _)| moves.may(LAPSE, *revision));
    }

    fn advance(&mut self, Move { arg, .. }: Move) {
        self.keys.retain(|(revision, _)| *revision != arg);
    }
}

impl Legible for Locks {
    fn ask(call: &Call) -> String {
        format!("{call:?}").to_lowercase()
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        let said = match reply {
            Reply::Locked => "granted",
            Reply::LeaseGone => "lease is gone",
            Reply::Unlocked => "done",
        };
        said.to_owned()
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let keys = self.keys.iter().map(|(revision, it)| format!("{revision} of c{}", it.0));
        vec![("keys", keys.collect::<Vec<_>>().join(", "))]
    }
}
