//! The head's named violations, one by one, and its counters.

use crate::{failed, open, returned};
use checker::specs::head::{Counters, Head, Op, Ret, counters, counters_by_key};
use checker::{Budget, Operation, Property, Verdict, Violation, judge};

type One = Operation<Op<String>, Ret>;

const WON: Ret = Ret::Won { seq: None };

fn cas(from: u64) -> Op<String> {
    Op::Cas { key: "run-1".into(), from }
}

fn read() -> Op<String> {
    Op::Read { key: "run-1".into() }
}

fn broken(operations: &[One]) -> Violation {
    match judge(&Head::default(), operations, &Budget::default()) {
        Verdict::Fail(violation) => violation,
        other => panic!("expected a violation, found {other:?}"),
    }
}

fn check(operations: &[One], property: Property, why: &str, at: u64, evidence: &[usize]) {
    let violation = broken(operations);
    assert_eq!(violation.why, why);
    assert_eq!(violation.property, property);
    assert_eq!((violation.at, &violation.operations[..]), (Some(at), evidence));
}

#[test]
fn two_winners_from_one_parent_are_a_fork() {
    check(
        &[returned(0, 0, 9, cas(0), WON), returned(1, 1, 5, cas(0), WON)],
        Property::FORK,
        "c1 and c0 both moved run-1 from 0, both were told they won",
        9,
        &[1, 0],
    );
    check(
        &[returned(0, 0, 1, cas(0), WON), returned(0, 2, 3, cas(0), WON)],
        Property::FORK,
        "c0 moved run-1 from 0 twice, and was told both times it won",
        3,
        &[0, 1],
    );
}

#[test]
fn perfect_numbers_do_not_hide_a_fork() {
    let won = |seq| Ret::Won { seq: Some(seq) };
    let operations = [returned(0, 0, 9, cas(0), won(1)), returned(1, 1, 5, cas(0), won(2))];
    assert_eq!(broken(&operations).property, Property::FORK);
    let seen = || operations.iter().enumerate().map(|(index, one)| one.seen(index));
    let expected = Counters { final_seq: 2, winners: 2, forks: 1, ..Counters::default() };
    assert_eq!(counters(seen()), expected);
}

#[test]
fn a_head_nobody_moved_to_is_a_gap() {
    check(
        &[returned(0, 0, 1, cas(0), WON), returned(1, 2, 3, read(), Ret::Head(5))],
        Property::GAP,
        "run-1 was seen at 5, but nobody moved it from 4",
        3,
        &[1],
    );
    check(
        &[returned(0, 0, 1, cas(3), WON)],
        Property::GAP,
        "run-1 was moved from 3, but nobody moved it from 2",
        1,
        &[0],
    );
    check(
        &[returned(0, 0, 1, cas(3), Ret::Saw { head: 1 }), returned(1, 2, 3, cas(0), WON)],
        Property::GAP,
        "run-1 was seen at 1, before anybody tried to move it from 0",
        1,
        &[0],
    );
}

#[test]
fn a_silent_transition_may_be_the_missing_link() {
    let mut operations = vec![open(0, 0, cas(0)), returned(1, 2, 3, read(), Ret::Head(1))];
    assert_eq!(judge(&Head::default(), &operations, &Budget::default()), Verdict::Pass);
    operations[0] = failed(0, 0, cas(0));
    assert_eq!(broken(&operations).property, Property::GAP);
    operations[0] = returned(0, 0, 1, cas(0), Ret::Lost);
    assert_eq!(broken(&operations).property, Property::GAP);
}

#[test]
fn a_run_may_start_anywhere() {
    let operations = [returned(0, 0, 1, cas(7), WON), returned(1, 2, 3, read(), Ret::Head(8))];
    assert_eq!(judge(&Head::new(7), &operations, &Budget::default()), Verdict::Pass);
}

#[test]
fn an_acknowledged_transition_must_be_seen() {
    let history = |last: One| {
        let won = |from: u64| returned(1, 10 * from, 10 * from + 1, cas(from), WON);
        vec![won(0), won(1), won(2), won(3), last]
    };
    check(
        &history(returned(2, 50, 60, read(), Ret::Head(3))),
        Property::LOST,
        "c2 read 3 of run-1 although c1's transition 3 -> 4 had been acknowledged before",
        60,
        &[3, 4],
    );
    check(
        &history(returned(2, 50, 60, cas(1), Ret::Saw { head: 2 })),
        Property::LOST,
        "c2 lost its transition and saw 2 of run-1 although c1's transition 3 -> 4 had been \
         acknowledged before",
        60,
        &[3, 4],
    );
    let overlapping = history(returned(2, 31, 60, read(), Ret::Head(3)));
    assert_eq!(judge(&Head::default(), &overlapping, &Budget::default()), Verdict::Pass);
}

#[test]
fn a_gap_gives_way_to_a_fork_because_it_may_be_its_shadow() {
    let fork = [returned(0, 0, 9, cas(0), WON), returned(1, 1, 9, cas(0), WON)];
    let gap = |at| returned(2, 0, at, read(), Ret::Head(7));
    assert_eq!(broken(&[fork.as_slice(), &[gap(9)]].concat()).property, Property::FORK);
    assert_eq!(broken(&[fork.as_slice(), &[gap(8)]].concat()).property, Property::FORK);
    assert_eq!(broken(&[gap(8)]).property, Property::GAP);
}

#[test]
fn keys_are_judged_apart_and_may_be_numbers() {
    let on = |key: u32, client, at| returned(client, at, at, Op::Cas { key, from: 0 }, WON);
    let init = Head::<u32>::default();
    assert_eq!(judge(&init, &[on(1, 0, 1), on(2, 0, 2)], &Budget::default()), Verdict::Pass);
    let verdict = judge(&init, &[on(1, 0, 1), on(2, 0, 2), on(2, 1, 3)], &Budget::default());
    assert_eq!(
        verdict.violation().map(|violation| violation.why.as_str()),
        Some("c0 and c1 both moved 2 from 0, both were told they won")
    );
}

#[test]
fn a_nameless_run_is_called_the_head() {
    let nameless = |client| returned(client, 1, 2, Op::Cas { key: String::new(), from: 0 }, WON);
    assert_eq!(
        broken(&[nameless(0), nameless(1)]).why,
        "c0 and c1 both moved the head from 0, both were told they won"
    );
}

#[test]
fn counters_are_the_seeds_own_and_the_forks_beside_them() {
    let won = |key: &str, from, seq| -> One {
        returned(0, 0, 1, Op::Cas { key: key.into(), from }, Ret::Won { seq })
    };
    let operations = [
        won("a", 0, None),
        won("a", 0, None),
        won("a", 3, Some(4)),
        returned(0, 0, 1, Op::Cas { key: "a".into(), from: 0 }, Ret::Lost),
        returned(0, 0, 1, Op::Cas { key: "a".into(), from: 0 }, Ret::Saw { head: 1 }),
        won("b", 0, Some(1)),
        open(0, 0, Op::Cas { key: "b".into(), from: 1 }),
    ];
    let seen = || operations.iter().enumerate().map(|(index, one)| one.seen(index));
    let a = Counters { final_seq: 4, winners: 3, conflicts: 2, duplicates: 1, gaps: 2, forks: 1 };
    let b = Counters { final_seq: 1, winners: 1, ..Counters::default() };
    assert_eq!(counters_by_key(seen()).into_values().collect::<Vec<_>>(), [a, b]);
    assert_eq!(counters(seen()), a + b);
}

#[test]
fn a_gap_is_certain_only_when_whoever_might_have_closed_it_was_told_it_lost() {
    let seen = returned(1, 5, 6, read(), Ret::Head(1));
    let refused = returned(0, 0, 9, cas(0), Ret::Lost);
    assert_eq!(broken(&[refused, seen]).at, Some(9));
}
