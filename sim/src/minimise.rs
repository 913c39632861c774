//! Makes a failing schedule as short as it can be, knowing nothing of any model.
//!
//! Sound because a replay is total: it skips what is no longer possible and ends dully, so every
//! subsequence of a schedule is a schedule. What counts is the number of steps up to the failure,
//! dull ones included, because that is what a person has to read.

use crate::registry::{AnyModel, SetupError};
use crate::session::{Outcome, Plan, Session};
use crate::step::Step;
use checker::Property;
use serde_json::{Map, Value};

/// A failing schedule: the setup it fails in, and its steps up to the failure.
pub struct Cause {
    /// The parameters.
    pub params: Map<String, Value>,
    /// The steps, dull ones included.
    pub steps: Vec<Step>,
    /// What came of them.
    pub outcome: Outcome,
    /// How many schedules were tried.
    pub tried: usize,
}

/// How many schedules may be tried; a bound on time, not on soundness.
const TRIED_MAX: usize = 20_000;

/// Finds a shorter cause of the same broken promise. `None` if `steps` break none.
pub fn minimise(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
    steps: &[Step],
    faults_max: u32,
) -> Result<Option<Cause>, SetupError> {
    let session = model.session(params, mutant)?;
    let Some(property) = Search::broken(session, steps, faults_max) else { return Ok(None) };
    let mut session = model.session(params, mutant)?;
    let outcome = session.play(&Plan::Steps { steps, faults_max });
    let steps = session.steps()[..failed_after(&outcome, session.steps().len())].to_vec();
    let cause = Cause { params: params.clone(), steps, outcome, tried: 1 };
    let mut search = Search { model, mutant, property, session, cause };
    loop {
        let before = (search.cause.steps.len(), search.cause.params.clone());
        search.shorten();
        search.simplify();
        if before == (search.cause.steps.len(), search.cause.params.clone()) {
            return Ok(Some(search.cause));
        }
    }
}

/// How many steps were taken when the promise was broken.
pub fn failed_after(outcome: &Outcome, taken: usize) -> usize {
    let at = outcome.verdict.violation().and_then(|violation| violation.at);
    at.map_or(taken, |at| (at / 2) as usize).min(taken)
}

struct Search<'a> {
    model: &'a dyn AnyModel,
    mutant: Option<&'a str>,
    property: Property,
    session: Box<dyn Session>,
    cause: Cause,
}

impl Search<'_> {
    fn broken(mut session: Box<dyn Session>, steps: &[Step], faults_max: u32) -> Option<Property> {
        session.play(&Plan::Steps { steps, faults_max }).verdict.broken().cloned()
    }

    /// Plays `steps`; keeps them if they break the same promise sooner.
    fn try_steps(&mut self, steps: &[Step]) -> bool {
        self.cause.tried += 1;
        let faults_max = steps.iter().filter(|step| step.is_fault()).count() as u32;
        let outcome = self.session.play(&Plan::Steps { steps, faults_max });
        if outcome.verdict.broken() != Some(&self.property) {
            return false;
        }
        let taken = self.session.steps();
        let count = failed_after(&outcome, taken.len());
        if count >= self.cause.steps.len() {
            return false;
        }
        self.cause.steps = taken[..count].to_vec();
        self.cause.outcome = outcome;
        true
    }

    /// Leaves out ever smaller chunks (Zeller and Hildebrandt's ddmin, complements only: a subset
    /// alone hardly ever fails here).
    fn shorten(&mut self) {
        let mut chunk = self.cause.steps.len().div_ceil(2);
        while chunk > 0 {
            let mut start = 0;
            while start < self.cause.steps.len() && self.cause.tried < TRIED_MAX {
                let mut steps = self.cause.steps.clone();
                steps.drain(start..(start + chunk).min(steps.len()));
                if !self.try_steps(&steps) {
                    start += chunk;
                }
            }
            chunk /= 2;
        }
    }

    /// Tries settings that are easier to read.
    fn simplify(&mut self) {
        let mut next = 0;
        while let Some(params) = self.session.simpler().into_iter().nth(next) {
            // What was simplified has other, simpler settings: begin again.
            next = if self.try_params(params) { 0 } else { next + 1 };
        }
    }

    fn try_params(&mut self, params: Map<String, Value>) -> bool {
        let Ok(mut session) = self.model.session(&params, self.mutant) else { return false };
        self.cause.tried += 1;
        let steps = &self.cause.steps;
        let faults_max = steps.iter().filter(|step| step.is_fault()).count() as u32;
        let outcome = session.play(&Plan::Steps { steps, faults_max });
        let count = failed_after(&outcome, session.steps().len());
        if outcome.verdict.broken() != Some(&self.property) || count > steps.len() {
            return false;
        }
        self.cause.steps = session.steps()[..count].to_vec();
        self.cause.outcome = outcome;
        self.cause.params = params;
        self.session = session;
        true
    }
}
