//! State counts held to those of TLC: the same states, the same successors, the same depth.

use checker::workers::Threads;
use serde_json::{Map, Value};
use sim::explore::{Explored, Limits, NotAlone};
use sim::session::Session;

const RUN_HEAD: &str = "spec/run_head";
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
fn alone(
    model: &str,
    params: &[(&str, &str)],
    mutant: Option<&str>,
    property: &str,
    states: Option<usize>,
) {
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
        alone(RUN_HEAD, &params, None, "mutual-exclusion", Some(4));
    }
    alone(RUN_HEAD, &blind, None, "fork", Some(8));
    alone(RUN_HEAD, &blind, None, "monotone", Some(12));
    alone(RUN_HEAD, &two, Some("lock_only"), "monotone", Some(12));
    for holds in ["fork", "gap", "monotone"] {
        alone(RUN_HEAD, &two, None, holds, None);
    }
    // A lock that does not expire does exclude, and is all that a blind write needs.
    let safe = [("mode", "blind"), ("expire", "false")];
    for holds in ["fork", "gap", "monotone", "mutual-exclusion"] {
        alone(RUN_HEAD, &safe, None, holds, None);
    }
}

/// Whatever the invariant of a model says, one of the parts it names says, and the other way round.
#[test]
fn the_parts_of_a_promise_come_to_the_whole() {
    for model in models::ALL.iter().filter(|model| !model.card().clients) {
        let card = model.card();
        for mutant in &card.mutants {
            let twin = || set_up(card.name, &[], Some(&mutant.name));
            let names = twin().always();
            let promised: Vec<_> = names.iter().filter(|it| it.1).map(|it| it.0.clone()).collect();
            let whole = twin().explore(&LIMITS, &mut |_, _| true);
            // Beyond the states that were found until then, nothing is broken sooner.
            let limits = Limits { states_max: whole.distinct + 1, ..LIMITS };
            let whole = whole.counterexample.expect("a mutant breaks something").steps.len();
            let parts = promised.iter().filter_map(|property| {
                let found = twin().explore_alone(&limits, property.name(), &mut |_, _| true);
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

/// A mutant that breaks nothing: what its states come to.
#[track_caller]
fn survives(model: &str, params: &[(&str, &str)], mutant: &str, wanted: (u64, u64, u64)) {
    let mut session = set_up(model, params, Some(mutant));
    let found = session.explore_on(&Threads(2), &LIMITS, &mut |_, _| true);
    assert!(found.complete, "{mutant}: {:?}", found.verdict);
    assert_eq!((found.distinct, found.generated, found.depth), wanted, "{model} {mutant}");
}

#[test]
fn sharded_prune_counts() {
    let model = "awa/sharded_prune";
    counts(model, &[], false, (1_028, 3_057, 16));
    for (mutant, states) in [
        ("ignores_shard", 6),
        ("prunes_all", 4),
        ("prunes_ready_only", 5),
        ("repeats_numbers", 3),
        ("rotate_seals_nothing", 2),
        ("rotate_forgets_cursor", 2),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
    alone(model, &[], Some("repeats_numbers"), "done-key-unique", Some(5));
}

#[test]
fn storage_transition_counts() {
    let model = "awa/storage_transition";
    counts(model, &[], false, (222, 1_534, 12));
    for (mutant, states) in [
        ("believes_capability", 5),
        ("enters_over_canonical", 6),
        ("finalizes_undrained", 7),
        ("finalizes_over_drain", 7),
        ("finalize_keeps_engine", 6),
        ("aborts_over_rows", 8),
        ("abort_stays_prepared", 3),
        ("routes_by_current", 5),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
    shortest(model, &[("backlog", "1"), ("rows", "1")], Some("believes_capability"), 5);
}

#[test]
fn partitioned_routing_counts() {
    let model = "awa/partitioned_routing";
    counts(model, &[], false, (69_905, 69_905, 5));
    for (mutant, states) in
        [("same_hash", 1), ("partitions_in_turn", 2), ("shards_in_turn", 2), ("numbers_by_key", 3)]
    {
        shortest(model, &[], Some(mutant), states);
    }
    alone(model, &[], Some("partitions_in_turn"), "same-key-same-partition", Some(3));
    alone(model, &[], Some("shards_in_turn"), "same-key-same-shard", Some(3));
}

#[test]
fn pgque_rotation_counts() {
    let model = "pgque/rotation";
    counts(model, &[], false, (13_924, 40_832, 22));
    counts(model, &[("convoy_fix", "false")], false, (18_726, 51_153, 22));
    survives(model, &[], "steps_ungated", (13_924, 45_614, 18));
    for (mutant, states) in [
        ("blocks_in_truncate", 4),
        ("waits_for_acknowledger", 4),
        ("acks_old_snapshot", 5),
        ("reads_old_snapshot", 8),
        ("ticks_ungated", 6),
        ("copies_nothing", 2),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
    // A queue that has no consumer loses its latest tick, and that is the published design.
    let (idle, published) = ([("consumer", "false")], Some("gate_sees_consumers_only"));
    alone(model, &idle, published, "latest-tick-present", Some(6));
    alone(model, &idle, None, "latest-tick-present", None);
    alone(model, &[("consumer", "true")], published, "latest-tick-present", None);
}

#[test]
fn segmented_storage_races_counts() {
    let model = "awa/segmented_storage_races";
    counts(model, &[], false, (232, 857, 11));
    counts(model, &[("workers", "3")], false, (332, 1_229, 11));
    for (mutant, states) in
        [("commits_unchecked", 6), ("checks_claim_only", 6), ("checks_lease_only", 6)]
    {
        shortest(model, &[], Some(mutant), states);
    }
}

const SEGMENTED: &str = "awa/segmented_storage";

#[test]
fn segmented_storage_counts() {
    counts(SEGMENTED, &[], false, (137_856, 1_051_297, 24));
    counts(SEGMENTED, &[("workers", "2")], false, (256_576, 2_229_697, 24));
    survives(SEGMENTED, &[], "prunes_leased", (137_856, 1_051_297, 24));
    survives(SEGMENTED, &[], "rescues_nothing", (137_856, 1_051_297, 24));
    // The published specification with the closure row that awa's code writes, as TLC counts it.
    counts(SEGMENTED, &[("spec", "mended")], false, (111_360, 859_457, 24));
    for (mutant, states) in [
        ("prunes_ready", 4),
        ("prunes_open_claims", 5),
        ("prunes_claim_cursor", 2),
        ("completes_with_receipt_open", 4),
        ("claims_out_of_turn", 6),
    ] {
        shortest(SEGMENTED, &[], Some(mutant), states);
    }
}

/// What awa's own invariants do not see, and four more do. Those that survive are counted as TLC counts
/// the specification with the same change.
#[test]
fn four_promises_catch_what_the_published_ones_let_through() {
    let published = ("spec", "published");
    for (mutant, params, counts, states) in [
        ("prunes_evidence", &[published][..], (144_512, 1_095_777, 24), 6),
        ("removes_evidence", &[published], (137_856, 1_051_297, 24), 6),
        ("prunes_live_leases", &[published], (170_112, 1_425_313, 25), 5),
        ("rotates_into_sealed_leases", &[published], (137_856, 1_128_289, 23), 3),
        ("rotates_into_sealed_claims", &[published], (152_256, 1_249_761, 24), 3),
        ("finalizes_unfenced", &[published, ("workers", "2")], (284_416, 2_502_273, 24), 7),
    ] {
        survives(SEGMENTED, params, mutant, counts);
        shortest(SEGMENTED, &[], Some(mutant), states);
    }
    // That evidence goes missing is so in the specification as it was published.
    alone(SEGMENTED, &[], None, "evidence-complete", Some(6));
}

#[test]
fn lock_order_counts() {
    let model = "awa/lock_order";
    counts(model, &[], false, (87_637, 313_024, 12));
    for (mutant, states) in [
        ("claims_stripes", 7),
        ("takes_rings_either_way", 5),
        ("prunes_child_first", 5),
        ("grants_conflicts", 5),
        ("commit_keeps_locks", 4),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
}

/// Of no specification: TLC has not counted it, and these are our own counts.
#[test]
fn lock_convoy_counts() {
    let model = "awa/lock_convoy";
    counts(model, &[], false, (480, 1_761, 11));
    for (mutant, states) in [
        ("prune_waits", 4),
        ("prune_times_out", 4),
        ("masks_errors", 3),
        ("checks_before_lock", 6),
        ("truncates_shared", 4),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
}

/// Of no specification either. How many passes a stale receipt may wait for is no accident of the sizes.
#[test]
fn rescue_counts() {
    let model = "awa/rescue";
    counts(model, &[], false, (2_805, 12_951, 11));
    for (receipts, window, batch) in [("3", "1", "1"), ("3", "2", "1"), ("2", "2", "2")] {
        let sizes = [("receipts", receipts), ("window", window), ("batch", batch)];
        let found = explore(model, &sizes, None, false);
        println!("{sizes:?}: {} states", found.distinct);
        assert!(found.complete, "{sizes:?}: {:?}", found.verdict);
    }
    for (mutant, states) in [
        ("stops_at_healthy", 5),
        ("never_wraps", 7),
        ("serves_by_number", 9),
        ("asks_closures_only", 3),
        ("removes_evidence", 4),
        ("prunes_open", 2),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
}

/// As many receipts as awa's limits are for: 10,000 read in a pass, 500 closed.
#[test]
fn a_stale_receipt_behind_ten_thousand_healthy_ones_is_rescued() {
    let real = [("receipts", "10001"), ("window", "10000"), ("batch", "500")];
    let lines = ["lapse 40000", "pass 0", "pass 0", "pass 0"].map(str::to_owned);
    let steps = models::find("awa/rescue").expect("it is listed").parse(&lines);
    let steps = steps.expect("these are moves");
    let last = |mutant| {
        let scenes = set_up("awa/rescue", &real, mutant).scenes(0, &steps);
        scenes.last().expect("they were made").columns[1].1.clone()
    };
    assert_eq!(last(None), "10000 healthy closed");
    assert_eq!(last(Some("stops_at_healthy")), "10000 healthy stale");
}

/// Of no specification: our own counts.
#[test]
fn deadline_rescue_counts() {
    let model = "awa/deadline_rescue";
    counts(model, &[], false, (342, 1_158, 11));
    for (receipts, window, batch) in [("4", "1", "1"), ("4", "2", "2"), ("3", "10000", "500")] {
        let sizes = [("receipts", receipts), ("window", window), ("batch", batch)];
        let found = explore(model, &sizes, None, false);
        assert!(found.complete, "{sizes:?}: {:?}", found.verdict);
    }
    for (mutant, states) in [
        ("passes_future_closed", 10),
        ("stops_at_closed", 10),
        ("serves_by_number", 11),
        ("closes_future", 3),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
}

/// Of no specification: our own counts.
#[test]
fn next_batch_counts() {
    let model = "pgque/next_batch";
    counts(model, &[], false, (262, 955, 19));
    for (mutant, states) in [("selects_unlocked", 6), ("finishes_part", 5), ("finishes_any", 12)] {
        shortest(model, &[], Some(mutant), states);
    }
    alone(model, &[], Some("selects_unlocked"), "batch-begins-at-last-tick", Some(9));
}

/// Of no specification: our own counts.
#[test]
fn unregister_counts() {
    let model = "pgque/unregister";
    counts(model, &[], false, (86, 119, 9));
    for (mutant, states) in [("looks_unlocked", 6), ("deletes_current_only", 4)] {
        shortest(model, &[], Some(mutant), states);
    }
}

/// Of no specification either: the figures are those of the review.
#[test]
fn cadence_counts() {
    let model = "pgque/cadence";
    counts(model, &[], false, (590, 1_385, 16));
    counts(
        model,
        &[("period", "4"), ("halves", "24"), ("outages", "4")],
        false,
        (1_530, 4_218, 28),
    );
    for (mutant, states) in [
        ("concatenates_steps", 3),
        ("one_cadence", 2),
        ("rotates_seldom", 10),
        ("rotates_ungated", 5),
        ("counts_for_ever", 10),
        ("counts_nothing", 7),
    ] {
        shortest(model, &[], Some(mutant), states);
    }
}
