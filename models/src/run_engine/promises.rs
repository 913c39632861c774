//! What the run engine promises, as it can be seen in the two stores.
//!
//! Most of it is about the row that was added last and its parent. That a run is looked for is a
//! promise about later; so it is held to when everybody is done: what is queued has its message by
//! then, and of what a runner should be at work on somebody will ask whether it is.

use super::jobs::Kind;
use super::table::{Snapshot, Status};
use super::words::{begun, snapshot};
use super::world::Engine;
use checker::{Property, Violation};

/// The latest snapshot is the one that was committed last.
pub(super) const LATEST: Property = Property::named("latest-is-last");
/// A run that is queued has a message.
pub(super) const QUEUED: Property = Property::named("queued-has-message");
/// A run that a runner is taken to be at work on is looked at again.
pub(super) const NOTICED: Property = Property::named("stall-is-noticed");
/// A job that was sent anew is not deleted by who is done with the one before.
pub(super) const ANEW: Property = Property::named("rescheduled-is-kept");
/// What belongs to a run is copied from snapshot to snapshot.
pub(super) const CONTEXT: Property = Property::named("context-kept");
/// A run that is frozen is looked at so often and not more.
pub(super) const RESTARTS: Property = Property::named("restarts-bounded");
/// There is one run for each key.
pub(super) const ONE_RUN: Property = Property::named("one-run-per-key");
/// A report is about the latest snapshot, or refused.
pub(super) const STALE: Property = Property::named("stale-worker-refused");
/// A run that is over stays so.
pub(super) const FINAL: Property = Property::named("finished-is-final");
/// A run goes from a status only to those that follow it.
pub(super) const LEGAL: Property = Property::named("legal-transition");

/// What holds after every step.
pub(super) fn kept(now: &Engine, restarts: u8) -> Result<(), Violation> {
    let broken = |property: Property, why: String| Err(Violation::new(property, why));
    if now.jobs.restarts() > restarts {
        let why = format!("a frozen run was restarted {} times", now.jobs.restarts());
        return broken(RESTARTS, why);
    }
    if let Some(job) = now.jobs.swallowed() {
        let why = format!("the {} of {} was sent anew, and is gone", job.kind, snapshot(job.about));
        return broken(ANEW, why);
    }
    let rows = now.table.rows();
    let Some((last, earlier)) = rows.split_last() else { return Ok(()) };
    if let Some(other) = earlier.iter().find(|it| it.run != last.run) {
        return broken(ONE_RUN, format!("{} and {} have one key", other.run, last.run));
    }
    let sibling = earlier.iter().find(|it| it.previous == last.previous);
    if let Some(other) = sibling {
        let why = format!(
            "{} and {} both follow {}",
            snapshot(other.id),
            snapshot(last.id),
            snapshot(last.previous)
        );
        return broken(Property::FORK, why);
    }
    let latest = now.table.latest(last.run).map_or(0, |it| it.id);
    if latest != last.id {
        let why = format!("{} was committed after {}", snapshot(last.id), snapshot(latest));
        return broken(LATEST, format!("{why}, which is taken for the latest"));
    }
    let parent = earlier.iter().find(|it| it.id == last.previous);
    // How it came to be what it was in the beginning is another story.
    parent.filter(|_| last.id < begun(0)).map_or(Ok(()), |parent| moved(parent, last))
}

/// What holds of a snapshot and the one it follows.
fn moved(from: &Snapshot, to: &Snapshot) -> Result<(), Violation> {
    let ways = format!("from {} to {}", from.status, to.status);
    let broken = |property: Property, why: String| Err(Violation::new(property, why));
    if from.status == Status::Finished {
        return broken(FINAL, format!("{} moved {ways}", to.run));
    }
    if let Some(about) = to.report.filter(|about| *about != from.id) {
        let why = format!("a report about {} moved {} {ways}", snapshot(about), to.run);
        return broken(STALE, why);
    }
    if !from.status.leads_to(to.status) {
        return broken(LEGAL, format!("{} moved {ways}", to.run));
    }
    if from.batch && !to.batch {
        return broken(CONTEXT, format!("{} moved {ways} and lost its batch", to.run));
    }
    let restored = matches!(to.status, Status::Queued | Status::PendingExecuting);
    if from.checkpoint && restored && !to.checkpoint {
        return broken(CONTEXT, format!("{} moved {ways} and lost its checkpoint", to.run));
    }
    Ok(())
}

/// What holds when faults have stopped and everybody is done.
pub(super) fn settled(now: &Engine) -> Result<(), Violation> {
    let Some(last) = now.table.rows().last() else { return Ok(()) };
    let about = |kinds: &[Kind]| {
        now.jobs.all().any(|it| it.about == last.id && kinds.contains(&it.kind))
    };
    let blocked = now.table.is_blocked(last.run);
    let of_run = |kind: Kind| now.jobs.all().any(|it| it.run == last.run && it.kind == kind);
    let (property, is_seen) = match last.status {
        Status::Queued | Status::QueuedExecuting => (QUEUED, about(&[Kind::Run, Kind::Expired])),
        Status::Delayed => (NOTICED, about(&[Kind::Delayed])),
        Status::Suspended => {
            (NOTICED, blocked || about(&[Kind::Stalled]) || of_run(Kind::Continue))
        }
        Status::RunCreated | Status::Finished => return Ok(()),
        _ => (NOTICED, about(&[Kind::Stalled])),
    };
    match is_seen {
        true => Ok(()),
        false => {
            let why = format!("{} is {} for ever: no job is about it", last.run, last.status);
            Err(Violation::new(property, why))
        }
    }
}
