//! The shortest cause of a failure, told: what a person reads instead of the run that failed.

use crate::interrupt::was_interrupted;
use crate::out::{Failure, Out};
use crate::report::{self, Ran};
use crate::setup;
use serde_json::{Map, Value, json};
use sim::minimise::{Effort, Tried, minimise_from};
use sim::registry::AnyModel;
use sim::step::Step;
use std::path::Path;

/// A failure made short.
pub(crate) struct Shortest {
    pub(crate) ran: Ran,
    /// How many schedules were tried, and what for.
    pub(crate) tried: Tried,
    /// Whether everything was tried.
    pub(crate) complete: bool,
}

/// The shortest cause that breaks the same promise; none if the steps of `way`, which begin in the
/// initial world of its number, break none.
pub(crate) fn shortest(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
    way: (usize, &[Step]),
    faults_max: u32,
) -> Result<Option<Shortest>, Failure> {
    let mut keep_going = || !was_interrupted();
    let effort = Effort::while_told(&mut keep_going);
    let cause = minimise_from(model, params, mutant, way, faults_max, effort);
    let Some(cause) = cause.map_err(Failure::input)? else { return Ok(None) };
    let faults = cause.steps.iter().filter(|step| step.is_fault()).count() as u32;
    let ran = report::tell(model, &cause.params, mutant, (cause.start, &cause.steps), faults)?;
    Ok(Some(Shortest { ran, tried: cause.tried, complete: cause.complete }))
}

impl Shortest {
    /// How much shorter it is than the schedule it came from, of `from` steps.
    pub(crate) fn say_length(&self, out: &Out, from: usize) {
        let (steps, tries) = (self.ran.steps, self.tried.total());
        let stopped = stopped(self.complete);
        out.say(format!("{from} steps minimised to {steps} in {tries} tries{stopped}"));
        out.say(format!("  {}", setup::show(&self.ran.trace.params)));
    }

    /// What `--json` says of it, beside where it was written.
    pub(crate) fn json(&self, file: Option<&Path>) -> Value {
        let mut object = self.ran.json();
        let tried_by =
            self.tried.iter().map(|(pass, count)| (pass.name().to_owned(), json!(count)));
        object["tried"] = json!(self.tried.total());
        object["tried_by"] = tried_by.collect::<Map<_, _>>().into();
        object["complete"] = json!(self.complete);
        object["file"] = json!(file.map(|it| it.display().to_string()));
        object
    }
}

/// What is said of a search that was not `complete`.
pub(crate) fn stopped(complete: bool) -> &'static str {
    if complete { "" } else { ", and stopped there: there may be a shorter cause" }
}
