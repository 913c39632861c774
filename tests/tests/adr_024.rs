//! The tests that came with awa's ADR-024, as what is kept in every schedule.
//!
//! hardbyte/awa, pull request 250: the materialiser is idempotent, a unique claim is released, the
//! synchronous path still writes, a prune is blocked until the materialiser has drained, and the reader's
//! union shows what is completed. Terminal rows were deferred, measured, and the design was rejected.

use serde_json::{Map, Value};
use sim::explore::Limits;
use sim::session::{Plan, Session};
use unforked_tests::sized;

fn session(params: &[(&str, &str)], mutant: Option<&str>) -> Box<dyn Session> {
    let params: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    sized(models::find("awa/done_entries").expect("it is listed"), &params, mutant)
}

#[test]
fn each_is_kept_in_every_schedule() {
    let one = [("jobs", "1"), ("rounds", "2")];
    let two = [("jobs", "2"), ("rounds", "1")];
    let sync = [("jobs", "2"), ("rounds", "1"), ("deferred", "false")];
    for (params, faults_max) in [(&one[..], 0), (&two, 1), (&sync, 1), (&[], 0)] {
        let limits = Limits { faults_max, states_max: 200_000, symmetry: false };
        let found = session(params, None).explore(&limits, &mut |_, _| true);
        assert!(found.complete, "{params:?}: {:?}", found.verdict);
    }
}

#[test]
fn each_is_broken_by_its_mutant() {
    let limits = Limits { faults_max: 0, states_max: 200_000, symmetry: false };
    for (mutant, deferred, breaks, steps) in [
        ("materialises_again", "true", "done-once", 6),
        ("keeps_unique", "true", "unique-released", 2),
        ("sync_skips_done", "false", "done-with-completion", 2),
        ("prunes_undrained", "true", "source-kept", 6),
        ("prunes_claims_first", "true", "source-kept", 4),
        ("reads_done_only", "true", "seen-done", 3),
    ] {
        let params = [("jobs", "1"), ("deferred", deferred)];
        let found = session(&params, Some(mutant)).explore(&limits, &mut |_, _| true);
        assert_eq!(found.verdict.broken().map(|it| it.name()), Some(breaks), "{mutant}");
        let way = found.counterexample.expect("a failure has a shortest way to it");
        assert_eq!(way.steps.len(), steps, "{mutant}");
    }
}

#[test]
fn a_prune_is_blocked_until_the_materialiser_has_drained() {
    let model = models::find("awa/done_entries").expect("it is listed");
    // The claim is open when the pruner comes to it, and closed when it comes to the body.
    let before = "w0 p2 p2 w0 p2 p2";
    let after = "t1 t1 p2 p2 p2 p2";
    let clients = before.split(' ').chain(after.split(' '));
    let lines: Vec<String> = clients.map(|it| format!("apply {it}")).collect();
    let steps = model.parse(&lines).expect("these are steps");
    let mut session = session(&[("jobs", "1"), ("rounds", "2")], None);
    let outcome = session.play(&Plan::Steps { steps: &steps, faults_max: 0 });
    assert_eq!((outcome.skipped, &outcome.verdict), (0, &checker::Verdict::Pass));
    let (_, scenes) = session.tell(&steps, steps.len(), &outcome);
    let job = |step: usize| scenes[step].columns[0].1.as_str();
    assert_eq!(job(5), "body in 0, closure in 0", "completed, and its body is kept");
    assert_eq!(job(7), "body in 0, closure in 0, 1 done");
    assert_eq!(job(11), "1 done", "all that it was made of is gone");
}
