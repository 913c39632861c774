//! `checker explore`: every schedule within bounds, and what is then true of all of them.
//!
//! A pass is a claim, so the bounds stand beside it; and a search that ran out of states says so
//! and passes nothing.

use crate::campaign::is_possible;
use crate::file;
use crate::interrupt::was_interrupted;
use crate::liveness;
use crate::out::{Exit, Failure, Out, paint};
use crate::report::{self, Ran};
use crate::setup::{self, Setup};
use crate::story;
use anstyle::AnsiColor;
use checker::workers::Threads;
use checker::{Verdict, Violation};
use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use sim::explore::{Explored, Limits, NotLive};
use sim::registry::AnyModel;
use sim::run::FAULTS_MAX;
use sim::session::{Scene, Session};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The model; `checker list` shows them
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) setup: Setup,
    /// A deliberately broken twin
    #[arg(long)]
    pub(crate) mutant: Option<String>,
    /// How many faults a schedule may have
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=i64::from(FAULTS_MAX)))]
    faults: u32,
    /// Counts states that differ only in which party is which as one
    #[arg(long)]
    symmetry: bool,
    /// Looks for a state that breaks this, and at nothing else: for models of moves
    #[arg(long, value_name = "NAME", conflicts_with_all = ["output", "liveness"])]
    property: Option<String>,
    /// Looks at what must come, and at nothing else: for models of moves
    #[arg(long, conflicts_with = "output")]
    liveness: bool,
    /// Does not count on this fairness
    #[arg(long, value_name = "NAME", requires = "liveness")]
    pub(crate) unfair: Option<String>,
    /// Gives up after so many distinct states
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    states_max: u64,
    /// Writes the shortest counterexample as a trace
    #[arg(short, long, value_name = "TRACE")]
    output: Option<PathBuf>,
}

pub(crate) fn explore(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let model = setup::model(&args.model)?;
    let mutant = args.mutant.as_deref();
    let limits =
        Limits { faults_max: args.faults, states_max: args.states_max, symmetry: args.symmetry };
    let given = setup::session(model, &args.setup.params()?, mutant)?;
    if args.liveness && args.symmetry {
        return Err(not_live(args, &NotLive::Symmetry));
    }
    if args.symmetry && !given.has_symmetry() {
        return Err(Failure::input(format!(
            "--symmetry: the parties of {} cannot be renamed: leave it out",
            args.model
        )));
    }
    let began = Instant::now();
    let mut all = Vec::new();
    for params in settings(given.params(), given.left_open()) {
        let mut session = setup::session(model, &params, mutant)?;
        let explored = search(args, out, session.as_mut(), &limits)?;
        say(args, out, &params, &explored);
        let failed = explored.verdict.violation().is_some();
        all.push((params, explored));
        if failed || was_interrupted() {
            break;
        }
    }
    finish(args, out, model, &all, began)
}

fn search(
    args: &Args,
    out: &Out,
    session: &mut dyn Session,
    limits: &Limits,
) -> Result<Explored, Failure> {
    let mut told = 0;
    let mut look = |distinct: u64, generated: u64| {
        if out.shows_progress() && distinct - told >= 1 << 20 {
            told = distinct;
            out.aside(format!("{distinct} states, {generated} reached"));
        }
        !was_interrupted()
    };
    if let Some(name) = &args.property {
        let found = session.explore_alone(limits, name, &mut look);
        return found.map_err(|why| Failure::input(format!("--property: {}: {why}", args.model)));
    }
    if !args.liveness {
        let workers = Threads::of_this_machine();
        return Ok(session.explore_on(&workers, limits, &mut look));
    }
    let found = session.live(limits, args.unfair.as_deref(), &mut look);
    found.map_err(|why| not_live(args, &why))
}

fn not_live(args: &Args, why: &NotLive) -> Failure {
    Failure::input(format!("--liveness: {}: {why}", args.model))
}

/// Every setting of the parameters that a seed would draw.
fn settings(given: Map<String, Value>, open: Vec<(String, Vec<Value>)>) -> Vec<Map<String, Value>> {
    open.into_iter().fold(vec![given], |settings, (name, choices)| {
        let set = |params: &Map<String, Value>, choice: &Value| {
            let mut params = params.clone();
            params[&name] = choice.clone();
            params
        };
        settings.iter().flat_map(|params| choices.iter().map(move |it| set(params, it))).collect()
    })
}

fn say(args: &Args, out: &Out, params: &Map<String, Value>, explored: &Explored) {
    let mutant = args.mutant.as_deref().map_or(String::new(), |it| format!(" --mutant {it}"));
    out.say(format!("{}{mutant}: {}", args.model, setup::show(params)));
    out.say(format!(
        "states   {} distinct{}, {} generated, depth {}; chance that two were taken for one {:.0e}",
        explored.distinct,
        if args.symmetry { " but for symmetry" } else { "" },
        explored.generated,
        explored.depth,
        explored.collision,
    ));
    if explored.spared > 0 {
        out.say(format!(
            "spared   {} steps, because the other order of two that commute was taken",
            explored.spared
        ));
    }
    let never = never(args, explored);
    if !never.is_empty() {
        let never = never.join(", ");
        out.say(format!("never    {never}: what is promised of that was not put to the test"));
    }
}

/// What should have happened in some schedule and did in none. A search that ended early may just
/// not have got there.
fn never<'a>(args: &Args, explored: &'a Explored) -> Vec<&'a str> {
    let never = explored.never.iter().copied().filter(|_| explored.complete);
    never.filter(|name| is_possible(name, args.faults > 0)).collect()
}

fn finish(
    args: &Args,
    out: &Out,
    model: &dyn AnyModel,
    all: &[(Map<String, Value>, Explored)],
    began: Instant,
) -> Result<Exit, Failure> {
    let sum = |of: fn(&Explored) -> u64| all.iter().map(|(_, it)| of(it)).sum::<u64>();
    let (params, last) = all.last().expect("there is one setting at least");
    let unknown = all.iter().find_map(|(_, it)| match &it.verdict {
        Verdict::Unknown { why } => Some(why.clone()),
        _ => None,
    });
    let mut object = json!({
        "model": args.model,
        "mutant": args.mutant,
        "params": params,
        "faults_max": args.faults,
        "symmetry": args.symmetry,
        "liveness": args.liveness,
        "asked": args.property,
        "distinct": sum(|it| it.distinct),
        "generated": sum(|it| it.generated),
        "spared": sum(|it| it.spared),
        "depth": all.iter().map(|(_, it)| it.depth).max(),
        "never": all.iter().flat_map(|(_, it)| never(args, it)).collect::<BTreeSet<_>>(),
        "complete": all.iter().all(|(_, it)| it.complete),
        "collision": all.iter().map(|(_, it)| it.collision).sum::<f64>(),
        "counterexample_states": null,
    });
    let seconds = began.elapsed().as_secs_f64();
    if let Some(violation) = last.verdict.violation() {
        object["property"] = json!(violation.property);
        object["why"] = json!(violation.why);
        if let Some(lasso) = &last.lasso {
            return liveness::say_failed(args, out, (params, violation, lasso), object);
        }
        if args.property.is_some() {
            return broken_alone(args, out, model, params, last, object);
        }
        return counterexample(args, out, model, params, last, object);
    }
    if let Some(why) = unknown {
        out.verdict(format!("{}  {why}", paint(AnsiColor::Yellow, "UNKNOWN")));
        object["why"] = json!(why);
        out.object("unknown", object);
        return Ok(Exit::Unknown);
    }
    let held = match (args.liveness, &args.property) {
        (true, _) => liveness::held(args, params)?,
        (_, Some(name)) => format!("{name} holds in every schedule of these sizes"),
        _ => held(args, model),
    };
    out.verdict(format!(
        "{}     {}: {held}   {seconds:.2} s",
        paint(AnsiColor::Green, "PASS"),
        args.model
    ));
    out.object("pass", object);
    Ok(Exit::Holds)
}

/// What is then true.
fn held(args: &Args, model: &dyn AnyModel) -> String {
    let faults = match (model.card().clients, args.faults) {
        (false, _) => String::new(),
        (true, 1) => " with at most 1 fault".to_owned(),
        (true, faults) => format!(" with at most {faults} faults"),
    };
    format!("every promise kept in every schedule of these sizes{faults}")
}

/// The shortest way to a state that breaks what was asked. It may be no promise, so there is no
/// trace of it that would fail again.
fn broken_alone(
    args: &Args,
    out: &Out,
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    explored: &Explored,
    mut object: Value,
) -> Result<Exit, Failure> {
    let way = explored.counterexample.as_ref().expect("a failure has a shortest way to it");
    let violation = explored.verdict.violation().expect("what was asked is broken");
    let session = setup::session(model, params, args.mutant.as_deref())?;
    let scenes = session.scenes(way.start, &way.steps);
    let states = way.steps.len() + 1;
    object["counterexample_states"] = json!(states);
    object["start"] = json!(way.start);
    object["steps"] = scenes.iter().map(|scene| json!(scene.text)).collect();
    out.say(format!("shortest {} steps, {states} states", way.steps.len()));
    say_broken(out, violation, &scenes, scenes.len());
    out.object("fail", object);
    out.reproduce(&recipe(args));
    Ok(Exit::Violated)
}

/// What a model of moves alone broke, and every step that led there; step `at` is marked.
pub(crate) fn say_broken(out: &Out, violation: &Violation, scenes: &[Scene], at: usize) {
    out.verdict(format!(
        "{} {}: {}",
        paint(AnsiColor::Red, "FAIL"),
        violation.property,
        violation.why
    ));
    out.say("");
    let nobody = |client: u16| format!("c{client}");
    story::every_step(scenes, &nobody, at).iter().for_each(|line| out.say(line));
}

/// The command that finds it again.
fn recipe(args: &Args) -> String {
    let mut recipe = format!("checker explore {}{}", args.model, args.setup.as_arguments());
    if let Some(mutant) = &args.mutant {
        recipe.push_str(&format!(" --mutant {mutant}"));
    }
    if args.faults > 0 {
        recipe.push_str(&format!(" --faults {}", args.faults));
    }
    if let Some(name) = &args.property {
        recipe.push_str(&format!(" --property {name}"));
    }
    recipe
}

/// The shortest way to the failure, told as any failure is.
fn counterexample(
    args: &Args,
    out: &Out,
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    explored: &Explored,
    mut object: Value,
) -> Result<Exit, Failure> {
    let way = explored.counterexample.as_ref().expect("a failure has a shortest way to it");
    let states = way.steps.len() + 1;
    object["counterexample_states"] = json!(states);
    let ran: Ran =
        report::tell(model, params, args.mutant.as_deref(), (way.start, &way.steps), args.faults)?;
    out.say(format!("shortest {} steps, {states} states", way.steps.len()));
    ran.say_verdict(out, 0.0);
    ran.say_failed(out);
    let mut recipe = recipe(args);
    if let Some(path) = &args.output {
        file::write(path, &ran.trace.to_json())?;
        out.say(format!("wrote    {}", path.display()));
        recipe = format!("checker replay {}", path.display());
    }
    out.object("fail", object);
    out.reproduce(&recipe);
    Ok(Exit::Violated)
}
