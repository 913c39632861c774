//! What may happen to a job and to the rings: one move for each action of the specification.
//!
//! A move that two actions come to is two moves, and so is one that changes nothing: that is how
//! a model checker counts them, and how the counts can be compared.

use super::super::ring::{Ring, Segment};
use super::Mutant;
use super::state::{Breach, Job, State};
use sim::prelude::*;

const ENQUEUE: u8 = 0;
const DEFER: u8 = 1;
const PROMOTE: u8 = 2;
const SKIP: u8 = 3;
const CLAIM: u8 = 4;
const MATERIALISE: u8 = 5;
const HEARTBEAT: u8 = 6;
const LOSE_HEARTBEAT: u8 = 7;
const FLUSH: u8 = 8;
const PARK: u8 = 9;
const RESUME: u8 = 10;
const TIMEOUT_TO_READY: u8 = 11;
const TIMEOUT_TO_DLQ: u8 = 12;
const FAST_COMPLETE: u8 = 13;
const COMPLETE: u8 = 14;
const FAIL: u8 = 15;
const RETRY: u8 = 16;
const RESCUE: u8 = 17;
const RESCUE_RECEIPT: u8 = 18;
const CANCEL_WAITING: u8 = 19;
const CANCEL_RUNNING: u8 = 20;
const CANCEL_RECEIPT: u8 = 21;
const CANCEL_READY: u8 = 22;
const REPRIORITISE: u8 = 23;
const MOVE_QUEUE: u8 = 24;
const REJECT_STALE: u8 = 25;
const MOVE_TO_DLQ: u8 = 26;
const RETRY_FROM_DLQ: u8 = 27;
const PURGE: u8 = 28;
const ROTATE: u8 = 29;
const PRUNE: u8 = 30;
const REST: u8 = 31;

/// The rings, by the number in a move.
const READY: usize = 0;
const LEASE: usize = 1;
const TERMINAL: usize = 2;
const CLAIMS: usize = 3;

/// What a move is about, as two digits that can be read: a worker, an attempt or a segment, and then
/// the job or the ring.
fn pair(job: usize, other: u8) -> u16 {
    u16::from(other) * 10 + job as u16
}

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &[
        "enqueue",
        "defer",
        "promote",
        "skip",
        "claim",
        "materialise",
        "heartbeat",
        "lose-heartbeat",
        "flush",
        "park",
        "resume",
        "timeout-to-ready",
        "timeout-to-dlq",
        "fast-complete",
        "complete",
        "fail",
        "retry",
        "rescue",
        "rescue-receipt",
        "cancel-waiting",
        "cancel-running",
        "cancel-receipt",
        "cancel-ready",
        "reprioritise",
        "move-queue",
        "reject-stale",
        "move-to-dlq",
        "retry-from-dlq",
        "purge",
        "rotate",
        "prune",
        "rest",
    ];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        for (index, job) in self.jobs().iter().enumerate() {
            self.offer_rows(index, job, moves);
            self.offer_attempt(index, job, moves);
            for worker in 0..self.sizes.0.workers {
                self.offer_worker(index, job, worker, moves);
            }
            self.offer_cancel(index, job, moves);
        }
        let turn = |index| self.is_ready(index) && self.in_turn(&self.jobs[index]);
        let passed = self.lane.claim_seq < self.lane.append_seq;
        if passed && !(0..self.jobs().len()).any(turn) {
            moves.due(SKIP, 0);
        }
        self.offer_rings(moves);
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let (index, other) = (usize::from(arg % 10), (arg / 10) as u8);
        match kind {
            ENQUEUE..=SKIP | RETRY_FROM_DLQ..=PURGE | MOVE_TO_DLQ => self.advance_rows(kind, index),
            ROTATE => self.rotate(index),
            PRUNE => self.prune(index, other),
            REST => {}
            CANCEL_WAITING..=MOVE_QUEUE => self.advance_cancel(kind, index),
            _ => self.advance_attempt(kind, index, other),
        }
    }
}

/// What is possible.
impl State {
    fn in_turn(&self, job: &Job) -> bool {
        job.lane_seq == self.lane.claim_seq
    }

    /// Rows that no attempt is under way for.
    fn offer_rows(&self, index: usize, job: &Job, moves: &mut Moves) {
        let none = !job.ready && !job.deferred && !job.waiting && !job.terminal && !job.dead;
        let new = none && job.lease == 0;
        let room = self.has_room();
        for (kind, possible) in [
            (ENQUEUE, new && room),
            (DEFER, new),
            (PROMOTE, job.deferred && !job.terminal && room),
            (RETRY_FROM_DLQ, job.dead && room),
        ] {
            if possible {
                moves.due(kind, index as u16);
            }
        }
        if job.terminal && !job.dead {
            moves.may(MOVE_TO_DLQ, index as u16);
        }
        if job.dead {
            moves.may(PURGE, index as u16);
        }
    }

    /// What happens in an attempt, and to one whose worker is gone.
    fn offer_attempt(&self, index: usize, job: &Job, moves: &mut Moves) {
        let room = self.has_room();
        let parked = job.waiting && job.attempt;
        let running = job.leased && !job.waiting;
        for (kind, possible) in [
            (MATERIALISE, job.leased && !job.attempt),
            (HEARTBEAT, running),
            (FLUSH, job.attempt),
            (RESUME, parked),
            (RESCUE, running && !job.fresh && room),
        ] {
            if possible {
                moves.due(kind, index as u16);
            }
        }
        for (kind, possible) in [
            (LOSE_HEARTBEAT, job.leased && job.fresh),
            (TIMEOUT_TO_READY, parked && room),
            (TIMEOUT_TO_DLQ, parked),
        ] {
            if possible {
                moves.may(kind, index as u16);
            }
        }
        for (claim, lease) in job.claims.iter().zip(1..) {
            let stale = job.lease > lease || !job.leased && !job.waiting;
            if claim.open && stale {
                moves.due(RESCUE_RECEIPT, pair(index, lease));
            }
        }
    }

    /// What a worker may do: claim the job, and end what it believes to be its attempt.
    fn offer_worker(&self, index: usize, job: &Job, worker: u8, moves: &mut Moves) {
        let task = job.tasks[usize::from(worker)];
        let turn = self.in_turn(job) || self.is(Mutant::ClaimsOutOfTurn);
        let rings = self.lease.is_open() && self.claim.is_open();
        let claims = job.lease < self.sizes.0.leases && rings && turn && self.is_ready(index);
        let owns = job.owner == Some(worker) && task == job.lease;
        let fenced = !self.is(Mutant::FinalizesUnfenced);
        let ends = job.leased && (owns || !fenced && task != 0);
        let running = ends && !job.waiting;
        let terminal = self.terminal.is_open();
        for (kind, possible) in [
            (CLAIM, claims),
            (PARK, ends && job.attempt),
            (FAST_COMPLETE, running && !job.attempt && terminal),
            (COMPLETE, running && job.attempt && terminal),
            (FAIL, running),
            (RETRY, running),
            // Two reasons to refuse a worker, each of which is a way to do so.
            (REJECT_STALE, task != 0 && !job.leased),
            (REJECT_STALE, task != 0 && task != job.lease),
        ] {
            if possible {
                moves.due(kind, pair(index, worker));
            }
        }
    }

    /// What an operator may do.
    fn offer_cancel(&self, index: usize, job: &Job, moves: &mut Moves) {
        let open = self.terminal.is_open();
        let receipt = job.claim(job.lease).is_some_and(|claim| claim.open);
        let ready = self.is_ready(index) && !job.waiting;
        let again = ready && self.has_room();
        for (kind, possible) in [
            (CANCEL_WAITING, job.waiting && open),
            (CANCEL_RUNNING, job.leased && !job.waiting && open),
            (CANCEL_RECEIPT, receipt && !job.leased && !job.waiting && open),
            (CANCEL_READY, ready && open),
            (REPRIORITISE, again),
            (MOVE_QUEUE, again),
        ] {
            if possible {
                moves.may(kind, index as u16);
            }
        }
    }

    fn offer_rings(&self, moves: &mut Moves) {
        for (number, ring) in self.rings().into_iter().enumerate() {
            let sealed = ring.segment(ring.next()) == Segment::Sealed && ring.is_open();
            let careless = match number {
                LEASE => self.is(Mutant::RotatesIntoSealedLeases),
                CLAIMS => self.is(Mutant::RotatesIntoSealedClaims),
                _ => false,
            };
            if ring.may_rotate() || sealed && careless {
                moves.may(ROTATE, number as u16);
            }
            for segment in 0..self.sizes.0.segments {
                if self.may_prune(number, segment) {
                    moves.due(PRUNE, pair(number, segment));
                }
            }
        }
        moves.may(REST, 0);
    }

    fn rings(&self) -> [&Ring; 4] {
        [&self.ready, &self.lease, &self.terminal, &self.claim]
    }

    fn may_prune(&self, ring: usize, segment: u8) -> bool {
        let sealed = self.rings()[ring].segment(segment) == Segment::Sealed;
        let at = Some(segment);
        let mut jobs = self.jobs().iter().enumerate();
        match ring {
            READY => {
                sealed
                    && jobs.all(|(index, job)| job.ready_segment != at || self.is_spent(index, job))
            }
            LEASE => {
                let live = |job: &Job| job.leased || job.attempt;
                let spared = self.is(Mutant::PrunesLiveLeases);
                sealed && jobs.all(|(_, job)| spared || job.lease_segment != at || !live(job))
            }
            TERMINAL => sealed && jobs.all(|(_, job)| job.terminal_segment != at || !job.terminal),
            _ => {
                let careless = self.is(Mutant::PrunesClaimCursor);
                let left = careless || sealed && segment != self.claim.cursor();
                let open = !self.is(Mutant::PrunesOpenClaims);
                let mut claims = jobs.flat_map(|(_, job)| job.claims);
                left && claims.all(|claim| claim.segment != at || !(open && claim.open))
            }
        }
    }

    /// Whether neither the job's body nor its terminal row is needed where they lie.
    fn is_spent(&self, index: usize, job: &Job) -> bool {
        let ready = self.is_ready(index) && !self.is(Mutant::PrunesReady);
        let leased = job.leased && !self.is(Mutant::PrunesLeased);
        // A receipt without a closure row has the terminal row as its only evidence.
        let bare = |claim: &super::state::Claim| claim.segment.is_some() && !claim.closed;
        let evidence = job.claims.iter().any(bare) && !self.is(Mutant::PrunesEvidence);
        !ready && !leased && !job.has_open_receipt() && !evidence
    }
}

/// What comes of it.
impl State {
    fn advance_rows(&mut self, kind: u8, index: usize) {
        match kind {
            ENQUEUE | PROMOTE | RETRY_FROM_DLQ => {
                let job = &mut self.jobs[index];
                (job.deferred, job.dead) = (false, false);
                self.append(index);
                self.lane.ready_count += 1;
            }
            DEFER => self.jobs[index].deferred = true,
            SKIP => self.lane.claim_seq += 1,
            MOVE_TO_DLQ => {
                let closes = self.closes_what_it_removes();
                let job = &mut self.jobs[index];
                (job.terminal, job.dead) = (false, true);
                job.terminal_segment = None;
                let lease = job.lease;
                if closes && job.claim(lease).is_some_and(|claim| claim.segment.is_some()) {
                    self.close_receipt(index, lease, true);
                }
            }
            _ => self.jobs[index].dead = false,
        }
    }

    fn advance_attempt(&mut self, kind: u8, index: usize, other: u8) {
        let rescues = !self.is(Mutant::RescuesNothing);
        let job = &mut self.jobs[index];
        match kind {
            CLAIM => self.start(index, other),
            MATERIALISE => job.attempt = true,
            HEARTBEAT | LOSE_HEARTBEAT => job.fresh = kind == HEARTBEAT,
            FLUSH => job.progress = true,
            PARK => (job.waiting, job.fresh) = (true, false),
            RESUME => (job.waiting, job.fresh) = (false, true),
            TIMEOUT_TO_READY | TIMEOUT_TO_DLQ | RESCUE => {
                if kind != RESCUE {
                    job.tasks.fill(0);
                }
                self.end_attempt(index, true);
                match kind {
                    TIMEOUT_TO_DLQ => self.jobs[index].dead = true,
                    _ => {
                        self.append(index);
                        self.lane.ready_count += 1;
                    }
                }
            }
            RESCUE_RECEIPT if !rescues => {}
            RESCUE_RECEIPT => self.close_receipt(index, other, true),
            REJECT_STALE => job.tasks[usize::from(other)] = 0,
            _ => self.finalize(kind, index, other),
        }
    }

    fn start(&mut self, index: usize, worker: u8) {
        let (lease, claim) = (self.lease.cursor(), self.claim.cursor());
        let job = &mut self.jobs[index];
        job.lease += 1;
        (job.leased, job.fresh, job.owner) = (true, true, Some(worker));
        job.tasks[usize::from(worker)] = job.lease;
        job.lease_segment = Some(lease);
        let receipt = &mut job.claims[usize::from(job.lease) - 1];
        (receipt.segment, receipt.open) = (Some(claim), true);
        self.lane.claim_seq += 1;
        self.lane.ready_count -= 1;
        self.lane.leased_count += 1;
    }

    /// A worker ends the attempt that it believes to be at work on.
    fn finalize(&mut self, kind: u8, index: usize, worker: u8) {
        let task = std::mem::take(&mut self.jobs[index].tasks[usize::from(worker)]);
        if !self.jobs[index].claim(task).is_some_and(|claim| claim.open) {
            self.note(Breach::FinalizedAgain { worker, lease: task });
        }
        let fast_open = kind == FAST_COMPLETE && self.is(Mutant::CompletesWithReceiptOpen);
        let lease = self.jobs[index].lease;
        self.end_attempt(index, matches!(kind, FAIL | RETRY));
        match kind {
            FAIL => self.jobs[index].dead = true,
            RETRY => self.jobs[index].deferred = true,
            _ => self.lay_down(index),
        }
        if fast_open {
            self.jobs[index].claims[usize::from(lease) - 1].open = true;
        }
    }

    fn advance_cancel(&mut self, kind: u8, index: usize) {
        match kind {
            CANCEL_WAITING | CANCEL_RUNNING => {
                self.jobs[index].tasks.fill(0);
                self.end_attempt(index, true);
                self.lay_down(index);
            }
            CANCEL_RECEIPT => {
                self.jobs[index].tasks.fill(0);
                self.close_receipt(index, self.jobs[index].lease, true);
                self.lay_down(index);
            }
            CANCEL_READY => {
                self.bury(index);
                self.lay_down(index);
                self.lane.ready_count -= 1;
            }
            _ => {
                self.bury(index);
                self.append(index);
            }
        }
    }

    fn closes_what_it_removes(&self) -> bool {
        self.is_mended() && !self.is(Mutant::RemovesEvidence)
    }

    fn rotate(&mut self, ring: usize) {
        let ring = match ring {
            READY => &mut self.ready,
            LEASE => &mut self.lease,
            TERMINAL => &mut self.terminal,
            _ => &mut self.claim,
        };
        let sealed = ring.segment(ring.next()) == Segment::Sealed;
        ring.rotate();
        if sealed {
            self.note(Breach::RotatedIntoSealed);
        }
    }

    fn prune(&mut self, ring: usize, segment: u8) {
        let at = Some(segment);
        match ring {
            READY => self.prune_ready(segment),
            LEASE => {
                let inside = |job: &&mut Job| job.lease_segment == at;
                self.jobs.iter_mut().filter(inside).for_each(|job| job.lease_segment = None);
                self.lease.prune(segment);
            }
            TERMINAL => {
                let inside = |job: &&mut Job| job.terminal_segment == at;
                self.jobs.iter_mut().filter(inside).for_each(|job| job.terminal_segment = None);
                self.terminal.prune(segment);
            }
            _ => {
                let claims = self.jobs.iter_mut().flat_map(|job| &mut job.claims);
                for claim in claims.filter(|claim| claim.segment == at) {
                    (claim.segment, claim.closed) = (None, false);
                }
                self.claim.prune(segment);
            }
        }
    }

    fn prune_ready(&mut self, segment: u8) {
        let at = Some(segment);
        for job in self.jobs.iter_mut().filter(|job| job.ready_segment == at) {
            (job.ready, job.terminal, job.lane_seq) = (false, false, 0);
            (job.ready_segment, job.terminal_segment) = (None, None);
        }
        for tombstone in &mut self.tombstones {
            tombstone.take_if(|it| it.segment == at);
        }
        self.ready.prune(segment);
    }
}
