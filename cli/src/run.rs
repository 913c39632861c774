//! `checker run`: one seed, one run, its story.

use crate::file;
use crate::out::{Exit, Failure, Out};
use crate::report::{self, Ran};
use crate::setup::{self, Setup};
use clap::Args as ClapArgs;
use sim::minimise::minimise;
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
    /// Who chooses the next step: random or swarm; drawn by the seed unless given
    #[arg(long, value_parser = setup::chooser)]
    chooser: Option<Kind>,
    /// How many faults may be spent; drawn by the seed unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(FAULTS_MAX)))]
    faults: Option<u32>,
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
    let outcome = session.play(&Plan::Seed(scenario));
    let steps = session.steps().to_vec();
    let taken = steps.len();
    out.say(format!(
        "{}{}: {}, seed {}, {}, at most {} faults, {taken} steps",
        args.model,
        mutant.map_or(String::new(), |it| format!(" --mutant {it}")),
        setup::show(&session.params()),
        args.seed,
        scenario.kind(),
        outcome.faults_max,
    ));
    let ran = match outcome.verdict.violation() {
        None => {
            let whole = args.output.is_some().then_some(taken);
            report::told(model, session, steps, outcome, mutant, whole)?
        }
        Some(_) => {
            let params = session.params();
            let cause = minimise(model, &params, mutant, &steps, outcome.faults_max);
            let cause = cause.map_err(Failure::input)?.expect("what failed fails again");
            out.say(format!(
                "{taken} steps minimised to {} in {} tries",
                cause.steps.len(),
                cause.tried
            ));
            let faults = cause.steps.iter().filter(|step| step.is_fault()).count() as u32;
            report::tell(
                model,
                &cause.params,
                mutant,
                &cause.steps,
                faults,
                Some(cause.steps.len()),
            )?
        }
    };
    say(&ran, out, args.all, began);
    if let Some(path) = &args.output {
        file::write(path, &ran.trace.to_json())?;
        out.say(format!("wrote    {}", path.display()));
    }
    out.object(ran.outcome_name(), ran.json());
    if ran.exit() == Exit::Violated {
        out.reproduce(&recipe(args));
    }
    Ok(ran.exit())
}

/// Tells a run, whichever way it went.
pub(crate) fn say(ran: &Ran, out: &Out, all: bool, began: Instant) {
    if ran.exit() == Exit::Violated {
        ran.say_verdict(out, 0.0);
        ran.say_failed(out);
    } else {
        ran.say_held(out, all);
        out.say(format!("  digest {:016x}", ran.digest));
        out.say("");
        ran.say_verdict(out, began.elapsed().as_secs_f64());
    }
    ran.say_control(out);
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
