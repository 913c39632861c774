//! State counts held to those of TLC: the same states, the same successors, the same depth.

use checker::workers::Threads;
use serde_json::{Map, Value};
use sim::explore::{Explored, Limits, NotAlone};
use sim::session::Session;

const LIMITS: Limits = Limits { faults_max: 0, states_max: 1 << 24, symmetry: false };

fn set_up(model: &str, params: &[(&str, &str)], mutant: Option<&str>) -> Box<dyn Session> {
    let params: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let model = models::find(model).expect("a model on the list");
    model.session(&params, mutant).expect("its parameters")
}

fn explore(model: &str, params: &[(&str, &str)], mutant: Option<&str>, symmetry: bool) -> Explored {
    let limits = Limits { symmetry, ..LIMITS };
    let mut session = set_up(model, params, mutant);
    let found = session.explore(&limits, &mut |_, _| true);
    let together = session.explore_on(&Threads(2), &limits, &mut |_, _| true);
    let sums = |it: &Explored| (it.distinct, it.generated, it.depth, it.complete);
    assert_eq!(sums(&found), sums(&together));
    let failure = |it: &Explored| (it.verdict.clone(), it.counterexample.clone());
    assert_eq!(failure(&found), failure(&together));
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

/// The states of the shortest way to break one thing, whatever else is broken on the way.
#[track_caller]
fn alone(params: &[(&str, &str)], mutant: Option<&str>, property: &str, states: Option<usize>) {
    let model = "spec/run_head";
    let found = set_up(model, params, mutant).explore_alone(&LIMITS, property, &mut |_, _| true);
    let found = found.expect("it names that");
    assert_eq!(found.complete, states.is_none(), "{params:?} {property}");
    let way = found.counterexample.map(|it| it.steps.len() + 1);
    assert_eq!(way, states, "{params:?} {mutant:?} {property}");
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

/// `RunHead.tla` with one invariant at a time.
#[test]
fn run_head_is_asked_one_thing_at_a_time() {
    let two = [("writers", "2")];
    let blind = [("writers", "2"), ("mode", "blind")];
    for mode in ["blind", "cas", "fence"] {
        let params = [two[0], ("mode", mode)];
        alone(&params, None, "mutual-exclusion", Some(4));
    }
    alone(&blind, None, "fork", Some(8));
    alone(&blind, None, "monotone", Some(12));
    alone(&two, Some("lock_only"), "monotone", Some(12));
    for holds in ["fork", "gap", "monotone"] {
        alone(&two, None, holds, None);
    }
    // A lock that does not expire does exclude, and is all that a blind write needs.
    let safe = [("mode", "blind"), ("expire", "false")];
    for holds in ["fork", "gap", "monotone", "mutual-exclusion"] {
        alone(&safe, None, holds, None);
    }
}

/// Whatever the invariant of a model says, one of the parts it names says, and the other way round.
#[test]
fn the_parts_of_a_promise_come_to_the_whole() {
    for model in models::ALL.iter().filter(|model| !model.card().clients) {
        let card = model.card();
        let names = set_up(card.name, &[], None).always();
        let promised: Vec<_> = names.iter().filter(|it| it.1).map(|it| it.0.clone()).collect();
        for mutant in &card.mutants {
            let twin = || set_up(card.name, &[], Some(&mutant.name));
            let whole = twin().explore(&LIMITS, &mut |_, _| true);
            let whole = whole.counterexample.expect("a mutant breaks something").steps.len();
            let parts = promised.iter().filter_map(|property| {
                let found = twin().explore_alone(&LIMITS, property.name(), &mut |_, _| true);
                found.expect("it is named").counterexample.map(|it| it.steps.len())
            });
            assert_eq!(parts.min(), Some(whole), "{} {}", card.name, mutant.name);
            assert!(promised.contains(&mutant.breaks), "{} {}", card.name, mutant.name);
        }
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let asked = |model, name| {
        set_up(model, &[], None)
            .explore_alone(&LIMITS, name, &mut |_, _| true)
            .map(|it| it.distinct)
    };
    assert_eq!(asked("run_head", "fork"), Err(NotAlone::Clients));
    let unknown = asked("spec/run_head", "forks").expect_err("there is no such thing").to_string();
    assert!(unknown.contains("'forks'; there are: fork, gap, monotone, mutual-e"), "{unknown}");
}

#[test]
fn run_head_counts_but_for_symmetry() {
    let cas = ("mode", "cas");
    for params in [&[cas, ("writers", "2")][..], &[cas, ("lock", "false"), ("expire", "false")]] {
        let all = explore("spec/run_head", params, None, false);
        let some = explore("spec/run_head", params, None, true);
        println!("{params:?}: {} states, {} but for symmetry", all.distinct, some.distinct);
        assert!(some.complete && some.distinct < all.distinct);
        assert_eq!((some.depth, some.verdict), (all.depth, all.verdict), "{params:?}");
    }
    for mutant in ["lock_only", "fence_at_write", "no_cas"] {
        let steps = |symmetry| {
            let found = explore("spec/run_head", &[], Some(mutant), symmetry);
            let broken = found.verdict.broken().cloned();
            (broken, found.counterexample.map(|it| it.steps.len()))
        };
        assert_eq!(steps(true), steps(false), "{mutant}");
    }
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
        ("reads_materialised_only", 4),
        ("crash_loses_job", 4),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
    // What must survive does, and the counts say why.
    for (mutant, wanted) in [
        ("materialise_unchecked", (1_710, 7_869, 13)),
        ("claim_unchecked", (1_710, 7_869, 13)),
        ("enqueues_again", (5_436, 26_319, 21)),
    ] {
        let found = explore(model, &[], Some(mutant), false);
        let counts = (found.distinct, found.generated, found.depth);
        assert_eq!((counts, found.complete), (wanted, true), "{mutant}: {:?}", found.verdict);
    }
}
