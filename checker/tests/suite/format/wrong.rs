//! What is said of a bad line: where it is, and what was expected there.

use super::{Heads, read};
use checker::format::Format;
use checker::specs::register::Register;

#[test]
fn a_bad_line_is_told_where_and_what_was_expected() {
    let good = r#"{"client":0,"f":"read","call":1,"return":2,"ret":0}"#;
    for (line, wanted) in [
        ("x", "line 3, column 1: expected an object such as {\"client\":0,\"f\":..}, found 'x'"),
        ("[]", "line 3, column 1: expected an object such as {\"client\":0,\"f\":..}, found '['"),
        ("{\"client\":0,", "line 3, column 13: expected a name in quotes, found the end"),
        ("{\"client\" 0}", "line 3, column 11: expected ':', found '0'"),
        ("{\"client\":0 \"f\"", "line 3, column 13: expected ',' or '}', found '\"'"),
        (
            "{\"client\":01}",
            "line 3, column 12: expected a number without leading zeros, found '1'",
        ),
        ("{\"client\":1.}", "line 3, column 13: expected a digit, found '}'"),
        ("{\"client\":nil}", "line 3, column 11: expected true, false, null, a number"),
        ("{\"client\":\"é\\x\"}", "line 3, column 14: expected one of \" \\ / b f n r t u behind"),
        (
            "{\"client\":\"a",
            "line 3, column 13: expected '\"' at the end of the text, found the end",
        ),
        ("{\"f\":\"\\ud800\"}", "line 3, column 13: expected the second half of a pair"),
        (&format!("{good}{good}"), "line 3, column 52: expected the end of the line, found '{'"),
        (r#"{"f":"read","call":1}"#, "line 3, column 1: expected a field \"client\", found none"),
        (
            r#"{"client":70000,"f":"read","call":1}"#,
            "line 3, column 11: expected \"client\" to be a number from 0 to 65535, found 70000",
        ),
        (
            r#"{"client":0,"f":"read","call":-1}"#,
            "line 3, column 31: expected \"call\" to be a whole number from 0, found -1",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"return":4,"ret":1}"#,
            "line 3, column 42: expected a \"return\" not before the \"call\" at 5, found 4",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"ret":1}"#,
            "line 3, column 39: expected a \"return\" beside the \"ret\": an answer has a time",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"outcome":"lost"}"#,
            "line 3, column 43: expected \"outcome\" to be \"failed\", found \"lost\"",
        ),
        (
            r#"{"client":0,"f":"write","call":5}"#,
            "line 3, column 17: expected \"f\" to be read or cas, found \"write\"",
        ),
        (
            r#"{"client":0,"f":"cas","from":4,"to":7,"call":5}"#,
            "line 3, column 37: expected \"to\" to be one more than \"from\", 4",
        ),
        (
            r#"{"client":0,"f":"cas","call":5}"#,
            "line 3, column 1: expected a field \"from\" beside \"f\":\"cas\", found none",
        ),
        (
            r#"{"client":0,"f":"read","call":5,"return":6,"ret":"x"}"#,
            "line 3, column 50: expected \"ret\" to be true, false, a number or {\"head\": number}",
        ),
        (
            r#"{"format":"unforked-history/1"}"#,
            "line 3, column 11: expected an operation: the header is the first line",
        ),
        (r#"{"e":"end","id":1}"#, "line 3, column 6: expected \"e\" to be \"call\" or \"return\""),
        (r#"{"e":"return"}"#, "line 3, column 1: expected a field \"id\", found none"),
    ] {
        let text = format!("{good}\n\n{line}");
        match read::<Heads>(Format::Jsonl, &text) {
            Ok(operations) => panic!("{line} was read as {operations:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with(wanted), "{line}:\n{error}\n{wanted}");
            }
        }
    }
    let newer = read::<Heads>(Format::Jsonl, r#"{"format":"unforked-history/2"}"#);
    let newer = newer.expect_err("nobody knows what it will be").to_string();
    assert!(newer.contains("which is what this checker reads"), "{newer}");
    let bytes = [good.as_bytes(), b"\n{\"f\":\"\xff\"}"].concat();
    let error = super::read_in_blocks::<Heads>(Format::Jsonl, &bytes, &[]).expect_err("no text");
    assert_eq!(error.to_string(), "line 2, column 7: expected text in UTF-8, found the byte 0xff");
}

#[test]
fn a_bad_form_is_told_where_and_what_was_expected() {
    let good = "{:process 0, :type :invoke, :f :read, :value nil}\n";
    for (form, wanted) in [
        (":x", "line 2, column 1: expected an event such as {:process 0, :type :invoke, "),
        ("{:process 0 :type :ok :f :read", "line 2, column 31: expected '}', found the end"),
        ("{:process 0 :type}", "line 2, column 1: expected a map with a value for each key"),
        ("{:process 0]", "line 2, column 12: expected '}', found ']'"),
        ("{:f 1x}", "line 2, column 5: expected a number such as -7, 7N, 1.5, 1e9 or 1.5M"),
        ("{:f \\nope}", "line 2, column 5: expected a character such as \\a, \\newline"),
        ("#?{}", "line 2, column 2: expected '{', '_' or the name of a tag behind '#'"),
        ("{:type :ok :f :read}", "line 2, column 1: expected a :process, a number or a name"),
        ("{:process 0 :type :done :f :read}", "line 2, column 1: expected a :type of :invoke"),
        (
            "{:process 0 :type :invoke :f :read}",
            "line 2, column 1: expected the end of process 0's operation of line 1 before its next",
        ),
        ("{:process 1 :type :ok :f :read}", "line 2, column 1: expected an :invoke of process 1"),
        (
            "{:process 0 :type :ok :f :write :value 1}",
            "line 2, column 1: expected the end of process 0's :read of line 1, found :write",
        ),
        (
            "{:process 1 :type :invoke :f :cas :value 3}",
            "line 2, column 1: expected a :value of [from to] beside :cas, found 3",
        ),
        (
            "{:process 1 :type :invoke :f :dance :value nil}",
            "line 2, column 1: expected \"f\" to be read, write or cas, found \"dance\"",
        ),
        (
            "{:process 0 :type :ok :f :read :index 0}",
            "line 2, column 1: expected an :index above 1, in the order of events, found 0",
        ),
    ] {
        match read::<Register>(Format::Edn, &format!("{good}{form}")) {
            Ok(operations) => panic!("{form} was read as {operations:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with(wanted), "{form}:\n{error}\n{wanted}");
            }
        }
    }
}

#[test]
fn a_bad_line_of_a_log_is_told_where_and_what_was_expected() {
    for (line, wanted) in [
        ("INFO  jepsen.util - x :ok", "line 2, column 21: expected a process, a number, found x"),
        ("INFO  jepsen.util - 4 :k", "line 2, column 23: expected :invoke, :ok, :fail or :info"),
        ("INFO  jepsen.util - 4 :ok 5", "line 2, column 27: expected an operation such as :read"),
        ("INFO  jepsen.util - 4\t:ok\t:read", "line 2, column 32: expected a value, found the end"),
        ("INFO  jepsen.util - 4 :ok :read [", "line 2, column 34: expected ']', found the end"),
        (
            "INFO  jepsen.util - 4 :ok :read 1",
            "line 2, column 32: expected an :invoke of process 4",
        ),
    ] {
        let text = format!("INFO  jepsen.core - Worker 1 starting\n{line}\n");
        match read::<Register>(Format::Porcupine, &text) {
            Ok(operations) => panic!("{line} was read as {operations:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with(wanted), "{line}:\n{error}\n{wanted}");
            }
        }
    }
}
