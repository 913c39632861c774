//! A reaper takes the lock of a job that has just begun (sidekiq-unique-jobs, issue 559).
//!
//! A job's lock keeps another with the same arguments from being pushed. The reaper deletes locks
//! whose job is neither in a queue nor with a worker. A worker takes a job off its queue at once and
//! says so some time later: in between the job is in neither, its lock is deleted, and a second one
//! is pushed and runs beside it.
//!
//! Put right here by moving a job from the queue to its worker in one step, and looking in that order.
//! The hard part is that two looks are no picture: a thing that moves can be missed by both.

use super::AsReported;
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/zoolutions/sidekiq-unique-jobs/issues/559";

const PROMISE: &str = "one-runs-per-lock";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Takes a job off the queue, and says so in a step of its own, as published.
    TakesThenTells,
}

/// The model.
#[derive(Clone)]
pub struct SidekiqUnique {
    mutant: Option<Mutant>,
}

impl Model for SidekiqUnique {
    const NAME: &'static str = "museum/sidekiq_unique_559";
    const ABOUT: &'static str =
        "sidekiq-unique-jobs' reaper of locks, beside a worker that begins a job";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::TakesThenTells,
        PROMISE,
        "in no queue, and with no worker that says so, as published: its lock is an orphan",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::TakesThenTells);

    type World = Redis;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        SidekiqUnique { mutant }
    }

    fn clients(&self) -> u16 {
        4
    }

    fn role(&self, client: ClientId) -> char {
        match client.0 {
            0 => 'p',
            1 => 'r',
            _ => 'w',
        }
    }

    fn worlds(&self) -> Vec<Redis> {
        vec![Redis::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Redis>, now: &Redis) -> Result<(), Violation> {
        now.one_runs().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides is a lock that stays, until the reaper comes again.
        let _ = match io.me() {
            ClientId(0) => push(&io).await,
            ClientId(1) => reap(&io).await,
            _ => self.work(&io).await,
        };
    }
}

async fn push(io: &Io<SidekiqUnique>) -> Result<(), Lost> {
    for _ in 0..2 {
        io.call(Call::Push).await?;
    }
    Ok(())
}

async fn reap(io: &Io<SidekiqUnique>) -> Result<(), Lost> {
    let Reply::Job(Some(job)) = io.call(Call::ReadLock).await? else { return Ok(()) };
    for place in [Place::Queue, Place::Worker] {
        if io.call(Call::IsIn { job, place }).await? == Reply::Job(Some(job)) {
            return Ok(());
        }
    }
    io.call(Call::DeleteLock { job }).await.map(|_| ())
}

impl SidekiqUnique {
    async fn work(&self, io: &Io<Self>) -> Result<(), Lost> {
        let tells = self.mutant != Some(Mutant::TakesThenTells);
        let Reply::Job(Some(job)) = io.call(Call::Pop { tells }).await? else { return Ok(()) };
        if !tells {
            io.call(Call::Tell { job }).await?;
        }
        io.call(Call::Done { job }).await.map(|_| ())
    }
}

/// Where a job may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// In a queue.
    Queue,
    /// With a worker that has yet to say so.
    Nowhere,
    /// With a worker.
    Worker,
    /// It is done.
    Gone,
}

/// What clients ask, all with the same arguments.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// A new job and its lock, unless there is one.
    Push,
    /// The next job.
    Pop {
        /// Whether it is said in the same step.
        tells: bool,
    },
    /// It is said whose the job is.
    Tell {
        /// Which.
        job: usize,
    },
    /// The job is done, and its lock goes.
    Done {
        /// Which.
        job: usize,
    },
    /// Whose the lock is.
    ReadLock,
    /// Whether the job is there.
    IsIn {
        /// Which.
        job: usize,
        /// Where.
        place: Place,
    },
    /// Deletes the lock, if it is that job's.
    DeleteLock {
        /// Which.
        job: usize,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The job; nothing: none.
    Job(Option<usize>),
}

/// Jobs in the order they were pushed, and the lock that is common to all.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Redis {
    jobs: Vec<Place>,
    lock: Option<usize>,
}

impl Redis {
    fn push(&mut self) -> Option<usize> {
        if self.lock.is_some() {
            return None;
        }
        self.jobs.push(Place::Queue);
        self.lock = Some(self.jobs.len() - 1);
        self.lock
    }

    fn pop(&mut self, tells: bool) -> Option<usize> {
        let next = self.jobs.iter().position(|place| *place == Place::Queue)?;
        self.jobs[next] = if tells { Place::Worker } else { Place::Nowhere };
        Some(next)
    }

    fn one_runs(&self) -> Result<(), String> {
        let runs = |place: &&Place| matches!(place, Place::Nowhere | Place::Worker);
        match self.jobs.iter().filter(runs).count() {
            0 | 1 => Ok(()),
            running => Err(format!("{running} jobs with the same arguments run at once")),
        }
    }
}

impl World for Redis {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, _from: CallId, call: &Call) -> Poll<Reply> {
        Poll::Ready(Reply::Job(match *call {
            Call::Push => self.push(),
            Call::Pop { tells } => self.pop(tells),
            Call::Tell { job } => {
                self.jobs[job] = Place::Worker;
                Some(job)
            }
            Call::Done { job } => {
                self.jobs[job] = Place::Gone;
                self.lock.take_if(|it| *it == job)
            }
            Call::ReadLock => self.lock,
            Call::IsIn { job, place } => (self.jobs[job] == place).then_some(job),
            Call::DeleteLock { job } => self.lock.take_if(|it| *it == job),
        }))
    }
}

impl Legible for Redis {
    fn ask(call: &Call) -> String {
        match call {
            Call::Push => "push, with its lock".to_owned(),
            Call::Pop { tells: true } => "pop, and say so".to_owned(),
            Call::Pop { tells: false } => "pop".to_owned(),
            Call::Tell { job } => format!("say that job {job} is here"),
            Call::Done { job } => format!("job {job} is done"),
            Call::ReadLock => "read the lock".to_owned(),
            Call::IsIn { job, place: Place::Queue } => format!("is job {job} in the queue"),
            Call::IsIn { job, .. } => format!("is job {job} with a worker"),
            Call::DeleteLock { job } => format!("delete the lock of job {job}"),
        }
    }

    fn answer(_call: &Call, Reply::Job(job): &Reply) -> String {
        job.map_or("none".to_owned(), |job| format!("job {job}"))
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let jobs = self.jobs.iter().map(|place| format!("{place:?}")).collect::<Vec<_>>();
        let lock = self.lock.map_or("-".to_owned(), |job| format!("job {job}"));
        vec![("jobs", jobs.join(", ").to_lowercase()), ("lock", lock)]
    }
}
