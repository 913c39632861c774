//! `checker measure`: what hours of load make of a hot Postgres table, in simulated time.
//!
//! Every page is exact, the order of who is served is drawn, and the verdict is read off the
//! samples. It can be stopped at any moment: what is said then is of what was simulated until then.

mod a1;
mod on_postgres;
mod replay;
mod sweep;
mod table;
mod transitions;

use crate::file;
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup::Setup;
use anstyle::AnsiColor;
use clap::Args as ClapArgs;
use heap::soak::{LOADS, Params, Sample, Soak};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Instant;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// What is measured: a0, a1, soak, held-xmin or replay; `checker list` shows what each is
    workload: String,
    /// What is replayed: recorded transitions, JSON Lines; docs/heap.md has the format
    file: Option<PathBuf>,
    #[command(flatten)]
    setup: Setup,
    /// Writes every sample, under the columns of the table that is shown
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    csv: Option<PathBuf>,
    /// Measures once for each value of a parameter, and shows where each ends
    #[arg(long, value_name = "NAME=V1,V2,..")]
    sweep: Option<String>,
    /// Does the same on a real server beside it: postgres, which is started for the run
    #[arg(long, value_name = "SERVICE", conflicts_with = "sweep")]
    on: Option<String>,
    /// Measures the rows that others have published, and shows their figures beside it
    #[arg(long, requires = "on")]
    published: bool,
}

pub(crate) fn measure(args: &Args, out: &Out) -> Result<Exit, Failure> {
    args.on.as_deref().map_or(Ok(()), on_postgres::wanted)?;
    match &*args.workload {
        replay::NAME => return replay::replay(args, out),
        a1::NAME => {
            no_file(args)?;
            return a1::a1(args, out);
        }
        _ => no_file(args)?,
    }
    if args.on.is_some() {
        return on_postgres::on_postgres(args, out);
    }
    let params = params(args, &[])?;
    if let Some(sweep) = &args.sweep {
        return sweep::sweep(&args.workload, &params, sweep, out);
    }
    valid(&params)?;
    out.say(table::title(&args.workload, &params));
    let ran = run(&params, out)?;
    table::lines(&ran.soak).iter().for_each(|line| out.say(line));
    out.say("");
    for said in ran.soak.verdict() {
        out.verdict(said);
    }
    out.verdict(speed(&ran));
    if let Some(path) = &args.csv {
        let samples = ran.soak.samples().iter().map(|it| it.csv() + "\n");
        file::write(path, &(Sample::COLUMNS.join(",") + "\n" + &samples.collect::<String>()))?;
        out.verdict(format!("wrote    {}", path.display()));
    }
    out.object(ran.outcome(), object(&args.workload, &ran));
    Ok(ran.exit())
}

/// Only a replay reads a file.
fn no_file(args: &Args) -> Result<(), Failure> {
    let load = &args.workload;
    match args.file {
        Some(_) => Err(Failure::input(format!("measure {load}: only replay reads a FILE"))),
        None => Ok(()),
    }
}

/// What has no samples has none of what is made of them.
fn plain(args: &Args) -> Result<(), Failure> {
    let given = [
        ("--sweep", args.sweep.is_some()),
        ("--csv", args.csv.is_some()),
        ("--published", args.published),
    ];
    let load = &args.workload;
    match given.iter().find(|it| it.1) {
        Some((what, _)) => Err(Failure::input(format!("measure {load}: there is no {what} of it"))),
        None => Ok(()),
    }
}

/// What the load is, with what a published row sets and then with what was given.
fn params(args: &Args, row: &[(&str, &str)]) -> Result<Params, Failure> {
    let mut params = Params::of(&args.workload).ok_or_else(|| {
        let loads = LOADS.iter().map(|it| it.0);
        let names: Vec<&str> = loads.chain([a1::NAME, replay::NAME]).collect();
        let (given, names) = (&args.workload, names.join(", "));
        Failure::input(format!("there is nothing to measure named {given}; there are {names}"))
    })?;
    let given = args.setup.params()?;
    if given.contains_key("hours") && given.contains_key("duration") {
        return Err(Failure::input("-p hours and -p duration say the same: expected one of them"));
    }
    for (name, value) in row {
        params.set(name, value).map_err(Failure::input)?;
    }
    for (name, value) in given {
        let text = value.as_str().unwrap_or_default();
        params.set(&name, text).map_err(|why| Failure::input(format!("-p {why}")))?;
    }
    Ok(params)
}

fn valid(params: &Params) -> Result<(), Failure> {
    params.check().map_err(|why| Failure::input(format!("-p {why}")))
}

/// A load that came to its end, or was stopped on the way.
struct Ran {
    soak: Soak,
    /// Seconds that it took here.
    seconds: f64,
    whole: bool,
}

impl Ran {
    fn outcome(&self) -> &'static str {
        if self.whole { "pass" } else { "unknown" }
    }

    fn exit(&self) -> Exit {
        if self.whole { Exit::Holds } else { Exit::Unknown }
    }

    /// Where it ended; the table as it was loaded if it was stopped before the first sample.
    fn end(&self) -> &Sample {
        self.soak.samples().last().unwrap_or(self.soak.loaded())
    }
}

fn run(params: &Params, out: &Out) -> Result<Ran, Failure> {
    let began = Instant::now();
    let bar = bar(out, params.duration);
    bar.set_message(format!("loading {} rows", params.active));
    let mut soak = Soak::new(params).map_err(Failure::input)?;
    if !soak.has_work() {
        return Err(Failure::input(
            "every row sleeps: expected fewer sleepers or more active rows",
        ));
    }
    let mut goes_on = true;
    while goes_on && !was_interrupted() {
        goes_on = soak.go_on().map_err(Failure::input)?;
        bar.set_position(soak.seconds() as u64);
        bar.set_message(soak.progress());
    }
    bar.finish_and_clear();
    Ok(Ran { soak, seconds: began.elapsed().as_secs_f64(), whole: !goes_on })
}

fn bar(out: &Out, seconds: u64) -> ProgressBar {
    if !out.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(seconds);
    let style = ProgressStyle::with_template("{bar:30} {msg}, {elapsed} here");
    bar.set_style(style.unwrap_or(ProgressStyle::default_bar()));
    bar
}

/// What was done, and how long that took here.
fn speed(ran: &Ran) -> String {
    let (inserted, deleted) = ran.soak.inserted_and_deleted();
    let done = if ran.whole { paint(AnsiColor::Green, "MEASURED") } else { "STOPPED ".to_owned() };
    format!(
        "{done} {} updates, {inserted} inserts, {deleted} deletes; {}   {:.2} s",
        ran.end().ops,
        ran.soak.progress(),
        ran.seconds,
    )
}

/// A sample, a field a column; what is shown rounded in CSV is given as it is.
fn fields(sample: &Sample) -> Map<String, Value> {
    let texts = Sample::COLUMNS.into_iter().zip(sample.fields());
    let mut object: Map<String, Value> = texts
        .map(|(name, text)| (name.to_owned(), serde_json::from_str(&text).unwrap_or(json!(text))))
        .collect();
    object.insert("heap_pages".to_owned(), json!(sample.heap_pages));
    object.insert("heap_bytes".to_owned(), json!(sample.heap_bytes));
    object.insert("idx_bytes".to_owned(), json!(sample.index_bytes));
    object.insert("hot_pct".to_owned(), json!((sample.hot * 100.0).round() / 100.0));
    object
}

fn object(workload: &str, ran: &Ran) -> Value {
    let mut object = fields(ran.end());
    let (inserted, deleted) = ran.soak.inserted_and_deleted();
    let more = json!({
        "workload": workload,
        "params": shown(ran.soak.params()),
        "inserted": inserted,
        "deleted": deleted,
        "samples": ran.soak.samples().len(),
        "verdict": ran.soak.verdict(),
        "seconds": ran.seconds,
    });
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object)
}

/// Parameters as they are in JSON: numbers as numbers.
fn shown(params: &Params) -> Map<String, Value> {
    typed(params.shown())
}

fn typed(shown: Vec<(&'static str, String)>) -> Map<String, Value> {
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    shown.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect()
}

/// What can be measured: name, what it shows, and its parameters; for `list`.
type Card = (&'static str, &'static str, Map<String, Value>);

pub(crate) fn cards() -> Vec<Card> {
    let card = |(name, about)| Some((name, about, shown(&Params::of(name)?)));
    LOADS.into_iter().filter_map(card).chain([a1::card(), replay::card()]).collect()
}
