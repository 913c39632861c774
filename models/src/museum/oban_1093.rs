//! Oban calls a job a duplicate of one that is never committed (oban-bg/oban, issue 1093).
//!
//! To insert a unique job a transaction tries an advisory lock, and whoever does not get it takes the
//! job for inserted by whoever did. That one rolls back. Its caller knows that there is no job, the
//! other's was told that there is one, and there is none.
//!
//! Put right here by waiting for the lock, and looking. The hard part is that a lock says that somebody
//! is about to do something, not that it is done: only a commit says that.

use super::AsReported;
use crate::promise::{breaks, unless};
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/oban-bg/oban/issues/1093";

const PROMISE: &str = "accepted-is-there";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Takes the lock of another for a job that is there, as published.
    TakesLockForJob,
}

/// The model.
#[derive(Clone)]
pub struct ObanUnique {
    mutant: Option<Mutant>,
}

impl Model for ObanUnique {
    const NAME: &'static str = "museum/oban_1093";
    const ABOUT: &'static str =
        "Oban's insert of a unique job, beside a transaction that rolls back";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::TakesLockForJob,
        PROMISE,
        "the lock is taken, so the job is there, as published: its transaction rolls back",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::TakesLockForJob);

    type World = Unique;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        ObanUnique { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, _client: ClientId) -> char {
        'i'
    }

    fn worlds(&self) -> Vec<Unique> {
        vec![Unique::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn settled(&self, world: &Unique) -> Result<(), Violation> {
        world.accepted_is_there().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        let session = Session { io: &io, number: io.unique() };
        if self.insert(&session).await.is_err() {
            // A connection that is silent is closed, and the server rolls back.
            while session.call(Statement::Rollback).await.is_err() {}
        }
    }
}

/// A connection of one client.
struct Session<'a> {
    io: &'a Io<ObanUnique>,
    number: u64,
}

impl Session<'_> {
    async fn call(&self, statement: Statement) -> Result<Reply, Lost> {
        self.io.call(Call { session: self.number, statement }).await
    }
}

impl ObanUnique {
    async fn insert(&self, session: &Session<'_>) -> Result<(), Lost> {
        let tries = self.mutant == Some(Mutant::TakesLockForJob);
        let lock = if tries { Statement::TryLock } else { Statement::Lock };
        if session.call(lock).await? == Reply::Yes {
            session.call(Statement::Insert).await?;
            // The first has more to do in its transaction, which fails.
            if session.io.me() == ClientId(0) {
                session.call(Statement::Rollback).await?;
                return Ok(());
            }
            session.call(Statement::Commit).await?;
        }
        session.call(Statement::Accept).await.map(|_| ())
    }
}

/// A statement on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Call {
    /// The connection; never used twice.
    pub session: u64,
    /// The statement.
    pub statement: Statement,
}

/// What clients ask.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Statement {
    /// `pg_try_advisory_xact_lock`
    TryLock,
    /// `pg_advisory_xact_lock`, which waits.
    Lock,
    /// Inserts the job, unless there is one.
    Insert,
    /// `COMMIT`
    Commit,
    /// `ROLLBACK`
    Rollback,
    /// Whoever wanted the job is told that it is there.
    Accept,
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It is so, or was done.
    Yes,
    /// It is not.
    No,
}

/// The lock, the job, and who waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Unique {
    lock: Option<u64>,
    waiting: Vec<(CallId, u64)>,
    /// Whose transaction has inserted the job and is open.
    inserted: Option<u64>,
    committed: bool,
    accepted: bool,
}

impl Unique {
    fn lock(&mut self, from: CallId, session: u64, waits: bool) -> Poll<Reply> {
        // A call adrift lands on a connection that is closed.
        if from.slot >= CallId::ADRIFT {
            return Poll::Ready(Reply::No);
        }
        match self.lock {
            Some(_) if waits => {
                self.waiting.push((from, session));
                Poll::Pending
            }
            Some(_) => Poll::Ready(Reply::No),
            None => {
                self.lock = Some(session);
                Poll::Ready(Reply::Yes)
            }
        }
    }

    fn end(&mut self, session: u64, commit: bool) {
        self.committed |= self.inserted.take_if(|it| *it == session).is_some() && commit;
        self.lock.take_if(|it| *it == session);
        self.waiting.retain(|(_, it)| *it != session);
    }

    fn accepted_is_there(&self) -> Result<(), String> {
        unless(!self.accepted || self.committed, || {
            "somebody was told that the job is there, and there is none".to_owned()
        })
    }
}

impl World for Unique {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let Call { session, statement } = *call;
        match statement {
            Statement::TryLock => return self.lock(from, session, false),
            Statement::Lock => return self.lock(from, session, true),
            Statement::Insert if self.lock == Some(session) && !self.committed => {
                self.inserted = Some(session);
            }
            Statement::Insert => {}
            Statement::Commit => self.end(session, true),
            Statement::Rollback => self.end(session, false),
            Statement::Accept => self.accepted = true,
        }
        Poll::Ready(Reply::Yes)
    }

    fn freed(&mut self) -> Option<CallId> {
        let free = self.lock.is_none() && !self.waiting.is_empty();
        free.then(|| self.waiting.remove(0).0)
    }

    fn gone(&mut self, client: ClientId) {
        let whose = |session: u64| session >> 32 == u64::from(client.0);
        let open = self.lock.into_iter().chain(self.waiting.iter().map(|(_, it)| *it));
        let sessions: Vec<u64> = open.filter(|it| whose(*it)).collect();
        sessions.into_iter().for_each(|session| self.end(session, false));
    }
}

impl Legible for Unique {
    fn ask(call: &Call) -> String {
        let asked = match call.statement {
            Statement::TryLock => "try the lock",
            Statement::Lock => "lock",
            Statement::Insert => "INSERT",
            Statement::Commit => "COMMIT",
            Statement::Rollback => "ROLLBACK",
            Statement::Accept => "say that the job is there",
        };
        asked.to_owned()
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        if *reply == Reply::Yes { "done" } else { "taken" }.to_owned()
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let whose = |it: Option<u64>| it.map_or("-".to_owned(), |it| format!("c{}", it >> 32));
        let job = if self.committed { "committed".to_owned() } else { whose(self.inserted) };
        vec![("lock", whose(self.lock)), ("job", job)]
    }
}
