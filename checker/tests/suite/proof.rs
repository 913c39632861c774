//! What stands behind a verdict: orders, few operations, how far it came; and who did the work.

use crate::brute::Silent;
use crate::generate::{Heads, Random, Store, history};
use crate::returned;
use checker::specs::head::{self, Head};
use checker::specs::objects::{self, Objects};
use checker::specs::register::{self, Register};
use checker::workers::Threads;
use checker::{Budget, Checked, Operation, Property, Reason, Spec, check, check_on};
use std::sync::atomic::{AtomicUsize, Ordering};

fn same_on_two<S: Spec<Op: Clone + Sync, Ret: Clone + Sync> + Default + Sync>(
    operations: &[Operation<S::Op, S::Ret>],
) -> Checked<S> {
    let budget = Budget::default();
    let alone = check(&S::default(), operations, &budget);
    let together = check_on(&Threads(2), &S::default(), operations, &budget);
    match (&alone, &together) {
        (Checked::Pass(alone), Checked::Pass(together)) => assert_eq!(alone, together),
        (Checked::Fail(alone), Checked::Fail(together)) => {
            assert_eq!(alone.violation, together.violation);
            assert_eq!(alone.minimal, together.minimal);
        }
        _ => panic!("alone and together they disagree"),
    }
    alone
}

#[test]
fn two_workers_say_what_one_says() {
    let (mut random, mut passed) = (Random(11), 0);
    for _ in 0..1_000 {
        let heads = same_on_two::<Head<String>>(&history::<Heads>(&mut random, 9));
        passed += u32::from(matches!(heads, Checked::Pass(_)));
        same_on_two::<Objects>(&history::<Store>(&mut random, 9));
    }
    assert!((200..900).contains(&passed), "{passed}");
}

fn put(key: &str, value: u64) -> objects::Op {
    objects::Op::Put { key: key.into(), value, if_none_match: false, if_match: None }
}

/// Puts of one object at one time, conditional ones that settle nothing, and what nobody put.
fn hard(key: &str) -> Vec<Operation<objects::Op, objects::Ret>> {
    let mut all: Vec<_> = (0..14)
        .map(|n| returned(n, 0, 100 + u64::from(n), put(key, n.into()), objects::Ret::Done))
        .collect();
    for n in 0..6 {
        let value = u64::from(n);
        let op = objects::Op::Put {
            key: key.into(),
            value: 100 + value,
            if_none_match: false,
            if_match: Some(99 + value),
        };
        all.push(returned(20 + n, 1, 200, op, objects::Ret::Refused));
    }
    let get = objects::Op::Get { key: key.into() };
    all.push(returned(30, 250, 251, get, objects::Ret::Value(Some(999))));
    all
}

#[test]
fn an_easy_violation_need_not_wait_for_a_hard_part() {
    let mut operations = hard("hard");
    let tried = |operations: &[_], configurations_max| {
        let budget = Budget { configurations_max, ..Budget::default() };
        check(&Silent(Objects::default()), operations, &budget)
    };
    let Checked::Unknown(unknown) = tried(&operations, 40_000) else { panic!("it is hard") };
    assert_eq!(unknown.reason, Reason::Configurations(40_000));
    // Called last, and seen all the same.
    let get = objects::Op::Get { key: "easy".into() };
    operations.push(returned(1, 300, 301, put("easy", 1), objects::Ret::Done));
    operations.push(returned(1, 302, 305, put("easy", 2), objects::Ret::Done));
    operations.push(returned(1, 303, 304, get.clone(), objects::Ret::Value(Some(1))));
    operations.push(returned(1, 306, 307, put("easy", 3), objects::Ret::Done));
    operations.push(returned(1, 306, 309, get, objects::Ret::Value(Some(1))));
    let Checked::Fail(found) = tried(&operations, 40_000) else { panic!("it is seen") };
    assert!(found.minimal.iter().all(|&it| operations[it].call >= 300), "{:?}", found.minimal);
}

#[test]
fn memory_and_time_are_budgets_too() {
    let operations = hard("hard");
    let tried = |budget: &Budget<'_>| match check(&Silent(Objects::default()), &operations, budget)
    {
        Checked::Unknown(unknown) => unknown,
        other => panic!("{other:?}"),
    };
    let all = Budget { configurations_max: usize::MAX, ..Budget::default() };
    let poor = tried(&Budget { bytes_max: 100_000, ..all });
    assert_eq!(poor.reason, Reason::Memory(100_000));
    assert_eq!(poor.to_string(), "100000 bytes were not enough: 0 of 21 answers were judged");
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == 3;
    let late = tried(&Budget { stop: Some(&stop), ..all });
    assert_eq!(late.reason, Reason::Time);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn a_counterexample_says_where_it_begins_and_what_could_not_come_next() {
    let read = || head::Op::Read { key: "r".to_owned() };
    let cas = |from| head::Op::Cas { key: "r".to_owned(), from };
    let mut operations: Vec<_> = (0..200)
        .map(|n| returned(0, 10 * n, 10 * n + 5, cas(n), head::Ret::Won { seq: None }))
        .collect();
    operations.push(returned(1, 3000, 3001, cas(200), head::Ret::Lost));
    operations.push(returned(1, 3002, 3003, read(), head::Ret::Head(200)));
    let Checked::Fail(found) = check(&Head::default(), &operations, &Budget::default()) else {
        panic!("nobody else moved it from 200")
    };
    assert_eq!(found.violation.property, Property::LINEARIZABLE);
    assert_eq!(found.violation.operations, [199, 200]);
    assert_eq!((found.start.head, &found.minimal[..]), (199, &[199, 200][..]));
    let [way] = &found.ways[..] else { panic!("{:?}", found.ways) };
    assert_eq!((&way.order[..], way.state.head), (&[199][..], 200));
    assert_eq!(way.candidates[0].operation, 200);
    assert_eq!(way.candidates[0].wrong, "the head is at 200, so it must win");
}

/// As the few are told, any of the writes may have taken effect: there are more ways than can be
/// walked.
#[test]
fn a_read_after_thousands_of_writes_that_is_of_none_of_them_is_explained() {
    let key = || checker::Value::default();
    let write = |value: u64| register::Op::Write { key: key(), value };
    let done = |at: u64| returned(0, 10 * at, 10 * at + 5, write(at), register::Ret::Done);
    let mut operations: Vec<_> = (1..=3000).map(done).collect();
    let read = register::Op::Read { key: key() };
    operations.push(returned(1, 50_000, 50_001, read, register::Ret::Value(9_999)));
    let checked = check(&Register::default(), &operations, &Budget::default());
    let Checked::Fail(found) = checked else { panic!("nobody wrote that, and not {checked:?}") };
    assert_eq!((&found.minimal[..], found.beside.len()), (&[3000][..], 3000));
    assert!(!found.ways.is_empty());
}
