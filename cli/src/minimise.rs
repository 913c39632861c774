//! `checker minimise`: the shortest cause that keeps the same promise broken.

use crate::file;
use crate::out::{Exit, Failure, Out};
use crate::report;
use clap::Args as ClapArgs;
use serde_json::json;
use std::path::PathBuf;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// A trace of a failure
    trace: PathBuf,
    /// Where the shorter trace goes; printed only, if not given
    #[arg(short, long, value_name = "TRACE")]
    output: Option<PathBuf>,
}

pub(crate) fn minimise(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let loaded = file::load(&args.trace)?;
    let trace = &loaded.trace;
    let mutant = trace.mutant.as_deref();
    let cause = sim::minimise::minimise(
        loaded.model,
        &trace.params,
        mutant,
        &loaded.steps,
        trace.faults_max,
    );
    let Some(cause) = cause.map_err(Failure::input)? else {
        return Err(Failure::input(format!(
            "{}: breaks no promise, so there is no cause to find: expected a trace of a failure",
            args.trace.display()
        )));
    };
    let faults = cause.steps.iter().filter(|step| step.is_fault()).count() as u32;
    let count = cause.steps.len();
    let mut ran =
        report::tell(loaded.model, &cause.params, mutant, &cause.steps, faults, Some(count))?;
    ran.trace.origin = trace.origin;
    out.say(format!("{} steps minimised to {count} in {} tries", trace.steps.len(), cause.tried));
    ran.say_verdict(out, 0.0);
    ran.say_failed(out);
    ran.say_control(out);
    if let Some(path) = &args.output {
        file::write(path, &ran.trace.to_json())?;
        out.say(format!("wrote    {}", path.display()));
    }
    let mut object = ran.json();
    object["tried"] = json!(cause.tried);
    object["minimised"] = json!(count);
    object["from"] = json!(trace.steps.len());
    out.object(ran.outcome_name(), object);
    let shown = args.output.as_ref().unwrap_or(&args.trace);
    out.reproduce(&format!("checker replay {}", shown.display()));
    Ok(ran.exit())
}
