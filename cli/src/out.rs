//! What goes where: answers on stdout, progress and errors on stderr, one JSON object if asked.

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// How output looks; for every command.
#[derive(Args)]
pub(crate) struct Look {
    /// One JSON object on stdout, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    /// The verdict and nothing else
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// An exit status, by what it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    Holds,
    Violated,
    BadInput,
    Unknown,
    Service,
    Found,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Holds => 0,
            Exit::Violated => 1,
            Exit::BadInput => 2,
            Exit::Unknown => 3,
            Exit::Service => 4,
            Exit::Found => 42,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) why: String,
}

impl Failure {
    /// What was given cannot be used as it is.
    pub(crate) fn input(why: impl fmt::Display) -> Self {
        Failure { exit: Exit::BadInput, why: why.to_string() }
    }

    /// A real service is missing or broke.
    pub(crate) fn service(why: impl fmt::Display) -> Self {
        Failure { exit: Exit::Service, why: why.to_string() }
    }
}

/// Where a command's words go.
pub(crate) struct Out {
    command: &'static str,
    json: bool,
    quiet: bool,
}

impl Out {
    pub(crate) fn new(command: &'static str, look: &Look) -> Self {
        Out { command, json: look.json, quiet: look.quiet }
    }

    /// A line of the story.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        if !self.json && !self.quiet {
            print(line);
        }
    }

    /// A line that matters even when quiet: a verdict.
    pub(crate) fn verdict(&self, line: impl fmt::Display) {
        if !self.json {
            print(line);
        }
    }

    /// Progress, or the recipe: never mixed into answers.
    pub(crate) fn aside(&self, line: impl fmt::Display) {
        if !self.quiet {
            anstream::eprintln!("{line}");
        }
    }

    /// The last line on stderr: how to see it again. Said even when quiet.
    pub(crate) fn reproduce(&self, command: &str) {
        anstream::eprintln!("REPRODUCE: {command}");
    }

    /// The JSON object, if it was asked for.
    pub(crate) fn object(&self, outcome: &str, fields: Value) {
        if !self.json {
            return;
        }
        let mut object = Map::new();
        object.insert("command".to_owned(), json!(self.command));
        object.insert("outcome".to_owned(), json!(outcome));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        print(Value::Object(object));
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        anstream::eprintln!("{}: {}", paint(AnsiColor::Red, "error"), failure.why);
        self.object("error", json!({"why": failure.why}));
    }

    /// Whether a bar would be seen and not disturb.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && !self.json
    }
}

/// A line on stdout. A reader that has seen enough is no error, and the exit status still counts;
/// a disk that is full is one.
pub(crate) fn print(line: impl fmt::Display) {
    let Err(error) = writeln!(anstream::stdout(), "{line}") else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        anstream::eprintln!("error: cannot write the answer: {error}");
        real::service::stop_all();
        std::process::exit(2);
    }
}

/// Bold and coloured, where the terminal wants colour.
pub(crate) fn paint(color: AnsiColor, text: &str) -> String {
    let style = Style::new().bold().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}
