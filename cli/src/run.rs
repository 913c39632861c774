//! `checker run`: one seed, one run, its story.

use crate::cause;
use crate::file;
use crate::out::{Exit, Failure, Out};
use crate::report::{self, Ran};
use crate::setup::{self, Setup};
use crate::twice;
use clap::Args as ClapArgs;
use serde_json::Value;
use sim::run::FAULTS_MAX;
use sim::scenario::{Kind, Scenario};
use sim::session::Plan;
use std::path::PathBuf;
use std::time::Instant;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The model; `checker list` shows them
    model: String,
    #[command(flatten)]
    setup: Setup,
    /// A deliberately broken twin
    #[arg(long)]
    mutant: Option<String>,
    /// What decides everything that is not given
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Who chooses the next step: random, swarm, pct, pos, novel; drawn by the seed unless given.
    /// Under dfs the seed is the number of a schedule: counting up tries them all
    #[arg(long, value_parser = setup::chooser)]
    chooser: Option<Kind>,
    /// How many faults may be spent; drawn by the seed unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(FAULTS_MAX)))]
    faults: Option<u32>,
    /// Plays the seed twice, and says at which step the two runs part if they do
    #[arg(long)]
    twice: bool,
    /// Shows every step, not only the closest call
    #[arg(long)]
    all: bool,
    /// Writes the run as a trace; a failure minimised
    #[arg(short, long, value_name = "TRACE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let began = Instant::now();
    let model = setup::model(&args.model)?;
    let mutant = args.mutant.as_deref();
    let mut session = setup::session(model, &args.setup.params()?, mutant)?;
    let scenario = Scenario { seed: args.seed, chooser: args.chooser, faults_max: args.faults };
    if args.twice
        && let Some(parted) = twice::parted(model, &args.setup.params()?, mutant, scenario)?
    {
        return Ok(twice::say_parted(out, &parted));
    }
    let outcome = session.play(&Plan::Seed(scenario));
    let steps = session.steps().to_vec();
    let (params, faults_max) = (session.params(), outcome.faults_max);
    out.say(format!(
        "{}{}: {}, seed {}, {}, at most {faults_max} faults, {} steps",
        args.model,
        mutant.map_or(String::new(), |it| format!(" --mutant {it}")),
        setup::show(&params),
        args.seed,
        scenario.kind(),
        steps.len(),
    ));
    let whole = args.output.is_some() && outcome.verdict.violation().is_none();
    let whole = whole.then_some(steps.len());
    let ran = report::told(model, session, steps.clone(), outcome, mutant, whole)?;
    say(&ran, out, args.all, began);
    let shortest = match ran.exit() {
        Exit::Violated => cause::shortest(model, &params, mutant, &steps, faults_max)?,
        _ => None,
    };
    if let Some(shortest) = &shortest {
        out.say("");
        shortest.say_length(out, steps.len());
        if let Some(it) = shortest.ran.outcome.verdict.violation() {
            out.say(format!("  {}: {}", it.property, it.why));
        }
        shortest.ran.say_failed(out);
    }
    let file = args.output.as_deref();
    if let Some(path) = file {
        let told = shortest.as_ref().map_or(&ran, |it| &it.ran);
        file::write(path, &told.trace.to_json())?;
        out.say(format!("wrote    {}", path.display()));
    }
    let mut object = ran.json();
    if args.twice {
        out.say(twice::HELD);
        object["parted"] = Value::Null;
    }
    if let Some(shortest) = &shortest {
        object["minimised"] = shortest.json(file);
    }
    out.object(ran.outcome_name(), object);
    if ran.exit() == Exit::Violated {
        out.reproduce(&recipe(args));
    }
    Ok(ran.exit())
}

/// Tells the run itself, whichever way it went.
fn say(ran: &Ran, out: &Out, all: bool, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    if ran.exit() == Exit::Violated {
        ran.say_verdict(out, seconds);
        match all {
            true => ran.say_failed(out),
            false => ran.say_control(out),
        }
        out.say("");
        ran.say_figures(out);
        out.say(format!("  digest {:016x}", ran.digest));
    } else {
        ran.say_held(out, all);
        out.say(format!("  digest {:016x}", ran.digest));
        out.say("");
        ran.say_verdict(out, seconds);
        ran.say_control(out);
    }
}

/// The command that shows it again.
fn recipe(args: &Args) -> String {
    if let Some(path) = &args.output {
        return format!("checker replay {}", path.display());
    }
    let mut command = format!("checker run {}", args.model);
    command.push_str(&args.setup.as_arguments());
    for (flag, value) in [
        ("--mutant", args.mutant.clone()),
        ("--chooser", args.chooser.map(|it| it.to_string())),
        ("--faults", args.faults.map(|it| it.to_string())),
    ] {
        if let Some(value) = value {
            command.push_str(&format!(" {flag} {value}"));
        }
    }
    command.push_str(&format!(" --seed {}", args.seed));
    command
}
