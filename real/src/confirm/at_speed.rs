//! A model on real services: all clients at once, judged by what they heard.

use checker::{Property, Verdict};
use futures_util::future::{Either, select};
use models::served::{Remote, Served, Setup, Spoken};
use models::worlds::{EXPIRED, TAKEN};
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

use super::{Confirmation, Options, Outcome, asked, notes, row, runs, stats};
use crate::error::RealError;
use crate::speed::{Counts, Speed};
use crate::targets::{Targets, runtime};

/// Runs all clients of a model at once against real services, in real time.
pub fn confirm_model(
    served: &dyn Served,
    setup: &Setup<'_>,
    targets: &Targets,
    options: Options,
) -> Result<Confirmation, RealError> {
    let begin = Instant::now();
    let runtime = runtime()?;
    // A trace before this one may have left transactions open.
    targets.exact.take();
    let runs = runs(setup);
    if let Some((_, database)) = &targets.postgres {
        runtime.block_on(async {
            let mut connection = database.connect().await?;
            database.reset(&mut connection, runs).await
        })?;
    }
    let speed = Rc::new(Speed::new(targets, runs, options));
    let remote: Rc<dyn Remote> = Rc::clone(&speed) as _;
    let speaking = served.speak_on(setup, remote)?;
    let spoken = runtime.block_on(async {
        let broken = pin!(speed.broken());
        let first = select(speaking, broken);
        match tokio::time::timeout(options.time_max, first).await {
            Ok(Either::Left((spoken, _))) => Ok(Some(spoken)),
            Ok(Either::Right(_)) => {
                Err(RealError::Broke { why: speed.error().unwrap_or_default() })
            }
            Err(_) => Ok(None),
        }
    })?;
    let spoken = spoken.unwrap_or_else(|| unfinished(&options));
    let breaks = setup.mutant.and_then(|mutant| breaks(served.name(), mutant));
    let mut found = told_at_speed(served.name(), breaks, spoken, &speed, targets);
    if served.breaks_services(setup)? {
        for row in &mut found.rows {
            row.outcome = Outcome::Inconclusive;
            row.why = format!("no real {} can be told to be broken like this", row.service);
        }
    }
    found.seconds = begin.elapsed().as_secs_f64();
    Ok(found)
}

/// A run that did not come to its end says nothing.
fn unfinished(options: &Options) -> Spoken {
    let why = format!("the run was not over after {} s", options.time_max.as_secs());
    Spoken {
        verdict: Verdict::Unknown { why },
        ops: 0,
        stats: Vec::new(),
        marks: Default::default(),
        history: Vec::new(),
    }
}

/// The promise that a mutant breaks in simulation.
fn breaks(model: &str, mutant: &str) -> Option<Property> {
    let card = models::find(model).ok()?.card();
    card.mutants.into_iter().find(|it| it.name == mutant).map(|it| it.breaks)
}

fn told_at_speed(
    model: &str,
    breaks: Option<Property>,
    spoken: Spoken,
    speed: &Speed,
    targets: &Targets,
) -> Confirmation {
    let counts = speed.counts();
    let mut notes = notes(targets);
    if counts.lost > 0 {
        let why = speed.error().unwrap_or_default();
        notes.push(format!("{} calls were lost, the first because: {why}", counts.lost));
    }
    let (outcome, why) = match (&spoken.verdict, breaks) {
        (Verdict::Unknown { why }, _) => (Outcome::Inconclusive, why.clone()),
        (Verdict::Pass, None) => (Outcome::Agrees, "every promise held".to_owned()),
        (Verdict::Pass, Some(wanted)) => {
            (Outcome::Inconclusive, format!("did not break {wanted} in this run"))
        }
        (Verdict::Fail(it), Some(wanted)) if it.property == wanted => {
            (Outcome::Agrees, format!("breaks {wanted} here as in simulation: {}", it.why))
        }
        // At full speed the first thing that can be proved may be another: while the second of two
        // writers has yet to hear that it won, a reader sees a number that nobody made.
        (Verdict::Fail(it), Some(wanted)) => {
            let why = format!("breaks {wanted} in simulation, {} here: {}", it.property, it.why);
            (Outcome::Agrees, why)
        }
        (Verdict::Fail(it), None) => (Outcome::Breaks, format!("{}: {}", it.property, it.why)),
    };
    let rows = asked(targets, counts.answers).map(|(_, card, answers)| {
        row(model, "at-speed", card, outcome, format!("{why} ({answers} answers)"))
    });
    let rows = rows.collect();
    Confirmation {
        rows,
        stats: stats(&spoken.stats, &extra_at_speed(&spoken, &counts)),
        verdict: spoken.verdict,
        seconds: 0.0,
        history: spoken.history,
        waits: 0,
        compared: 0,
        at: None,
        notes,
    }
}

fn extra_at_speed(spoken: &Spoken, counts: &Counts) -> Vec<(&'static str, u64)> {
    let mut extra = vec![
        ("expiries_mid_transition", counts.expiries),
        ("taken_over_mid_transition", counts.expiries),
        ("pauses", counts.pauses),
        ("lost_calls", counts.lost),
        ("ops", spoken.ops as u64),
    ];
    let own = spoken.marks.iter().filter(|(name, _)| *name != EXPIRED && *name != TAKEN);
    extra.extend(own);
    extra
}
