//! `checker fuzz`: many seeds, each a whole scenario, and every distinct failure minimised.
//!
//! With `--mutants` it also asks the question the other way round: is every way of breaking the model
//! on purpose caught, by the promise it is said to break?

use crate::campaign::{Campaign, Caught, Cause, MINIMISED_MAX, Work};
use crate::cause;
use crate::file;
use crate::interrupt;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup::{self, Setup};
use crate::units;
use anstyle::AnsiColor;
use checker::Property;
use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use sim::registry::{AnyModel, MutantCard};
use sim::run::FAULTS_MAX;
use sim::scenario::Kind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The model, or `all`
    model: String,
    #[command(flatten)]
    setup: Setup,
    /// A deliberately broken twin instead of the sound model
    #[arg(long, conflicts_with = "mutants")]
    mutant: Option<String>,
    /// The sound model must hold, and every mutant must be caught by the promise it names
    #[arg(long)]
    mutants: bool,
    /// Which seeds, the last one not included
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with = "time")]
    seeds: Option<Range<u64>>,
    /// For how long, such as 60s or 10m, instead of a number of seeds
    #[arg(long, value_parser = units::duration)]
    time: Option<Duration>,
    /// How many threads; one a core unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Who chooses the next step; drawn by each seed unless given. Under dfs each seed is the number
    /// of a schedule, and a range of them tries all that deviate early
    #[arg(long, value_parser = setup::chooser)]
    chooser: Option<Kind>,
    /// How many faults may be spent; drawn by each seed unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(FAULTS_MAX)))]
    faults: Option<u32>,
    /// Where failures are written [default: traces/found]; with --mutants, also each mutant's
    /// shortest cause
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Where failures go in a campaign that does not say.
const FOUND: &str = "traces/found";
/// Seeds of a campaign that does not say.
const SEEDS: Range<u64> = 0..10_000;
/// Causes that are written.
const WRITTEN_MAX: usize = 10;

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wanted = || format!("expected A..B with A below B, such as 0..1000, not '{text}'");
    let (from, to) = text.split_once("..").ok_or_else(wanted)?;
    let range = from.parse().map_err(|_| wanted())?..to.parse().map_err(|_| wanted())?;
    if range.is_empty() { Err(wanted()) } else { Ok(range) }
}

pub(crate) fn fuzz(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let models = match args.model.as_str() {
        "all" => models::ALL.to_vec(),
        name => vec![setup::model(name)?],
    };
    let mut worst = Exit::Holds;
    let mut objects = Vec::new();
    for model in models {
        let (exit, object) = fuzz_one(args, model, out)?;
        objects.push(object);
        worst = worse(worst, exit);
        if interrupt::was_interrupted() {
            break;
        }
    }
    let outcome = match worst {
        // What was asked for did not all run.
        Exit::Holds if interrupt::was_interrupted() => "unknown",
        Exit::Holds => "pass",
        Exit::Found => "fail",
        _ => "unknown",
    };
    match <[Value; 1]>::try_from(objects) {
        Ok([object]) => out.object(outcome, object),
        Err(objects) => out.object(outcome, together(objects)),
    }
    Ok(worst)
}

/// The fields of several campaigns, added up, with each beside.
fn together(objects: Vec<Value>) -> Value {
    let sum = |name: &str| objects.iter().filter_map(|it| it[name].as_u64()).sum::<u64>();
    let join = |name: &str| -> Vec<Value> {
        objects.iter().filter_map(|it| it[name].as_array()).flatten().cloned().collect()
    };
    json!({
        "schedules": sum("schedules"),
        "steps": sum("steps"),
        "failures": join("failures"),
        "mutants": join("mutants"),
        "models": objects,
    })
}

fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Found, _) | (_, Exit::Found) => Exit::Found,
        (Exit::Unknown, _) | (_, Exit::Unknown) => Exit::Unknown,
        _ => Exit::Holds,
    }
}

/// What is to be told of one model.
struct Findings {
    campaign: Campaign,
    causes: Vec<Cause>,
    /// Where the first of the causes went.
    written: Vec<PathBuf>,
    /// What should have happened at least once, and did not.
    missing: Vec<&'static str>,
}

fn fuzz_one(args: &Args, model: &dyn AnyModel, out: &Out) -> Result<(Exit, Value), Failure> {
    let work = work(args, model)?;
    let began = Instant::now();
    let campaign = work.run(out)?;
    if campaign.schedules == 0 && !interrupt::was_interrupted() {
        return Err(Failure::input("no schedule was run: expected more time, or seeds"));
    }
    let causes = work.causes(&campaign)?;
    let written = write(args, model.card().name, &causes)?;
    let missing = work.missing(&campaign)?;
    let found = Findings { campaign, causes, written, missing };
    say(out, &work, &found, began);
    let mut exit = match found.causes.is_empty() {
        false => Exit::Found,
        true if work.mutant.is_some() => Exit::Unknown,
        true if found.missing.is_empty() && found.campaign.unknown.is_none() => Exit::Holds,
        true => Exit::Unknown,
    };
    let mut mutants = Vec::new();
    if args.mutants && exit != Exit::Found {
        mutants = catch_all(args, &work, out)?;
        if mutants.iter().any(|it| it["found"] == false) {
            exit = Exit::Unknown;
        }
    }
    if let Some(path) = found.written.first() {
        out.reproduce(&format!("checker replay {}", path.display()));
    }
    Ok((exit, object(&work, &found, mutants)))
}

fn work<'a>(args: &Args, model: &'a dyn AnyModel) -> Result<Work<'a>, Failure> {
    Ok(Work {
        model,
        params: args.setup.params()?,
        mutant: args.mutant.clone(),
        range: match (&args.seeds, args.time) {
            (Some(seeds), _) => seeds.clone(),
            (None, Some(_)) => 0..u64::MAX,
            (None, None) => SEEDS,
        },
        time: args.time,
        jobs: args.jobs.map(usize::from),
        chooser: args.chooser,
        faults: args.faults,
        until: None,
    })
}

/// Looks for every mutant, and writes its shortest cause if told where.
fn catch_all(args: &Args, work: &Work<'_>, out: &Out) -> Result<Vec<Value>, Failure> {
    let card = work.model.card();
    let mut told = Vec::new();
    for mutant in &card.mutants {
        let caught = work.catch(mutant, out)?;
        say_mutant(out, mutant, &caught);
        if let (Some(seed), Some(directory)) = (caught.found, &args.output) {
            let path = directory.join(format!("{}.json", card.trace_name(&mutant.name)));
            // Nothing, if it was interrupted before that was known.
            if let Some(trace) = work.shortest(mutant, seed, out)? {
                file::write(&path, &trace)?;
                out.say(format!("         wrote {}", path.display()));
            }
        }
        told.push(json!({
            "name": mutant.name,
            "property": mutant.breaks,
            "found": caught.found.is_some(),
            "seed": caught.found,
            "schedules": caught.schedules,
        }));
    }
    Ok(told)
}

fn object(work: &Work<'_>, found: &Findings, mutants: Vec<Value>) -> Value {
    let failure = |(cause, path): (&Cause, &PathBuf)| {
        json!({
            "trace": path.display().to_string(),
            "property": cause.ran.trace.verdict.broken(),
            "seed": cause.seed,
            "steps": cause.ran.trace.steps.len(),
            "complete": cause.complete,
        })
    };
    let failures: Vec<Value> = found.causes.iter().zip(&found.written).map(failure).collect();
    let campaign = &found.campaign;
    let marks: Map<String, Value> =
        campaign.marks.iter().map(|(name, count)| (name.to_owned(), json!(count))).collect();
    json!({
        "model": work.model.card().name,
        "mutant": work.mutant,
        "schedules": campaign.schedules,
        "steps": campaign.steps,
        "failing": campaign.failing.len(),
        "failures": failures,
        "mutants": mutants,
        "marks": marks,
        "never": found.missing,
        "new_until": campaign.new_until(),
    })
}

fn write(args: &Args, model: &str, causes: &[Cause]) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::new();
    for cause in causes.iter().take(WRITTEN_MAX) {
        let trace = &cause.ran.trace;
        let property = trace.verdict.broken().map_or("unknown", Property::name);
        let short = checker::hash::Chain::of(&trace.steps) as u16;
        let path = args
            .output
            .as_deref()
            .unwrap_or(Path::new(FOUND))
            .join(format!("{}-{property}-{short:04x}.json", model.replace('/', "-")));
        file::write(&path, &trace.to_json())?;
        written.push(path);
    }
    Ok(written)
}

fn say(out: &Out, work: &Work<'_>, found: &Findings, began: Instant) {
    let Findings { campaign, causes, written, missing } = found;
    let name = work.model.card().name;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(first) = causes.first() {
        first.ran.say_verdict(out, 0.0);
        let steps = first.ran.trace.steps.len();
        out.say(format!(
            "     first at seed {}; {} steps minimised to {steps}{}",
            first.seed,
            first.from,
            cause::stopped(first.complete)
        ));
        first.ran.say_failed(out);
    }
    let marks: Vec<String> =
        campaign.marks.iter().map(|(name, count)| format!("{name} {count}")).collect();
    out.say(format!("seen     {}", marks.join(", ")));
    if let Some(seed) = campaign.new_until() {
        out.say(format!(
            "new      nothing since seed {seed}: no event, and none twice as often as before"
        ));
    }
    let distinct = match causes.len() {
        0 => String::new(),
        1 => ", 1 distinct cause".to_owned(),
        many => format!(
            ", {many} distinct causes in the first {}",
            campaign.failing.len().min(MINIMISED_MAX)
        ),
    };
    out.say(format!(
        "seeds    {} run, {} fail{distinct}   {seconds:.1} s",
        campaign.schedules,
        campaign.failing.len()
    ));
    for path in written {
        out.say(format!("wrote    {}", path.display()));
    }
    if causes.is_empty() {
        let verdict = match (missing.is_empty(), &campaign.unknown) {
            (true, None) if work.mutant.is_some() => format!(
                "{}  {name}: mutant {} survived {} schedules",
                paint(AnsiColor::Yellow, "UNKNOWN"),
                work.mutant.as_deref().unwrap_or_default(),
                campaign.schedules
            ),
            (true, None) => format!(
                "{}     {name}: every promise kept in {} schedules",
                paint(AnsiColor::Green, "PASS"),
                campaign.schedules
            ),
            (false, _) => format!(
                "{}  {name}: never happened, so nothing is known of it: {}; give it more seeds",
                paint(AnsiColor::Yellow, "UNKNOWN"),
                missing.join(", ")
            ),
            (true, Some((seed, why))) => {
                format!("{}  {name}: seed {seed}: {why}", paint(AnsiColor::Yellow, "UNKNOWN"))
            }
        };
        out.verdict(verdict);
    }
}

fn say_mutant(out: &Out, mutant: &MutantCard, caught: &Caught) {
    let line = match caught.found {
        Some(seed) => format!(
            "{}   {:<26} {:<18} seed {seed}, schedule {}",
            paint(AnsiColor::Green, "caught"),
            mutant.name,
            mutant.breaks,
            caught.schedules
        ),
        None => format!(
            "{} {:<26} {:<18} not in {} schedules: {}",
            paint(AnsiColor::Red, "SURVIVED"),
            mutant.name,
            mutant.breaks,
            caught.schedules,
            mutant.how
        ),
    };
    out.verdict(line);
}
