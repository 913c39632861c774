//! A load, request by request: what is to be sent next, and what came of what was sent.
//!
//! It does no I/O and knows no clock. Whoever drives it, the simulated store or a real one, sends
//! what [`Load::next`] gives, as many at once as it gives, and hands back each answer with the
//! time; so both send the same requests, and what differs is theirs. A phase begins when the one
//! before has all its answers.

use crate::objects_load::tally::{Counts, Promise, Tally};
use crate::worlds::objects::{Body, Call, PAGE_MAX, Reply, When};

/// Names of objects: `BASErun7/00000042` is the 43rd of run 7.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Keys {
    pub(super) base: String,
    /// Runs that take turns.
    pub(super) runs: u64,
}

impl Keys {
    /// Those of a single run.
    pub(super) fn of_one(base: String) -> Self {
        Keys { base, runs: 1 }
    }

    fn key(&self, number: u64) -> String {
        let Keys { base, runs } = self;
        format!("{base}run{}/{:08}", number % runs, number / runs)
    }

    /// What all keys of the first run begin with.
    fn prefix(&self) -> String {
        format!("{}run0/", self.base)
    }
}

/// What an object of that name says: of its place in its run, which the key has.
fn body(key: &str) -> Body {
    let place = key.rsplit_once('/').and_then(|(_, place)| place.parse().ok());
    Body { by: place.map_or(0, |place: u64| place + 1), after: 0 }
}

/// What a phase does. Listings and probes are made one after another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// Puts so many objects.
    Put { count: u64 },
    /// Lists the one run from after that place, page by page, so often.
    List { after: Option<u64>, count: u64, times: u64 },
    /// Gets so many objects.
    Get { count: u64 },
    /// Puts an object, gets it, lists it, and tries to create it once more; so often.
    Probe { count: u64 },
}

/// A part of a load, and what is to be known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Phase {
    /// What it does: `put`, `list all`, `list since`, `get`, `probe`.
    pub name: &'static str,
    /// Which row of the result it is for.
    pub row: usize,
    pub(super) keys: Keys,
    pub(super) work: Work,
    /// Bytes of each object in turn; those beyond the last are as large as the last.
    pub(super) sizes: Vec<u64>,
    /// Requests in flight.
    pub(super) concurrency: u64,
}

impl Phase {
    /// Requests it makes if each page is as full as it can be.
    fn requests(&self) -> u64 {
        match &self.work {
            Work::Put { count } | Work::Get { count } => *count,
            Work::Probe { count } => 4 * count,
            Work::List { after, count, times } => {
                let keys = after.map_or(*count, |after| count.saturating_sub(after + 1));
                keys.div_ceil(u64::from(PAGE_MAX)).max(1) * times
            }
        }
    }
}

/// A call, and the bytes that its object has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked.
    pub call: Call,
    /// Bytes that a PUT sends or a GET is to bring.
    pub bytes: u64,
}

/// A listing on its way.
#[derive(Clone, Debug)]
struct Listing {
    /// When its first page was asked for.
    began: u64,
    /// The last key of the page before.
    after: Option<String>,
    /// The place of the next key.
    next: u64,
    broken: bool,
}

/// A load somewhere between its beginning and its end. Times are microseconds on the driver's
/// clock, which begins at 0.
#[derive(Clone, Debug)]
pub struct Load {
    phases: Vec<Phase>,
    /// One a phase, up to the one that runs.
    tallies: Vec<Tally>,
    /// Requests of the phase that were sent, and those of them that nobody has answered.
    sent: u64,
    waiting: u64,
    /// Listings of the phase that are done.
    listed: u64,
    listing: Option<Listing>,
    whole: u64,
}

impl Load {
    pub(super) fn new(phases: Vec<Phase>) -> Self {
        let whole = phases.iter().map(Phase::requests).sum();
        let (tallies, listing) = (Vec::new(), None);
        Load { phases, tallies, sent: 0, waiting: 0, listed: 0, listing, whole }
    }

    /// What to send next; nothing while what was sent is to be waited for, and when it is over.
    pub fn next(&mut self, now: u64) -> Option<Request> {
        while self.waiting == 0 && self.is_done() {
            let phase = self.phases.get(self.tallies.len())?;
            self.tallies.push(Tally::new(phase, now));
            (self.sent, self.listed, self.listing) = (0, 0, None);
        }
        let phase = &self.phases[self.tallies.len() - 1];
        if self.waiting == phase.concurrency || self.is_done() {
            return None;
        }
        let call = call(phase, self.sent, &mut self.listing, now);
        let last = phase.sizes.len().saturating_sub(1);
        let bytes = phase.sizes.get(last.min(self.sent as usize)).copied().unwrap_or(0);
        self.sent += 1;
        self.waiting += 1;
        Some(Request { call, bytes })
    }

    /// Whether the phase has nothing more to send.
    fn is_done(&self) -> bool {
        let Some(running) = self.tallies.len().checked_sub(1) else { return true };
        match &self.phases[running].work {
            Work::Put { count } | Work::Get { count } => self.sent == *count,
            Work::Probe { count } => self.sent == 4 * count,
            Work::List { times, .. } => self.listed == *times,
        }
    }

    /// What was asked at `began` is answered at `now`.
    pub fn answer(&mut self, request: &Request, reply: &Reply, began: u64, now: u64) {
        let at = self.tallies.len().saturating_sub(1);
        let (Some(tally), Some(waiting)) = (self.tallies.last_mut(), self.waiting.checked_sub(1))
        else {
            return;
        };
        self.waiting = waiting;
        tally.ended = now;
        *match &request.call {
            Call::Put { .. } => &mut tally.counts.puts,
            Call::Get { .. } => &mut tally.counts.gets,
            Call::List { .. } => &mut tally.counts.lists,
        } += 1;
        match (&request.call, reply) {
            (Call::Put { when: When::Absent, .. }, reply) => {
                tally.keeps(Promise::Created, *reply == Reply::PreconditionFailed);
            }
            (Call::Put { .. }, _) => tally.moved(request.bytes, now - began),
            (Call::Get { key }, reply) => {
                tally.keeps(Promise::Read, *reply == Reply::Found(Some(body(key))));
                tally.moved(request.bytes, now - began);
            }
            (Call::List { prefix, .. }, Reply::Page { keys, truncated }) => {
                tally.counts.keys += keys.len() as u64;
                if let Work::List { count, .. } = self.phases[at].work {
                    self.turn(count, keys, *truncated, now);
                } else {
                    let listed = !truncated && keys.len() == 1 && keys[0] == *prefix;
                    tally.keeps(Promise::Listed, listed);
                }
            }
            (Call::List { .. }, _) => tally.keeps(Promise::Listed, false),
        }
    }

    /// A page of a listing has come: every key is the next one, or the listing is broken.
    fn turn(&mut self, count: u64, keys: &[String], truncated: bool, now: u64) {
        let phase = &self.phases[self.tallies.len() - 1];
        let (Some(listing), Some(tally)) = (&mut self.listing, self.tallies.last_mut()) else {
            return;
        };
        // A page that is not the last and leads nowhere would be asked for again for ever.
        let goes_on = truncated && keys.last() > listing.after.as_ref();
        for key in keys {
            listing.broken |= *key != phase.keys.key(listing.next);
            listing.next = body(key).by;
        }
        listing.after = keys.last().cloned().or(listing.after.take());
        if !goes_on {
            tally.keeps(Promise::Since, !listing.broken && !truncated && listing.next == count);
            tally.moved(0, now - listing.began);
            self.listed += 1;
            self.listing = None;
        }
    }

    /// A request was answered by 503, and will be sent again.
    pub fn slowed(&mut self) {
        if let Some(tally) = self.tallies.last_mut() {
            tally.slowed += 1;
        }
    }

    /// Whether everything was sent and answered.
    pub fn is_over(&self) -> bool {
        self.waiting == 0 && self.tallies.len() == self.phases.len() && self.is_done()
    }

    /// What came of each phase that has begun.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// Requests that were answered, of about how many.
    pub fn progress(&self) -> (u64, u64) {
        (Counts::sum(&self.tallies).requests(), self.whole)
    }
}

/// Request `number` of a phase.
fn call(phase: &Phase, number: u64, listing: &mut Option<Listing>, now: u64) -> Call {
    let put = |key: String, when| Call::Put { body: body(&key), key, when };
    match &phase.work {
        Work::Put { .. } => put(phase.keys.key(number), When::Always),
        Work::Get { .. } => Call::Get { key: phase.keys.key(number) },
        Work::Probe { .. } => {
            let key = phase.keys.key(number / 4);
            match number % 4 {
                0 => put(key, When::Always),
                1 => Call::Get { key },
                2 => Call::List { prefix: key, start_after: None, limit: PAGE_MAX },
                _ => put(key, When::Absent),
            }
        }
        Work::List { after, .. } => {
            let first = || Listing {
                began: now,
                after: after.map(|it| phase.keys.key(it)),
                next: after.map_or(0, |it| it + 1),
                broken: false,
            };
            let start_after = listing.get_or_insert_with(first).after.clone();
            Call::List { prefix: phase.keys.prefix(), start_after, limit: PAGE_MAX }
        }
    }
}
