//! How near the minimiser comes to the shortest failure there is, as found by exhaustive search.
//!
//! What is compared is made alike first: the parameters and the number of faults are those of the
//! minimised failure, because a smaller model has shorter failures. Only steps are counted, so the
//! table is the same on every machine.

use serde_json::{Map, Value};
use sim::explore::Limits;
use sim::minimise::{Cause, Effort, minimise};
use sim::registry::{AnyModel, MutantCard};
use sim::scenario::Scenario;
use sim::session::Plan;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Seeds that are looked through for failures of a mutant.
const SEEDS: u64 = 10_000;
/// Failures that are minimised.
const FAILURES: usize = 20;
/// States after which the shortest failure stays unknown.
const STATES_MAX: u64 = 200_000;

/// One failure: its seed's steps, minimised, and the fewest there are if that is known.
struct Row {
    from: usize,
    minimised: usize,
    fewest: Option<usize>,
}

/// The fewest steps by which anything breaks, by parameters and faults.
type Known = BTreeMap<String, Option<usize>>;

/// Compares every mutant of every model, prints the table and writes it down.
pub(crate) fn write() -> ExitCode {
    let mut out = String::from(HEAD);
    let mut all = Vec::new();
    for model in models::ALL {
        for mutant in model.card().mutants {
            let rows = compare(*model, &mutant);
            let line = line(&format!("{} {}", model.card().name, mutant.name), &rows);
            print!("{line}");
            out.push_str(&line);
            all.extend(rows);
        }
    }
    out.push_str(&summary(&all));
    print!("{}", summary(&all));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("minimise.md");
    match std::fs::write(&path, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

const HEAD: &str = "# How short a minimised failure is\n\n\
    By `cargo run --release -p bench -- minimise`: the first twenty seeds that break each mutant's\n\
    promise, minimised, beside the fewest steps by which anything breaks with the same parameters\n\
    and as many faults. That is known where the search found it within 200,000 states. \"At the\n\
    fewest\" counts the failures that cannot be shorter.\n\n\
    | mutant | first seed's | minimised | fewest | at the fewest | at most over |\n\
    |--------|-------------:|----------:|-------:|--------------:|-------------:|\n";

fn compare(model: &dyn AnyModel, mutant: &MutantCard) -> Vec<Row> {
    let mut session = model.session(&Map::new(), Some(&mutant.name)).expect("its parameters");
    let mut known = Known::new();
    let mut rows = Vec::new();
    for seed in 0..SEEDS {
        let outcome = session.play(&Plan::Seed(Scenario::of(seed)));
        if outcome.verdict.broken() != Some(&mutant.breaks) {
            continue;
        }
        let (params, steps) = (session.params(), session.steps());
        let mut keep_going = || true;
        let effort = Effort::while_told(&mut keep_going);
        let faults = outcome.faults_max;
        let cause = minimise(model, &params, Some(&mutant.name), steps, faults, effort);
        let cause = cause.expect("its parameters").expect("what failed fails again");
        let fewest = fewest(model, mutant, &cause, &mut known);
        rows.push(Row { from: steps.len(), minimised: cause.steps.len(), fewest });
        if rows.len() == FAILURES {
            break;
        }
    }
    rows
}

fn fewest(
    model: &dyn AnyModel,
    mutant: &MutantCard,
    cause: &Cause,
    known: &mut Known,
) -> Option<usize> {
    let faults_max = cause.steps.iter().filter(|step| step.is_fault()).count() as u32;
    let setup = format!("{faults_max} {}", Value::Object(cause.params.clone()));
    let search = || {
        let mut session = model.session(&cause.params, Some(&mutant.name)).expect("as before");
        let limits = Limits { faults_max, states_max: STATES_MAX, symmetry: false };
        let explored = session.explore(&limits, &mut |_, _| true);
        // What is compared must break the same promise, and begin where schedules are played.
        let same = explored.verdict.broken() == Some(&mutant.breaks);
        explored.counterexample.filter(|it| same && it.start == 0).map(|it| it.steps.len())
    };
    *known.entry(setup).or_insert_with(search)
}

fn line(name: &str, rows: &[Row]) -> String {
    let number = |it: Option<usize>| it.map_or("-".to_owned(), |it| it.to_string());
    let first = rows.first();
    let over = rows.iter().filter_map(|row| Some(row.minimised.saturating_sub(row.fewest?)));
    format!(
        "| {name:<47} | {:>12} | {:>9} | {:>6} | {:>13} | {:>12} |\n",
        number(first.map(|it| it.from)),
        number(first.map(|it| it.minimised)),
        number(first.and_then(|it| it.fewest)),
        at_the_fewest(rows),
        number(over.max()),
    )
}

fn at_the_fewest(rows: &[Row]) -> String {
    let known = rows.iter().filter(|row| row.fewest.is_some()).count();
    let at = rows.iter().filter(|row| row.fewest == Some(row.minimised)).count();
    if known == 0 { "-".to_owned() } else { format!("{at} of {known}") }
}

fn summary(rows: &[Row]) -> String {
    let mut out = String::new();
    let total = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let (from, minimised) = (total(|it| it.from), total(|it| it.minimised));
    let _ = writeln!(
        out,
        "\n{} failures, {from} steps in all, minimised to {minimised}; {} are as short as can be.",
        rows.len(),
        at_the_fewest(rows)
    );
    out
}
