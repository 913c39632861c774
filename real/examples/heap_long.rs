//! The long form of the test that the simulated table is the real one: `make heap-long`.
//!
//! Every kind of workload at three fillfactors, the short ones on four seeds: a row of a table for
//! each. `heap_long NAME [SEED]` takes one kind and one seed only, and cuts a difference down.

use heap::{Rules, Stream, WORKLOADS, Workload};
use real::RealError;
use real::heap::{Compared, Server, compare, first_difference, minimise};
use std::process::ExitCode;

const FILLFACTORS: [u8; 3] = [70, 90, 100];
const SHORT: u32 = 20_000;
/// Tries to cut a difference down.
const TRIES: usize = 100;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match all(words.first().map(String::as_str), words.get(1).and_then(|it| it.parse().ok())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn all(name: Option<&str>, seed: Option<u64>) -> Result<bool, RealError> {
    let server = Server::start()?;
    println!("PostgreSQL {}\n", server.version());
    println!(
        "| workload | ff | seed | operations | VACUUMs | compared | heap pages | index pages / level | \
         HOT / updates | prunes (in unique) | splits / bottom-up / dedup / deleted / reused | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let (mut equal, mut streams, mut operations) = (0, 0, 0);
    for how in WORKLOADS.iter().filter(|it| name.is_none_or(|name| it.name == name)) {
        let seeds = if how.ops <= SHORT { 1..=4 } else { 1..=1 };
        for seed in seeds.filter(|it| seed.is_none_or(|seed| seed == *it)) {
            for fillfactor in FILLFACTORS {
                let stream = Stream::new(how, seed);
                let result = compare(&server, &stream, fillfactor, Rules::default())?;
                streams += 1;
                operations += u64::from(how.ops);
                match result {
                    Ok(done) => {
                        equal += 1;
                        row(how, fillfactor, seed, &stream, &done);
                    }
                    Err(mismatch) => {
                        println!("| {} | {fillfactor} | {seed} | DIFFERENT {mismatch}", how.name);
                        explain(&server, stream, fillfactor, mismatch.steps)?;
                    }
                }
            }
        }
    }
    println!("\n{streams} streams of {operations} operations, {equal} equal");
    Ok(equal == streams)
}

fn row(how: &Workload, fillfactor: u8, seed: u64, stream: &Stream, done: &Compared) {
    let vacuums = stream.steps.iter().filter(|it| it.op == heap::Op::Vacuum).count();
    let Compared { course, heap_pages, index_pages, height, events, stats, .. } = done;
    let checks = course.len();
    println!(
        "| {} | {fillfactor} | {seed} | {} | {vacuums} | {checks} | {heap_pages} | \
         {index_pages} / {height} | {} / {} | {} ({}) | {} / {} / {} / {} / {} | equal |",
        how.name,
        how.ops,
        stats.hot_updated,
        stats.updated,
        events.prunes,
        events.prunes_in_unique,
        events.splits,
        events.bottom_ups,
        events.dedups,
        events.page_deletions,
        events.recycled,
    );
}

/// The least that still shows the difference, and the step that first does.
fn explain(
    server: &Server,
    mut stream: Stream,
    fillfactor: u8,
    steps: usize,
) -> Result<(), RealError> {
    stream.steps.truncate(steps);
    let least = minimise(server, &stream, fillfactor, Rules::default(), TRIES)?;
    println!("\nleast: {} steps", least.steps.len());
    for step in least.steps.iter().rev().take(40).rev() {
        println!("  {step:?}");
    }
    if let Some(first) = first_difference(server, &least, fillfactor, Rules::default())? {
        println!("{first}");
    }
    Ok(())
}
