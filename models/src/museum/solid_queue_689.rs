//! Solid Queue blocks a job just after the one that would unblock it (rails/solid_queue, 689).
//!
//! Of the jobs of one key one runs, and others are blocked. A job is enqueued, and reads that the
//! key is taken. The job that has it finishes, and finds nobody blocked to hand it to. Then the first
//! is blocked, the key is free, and nothing will unblock it but a clean-up half an hour later.
//!
//! Put right as by the row lock that the pull request takes: to read that the key is taken and to be
//! blocked are one step. The hard part is that each of the two looks before the other has written:
//! a lost wake-up, as old as condition variables, and no value in the table is ever wrong.

use super::AsReported;
use crate::promise::{breaks, unless};
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/rails/solid_queue/pull/689";

const PROMISE: &str = "blocked-is-unblocked";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Reads that the key is taken, and is blocked later whatever became of it, as published.
    LooksAndBlocks,
}

/// The model.
#[derive(Clone)]
pub struct SolidQueue {
    mutant: Option<Mutant>,
}

impl Model for SolidQueue {
    const NAME: &'static str = "museum/solid_queue_689";
    const ABOUT: &'static str =
        "Solid Queue's enqueue of a job beside the end of the one it waits for";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::LooksAndBlocks,
        PROMISE,
        "is blocked because the key was taken when it looked, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::LooksAndBlocks);

    type World = Semaphore;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        SolidQueue { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 0 { 'w' } else { 'e' }
    }

    fn worlds(&self) -> Vec<Semaphore> {
        vec![Semaphore { holder: Some(ClientId(0)), blocked: Vec::new() }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn settled(&self, world: &Semaphore) -> Result<(), Violation> {
        world.blocked_is_unblocked().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // Whoever hears nothing asks again: each of these does the same the second time.
        match io.me() {
            ClientId(0) => while io.call(Call::Finish).await.is_err() {},
            _ => _ = self.enqueue(&io).await,
        }
    }
}

/// How often one that finds the key taken and free in turn tries.
const TRIES: u8 = 3;

impl SolidQueue {
    async fn enqueue(&self, io: &Io<Self>) -> Result<(), Lost> {
        let if_taken = self.mutant != Some(Mutant::LooksAndBlocks);
        for _ in 0..TRIES {
            let calls = match io.call(Call::Look).await? {
                Reply::Yes => [Call::Take, Call::Block { if_taken }],
                Reply::No => [Call::Block { if_taken }, Call::Take],
            };
            for call in calls {
                if io.call(call).await? == Reply::Yes {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Whether the key is free.
    Look,
    /// The key, if it is free.
    Take,
    /// To be blocked.
    Block {
        /// Only if the key is taken still.
        if_taken: bool,
    },
    /// The client's job ends: the key goes to one that is blocked, or is free.
    Finish,
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It is so, or was done.
    Yes,
    /// It is not, or was not.
    No,
}

/// The key, whose job has it, and whose are blocked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Semaphore {
    holder: Option<ClientId>,
    blocked: Vec<ClientId>,
}

impl Semaphore {
    fn blocked_is_unblocked(&self) -> Result<(), String> {
        unless(self.holder.is_some() || self.blocked.is_empty(), || {
            "the key is free, a job is blocked, and nobody is left to unblock it".to_owned()
        })
    }
}

impl World for Semaphore {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let free = self.holder.is_none();
        let done = match call {
            Call::Look => free,
            Call::Take => {
                self.holder.get_or_insert(from.client);
                free
            }
            Call::Block { if_taken } => {
                let blocks = !(*if_taken && free);
                self.blocked.extend(blocks.then_some(from.client));
                blocks
            }
            Call::Finish => {
                let mine = self.holder == Some(from.client);
                if mine {
                    self.holder = self.blocked.pop();
                }
                mine
            }
        };
        Poll::Ready(if done { Reply::Yes } else { Reply::No })
    }
}

impl Legible for Semaphore {
    fn ask(call: &Call) -> String {
        let asked = match call {
            Call::Look => "read the key",
            Call::Take => "take the key if it is free",
            Call::Block { if_taken: true } => "block if the key is taken",
            Call::Block { if_taken: false } => "block",
            Call::Finish => "finish, and unblock one",
        };
        asked.to_owned()
    }

    fn answer(call: &Call, reply: &Reply) -> String {
        let (yes, no) = match call {
            Call::Look => ("free", "taken"),
            Call::Take => ("runs", "taken"),
            Call::Block { .. } => ("blocked", "free"),
            Call::Finish => ("finished", "was finished"),
        };
        if *reply == Reply::Yes { yes } else { no }.to_owned()
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let job = |it: &ClientId| format!("of c{}", it.0);
        let blocked = self.blocked.iter().map(job).collect::<Vec<_>>().join(", ");
        vec![("runs", self.holder.as_ref().map_or("-".to_owned(), job)), ("blocked", blocked)]
    }
}
