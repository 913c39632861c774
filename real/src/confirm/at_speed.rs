//! A model on real services: all clients at once, judged by what they heard.

use checker::{Property, Verdict};
use futures_util::future::{Either, select};
use models::served::{Pace, Remote, Served, Setup, Spoken};
use models::worlds::{EXPIRED, TAKEN};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

use super::{Confirmation, Options, Outcome, asked, excused, notes, row, runs, stats};
use crate::error::RealError;
use crate::speed::{Counts, Speed};
use crate::targets::{Targets, runtime};

/// Of so many clients that were held back past their lock's time, one should have lost it.
const PAUSES_MIN: u64 = 10;

/// Runs all clients of a model at once against real services, in real time.
pub fn confirm_model(
    served: &dyn Served,
    setup: &Setup<'_>,
    targets: &Targets,
    options: Options,
) -> Result<Confirmation, RealError> {
    let begin = Instant::now();
    let mut stage = Stage::new(served, targets, options.clone())?;
    let spoken = stage.speak(setup, options.time_max, Pace::Together)?;
    let spoken = spoken.unwrap_or_else(|| unfinished(&options));
    let nodes = served.redis_nodes(setup)?;
    let breaks = setup.mutant.and_then(|mutant| breaks(served.name(), mutant));
    let mut found = told_at_speed(served.name(), breaks, spoken, &stage);
    if served.breaks_services(setup)? {
        for row in &mut found.rows {
            row.outcome = Outcome::Inconclusive;
            row.why = format!("no real {} can be told to be broken like this", row.service);
        }
    }
    if targets.redis.is_some() && nodes > 1 && targets.redis_servers().len() < nodes {
        let one = "one server stands for all {nodes} nodes of the lock, and none of them crashes";
        found.notes.push(one.replace("{nodes}", &nodes.to_string()));
    }
    found.seconds = begin.elapsed().as_secs_f64();
    Ok(excused(found, targets))
}

/// Where clients run at full speed, once or many times.
pub(super) struct Stage<'a> {
    served: &'a dyn Served,
    targets: &'a Targets,
    options: Options,
    runtime: Runtime,
    /// All its runs have the keys of one, so whoever runs many asks for others in each.
    epoch: u32,
    counts: Counts,
    error: Option<String>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        served: &'a dyn Served,
        targets: &'a Targets,
        options: Options,
    ) -> Result<Self, RealError> {
        // A trace before this may have left transactions open.
        targets.exact.take();
        let (runtime, epoch) = (runtime()?, targets.next_epoch());
        let counts = Counts::default();
        Ok(Stage { served, targets, options, runtime, epoch, counts, error: None })
    }

    /// What all runs did.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What the first call that was lost died of.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Runs all clients; nothing if the time was over first, or somebody wanted it to be.
    pub(super) fn speak(
        &mut self,
        setup: &Setup<'_>,
        time_max: Duration,
        pace: Pace,
    ) -> Result<Option<Spoken>, RealError> {
        let sizes = (runs(setup), self.served.redis_nodes(setup)?);
        if let Some((_, database)) = &self.targets.postgres {
            self.runtime.block_on(async {
                let mut connection = database.connect().await?;
                database.reset(&mut connection, sizes.0).await
            })?;
        }
        let speed = Rc::new(Speed::new(self.targets, self.epoch, sizes, self.options.clone()));
        let remote: Rc<dyn Remote> = Rc::clone(&speed) as _;
        let speaking = self.served.speak_on(setup, remote, pace)?;
        let spoken = self.runtime.block_on(async {
            let broken = pin!(speed.broken());
            let over = pin!(over(time_max, self.options.is_over));
            match select(select(speaking, broken), over).await {
                Either::Left((Either::Left((spoken, _)), _)) => Ok(Some(spoken)),
                Either::Left((Either::Right(_), _)) => {
                    Err(RealError::Broke { why: speed.error().unwrap_or_default() })
                }
                Either::Right(_) => Ok(None),
            }
        });
        self.counts += speed.counts();
        self.error = self.error.take().or(speed.error());
        spoken
    }
}

/// Resolves when the time is over, or somebody wants it to be.
async fn over(time_max: Duration, is_over: fn() -> bool) {
    let deadline = Instant::now() + time_max;
    while Instant::now() < deadline && !is_over() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A run that did not come to its end says nothing.
fn unfinished(options: &Options) -> Spoken {
    let why = match (options.is_over)() {
        true => "the run was interrupted".to_owned(),
        false => format!("the run was not over after {} s", options.time_max.as_secs()),
    };
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
    stage: &Stage<'_>,
) -> Confirmation {
    let counts = stage.counts();
    let mut notes = notes(stage.targets);
    if counts.lost > 0 {
        let why = stage.error().unwrap_or_default();
        notes.push(format!("{} calls were lost, the first because: {why}", counts.lost));
    }
    notes.extend(disturbed(&counts));
    let (outcome, why) = match (&spoken.verdict, breaks) {
        (Verdict::Unknown { why }, _) => (Outcome::Inconclusive, why.clone()),
        (Verdict::Pass, None) if counts.pauses >= PAUSES_MIN && counts.expiries == 0 => {
            let why = "no lock ran out in the middle of a transition".to_owned();
            (Outcome::Inconclusive, why)
        }
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
    let rows = asked(stage.targets, counts.answers).map(|(_, card, answers)| {
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

/// What was done to the clients and to the nodes, and what came of it.
fn disturbed(counts: &Counts) -> Vec<String> {
    let Counts { stops, pauses, expiries, restarts, .. } = *counts;
    let mut said = Vec::new();
    if pauses > 0 {
        let how = match stops {
            0 => format!("{pauses} times a client slept"),
            _ => format!("{stops} times a client's process was stopped (SIGSTOP)"),
        };
        said.push(format!(
            "{how} past its lock's time between read and write; \
             before {expiries} writes somebody else had been given the lock"
        ));
    }
    if restarts > 0 {
        said.push(format!("{restarts} times a node of Redis was killed and came back empty"));
    }
    said
}

fn extra_at_speed(spoken: &Spoken, counts: &Counts) -> Vec<(&'static str, u64)> {
    let mut extra = vec![
        ("expiries_mid_transition", counts.expiries),
        ("taken_over_mid_transition", counts.expiries),
        ("pauses", counts.pauses),
        ("clients_stopped", counts.stops),
        ("nodes_restarted", counts.restarts),
        ("lost_calls", counts.lost),
        ("ops", spoken.ops as u64),
    ];
    let own = spoken.marks.iter().filter(|(name, _)| *name != EXPIRED && *name != TAKEN);
    extra.extend(own);
    extra
}
