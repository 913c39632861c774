//! What holds of the storage: awa's own invariants, and those that it lacks.
//!
//! Each is a promise by itself, by the name awa gives it. What the types say already (that a segment
//! is open, sealed or pruned) is no promise here.

use super::state::{Breach, Claim, Job, State};
use crate::promise::{Promise, unless};

/// Every job is so.
fn each(state: &State, wrong: &str, right: impl Fn(&Job) -> bool) -> Result<(), String> {
    match state.jobs().iter().position(|job| !right(job)) {
        Some(index) => Err(format!("job {index} {wrong}")),
        None => Ok(()),
    }
}

/// Every job that is ready, its turn aside, is so.
fn each_ready(state: &State, wrong: &str, right: impl Fn(&Job) -> bool) -> Result<(), String> {
    let ready = |index: &usize| state.is_ready(*index);
    let mut ready = (0..state.jobs().len()).filter(ready);
    match ready.find(|index| !right(&state.jobs[*index])) {
        Some(index) => Err(format!("job {index} is ready, {wrong}")),
        None => Ok(()),
    }
}

/// Every receipt is so.
fn each_claim(state: &State, wrong: &str, right: impl Fn(&Claim) -> bool) -> Result<(), String> {
    each(state, wrong, |job| job.claims.iter().all(&right))
}

/// What awa's specification promises.
pub(super) const PUBLISHED: &[Promise<State>] = &[
    Promise::new("type-ok", counts_in_range),
    Promise::new("one-open-ready-segment", |it| it.ready.one_open()),
    Promise::new("one-open-lease-segment", |it| it.lease.one_open()),
    Promise::new("one-open-terminal-segment", |it| it.terminal.one_open()),
    Promise::new("one-open-claim-segment", |it| it.claim.one_open()),
    Promise::new("ready-cursor-is-open", |it| it.ready.cursor_is_open()),
    Promise::new("lease-cursor-is-open", |it| it.lease.cursor_is_open()),
    Promise::new("terminal-cursor-is-open", |it| it.terminal.cursor_is_open()),
    Promise::new("claim-cursor-is-open", |it| it.claim.cursor_is_open()),
    Promise::new("deferred-has-no-live-runtime", |it| {
        let live = |job: &Job| job.leased || job.attempt || job.waiting;
        each(it, "is deferred, and an attempt is under way", |job| !job.deferred || !live(job))
    }),
    Promise::new("waiting-is-lease-state", |it| {
        each(it, "waits without a lease", |job| !job.waiting || job.leased)
    }),
    Promise::new("waiting-requires-attempt-state", |it| {
        each(it, "waits, and its attempt keeps no state", |job| !job.waiting || job.attempt)
    }),
    Promise::new("active-leases-subset-ready-entries", |it| {
        each(it, "is leased, and its body is gone", |job| !job.leased || job.ready)
    }),
    Promise::new("attempt-state-requires-live-lease", |it| {
        each(it, "has the state of an attempt and no lease", |job| !job.attempt || job.leased)
    }),
    Promise::new("fresh-heartbeat-requires-lease", |it| {
        let runs = |job: &Job| job.leased && !job.waiting;
        each(it, "has a heartbeat and does not run", |job| !job.fresh || runs(job))
    }),
    Promise::new("progress-requires-attempt-state", |it| {
        each(it, "has made progress in no attempt", |job| !job.progress || job.attempt)
    }),
    Promise::new("terminal-has-no-live-runtime", |it| {
        let live = |job: &Job| job.leased || job.attempt || job.waiting || job.deferred;
        let idle = |job: &Job| !live(job) && !job.has_open_receipt();
        each(it, "is done, and an attempt is under way", |job| !job.terminal || idle(job))
    }),
    Promise::new("terminal-has-retained-ready-body", |it| {
        let kept = |job: &Job| job.ready && job.lane_seq != 0 && job.ready_segment.is_some();
        each(it, "is done, and its body is gone", |job| !job.terminal || kept(job))
    }),
    Promise::new("dlq-has-no-live-runtime", dead_is_idle),
    Promise::new("dlq-and-terminal-disjoint", |it| {
        each(it, "is dead and done", |job| !(job.dead && job.terminal))
    }),
    Promise::new("ready-entries-have-lane-seq", |it| {
        each_ready(it, "and has no place in the lane", |job| job.lane_seq != 0)
    }),
    Promise::new("deferred-entries-clear-lane-seq", |it| {
        each(it, "is deferred with a place in the lane and no body", |job| {
            !job.deferred || job.ready || job.lane_seq == 0
        })
    }),
    Promise::new("dlq-entries-clear-lane-seq", |it| {
        each(it, "is dead with a place in the lane and no body", |job| {
            !job.dead || job.ready || job.lane_seq == 0
        })
    }),
    Promise::new("ready-lane-seq-unique", places_are_unique),
    Promise::new("claim-cursor-bounded", |it| {
        let lane = it.lane;
        unless(lane.claim_seq <= lane.append_seq, || {
            format!("{} is to be claimed and {} to be appended", lane.claim_seq, lane.append_seq)
        })
    }),
    Promise::new("current-ready-at-or-ahead-of-cursor", |it| {
        each_ready(it, "and the cursor is past it", |job| job.lane_seq >= it.lane.claim_seq)
    }),
    Promise::new("pruned-ready-segments-are-empty", |it| {
        it.ready.pruned_is_empty("a body", it.jobs().iter().map(|job| job.ready_segment))
    }),
    Promise::new("pruned-lease-segments-are-empty", |it| {
        it.lease.pruned_is_empty("a lease", it.jobs().iter().map(|job| job.lease_segment))
    }),
    Promise::new("pruned-terminal-segments-are-empty", |it| {
        let rows = it.jobs().iter().map(|job| job.terminal_segment);
        it.terminal.pruned_is_empty("a terminal row", rows)
    }),
    Promise::new("pruned-claim-segments-are-empty", |it| {
        let receipts = it.jobs().iter().flat_map(|job| job.claims.map(|claim| claim.segment));
        it.claim.pruned_is_empty("a receipt", receipts)
    }),
    Promise::new("no-lost-claim", open_is_kept),
    Promise::new("claim-open-and-closed-disjoint", |it| {
        each_claim(it, "has a receipt both open and closed", |claim| !(claim.open && claim.closed))
    }),
    Promise::new("open-claim-has-segment", |it| {
        let kept = |claim: &Claim| !claim.open || claim.segment.is_some();
        each_claim(it, "has an open receipt that lies nowhere", kept)
    }),
    Promise::new("closed-claim-has-segment", |it| {
        let kept = |claim: &Claim| !claim.closed || claim.segment.is_some();
        each_claim(it, "has a closure row that lies nowhere", kept)
    }),
    Promise::new("lane-state-consistent", counts_are_right),
    Promise::new("task-lease-bounded", |it| {
        let bounded = |job: &Job| job.tasks.iter().all(|task| *task <= job.lease);
        each(it, "is at work in an attempt that is yet to come", bounded)
    }),
];

/// What it lacks, and its states show.
pub(super) const LACKING: &[Promise<State>] = &[
    Promise::new("evidence-complete", evidence_is_complete),
    Promise::new("active-lease-has-segment", |it| {
        let kept = |job: &Job| !job.leased || job.lease_segment.is_some();
        each(it, "is leased, and its lease was pruned", kept)
    }),
];

/// What it lacks, and no state shows afterwards.
pub(super) const NOTED: &[Promise<State>] = &[
    Promise::new("rotate-only-into-pruned", |it| {
        unless(it.breach != Some(Breach::RotatedIntoSealed), || {
            "a segment was opened that had not been pruned".to_owned()
        })
    }),
    Promise::new("at-most-one-finalize-per-lease", |it| match it.breach {
        Some(Breach::FinalizedAgain { worker, lease }) => {
            Err(format!("worker {worker} ended attempt {lease}, which had ended before"))
        }
        _ => Ok(()),
    }),
];

fn counts_in_range(state: &State) -> Result<(), String> {
    let (lane, jobs) = (state.lane, state.sizes.0.jobs as i8);
    let in_range = |count: i8| (0..=jobs).contains(&count);
    unless(in_range(lane.ready_count) && in_range(lane.leased_count), || {
        format!("{} are ready and {} leased, of {jobs}", lane.ready_count, lane.leased_count)
    })
}

fn counts_are_right(state: &State) -> Result<(), String> {
    let ready = (0..state.jobs().len()).filter(|index| state.is_ready(*index)).count() as i8;
    let leased = state.jobs().iter().filter(|job| job.leased).count() as i8;
    let lane = state.lane;
    unless((lane.ready_count, lane.leased_count) == (ready, leased), || {
        let (said, other) = (lane.ready_count, lane.leased_count);
        format!("{ready} are ready and {leased} leased; the lane says {said} and {other}")
    })
}

fn dead_is_idle(state: &State) -> Result<(), String> {
    let live = |job: &Job| job.leased || job.attempt || job.waiting || job.deferred;
    each(state, "is dead, and an attempt is under way", |job| !job.dead || !live(job))?;
    each_ready(state, "and dead", |job| !job.dead)
}

fn places_are_unique(state: &State) -> Result<(), String> {
    let ready: Vec<usize> = (0..state.jobs().len()).filter(|it| state.is_ready(*it)).collect();
    let place = |index: usize| state.jobs[index].lane_seq;
    let twice = ready
        .iter()
        .find(|one| ready.iter().any(|other| other != *one && place(*other) == place(**one)));
    twice.map_or(Ok(()), |index| Err(format!("two jobs are ready at place {}", place(*index))))
}

fn open_is_kept(state: &State) -> Result<(), String> {
    let kept = |claim: &Claim| {
        let segment = claim.segment.map(|segment| state.claim.segment(segment));
        segment.is_some_and(|segment| segment != super::super::ring::Segment::Pruned)
    };
    each_claim(state, "has an open receipt that was pruned", |claim| !claim.open || kept(claim))
}

/// Of every receipt that is not open something says so for as long as it lies there: a closure row
/// beside it, or the job's row where the attempt took it. Otherwise a rescue takes the attempt for
/// one whose worker is gone, and runs a job again that is done.
fn evidence_is_complete(state: &State) -> Result<(), String> {
    let told = |job: &Job, claim: &Claim, lease: u8| {
        let arrived = job.terminal || job.deferred || job.dead;
        claim.closed || arrived && job.lease == lease
    };
    for (index, job) in state.jobs().iter().enumerate() {
        for (claim, lease) in job.claims.iter().zip(1..) {
            if claim.segment.is_some() && !claim.open && !told(job, claim, lease) {
                return Err(format!("nothing says that attempt {lease} of job {index} has ended"));
            }
        }
    }
    Ok(())
}
