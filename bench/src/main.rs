//! `cargo run --release -p bench -- NAME [--json]`: what is measured, as CPU time.
//!
//! The machines this runs on are shared, so wall time says little: figures are per CPU-second, the
//! median of several rounds.

mod peers;

use cpu_time::ProcessTime;
use serde_json::{Map, json};
use sim::registry::AnyModel;
use sim::scenario::Scenario;
use sim::session::Plan;
use std::process::ExitCode;

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let json = args.iter().any(|arg| arg == "--json");
    let words: Vec<&str> =
        args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
    match words.as_slice() {
        ["runs"] => runs(json),
        ["peers", bench] if peers::BENCHES.contains(bench) => peers::print(bench, json),
        _ => {
            eprintln!("usage: bench runs | peers {} [--json]", peers::BENCHES.join("|"));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Short runs of every model at its defaults, each judged, by drawn scenarios.
fn runs(json: bool) {
    let mut object = Map::new();
    for model in models::ALL {
        let mut rates: Vec<(f64, f64)> =
            (0..ROUNDS).map(|round| rate(*model, round as u64)).collect();
        rates.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (runs, steps) = rates[ROUNDS / 2];
        let name = model.card().name;
        if !json {
            println!("{name:<14} {runs:>10.0} runs/CPU-s {steps:>12.0} steps/CPU-s");
        }
        object.insert(name.to_owned(), json!({"runs_per_cpu_s": runs, "steps_per_cpu_s": steps}));
    }
    if json {
        let headline = object["run_head"]["runs_per_cpu_s"].clone();
        println!("{}", json!({"runs_per_cpu_s": headline, "models": object, "peers": []}));
    }
}

fn rate(model: &dyn AnyModel, round: u64) -> (f64, f64) {
    const SEEDS: u64 = 10_000;
    let mut session = model.session(&Map::new(), None).expect("defaults are in range");
    let began = ProcessTime::now();
    let mut steps = 0;
    for seed in round * SEEDS..(round + 1) * SEEDS {
        session.play(&Plan::Seed(Scenario::of(seed)));
        steps += session.steps().len();
    }
    let seconds = began.elapsed().as_secs_f64();
    (SEEDS as f64 / seconds, steps as f64 / seconds)
}
