//! What was argued about Redlock, played step by step.
//!
//! Kleppmann, "How to do distributed locking" (2016), has two clients that each take themselves for
//! the holder, by a pause and by a clock that jumps. antirez, "Is Redlock safe?" (2016), answers
//! that a pause before the grant is noticed by the second look at the clock, and that what is
//! unique to a lock can be compared and set. Both are right, and a guarded row needs neither.

use checker::Verdict;
use serde_json::{Map, Value};
use sim::session::Plan;
use unforked_tests::sized;

/// One client each turn, as small as it gets.
const BARE: &str = "turns=1 retries=0 extensions=0 clocks=exact";

/// Plays `steps`, and then dull ones; the verdict, and what the moves of the head came to.
fn play(params: &str, mutant: Option<&str>, steps: &str) -> (Verdict, Vec<(u64, Value)>) {
    let pairs = BARE.split(' ').chain(params.split(' '));
    let pairs = pairs.map(|it| it.split_once('=').expect("a parameter is name=value"));
    let params: Map<String, Value> =
        pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let model = models::find("redlock").expect("it is listed");
    let lines: Vec<String> = steps.split(',').map(|it| it.trim().to_owned()).collect();
    let steps = model.parse(&lines).expect("these are steps");
    let mut session = sized(model, &params, mutant);
    let faults_max = steps.iter().filter(|step| step.is_fault()).count() as u32;
    let outcome = session.play(&Plan::Steps { steps: &steps, faults_max });
    assert_eq!(outcome.skipped, 0, "every step is possible: {lines:?}");
    let (trace, _) = session.tell(&steps, steps.len(), &outcome);
    let moves = trace.history.iter().filter(|it| it["f"] == "cas");
    let moves = moves.map(|it| (it["client"].as_u64().expect("whose"), it["ret"].clone()));
    (outcome.verdict, moves.collect())
}

fn broken(verdict: &Verdict) -> Option<&str> {
    verdict.broken().map(checker::Property::name)
}

/// "The clock on node C jumps forward, causing the lock to expire": w0 has A, B and C, and D and E
/// cannot be reached; then w1 has C, D and E, and A and B cannot.
const CLOCK_JUMP: &str = "apply w0, apply w0, apply w0.1, apply w0.2, lose w0.3, lose w0.4, \
    apply w0, jump 2, apply w1, lose w1, lose w1.1, apply w1.2, apply w1.3, apply w1.4, apply w1";

#[test]
fn a_clock_that_jumps_makes_two_holders() {
    let jumps = Some("node_clock_jumps");
    let (verdict, _) = play("nodes=5 guard=cas", jumps, CLOCK_JUMP);
    assert_eq!(broken(&verdict), Some("mutual-exclusion"));
}

#[test]
fn two_holders_move_a_guarded_row_once() {
    let both_write = format!("{CLOCK_JUMP}, apply w0, apply w1, apply w1, apply w0");
    let refused = [("cas", Value::from(false)), ("token", Value::Null)];
    for (guard, late) in refused {
        let params = format!("nodes=5 exclusive=false guard={guard}");
        let (verdict, moves) = play(&params, Some("node_clock_jumps"), &both_write);
        assert_eq!(verdict, Verdict::Pass, "{guard}");
        assert_eq!(moves, [(0, late), (1, Value::from(true))], "{guard}");
    }
}

/// w0 reads under its lock and is paused until the lock has run out; w1 takes it, reads and writes.
const PAUSE: &str = "apply w0, apply w0, apply w0, apply w0, expire 0, \
    apply w1, apply w1, apply w1, apply w1, apply w1, apply w0";

#[test]
fn a_pause_of_the_holder_forks_a_row_that_trusts_the_lock() {
    let (verdict, _) = play("nodes=1 guard=cas", Some("no_guard"), PAUSE);
    assert_eq!(broken(&verdict), Some("fork"));
    for guard in ["cas", "token"] {
        let (verdict, _) = play(&format!("nodes=1 guard={guard}"), None, PAUSE);
        assert_eq!(verdict, Verdict::Pass, "{guard}");
    }
}

/// The answers are on their way to w0 while the keys run out, and w1 takes the lock.
const PAUSE_BEFORE_THE_GRANT: &str = "apply w0, apply w0, apply w0.1, apply w0.2, expire 0, \
    apply w1, apply w1, apply w1.1, apply w1.2, apply w1, apply w0";

#[test]
fn a_pause_before_the_grant_is_noticed_by_the_second_look_at_the_clock() {
    let (verdict, _) = play("nodes=3 guard=cas", None, PAUSE_BEFORE_THE_GRANT);
    assert_eq!(verdict, Verdict::Pass);
    let looks_again = format!("{PAUSE_BEFORE_THE_GRANT}, apply w1, apply w0");
    let after = Some("valid_from_after");
    let (verdict, _) = play("nodes=3 guard=cas", after, &looks_again);
    assert_eq!(broken(&verdict), Some("mutual-exclusion"));
}
