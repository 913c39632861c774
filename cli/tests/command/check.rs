//! `check`: a history that somebody else recorded, from a file or a pipe, whole or as it comes.

use crate::desk::{CHECKER, Desk, Ran, ran};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// A head that two clients moved from one parent.
const FORKED: &str = r#"{"format":"unforked-history/1","spec":"head"}
{"client":3,"f":"cas","key":"run-1","from":0,"call":17,"return":21,"ret":true}
{"client":1,"f":"cas","key":"run-1","from":0,"call":18,"return":25,"ret":true}
{"client":1,"f":"read","key":"run-1","call":28,"return":29,"ret":1}
{"client":2,"f":"cas","key":"run-2","from":0,"call":28}
{"client":2,"f":"cas","key":"run-3","from":0,"call":30,"outcome":"failed"}
"#;

/// The same, and one of the two lost.
fn sound() -> String {
    FORKED.replacen("\"return\":25,\"ret\":true", "\"return\":25,\"ret\":false", 1)
}

const EVENTS: &str = r#"{"format":"unforked-history/1","spec":"head"}
{"e":"call","id":7,"client":1,"f":"cas","key":"run-1","from":0,"at":10}
{"e":"call","id":8,"client":2,"f":"cas","key":"run-1","from":0,"at":11}
{"e":"return","id":7,"ret":true,"at":12}
{"e":"return","id":8,"ret":true,"at":13}
"#;

fn recorded(name: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checker/tests/data/porcupine");
    let path: PathBuf = data.join(name);
    path.to_str().expect("the path is text").to_owned()
}

/// `checker` with a pipe to write into.
fn piped(desk: &Desk, line: &str) -> Child {
    let mut command = desk.command(CHECKER);
    command.args(line.split_whitespace()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

/// What it comes to when it ends by itself, the pipe still open.
fn ended(mut child: Child) -> Ran {
    let open = child.stdin.take();
    let output = child.wait_with_output().expect("it ends");
    drop(open);
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("stdout is text"),
        err: String::from_utf8(output.stderr).expect("stderr is text"),
    }
}

fn says(child: &mut Child, text: &str) {
    let pipe = child.stdin.as_mut().expect("there is a pipe");
    pipe.write_all(text.as_bytes()).expect("it is read");
    pipe.flush().expect("it is read");
}

/// What it comes to, given this on standard input.
fn given(desk: &Desk, line: &str, text: &str) -> Ran {
    let mut child = piped(desk, line);
    says(&mut child, text);
    drop(child.stdin.take());
    ended(child)
}

#[test]
fn a_history_that_can_have_gone_like_this_passes_and_says_how() {
    let desk = Desk::new("check-pass");
    desk.write("sound.jsonl", &sound());
    let told = desk.checker("check sound.jsonl").exits(0);
    told.tells(&[
        "sound.jsonl: head, 5 operations of 3 clients on 3 keys",
        "1 nobody heard of again",
        "1 certainly did nothing",
        "read in ",
        "decided in ",
        "played again by the spec",
        "PASS     5 operations",
    ]);
    let quiet = desk.checker("check sound.jsonl --spec head --quiet").exits(0);
    assert_eq!(quiet.out.lines().count(), 1, "{}", quiet.out);
}

#[test]
fn a_fork_is_shown_by_the_operations_that_make_it_and_reproduced_from_them() {
    let desk = Desk::new("check-fail");
    desk.write("forked.jsonl", FORKED);
    let told = desk.checker("check forked.jsonl -o cut/forked.jsonl").exits(1);
    let told = told.tells(&[
        "evidence: 5 operations cut to 2",
        "  c3  cas run-1 from=0  17 |=======|      21  true",
        "  c1  cas run-1 from=0  18     |=======|  25  true",
        "FAIL fork: c3 and c1 both moved run-1 from 0, both were told they won",
        "wrote    cut/forked.jsonl",
    ]);
    let last = told.err.lines().last().unwrap_or_default();
    let recipe = last.strip_prefix("REPRODUCE: checker ").expect("the last line is a recipe");
    assert_eq!(recipe, "check cut/forked.jsonl --spec head");
    desk.checker(recipe).exits(1).tells(&["2 operations cut to 2", "FAIL fork"]);
    // Without -o the recipe is the history itself.
    let told = desk.checker("check forked.jsonl --format jsonl").exits(1);
    assert!(told.err.ends_with("REPRODUCE: checker check forked.jsonl --spec head\n"));
}

#[test]
fn what_was_cut_down_says_where_it_begins() {
    let desk = Desk::new("check-init");
    let line = |client: u32, call: u32| {
        format!(
            "{{\"client\":{client},\"f\":\"cas\",\"key\":\"a\",\"from\":{},\"call\":{},\
             \"return\":{},\"ret\":true}}\n",
            call / 10,
            call,
            call + 5
        )
    };
    let mut text: String = (0..9).map(|seq| line(seq % 3, 10 * seq)).collect();
    text += &line(7, 82);
    desk.write("long.jsonl", &text);
    desk.checker("check long.jsonl --spec head -o cut.jsonl").exits(1).tells(&["begins at 8"]);
    let cut = std::fs::read_to_string(desk.0.join("cut.jsonl")).expect("it was written");
    let header = r#"{"format":"unforked-history/1","spec":"head","init":8}"#;
    assert!(cut.starts_with(header), "{cut}");
    desk.checker("check cut.jsonl").exits(1).tells(&["FAIL fork"]);
    // A head that begins at 8 has no such history from 0 on.
    desk.checker("check long.jsonl --spec head --init 1").exits(1);
}

#[test]
fn with_json_one_object_tells_the_verdict_and_the_few_operations() {
    let desk = Desk::new("check-json");
    desk.write("sound.jsonl", &sound());
    desk.write("forked.jsonl", FORKED);
    for (name, code, outcome) in [("sound.jsonl", 0, "pass"), ("forked.jsonl", 1, "fail")] {
        let told = desk.checker(&format!("check {name} --json")).exits(code);
        let object = told.object("check", outcome);
        for field in ["property", "why", "ops", "clients", "keys", "spec", "explanation", "minimal"]
        {
            assert!(object.get(field).is_some(), "no '{field}' in {object}");
        }
        assert!(object["seconds"].is_f64() && object["reading_seconds"].is_f64(), "{object}");
        assert_eq!(object["ops"], 5);
        assert_eq!(told.out.lines().count(), 1);
    }
    let object = desk.checker("check forked.jsonl --json").object("check", "fail");
    assert_eq!((&object["property"], &object["at"]), (&"fork".into(), &25.into()));
    let minimal: Vec<Value> = FORKED
        .lines()
        .skip(1)
        .take(2)
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect();
    assert_eq!(object["minimal"], Value::from(minimal));
    let unknown = desk.checker("check sound.jsonl --time 0s --json").exits(3);
    assert!(unknown.object("check", "unknown")["why"].is_string());
    let error = desk.checker("check nowhere.jsonl --json").exits(2);
    assert!(error.object("check", "error")["why"].is_string());
}

#[test]
fn a_budget_that_runs_out_is_unknown_and_never_a_pass() {
    let desk = Desk::new("check-unknown");
    desk.write("sound.jsonl", &sound());
    for (budget, why) in [
        ("--time 0s", "UNKNOWN  the time was not enough: "),
        ("--memory 0KiB", "UNKNOWN  0 bytes were not enough: 0 operations had been read"),
    ] {
        let told = desk.checker(&format!("check sound.jsonl {budget}")).exits(3);
        let told = told.tells(&[why, "this is no pass"]);
        assert!(!told.out.contains("PASS"), "{}", told.out);
    }
}

#[test]
fn bad_input_exits_2_and_says_where_and_what_was_expected() {
    let desk = Desk::new("check-bad");
    let good = r#"{"client":0,"f":"read","call":1,"return":2,"ret":0}"#;
    for (text, says) in [
        (
            format!("{good}\n{{\"client\":"),
            "bad: line 2, column 11: expected a value, found the end",
        ),
        (format!("{good}\n\nx"), "bad: line 3, column 1: expected an object such as {\"client\""),
        (
            format!("{good}\n{}", good.replace("read", "dance")),
            "bad: line 2, column 17: expected \"f\" to be read or cas, found \"dance\"",
        ),
        (
            good.replace("\"return\":2", "\"return\":0"),
            "bad: line 1, column 42: expected a \"return\" not before the \"call\" at 1, found 0",
        ),
        (
            "{\"e\":\"return\",\"id\":1}".into(),
            "bad: expected a call of operation 1, which returned",
        ),
        ("{:process 0 :type :ok :f :read}".into(), "bad: line 1, column 1: expected an :invoke of"),
        ("{:process 0 :type :invoke".into(), "bad: line 1, column 26: expected '}', found the end"),
        ("INFO jepsen.util - 1 :is".into(), "bad: line 1, column 22: expected :invoke, :ok, :fail"),
        (
            "{\"format\":\"unforked-history/9\"}".into(),
            "expected \"format\" to be \"unforked-history/1\"",
        ),
        ("{\"format\":\"unforked-history/1\"}".into(), "bad: expected operations, found none"),
        (
            String::new(),
            "bad: line 1: expected JSON Lines, EDN or a log of Jepsen's, found nothing",
        ),
        ("hello".into(), "found 'hello'; name one with --format"),
    ] {
        desk.write("bad", &text);
        desk.checker("check bad --spec head").exits(2).complains(&["error: ", says]);
    }
    std::fs::write(desk.0.join("bad"), b"{\"client\":\xff}").expect("the desk can be written");
    let bytes = "bad: line 1, column 11: expected text in UTF-8, found the byte 0xff";
    desk.checker("check bad --spec head").exits(2).complains(&[bytes]);
}

#[test]
fn bad_usage_exits_2_and_says_what_there_is() {
    let desk = Desk::new("check-usage");
    desk.write("bare.jsonl", FORKED.split_once('\n').map_or("", |it| it.1));
    desk.write("odd.jsonl", &FORKED.replacen("head", "tail", 1));
    std::fs::create_dir_all(desk.0.join("directory")).expect("the desk can be written");
    for (line, says) in [
        ("check nowhere.jsonl", "nowhere.jsonl: cannot be read: No such file"),
        ("check directory", "directory: expected a file, found a directory"),
        ("check bare.jsonl", "expected --spec, or a first line such as {\"format\":"),
        ("check bare.jsonl", "there are: register, cas-register, head, "),
        ("check bare.jsonl --spec tail", "no spec is called 'tail'; there are: register, "),
        ("check odd.jsonl", "odd.jsonl: line 1: no spec is called 'tail'; there are: "),
        ("check bare.jsonl --format xml", "expected auto, jsonl, edn or porcupine, not 'xml'"),
        ("check bare.jsonl --field client", "expected OURS=THEIRS with one of ours: client, f,"),
        ("check bare.jsonl --spec head --init x", "expected JSON such as 0, null or"),
        ("check bare.jsonl --spec head --init null", "expected \"init\" to be a whole number"),
        ("check bare.jsonl --time 5", "expected a time such as 500ms, 60s, 10m or 1h, not '5'"),
        ("check bare.jsonl --memory 5", "expected a size such as 512KiB, 64MiB or 4GiB, not '5'"),
        ("check bare.jsonl --spec head --format edn", "line 1, column 16: expected a name behind"),
    ] {
        desk.checker(line).exits(2).complains(&[says]);
    }
}

#[test]
fn a_pipe_is_judged_like_a_file() {
    let desk = Desk::new("check-pipe");
    for line in ["check", "check -", "check - --spec head", "check --format jsonl"] {
        given(&desk, line, FORKED).exits(1).tells(&["stdin: head", "FAIL fork"]);
        given(&desk, line, &sound()).exits(0).tells(&["stdin: head", "PASS"]);
    }
    given(&desk, "check", "").exits(2).complains(&["stdin: line 1: expected JSON Lines"]);
    let told = given(&desk, "check -o cut.jsonl", FORKED).exits(1);
    assert!(told.err.ends_with("REPRODUCE: checker check cut.jsonl --spec head\n"), "{}", told.err);
    let script = "cat - | \"$0\" check - -q | head -c 1";
    let mut command = desk.command("sh");
    ran(command.args(["-c", script, CHECKER]).stdin(Stdio::null())).exits(0);
}

#[test]
fn unsorted_lines_are_sorted_and_other_names_are_mapped() {
    let desk = Desk::new("check-sorted");
    let mut lines: Vec<String> = sound().lines().skip(1).map(str::to_owned).collect();
    lines.reverse();
    let text = lines.join("\n").replace("\"client\"", "\"worker\"").replace("\"call\"", "\"t0\"");
    desk.write("other.jsonl", &text);
    let line = "check other.jsonl --spec head --field client=worker --field call=t0";
    desk.checker(line).exits(0).tells(&["5 operations of 3 clients on 3 keys"]);
    desk.checker("check other.jsonl --spec head").exits(2).complains(&["a field \"call\""]);
}

#[test]
fn logs_of_jepsens_are_known_by_how_they_begin() {
    let desk = Desk::new("check-logs");
    for (name, code, says) in [
        ("etcd_005.log", 0, "PASS"),
        ("etcd_000.log", 1, "FAIL linearizable: no order of the operations explains"),
    ] {
        let path = recorded(name);
        for line in ["--spec register", "--spec cas-register --format porcupine"] {
            desk.checker(&format!("check {path} {line}")).exits(code).tells(&[says]);
        }
        let text = std::fs::read_to_string(&path).expect("it is there");
        given(&desk, "check --spec register --follow", &text).exits(code).tells(&[says]);
    }
    // Three others were writing when it read 2, but none of them 2, nor anybody else after the 1.
    let told =
        desk.checker(&format!("check {} --spec register -o cut.jsonl", recorded("etcd_000.log")));
    told.exits(1).tells(&[
        "evidence: 85 operations cut to 2",
        "c0   write value=1  74 |===|          75  true",
        "c11  read           85         |===|  86  2",
        "6 others of that time: whatever became of them, this is wrong",
        "why      after c0's write value=1, c11's read, told 2: it holds 1",
    ]);
    let cut = std::fs::read_to_string(desk.0.join("cut.jsonl")).expect("it was written");
    assert_eq!(cut.lines().count(), 1 + 2 + 6, "{cut}");
    desk.checker("check cut.jsonl").exits(1).tells(&["8 operations", "6 nobody heard of again"]);
    let edn = "{:process :nemesis, :type :info, :f :start, :value nil}\n\
        {:process 0, :type :invoke, :f :read, :value nil}\n\
        {:process 0, :type :ok, :f :read, :value nil}\n";
    desk.write("history.edn", edn);
    let line = "check history.edn --spec register";
    desk.checker(line).exits(0).tells(&["of edn", "1 line skipped: no client's"]);
    desk.checker(&format!("{line} --init null")).exits(0);
    let told = desk.checker(&format!("{line} --init 3")).exits(1);
    assert!(told.err.ends_with("check history.edn --spec register --init 3\n"), "{}", told.err);
}

#[test]
fn events_are_judged_as_they_come() {
    let desk = Desk::new("check-follow");
    // The pipe stays open: it ends because the history broke its promise.
    let mut child = piped(&desk, "check --follow -o cut.jsonl");
    says(&mut child, EVENTS);
    let told = ended(child).exits(1).tells(&[
        "stdin: head, 2 operations of 2 clients on 1 key",
        "evidence: 2 operations cut to 2",
        "FAIL fork: c1 and c2 both moved run-1 from 0, both were told they won",
    ]);
    assert!(told.err.ends_with("REPRODUCE: checker check cut.jsonl --spec head\n"), "{}", told.err);
    desk.checker("check cut.jsonl").exits(1);

    let sound = EVENTS.replacen("\"id\":8,\"ret\":true", "\"id\":8,\"ret\":false", 1);
    let told = given(&desk, "check --follow", &sound).exits(0);
    told.tells(&["decided by search, as it came", "PASS     2 operations"]);
    let object = given(&desk, "check --follow --json", EVENTS).exits(1).object("check", "fail");
    assert_eq!((&object["property"], &object["ops"]), (&"fork".into(), &2.into()));
    // Read whole, events come to the same.
    given(&desk, "check", EVENTS).exits(1).tells(&["FAIL fork"]);
    given(&desk, "check", &sound).exits(0);

    for (text, says) in [
        (FORKED, "stdin: line 2, column 1: expected an event such as"),
        (
            &EVENTS.replacen("\"at\":13", "\"at\":3", 1),
            "expected events in the order of time, from 12 on",
        ),
        (
            &EVENTS.replacen("\"return\",\"id\":7", "\"return\",\"id\":9", 1),
            "expected operation 9 to have been",
        ),
    ] {
        given(&desk, "check --follow", text).exits(2).complains(&[says]);
    }
}

#[test]
fn what_is_too_much_to_follow_is_judged_again() {
    let desk = Desk::new("check-again");
    let mut sound = String::new();
    for n in 1..300 {
        // Nobody hears of every other write; they are more than can be told apart at one time.
        let (lost, write, read) = (3 * n, 3 * n + 1, 3 * n + 2);
        sound += &format!(
            "{{\"e\":\"call\",\"id\":{lost},\"client\":{n},\"f\":\"write\",\"value\":{lost}}}\n\
             {{\"e\":\"call\",\"id\":{write},\"client\":0,\"f\":\"write\",\"value\":{write}}}\n\
             {{\"e\":\"return\",\"id\":{write},\"ret\":true}}\n\
             {{\"e\":\"call\",\"id\":{read},\"client\":0,\"f\":\"read\"}}\n\
             {{\"e\":\"return\",\"id\":{read},\"ret\":{write}}}\n"
        );
    }
    let line = "check --spec register --follow";
    let told = given(&desk, line, &sound).exits(0);
    told.tells(&[
        "299 nobody heard of again",
        "all was judged again as it grew",
        "by the datatype's",
    ]);
    let object = given(&desk, &format!("{line} --json"), &sound).exits(0).object("check", "pass");
    assert_eq!((&object["ops"], &object["validated"]), (&897.into(), &true.into()));
    let stale = sound.replacen("\"id\":899,\"ret\":898", "\"id\":899,\"ret\":10", 1);
    given(&desk, line, &stale).exits(1).tells(&["cut to", "FAIL"]);
    let told = given(&desk, &format!("{line} --memory 1KiB"), &sound).exits(3);
    told.tells(&["UNKNOWN"]);
}

#[test]
fn a_file_is_followed_while_it_grows() {
    let desk = Desk::new("check-grow");
    let (first, last) = EVENTS.split_at(EVENTS.len() - 20);
    desk.write("grow.jsonl", first);
    let child = piped(&desk, "check grow.jsonl --follow -q");
    let mut file =
        std::fs::File::options().append(true).open(desk.0.join("grow.jsonl")).expect("it is there");
    file.write_all(last.as_bytes()).expect("the desk can be written");
    let told = ended(child).exits(1);
    assert!(told.out.starts_with("FAIL fork"), "{}", told.out);
    assert!(
        told.err.ends_with("REPRODUCE: checker check grow.jsonl --spec head\n"),
        "{}",
        told.err
    );
    desk.write("grow.jsonl", first);
    let told = desk.checker("check grow.jsonl --follow --time 10ms").exits(3);
    told.tells(&["UNKNOWN  stopped: nothing is wrong in the first 1 answers"]);
}
