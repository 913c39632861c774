//! que-web's re-run button leaves a job that is done to be run again (statianzo/que-web, pull request 28).
//!
//! A job's primary key holds the time at which it is to run. A worker has the job, and its advisory
//! lock, when somebody presses the button: the time is set to now, which makes it another key. The
//! worker is done and deletes the job by the key that it read: 0 rows. The job runs once more.
//!
//! Put right by the button, which tries the job's lock first. The hard part is that the lock is only
//! advice: the table lets in whoever does not ask, and the worker was never told that a key can change.

use super::AsReported;
use crate::promise::{breaks, unless};
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/statianzo/que-web/pull/28";

const PROMISE: &str = "done-is-gone";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Sets the job's time without a look at its lock, as published.
    RunsUnlocked,
}

/// The model.
#[derive(Clone)]
pub struct QueWeb {
    mutant: Option<Mutant>,
}

impl Model for QueWeb {
    const NAME: &'static str = "museum/que_web_28";
    const ABOUT: &'static str = "que-web's button that runs a job again, while a worker has it";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::RunsUnlocked,
        PROMISE,
        "sets the time that is part of the key, as published: the worker deletes by the old one",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::RunsUnlocked);

    type World = Que;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        QueWeb { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 0 { 'w' } else { 'b' }
    }

    fn worlds(&self) -> Vec<Que> {
        vec![Que { run_at: Some(0), lock: None, survived: false }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Que>, now: &Que) -> Result<(), Violation> {
        now.done_is_gone().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides is run again: a job whose worker heard nothing is not done.
        let _ = match io.me() {
            ClientId(0) => work(&io).await,
            _ => self.press(&io).await,
        };
    }
}

async fn work(io: &Io<QueWeb>) -> Result<(), Lost> {
    for _ in 0..2 {
        let Reply::Job(Some(run_at)) = io.call(Call::Lock).await? else { return Ok(()) };
        io.call(Call::Delete { run_at }).await?;
    }
    Ok(())
}

impl QueWeb {
    async fn press(&self, io: &Io<Self>) -> Result<(), Lost> {
        let asks = self.mutant != Some(Mutant::RunsUnlocked);
        io.call(Call::RunNow { asks }).await.map(|_| ())
    }
}

/// What clients ask.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// The job and its lock, unless that is taken.
    Lock,
    /// Deletes the job by its key, and lets go of its lock.
    Delete {
        /// The time in its key.
        run_at: u8,
    },
    /// Sets the job's time to now.
    RunNow {
        /// Only if its lock is free.
        asks: bool,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The time in the key of the job; nothing: none.
    Job(Option<u8>),
    /// So many rows.
    Rows(u8),
}

/// The job and its advisory lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Que {
    run_at: Option<u8>,
    lock: Option<ClientId>,
    /// Whether a job that was done was not there under its key, and is there under another.
    survived: bool,
}

impl Que {
    fn lock(&mut self, client: ClientId) -> Option<u8> {
        if self.lock.is_some() {
            return None;
        }
        self.lock = self.run_at.map(|_| client);
        self.run_at
    }

    fn delete(&mut self, from: CallId, run_at: u8) -> u8 {
        let deleted = self.run_at.take_if(|it| *it == run_at).is_some();
        // A call adrift is of a session that holds no lock any more.
        let live = from.slot < CallId::ADRIFT;
        let held = live && self.lock.take_if(|it| *it == from.client).is_some();
        self.survived |= held && self.run_at.is_some();
        u8::from(deleted)
    }

    fn run_now(&mut self, asks: bool) -> u8 {
        match &mut self.run_at {
            Some(run_at) if !(asks && self.lock.is_some()) => {
                *run_at += 1;
                1
            }
            _ => 0,
        }
    }

    fn done_is_gone(&self) -> Result<(), String> {
        unless(!self.survived, || {
            "the job is done, and its row is there under another key".to_owned()
        })
    }
}

impl World for Que {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        Poll::Ready(match *call {
            Call::Lock => Reply::Job(self.lock(from.client)),
            Call::Delete { run_at } => Reply::Rows(self.delete(from, run_at)),
            Call::RunNow { asks } => Reply::Rows(self.run_now(asks)),
        })
    }

    fn gone(&mut self, client: ClientId) {
        self.lock.take_if(|it| *it == client);
    }
}

impl Legible for Que {
    fn ask(call: &Call) -> String {
        match call {
            Call::Lock => "lock a job".to_owned(),
            Call::Delete { run_at } => format!("DELETE WHERE run_at = {run_at}"),
            Call::RunNow { asks: true } => "UPDATE run_at if the lock is free".to_owned(),
            Call::RunNow { asks: false } => "UPDATE run_at".to_owned(),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Job(Some(run_at)) => format!("run_at {run_at}"),
            Reply::Job(None) => "none".to_owned(),
            Reply::Rows(rows) => format!("{rows} rows"),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let run_at = self.run_at.map_or("-".to_owned(), |it| it.to_string());
        let lock = self.lock.map_or("-".to_owned(), |it| format!("c{}", it.0));
        vec![("run_at", run_at), ("lock", lock)]
    }
}
