//! `checker replay`: a trace's steps again, and whether everything recorded recurs.
//!
//! A trace is a promise about the past: from one version of a model the same steps have the same
//! effects for ever. So the digest is compared wherever the version is the same, and with
//! `--recorded` nothing may differ at all; that is what CI asks of every committed trace.

use crate::file::{self, Loaded};
use crate::out::{Exit, Failure, Out, paint};
use crate::report::{self, Ran};
use anstyle::AnsiColor;
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use sim::trace::Trace;
use std::path::PathBuf;
use std::time::Instant;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Trace files
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// Holds if everything recorded recurs: steps, history, digest and verdict
    #[arg(long)]
    recorded: bool,
    /// Shows every step, not only the closest call
    #[arg(long)]
    all: bool,
}

pub(crate) fn replay(args: &Args, out: &Out) -> Result<Exit, Failure> {
    // All are read before any is played: a file that is no trace is said first.
    let read = |path: &PathBuf| Ok((path.display().to_string(), file::load(path)?));
    let traces = args.traces.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let mut exits = Vec::new();
    let mut objects = Vec::new();
    for (path, loaded) in &traces {
        let began = Instant::now();
        let ran = report::again(loaded)?;
        let recurs = recurs(loaded, &ran);
        let exit = match (&recurs, args.recorded) {
            (Err(_), true) => Exit::Violated,
            (Ok(()), true) => Exit::Holds,
            (Err(Parted::Digest(_)), false) => Exit::Violated,
            _ => ran.exit(),
        };
        if args.recorded && traces.len() > 1 {
            say_line(out, path, &recurs, &ran);
        } else {
            if traces.len() > 1 {
                out.verdict(path);
            }
            say(out, args, path, loaded, &ran, &recurs, began);
        }
        objects.push(object(path, &ran, &recurs, exit));
        exits.push(exit);
    }
    let worst = exits.iter().copied().fold(Exit::Holds, worse);
    let object = match <[Value; 1]>::try_from(objects) {
        Ok([object]) => object,
        Err(objects) => together(&exits, objects),
    };
    out.object(outcome_name(worst), object);
    Ok(worst)
}

fn outcome_name(exit: Exit) -> &'static str {
    match exit {
        Exit::Holds => "pass",
        Exit::Unknown => "unknown",
        _ => "fail",
    }
}

/// Several traces: each by itself, and how many came out how.
fn together(exits: &[Exit], objects: Vec<Value>) -> Value {
    let count = |wanted: Exit| exits.iter().filter(|it| **it == wanted).count();
    json!({
        "passed": count(Exit::Holds),
        "failed": count(Exit::Violated),
        "unknown": count(Exit::Unknown),
        "traces": objects,
    })
}

fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Violated, _) | (_, Exit::Violated) => Exit::Violated,
        (Exit::Unknown, _) | (_, Exit::Unknown) => Exit::Unknown,
        _ => Exit::Holds,
    }
}

/// How a replay differs from what was recorded.
enum Parted {
    /// The model changed since: nothing can be compared.
    Version { was: u32, is: u32 },
    /// Same version, and something else happened: the step, if its note shows it.
    Digest(String),
    /// Steps that are no longer possible, or a history or verdict that is another.
    Other(String),
}

impl Parted {
    fn why(&self) -> String {
        match self {
            Parted::Version { was, is } => {
                format!(
                    "the model changed since: the trace is of version {was}, this is {is}; \
                     record it again, on purpose"
                )
            }
            Parted::Digest(why) | Parted::Other(why) => why.clone(),
        }
    }
}

fn recurs(loaded: &Loaded, ran: &Ran) -> Result<(), Parted> {
    let (was, is) = (&loaded.trace, &ran.trace);
    if was.model_version != is.model_version {
        return Err(Parted::Version { was: was.model_version, is: is.model_version });
    }
    let longest = was.steps.len().max(is.steps.len());
    let parts = (0..longest).find(|index| was.steps.get(*index) != is.steps.get(*index));
    let shown = |index: usize| {
        format!(
            "step {}: recorded '{}', now '{}'",
            index + 1,
            was.steps.get(index).map_or("nothing", String::as_str),
            is.steps.get(index).map_or("nothing", String::as_str)
        )
    };
    if was.digest != is.digest {
        let first = parts.map_or("no step's note shows where".to_owned(), shown);
        return Err(Parted::Digest(format!(
            "the digest differs: recorded {:016x}, now {:016x}; {first}",
            was.digest, is.digest
        )));
    }
    if ran.outcome.skipped > 0 {
        return Err(Parted::Other(not_possible(ran.outcome.skipped)));
    }
    if let Some(index) = parts {
        return Err(Parted::Other(shown(index)));
    }
    if let Some(index) = (0..was.history.len().max(is.history.len()))
        .find(|index| was.history.get(*index) != is.history.get(*index))
    {
        return Err(Parted::Other(format!("operation {} of the history differs", index + 1)));
    }
    let said = |trace: &Trace| {
        let outcome = std::mem::discriminant(&trace.verdict);
        (outcome, trace.verdict.broken().cloned())
    };
    if said(was) != said(is) {
        return Err(Parted::Other("the verdict differs".to_owned()));
    }
    Ok(())
}

fn say_line(out: &Out, path: &str, recurs: &Result<(), Parted>, ran: &Ran) {
    let (label, why) = match recurs {
        Ok(()) => (paint(AnsiColor::Green, "recurs"), format!("{} steps", ran.trace.steps.len())),
        Err(parted) => (paint(AnsiColor::Red, "DIFFERS"), parted.why()),
    };
    out.verdict(format!("{label}  {path}  {why}"));
}

fn say(
    out: &Out,
    args: &Args,
    path: &str,
    loaded: &Loaded,
    ran: &Ran,
    recurs: &Result<(), Parted>,
    began: Instant,
) {
    let trace = &loaded.trace;
    out.say(format!(
        "{}{}: {}, {} steps",
        trace.model,
        trace.mutant.as_ref().map_or(String::new(), |it| format!(" --mutant {it}")),
        crate::setup::show(&trace.params),
        trace.steps.len()
    ));
    if ran.exit() == Exit::Violated {
        ran.say_verdict(out, 0.0);
        ran.say_failed(out);
    } else {
        ran.say_held(out, args.all);
    }
    if ran.outcome.skipped > 0 {
        out.say(format!("  skipped {}", not_possible(ran.outcome.skipped)));
    }
    if recurs.is_ok() {
        out.say(format!("  digest {:016x}: identical", ran.trace.digest));
    }
    if ran.exit() != Exit::Violated {
        out.say("");
        ran.say_verdict(out, began.elapsed().as_secs_f64());
        ran.say_control(out);
    }
    if args.recorded {
        // The exit status is about the record, so the last word is too.
        say_line(out, path, recurs, ran);
    } else if let Err(parted) = recurs {
        out.verdict(format!("{}  {}", paint(AnsiColor::Yellow, "DIFFERS"), parted.why()));
    }
    if ran.exit() == Exit::Holds && recurs.is_ok() {
        out.say(format!("next     checker confirm {path} --on postgres,redis,s3"));
    }
}

fn object(path: &str, ran: &Ran, recurs: &Result<(), Parted>, exit: Exit) -> Value {
    let mut object = ran.json();
    object["file"] = json!(path);
    object["outcome"] = json!(outcome_name(exit));
    object["skipped"] = json!(ran.outcome.skipped);
    object["recurs"] = json!(recurs.is_ok());
    object["differs"] = json!(recurs.as_ref().err().map(Parted::why));
    object
}

fn not_possible(count: usize) -> String {
    format!("{count} step{} not possible here", if count == 1 { "" } else { "s" })
}
