//! Graphile Worker accepts a job that it drops (graphile/worker, issue 580).
//!
//! To add a job under a key is two statements: take the key off a row that is locked, for that job
//! is running and a new one is wanted, and insert a row, or update the one that is there unless it
//! is locked. A worker locks the row between the two. Nothing is inserted and nothing updated, no
//! row comes back, and whoever added the job is not told.
//!
//! Put right here by doing both again until a row comes back. The hard part is that INSERT .. ON
//! CONFLICT DO UPDATE .. WHERE has a third end beside the two that it is named after: neither.

use super::AsReported;
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/graphile/worker/issues/580";

const PROMISE: &str = "accepted-is-a-row";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Says that the job was added although no row came back, as published.
    AcceptsNoRow,
}

/// The model.
#[derive(Clone)]
pub struct Graphile {
    mutant: Option<Mutant>,
}

impl Model for Graphile {
    const NAME: &'static str = "museum/graphile_580";
    const ABOUT: &'static str =
        "Graphile Worker's job under a key, added while a worker takes the one before";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::AcceptsNoRow,
        PROMISE,
        "no row was inserted or updated, and the job is said to be added, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::AcceptsNoRow);

    type World = Keyed;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Graphile { mutant }
    }

    fn clients(&self) -> u16 {
        3
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 2 { 'w' } else { 'a' }
    }

    fn worlds(&self) -> Vec<Keyed> {
        vec![Keyed { row: Some(Row { job: 0, locked: false }), next: 1, dropped: None }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Keyed>, now: &Keyed) -> Result<(), Violation> {
        now.accepted_is_a_row().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // Silence is an error to whoever adds, and to a worker's job as well.
        let _ = match io.me() {
            ClientId(2) => work(&io).await,
            _ => self.add(&io).await,
        };
    }
}

/// How many jobs the worker takes.
const TAKES: u8 = 2;
/// How often an add is tried: one more than a worker can come between.
const TRIES: u8 = TAKES + 1;

async fn work(io: &Io<Graphile>) -> Result<(), Lost> {
    for _ in 0..TAKES {
        if let Reply::Job(Some(job)) = io.call(Call::GetJob).await? {
            io.call(Call::Complete { job }).await?;
        }
    }
    Ok(())
}

impl Graphile {
    async fn add(&self, io: &Io<Self>) -> Result<(), Lost> {
        for _ in 0..TRIES {
            io.call(Call::TakeKeyOff).await?;
            let Reply::Job(job) = io.call(Call::Upsert).await? else { continue };
            if job.is_some() || self.mutant == Some(Mutant::AcceptsNoRow) {
                io.call(Call::Accept { job }).await?;
                break;
            }
        }
        Ok(())
    }
}

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// `UPDATE .. SET key = NULL WHERE key = .. AND locked`
    TakeKeyOff,
    /// `INSERT .. ON CONFLICT (key) DO UPDATE .. WHERE NOT locked RETURNING job`
    Upsert,
    /// Whoever wanted the job added is told that it is.
    Accept {
        /// The row it became.
        job: Option<u8>,
    },
    /// The job of the key, locked.
    GetJob,
    /// Deletes a job that is done.
    Complete {
        /// Which.
        job: u8,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It was done.
    Done,
    /// The row; nothing: none.
    Job(Option<u8>),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Row {
    job: u8,
    locked: bool,
}

/// The row that has the key, if one has.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Keyed {
    row: Option<Row>,
    next: u8,
    /// Whose job was accepted and is no row.
    dropped: Option<ClientId>,
}

impl Keyed {
    fn upsert(&mut self) -> Option<u8> {
        if self.row.is_none() {
            self.row = Some(Row { job: self.next, locked: false });
            self.next += 1;
        }
        self.row.filter(|it| !it.locked).map(|it| it.job)
    }

    fn get_job(&mut self) -> Option<u8> {
        let row = self.row.as_mut().filter(|it| !it.locked)?;
        row.locked = true;
        Some(row.job)
    }

    fn accepted_is_a_row(&self) -> Result<(), String> {
        self.dropped.map_or(Ok(()), |it| {
            Err(format!("c{} says that its job was added, and no row came of it", it.0))
        })
    }
}

impl World for Keyed {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        match *call {
            Call::TakeKeyOff => _ = self.row.take_if(|it| it.locked),
            Call::Upsert => return Poll::Ready(Reply::Job(self.upsert())),
            Call::Accept { job } => self.dropped = job.is_none().then_some(from.client),
            Call::GetJob => return Poll::Ready(Reply::Job(self.get_job())),
            Call::Complete { job } => _ = self.row.take_if(|it| it.job == job),
        }
        Poll::Ready(Reply::Done)
    }
}

impl Legible for Keyed {
    fn ask(call: &Call) -> String {
        match call {
            Call::TakeKeyOff => "UPDATE SET key = NULL WHERE locked".to_owned(),
            Call::Upsert => "INSERT ON CONFLICT DO UPDATE WHERE NOT locked".to_owned(),
            Call::Accept { .. } => "say that the job was added".to_owned(),
            Call::GetJob => "UPDATE SET locked".to_owned(),
            Call::Complete { job } => format!("DELETE job {job}"),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Done => "done".to_owned(),
            Reply::Job(Some(job)) => format!("job {job}"),
            Reply::Job(None) => "0 rows".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |it: Row| format!("job {}{}", it.job, if it.locked { ", locked" } else { "" });
        vec![("has the key", self.row.map_or("-".to_owned(), said))]
    }
}
