//! `checker`: finds the schedule that forks your sequence, and shows it.
//!
//! One command a file; each parses nothing but its own arguments and answers with an exit status,
//! which is the verdict.

mod campaign;
mod cause;
mod check;
mod confirm;
mod decide;
mod digests;
mod doctor;
mod explore;
mod file;
mod fuzz;
mod html;
mod interrupt;
mod list;
mod liveness;
mod measure;
mod minimise;
mod out;
mod replay;
mod report;
mod run;
mod setup;
mod show;
mod story;
mod twice;
mod units;
mod why;

use clap::{Parser, Subcommand};
use out::{Exit, Look, Out};
use std::process::ExitCode;

/// What each exit status means; a contract.
const EXIT_CODES: &str = "\
Exit status:
  0    holds
  1    a property is violated, real and simulated disagree, or a digest differs
  2    bad usage or bad input, or nothing selected
  3    unknown or inconclusive: a budget ran out, a capability is missing (never a pass)
  4    a real service is missing or broke
  42   fuzz found a failure; with --mutants: the sound model failed
  130  interrupted, after a summary";

/// Finds the schedule that forks your sequence, and shows it.
#[derive(Parser)]
#[command(name = "checker", version, about, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows models, their parameters and mutants, and the real services that were found
    List(list::Args),
    /// Runs one seed; a failure is minimised
    Run(run::Args),
    /// Plays traces again and judges them
    Replay(replay::Args),
    /// Runs many seeds; each distinct failure is minimised and written
    Fuzz(fuzz::Args),
    /// Searches every schedule within bounds
    Explore(explore::Args),
    /// Searches every design of a snapshot log, and says which hold
    Decide(decide::Args),
    /// Finds the shortest cause that breaks the same promise
    #[command(alias = "minimize")]
    Minimise(minimise::Args),
    /// Draws a trace or a history as a timeline: here, or as one page that needs nothing else
    Show(show::Args),
    /// Shows after which step of a trace its failure became likely, and inevitable
    ///
    /// After each step the rest is left to a uniform random walk, many times over: every possible
    /// step is as likely as any other, and the faults that were left may be spent. What is shown is
    /// the share of these walks that break the same promise. It says which step mattered, and not
    /// how likely the failure is in production, whose schedules are not uniform.
    Why(why::Args),
    /// Judges a history that somebody else recorded
    ///
    /// Reads JSON Lines (an operation or an event a line), Jepsen's EDN and Porcupine's logs, from
    /// a file, or from a pipe where none is named. The first line may be a header such as
    /// {"format":"unforked-history/1","spec":"head","init":4}.
    Check(check::Args),
    /// Measures a load: on a hot Postgres table, or on an object store, simulated or real
    ///
    /// a0, a1, soak, held-xmin and replay put updates on a simulated table and say what plateaus, what
    /// climbs, and who holds vacuum back. Pages are exact for the order in which statements are
    /// drawn; that order, and how long vacuum takes, are not the server's but as likely as its own.
    /// claims is a queue on such a table: what taking the next job reads, as dead rows gather.
    /// puts, batching, cold-reads and backends put requests on an object store: what is counted is
    /// exact, what takes time is drawn, or measured on a real store that is held to the counts.
    /// Exits 0 if it was measured, 1 if a real server differs from what was predicted.
    Measure(measure::Args),
    /// Runs the same clients against real services
    Confirm(confirm::Args),
    /// Checks determinism, and which real services can start
    Doctor(doctor::Args),
    /// Prints what each seed does, step by step, for `doctor`
    #[command(hide = true)]
    Digests(digests::Args),
    /// Is a client of `confirm`, told by its input what to do
    #[command(hide = true)]
    Client,
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Command::List(_) => "list",
            Command::Run(_) => "run",
            Command::Replay(_) => "replay",
            Command::Fuzz(_) => "fuzz",
            Command::Explore(_) => "explore",
            Command::Decide(_) => "decide",
            Command::Minimise(_) => "minimise",
            Command::Show(_) => "show",
            Command::Why(_) => "why",
            Command::Check(_) => "check",
            Command::Measure(_) => "measure",
            Command::Confirm(_) => "confirm",
            Command::Doctor(_) => "doctor",
            Command::Digests(_) => "digests",
            Command::Client => confirm::CLIENT,
        }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return bad_usage(&error),
    };
    let out = Out::new(cli.command.name(), &cli.look);
    interrupt::install();
    let result = match cli.command {
        Command::List(args) => list::list(&args, &out),
        Command::Run(args) => run::run(&args, &out),
        Command::Replay(args) => replay::replay(&args, &out),
        Command::Fuzz(args) => fuzz::fuzz(&args, &out),
        Command::Explore(args) => explore::explore(&args, &out),
        Command::Decide(args) => decide::decide(&args, &out),
        Command::Minimise(args) => minimise::minimise(&args, &out),
        Command::Show(args) => show::show(&args, &out),
        Command::Why(args) => why::why(&args, &out),
        Command::Check(args) => check::check(&args, &out),
        Command::Measure(args) => measure::measure(&args, &out),
        Command::Confirm(args) => confirm::confirm(&args, &out),
        Command::Doctor(args) => doctor::doctor(&args, &out),
        Command::Digests(args) => digests::digests(&args, &out),
        Command::Client => confirm::client(),
    };
    let exit = result.unwrap_or_else(|failure| {
        out.failure(&failure);
        failure.exit
    });
    if interrupt::was_interrupted() {
        out.aside("interrupted: what is said above is of what ran until then");
        return Exit::Interrupted.into();
    }
    exit.into()
}

/// What clap says; with `--json` also as the object that was asked for.
fn bad_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() && std::env::args().any(|it| it == "--json") {
        // The first paragraph, which may go on to name what is missing.
        let said = error.to_string();
        let why = said.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        out::print(serde_json::json!({"command": null, "outcome": "error", "why": why}));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
