//! Histories of events: a call and a return, told apart by an id or by a process.

use super::{Heads, read};
use crate::{failed, open, returned};
use checker::format::Format;
use checker::specs::register::{Op, Register, Ret};
use checker::value::Value;
use checker::{Operation, Outcome};

type Seen = Operation<Op, Ret>;

fn key(key: &str) -> Value {
    if key.is_empty() { Value::Null } else { Value::from(key) }
}

fn asks(client: u16, name: &str, call: u64, at: u64, ret: Value) -> Seen {
    returned(client, call, at, Op::Read { key: key(name) }, Ret::Value(ret))
}

fn write(name: &str, value: i64) -> Op {
    Op::Write { key: key(name), value: Value::Int(value) }
}

fn cas(name: &str, from: i64, to: i64) -> Op {
    Op::Cas { key: key(name), from: Value::Int(from), to: Value::Int(to) }
}

fn done() -> Ret {
    Ret::Value(Value::Bool(true))
}

#[test]
fn events_a_line_are_operations() {
    let text = r#"{"format":"unforked-history/1","spec":"head"}
{"e":"call","id":7,"client":1,"f":"cas","key":"run-1","from":0,"at":10}
{"e":"call","id":8,"client":2,"f":"read","key":"run-1","at":11}
{"e":"return","id":8,"ret":0,"at":12}
{"e":"call","id":9,"client":2,"f":"cas","key":"run-1","from":0,"at":13}
{"e":"return","id":9,"outcome":"failed","at":14}
{"e":"call","id":8,"client":3,"f":"read","key":"run-1","at":15}
{"e":"return","id":7,"ret":true,"at":16}"#;
    let whole = [
        r#"{"client":1,"f":"cas","key":"run-1","from":0,"call":10,"return":16,"ret":true}"#,
        r#"{"client":2,"f":"read","key":"run-1","call":11,"return":12,"ret":0}"#,
        r#"{"client":2,"f":"cas","key":"run-1","from":0,"call":13,"outcome":"failed"}"#,
        r#"{"client":3,"f":"read","key":"run-1","call":15}"#,
    ];
    let whole = read::<Heads>(Format::Jsonl, &whole.join("\n"));
    assert_eq!(read::<Heads>(Format::Jsonl, text), whole);
    // Without times they are ordered as they stand.
    let untimed = text.lines().map(|line| line.split(",\"at\"").next().unwrap_or("").to_owned());
    let untimed: Vec<String> =
        untimed.map(|it| if it.ends_with('}') { it } else { it + "}" }).collect();
    let untimed = read::<Heads>(Format::Jsonl, &untimed.join("\n")).expect("they are right");
    let times = |it: &Operation<_, _>| (it.call, it.returned_at());
    assert_eq!(
        untimed.iter().map(times).collect::<Vec<_>>(),
        [(1, Some(7)), (2, Some(3)), (4, None), (6, None)]
    );
}

#[test]
fn events_out_of_order_find_one_another() {
    let text = r#"{"e":"return","id":7,"ret":0,"at":12}
{"e":"call","id":7,"client":1,"f":"read","at":10}"#;
    let read_back = read::<Heads>(Format::Jsonl, text).expect("it is right");
    assert_eq!((read_back[0].call, read_back[0].returned_at()), (10, Some(12)));
    let call = "{\"e\":\"call\",\"id\":7,\"client\":1,\"f\":\"read\"";
    let returned = "{\"e\":\"return\",\"id\":7,\"ret\":0";
    for (text, wanted) in [
        (format!("{returned},\"at\":12}}"), "a call of operation 7"),
        (
            format!("{call}}}\n{call}}}"),
            "line 2, column 18: expected operation 7 to have returned before it is called again",
        ),
        (
            format!("{call},\"at\":5}}\n{returned}}}"),
            "line 2, column 1: expected a field \"at\", as in the first event",
        ),
        (
            format!("{call},\"at\":5}}\n{returned},\"at\":4}}"),
            "line 2, column 35: expected a return not before the call at 5, found 4",
        ),
    ] {
        let error = read::<Heads>(Format::Jsonl, &text).expect_err("it is wrong").to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn jepsens_history_is_operations() {
    let text = r#"; a comment, and commas are blanks
{:process 0, :type :invoke, :f :write, :value 3, :time 100, :index 0}
#jepsen.history.Op{:index 1, :time 120, :type :invoke, :process 1, :f :cas, :value [3 4]}
{:process :nemesis, :type :info, :f :start, :value {"n1" #{"n2"}}, :index 2}
#_ {:process 9 :type :lost}
{:process 0, :type :ok, :f :write,
 :value 3, :index 3}
{:process 1, :type :info, :f :cas, :value [3 4], :error :timed-out, :index 4}
{:process 0, :type :invoke, :f :read, :value nil, :index 5}
{:process 17, :type :invoke, :f :write, :value 9, :index 6}
{:process 17, :type :fail, :f :write, :value 9, :index 7}
{:process 0, :type :ok, :f :read, :value 4, :index 8}
"#;
    let wanted: Vec<Seen> = vec![
        returned(0, 1, 4, write("", 3), done()),
        open(1, 2, cas("", 3, 4)),
        asks(0, "", 6, 9, Value::Int(4)),
        failed(17, 7, write("", 9)),
    ];
    for text in [text.to_owned(), format!("[{text}]"), format!("({text})")] {
        assert_eq!(Format::detect(text.as_bytes()), Some(Format::Edn));
        assert_eq!(read::<Register>(Format::Edn, &text), Ok(wanted.clone()), "{text}");
    }
}

#[test]
fn independent_keys_are_taken_apart() {
    let text = r#"{:process 0, :type :invoke, :f :read, :value [7 nil]}
{:process 0, :type :ok, :f :read, :value [7 nil]}
{:process 0, :type :invoke, :f :cas, :value ["a" [1 2]]}
{:process 0, :type :ok, :f :cas, :value ["a" [1 2]]}
{:process 0, :type :invoke, :f :write, :value [:k 5]}
{:process 0, :type :ok, :f :write, :value [:k 5]}"#;
    let wanted: Vec<Seen> = vec![
        asks(0, "7", 1, 2, Value::Null),
        returned(0, 3, 4, cas("a", 1, 2), done()),
        returned(0, 5, 6, write("k", 5), done()),
    ];
    assert_eq!(read::<Register>(Format::Edn, text), Ok(wanted));
}

#[test]
fn a_log_of_etcds_is_operations() {
    let text = "INFO  jepsen.core - Run 3 begins\n\
        INFO  jepsen.util - 4\t:invoke\t:cas\t[1 2]\n\
        INFO  jepsen.util - 2   :invoke :read   nil\n\
        INFO  jepsen.util - 4\t:fail\t:cas\t[1 2]\n\
        INFO  jepsen.util - 2\t:fail\t:read\t:timed-out\n\
        INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n\
        INFO  jepsen.util - 3\t:invoke\t:write\t1\n\
        INFO  jepsen.util - 3\t:info\t:write\t:timed-out\n";
    assert_eq!(Format::detect(text.as_bytes()), Some(Format::Porcupine));
    let refused = Ret::Value(Value::Bool(false));
    let wanted: Vec<Seen> = vec![
        returned(4, 1, 3, cas("", 1, 2), refused),
        failed(2, 2, Op::Read { key: Value::Null }),
        open(3, 5, write("", 1)),
    ];
    assert_eq!(read::<Register>(Format::Porcupine, text), Ok(wanted));
}

#[test]
fn what_a_file_is_shows_in_how_it_begins() {
    for (text, wanted) in [
        ("{\"client\":0}", Some(Format::Jsonl)),
        ("\u{feff}\n {\"client\":0}", Some(Format::Jsonl)),
        ("{}", Some(Format::Jsonl)),
        ("{:process 0}", Some(Format::Edn)),
        ("[{:process 0}]", Some(Format::Edn)),
        ("#jepsen.history.Op{:process 0}", Some(Format::Edn)),
        ("INFO  jepsen.util - 4\t:invoke\t:read\tnil", Some(Format::Porcupine)),
        ("hello", None),
        ("", None),
        ("[1,2]", None),
    ] {
        assert_eq!(Format::detect(text.as_bytes()), wanted, "{text}");
    }
}

#[test]
fn an_operation_that_was_not_heard_of_is_open() {
    let text = "{:process 0, :type :invoke, :f :read, :value nil}";
    let read_back = read::<Register>(Format::Edn, text).expect("it is right");
    assert_eq!(read_back[0].outcome, Outcome::Open);
}
