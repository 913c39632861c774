//! One try after another, and the best cause so far.
//!
//! What is kept has been played once more as it will be written, cut at its failure: a run that
//! went on after its failure may be judged by what came later, and would not fail again when cut.

use super::{Cause, Effort, Pass, failed_after, keys};
use crate::registry::AnyModel;
use crate::session::{Outcome, Plan, Session};
use crate::step::Step;
use checker::Property;
use serde_json::{Map, Value};

pub(super) struct Search<'a> {
    pub(super) model: &'a dyn AnyModel,
    pub(super) mutant: Option<&'a str>,
    pub(super) property: Property,
    /// Set up with the parameters of the cause.
    pub(super) session: Box<dyn Session>,
    pub(super) cause: Cause,
    pub(super) effort: Effort<'a>,
    pub(super) played: u64,
}

/// A schedule that breaks the promise, cut there.
pub(super) struct Found {
    pub(super) steps: Vec<Step>,
    pub(super) outcome: Outcome,
}

impl Search<'_> {
    /// Takes the steps up to the failure for the cause, if they fail by themselves.
    pub(super) fn begin(&mut self, cut: &[Step]) {
        self.cause.tried.add(Pass::Cut);
        let outcome = self.play(cut);
        if outcome.verdict.broken() == Some(&self.property) {
            self.keep(Found { steps: cut.to_vec(), outcome });
        }
    }

    /// Tries everything once. Whether anything came of it.
    ///
    /// Parameters come first, because the smaller they are the sooner each further try is over;
    /// then what takes much away at once; then what takes little.
    pub(super) fn round(&mut self) -> bool {
        let weight = |cause: &Cause| (cause.steps.clone(), cause.params.clone());
        let before = weight(&self.cause);
        self.simplify();
        self.leave_out_clients();
        self.leave_out_faults();
        self.leave_out_steps();
        self.simplify();
        self.leave_out_runs();
        self.leave_out_pairs();
        self.rename_keys();
        self.put_in_order();
        self.cause.complete && before != weight(&self.cause)
    }

    /// Whether there may be another try.
    pub(super) fn goes_on(&mut self) -> bool {
        if self.played >= self.effort.played_max || !(self.effort.keep_going)() {
            self.cause.complete = false;
        }
        self.cause.complete
    }

    fn play(&mut self, steps: &[Step]) -> Outcome {
        let faults_max = faults(steps) as u32;
        let outcome = self.session.play(&Plan::Steps { steps, faults_max });
        self.played += self.session.steps().len() as u64;
        outcome
    }

    /// Plays `steps`; what breaks the same promise no later, with no more faults.
    fn fails(&mut self, pass: Pass, steps: &[Step], news: bool) -> Option<Found> {
        self.cause.tried.add(pass);
        let outcome = self.play(steps);
        if outcome.verdict.broken() != Some(&self.property) {
            return None;
        }
        let taken = self.session.steps();
        let cut = &taken[..failed_after(&outcome, taken.len())];
        let known = &self.cause.steps;
        let heavier = cut.len() > known.len() || faults(cut) > faults(known);
        if heavier || news && cut == known {
            return None;
        }
        let steps = cut.to_vec();
        let outcome = self.play(&steps);
        (outcome.verdict.broken() == Some(&self.property)).then_some(Found { steps, outcome })
    }

    /// What fails by other steps than those of the cause, and is no heavier.
    pub(super) fn other(&mut self, pass: Pass, steps: &[Step]) -> Option<Found> {
        self.fails(pass, steps, true)
    }

    /// Keeps what is shorter, or as short with fewer faults, or with as few of lower numbers.
    pub(super) fn try_steps(&mut self, pass: Pass, steps: &[Step]) -> bool {
        let Some(found) = self.other(pass, steps) else { return false };
        let weight = |steps: &[Step]| (steps.len(), faults(steps), keys::sum(steps));
        let lighter = weight(&found.steps) < weight(&self.cause.steps);
        if lighter {
            self.keep(found);
        }
        lighter
    }

    /// Keeps simpler parameters, if the cause gets no longer by them.
    pub(super) fn try_params(&mut self, params: &Map<String, Value>, steps: &[Step]) -> bool {
        let Ok(mut simpler) = self.model.session(params, self.mutant) else { return false };
        if !simpler.begin_in(self.cause.start) {
            return false;
        }
        let before = std::mem::replace(&mut self.session, simpler);
        let Some(found) = self.fails(Pass::Params, steps, false) else {
            self.session = before;
            return false;
        };
        self.keep(found);
        self.cause.params = params.clone();
        true
    }

    pub(super) fn keep(&mut self, found: Found) {
        self.cause.steps = found.steps;
        self.cause.outcome = found.outcome;
    }
}

pub(super) fn faults(steps: &[Step]) -> usize {
    steps.iter().filter(|step| step.is_fault()).count()
}
