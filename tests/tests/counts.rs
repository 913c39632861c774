//! State counts held to those of TLC: the same states, the same successors, the same depth.

use checker::workers::Threads;
use serde_json::{Map, Value};
use sim::explore::{Explored, Limits};

fn explore(model: &str, params: &[(&str, &str)], mutant: Option<&str>, symmetry: bool) -> Explored {
    let params: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let model = models::find(model).expect("a model on the list");
    let mut session = model.session(&params, mutant).expect("its parameters");
    let limits = Limits { faults_max: 0, states_max: 1 << 24, symmetry };
    let found = session.explore(&limits, &mut |_, _| true);
    let together = session.explore_on(&Threads(2), &limits, &mut |_, _| true);
    let sums = |it: &Explored| (it.distinct, it.generated, it.depth, it.complete);
    assert_eq!(sums(&found), sums(&together));
    assert_eq!(
        (&found.verdict, &found.counterexample),
        (&together.verdict, &together.counterexample)
    );
    found
}

#[track_caller]
fn counts(model: &str, params: &[(&str, &str)], symmetry: bool, wanted: (u64, u64, u64)) {
    let found = explore(model, params, None, symmetry);
    assert!(found.complete, "{:?}", found.verdict);
    assert_eq!((found.distinct, found.generated, found.depth), wanted, "{model} {params:?}");
}

#[track_caller]
fn shortest(model: &str, params: &[(&str, &str)], mutant: Option<&str>, states: usize) {
    let found = explore(model, params, mutant, false);
    let broken = found.verdict.broken().expect("a promise is broken").to_string();
    let counterexample = found.counterexample.expect("a failure has a shortest way to it");
    assert_eq!(counterexample.steps.len() + 1, states, "{model} {params:?} {mutant:?}: {broken}");
}

#[test]
fn lock_cas_counts() {
    let sizes = |writers, transitions, expiries| {
        [("writers", writers), ("transitions", transitions), ("expiries", expiries)]
    };
    for (sizes, all, symmetric) in [
        (sizes("3", "2", "2"), 27_231, 4_831),
        (sizes("3", "3", "3"), 389_367, 66_964),
        (sizes("4", "2", "2"), 474_538, 23_212),
    ] {
        for (symmetry, wanted) in [(false, all), (true, symmetric)] {
            let found = explore("spec/lock_cas", &sizes, None, symmetry);
            println!("{sizes:?} {symmetry} {} {} {}", found.distinct, found.generated, found.depth);
            assert_eq!((found.distinct, found.complete), (wanted, true), "{sizes:?}");
        }
    }
}

#[test]
fn run_head_counts() {
    let cas = ("mode", "cas");
    let model = "spec/run_head";
    counts(model, &[cas, ("lock", "false"), ("expire", "false")], false, (6_039, 15_112, 19));
    counts(model, &[("mode", "blind"), ("expire", "false")], false, (157, 157, 13));
    counts(model, &[cas], false, (140_644, 422_845, 24));
    counts(model, &[cas, ("writers", "2")], false, (2_323, 4_999, 23));
    let two = ("writers", "2");
    counts(model, &[cas, two, ("lock", "false"), ("expire", "false")], false, (285, 489, 16));
    shortest(model, &[two], Some("lock_only"), 8);
    shortest(model, &[], Some("fence_at_write"), 8);
    shortest(model, &[two], Some("no_cas"), 7);
}

#[test]
fn deferred_materialise_counts() {
    let model = "awa/deferred_materialise";
    for (jobs, segments, wanted) in [
        ("1", "2", (34, 82, 7)),
        ("1", "3", (144, 549, 8)),
        ("2", "2", (290, 938, 11)),
        ("2", "3", (1_710, 7_869, 13)),
    ] {
        counts(model, &[("jobs", jobs), ("segments", segments)], false, wanted);
    }
    for (mutant, states) in [
        ("prunes_closed", 6),
        ("prunes_claimed", 5),
        ("prunes_ready", 4),
        ("prunes_all", 4),
        ("prunes_open", 2),
        ("rotate_seals_nothing", 2),
        ("rotate_forgets_cursor", 2),
        ("stale_cursor", 3),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
}
