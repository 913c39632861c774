//! What any datatype may rely on: closed intervals, silence, limits that are said.

use crate::brute::Silent;
use crate::{failed, open, returned};
use checker::specs::head::{Head, Op, Ret};
use checker::specs::objects::{self, Objects};
use checker::{Budget, Operation, Property, Verdict, judge};

type One = Operation<Op<String>, Ret>;

fn cas(from: u64) -> Op<String> {
    Op::Cas { key: "run-1".into(), from }
}

fn read() -> Op<String> {
    Op::Read { key: "run-1".into() }
}

const WON: Ret = Ret::Won { seq: None };

fn verdict(operations: &[One]) -> Verdict {
    judge(&Head::default(), operations, &Budget::default())
}

fn put(key: &str, value: u64) -> objects::Op {
    objects::Op::Put { key: key.into(), value, if_none_match: false, if_match: None }
}

/// A store whose histories no monitor decides.
fn searched() -> Silent<Objects> {
    Silent(Objects::default())
}

#[test]
fn operations_that_touch_overlap() {
    // The read returns at the very time at which the transition is called, so it may come second.
    let touching = [returned(0, 1, 5, read(), Ret::Head(1)), returned(1, 5, 9, cas(0), WON)];
    assert_eq!(verdict(&touching), Verdict::Pass);
    let apart = [returned(0, 1, 5, read(), Ret::Head(1)), returned(1, 6, 9, cas(0), WON)];
    assert_eq!(verdict(&apart).broken(), Some(&Property::GAP));
}

#[test]
fn an_operation_may_take_no_time() {
    let operations = [
        returned(0, 3, 3, cas(0), WON),
        returned(1, 3, 3, cas(1), WON),
        returned(2, 3, 3, read(), Ret::Head(0)),
        returned(2, 3, 3, read(), Ret::Head(2)),
    ];
    assert_eq!(verdict(&operations), Verdict::Pass);
}

#[test]
fn silence_may_take_effect_late_or_never() {
    for late in [0, 1] {
        let operations = [
            open(0, 0, cas(0)),
            returned(1, 5, 6, read(), Ret::Head(0)),
            returned(1, 7, 8, read(), Ret::Head(late)),
        ];
        assert_eq!(verdict(&operations), Verdict::Pass);
    }
}

#[test]
fn what_failed_did_nothing() {
    let operations = [failed(0, 0, cas(0)), returned(1, 5, 6, read(), Ret::Head(1))];
    assert_eq!(verdict(&operations).broken(), Some(&Property::GAP));
    let operations = [failed(0, 0, cas(0)), returned(1, 5, 6, cas(0), WON)];
    assert_eq!(verdict(&operations), Verdict::Pass);
}

#[test]
fn a_silent_write_that_would_change_nothing_now_may_change_something_later() {
    // Found on etcd_102: the silent put of 1 meets a 1, and lands after the 2.
    let get = |value| (objects::Op::Get { key: "a".into() }, objects::Ret::Value(Some(value)));
    let done = objects::Ret::Done;
    let ((get_1, told_1), (get_2, told_2)) = (get(1), get(2));
    let mut operations = vec![
        returned(0, 0, 1, put("a", 1), done.clone()),
        open(1, 2, put("a", 1)),
        returned(0, 3, 4, put("a", 2), done.clone()),
        returned(0, 5, 6, get_2, told_2),
        returned(0, 7, 8, get_1, told_1),
    ];
    let judged = |all: &[_]| judge(&Objects::default(), all, &Budget::default());
    assert_eq!(judged(&operations), Verdict::Pass);
    // And so may one that is heard of, as long as it is open.
    operations[1] = returned(1, 2, 9, put("a", 1), done.clone());
    assert_eq!(judged(&operations), Verdict::Pass);
    operations[1] = returned(1, 2, 6, put("a", 1), done);
    assert_eq!(judged(&operations), Verdict::Pass);
    let objects::Op::Put { value, .. } = &mut operations[1].op else { unreachable!() };
    *value = 3;
    assert!(judged(&operations).violation().is_some());
}

#[test]
fn what_is_lost_after_the_last_value_is_judged_too() {
    // The second regression: the last value persists for ever.
    let operations = [returned(0, 0, 1, cas(0), WON), returned(1, 2, 3, cas(1), Ret::Lost)];
    let verdict = verdict(&operations);
    assert_eq!(verdict.broken(), Some(&Property::LINEARIZABLE));
    let violation = verdict.violation().expect("it is broken");
    assert_eq!((violation.at, &violation.operations[..]), (Some(3), &[0, 1][..]));
    assert_eq!(
        violation.why,
        "c1's compare-and-set of run-1 from 1, told it lost (2..3) although what it denies was so \
         all that time, since c0's compare-and-set of run-1 from 0, told it won (0..1)"
    );
}

#[test]
fn the_slice_need_not_be_sorted() {
    let mut operations = vec![
        returned(0, 0, 1, cas(0), WON),
        returned(1, 2, 3, cas(1), WON),
        returned(0, 4, 5, read(), Ret::Head(2)),
    ];
    operations.reverse();
    assert_eq!(verdict(&operations), Verdict::Pass);
}

#[test]
fn an_empty_history_passes() {
    assert_eq!(verdict(&[]), Verdict::Pass);
}

#[test]
fn more_than_128_open_at_once_is_unknown() {
    let many = |count| (0..count).map(|at| open(0, at, put("a", at))).collect::<Vec<_>>();
    let judged = |count| judge(&searched(), &many(count), &Budget::default());
    assert_eq!(judged(128), Verdict::Pass);
    let Verdict::Unknown { why } = judged(129) else { panic!("{:?}", judged(129)) };
    assert_eq!(why, "more than 128 operations were open at once at 128");
}

#[test]
fn silent_transitions_that_are_spent_take_no_room() {
    let mut operations = Vec::new();
    for from in 0..1000 {
        operations.push(open(0, 10 * from, cas(from)));
        operations.push(open(1, 10 * from + 1, cas(from)));
        operations.push(returned(2, 10 * from + 2, 10 * from + 3, read(), Ret::Head(from)));
        operations.push(returned(2, 10 * from + 4, 10 * from + 5, read(), Ret::Head(from + 1)));
    }
    assert_eq!(verdict(&operations), Verdict::Pass);
}

#[test]
fn a_budget_that_runs_out_is_unknown_and_says_how_far_it_got() {
    // Concurrent puts in any order, then a list of what nobody put.
    let mut operations: Vec<_> = (0..12)
        .map(|n| returned(n, 0, 100 + u64::from(n), put(&format!("k{n}"), 1), objects::Ret::Done))
        .collect();
    let keys = objects::Ret::Keys { keys: vec!["k11".into()], truncated: Some(false) };
    let list = objects::Op::List { prefix: String::new(), start_after: None, limit: None };
    operations.push(returned(20, 50, 200, list, keys));
    let judged = |configurations_max| {
        judge(&searched(), &operations, &Budget { configurations_max, ..Budget::default() })
    };
    let Verdict::Unknown { why } = judged(1000) else { panic!("{:?}", judged(1000)) };
    assert_eq!(why, "1000 configurations were not enough: 0 of 13 answers were judged");
    assert_eq!(judged(4_000_000), Verdict::Pass);
}

#[test]
fn an_easy_violation_is_not_hidden_by_a_hard_part() {
    let mut operations: Vec<_> = (0..40)
        .map(|n| returned(n, 0, 100, put("hard", u64::from(n)), objects::Ret::Done))
        .collect();
    let nobody_put = objects::Op::Get { key: "hard".into() };
    operations.push(returned(40, 150, 151, nobody_put, objects::Ret::Value(Some(99))));
    let get = || objects::Op::Get { key: "easy".into() };
    operations.push(returned(41, 3, 4, get(), objects::Ret::Value(Some(9))));
    let few = Budget { configurations_max: 20_000, ..Budget::default() };
    let verdict = judge(&searched(), &operations, &few);
    assert_eq!(verdict.violation().map(|violation| violation.at), Some(Some(4)));
    operations.pop();
    let verdict = judge(&searched(), &operations, &few);
    assert!(matches!(verdict, Verdict::Unknown { .. }), "{verdict:?}");
}
