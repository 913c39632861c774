//! Makes a failing schedule as short as it can be, knowing nothing of any model.
//!
//! Sound because a replay is total: it skips what is no longer possible and ends dully, so every
//! subsequence of a schedule is a schedule. What counts is the number of steps up to the failure,
//! dull ones included, because that is what a person has to read. A short failure is found in many
//! small tries, each of which plays a run to its end, so the whole is bounded by the steps played:
//! a bound on time would make the same schedule come out differently on another machine.

mod keys;
mod order;
mod passes;
mod search;
mod sizes;
mod tried;

pub use tried::{Pass, Tried};

use crate::registry::{AnyModel, SetupError};
use crate::session::{Outcome, Plan};
use crate::step::Step;
use search::Search;
use serde_json::{Map, Value};

/// A failing schedule: the setup it fails in, and its steps up to the failure.
pub struct Cause {
    /// The parameters.
    pub params: Map<String, Value>,
    /// The initial world that it begins in.
    pub start: usize,
    /// The steps, dull ones included.
    pub steps: Vec<Step>,
    /// What came of them.
    pub outcome: Outcome,
    /// How many schedules were tried, and what for.
    pub tried: Tried,
    /// Whether everything was tried: otherwise there may be a shorter one.
    pub complete: bool,
}

/// Steps that may be played to make one cause short: some seconds of a slow model.
const PLAYED_MAX: u64 = 50_000_000;

/// How long to look for a shorter cause.
pub struct Effort<'a> {
    /// Steps that may be played.
    pub played_max: u64,
    /// Asked before every try. False: what was found so far has to do.
    pub keep_going: &'a mut dyn FnMut() -> bool,
}

impl<'a> Effort<'a> {
    /// As many steps as it ever takes, unless `keep_going` says no.
    pub fn while_told(keep_going: &'a mut dyn FnMut() -> bool) -> Self {
        Effort { played_max: PLAYED_MAX, keep_going }
    }
}

/// Finds a shorter cause of the same broken promise. `None` if `steps` break none.
pub fn minimise<'a>(
    model: &'a dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&'a str>,
    steps: &[Step],
    faults_max: u32,
    effort: Effort<'a>,
) -> Result<Option<Cause>, SetupError> {
    minimise_from(model, params, mutant, (0, steps), faults_max, effort)
}

/// The same of steps that begin in the initial world of a given number, which there is. Where they
/// break the promise from the first one too, the cause begins there.
pub fn minimise_from<'a>(
    model: &'a dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&'a str>,
    (start, steps): (usize, &[Step]),
    faults_max: u32,
    effort: Effort<'a>,
) -> Result<Option<Cause>, SetupError> {
    let mut session = model.session(params, mutant)?;
    let first = session.play(&Plan::Steps { steps, faults_max });
    assert!(session.begin_in(start), "there is such an initial world");
    let mut outcome = session.play(&Plan::Steps { steps, faults_max });
    let Some(property) = outcome.verdict.broken().cloned() else { return Ok(None) };
    if first.verdict.broken() == Some(&property) && session.begin_in(0) {
        outcome = session.play(&Plan::Steps { steps, faults_max });
    }
    let start = session.start();
    let taken = session.steps();
    let cut = taken[..failed_after(&outcome, taken.len())].to_vec();
    let played = taken.len() as u64;
    let (params, steps, tried) = (params.clone(), steps.to_vec(), Tried::default());
    let cause = Cause { params, start, steps, outcome, tried, complete: true };
    let mut search = Search { model, mutant, property, session, cause, effort, played };
    search.begin(&cut);
    while search.round() {}
    Ok(Some(search.cause))
}

/// How many steps were taken when the promise was broken.
pub fn failed_after(outcome: &Outcome, taken: usize) -> usize {
    let at = outcome.verdict.violation().and_then(|violation| violation.at);
    at.map_or(taken, |at| (at / 2) as usize).min(taken)
}
