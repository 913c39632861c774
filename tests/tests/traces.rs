//! Everything recorded under `traces/` recurs, and every mutant has its trace there.

use checker::{Property, Verdict};
use models::worlds::EXPIRED;
use sim::session::Plan;
use unforked_tests::{MUSEUM, Recorded, play, recorded, recorded_in, repository, sized};

/// Where the shortest failures of the designs are that `checker decide` finds to break.
const DECIDED: &str = "traces/decide";

/// What `checker replay --recorded` asks.
#[test]
fn everything_recorded_recurs() {
    let (all, decided) = (recorded(), recorded_in(DECIDED));
    assert!(!all.is_empty() && !decided.is_empty(), "nothing is recorded");
    for it in all.iter().chain(&decided) {
        let name = &it.name;
        assert_eq!(it.trace.model_version, it.model.card().version, "{name}: the model changed");
        let (again, outcome) = it.again();
        assert_eq!(outcome.skipped, 0, "{name}: a step is not possible");
        assert_eq!(again.steps, it.trace.steps, "{name}");
        assert_eq!(again.history, it.trace.history, "{name}");
        assert_eq!(again.verdict.broken(), it.trace.verdict.broken(), "{name}");
        assert_eq!(why(&again.verdict), why(&it.trace.verdict), "{name}");
        assert_eq!(again.params, it.trace.params, "{name}: every parameter is recorded");
        assert_eq!(
            format!("{:016x}", again.digest),
            format!("{:016x}", it.trace.digest),
            "{name}: same steps, another effect"
        );
    }
}

fn why(verdict: &Verdict) -> Option<&str> {
    verdict.violation().map(|violation| violation.why.as_str())
}

#[test]
fn a_trace_is_written_as_it_was_read() {
    for directory in ["traces", DECIDED, MUSEUM] {
        for it in recorded_in(directory) {
            let path = repository().join(directory).join(format!("{}.json", it.name));
            let text = std::fs::read_to_string(path).expect("it was read before");
            assert_eq!(it.trace.to_json(), text, "{}", it.name);
        }
    }
}

/// The README's table says in how many steps a design breaks, and its trace shows that.
#[test]
fn every_design_that_breaks_has_its_trace() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("it is there");
    let shown = readme.split_once("<!-- checker decide -->\n").expect("the README has the table").1;
    let rows = shown.lines().skip(2).take_while(|line| line.starts_with('|'));
    let decided = recorded_in(DECIDED);
    let mut broken = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        for (cell, order) in cells[2..].iter().zip(["put-by-seq", "put-unique", "head-first"]) {
            let Some((property, steps)) = cell.split_once(" in ") else { continue };
            let Ok(steps) = steps.parse::<usize>() else { continue };
            let name = format!("decide-{}-{}-{order}", cells[0], cells[1]);
            let found = decided.iter().find(|it| it.name == name);
            let it = found.unwrap_or_else(|| panic!("{DECIDED}/{name}.json is missing"));
            assert_eq!(it.trace.verdict.broken().map(Property::name), Some(property), "{name}");
            assert_eq!(it.steps.len(), steps, "{name}");
            broken += 1;
        }
    }
    assert_eq!(broken, decided.len(), "a trace of a design that holds");
}

#[test]
fn every_mutant_has_a_trace_that_breaks_the_promise_it_names() {
    let all = recorded();
    for model in models::ALL {
        let card = model.card();
        for mutant in &card.mutants {
            let name = card.trace_name(&mutant.name);
            let found = all.iter().find(|it| it.name == name);
            let it = found.unwrap_or_else(|| panic!("traces/{name}.json is missing"));
            assert_eq!(it.trace.model, card.name, "{name}");
            assert_eq!(it.trace.mutant.as_ref(), Some(&mutant.name), "{name}");
            assert_eq!(it.trace.verdict.broken(), Some(&mutant.breaks), "{name}");
            assert!(it.steps.len() <= 15, "{name}: {} steps are not minimal", it.steps.len());
            let faults = it.steps.iter().filter(|step| step.is_fault()).count();
            assert_eq!(faults, it.trace.faults_max as usize, "{name}: no fault is left over");
            assert_eq!(it.control(None).verdict, Verdict::Pass, "{name}: put right, it holds");
        }
    }
}

fn seed_42() -> Recorded {
    recorded().into_iter().find(|it| it.name == "seed-42").expect("traces/seed-42.json is there")
}

#[test]
fn in_seed_42_locks_expire_in_mid_transition_and_nothing_forks() {
    let it = seed_42();
    assert_eq!((it.trace.model.as_str(), &it.trace.mutant), ("cluster", &None));
    assert_eq!(it.trace.verdict, Verdict::Pass);
    let mut session = sized(it.model, &it.trace.params, None);
    let plan = Plan::Steps { steps: &it.steps, faults_max: it.trace.faults_max };
    let (run, outcome) = play(session.as_mut(), &plan);
    assert_eq!(outcome.verdict, Verdict::Pass);
    assert!(outcome.marks.count(EXPIRED) >= 3, "{:?}", outcome.marks);
    let stat = |name: &str| run.stats.iter().find(|(it, _)| *it == name).map(|it| it.1);
    assert_eq!(stat("forks"), Some(0));
    assert_eq!(stat("duplicates"), Some(0));
    assert!(stat("conflicts") > Some(0), "a compare-and-swap lost");
}

#[test]
fn seed_42_forks_without_its_guard() {
    let it = seed_42();
    let guard = it.model.card().guard.expect("a cluster has a guard");
    let control = it.control(Some(&guard));
    assert_eq!(control.verdict.broken(), Some(&Property::FORK), "{:?}", control.verdict);
}
