//! The shortest cause of a failure, told: what a person reads instead of the run that failed.

use crate::out::{Failure, Out};
use crate::report::{self, Ran};
use crate::setup;
use serde_json::{Map, Value, json};
use sim::registry::AnyModel;
use sim::step::Step;
use std::path::Path;

/// A failure made short.
pub(crate) struct Shortest {
    pub(crate) ran: Ran,
    /// How many schedules were tried.
    pub(crate) tried: usize,
}

/// The shortest cause that breaks the same promise; none if `steps` break none.
pub(crate) fn shortest(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
    steps: &[Step],
    faults_max: u32,
) -> Result<Option<Shortest>, Failure> {
    let cause = sim::minimise::minimise(model, params, mutant, steps, faults_max);
    let Some(cause) = cause.map_err(Failure::input)? else { return Ok(None) };
    let faults = cause.steps.iter().filter(|step| step.is_fault()).count() as u32;
    let ran = report::tell(model, &cause.params, mutant, &cause.steps, faults)?;
    Ok(Some(Shortest { ran, tried: cause.tried }))
}

impl Shortest {
    /// How much shorter it is than the schedule it came from, of `from` steps.
    pub(crate) fn say_length(&self, out: &Out, from: usize) {
        let Shortest { ran, tried } = self;
        out.say(format!("{from} steps minimised to {} in {tried} tries", ran.steps));
        out.say(format!("  {}", setup::show(&ran.trace.params)));
    }

    /// What `--json` says of it, beside where it was written.
    pub(crate) fn json(&self, file: Option<&Path>) -> Value {
        let mut object = self.ran.json();
        object["tried"] = json!(self.tried);
        object["file"] = json!(file.map(|it| it.display().to_string()));
        object
    }
}
