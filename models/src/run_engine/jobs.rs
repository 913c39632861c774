//! Jobs in Redis: the queue of runs, and what is to be looked at later.
//!
//! A job is taken on a lease, and comes back when its taker is silent for too long; so it may be in
//! two hands at once, and an `ack` says which lease it is about. Each job names the snapshot it is
//! about and that one's parent, because it is sent before the snapshot is written: whoever finds
//! neither of the two to be the latest knows that this snapshot is over, or will never come.

use crate::worlds::Run;
use std::fmt;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Run it: for workers.
    Run,
    /// The same, but its time to live is over: for monitors.
    Expired,
    /// Is somebody still at work on it?
    Stalled,
    /// Its delay is over.
    Delayed,
    /// What it waited for has come.
    Continue,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Run => "run",
            Kind::Expired => "expire",
            Kind::Stalled => "heartbeat",
            Kind::Delayed => "delayed",
            Kind::Continue => "continue",
        })
    }
}

/// A job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Job {
    /// Its key: a second one of that key takes its place.
    pub key: u64,
    /// What is to be done.
    pub kind: Kind,
    /// With which run.
    pub run: Run,
    /// The snapshot it is about.
    pub about: u64,
    /// That snapshot's parent.
    pub parent: u64,
    /// Whether it is given up when it has waited for too long.
    pub ttl: bool,
}

/// A job in hand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Taken {
    /// The job.
    pub job: Job,
    /// The lease it is held on.
    pub lease: u32,
    /// How often it was put back to be looked at again.
    pub restarts: u8,
}

/// What is asked of Redis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Adds a job, or puts it in the place of the one with its key.
    Send(Job),
    /// Waits for a job.
    Take {
        /// Whether for those of monitors.
        monitor: bool,
    },
    /// It is done, if it is still held on this lease; without one: whoever holds it.
    Ack {
        /// Its key.
        key: u64,
        /// The lease.
        lease: Option<u32>,
    },
    /// It is to come back later, if it is still held on this lease.
    Nack {
        /// Its key.
        key: u64,
        /// The lease.
        lease: u32,
        /// Whether that counts as a restart.
        restart: bool,
    },
    /// It is to come back later, whoever holds it: there was a sign of life.
    Beat {
        /// Its key.
        key: u64,
    },
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It was done.
    Done,
    /// A job; none: it has waited for long enough.
    Taken(Option<Taken>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Entry {
    job: Job,
    /// Whether it is time.
    ready: bool,
    lease: Option<u32>,
    leases: u32,
    restarts: u8,
}

impl Entry {
    fn is_free(&self) -> bool {
        self.ready && self.lease.is_none()
    }
}

/// The jobs.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Jobs {
    /// First come first.
    entries: Vec<Entry>,
    /// A job that was sent anew, and deleted by who was done with the one before.
    swallowed: Option<Job>,
}

impl Jobs {
    /// Each job there is.
    pub fn all(&self) -> impl Iterator<Item = &Job> {
        self.entries.iter().map(|it| &it.job)
    }

    /// How often a job was put back at most.
    pub fn restarts(&self) -> u8 {
        self.entries.iter().map(|it| it.restarts).max().unwrap_or(0)
    }

    /// A job that was sent anew, and deleted by who was done with the one before.
    pub fn swallowed(&self) -> Option<&Job> {
        self.swallowed.as_ref()
    }

    pub(super) fn send(&mut self, job: Job) {
        let ready = matches!(job.kind, Kind::Run | Kind::Continue);
        match self.entries.iter_mut().find(|it| it.job.key == job.key) {
            Some(it) => (it.job, it.ready, it.lease) = (job, ready, None),
            None => self.entries.push(Entry { job, ready, lease: None, leases: 0, restarts: 0 }),
        }
    }

    fn free(&self, monitor: bool) -> Option<usize> {
        let mine = |it: &Entry| (it.job.kind != Kind::Run) == monitor;
        self.entries.iter().position(|it| it.is_free() && mine(it))
    }

    /// Whether this must wait for somebody else's doing.
    pub(super) fn waits(&self, call: &Call) -> bool {
        matches!(call, Call::Take { monitor } if self.free(*monitor).is_none())
    }

    pub(super) fn apply(&mut self, call: &Call) -> Reply {
        match *call {
            Call::Send(job) => self.send(job),
            Call::Take { monitor } => {
                return Reply::Taken(self.free(monitor).map(|index| self.take(index)));
            }
            Call::Ack { key, lease } => {
                let anew = |it: &&Entry| it.job.key == key && lease.is_none() && it.lease.is_none();
                let anew = self.entries.iter().find(anew).map(|it| it.job);
                self.swallowed = self.swallowed.or(anew);
                let done = |it: &Entry| lease.is_none() || it.lease == lease;
                self.entries.retain(|it| it.job.key != key || !done(it));
            }
            Call::Nack { key, lease, restart } => {
                let mine = |it: &&mut Entry| it.job.key == key && it.lease == Some(lease);
                if let Some(it) = self.entries.iter_mut().find(mine) {
                    (it.ready, it.lease) = (false, None);
                    it.restarts += u8::from(restart);
                }
            }
            Call::Beat { key } => {
                if let Some(it) = self.entries.iter_mut().find(|it| it.job.key == key) {
                    (it.ready, it.lease) = (false, None);
                }
            }
        }
        Reply::Done
    }

    fn take(&mut self, index: usize) -> Taken {
        let it = &mut self.entries[index];
        it.leases += 1;
        it.lease = Some(it.leases);
        Taken { job: it.job, lease: it.leases, restarts: it.restarts }
    }

    /// The jobs whose time may come, by index.
    pub(super) fn may_ring(&self) -> impl Iterator<Item = u16> + '_ {
        self.which(|it| !it.ready && it.lease.is_none())
    }

    /// The jobs whose takers may be given up.
    pub(super) fn may_return(&self) -> impl Iterator<Item = u16> + '_ {
        self.which(|it| it.lease.is_some())
    }

    /// The messages whose time to live may end.
    pub(super) fn may_expire(&self) -> impl Iterator<Item = u16> + '_ {
        self.which(|it| it.job.ttl && it.job.kind == Kind::Run && it.lease.is_none())
    }

    fn which(&self, such: impl Fn(&Entry) -> bool) -> impl Iterator<Item = u16> {
        (0..).zip(&self.entries).filter(move |(_, it)| such(it)).map(|(index, _)| index)
    }

    pub(super) fn ring(&mut self, index: u16) {
        let it = &mut self.entries[usize::from(index)];
        (it.ready, it.lease) = (true, None);
    }

    pub(super) fn expire(&mut self, index: u16) {
        self.ring(index);
        self.entries[usize::from(index)].job.kind = Kind::Expired;
    }
}
