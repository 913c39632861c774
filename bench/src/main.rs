//! `cargo run --release -p bench -- NAME [--json]`: what is measured, beside its peers in one run.
//!
//! The machines this runs on are shared, so wall time says little: figures are per CPU-second, each
//! measured in a process of its own, ours and theirs in turns, and the median of several rounds is
//! shown. `ours NAME` measures ours once, for whoever wants to look closer. `minimise` counts steps
//! instead of time: how near the minimiser comes to the shortest failures.

mod checker;
mod growth;
mod heap;
mod histories;
mod logs;
mod ours;
mod peers;
mod results;
mod shortest;
mod strength;
mod toy;
mod trips;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let json = args.iter().any(|arg| arg == "--json");
    let words: Vec<&str> =
        args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
    match words.as_slice() {
        ["ours"] => ours::list(),
        ["ours", bench, name] => return ours::measure(bench, name),
        ["results"] => return results::write(),
        ["check", spec, path] => return checker::measure(spec, path),
        ["heap-real", shape] => return heap::measure_postgres(shape),
        ["heap-day", rows] => return heap::day(rows),
        ["growth"] => return growth::plot(),
        ["checker"] => return print_checker(json),
        ["strength"] => return strength::strength(json),
        ["minimise"] => return shortest::write(),
        [bench] if ours::BENCHES.contains(bench) => results::print(bench, json),
        _ => {
            let benches = ours::BENCHES.join(" | ");
            eprintln!(
                "usage: bench {benches} | checker | growth | heap-day ROWS | strength | minimise | \
                 results [--json]"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn print_checker(json: bool) -> ExitCode {
    match checker::table(|line| {
        if !json {
            println!("{line}")
        }
    }) {
        Ok((_, rows)) => {
            if json {
                println!("{rows}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the histories were not there: {error}");
            ExitCode::from(2)
        }
    }
}
