//! The fast way of reading a line says what the plain way says.

use super::{Heads, Objects, always, read};
use crate::generate::{self, Draw, Heads as PlainHeads, Random, Store};
use checker::Operation;
use checker::format::{Format, Renames, Written};
use checker::line::{from_value, to_value};
use checker::specs::kv::Kv;
use checker::specs::lease::Lease;
use checker::specs::lock::Lock;
use checker::specs::log::Log;
use checker::specs::queue::Queue;
use checker::specs::redelivery::Redelivery;
use checker::specs::register::Register;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// Values that a field may hold, right and wrong.
fn any_value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        6 => (0..6_u64).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!(1.0)),
        1 => Just(json!(1.5e300)),
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        3 => "[a-z/\"\\\\é\u{1f600}\n]{0,4}".prop_map(Value::from),
    ];
    let keys = prop::collection::vec("[a-c]".prop_map(Value::from), 0..3);
    prop_oneof![
        12 => plain.clone(),
        1 => prop::collection::vec(plain.clone(), 0..3).prop_map(Value::from),
        1 => plain.clone().prop_map(|head| json!({"head": head})),
        1 => (plain, keys).prop_map(|(cut, keys)| json!({"keys": keys, "truncated": cut})),
        1 => Just(json!({"keys": ["a"]})),
        1 => Just(json!({"other": [{"deep": null}]})),
    ]
}

/// Objects that are nearly operations.
fn any_line() -> impl Strategy<Value = Value> {
    let f = prop_oneof![
        10 => prop::sample::select(vec![
            "read", "write", "cas", "put", "get", "delete", "list", "since", "append", "acquire",
            "release", "enqueue", "dequeue", "ack",
        ]).prop_map(Value::from),
        1 => any_value(),
    ];
    let names = [
        "token",
        "key",
        "value",
        "from",
        "to",
        "if_none_match",
        "if_match",
        "prefix",
        "start_after",
        "limit",
        "ret",
        "outcome",
        "note",
    ];
    let fields = prop::collection::vec((prop::sample::select(names.to_vec()), any_value()), 0..8);
    let common = prop_oneof![
        6 => (0..4_u64, 0..9_u64, 5..12_u64).prop_map(|(client, call, at)| {
            json!({"client": client, "call": call, "return": at})
        }),
        2 => (0..4_u64, 0..9_u64).prop_map(|(client, call)| json!({"client": client, "call": call})),
        2 => (any_value(), any_value(), any_value()).prop_map(|(client, call, at)| {
            json!({"client": client, "call": call, "return": at})
        }),
        1 => Just(json!({"call": 1})),
    ];
    (common, f, fields).prop_map(|(common, f, fields)| {
        let mut line = Map::new();
        line.insert("f".into(), f);
        line.extend(common.as_object().cloned().unwrap_or_default());
        for (name, value) in fields {
            // It is rarely meant that something failed.
            let value = if name == "outcome" { json!("failed") } else { value };
            line.insert(name.into(), value);
        }
        Value::Object(line)
    })
}

fn both_ways<S>(line: &Value, text: &str) -> Result<bool, TestCaseError>
where
    S: Written<Op: DeserializeOwned + PartialEq + Debug, Ret: DeserializeOwned + PartialEq + Debug>,
{
    let plain: Result<Operation<S::Op, S::Ret>, _> = from_value(line.clone());
    let fast = read::<S>(Format::Jsonl, text);
    match (plain, fast) {
        (Ok(plain), Ok(fast)) => {
            prop_assert_eq!(&[plain][..], &fast[..]);
            Ok(true)
        }
        (Err(_), Err(_)) => Ok(false),
        (plain, fast) => {
            Err(TestCaseError::fail(format!("{text}: plainly {plain:?}, fast {fast:?}")))
        }
    }
}

#[test]
fn a_line_means_the_same_read_fast_and_read_plainly() {
    let right = std::cell::Cell::new(0_usize);
    always(6000, any_line(), |line| {
        let text = line.to_string();
        let all = [
            both_ways::<Heads>(&line, &text)?,
            both_ways::<Register>(&line, &text)?,
            both_ways::<Objects>(&line, &text)?,
            both_ways::<Kv>(&line, &text)?,
            both_ways::<Log>(&line, &text)?,
            both_ways::<Lock>(&line, &text)?,
            both_ways::<Lease>(&line, &text)?,
            both_ways::<Queue>(&line, &text)?,
            both_ways::<Redelivery>(&line, &text)?,
        ];
        right.set(right.get() + all.iter().filter(|it| **it).count());
        Ok(())
    });
    assert!(right.get() > 1000, "many are right: {}", right.get());
}

fn comes_back<D, S>(seed: u64)
where
    D: Draw<Op: Serialize, Ret: Serialize>,
    S: Written,
{
    let mut random = Random(seed);
    for _ in 0..300 {
        let history = generate::history::<D>(&mut random, 12);
        let lines: Vec<String> = history.iter().map(|one| to_value(one).to_string()).collect();
        let header = "{\"format\":\"unforked-history/1\",\"spec\":\"it\"}\r\n\n";
        let text = format!("{header} {} \n", lines.join(" \n "));
        let found = read::<S>(Format::Jsonl, &text).expect("it was written");
        let again: Vec<String> = found.iter().map(|one| to_value(one).to_string()).collect();
        assert_eq!(again, lines);
        let backwards = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        let sorted = read::<S>(Format::Jsonl, &backwards).expect("it was right");
        assert!(sorted.is_sorted_by_key(|one| one.call));
        assert_eq!(sorted.len(), history.len());
    }
}

#[test]
fn a_history_comes_back_as_it_was_written() {
    comes_back::<Store, Objects>(7);
    comes_back::<PlainHeads, Heads>(8);
}

#[test]
fn the_order_of_fields_and_their_number_change_nothing() {
    let lines = [
        r#"{"client":1,"f":"cas","key":"a","from":0,"call":1,"return":2,"ret":true}"#,
        r#"{"ret":1,"return":4,"call":3,"f":"read","client":1,"key":"a"}"#,
        r#" { "client" : 2 , "f" : "cas" , "from" : 1 , "call" : 5 , "key" : "\u0061" } "#,
        r#"{"client":1,"client":3,"f":"read","f":"cas","from":9,"from":1,"key":"a","call":6}"#,
        r#"{"client":1,"f":"cas","key":"a","from":0,"call":7,"return":8,"ret":false,"note":{}}"#,
    ];
    let together = read::<Heads>(Format::Jsonl, &lines.join("\n")).expect("they are right");
    for (line, found) in lines.iter().zip(&together) {
        let plain = from_value(serde_json::from_str(line).expect("it is JSON"));
        assert_eq!(plain.as_ref(), Ok(found), "{line}");
    }
    assert_eq!(together.len(), lines.len());
}

#[test]
fn fields_that_are_called_something_else_are_mapped() {
    let mut renames = Renames::default();
    renames.add("client", "process");
    renames.add("call", "start");
    let mut reader = checker::format::Reader::new(Format::Jsonl, renames);
    let line = r#"{"process":4,"client":"alice","f":"read","call":"no","start":7}"#;
    let read = super::read_with::<Heads>(&mut reader, line.as_bytes(), &[]);
    let read = read.expect("client and call are other things there");
    assert_eq!((read[0].client.0, read[0].call), (4, 7));
}
