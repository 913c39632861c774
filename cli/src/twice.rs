//! `checker run --twice`: one seed played twice, and the step at which the two runs part.
//!
//! What leaks into a run from outside (a clock, an address, the order of a hash map) makes two runs
//! of one seed two runs. `doctor` looks for that in every model; this asks it of the one run that a
//! person is looking at. After the check for uncontrolled nondeterminism of shuttle, which compares
//! choices where this compares all that a step did.

use crate::out::{Exit, Failure, Out, paint};
use crate::setup;
use anstyle::AnsiColor;
use serde_json::{Map, Value, json};
use sim::determinism::{Parted, compare};
use sim::registry::AnyModel;
use sim::scenario::Scenario;

/// What is said where they do not part.
pub(crate) const HELD: &str = "twice    both runs of this seed did the same at every step";

/// Where two runs of the scenario part, if they do, each in a session of its own.
pub(crate) fn parted(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
    scenario: Scenario,
) -> Result<Option<Parted>, Failure> {
    let record = || Ok(setup::session(model, params, mutant)?.record(scenario));
    Ok(compare(scenario.seed, &record()?, &record()?))
}

/// That they do is no verdict of the model's: nothing it says can be relied on.
pub(crate) fn say_parted(out: &Out, parted: &Parted) -> Exit {
    let label = paint(AnsiColor::Red, "DIFFERS");
    out.verdict(format!("{label}  seed {} is not one run: {parted}", parted.seed));
    let told = json!({"step": parted.step, "first": parted.first, "second": parted.second});
    out.object("fail", json!({"parted": told}));
    Exit::Violated
}
