//! A trace on real services: played step by step, and told.

use checker::Verdict;
use models::served::{Replayed, Served, Setup};
use models::worlds::gate::Parted;
use sim::step::Step;
use std::time::Instant;

use super::{Confirmation, Outcome, Row, asked, excused, notes, row, runs, stats};
use crate::error::RealError;
use crate::exact::{Counts, Exact, Trouble};
use crate::targets::Targets;

/// How often a trace is tried whose waiters are served out of turn. When a row is let go, the first
/// in its queue and the second race for the new version: on a busy machine the second often wins.
const TRIES: u32 = 25;

/// Plays the first `count` of `steps`, every answer of a real service held to the simulated one.
///
/// A `count` beyond the steps plays on, fair and without a fault, until every client is done: what
/// proves a failure may come after the step that caused it. Connections are kept in `targets`, so
/// that many traces are confirmed quickly.
pub fn confirm_trace(
    served: &dyn Served,
    setup: &Setup<'_>,
    steps: &[Step],
    count: usize,
    targets: &Targets,
) -> Result<Confirmation, RealError> {
    let begin = Instant::now();
    let kept = targets.exact.take();
    let mut exact = match kept {
        Some(exact) => exact,
        None => Exact::new(targets)?,
    };
    let mut tried = 0;
    let replayed = loop {
        tried += 1;
        exact.reset(targets.next_epoch(), runs(setup))?;
        let replayed = served.replay_on(setup, steps, count, &mut exact)?;
        if replayed.parted.is_none() {
            exact.end();
        }
        match exact.trouble() {
            Some(Trouble::OutOfTurn(_)) if tried < TRIES => {}
            _ => break replayed,
        }
    };
    let found = told_exactly(served.name(), replayed, &exact, targets, tried);
    let found = match served.breaks_services(setup)? {
        true => found.map(beyond_us),
        false => found,
    };
    // One that broke is not used again.
    if !matches!(found, Err(RealError::Broke { .. })) {
        targets.exact.replace(Some(exact));
    }
    let found = found.map(|it| excused(it, targets));
    found.map(|it| Confirmation { seconds: begin.elapsed().as_secs_f64(), ..it })
}

fn told_exactly(
    model: &str,
    replayed: Replayed,
    exact: &Exact,
    targets: &Targets,
    tried: u32,
) -> Result<Confirmation, RealError> {
    let counts = exact.counts();
    let mut notes = notes(targets);
    if tried > 1 {
        notes.push(format!("tried {tried} times: a waiter was served out of turn"));
    }
    if replayed.skipped > 0 {
        notes.push(format!("{} steps of the trace were not possible", replayed.skipped));
    }
    if counts.vacuums > 0 {
        notes.push(format!("{} autovacuum ticks became VACUUM", counts.vacuums));
    }
    let step = replayed
        .at
        .as_ref()
        .map(|(number, text)| (*number, text.split(" | ").next().unwrap_or_default().to_owned()));
    let (outcome, why) = match (&replayed.parted, exact.trouble()) {
        (Some(Parted::Differs(it)), _) => {
            let why = format!("{}: simulated {}, real {}", it.call, it.simulated, it.real);
            (Outcome::Disagrees, why)
        }
        (_, Some(Trouble::Early(why))) => (Outcome::Disagrees, why.clone()),
        (_, Some(Trouble::OutOfTurn(why))) => (Outcome::Inconclusive, why.clone()),
        (_, Some(Trouble::Broke(why))) => return Err(RealError::Broke { why: why.clone() }),
        (Some(Parted::Broke(why)), None) => return Err(RealError::Broke { why: why.clone() }),
        (None, None) => (Outcome::Agrees, String::new()),
    };
    let at = (outcome != Outcome::Agrees)
        .then(|| step.unwrap_or((replayed.steps, "the end".to_owned())))
        .map(|(number, text)| (number, format!("{text} | {why}")));
    let rows = asked(targets, counts.answers).map(|(service, card, answers)| {
        let (outcome, why) = match (outcome, &at) {
            (Outcome::Agrees, _) => (outcome, exactly(service, answers, &counts)),
            (_, Some((number, text))) if service == counts.asked_last => {
                (outcome, format!("step {number}, {text}"))
            }
            _ => (Outcome::Agrees, format!("{answers} answers equal until the run ended")),
        };
        row(model, "exact", card, outcome, why)
    });
    let rows = rows.collect();
    Ok(Confirmation {
        rows,
        stats: stats(&replayed.stats, &extra_exact(&counts)),
        verdict: match outcome {
            Outcome::Agrees => replayed.verdict,
            // From there on clients heard what the simulation says, so it is nobody's history.
            _ => Verdict::Unknown { why: "the two sides parted before the end".to_owned() },
        },
        seconds: 0.0,
        history: replayed.history,
        waits: replayed.waits,
        compared: replayed.compared,
        at,
        notes,
    })
}

fn exactly(service: usize, answers: u64, counts: &Counts) -> String {
    let more = match service {
        0 if counts.waits > 0 => format!(", {} waits for a row lock seen", counts.waits),
        1 if counts.lapses > 0 => format!(", {} locks made to run out", counts.lapses),
        _ => String::new(),
    };
    format!("all {answers} answers equal{more}")
}

fn extra_exact(counts: &Counts) -> Vec<(&'static str, u64)> {
    vec![
        ("row_lock_waits", counts.waits),
        ("lapses", counts.lapses),
        ("closes", counts.closes),
        ("vacuums", counts.vacuums),
    ]
}

/// Services that are broken on purpose: that real ones do otherwise says nothing of either.
fn beyond_us(mut found: Confirmation) -> Confirmation {
    let differs = |row: &&mut Row| row.outcome == Outcome::Disagrees;
    for row in found.rows.iter_mut().filter(differs) {
        row.outcome = Outcome::Inconclusive;
        row.why =
            format!("no real {} can be told to be broken like this: {}", row.service, row.why);
    }
    found
}
