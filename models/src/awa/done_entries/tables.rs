//! The tables of awa's queue, as far as the terminal row of a job depends on them.
//!
//! Bodies of jobs lie in a ring of segments and claims in another, and each goes as a whole: TRUNCATE
//! keeps nothing. A closure says that a claim's job is completed; the terminal row is made of closure,
//! claim and body, so whatever of the three goes first takes the row with it, unless it was made
//! before. Each call is a transaction; two of the materialiser stand for one statement, whose look
//! at the tables is older than what it writes.

use sim::prelude::*;

/// Segments of a ring.
const SEGMENTS: u8 = 2;

/// Which ring.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ring {
    /// The bodies of jobs.
    Ready,
    /// Claims, and the closures beside them.
    Claims,
}

/// What a completion writes beside its closure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Completion {
    /// The terminal row, at once.
    pub writes_done: bool,
    /// That the job's unique key is free.
    pub releases_unique: bool,
}

/// A body stayed, because its job has no terminal row yet.
pub const BLOCKED: &str = "prunes blocked";
/// The pruner made a terminal row of a closure, just before that went.
pub const INLINE: &str = "materialised by the pruner";
/// The timer did.
pub const TIMED: &str = "materialised by the timer";

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// The next job that nobody has claimed.
    Claim,
    /// Its closure.
    Complete {
        /// Which.
        job: u8,
        /// And what else.
        with: Completion,
    },
    /// The jobs that are closed and have no terminal row.
    Backlog,
    /// Terminal rows.
    Materialise {
        /// Of which jobs.
        jobs: Vec<u8>,
        /// `ON CONFLICT DO NOTHING`
        skips_there: bool,
    },
    /// Writes to the next segment of a ring, if that is empty.
    Rotate(Ring),
    /// Truncates the segment before the current one, if none of its jobs is without a terminal row.
    PruneReady {
        /// A closure will do.
        asks_closures: bool,
    },
    /// Truncates the slot of claims before the current one, if none of them is open.
    PruneClaims {
        /// What has no terminal row is given one first.
        materialises: bool,
    },
    /// What a job is to whoever asks.
    Read {
        /// Which.
        job: u8,
        /// Closures are read too, where there is no terminal row.
        union: bool,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It was done, or there was nothing to do.
    Done,
    /// The job; nothing: none.
    Job(Option<u8>),
    /// These jobs.
    Jobs(Vec<u8>),
    /// Whether it is completed.
    Completed(bool),
}

/// What there is of a job.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Job {
    /// The segment of its body.
    ready: Option<u8>,
    /// The slot of its claim, once it was claimed, and whether a closure is beside it.
    claim: Option<(u8, bool)>,
    /// Its terminal rows.
    done: u8,
    claimed: bool,
    completed: bool,
    has_unique: bool,
}

/// The tables, and what was read of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tables {
    jobs: Vec<Job>,
    /// The current segment of bodies, and of claims.
    current: [u8; 2],
    /// A job that was completed, and somebody was told that it is not.
    misread: Option<u8>,
    marks: Marks,
}

impl Tables {
    /// So many jobs, all of which wait.
    pub fn new(jobs: u8) -> Self {
        let job = Job { ready: Some(0), has_unique: true, ..Job::default() };
        let jobs = vec![job; usize::from(jobs)];
        Tables { jobs, current: [0; 2], misread: None, marks: Marks::default() }
    }

    fn numbers(&self, which: impl Fn(&Job) -> bool) -> Vec<u8> {
        let all = self.jobs.iter().zip(0..);
        all.filter(|(job, _)| which(job)).map(|(_, number)| number).collect()
    }

    /// Whether a terminal row can be made, and there is none.
    fn is_backlog(job: &Job) -> bool {
        job.done == 0 && job.ready.is_some() && job.claim.is_some_and(|(_, closed)| closed)
    }

    fn claim(&mut self) -> Option<u8> {
        let slot = self.current[Ring::Claims as usize];
        let number = self.jobs.iter().position(|it| !it.claimed && it.ready.is_some())?;
        let job = &mut self.jobs[number];
        (job.claim, job.claimed) = (Some((slot, false)), true);
        Some(number as u8)
    }

    fn complete(&mut self, job: u8, with: Completion) {
        let job = &mut self.jobs[usize::from(job)];
        // Whose claim is closed or gone has nothing to complete.
        if let Some((_, closed @ false)) = &mut job.claim {
            *closed = true;
            job.completed = true;
            job.done += u8::from(with.writes_done);
            job.has_unique &= !with.releases_unique;
        }
    }

    fn materialise(&mut self, jobs: &[u8], skips_there: bool, by: &'static str) {
        for job in jobs {
            let job = &mut self.jobs[usize::from(*job)];
            if !(skips_there && job.done > 0) {
                job.done += 1;
                self.marks.hit(by);
            }
        }
    }

    /// What would be pruned: the segment that is not current.
    fn oldest(&self, ring: Ring) -> u8 {
        (self.current[ring as usize] + 1) % SEGMENTS
    }

    fn rotate(&mut self, ring: Ring) {
        let next = self.oldest(ring);
        let used = |job: &Job| match ring {
            Ring::Ready => job.ready == Some(next),
            Ring::Claims => job.claim.is_some_and(|(slot, _)| slot == next),
        };
        if !self.jobs.iter().any(used) {
            self.current[ring as usize] = next;
        }
    }

    fn prune_ready(&mut self, asks_closures: bool) {
        let oldest = Some(self.oldest(Ring::Ready));
        let over = |job: &Job| job.done > 0 || asks_closures && job.completed;
        let inside = |job: &&mut Job| job.ready == oldest;
        if self.jobs.iter().filter(|job| job.ready == oldest).all(over) {
            self.jobs.iter_mut().filter(inside).for_each(|job| job.ready = None);
        } else {
            self.marks.hit(BLOCKED);
        }
    }

    fn prune_claims(&mut self, materialises: bool) {
        let oldest = self.oldest(Ring::Claims);
        let inside = |job: &Job| job.claim.is_some_and(|(slot, _)| slot == oldest);
        let open = |job: &Job| inside(job) && job.claim.is_some_and(|(_, closed)| !closed);
        if self.jobs.iter().any(open) {
            return;
        }
        if materialises {
            let late = self.numbers(|job| inside(job) && Tables::is_backlog(job));
            self.materialise(&late, true, INLINE);
        }
        self.jobs.iter_mut().filter(|job| inside(job)).for_each(|job| job.claim = None);
    }

    fn read(&mut self, number: u8, union: bool) -> bool {
        let job = &self.jobs[usize::from(number)];
        let seen = job.done > 0 || union && Tables::is_backlog(job);
        if job.completed && !seen {
            self.misread = Some(number);
        }
        seen
    }

    /// The first job of which it is so; what is wrong with it.
    fn no(&self, wrong: impl Fn(&Job) -> bool, how: &str) -> Result<(), String> {
        let found = self.numbers(wrong).first().copied();
        found.map_or(Ok(()), |job| Err(format!("job {job} {how}")))
    }

    /// However often the materialiser runs.
    pub fn done_once(&self) -> Result<(), String> {
        self.no(|job| job.done > 1, "has two terminal rows")
    }

    /// A job like it can be enqueued at once.
    pub fn unique_released(&self) -> Result<(), String> {
        let keeps = |job: &Job| job.completed && job.has_unique;
        self.no(keeps, "is completed, and keeps its unique key")
    }

    /// What a completion promises where nothing is deferred.
    pub fn done_with_completion(&self) -> Result<(), String> {
        self.no(|job| job.completed && job.done == 0, "is completed, and has no terminal row")
    }

    /// What the terminal row is made of stays until it is made.
    pub fn source_kept(&self) -> Result<(), String> {
        let lost = |job: &Job| job.completed && job.done == 0 && !Tables::is_backlog(job);
        self.no(lost, "is completed, and its terminal row can no longer be made")
    }

    /// What is completed is seen as completed.
    pub fn seen_done(&self) -> Result<(), String> {
        self.misread.map_or(Ok(()), |job| {
            Err(format!("job {job} is completed, and whoever asks is told it is not"))
        })
    }
}

impl World for Tables {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, _from: CallId, call: &Call) -> Poll<Reply> {
        match call {
            Call::Claim => return Poll::Ready(Reply::Job(self.claim())),
            Call::Backlog => return Poll::Ready(Reply::Jobs(self.numbers(Tables::is_backlog))),
            Call::Read { job, union } => {
                return Poll::Ready(Reply::Completed(self.read(*job, *union)));
            }
            Call::Complete { job, with } => self.complete(*job, *with),
            Call::Materialise { jobs, skips_there } => self.materialise(jobs, *skips_there, TIMED),
            Call::Rotate(ring) => self.rotate(*ring),
            Call::PruneReady { asks_closures } => self.prune_ready(*asks_closures),
            Call::PruneClaims { materialises } => self.prune_claims(*materialises),
        }
        Poll::Ready(Reply::Done)
    }
}

impl Legible for Tables {
    fn ask(call: &Call) -> String {
        match call {
            Call::Claim => "claim".to_owned(),
            Call::Complete { job, .. } => format!("complete {job}"),
            Call::Backlog => "closures without a terminal row".to_owned(),
            Call::Materialise { jobs, .. } => format!("terminal rows of {jobs:?}"),
            Call::Rotate(Ring::Ready) => "rotate bodies".to_owned(),
            Call::Rotate(Ring::Claims) => "rotate claims".to_owned(),
            Call::PruneReady { .. } => "prune bodies".to_owned(),
            Call::PruneClaims { .. } => "prune claims".to_owned(),
            Call::Read { job, .. } => format!("read {job}"),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Done => "done".to_owned(),
            Reply::Job(job) => job.map_or("none".to_owned(), |job| format!("job {job}")),
            Reply::Jobs(jobs) => format!("{jobs:?}"),
            Reply::Completed(true) => "completed".to_owned(),
            Reply::Completed(false) => "not completed".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |job: &Job| {
            let parts = [
                job.ready.map(|at| format!("body in {at}")),
                job.claim.map(|(at, closed)| {
                    format!("{} in {at}", if closed { "closure" } else { "claim" })
                }),
                (job.done > 0).then(|| format!("{} done", job.done)),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        };
        ["job 0", "job 1", "job 2", "job 3"].into_iter().zip(self.jobs.iter().map(said)).collect()
    }

    fn marks(&self) -> Option<&Marks> {
        Some(&self.marks)
    }

    fn listen(&mut self) {
        self.marks.listen();
    }
}
