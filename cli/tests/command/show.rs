//! `checker show`: the lanes in a terminal, their data, and what cannot be shown.

use crate::desk::{CHECKER, Desk, Ran, altered, ran, recorded};
use crate::{FAILING, PASSING};
use serde_json::Value;

const HISTORY: &str = r#"{"format":"unforked-history/1","spec":"head"}
{"client":0,"f":"read","key":"run-1","call":10,"return":20,"ret":0}
{"client":0,"f":"cas","key":"run-1","from":0,"call":30,"return":60,"ret":true}
{"client":1,"f":"cas","key":"run-1","from":0,"call":40,"return":70,"ret":true}
{"client":2,"f":"cas","key":"run-1","from":1,"call":50}
"#;

/// At a width of its own, whatever the terminal is.
fn shown(desk: &Desk, file: &str, columns: &str) -> Ran {
    ran(desk.command(CHECKER).args(["show", file]).env("COLUMNS", columns)).exits(0)
}

#[test]
fn a_fork_is_lanes_with_its_intervals_its_lease_and_its_second_child() {
    let desk = Desk::new("show-fork");
    desk.write(FAILING, &recorded(FAILING));
    let ran = shown(&desk, FAILING, "100");
    let expected = "
 step          1           2           3           4           5           6           7!
 w0                  |===========read: 0===========|~~~~~|!!cas 0->1: won!!|~~~~~~~~~~~~~~~~~
               o lock run-0 px 5000: granted       o select run-0: 0       o update run-0 s..
 w1                                          |=====read: 0=====|     |!!cas 0->1: won!!|
                                       o lock run-0 px 5000:.. o select run-0: 0       o
                                                               '.decided here, acted...^
 lock          [w0 5000 ms-x           [w1 5000 ms------------------------------------------->
 head     0................................................................1..................
                                                                     \\_____! second child of 0
 lapse                     *
";
    assert!(ran.out.contains(expected), "{}", ran.out);
    ran.tells(&[
        "     2  --  lapse 0                                               lock w0 -> free",
        ">    7  w1  update run-0 seq=1: 1 row, now 1",
        "why      w1 decided at step 5 on a head that step 6 replaced; w0's lock was gone",
        "CONTROL  with CAS: Every promise was kept in 7 steps.",
        "FAIL     fork: w0 and w1 both moved run-0 from 0, both were told they won.",
        "next     checker show run_head-no_cas.json -o page.html",
    ]);
    let quiet = desk.checker(&format!("show -q {FAILING}")).exits(0);
    assert_eq!((quiet.out.lines().count(), &quiet.out[..4]), (1, "FAIL"));
}

#[test]
fn a_history_is_lanes_with_open_ends_and_how_far_it_can_be_explained() {
    let desk = Desk::new("show-history");
    desk.write("h.jsonl", HISTORY);
    let ran = shown(&desk, "h.jsonl", "80");
    let expected = "
 moment      1        2        3        4        5        6        7!
 c0          |read: 0=|        |!!!!!!cas 0->1: won!!!!!!!|
 c1                                     |!!!!!!cas 0->1: won!!!!!!!|
 c2                                              |=======cas 1->2========>
 head     0...............................................1..............
                                                    \\_! second child of 0
";
    assert!(ran.out.contains(expected), "{}", ran.out);
    ran.tells(&[
        "! second child of 0",
        "way 1    from head 0",
        "     1  c0 cas run-1 0->1: won",
        "     !  c1 cas run-1 0->1: won                    the head is at 1",
        "FAIL     fork: c0 and c1 both moved run-1 from 0, both were told they won.",
    ]);
    let lines = |text: &str| text.lines().map(|it| it.chars().count()).max();
    let narrow = shown(&desk, "h.jsonl", "40");
    let picture: Vec<&str> = narrow.out.lines().take(8).collect();
    assert!(lines(&picture.join("\n")) <= Some(40), "{}", narrow.out);
}

#[test]
fn a_long_run_is_windowed_around_its_closest_call_and_the_rest_is_counted() {
    let desk = Desk::new("show-long");
    desk.write(PASSING, &recorded(PASSING));
    let ran = shown(&desk, PASSING, "120");
    ran.tells(&[
        "  226 steps before and 259 after are not drawn here; 5 clients without any here",
        "   238  w3  cas run-0 2->3: LOST",
        "decided here, refused there",
        "PASS     Every promise was kept in 500 steps.",
    ]);
}

/// Nothing is told by colour alone, and nothing is coloured where that is refused.
#[test]
fn colour_is_for_those_who_want_it() {
    let desk = Desk::new("show-colour");
    desk.write(FAILING, &recorded(FAILING));
    for (forced, refused, coloured) in
        [(false, false, false), (true, false, true), (true, true, false)]
    {
        let mut command = desk.command(CHECKER);
        command.args(["show", FAILING]);
        for (name, wanted) in [("CLICOLOR_FORCE", forced), ("NO_COLOR", refused)] {
            if wanted {
                command.env(name, "1");
            }
        }
        assert_eq!(ran(&mut command).exits(0).out.contains('\u{1b}'), coloured);
    }
}

#[test]
fn the_data_is_one_form_for_traces_and_histories() {
    let desk = Desk::new("show-json");
    desk.write(FAILING, &recorded(FAILING));
    desk.write("h.jsonl", HISTORY);
    for (file, kind, column, runs) in
        [(FAILING, "trace", "step", 2), ("h.jsonl", "history", "moment", 1)]
    {
        let ran = desk.checker(&format!("show {file} --json")).exits(0);
        let object = ran.object("show", "pass");
        assert_eq!(object["format"], "unforked-show/1");
        assert_eq!((&object["kind"], &object["column"]), (&kind.into(), &column.into()));
        assert_eq!(object["runs"].as_array().map(Vec::len), Some(runs));
        let run = &object["runs"][0];
        assert_eq!((&run["outcome"], &run["property"]), (&"fail".into(), &"fork".into()));
        assert_eq!((&run["columns"], &run["failed_at"]), (&7.into(), &7.into()));
        for field in ["lanes", "steps", "ops", "leases", "beliefs", "arrows", "branches", "ways"] {
            assert!(run[field].is_array(), "{file}: no '{field}'");
        }
        assert_eq!(run["branches"][0]["text"], "second child of 0");
        let guilty = |op: &Value| op["guilty"] == true;
        let count = run["ops"].as_array().map(|ops| ops.iter().filter(|it| guilty(it)).count());
        assert_eq!(count, Some(2), "{file}");
    }
    let object = desk.checker(&format!("show {FAILING} --json")).object("show", "pass");
    let run = &object["runs"][0];
    let lease = serde_json::json!({
        "lock": "lock", "client": 0, "from": 2, "to": 4, "ended": "ran-out",
        "of_ms": 5000, "left_ms": [[2, 5000]],
    });
    assert_eq!(run["leases"][0], lease);
    assert_eq!(run["beliefs"][0]["text"], "w0 still believes it holds the lock");
    assert_eq!(run["steps"][5]["changed"], serde_json::json!([["head", "0", "1"]]));
    assert_eq!(object["runs"][1]["label"], "with CAS");
    assert_eq!(object["runs"][1]["outcome"], "pass");
    let history = desk.checker("show h.jsonl --json").object("show", "pass");
    let way = serde_json::json!({
        "start": "head 0", "order": [[1, "head 1"]], "stuck": [[2, "the head is at 1"]],
    });
    assert_eq!(history["runs"][0]["ways"][0], way);
}

#[test]
fn every_recorded_trace_can_be_shown_and_written() {
    let desk = Desk::new("show-all");
    let traces = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    let mut count = 0;
    for file in std::fs::read_dir(traces).expect("there are traces") {
        let name = file.expect("there are traces").file_name().to_string_lossy().into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        desk.write("trace.json", &recorded(&name));
        let ran = desk.checker("show trace.json -o page.html --json").exits(0);
        let object = ran.object("show", "pass");
        assert_eq!(object["page"], "page.html", "{name}");
        let passes = recorded(&name).contains("\"verdict\": {\"outcome\":\"pass\"}");
        let outcome = if passes { "pass" } else { "fail" };
        assert_eq!(object["runs"][0]["outcome"], outcome, "{name}");
        shown(&desk, "trace.json", "90");
        count += 1;
    }
    assert!(count > 20, "{count} traces are recorded");
}

#[test]
fn what_cannot_be_shown_exits_2_and_says_where_and_why() {
    let desk = Desk::new("show-bad");
    let headless = HISTORY.lines().skip(1).collect::<Vec<_>>().join("\n");
    for (text, says) in [
        (String::new(), "bad: line 1, column 0: not a trace"),
        ("{}".to_owned(), "bad: line 1: 'format' should be"),
        (headless, "bad: expected --spec, or a first line such as {\"format\":"),
        (altered(HISTORY, "\"head\"", "\"dance\""), "bad: line 1: no spec is called 'dance'"),
        (
            altered(HISTORY, "history/1", "history/2"),
            "bad: line 1, column 11: expected \"format\" to be",
        ),
        (altered(HISTORY, "\"call\":30,", ""), "bad: line 3, column 1: expected a field \"call\""),
        (
            altered(HISTORY, "\"f\":\"cas\"", "\"f\":\"leap\""),
            "expected \"f\" to be read or cas, found \"leap\"",
        ),
        (format!("{HISTORY}not json\n"), "bad: line 6, column 1: expected an object such as"),
        (HISTORY.lines().take(1).collect(), "bad: holds no operation"),
    ] {
        desk.write("bad", &text);
        let ran = desk.checker("show bad -o page.html").exits(2).complains(&[says]);
        assert_eq!(ran.out, "");
    }
    desk.checker("show nowhere").exits(2).complains(&["nowhere: cannot be read: No such file"]);
    desk.checker("show").exits(2).complains(&["<TRACE|HISTORY>"]);
    assert_eq!(desk.files(), ["bad"], "nothing was written");
    desk.write("bad", &HISTORY.lines().skip(1).collect::<Vec<_>>().join("\n"));
    desk.checker("show bad --spec head").exits(0).tells(&["FAIL     fork"]);
}
