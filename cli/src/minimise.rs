//! `checker minimise`: the shortest cause that keeps the same promise broken.

use crate::cause;
use crate::file;
use crate::out::{Exit, Failure, Out};
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
    let (faults, way) = (trace.faults_max, (trace.start, &loaded.steps[..]));
    let shortest = cause::shortest(loaded.model, &trace.params, mutant, way, faults)?;
    let Some(mut shortest) = shortest else {
        return Err(Failure::input(format!(
            "{}: breaks no promise, so there is no cause to find: expected a trace of a failure",
            args.trace.display()
        )));
    };
    shortest.ran.trace.origin = trace.origin;
    let ran = &shortest.ran;
    shortest.say_length(out, trace.steps.len());
    ran.say_verdict(out, 0.0);
    ran.say_failed(out);
    if let Some(path) = &args.output {
        file::write(path, &ran.trace.to_json())?;
        out.say(format!("wrote    {}", path.display()));
    }
    let mut object = shortest.json(args.output.as_deref());
    object["from"] = json!(trace.steps.len());
    out.object(ran.outcome_name(), object);
    let shown = args.output.as_ref().unwrap_or(&args.trace);
    out.reproduce(&format!("checker replay {}", shown.display()));
    Ok(ran.exit())
}
