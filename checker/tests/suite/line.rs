//! Lines of the history format: the contract's own, there and back, and what is said of bad ones.

use crate::{failed, open, returned};
use checker::line::{LineError, from_value, header, to_value};
use checker::specs::{head, objects};
use checker::{Operation, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

type Head = Operation<head::Op<String>, head::Ret>;
type Object = Operation<objects::Op, objects::Ret>;

fn both<Op, Ret>(operation: Operation<Op, Ret>, line: &str)
where
    Op: Serialize + DeserializeOwned + PartialEq + Debug,
    Ret: Serialize + DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(to_value(&operation).to_string(), line);
    let value: Value = serde_json::from_str(line).expect("it is JSON");
    assert_eq!(from_value(value), Ok(operation));
}

fn cas(from: u64) -> head::Op<String> {
    head::Op::Cas { key: "run-1".into(), from }
}

#[test]
fn the_header_is_the_contracts() {
    assert_eq!(header("head").to_string(), r#"{"format":"unforked-history/1","spec":"head"}"#);
}

#[test]
fn heads_go_there_and_back() {
    let won = head::Ret::Won { seq: None };
    both(
        returned(3, 17, 21, cas(4), won),
        r#"{"client":3,"f":"cas","key":"run-1","from":4,"call":17,"return":21,"ret":true}"#,
    );
    both(
        returned(3, 17, 21, cas(4), head::Ret::Lost),
        r#"{"client":3,"f":"cas","key":"run-1","from":4,"call":17,"return":21,"ret":false}"#,
    );
    both(
        returned(3, 17, 21, cas(4), head::Ret::Saw { head: 6 }),
        r#"{"client":3,"f":"cas","key":"run-1","from":4,"call":17,"return":21,"ret":{"head":6}}"#,
    );
    both(
        returned(0, 1, 1, head::Op::Read { key: "run-1".to_string() }, head::Ret::Head(4)),
        r#"{"client":0,"f":"read","key":"run-1","call":1,"return":1,"ret":4}"#,
    );
    both::<_, head::Ret>(
        open(0, 1, head::Op::Read { key: String::new() }),
        r#"{"client":0,"f":"read","call":1}"#,
    );
    both::<_, head::Ret>(
        failed(0, 1, head::Op::Cas { key: 7_u32, from: 0 }),
        r#"{"client":0,"f":"cas","key":7,"from":0,"call":1,"outcome":"failed"}"#,
    );
}

#[test]
fn objects_go_there_and_back() {
    let put = |if_none_match, if_match| objects::Op::Put {
        key: "a".into(),
        value: 5,
        if_none_match,
        if_match,
    };
    let list =
        objects::Op::List { prefix: "a/".into(), start_after: Some("a/1".into()), limit: Some(2) };
    let keys = |truncated| objects::Ret::Keys { keys: vec!["a/2".into()], truncated };
    let value =
        |value| returned(0, 1, 2, objects::Op::Get { key: "a".into() }, objects::Ret::Value(value));
    for (operation, line) in [
        (
            returned(0, 1, 2, put(false, None), objects::Ret::Done),
            r#"{"client":0,"f":"put","key":"a","value":5,"call":1,"return":2,"ret":true}"#,
        ),
        (
            returned(0, 1, 2, put(true, Some(4)), objects::Ret::Refused),
            concat!(
                r#"{"client":0,"f":"put","key":"a","value":5,"if_none_match":true,"if_match":4,"#,
                r#""call":1,"return":2,"ret":false}"#
            ),
        ),
        (value(Some(5)), r#"{"client":0,"f":"get","key":"a","call":1,"return":2,"ret":5}"#),
        (value(None), r#"{"client":0,"f":"get","key":"a","call":1,"return":2,"ret":null}"#),
        (
            returned(0, 1, 2, list, keys(Some(false))),
            concat!(
                r#"{"client":0,"f":"list","prefix":"a/","start_after":"a/1","limit":2,"#,
                r#""call":1,"return":2,"ret":{"keys":["a/2"],"truncated":false}}"#
            ),
        ),
        (
            returned(
                0,
                1,
                2,
                objects::Op::Since { prefix: "a/".into(), start_after: None },
                keys(None),
            ),
            r#"{"client":0,"f":"since","prefix":"a/","call":1,"return":2,"ret":{"keys":["a/2"]}}"#,
        ),
        (
            open(0, 1, objects::Op::Delete { key: "a".into() }),
            r#"{"client":0,"f":"delete","key":"a","call":1}"#,
        ),
    ] {
        both(operation, line);
    }
}

fn read<Op: DeserializeOwned, Ret: DeserializeOwned>(
    line: &str,
) -> Result<Operation<Op, Ret>, LineError> {
    from_value(serde_json::from_str(line).expect("it is JSON"))
}

#[test]
fn what_others_write_is_understood() {
    let head: Head = read(r#"{"client":1,"f":"cas","from":4,"to":5,"call":3,"return":null}"#)
        .expect("a cas may say where it goes");
    assert_eq!(head, open(1, 3, head::Op::Cas { key: String::new(), from: 4 }));
    let get: Object = read(r#"{"client":1,"f":"get","key":"a","call":3,"return":4}"#)
        .expect("an absent object may be told by no answer");
    assert_eq!(get.outcome, Outcome::Returned { at: 4, ret: objects::Ret::Value(None) });
}

#[test]
fn a_bad_line_is_told_what_was_expected() {
    let table = [
        ("[]", "expected an object such as {\"client\":0,\"f\":..}, found []"),
        (r#"{"f":"read","call":1}"#, "expected a field \"client\""),
        (r#"{"client":0,"f":"read"}"#, "expected a field \"call\""),
        (r#"{"client":0,"call":1}"#, "expected a field \"f\""),
        (
            r#"{"client":70000,"f":"read","call":1}"#,
            "expected \"client\" to be a number from 0 to 65535, found 70000",
        ),
        (
            r#"{"client":0,"f":"read","call":-1}"#,
            "expected \"call\" to be a whole number from 0, found -1",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"return":4,"ret":1}"#,
            "expected a \"return\" not before the \"call\" at 5, found 4",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"ret":1}"#,
            "expected a \"return\" beside the \"ret\": an answer has a time",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"outcome":"lost"}"#,
            "expected \"outcome\" to be \"failed\", found \"lost\"",
        ),
        (
            r#"{"client":0,"f":"write","call":5}"#,
            "not an operation of this spec: unknown variant `write`, expected `read` or `cas`",
        ),
        (
            r#"{"client":0,"f":"cas","from":4,"to":7,"call":5}"#,
            "not an operation of this spec: a head moves one up: a cas from 4 cannot go to 7",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"return":6,"ret":"x"}"#,
            "not an answer of this spec: \"x\": \
             expected true, false, a number or {\"head\": number}",
        ),
    ];
    for (line, wanted) in table {
        match read::<head::Op<String>, head::Ret>(line) {
            Ok(operation) => panic!("{line} was read as {operation:?}"),
            Err(error) => assert_eq!(error.to_string(), wanted, "{line}"),
        }
    }
}
