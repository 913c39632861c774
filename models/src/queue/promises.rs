//! What a queue promises, and a witness who remembers what has to be remembered for that.
//!
//! The hard part is when a duplicate is nobody's fault. A worker may be killed, or held up for
//! longer than its lease, in the middle of a job; the job is then given to another, and the first may
//! even go on. So a body may begin although the job was begun before, if who began it is gone, or
//! was not heard of for a lease, or said that it failed; and in no other case.

use super::statements::{Job, LEASE_MS, Query, State};
use checker::{Property, Violation};
use sim::prelude::*;

/// A caller that was told of its job will see it done, whatever happens but the end of all workers.
pub(super) const COMPLETES: Property = Property::named("acked-completes");
/// A body begins twice only for what was in flight at a kill, or at a pause as long as a lease.
pub(super) const DUPLICATES: Property = Property::named("duplicate-only-in-flight");
/// What is done stays done.
pub(super) const FINAL: Property = Property::named("done-is-final");
/// A job is done by the attempt that was running.
pub(super) const FENCED: Property = Property::named("stale-worker-refused");
/// An address is computed by one, and by nobody while its result is kept.
pub(super) const ADDRESS: Property = Property::named("one-execution-per-address");
/// Who was refused because another computes it finds the result when that is over.
pub(super) const RESULT: Property = Property::named("loser-finds-result");
/// A job that failed is not tried again before its delay is over.
pub(super) const BACKOFF: Property = Property::named("retry-backs-off");
/// The delay is within a tenth of the policy's.
pub(super) const JITTER: Property = Property::named("jitter-within-a-tenth");

/// The policy's delay after an attempt that failed, in milliseconds, before jitter: River's, its
/// number to the fourth in seconds.
pub(super) fn backoff_ms(attempt: i64) -> i64 {
    1000 * attempt.pow(4)
}

/// A body that was begun and has not failed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Run {
    client: ClientId,
    job: i64,
    attempt: i64,
    address: Option<i64>,
    /// Until when its worker is believed to be at work.
    until: i64,
}

/// Who looks on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Witness {
    /// The clients that crashed or left; the first of all clients are producers.
    gone: Vec<bool>,
    producers: usize,
    /// The producers that have what they wanted.
    content: Vec<ClientId>,
    acked: Vec<i64>,
    done: Vec<i64>,
    runs: Vec<Run>,
    /// Jobs that failed: the attempt, and from when they may be tried again at the earliest.
    failed: Vec<(i64, i64, i64)>,
    broken: Option<(Property, String)>,
}

impl Witness {
    pub(super) fn new(producers: u16, workers: u16) -> Self {
        Witness {
            gone: vec![false; usize::from(producers + workers)],
            producers: usize::from(producers),
            content: Vec::new(),
            acked: Vec::new(),
            done: Vec::new(),
            runs: Vec::new(),
            failed: Vec::new(),
            broken: None,
        }
    }

    /// How many producers may yet want something.
    pub(super) fn producers_left(&self) -> usize {
        let wants =
            |index: &usize| !self.gone[*index] && !self.content.contains(&ClientId(*index as u16));
        (0..self.producers).filter(wants).count()
    }

    /// How many workers there are.
    pub(super) fn workers_left(&self) -> usize {
        self.gone[self.producers..].iter().filter(|gone| !**gone).count()
    }

    pub(super) fn is_there(&mut self, client: ClientId) {
        self.gone[usize::from(client.0)] = false;
    }

    pub(super) fn gone(&mut self, client: ClientId) {
        self.leaves(client);
        self.runs.retain(|it| it.client != client);
        // Nobody is left to do what was promised.
        if self.workers_left() == 0 {
            self.acked.clear();
        }
    }

    /// There is nothing left to come, as far as it knows.
    pub(super) fn leaves(&mut self, client: ClientId) {
        self.gone[usize::from(client.0)] = true;
    }

    pub(super) fn told(&mut self, client: ClientId, job: i64) {
        if self.workers_left() > 0 {
            self.acked.push(job);
        }
        self.content.push(client);
    }

    pub(super) fn answered(&mut self, client: ClientId, found: bool) {
        if found {
            self.content.push(client);
        } else {
            let why = format!("c{} waited until nobody computes it, and finds no result", client.0);
            self.breaks(RESULT, why);
        }
    }

    /// The body of a job begins.
    pub(super) fn begun(&mut self, client: ClientId, job: Job, kept: bool, now_ms: i64) {
        let until = job.lease.unwrap_or(now_ms + LEASE_MS);
        // Who was held up for so long before it even began is in flight itself.
        if until <= now_ms {
            return;
        }
        self.runs.retain(|it| it.until > now_ms);
        let other = |it: &&Run| (it.client, it.attempt) != (client, job.attempt);
        let (id, address) = (job.id, job.address);
        if let Some(it) = self.runs.iter().filter(other).find(|it| it.job == id) {
            let why = format!("c{} and c{} both run job {}", it.client.0, client.0, number(id));
            self.breaks(DUPLICATES, why);
        }
        let same = |it: &&Run| address.is_some() && it.address == address && it.job != id;
        if let Some(it) = self.runs.iter().filter(other).find(same) {
            let why = format!("c{} and c{} both compute one address", it.client.0, client.0);
            self.breaks(ADDRESS, why);
        }
        if kept {
            let why = format!("c{} computes an address whose result is kept", client.0);
            self.breaks(ADDRESS, why);
        }
        let early = |it: &&(i64, i64, i64)| it.0 == id && it.1 < job.attempt && now_ms < it.2;
        if let Some((.., from)) = self.failed.iter().find(early) {
            let why = format!("job {} is tried again {} ms early", number(id), from - now_ms);
            self.breaks(BACKOFF, why);
        }
        self.failed.retain(|it| it.0 != id || it.1 >= job.attempt);
        self.runs.push(Run { client, job: id, attempt: job.attempt, address, until });
    }

    /// A statement about a job changed it to this.
    pub(super) fn reported(&mut self, query: &Query, job: Job, now_ms: i64) {
        match *query {
            Query::Beat { attempt, .. } => {
                let mine = |it: &&mut Run| it.job == job.id && it.attempt == attempt;
                if let Some(it) = self.runs.iter_mut().find(mine) {
                    it.until = now_ms + LEASE_MS;
                }
            }
            Query::Fail { attempt, .. } => {
                self.runs.retain(|it| (it.job, it.attempt) != (job.id, attempt));
                let (delay, policy) = (job.run_at - now_ms, backoff_ms(attempt));
                self.failed.push((job.id, attempt, now_ms + policy * 9 / 10));
                if (delay - policy).abs() * 10 > policy {
                    let job = number(job.id);
                    let why = format!("job {job} is put off by {delay} ms, and not by {policy}");
                    self.breaks(JITTER, why);
                }
            }
            _ => {}
        }
    }

    /// The jobs that are committed now.
    pub(super) fn saw(&mut self, jobs: impl Iterator<Item = Job>) {
        for job in jobs {
            let is_done = job.state == State::Done;
            let was_done = self.done.contains(&job.id);
            if was_done && !is_done {
                let why = format!("job {} was done and is {:?}", number(job.id), job.state);
                self.breaks(FINAL, why);
            }
            if is_done && !was_done {
                self.done.push(job.id);
                if job.done_by != Some(job.attempt) {
                    let by = job.done_by.unwrap_or_default();
                    let (id, attempt) = (number(job.id), job.attempt);
                    let why = format!("attempt {by} ended job {id} while {attempt} was running");
                    self.breaks(FENCED, why);
                }
            }
        }
    }

    fn breaks(&mut self, property: Property, why: String) {
        self.broken.get_or_insert((property, why));
    }

    /// What holds after every step.
    pub(super) fn kept(&self) -> Result<(), Violation> {
        match &self.broken {
            None => Ok(()),
            Some((property, why)) => Err(Violation::new(property.clone(), why.clone())),
        }
    }

    /// What holds when faults have stopped and everybody is done.
    pub(super) fn settled(&self) -> Result<(), Violation> {
        let lost = self.acked.iter().find(|it| !self.done.contains(it));
        match lost {
            None => Ok(()),
            Some(job) => {
                let why = format!("the caller was told of job {}, and it is not done", number(*job));
                Err(Violation::new(COMPLETES, why))
            }
        }
    }
}

/// A job's number in words: `c1#2` is the second that client 1 made.
pub(super) fn number(job: i64) -> String {
    format!("c{}#{}", job >> 32, job & 0xffff_ffff)
}
