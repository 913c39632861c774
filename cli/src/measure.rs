//! `checker measure`: what a load makes of what it is put on, simulated or real.
//!
//! One family of loads a file: `soak` is a hot Postgres table under hours of updates, `objects` an
//! object store, simulated or real, and `backends` several of those in turns. What they share is
//! how a measurement is asked for, drawn (`plot`) and put on one page (`report`). Each can be
//! stopped at any moment: what is said then is of what was measured until then.

mod a1;
mod backends;
mod beside;
mod claims;
mod claims_page;
mod curves;
mod drawn;
mod objects;
mod objects_sweep;
mod on_postgres;
mod place;
mod plot;
mod replay;
mod replay_page;
mod report;
mod retention_page;
mod soak;
mod sweep;
mod table;
mod transitions;

use crate::file;
use crate::out::{Exit, Failure, Out};
use crate::setup::Setup;
use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};
use models::objects_load;
use place::Place;
use report::Report;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// What is measured: a0, a1, soak, held-xmin, claims, replay, puts, batching, cold-reads or backends;
    /// `checker list` shows what each is
    workload: String,
    /// What is replayed: recorded transitions, JSON Lines; docs/heap.md has the format
    file: Option<PathBuf>,
    #[command(flatten)]
    setup: Setup,
    /// A load on a table: postgres, which does the same on a real server beside it. A load on an object
    /// store: where it is put, which is simulated unless told: s3, minio, weed, embedded, s3s-fs, or the
    /// URL of an endpoint, with keys, region and bucket from AWS_*; for backends several: minio,embedded
    #[arg(long, value_name = "PLACE")]
    on: Option<String>,
    /// Writes every sample or row, under the columns of the table that is shown
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Measures once for each value of a parameter, and shows where each ends
    #[arg(long, value_name = "NAME=V1,V2,..")]
    sweep: Option<String>,
    /// Writes one self-contained page: the verdict, plots and tables
    #[arg(short, long, value_name = "REPORT.html")]
    output: Option<PathBuf>,
    /// Measures the rows that others have published, and shows their figures beside it
    #[arg(long, requires = "on")]
    published: bool,
}

pub(crate) fn measure(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let load = &*args.workload;
    let is = |loads: &[(&str, &str)]| loads.iter().any(|it| it.0 == load);
    if args.file.is_some() && load != replay::NAME {
        return Err(Failure::input(format!("measure {load}: only replay reads a FILE")));
    }
    if args.published && !is(&heap::soak::LOADS) {
        return Err(Failure::input(format!("measure {load}: there is no --published of it")));
    }
    if is(&heap::soak::LOADS) || [a1::NAME, claims::NAME, replay::NAME].contains(&load) {
        args.on.as_deref().map_or(Ok(()), on_postgres::wanted)?;
    }
    match load {
        a1::NAME => return a1::a1(args, out),
        claims::NAME => return claims::claims(args, out),
        replay::NAME => return replay::replay(args, out),
        _ if is(&heap::soak::LOADS) => return soak::measure(args, out),
        _ => {}
    }
    if args.workload == "backends" {
        return backends::measure(args, out);
    }
    if is(&objects_load::LOADS) {
        return objects::measure(args, out);
    }
    let names: Vec<&str> = cards().iter().map(|it| it.0).collect();
    let (given, names) = (&args.workload, names.join(", "));
    Err(Failure::input(format!("there is nothing to measure named {given}; there are {names}")))
}

/// What is one table in the end, and not samples, has none of what is made of them.
fn plain(args: &Args) -> Result<(), Failure> {
    unswept(args)?;
    refused(args, "--csv", args.csv.is_some())
}

/// What is measured once has no sweep.
fn unswept(args: &Args) -> Result<(), Failure> {
    refused(args, "--sweep", args.sweep.is_some())
}

fn refused(args: &Args, what: &str, given: bool) -> Result<(), Failure> {
    let why = || Failure::input(format!("measure {}: there is no {what} of it", args.workload));
    if given { Err(why()) } else { Ok(()) }
}

impl Args {
    /// The command that measures this again.
    fn command(&self) -> String {
        let more = |name: &str, given: &Option<String>| {
            given.as_ref().map(|it| format!(" --{name} {it}")).unwrap_or_default()
        };
        let file = self.file.as_ref().map_or(String::new(), |it| format!(" {}", it.display()));
        let published = if self.published { " --published" } else { "" };
        let (params, sweep) = (self.setup.as_arguments(), more("sweep", &self.sweep));
        let on = more("on", &self.on);
        format!("checker measure {}{file}{params}{sweep}{on}{published}", self.workload)
    }

    /// Writes the page, if one was asked for.
    fn write(&self, report: impl FnOnce() -> Report, out: &Out) -> Result<(), Failure> {
        self.output.as_ref().map_or(Ok(()), |path| write(path, &report().html(), out))
    }
}

/// Writes a file, and says so.
fn write(path: &Path, text: &str, out: &Out) -> Result<(), Failure> {
    file::write(path, text)?;
    out.verdict(format!("wrote    {}", path.display()));
    Ok(())
}

/// A bar on a terminal; nothing elsewhere.
fn bar(out: &Out, whole: u64) -> ProgressBar {
    if !out.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(whole);
    let style = ProgressStyle::with_template("{bar:30} {msg}, {elapsed} here");
    bar.set_style(style.unwrap_or(ProgressStyle::default_bar()));
    bar
}

/// Parameters as they are in JSON: numbers as numbers.
fn typed(shown: Vec<(&'static str, String)>) -> Map<String, Value> {
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    shown.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect()
}

/// What can be measured: name, what it shows, and its parameters.
type Card = (&'static str, &'static str, Map<String, Value>);

/// All of it, for `list`.
pub(crate) fn cards() -> Vec<Card> {
    let heap = soak::cards().into_iter().chain([a1::card(), claims::card(), replay::card()]);
    heap.chain(objects::cards()).collect()
}
