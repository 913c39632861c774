//! `checker doctor`: does a seed mean one run, wherever and however it is run?
//!
//! Each model's seeds are run twice in one session, once in a session of their own, on several
//! threads, and in a fresh process; every step must be the same. Where one differs, the first
//! step that differs is named: that is where something the engine does not control got in.

mod ways;
#[cfg(test)]
mod leaks;

use crate::list;
use crate::out::{Exit, Failure, Out, paint};
use anstyle::AnsiColor;
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use std::ops::Range;
use std::process::Command;
use ways::{Leak, Patient, THREADS};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// How many seeds of each model
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

pub(crate) fn doctor(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let mut results = Vec::new();
    for model in models::ALL {
        let name = model.card().name;
        let fresh = |seeds: Range<u64>| {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["digests", name, &seeds.start.to_string(), &seeds.end.to_string()]);
            Ok(command)
        };
        let result = Patient { model: *model, fresh: &fresh }.examine(args.seeds)?;
        match &result {
            None => out.verdict(format!(
                "{}  {name}: {} seeds, the same twice, alone, on {THREADS} threads and in a fresh \
                 process",
                paint(AnsiColor::Green, "deterministic"),
                args.seeds
            )),
            Some(leak) => out.verdict(format!(
                "{}  {name}: {}",
                paint(AnsiColor::Red, "NOT DETERMINISTIC"),
                why(leak)
            )),
        }
        results.push((name, result));
    }
    let services = list::services();
    for (name, found, what) in &services {
        out.say(format!("{name:<10} {}  {what}", if *found { "found  " } else { "missing" }));
    }
    let healthy = results.iter().all(|(_, why)| why.is_none());
    out.object(
        if healthy { "pass" } else { "fail" },
        json!({
            "models": results.iter().map(model_json).collect::<Value>(),
            "services": list::services_json(&services),
        }),
    );
    Ok(if healthy { Exit::Holds } else { Exit::Violated })
}

fn why(Leak { how, parted }: &Leak) -> String {
    format!("seed {} differs when {how}: {parted}", parted.seed)
}

fn model_json((name, leak): &(&str, Option<Leak>)) -> Value {
    let parted = leak.as_ref().map(|Leak { how, parted }| {
        json!({
            "seed": parted.seed,
            "how": how,
            "step": parted.step,
            "first": parted.first,
            "second": parted.second,
        })
    });
    let why = leak.as_ref().map(why);
    json!({"name": name, "deterministic": leak.is_none(), "why": why, "parted": parted})
}
