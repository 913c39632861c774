//! What must come, held to what TLC says of the same models: the same graphs, and a fair run that
//! never gets there exactly where TLC finds one.

use serde_json::{Map, Value};
use sim::explore::{Explored, Lasso, Limits, NotLive};
use sim::session::Session;

const AWA: &str = "awa/deferred_materialise";
/// What TLC was given: one job, two segments, one lease.
const SMALL: &[(&str, &str)] = &[("jobs", "1"), ("segments", "2"), ("leases", "1")];
/// Two writers without a lock that compare.
const UNLOCKED: &[(&str, &str)] =
    &[("writers", "2"), ("lock", "false"), ("expire", "false"), ("mode", "cas")];
const LIMITS: Limits = Limits { faults_max: 0, states_max: 1 << 24, symmetry: false };

fn session(model: &str, params: &[(&str, &str)], mutant: Option<&str>) -> Box<dyn Session> {
    let params: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let model = models::find(model).expect("a model on the list");
    model.session(&params, mutant).expect("its parameters")
}

fn live(model: &str, params: &[(&str, &str)], unfair: Option<&str>) -> Explored {
    let found = session(model, params, None).live(&LIMITS, unfair, &mut |_, _| true);
    found.expect("it promises something")
}

/// The lasso and its steps in words: those to the loop, and those of the loop.
fn words(session: &dyn Session, lasso: &Lasso) -> (Vec<String>, Vec<String>) {
    let steps = [&lasso.prefix[..], &lasso.looped].concat();
    let mut words: Vec<String> =
        session.scenes(lasso.start, &steps).into_iter().map(|it| it.text).collect();
    let looped = words.split_off(lasso.prefix.len());
    (words, looped)
}

#[track_caller]
fn holds(found: &Explored, wanted: (u64, u64, u64)) {
    assert!(found.complete && found.lasso.is_none(), "{:?}: {:?}", found.verdict, found.lasso);
    assert_eq!(found.verdict, checker::Verdict::Pass);
    assert_eq!((found.distinct, found.generated, found.depth), wanted);
}

#[test]
fn a_closed_job_is_materialised() {
    holds(&live(AWA, SMALL, None), (34, 82, 7));
    holds(&live(AWA, &[("jobs", "2"), ("segments", "3")], None), (1_710, 7_869, 13));
}

/// The mutant L2 of the spec is equivalent: nothing is owed to a segment.
#[test]
fn pruning_need_not_be_fair() {
    holds(&live(AWA, SMALL, Some("prune")), (34, 82, 7));
}

/// The mutant L1 of the spec.
#[test]
fn materialising_must_be_fair() {
    let found = live(AWA, SMALL, Some("materialise"));
    let broken = found.verdict.broken().expect("a closed job may lie there for ever");
    assert_eq!(broken.name(), "eventually-materialised");
    assert_eq!((found.distinct, found.generated, found.depth), (34, 82, 7));
    let lasso = found.lasso.expect("a run that shows it");
    assert_eq!(lasso.owed, 3);
    let (prefix, looped) = words(&*session(AWA, SMALL, None), &lasso);
    // The other segment is pruned too, or the run would owe that.
    assert_eq!(prefix, ["enqueue 0", "claim 0", "complete 0", "prune 1"]);
    assert_eq!(looped, [""; 0], "and then nothing need happen any more");
}

/// The mutants L3 and L4 of the spec: a job whose body is gone cannot be materialised. Looking at
/// all promises, `explore` says so earlier, as a job that cannot be read.
#[test]
fn a_body_that_was_pruned_too_early_is_never_materialised() {
    for (mutant, states, steps) in [("prunes_all", 40, 5), ("prunes_claimed", 38, 5)] {
        let mut session = session(AWA, SMALL, Some(mutant));
        let found = session.live(&LIMITS, None, &mut |_, _| true).expect("it promises something");
        let broken = found.verdict.broken().expect("the body is gone").name().to_owned();
        assert_eq!((broken.as_str(), found.distinct), ("eventually-materialised", states));
        let lasso = found.lasso.expect("a run that shows it");
        let (prefix, looped) = words(&*session, &lasso);
        println!("{mutant}: {prefix:?} {looped:?}");
        assert_eq!(prefix.len(), steps, "{mutant}: {prefix:?} {looped:?}");
        let safety = session.explore(&LIMITS, &mut |_, _| true);
        assert_eq!(safety.verdict.broken().expect("it is").name(), "source-readable");
    }
}

#[test]
fn a_head_that_is_compared_gets_to_its_end_if_writers_go_on() {
    holds(&live("spec/run_head", UNLOCKED, None), (285, 489, 16));
    let found = live("spec/run_head", UNLOCKED, Some("writer"));
    assert_eq!(found.verdict.broken().expect("all may stop").name(), "completes");
    let lasso = found.lasso.expect("a run that shows it");
    assert_eq!((lasso.prefix.len(), lasso.owed, lasso.looped.len()), (0, 0, 0), "all stop at once");
}

/// However often the current slot has another stale receipt; and each way not to come round to one is a
/// run in which it stays for ever.
#[test]
fn a_stale_receipt_of_the_oldest_slot_is_rescued() {
    const RESCUE: &str = "awa/rescue";
    holds(&live(RESCUE, &[], None), (2_805, 12_951, 11));
    let property = |found: &Explored| found.verdict.broken().map(|it| it.name().to_owned());
    let eventually = Some("eventually-rescued".to_owned());
    assert_eq!(property(&live(RESCUE, &[], Some("pass"))), eventually);
    for mutant in ["stops_at_healthy", "never_wraps", "serves_by_number"] {
        let mut session = session(RESCUE, &[], Some(mutant));
        let found = session.live(&LIMITS, None, &mut |_, _| true).expect("it promises something");
        assert_eq!(property(&found), eventually, "{mutant}");
        let (prefix, looped) = words(&*session, &found.lasso.expect("a run that shows it"));
        println!("{mutant}: {prefix:?} {looped:?}");
    }
}

/// The same of a receipt whose deadline is over, and of each way never to look at it again.
#[test]
fn a_receipt_whose_deadline_is_over_is_closed() {
    const DEADLINES: &str = "awa/deadline_rescue";
    holds(&live(DEADLINES, &[], None), (342, 1_158, 11));
    for mutant in ["passes_future_closed", "stops_at_closed", "serves_by_number"] {
        let mut session = session(DEADLINES, &[], Some(mutant));
        let found = session.live(&LIMITS, None, &mut |_, _| true).expect("it promises something");
        let broken = found.verdict.broken().map(|it| it.name());
        assert_eq!(broken, Some("eventually-closed"), "{mutant}");
    }
}

/// A rotation's second step comes if somebody runs it; whoever runs it after something else, and stops
/// when that fails, has rotations that stall.
#[test]
fn a_rotation_has_its_second_step() {
    const ROTATION: &str = "pgque/rotation";
    holds(&live(ROTATION, &[], None), (13_924, 40_832, 22));
    let found = live(ROTATION, &[], Some("step2"));
    assert_eq!(found.verdict.broken().expect("it may never run").name(), "second-step");
}

#[test]
fn what_must_come_is_asked_only_where_it_can_be() {
    let asked = |model, params: &[_], limits: &Limits, unfair| {
        session(model, params, None).live(limits, unfair, &mut |_, _| true).map(|it| it.verdict)
    };
    assert_eq!(asked("run_head", &[], &LIMITS, None), Err(NotLive::Clients));
    assert_eq!(asked("spec/lock_cas", &[], &LIMITS, None), Err(NotLive::NoPromise));
    assert_eq!(asked("spec/run_head", &[], &LIMITS, None), Err(NotLive::NoPromise));
    let symmetric = Limits { symmetry: true, ..LIMITS };
    assert_eq!(asked(AWA, SMALL, &symmetric, None), Err(NotLive::Symmetry));
    let error = asked(AWA, SMALL, &LIMITS, Some("sleep")).expect_err("there is none").to_string();
    assert_eq!(error, "it counts on no fairness called 'sleep'; there are: materialise, prune");
}

#[test]
fn a_graph_that_was_not_seen_to_its_end_passes_nothing() {
    let few = Limits { states_max: 10, ..LIMITS };
    let found = session(AWA, SMALL, None).live(&few, None, &mut |_, _| true).expect("asked");
    assert!(matches!(found.verdict, checker::Verdict::Unknown { .. }), "{:?}", found.verdict);
}
