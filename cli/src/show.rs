//! `checker show`: a trace or a history as a timeline, in the terminal or as one page.
//!
//! What is shown is data first (`lanes`), made from a trace (`trace`) or a history (`history`);
//! the terminal, the page and `--json` are three ways to print it.

mod canvas;
pub(crate) mod history;
pub(crate) mod lanes;
mod ops;
mod page;
mod terminal;
mod trace;

use crate::file;
use crate::out::{Exit, Failure, Out};
use clap::Args as ClapArgs;
use lanes::Shown;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// A trace, or a history in JSON Lines
    #[arg(value_name = "TRACE|HISTORY")]
    file: PathBuf,
    /// Writes one self-contained page
    #[arg(short, long, value_name = "PAGE.html")]
    output: Option<PathBuf>,
    /// The datatype of a history, where its first line does not say it
    #[arg(long, value_name = "SPEC")]
    spec: Option<String>,
}

pub(crate) fn show(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let shown = read(&args.file, args.spec.as_deref())?;
    let mut object = serde_json::to_value(&shown).expect("what is shown has string keys");
    match &args.output {
        Some(path) => {
            file::write(path, &page::page(&shown.title, &object))?;
            out.verdict(format!("wrote    {}", path.display()));
            object["page"] = json!(path.display().to_string());
        }
        None => terminal::lines(&shown, terminal::width()).iter().for_each(|it| out.say(it)),
    }
    if let (None, Some(run)) = (&args.output, shown.runs.first()) {
        out.verdict(terminal::verdict(run));
        out.say(format!("next     checker show {} -o page.html", args.file.display()));
    }
    out.object("pass", object);
    Ok(Exit::Holds)
}

/// A trace, unless the first line is an operation's.
fn read(path: &Path, spec: Option<&str>) -> Result<Shown, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("{}: cannot be read: {error}", path.display())))?;
    match history::is_history(&text) {
        true => history::shown(path, &text, spec),
        false => trace::shown(path.display().to_string(), &file::load(path)?),
    }
}
