//! `checker explore --liveness`: what must come, told.
//!
//! The failure is a run without end, so there is no last step to point at and no trace to keep: it
//! is told as the steps to a loop and the steps of the loop, with what was counted on beside it.

use crate::explore::{Args, say_broken};
use crate::out::{Exit, Failure, Out};
use crate::setup;
use checker::Violation;
use serde_json::{Map, Value, json};
use sim::explore::Lasso;
use sim::session::Session;

/// What a pass says.
pub(crate) fn held(args: &Args, params: &Map<String, Value>) -> Result<String, Failure> {
    let session = setup::session(setup::model(&args.model)?, params, args.mutant.as_deref())?;
    let fair = fairness(args, session.as_ref());
    Ok(format!("what must come comes in every run of these sizes that is fair to: {fair}"))
}

/// What is counted on, but for what was taken away.
fn fairness(args: &Args, session: &dyn Session) -> String {
    let mut names = session.fairness();
    names.retain(|name| Some(*name) != args.unfair.as_deref());
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// The run in which it never comes.
pub(crate) fn say_failed(
    args: &Args,
    out: &Out,
    (params, violation, lasso): (&Map<String, Value>, &Violation, &Lasso),
    mut object: Value,
) -> Result<Exit, Failure> {
    let session = setup::session(setup::model(&args.model)?, params, args.mutant.as_deref())?;
    let scenes = session.scenes(lasso.start, &[&lasso.prefix[..], &lasso.looped].concat());
    let (before, steps) = (lasso.prefix.len(), scenes.len());
    say_broken(out, violation, &scenes, lasso.owed);
    out.say("");
    out.say(match lasso.owed {
        0 => "owed     from the beginning".to_owned(),
        owed => format!("owed     after step {owed}"),
    });
    out.say(match (steps - before, before) {
        (0, 0) => "loop     it may stay as it begins for ever".to_owned(),
        (0, _) => format!("loop     after step {before} it may stay as it is for ever"),
        (1, _) => format!("loop     step {steps}, for ever"),
        (_, _) => format!("loop     steps {} to {steps}, for ever", before + 1),
    });
    out.say(format!("fair to  {}", fairness(args, session.as_ref())));
    let texts: Vec<&str> = scenes.iter().map(|scene| scene.text.as_str()).collect();
    object["lasso"] = json!({
        "start": lasso.start,
        "prefix": texts[..before],
        "owed": lasso.owed,
        "loop": texts[before..],
    });
    out.object("fail", object);
    out.reproduce(&recipe(args));
    Ok(Exit::Violated)
}

fn recipe(args: &Args) -> String {
    let named = |flag: &str, name: &Option<String>| {
        name.as_ref().map_or(String::new(), |name| format!(" --{flag} {name}"))
    };
    format!(
        "checker explore {}{}{} --liveness{}",
        args.model,
        args.setup.as_arguments(),
        named("mutant", &args.mutant),
        named("unfair", &args.unfair),
    )
}
