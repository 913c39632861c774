//! Exhaustive search held to the enumeration of every schedule: nothing missing, nothing extra.

use serde_json::{Map, Value};
use sim::explore::{Explored, Limits};
use sim::session::Session;

fn session(model: &str, params: &[(&str, &str)], mutant: Option<&str>) -> Box<dyn Session> {
    let params: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let model = models::find(model).expect("a model on the list");
    model.session(&params, mutant).expect("its parameters")
}

/// Every schedule of these sizes, one by one and by fingerprints.
#[track_caller]
fn alike(model: &str, params: &[(&str, &str)], mutant: Option<&str>, faults_max: u32) {
    let what = format!("{model} {params:?} {mutant:?}, {faults_max} faults");
    let all = session(model, params, mutant).enumerate(faults_max, 3_000_000);
    let schedules = all.schedules.unwrap_or_else(|| panic!("{what}: too many schedules"));
    let limits = Limits { faults_max, states_max: 1 << 24, symmetry: false };
    let found = session(model, params, mutant).explore(&limits, &mut |_, _| true);
    println!("{what}: {schedules} schedules, {} states, {} ends", all.distinct, all.ends);
    match found.verdict.broken() {
        None => {
            assert!(all.broken.is_empty(), "{what}: missed {:?}", all.broken);
            assert!(found.complete, "{what}");
            assert_eq!((found.distinct, found.ends), (all.distinct, all.ends), "{what}");
        }
        Some(property) => {
            assert!(all.broken.contains(property.name()), "{what}: {property} is extra");
        }
    }
}

const BARE: [(&str, &str); 4] =
    [("writers", "2"), ("lock", "none"), ("conflict", "plain"), ("commit", "auto")];
/// The same in explicit transactions, who loses looking where the head is.
const EXPLICIT: [(&str, &str); 5] = [
    ("writers", "2"),
    ("lock", "none"),
    ("conflict", "head"),
    ("commit", "explicit"),
    ("transitions", "1"),
];

#[test]
fn run_head_is_searched_without_missing_anything() {
    for (transitions, faults) in [("1", 0), ("2", 0), ("1", 1)] {
        let params: Vec<_> = BARE.iter().copied().chain([("transitions", transitions)]).collect();
        for mutant in [None, Some("no_cas"), Some("zero_rows_is_win"), Some("trust_silence")] {
            alike("run_head", &params, mutant, faults);
        }
    }
    alike("run_head", &EXPLICIT, None, 0);
}

/// Both orders of steps that commute, or one of them: the same states, found in the same way.
#[track_caller]
fn spared(model: &str, params: &[(&str, &str)], mutant: Option<&str>, faults_max: u32) {
    let what = format!("{model} {params:?} {mutant:?}, {faults_max} faults");
    // Under a lock there is no end of states: whoever wants it may ask again and again.
    let limits = Limits { faults_max, states_max: 6_000, symmetry: false };
    let all = session(model, params, mutant).explore_unspared(&limits, &mut |_, _| true);
    let some = session(model, params, mutant).explore(&limits, &mut |_, _| true);
    println!(
        "{what}: {} states; {} reached, or {} and {} spared",
        all.distinct, all.generated, some.generated, some.spared
    );
    let found = |it: &Explored| {
        let counts = (it.distinct, it.depth, it.ends, it.complete);
        (counts, it.verdict.clone(), it.counterexample.clone())
    };
    assert_eq!(found(&some), found(&all), "{what}");
    assert_eq!(all.spared, 0, "{what}");
    if some.complete {
        assert_eq!(some.generated + some.spared, all.generated, "{what}: a step is spared once");
    }
}

#[test]
fn what_is_spared_changes_nothing_that_is_found() {
    let locked = |conflict| {
        let lock = ("lock", "redlock");
        [("writers", "2"), ("transitions", "1"), lock, ("conflict", conflict), ("commit", "auto")]
    };
    for faults in [0, 1] {
        for mutant in [None, Some("no_cas"), Some("trust_silence"), Some("stale_read")] {
            let params: Vec<_> = BARE.iter().copied().chain([("transitions", "2")]).collect();
            spared("run_head", &params, mutant, faults);
        }
        for mutant in [None, Some("fence_at_write")] {
            spared("run_head", &locked("head"), mutant, faults);
        }
        let store = [("writers", "2"), ("readers", "1"), ("objects", "1")];
        for mutant in [None, Some("eventual_list"), Some("stale_get"), Some("split_condition")] {
            spared("object_store", &store, mutant, faults);
        }
        let cluster = [("writers", "1"), ("readers", "1"), ("holders", "0"), ("transitions", "1")];
        for mutant in [None, Some("head_first")] {
            spared("cluster", &cluster, mutant, faults);
        }
    }
    spared("run_head", &EXPLICIT, None, 1);
}

#[test]
fn what_is_said_to_commute_does() {
    for model in models::ALL.iter().filter(|model| model.card().clients) {
        let card = model.card();
        let twins = [None].into_iter().chain(card.mutants.iter().map(|it| Some(it.name.as_str())));
        for mutant in twins {
            let tried = [0, 3].map(|faults_max| {
                // Of a model whose runs are a handful of steps it takes more of them.
                let seeds = if card.name.starts_with("museum/") { 0..60 } else { 0..6 };
                let tried = session(card.name, &[], mutant).doubt(faults_max, seeds);
                tried.unwrap_or_else(|why| panic!("{} {mutant:?}: {why}", card.name))
            });
            println!("{} {mutant:?}: {tried:?} pairs", card.name);
            assert!(tried.iter().sum::<u64>() > 20, "{} {mutant:?}: {tried:?}", card.name);
        }
    }
}

#[test]
fn every_other_model_is_searched_without_missing_anything() {
    let store = [("writers", "1"), ("readers", "1"), ("objects", "1")];
    let faulty = ["eventual_list", "stale_get", "negative_cache", "flapping_keys"];
    for mutant in [None].into_iter().chain(faulty.map(Some)) {
        alike("object_store", &store, mutant, 0);
    }
    let creators = [("writers", "2"), ("readers", "0"), ("objects", "1")];
    alike("object_store", &creators, Some("checks_then_writes"), 0);
    let slowed: Vec<_> = store.into_iter().chain([("puts_per_second", "1")]).collect();
    for mutant in [None, Some("slow_down_is_done")] {
        alike("object_store", &slowed, mutant, 0);
    }
    let cluster = [("writers", "1"), ("readers", "0"), ("holders", "0"), ("transitions", "1")];
    for mutant in [None, Some("head_first"), Some("vacuum_ignores_snapshots")] {
        alike("cluster", &cluster, mutant, 0);
    }
    let redlock = [
        ("nodes", "1"),
        ("turns", "1"),
        ("retries", "0"),
        ("extensions", "0"),
        ("guard", "cas"),
        ("clocks", "nodes-fast"),
    ];
    for mutant in [None, Some("no_drift"), Some("valid_from_after"), Some("no_guard")] {
        alike("redlock", &redlock, mutant, 0);
    }
    let locker = [("turns", "1"), ("attempts", "1"), ("extensions", "0"), ("guard", "token")];
    for mutant in [None, Some("unconditional"), Some("reentry_unchecked")] {
        alike("run_locker", &locker, mutant, 0);
    }
}

#[test]
fn a_run_engine_is_searched_without_missing_anything() {
    let few = ["triggers", "operators", "cancellers", "pollers"].map(|name| (name, "0"));
    let alone = [("workers", "1"), ("turns", "1"), ("lock", "none"), ("replica", "false")];
    let begun = [("begins", "executing"), ("plan", "requeues")];
    let params: Vec<_> = few.into_iter().chain(alone).chain(begun).collect();
    for mutant in [None, Some("enqueues_after"), Some("acks_swallowed")] {
        alike("run_engine", &params, mutant, 0);
    }
}

/// Whoever crashes and whenever, a run that is queued has a message and one parent has one child.
#[test]
fn a_small_run_engine_keeps_its_promises_in_every_schedule() {
    let few = ["operators", "cancellers", "pollers"].map(|name| (name, "0"));
    let alone = [("workers", "1"), ("turns", "1"), ("lock", "none"), ("replica", "false")];
    let stories = [("pending", "succeeds"), ("executing", "requeues"), ("executing", "freezes")];
    for (begins, plan) in stories {
        let story = [("begins", begins), ("plan", plan)];
        let params: Vec<_> = few.into_iter().chain(alone).chain(story).collect();
        let limits = Limits { faults_max: 1, states_max: 1 << 24, symmetry: false };
        let found = session("run_engine", &params, None).explore(&limits, &mut |_, _| true);
        println!("run_engine {params:?}: {} states, depth {}", found.distinct, found.depth);
        assert_eq!(found.verdict, checker::Verdict::Pass, "{params:?}");
        assert!(found.complete, "{params:?}");
    }
}

#[test]
fn a_snapshot_log_is_searched_without_missing_anything() {
    let writers = [("writers", "2"), ("readers", "0"), ("tries", "1"), ("lock", "none")];
    for faults in [0, 1] {
        for mutant in [None, Some("no_cas"), Some("key_by_seq"), Some("trusts_silence")] {
            alike("snapshot_log", &writers, mutant, faults);
        }
        let by_store = [("guard", "cas-and-if-none-match"), ("order", "put-by-seq")];
        let by_store: Vec<_> = writers.into_iter().chain(by_store).collect();
        for mutant in [None, Some("blind_head"), Some("never_adopts")] {
            alike("snapshot_log", &by_store, mutant, faults);
        }
        let reader = [("writers", "1"), ("readers", "1"), ("tries", "1"), ("lock", "none")];
        for mutant in [None, Some("lists_before_head")] {
            alike("snapshot_log", &reader, mutant, faults);
        }
    }
    let locked = [("writers", "2"), ("readers", "0"), ("tries", "1"), ("lock", "single")];
    alike("snapshot_log", &locked, None, 0);
}
