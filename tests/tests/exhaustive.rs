//! Exhaustive search held to the enumeration of every schedule: nothing missing, nothing extra.

use serde_json::{Map, Value};
use sim::explore::Limits;
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

#[test]
fn run_head_is_searched_without_missing_anything() {
    for (transitions, faults) in [("1", 0), ("2", 0), ("1", 1)] {
        let params: Vec<_> = BARE.iter().copied().chain([("transitions", transitions)]).collect();
        for mutant in [None, Some("no_cas"), Some("zero_rows_is_win"), Some("trust_silence")] {
            alike("run_head", &params, mutant, faults);
        }
    }
    let explicit = [
        ("writers", "2"),
        ("lock", "none"),
        ("conflict", "head"),
        ("commit", "explicit"),
        ("transitions", "1"),
    ];
    alike("run_head", &explicit, None, 0);
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
