//! `checker doctor`: does a seed mean one run, wherever and however it is run?
//!
//! Each model's seeds are run twice in one session, once in a session of their own, on several
//! threads, and in a fresh process; every digest must be the same. Where one differs, the first
//! step that differs is named: that is where something the engine does not control got in.

use crate::digests::digest;
use crate::list;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup;
use anstyle::AnsiColor;
use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use sim::registry::AnyModel;
use sim::scenario::Scenario;
use sim::session::{Plan, Session};
use std::process::Command;

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
        let result = examine(*model, args.seeds)?;
        match &result {
            None => out.verdict(format!(
                "{}  {name}: {} seeds, the same twice, alone, on 4 threads and in a fresh process",
                paint(AnsiColor::Green, "deterministic"),
                args.seeds
            )),
            Some(why) => out
                .verdict(format!("{}  {name}: {why}", paint(AnsiColor::Red, "NOT DETERMINISTIC"))),
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

fn model_json((name, why): &(&str, Option<String>)) -> Value {
    json!({"name": name, "deterministic": why.is_none(), "why": why})
}

/// The first way in which a seed was not one run.
fn examine(model: &dyn AnyModel, seeds: u64) -> Result<Option<String>, Failure> {
    let open = || setup::session(model, &Map::new(), None);
    let mut batch = open()?;
    let first: Vec<u64> = (0..seeds).map(|seed| digest(batch.as_mut(), seed)).collect();
    for seed in (0..seeds).rev() {
        if digest(batch.as_mut(), seed) != first[seed as usize] {
            return parted(batch.as_mut(), open()?.as_mut(), seed, "run again after others");
        }
        let mut alone = open()?;
        if digest(alone.as_mut(), seed) != first[seed as usize] {
            return parted(batch.as_mut(), alone.as_mut(), seed, "run alone");
        }
    }
    if let Some(seed) = on_threads(model, &first) {
        return Ok(Some(format!("seed {seed} differs on another thread")));
    }
    Ok(in_fresh_process(model.card().name, &first)?
        .map(|seed| format!("seed {seed} differs in a fresh process")))
}

/// Names the first step at which two runs of one seed part.
fn parted(
    one: &mut dyn Session,
    other: &mut dyn Session,
    seed: u64,
    how: &str,
) -> Result<Option<String>, Failure> {
    let steps = |session: &mut dyn Session| {
        session.play(&Plan::Seed(Scenario::of(seed)));
        session.steps().to_vec()
    };
    let (left, right) = (steps(one), steps(other));
    let at = left.iter().zip(&right).position(|(left, right)| left != right);
    let at = at.unwrap_or(left.len().min(right.len()));
    Ok(Some(format!("seed {seed} differs when {how}: the runs part at step {}", at + 1)))
}

fn on_threads(model: &dyn AnyModel, first: &[u64]) -> Option<u64> {
    const THREADS: usize = 4;
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut session = model.session(&Map::new(), None).ok()?;
                    let mine = (0..first.len()).skip(thread).step_by(THREADS);
                    mine.map(|seed| seed as u64)
                        .find(|seed| digest(session.as_mut(), *seed) != first[*seed as usize])
                })
            })
            .collect();
        jobs.into_iter().filter_map(|job| job.join().ok().flatten()).min()
    })
}

fn in_fresh_process(model: &str, first: &[u64]) -> Result<Option<u64>, Failure> {
    let failed =
        |error: std::io::Error| Failure::input(format!("cannot start a fresh process: {error}"));
    let this = std::env::current_exe().map_err(failed)?;
    let output = Command::new(this)
        .args(["digests", model, "0", &first.len().to_string()])
        .output()
        .map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let theirs: Vec<u64> =
        text.lines().filter_map(|line| u64::from_str_radix(line, 16).ok()).collect();
    let differs = (0..first.len()).find(|index| theirs.get(*index) != first.get(*index));
    Ok(differs.map(|index| index as u64))
}
