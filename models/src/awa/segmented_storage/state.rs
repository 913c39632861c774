//! The rows of the storage: what is where, and of which attempt.

use super::super::ring::Ring;
use super::{Mutant, Sizes, Specification};
use sim::prelude::*;

/// How many jobs there are at most.
pub(super) const JOBS: usize = 2;
/// How many workers.
pub(super) const WORKERS: usize = 3;
/// How often a job is claimed at most.
pub(super) const LEASES: usize = 3;
/// How many rows a lane takes at most.
pub(super) const APPENDS: usize = 4;

/// The receipt of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Claim {
    /// Where it lies; nowhere before it is written, and nowhere once it is pruned.
    pub(super) segment: Option<u8>,
    pub(super) open: bool,
    /// Whether a closure row lies beside it. A success writes none: its terminal row is enough.
    pub(super) closed: bool,
}

/// All rows of one job. It may have several at once: a ready row is kept until it is pruned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Job {
    pub(super) ready: bool,
    pub(super) deferred: bool,
    pub(super) waiting: bool,
    pub(super) terminal: bool,
    pub(super) dead: bool,
    pub(super) leased: bool,
    /// Whether its attempt keeps state of its own.
    pub(super) attempt: bool,
    pub(super) fresh: bool,
    pub(super) progress: bool,
    pub(super) owner: Option<u8>,
    /// The number of its last attempt; 0: none.
    pub(super) lease: u8,
    /// The attempt that each worker believes to be at work on; 0: none.
    pub(super) tasks: [u8; WORKERS],
    /// Its place in the lane; 0: none.
    pub(super) lane_seq: u8,
    pub(super) ready_segment: Option<u8>,
    pub(super) lease_segment: Option<u8>,
    pub(super) terminal_segment: Option<u8>,
    /// The receipt of each attempt.
    pub(super) claims: [Claim; LEASES],
}

impl Job {
    pub(super) fn has_open_receipt(&self) -> bool {
        self.claims.iter().any(|claim| claim.open)
    }

    /// The receipt of an attempt, counted from 1.
    pub(super) fn claim(&self, lease: u8) -> Option<&Claim> {
        usize::from(lease).checked_sub(1).map(|index| &self.claims[index])
    }
}

/// What the lane of ready rows counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Lane {
    pub(super) append_seq: u8,
    pub(super) claim_seq: u8,
    pub(super) ready_count: i8,
    pub(super) leased_count: i8,
}

/// A ready row that does not count any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Tombstone {
    pub(super) job: u8,
    pub(super) segment: Option<u8>,
}

/// What no state shows afterwards, noted as it happens. Whoever never does it has no more states for
/// that, and whoever does has ended there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Breach {
    /// A ring was rotated into a segment with rows in it.
    RotatedIntoSealed,
    /// An attempt was ended that had ended before.
    FinalizedAgain { worker: u8, lease: u8 },
}

/// All rows, the four rings they lie in, and the lane.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) jobs: [Job; JOBS],
    pub(super) ready: Ring,
    pub(super) lease: Ring,
    pub(super) terminal: Ring,
    pub(super) claim: Ring,
    pub(super) lane: Lane,
    /// By the place in the lane, counted from 1.
    pub(super) tombstones: [Option<Tombstone>; APPENDS],
    pub(super) breach: Option<Breach>,
    pub(super) sizes: Constant<Sizes>,
    pub(super) mutant: Constant<Option<Mutant>>,
}

impl State {
    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    pub(super) fn is_mended(&self) -> bool {
        self.sizes.0.spec == Specification::Mended
    }

    /// The published specification has no such notes.
    pub(super) fn note(&mut self, breach: Breach) {
        if self.is_mended() {
            self.breach.get_or_insert(breach);
        }
    }

    pub(super) fn jobs(&self) -> &[Job] {
        &self.jobs[..usize::from(self.sizes.0.jobs)]
    }

    pub(super) fn is_dead_row(&self, index: usize) -> bool {
        let job = &self.jobs[index];
        let row = Tombstone { job: index as u8, segment: job.ready_segment };
        let place = usize::from(job.lane_seq).checked_sub(1);
        place.is_some_and(|place| self.tombstones[place] == Some(row))
    }

    /// Whether the job is ready to be claimed, its turn aside.
    pub(super) fn is_ready(&self, index: usize) -> bool {
        let job = &self.jobs[index];
        let elsewhere = job.terminal || job.leased || job.deferred || job.dead;
        job.ready
            && !elsewhere
            && job.lane_seq >= self.lane.claim_seq
            && !job.has_open_receipt()
            && !self.is_dead_row(index)
    }

    /// Whether a row can be appended to the lane.
    pub(super) fn has_room(&self) -> bool {
        self.lane.append_seq <= self.sizes.0.appends && self.ready.is_open()
    }

    /// Appends the job's ready row to the lane.
    pub(super) fn append(&mut self, index: usize) {
        let job = &mut self.jobs[index];
        job.ready = true;
        job.lane_seq = self.lane.append_seq;
        job.ready_segment = Some(self.ready.cursor());
        self.lane.append_seq += 1;
    }

    /// Ends the attempt that is under way: its lease goes, and its receipt is closed, with a row
    /// to say so unless it succeeded.
    pub(super) fn end_attempt(&mut self, index: usize, closure: bool) {
        let job = &mut self.jobs[index];
        (job.leased, job.waiting, job.fresh) = (false, false, false);
        (job.attempt, job.progress) = (false, false);
        (job.owner, job.lease_segment) = (None, None);
        self.lane.leased_count -= 1;
        self.close_receipt(index, self.jobs[index].lease, closure);
    }

    pub(super) fn close_receipt(&mut self, index: usize, lease: u8, closure: bool) {
        let Some(place) = usize::from(lease).checked_sub(1) else { return };
        let claim = &mut self.jobs[index].claims[place];
        claim.open = false;
        claim.closed |= closure;
    }

    /// The job's row among those that are done with.
    pub(super) fn lay_down(&mut self, index: usize) {
        let job = &mut self.jobs[index];
        job.terminal = true;
        job.terminal_segment = Some(self.terminal.cursor());
    }

    /// Says that the job's ready row does not count any more.
    pub(super) fn bury(&mut self, index: usize) {
        let job = &self.jobs[index];
        let place = usize::from(job.lane_seq) - 1;
        self.tombstones[place] = Some(Tombstone { job: index as u8, segment: job.ready_segment });
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let job = |job: &Job| {
            let words = [
                (job.ready, "ready"),
                (job.deferred, "deferred"),
                (job.leased && !job.waiting, "leased"),
                (job.waiting, "waiting"),
                (job.terminal, "done"),
                (job.dead, "dead"),
            ];
            let words = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word);
            words.collect::<Vec<_>>().join("+")
        };
        let receipts = |job: &Job| {
            let one = |claim: &Claim| match (claim.segment, claim.open, claim.closed) {
                (None, ..) => "-",
                (_, true, _) => "open",
                (_, _, true) => "closed",
                _ => "no row",
            };
            job.claims[..usize::from(self.sizes.0.leases)].iter().map(one).collect::<Vec<_>>()
        };
        let all: Vec<String> = self.jobs().iter().map(job).collect();
        let claims: Vec<String> = self.jobs().iter().map(|it| receipts(it).join(" ")).collect();
        vec![
            ("jobs", all.join(", ")),
            ("receipts", claims.join(", ")),
            ("ready ring", self.ready.words()),
            ("lease ring", self.lease.words()),
            ("done ring", self.terminal.words()),
            ("claim ring", self.claim.words()),
        ]
    }
}
