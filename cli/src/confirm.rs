//! `checker confirm`: the same clients, schedules and histories against real servers.
//!
//! A trace is confirmed exactly: its own interleaving, step by step, every real answer held to the
//! simulated one. A model is confirmed at full speed: all clients at once, real locks that really
//! run out, and the checker judges what was recorded.

mod promises;

use crate::file;
use crate::interrupt;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup::{self, Setup};
use anstyle::AnsiColor;
use checker::{Property, Verdict};
use clap::{Args as ClapArgs, ValueEnum};
use models::served::{self, Served};
use real::client::Program;
use real::confirm::{Confirmation, Options, Outcome, confirm_model, confirm_trace};
use real::error::RealError;
use real::targets::{Given, Targets, Wanted};
use serde_json::{Map, Value, json};
use sim::registry::Card;
use sim::scenario::Scenario;
use sim::session::Plan;
use sim::step::Step;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// A model, or a trace file
    what: String,
    #[command(flatten)]
    setup: Setup,
    /// A deliberately broken twin of the model
    #[arg(long)]
    mutant: Option<String>,
    /// Which services are real: postgres, redis, s3 (or minio, weed, embedded, s3s-fs)
    #[arg(long, value_name = "SERVICES")]
    on: String,
    /// A trace is confirmed exactly and a model at speed, unless told
    #[arg(long)]
    mode: Option<Mode>,
    /// What decides a model's schedule in exact mode, and its pauses at speed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// At speed, one write in so many is held back until its lock has run out, its client's process
    /// stopped; 0: none
    #[arg(long, value_name = "N", default_value_t = 4)]
    pause_every: u32,
    /// How often each promise of an object store is raced, at most [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    races: Option<u32>,
    /// A Postgres server that is already there, instead of one started for the run
    #[arg(long, value_name = "URL")]
    postgres_url: Option<String>,
    /// A Redis server that is already there
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// An S3 endpoint that is already there; its keys come from the AWS_* variables
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    /// Writes the recorded history, as JSON Lines; of an object store's promises, what broke each
    /// into this directory [default: found]
    #[arg(short, long, value_name = "HISTORY|DIR")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Step by step, every real answer held to the simulated one.
    Exact,
    /// All clients at once.
    AtSpeed,
}

/// The command that is a client.
pub(crate) const CLIENT: &str = "client";

/// Is a client, until nobody tells it what to do.
pub(crate) fn client() -> Result<Exit, Failure> {
    real::client::be().map_err(failure)?;
    Ok(Exit::Holds)
}

/// How models are sized where a real lock is to run out, unless told: small enough for a minute,
/// and for a lock to run out a hundred times in the middle of a transition.
const LOCKED: [(&str, &[(&str, u64)]); 3] = [
    ("run_head", &[("writers", 16), ("transitions", 400), ("ttl", 30)]),
    (
        "redlock",
        &[
            ("nodes", 5),
            ("writers", 8),
            ("turns", 60),
            ("retries", 1000),
            ("ttl", 100),
            ("threshold", 20),
        ],
    ),
    ("snapshot_log", &[("writers", 6), ("tries", 80), ("ttl", 60)]),
];

/// How long after one another nodes of Redis crash, where there are several.
const RESTART_EVERY: Duration = Duration::from_millis(500);

/// How often each promise of an object store is raced, unless told.
const RACES: u32 = 200;

/// When a run at speed is given up.
const TIME_MAX: Duration = Duration::from_secs(240);

pub(crate) fn confirm(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let subject = Subject::read(args)?;
    let setup = served::Setup { params: &subject.params, mutant: subject.mutant.as_deref() };
    let wanted: Wanted = args.on.parse().map_err(failure)?;
    // A trace says when a node forgets, which only keys of our own can be told to.
    let redis_nodes = match subject.steps {
        Some(_) => 1,
        None => subject.served.redis_nodes(&setup).map_err(Failure::input)?,
    };
    let wanted = Wanted { redis_nodes, ..wanted };
    let given = Given {
        postgres_url: args.postgres_url.clone(),
        redis_url: args.redis_url.clone(),
        s3_endpoint: args.s3_endpoint.clone(),
        s3_keys: None,
    };
    if [&args.postgres_url, &args.redis_url, &args.s3_endpoint].iter().any(|it| it.is_some()) {
        // What was made on somebody's own server is taken away again, also after Ctrl-C.
        interrupt::give(60);
    }
    out.aside(format!("starting {}", args.on));
    let targets = Targets::start(&wanted, &given).map_err(failure)?;
    let options = Options {
        pause_every: args.pause_every,
        seed: args.seed,
        time_max: TIME_MAX,
        races: args.races.unwrap_or(RACES),
        client: Some(program()?),
        restart_every: Some(RESTART_EVERY),
        is_over: interrupt::was_interrupted,
    };
    if subject.promises {
        return promises::confirm(args, &subject, &targets, options, out);
    }
    let found = match &subject.steps {
        Some(steps) => confirm_trace(subject.served, &setup, steps, steps.len(), &targets),
        None => confirm_model(subject.served, &setup, &targets, options),
    };
    let found = subject.held_to_its_record(found.map_err(failure)?);
    say(out, args, &subject, &targets, &found);
    if let Some(path) = &args.output {
        let lines: String = found.history.iter().map(|it| format!("{it}\n")).collect();
        file::write(path, &lines)?;
        out.say(format!("wrote    {}", path.display()));
    }
    let exit = exit(&found);
    out.object(outcome_name(exit), object(&found));
    Ok(exit)
}

/// What is to be confirmed.
struct Subject {
    served: &'static dyn Served,
    params: Map<String, Value>,
    mutant: Option<String>,
    /// The schedule, in exact mode.
    steps: Option<Vec<Step>>,
    /// The promise that the trace says it breaks.
    breaks: Option<Property>,
    /// Whether it is an object store, to be held to each of its promises.
    promises: bool,
}

impl Subject {
    fn read(args: &Args) -> Result<Subject, Failure> {
        let path = Path::new(&args.what);
        if path.extension().is_some_and(|it| it == "json") || path.exists() {
            return Subject::of_trace(args, path);
        }
        let model = setup::model(&args.what)?;
        let mut params = args.setup.params()?;
        let card = model.card();
        let mutant = card.mutants.iter().find(|it| Some(&it.name) == args.mutant.as_ref());
        let fixed = |name| mutant.is_some_and(|it| it.params.iter().any(|(it, _)| *it == name));
        let redis = args.on.split(',').any(|it| it.trim() == "redis");
        if args.mode != Some(Mode::Exact) {
            if card.params.contains_key("lock") && !redis && !fixed("lock") {
                params.entry("lock").or_insert(Value::from("none"));
            }
            let sizes = LOCKED.iter().filter(|(name, _)| redis && *name == card.name);
            for (name, size) in sizes.flat_map(|(_, sizes)| *sizes).filter(|it| !fixed(it.0)) {
                params.entry(*name).or_insert(Value::from(*size));
            }
        }
        let promises = Subject::has_promises(args, &card, &params);
        if promises {
            if let Some(name) = params.keys().find(|it| *it != "writers") {
                return Err(Failure::input(format!(
                    "-p {name}: each promise of an object store is tried at its own size; expected \
                     -p writers alone, or -p about=.. for one promise at yours"
                )));
            }
            params.entry("writers").or_insert(Value::from(promises::CLIENTS));
        } else if args.races.is_some() {
            return Err(Failure::input(
                "--races: only the promises of a sound object store are raced, on s3 and at speed",
            ));
        }
        let mut session = setup::session(model, &params, args.mutant.as_deref())?;
        let mut steps = None;
        if args.mode == Some(Mode::Exact) {
            session.play(&Plan::Seed(Scenario::of(args.seed)));
            steps = Some(session.steps().to_vec());
        }
        // At speed nothing is drawn: what is left open stays as it is published.
        let params = session.params();
        let served = find(card.name)?;
        let mutant = args.mutant.clone();
        Ok(Subject { served, params, mutant, steps, breaks: None, promises })
    }

    /// A sound object store at speed, of which no one promise was asked for: each has its turn.
    fn has_promises(args: &Args, card: &Card, params: &Map<String, Value>) -> bool {
        let wanted: Result<Wanted, _> = args.on.parse();
        let stored = wanted.is_ok_and(|it| it.s3.is_some());
        let sound = args.mutant.is_none() && args.mode != Some(Mode::Exact);
        stored && sound && card.name == "object_store" && !params.contains_key("about")
    }

    fn of_trace(args: &Args, path: &Path) -> Result<Subject, Failure> {
        if args.mode == Some(Mode::AtSpeed) {
            return Err(Failure::input(
                "a trace is confirmed exactly; at speed there is only a model",
            ));
        }
        if args.mutant.is_some() || !args.setup.as_arguments().is_empty() {
            return Err(Failure::input("a trace brings its own parameters and mutant"));
        }
        let loaded = file::load(path)?;
        let served = find(&loaded.trace.model)?;
        let breaks = loaded.trace.verdict.broken().cloned();
        let (params, mutant) = (loaded.trace.params, loaded.trace.mutant);
        let steps = Some(loaded.steps);
        Ok(Subject { served, params, mutant, steps, breaks, promises: false })
    }

    /// A promise that the trace breaks and that was not seen to break here is not kept: that
    /// something never happens, say, cannot be seen in a few steps.
    fn held_to_its_record(&self, found: Confirmation) -> Confirmation {
        match &self.breaks {
            Some(property) if found.verdict == Verdict::Pass => {
                let why =
                    format!("the trace breaks {property}, which these steps alone do not show");
                Confirmation { verdict: Verdict::Unknown { why }, ..found }
            }
            _ => found,
        }
    }
}

/// What a client is when it is a process of its own: this command again.
fn program() -> Result<Program, Failure> {
    let path = std::env::current_exe()
        .map_err(|error| Failure::service(format!("where this command is: {error}")))?;
    // It connects as this command does.
    let is_asked =
        |name: &str| name == "HOME" || ["PG", "AWS_"].iter().any(|it| name.starts_with(it));
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| is_asked(name))
        .collect();
    Ok(Program { path, arguments: vec![CLIENT.to_owned()], environment })
}

fn find(name: &str) -> Result<&'static dyn Served, Failure> {
    let found = models::SERVED.iter().find(|it| it.name() == name).copied();
    found.ok_or_else(|| Failure::input(format!("{name} calls no service that could be real")))
}

pub(crate) fn failure(error: RealError) -> Failure {
    match error {
        RealError::Wanted { .. } | RealError::Setup(_) => Failure::input(error),
        _ => Failure::service(error),
    }
}

fn exit(found: &Confirmation) -> Exit {
    let any = |outcome| found.rows.iter().any(|row| row.outcome == outcome);
    let broken = any(Outcome::Disagrees) || any(Outcome::Breaks);
    match verdict(found) {
        _ if broken => Exit::Violated,
        Verdict::Fail(_) => Exit::Violated,
        Verdict::Unknown { .. } => Exit::Unknown,
        Verdict::Pass => Exit::Holds,
    }
}

fn outcome_name(exit: Exit) -> &'static str {
    match exit {
        Exit::Holds => "pass",
        Exit::Violated => "fail",
        _ => "unknown",
    }
}

fn say(out: &Out, args: &Args, subject: &Subject, targets: &Targets, found: &Confirmation) {
    let mode = if subject.steps.is_some() { "exact" } else { "at speed" };
    let services: Vec<String> =
        targets.services().iter().map(|it| format!("{} {}", it.service, it.version)).collect();
    out.say(format!(
        "{}{}, {mode}: {}; {}",
        args.what,
        subject.mutant.as_ref().map_or(String::new(), |it| format!(" --mutant {it}")),
        setup::show(&subject.params),
        services.join(", ")
    ));
    out.say("");
    for row in &found.rows {
        let evidence = match row.real {
            true => "real    ",
            false if row.service.ends_with("embedded") => "ours    ",
            false => "on trial",
        };
        out.say(format!(
            "  {:<10} {evidence} {:<13} {}",
            row.service,
            row.outcome.to_string(),
            row.why
        ));
    }
    if let Some((number, text)) = &found.at {
        out.say(format!("  they part at step {number}: {text}"));
    }
    out.say("");
    let figures: Vec<String> =
        found.stats.iter().map(|(name, value)| format!("{name} {value}")).collect();
    out.say(format!("  {}", figures.join("  ")));
    found.notes.iter().for_each(|note| out.say(format!("  {note}")));
    out.say("");
    say_verdict(out, found);
}

/// What can be said of the promises. That the simulated services kept them says nothing here.
fn verdict(found: &Confirmation) -> Verdict {
    let inconclusive = found.rows.iter().find(|row| row.outcome == Outcome::Inconclusive);
    match (&found.verdict, inconclusive) {
        (Verdict::Pass, _) if found.rows.is_empty() => {
            let why = "nothing was asked of any service that --on names".to_owned();
            Verdict::Unknown { why }
        }
        (Verdict::Pass, Some(row)) => {
            Verdict::Unknown { why: format!("{}: {}", row.service, row.why) }
        }
        (other, _) => other.clone(),
    }
}

fn say_verdict(out: &Out, found: &Confirmation) {
    let any = |outcome| found.rows.iter().any(|row| row.outcome == outcome);
    match verdict(found) {
        Verdict::Pass => {
            let real = found.rows.iter().any(|row| row.real);
            let whose = if real { "the real services" } else { "a server that is no evidence" };
            out.verdict(format!(
                "{}     every promise kept on {whose}   {:.2} s",
                paint(AnsiColor::Green, "PASS"),
                found.seconds
            ));
        }
        Verdict::Fail(it) => {
            out.verdict(format!("{} {}: {}", paint(AnsiColor::Red, "FAIL"), it.property, it.why));
            for index in &it.operations {
                if let Some(operation) = found.history.get(*index) {
                    out.say(format!("  operation {}: {operation}", index + 1));
                }
            }
        }
        Verdict::Unknown { why } => {
            out.verdict(format!("{}  {why}", paint(AnsiColor::Yellow, "UNKNOWN")))
        }
    }
    let (label, color) = match () {
        () if any(Outcome::Disagrees) || any(Outcome::Breaks) => ("DISAGREES", AnsiColor::Red),
        () if any(Outcome::Inconclusive) || found.rows.is_empty() => {
            ("INCONCLUSIVE", AnsiColor::Yellow)
        }
        () => ("AGREES", AnsiColor::Green),
    };
    out.verdict(paint(color, label));
}

fn object(found: &Confirmation) -> Value {
    let verdict = verdict(found);
    let violation = verdict.violation();
    let why = match &verdict {
        Verdict::Pass => None,
        Verdict::Fail(it) => Some(&it.why),
        Verdict::Unknown { why } => Some(why),
    };
    let operations: Option<Vec<&Value>> = violation
        .map(|it| it.operations.iter().filter_map(|index| found.history.get(*index)).collect());
    let stats: Map<String, Value> =
        found.stats.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "rows": found.rows.iter().map(|row| json!({
            "model": row.model,
            "mode": row.mode,
            "service": row.service,
            "real": row.real,
            "outcome": row.outcome.to_string(),
            "why": row.why,
        })).collect::<Vec<_>>(),
        "stats": stats,
        "property": violation.map(|it| &it.property),
        "why": why,
        "operations": operations,
        "waits": found.waits,
        "compared": found.compared,
        "parted_at": found.at.as_ref().map(|(number, _)| number),
        "notes": found.notes,
        "seconds": found.seconds,
    })
}
