//! `checker check`: a history somebody else recorded, judged against a datatype.
//!
//! The hard part is that nobody knows beforehand how large it is or how hard: so it is read as it
//! comes, every budget is always in force, and what runs out is said and never a pass.

mod follow;
mod input;
mod judge;
pub(crate) mod lanes;
mod report;
pub(crate) mod specs;

use crate::out::{Exit, Failure, Out};
use crate::units;
use checker::format::{Format, Header, Raw, Renames, Start};
use clap::Args as ClapArgs;
use input::Input;
use std::path::PathBuf;
use std::time::Duration;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// A history; standard input if it is `-` or left out
    history: Option<PathBuf>,
    /// The datatype it is held to; without one the header's
    #[arg(long)]
    spec: Option<String>,
    /// How it is written: auto, jsonl, edn or porcupine
    #[arg(long, default_value = "auto", value_parser = format)]
    format: AnyFormat,
    /// A field that is called something else there, such as client=process
    #[arg(long = "field", value_name = "OURS=THEIRS", value_parser = rename)]
    fields: Vec<(String, String)>,
    /// What a register holds at first, as JSON: a value, or null
    #[arg(long, value_name = "V", value_parser = init)]
    init: Option<Raw<'static>>,
    /// For how long at most; with --follow, without end unless given
    #[arg(long, value_parser = units::duration)]
    time: Option<Duration>,
    /// With how much memory at most
    #[arg(long, default_value = "4GiB", value_parser = units::bytes)]
    memory: usize,
    /// Judges events as they come, until the history ends or breaks a promise
    #[arg(long)]
    follow: bool,
    /// Where the operations that break a promise are written, all others cut away
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// For how long, unless told.
const TIME: Duration = Duration::from_secs(60);

/// A format that was asked for, or whichever it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct AnyFormat(Option<Format>);

fn format(name: &str) -> Result<AnyFormat, String> {
    match name {
        "auto" => Ok(AnyFormat(None)),
        "jsonl" => Ok(AnyFormat(Some(Format::Jsonl))),
        "edn" => Ok(AnyFormat(Some(Format::Edn))),
        "porcupine" => Ok(AnyFormat(Some(Format::Porcupine))),
        _ => Err(format!("expected auto, jsonl, edn or porcupine, not '{name}'")),
    }
}

/// The fields that every line may have.
const FIELDS: &str = "client, f, call, return, ret, outcome, e, id, at, key, value, from, to, ..";

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((ours, theirs)) if !ours.is_empty() && !theirs.is_empty() => {
            Ok((ours.to_owned(), theirs.to_owned()))
        }
        _ => Err(format!("expected OURS=THEIRS with one of ours: {FIELDS}; not '{text}'")),
    }
}

fn init(text: &str) -> Result<Raw<'static>, String> {
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    value
        .map(Raw::from)
        .map_err(|_| format!("expected JSON such as 0, null or '\"text\"', not '{text}'"))
}

/// What is to be judged, and how.
#[derive(Clone)]
struct Job {
    spec: &'static str,
    format: Format,
    renames: Renames,
    start: Start,
    /// What was typed of it.
    given: Option<Raw<'static>>,
    time: Option<Duration>,
    memory: usize,
    output: Option<PathBuf>,
}

pub(crate) fn check(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let mut input = Input::open(args.history.as_deref())?;
    let name = input.name().to_owned();
    let begins = input.begins()?;
    let format = format_of(args.format, begins, &name)?;
    let header = if format == Format::Jsonl { Header::of(begins) } else { Header::default() };
    let entry = specs::find(args.spec.as_deref(), header.spec.as_deref(), &name)?;
    let mut renames = Renames::default();
    for (ours, theirs) in &args.fields {
        renames.add(ours, theirs);
    }
    let start = args.init.clone().or(header.init);
    let job = Job {
        spec: entry.name,
        format,
        renames,
        start: start.map_or(format.start(), Start::Given),
        given: args.init.clone(),
        time: args.time.or((!args.follow).then_some(TIME)),
        memory: args.memory,
        output: args.output.clone(),
    };
    let report =
        if args.follow { (entry.follow)(input, &job)? } else { (entry.judge)(input, &job)? };
    report.tell(&job, out)
}

fn format_of(asked: AnyFormat, begins: &[u8], name: &str) -> Result<Format, Failure> {
    let detected = Format::detect(begins);
    let format = match asked.0 {
        // Its key-value logs are EDN.
        Some(Format::Porcupine) if detected == Some(Format::Edn) => Some(Format::Edn),
        None => detected,
        asked => asked,
    };
    format.ok_or_else(|| {
        let found = String::from_utf8_lossy(&begins[..begins.len().min(40)]).into_owned();
        let found = found.lines().next().unwrap_or_default().to_owned();
        let what = if begins.is_empty() { "nothing".into() } else { format!("'{found}'") };
        Failure::input(format!(
            "{name}: line 1: expected JSON Lines, EDN or a log of Jepsen's, found {what}; \
             name one with --format"
        ))
    })
}
