//! Confirming: the same clients against real services, and what that says of the simulation.
//!
//! A trace is played exactly: every answer of a real service is held to the simulated one. A model
//! is run at full speed, and the checker judges what was heard. What cannot be had (a waiter
//! served out of turn, a budget that ran out) is inconclusive, and never reads as agreement.

mod at_speed;
mod exactly;
mod promises;

use checker::Verdict;
use models::served::Setup;
use serde_json::Value;
use std::fmt;

pub use self::at_speed::confirm_model;
pub use self::exactly::confirm_trace;
pub use self::promises::{Evidence, Promises, Tally, Trial, confirm_promises};
pub use crate::speed::Options;

use crate::service::embedded;
use crate::targets::{Card, Targets};

/// What real services say of the simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// They do as it does.
    Agrees,
    /// They answer otherwise.
    Disagrees,
    /// Nobody can say.
    Inconclusive,
    /// A promise that holds in simulation is broken on them.
    Breaks,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Agrees => "agrees",
            Outcome::Disagrees => "disagrees",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Breaks => "breaks",
        })
    }
}

/// What one service said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The model.
    pub model: String,
    /// `exact` or `at-speed`.
    pub mode: &'static str,
    /// As `--on` has it: `postgres`, `redis`, `s3=minio`.
    pub service: String,
    /// Whether that is evidence.
    pub real: bool,
    /// What it says.
    pub outcome: Outcome,
    /// In a sentence.
    pub why: String,
}

/// All that one confirmation found.
#[derive(Debug)]
pub struct Confirmation {
    /// One for each service that was asked anything.
    pub rows: Vec<Row>,
    /// The figures.
    pub stats: Vec<(String, u64)>,
    /// What the model's spec says of the history on the real services; unknown if they parted.
    pub verdict: Verdict,
    /// How long it took.
    pub seconds: f64,
    /// The recorded history.
    pub history: Vec<Value>,
    /// How many calls waited in both.
    pub waits: u64,
    /// How many answers were compared.
    pub compared: u64,
    /// The step at which the two part, counted from 1, and what it was.
    pub at: Option<(usize, String)>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// The model's figures, some of which only the real side knows.
fn stats(own: &[(&'static str, u64)], extra: &[(&'static str, u64)]) -> Vec<(String, u64)> {
    let known = |name: &str| extra.iter().find(|(it, _)| *it == name).map(|(_, count)| *count);
    let mut all: Vec<(String, u64)> = own
        .iter()
        .map(|(name, count)| ((*name).to_owned(), known(name).unwrap_or(*count)))
        .collect();
    for (name, count) in extra {
        if !own.iter().any(|(it, _)| it == name) {
            all.push(((*name).to_owned(), *count));
        }
    }
    all
}

fn row(model: &str, mode: &'static str, card: &Card, outcome: Outcome, why: String) -> Row {
    let (service, real) = (card.service.clone(), card.real);
    Row { model: model.to_owned(), mode, service, real, outcome, why }
}

/// The services that were asked anything: which of the three, its card, and how often it answered.
fn asked(targets: &Targets, answers: [u64; 3]) -> impl Iterator<Item = (usize, &Card, u64)> {
    let cards = [
        targets.postgres.as_ref().map(|(card, _)| card),
        targets.redis.as_ref().map(|(card, _)| card),
        targets.s3.as_ref().map(|(card, _)| card),
    ];
    let all = cards.into_iter().zip(answers).enumerate();
    all.filter_map(|(index, (card, count))| Some((index, card?, count))).filter(|it| it.2 > 0)
}

fn notes(targets: &Targets) -> Vec<String> {
    let mut notes = Vec::new();
    let missing = [
        ("postgres", targets.postgres.is_none()),
        ("redis", targets.redis.is_none()),
        ("s3", targets.s3.is_none()),
    ];
    let missing: Vec<&str> = missing.iter().filter(|it| it.1).map(|it| it.0).collect();
    if !missing.is_empty() {
        notes.push(format!("not real in this run, but simulated: {}", missing.join(", ")));
    }
    notes.extend(no_evidence(targets));
    notes
}

/// Services whose answers are no evidence.
fn no_evidence(targets: &Targets) -> Vec<String> {
    let said = |card: &Card| {
        let is_ours = card.service.ends_with(embedded::NAME);
        let what = if is_ours { "our own server" } else { "a server under test" };
        format!("{} is {what} and no evidence for S3", card.service)
    };
    targets.services().iter().filter(|card| !card.real).map(said).collect()
}

/// A store that lacks something is not to be held to it: what it does otherwise says nothing.
fn excused(mut found: Confirmation, targets: &Targets) -> Confirmation {
    let (Some((card, _)), [lack, ..]) = (&targets.s3, targets.lacking()) else { return found };
    let differs = |row: &&mut Row| {
        row.service == card.service && matches!(row.outcome, Outcome::Disagrees | Outcome::Breaks)
    };
    for row in found.rows.iter_mut().filter(differs) {
        row.outcome = Outcome::Inconclusive;
        row.why = format!("{lack}; {}", row.why);
        found.verdict = Verdict::Unknown { why: row.why.clone() };
    }
    found
}

/// How many rows a model wants: every model that has several calls that parameter `runs`.
fn runs(setup: &Setup<'_>) -> u16 {
    let runs = setup.params.get("runs");
    let number = runs.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
    number.and_then(|it| u16::try_from(it).ok()).unwrap_or(1)
}
