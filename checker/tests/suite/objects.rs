//! The object store's named violations, one by one, and the pages it may list.

use crate::{open, returned};
use checker::specs::objects::{Objects, Op, Ret};
use checker::{Budget, Operation, Property, Spec, Verdict, judge};

type One = Operation<Op, Ret>;

fn put(key: &str, value: u64) -> Op {
    Op::Put { key: key.into(), value, if_none_match: false, if_match: None }
}

fn put_if_absent(key: &str, value: u64) -> Op {
    Op::Put { key: key.into(), value, if_none_match: true, if_match: None }
}

fn get(key: &str) -> Op {
    Op::Get { key: key.into() }
}

fn delete(key: &str) -> Op {
    Op::Delete { key: key.into() }
}

fn list(prefix: &str, start_after: Option<&str>, limit: Option<u32>) -> Op {
    Op::List { prefix: prefix.into(), start_after: start_after.map(Into::into), limit }
}

fn since(start_after: Option<&str>) -> Op {
    Op::Since { prefix: "a/".into(), start_after: start_after.map(Into::into) }
}

fn keys(keys: &[&str], truncated: Option<bool>) -> Ret {
    Ret::Keys { keys: keys.iter().map(|&key| key.into()).collect(), truncated }
}

fn verdict(operations: &[One]) -> Verdict {
    judge(&Objects::default(), operations, &Budget::default())
}

fn check(operations: &[One], property: Property, why: &str, evidence: &[usize]) {
    let verdict = verdict(operations);
    let violation = verdict.violation().unwrap_or_else(|| panic!("{verdict:?}"));
    assert_eq!(violation.why, why);
    assert_eq!(violation.property, property);
    assert_eq!(violation.operations, evidence);
    assert_eq!(violation.at, operations[evidence[evidence.len() - 1]].returned_at());
}

#[test]
fn what_was_put_is_there() {
    let wrote = returned(0, 0, 1, put("a/1", 7), Ret::Done);
    check(
        &[wrote.clone(), returned(1, 2, 3, get("a/1"), Ret::Value(None))],
        Property::READ_AFTER_WRITE,
        "c1 found no a/1 although c0's put of 7 had been acknowledged before",
        &[0, 1],
    );
    let deleted =
        [wrote, open(2, 3, delete("a/1")), returned(1, 2, 3, get("a/1"), Ret::Value(None))];
    assert_eq!(verdict(&deleted), Verdict::Pass);
}

#[test]
fn what_was_replaced_is_gone() {
    let operations = |read| {
        [
            returned(0, 0, 1, put("a/1", 7), Ret::Done),
            returned(1, 2, 3, put("a/1", 8), Ret::Done),
            returned(2, 4, 5, get("a/1"), Ret::Value(Some(read))),
        ]
    };
    check(
        &operations(7),
        Property::READ_AFTER_WRITE,
        "c2 read 7 from a/1 although c1's put of 8 had replaced it before",
        &[1, 2],
    );
    assert_eq!(verdict(&operations(8)), Verdict::Pass);
    // If somebody else may have put it again, nothing is certain.
    let again = [operations(7).as_slice(), &[open(3, 0, put("a/1", 7))]].concat();
    assert_eq!(verdict(&again), Verdict::Pass);
}

#[test]
fn what_was_put_is_listed() {
    let wrote = |key: &str| returned(0, 0, 1, put(key, 7), Ret::Done);
    let listed = |op, ret| [wrote("a/1"), wrote("a/2"), returned(1, 2, 3, op, ret)];
    check(
        &listed(list("a/", None, None), keys(&["a/2"], Some(false))),
        Property::LIST_AFTER_WRITE,
        "c1 listed 'a/' and was not told a/1, although c0's put had been acknowledged before",
        &[0, 2],
    );
    // A page says nothing of what comes after it.
    let page = listed(list("a/", None, Some(1)), keys(&["a/1"], Some(true)));
    assert_eq!(verdict(&page), Verdict::Pass);
    let page = listed(list("a/", Some("a/1"), Some(1)), keys(&["a/2"], None));
    assert_eq!(verdict(&page), Verdict::Pass);
    let page = listed(list("a/", None, Some(1)), keys(&["a/2"], Some(false)));
    assert_eq!(verdict(&page).broken(), Some(&Property::LIST_AFTER_WRITE));
}

#[test]
fn a_reading_of_all_pages_is_complete_and_tells_nothing_twice() {
    let wrote = |key: &str| returned(0, 0, 1, put(key, 7), Ret::Done);
    let read =
        |op, told: &[&str]| [wrote("a/1"), wrote("a/2"), returned(1, 2, 3, op, keys(told, None))];
    check(
        &read(since(None), &["a/1"]),
        Property::SINCE_COMPLETE,
        "c1 read all pages of 'a/' and was not told a/2, although c0's put had been acknowledged \
         before",
        &[1, 2],
    );
    check(
        &read(since(None), &["a/1", "a/1", "a/2"]),
        Property::SINCE_COMPLETE,
        "c1 was told a/1 twice",
        &[2],
    );
    assert_eq!(verdict(&read(since(Some("a/1")), &["a/2"])), Verdict::Pass);
    assert_eq!(verdict(&read(since(None), &["a/1", "a/2", "a/3"])), Verdict::Pass, "not judged");
}

#[test]
fn a_conditional_put_has_one_winner() {
    let mut operations = vec![
        returned(0, 0, 9, put_if_absent("a/1", 7), Ret::Done),
        returned(1, 1, 8, put_if_absent("a/1", 8), Ret::Done),
    ];
    check(
        &operations,
        Property::ONE_WINNER,
        "c1 and c0 both put a/1 if absent, both were told it was done",
        &[1, 0],
    );
    operations.push(open(2, 5, delete("a/1")));
    assert_eq!(verdict(&operations), Verdict::Pass);
}

#[test]
fn a_page_holds_the_first_names_asked_for() {
    let store: Objects = ["a/1", "a/2", "a/3", "b/1"].map(|key| (key, 1)).into_iter().collect();
    let table = [
        (list("a/", None, None), keys(&["a/1", "a/2", "a/3"], Some(false)), true),
        (list("a/", None, None), keys(&["a/1", "a/2", "a/3"], None), true),
        (list("a/", None, None), keys(&["a/1", "a/2", "a/3"], Some(true)), false),
        (list("a/", None, None), keys(&["a/1", "a/2"], None), false),
        // A store may stop by itself, if it says so.
        (list("a/", None, None), keys(&["a/1", "a/2"], Some(true)), true),
        (list("a/", None, Some(2)), keys(&["a/1", "a/2"], Some(true)), true),
        (list("a/", None, Some(2)), keys(&["a/1", "a/2"], Some(false)), false),
        (list("a/", None, Some(2)), keys(&["a/1"], Some(true)), false),
        (list("a/", None, Some(2)), keys(&["a/1", "a/2", "a/3"], None), false),
        (list("a/", Some("a/1"), Some(2)), keys(&["a/2", "a/3"], Some(false)), true),
        (list("a/", Some("a/11"), None), keys(&["a/2", "a/3"], None), true),
        (list("a/", Some("Z"), None), keys(&["a/1", "a/2", "a/3"], None), true),
        (list("a/", Some("b"), None), keys(&[], Some(false)), true),
        (list("", None, None), keys(&["a/1", "a/2", "a/3", "b/1"], None), true),
        (list("", None, None), keys(&["a/2", "a/1", "a/3", "b/1"], None), false),
        (list("c/", None, Some(1)), keys(&[], Some(false)), true),
        (list("a/", None, Some(0)), keys(&[], Some(false)), true),
        (list("a/", None, Some(0)), keys(&[], Some(true)), true),
    ];
    for (op, ret, right) in table {
        let follows = store.step(&op, Some(&ret)).into_iter().next().is_some();
        assert_eq!(follows, right, "{op:?} {ret:?}");
    }
}

#[test]
fn the_order_of_writes_leaves_no_trace_in_the_store() {
    let one: Objects = [("a", 1), ("b", 2), ("c", 3)].into_iter().collect();
    let two: Objects = [("c", 3), ("a", 9), ("b", 2), ("a", 1)].into_iter().collect();
    assert!(one == two);
    assert_eq!(checker::hash::Chain::of(&one), checker::hash::Chain::of(&two));
    let after = two.step(&delete("c"), None).into_iter().next();
    assert!(after.is_some_and(|after| after != one && after.get("a") == Some(1)));
}
