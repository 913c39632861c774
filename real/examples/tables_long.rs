//! The long form of the test that the simulated tables are the real ones: `make tables-long`.
//!
//! `tables_long [FIRST..LAST]` plays the programs of these seeds, 0..10000 unless told. A
//! difference is cut down to the least that shows it, and both sides are printed.

use real::RealError;
use real::tables::{Counts, Played, Program, Server};
use std::ops::Range;
use std::process::ExitCode;

fn main() -> ExitCode {
    let word = std::env::args().nth(1).unwrap_or_else(|| "0..10000".to_owned());
    let Some(seeds) = range(&word) else {
        eprintln!("'{word}' is no range of seeds: expected 0..10000");
        return ExitCode::from(2);
    };
    match all(seeds) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(4)
        }
    }
}

fn range(word: &str) -> Option<Range<u64>> {
    let (first, last) = word.split_once("..")?;
    Some(first.parse().ok()?..last.parse().ok()?)
}

/// How many programs differ.
fn all(seeds: Range<u64>) -> Result<u64, RealError> {
    let mut server = Server::start()?;
    println!("PostgreSQL {}", server.version());
    let (mut counts, mut different) = (Counts::default(), 0);
    let programs = seeds.end.saturating_sub(seeds.start);
    for seed in seeds {
        let program = Program::drawn(seed);
        match server.compare(&program)? {
            Played::Agrees(it) => counts.add(&it),
            Played::Undecided => counts.undecided += 1,
            Played::Differs(whole) => {
                different += 1;
                let (_, least) = server.minimise(&program)?;
                println!("seed {seed} differs:");
                let lines = if least.is_empty() { whole } else { least };
                lines.iter().for_each(|it| println!("  {it}"));
            }
        }
    }
    println!("{programs} programs, {different} differ; {counts}");
    // A few show nothing; where many do, nothing is shown.
    Ok(different + counts.undecided.saturating_sub(programs / 100))
}
