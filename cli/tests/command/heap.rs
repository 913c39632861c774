//! `checker measure` beside a real server, and what it can do that a load alone cannot.
//!
//! Figures of a real server are nobody's to fix, so what is asserted is what must be equal, and that
//! the rest is judged. Where there is no server, these say so and check what can be without one.

use crate::desk::{CHECKER, Desk, Ran, ran};
use crate::skip::skip;
use std::fs;

const TRANSITIONS: &str = r#"{"format":"unforked-transitions/1"}
{"op":"insert","run":"r1","status":"RUN_CREATED","run_status":"PENDING"}
{"op":"insert","run":"r2","status":"RUN_CREATED","run_status":"PENDING","by":1}
{"op":"update","run":"r1","seq":0,"status":"EXECUTING","run_status":"EXECUTING","attempt":1}
{"op":"update","run":"r1","seq":0,"status":"EXECUTING","run_status":"EXECUTING","attempt":1,"by":1}
{"op":"update","run":"r1","status":"FINISHED","run_status":"COMPLETED","attempt":1,"at":17.25}
{"op":"begin","by":1}
{"op":"delete","run":"r2","by":1}
"#;

/// Whether a command found its server; one that did not says which is missing, and exits 4.
fn is_there(ran: &Ran) -> bool {
    let missing = ran.code == Some(4) && ran.err.contains("postgres");
    if missing {
        skip("measure --on postgres", &ran.err);
    }
    !missing
}

#[test]
fn recorded_transitions_are_replayed_one_after_another() {
    let desk = Desk::new("measure-replay");
    fs::write(desk.0.join("recorded.jsonl"), TRANSITIONS).expect("it is writable");
    let told = desk.checker("measure replay recorded.jsonl").exits(0);
    told.tells(&["replay at fillfactor 90", "7 statements replayed, 1 heap pages"]);
    let line = "measure replay recorded.jsonl -p fillfactor=70 --json";
    let object = desk.checker(line).exits(0).object("measure", "pass");
    for (name, value) in [
        ("statements", 7),
        ("inserted", 2),
        ("updated", 2),
        ("deleted", 1),
        ("missed", 1),
        ("heap_pages", 1),
        ("index_pages", 2),
        ("hot_pct", 100),
    ] {
        assert_eq!(object[name].as_f64(), Some(f64::from(value)), "{name}: {object}");
    }
    let both = desk.checker("measure replay recorded.jsonl --on postgres -o both.html");
    if is_there(&both) {
        let equal = "line pointer for line pointer equal, 6 times";
        both.exits(0).tells(&["p999 ms", "update", "AGREES", equal, "wrote    both.html"]);
        let page = desk.read("both.html");
        let ends = ["simulated, 7 statements: 1 pages", "postgres, 7 statements: 1 pages", equal];
        ends.iter().for_each(|it| assert!(page.contains(it), "no '{it}' in {page}"));
    }
}

/// What a page draws and tells is what the object has.
#[test]
fn pages_have_the_figures_of_the_object() {
    let desk = Desk::new("measure-pages");
    fs::write(desk.0.join("recorded.jsonl"), TRANSITIONS).expect("it is writable");
    let line = "measure replay recorded.jsonl -o replay.html --json";
    let object = desk.checker(line).exits(0).object("measure", "pass");
    let page = desk.read("replay.html");
    let drawn = [
        format!("<title>7 statements: {} pages</title>", object["heap_pages"]),
        format!("<title>7 statements: {} pages</title>", object["index_pages"]),
        format!("<td>{}</td>", object["statements"]),
        "replay of recorded.jsonl at fillfactor 90".to_owned(),
    ];
    drawn.iter().for_each(|it| assert!(page.contains(it), "no '{it}' in {page}"));
    let line = "measure a1 -p rate=200 -p reader=3 -o a1.html --json";
    let object = desk.checker(line).exits(0).object("measure", "pass");
    let page = desk.read("a1.html");
    assert_eq!(page.matches("<svg").count(), 2, "{page}");
    for way in object["ways"].as_array().expect("ways") {
        let (by, of) = (way["by"].as_str().expect("a name"), &way["simulated"]);
        let megabytes = of["bytes"].as_f64().expect("a number") / 1e6;
        let amount = format!("{megabytes:.3}");
        let drawn = [
            format!("<title>{by}, 30 s: {} MB</title>", amount.trim_end_matches('0')),
            format!("<title>{by}, 30 s: {}</title>", of["waits"]),
            format!("<td>{}</td><td>{}</td>", of["gone"], of["runs"]),
        ];
        drawn.iter().for_each(|it| assert!(page.contains(it), "no '{it}' in {page}"));
    }
    assert!(page.contains("a reader") && page.contains("checker measure a1 -p rate=200"));
}

/// What lost its compare-and-set, or named a row that was there, moved nothing.
#[test]
fn an_update_without_a_number_is_of_the_row_as_it_is() {
    let desk = Desk::new("measure-replay-numbers");
    let row = r#""run":"r1","status":"a","run_status":"b"}"#;
    let update = |seq: &str| format!("{{\"op\":\"update\",{seq}{row}\n");
    let insert = format!("{{\"op\":\"insert\",{row}\n");
    let (first, second) = (update("\"seq\":0,"), update("\"seq\":1,"));
    let text = format!("{insert}{first}{second}{first}{insert}{}", update(""));
    fs::write(desk.0.join("numbers.jsonl"), text).expect("it is writable");
    let line = "measure replay numbers.jsonl --json";
    let object = desk.checker(line).exits(0).object("measure", "pass");
    assert_eq!((&object["updated"], &object["missed"]), (&3.into(), &1.into()), "{object}");
}

#[test]
fn transitions_that_cannot_be_read_exit_2_and_name_the_line() {
    let desk = Desk::new("measure-replay-usage");
    desk.checker("measure replay").exits(2).complains(&["expected a FILE of recorded transitions"]);
    desk.checker("measure replay none.jsonl").exits(2).complains(&["none.jsonl: No such file"]);
    for load in ["a0", "a1"] {
        let line = format!("measure {load} some.jsonl");
        desk.checker(&line).exits(2).complains(&["only replay reads a FILE"]);
    }
    let line = "measure replay none.jsonl --csv a.csv";
    desk.checker(line).exits(2).complains(&["measure replay: there is no --csv of it"]);
    for (text, says) in [
        ("", "it has no transitions"),
        (
            "{\"format\":\"other/1\"}\n",
            ":1: the format is other/1: expected unforked-transitions/1",
        ),
        ("{\"op\":\"insert\"}\n", ":1: insert: expected the run it is about, \"run\":\"r1\""),
        ("\n{\"op\":\"put\"}\n", ":2: op put: expected insert, update,"),
        (
            "{\"op\":\"delete\",\"run\":\"r\",\"by\":900}\n",
            ":1: by 900: expected a connection from 0",
        ),
        ("{\"op\":\"insert\",\"run\":\"r\"}\n", ":1: insert: expected what the row then has"),
        ("{\"op\":\"delete\",\"who\":1}\n", ":1: unknown field `who`"),
        (
            "{\"op\":\"begin\",\"isolation\":\"none\"}\n",
            "expected read committed or repeatable read",
        ),
    ] {
        fs::write(desk.0.join("bad.jsonl"), text).expect("it is writable");
        desk.checker("measure replay bad.jsonl").exits(2).complains(&["bad.jsonl", says]);
    }
    // Both would be in the same row at once.
    let update = r#"{"op":"update","run":"r1","seq":0,"status":"a","run_status":"b","#;
    let text = format!(
        "{{\"op\":\"insert\",\"run\":\"r1\",\"status\":\"a\",\"run_status\":\"b\"}}\n\
         {{\"op\":\"begin\",\"by\":1}}\n{update}\"by\":1}}\n{update}\"by\":2}}\n"
    );
    fs::write(desk.0.join("waits.jsonl"), text).expect("it is writable");
    let says = "waits.jsonl:4: the statement would wait for another transaction";
    desk.checker("measure replay waits.jsonl").exits(2).complains(&[says]);
    fs::write(desk.0.join("recorded.jsonl"), TRANSITIONS).expect("it is writable");
    let line = "measure replay recorded.jsonl -p active=1";
    desk.checker(line).exits(2).complains(&["-p active: a replay has fillfactor alone"]);
}

#[test]
fn retention_shows_what_each_way_costs() {
    let desk = Desk::new("measure-a1");
    let line = "measure a1 -p rate=200 -p reader=3";
    let told = desk.checker(line).exits(0).tells(&[
        "a1: 200 runs a second for 30 s, retired every 5 s, 1 kept, 3% sleep, a reader for 3 s",
        "by drop: ShareUpdateExclusiveLock on the table that everybody uses; nobody waited for it",
        "by detach: AccessExclusiveLock on the table that everybody uses; 32 statements waited",
        "by delete: ShareUpdateExclusiveLock on the table that everybody uses; nobody waited",
        "MEASURED drop, detach, delete",
    ]);
    assert_eq!(told.out.lines().filter(|it| it.contains(" simulated ")).count(), 3, "{}", told.out);
    let line = format!("{line} -p by=detach --json");
    let object = desk.checker(&line).exits(0).object("measure", "pass");
    let way = &object["ways"][0];
    assert_eq!((&way["by"], way["postgres"].is_null()), (&"detach".into(), true));
    assert_eq!(way["simulated"]["wait_max_ms"], 2500);
    for (given, says) in [
        ("-p by=hand", "by=hand: expected all, drop, detach, delete"),
        ("-p duration=5", "nothing is retired before second 10; expected a longer duration"),
        ("-p reader=5", "expected the reader to be gone before the next retirement"),
        ("--sweep rate=1,2", "there is no --sweep of it"),
        ("--on redis", "--on redis: a load on a table runs on postgres alone"),
    ] {
        desk.checker(&format!("measure a1 {given}")).exits(2).complains(&[says]);
    }
}

#[test]
fn a_real_server_retires_the_same_runs() {
    let desk = Desk::new("measure-a1-real");
    let line =
        "measure a1 --on postgres -p duration=7 -p range=2 -p reader=1 -p rate=60 -p by=detach";
    let both = desk.checker(&format!("{line} --json"));
    if !is_there(&both) {
        return;
    }
    let object = both.exits(0).object("measure", "pass");
    let (ours, theirs) = (&object["ways"][0]["simulated"], &object["ways"][0]["postgres"]);
    for name in ["retired", "moved", "gone", "runs"] {
        assert_eq!(ours[name], theirs[name], "{name}: {object}");
    }
    assert!(theirs["waits"].as_u64().is_some_and(|it| it > 0), "{object}");
    assert!(object["ways"][0]["latencies"]["detach"]["p999_ms"].is_number(), "{object}");
}

#[test]
fn a_claim_costs_what_somebody_may_still_see() {
    let desk = Desk::new("measure-claims");
    let line = "measure claims --csv claims.csv -o claims.html";
    desk.checker(line).exits(0).tells(&[
        "claims: 3000 of a queue of 100 jobs, vacuumed every 500, hold rr from 1000 to 2000",
        "a claim's cost grows with each claim under the open transaction (rr): from 8 to 24 pages",
        "over 999 dead rows at the end",
        "released, claims are well from claim 2002 on",
        "MEASURED 3000 claims",
    ]);
    let csv = desk.read("claims.csv");
    assert_eq!(csv.lines().count(), 31, "{csv}");
    let held = csv.lines().nth(20).expect("the sample of claim 2000");
    let fields: Vec<&str> = held.split(',').collect();
    assert_eq!(fields[0], "2000", "{held}");
    let page = desk.read("claims.html");
    let drawn = [
        format!("<title>2000 claims: {} pages</title>", fields[1]),
        format!("<td>2000</td><td>{}</td><td>{}</td>", fields[1], fields[2]),
        "open transaction: rr".to_owned(),
    ];
    drawn.iter().for_each(|it| assert!(page.contains(it), "no '{it}' in {page}"));
    let nothing = desk.checker("measure claims -p hold=rc-select").exits(0);
    nothing.tells(&["the open transaction (rc-select) costs claims nothing: up to 9 pages"]);
    let line =
        "measure claims --on postgres -p claims=150 -p hold_from=50 -p hold_until=120 --json";
    let both = desk.checker(line);
    if is_there(&both) {
        let object = both.exits(0).object("measure", "pass");
        assert_eq!(object["pages"], object["postgres"]["pages"], "{object}");
        assert_eq!(object["pages"].as_array().map(Vec::len), Some(150), "{object}");
    }
}

#[test]
fn claims_that_cannot_be_measured_exit_2() {
    let desk = Desk::new("measure-claims-usage");
    for (given, says) in [
        ("-p hold=rw", "-p hold=rw: expected none, rc-select, rc-xid, rr, cursor"),
        ("-p hold_from=9000", "it never begins; expected more claims"),
        ("-p hold_until=10", "expected it to end after it begins"),
        ("-p claims=0", "-p claims=0: expected a number from 1 to 1000000"),
        ("-p rows=1", "there is no parameter rows; there are claims, waiting,"),
        ("--sweep claims=1,2", "measure claims: there is no --sweep of it"),
        ("--on redis", "--on redis: a load on a table runs on postgres alone"),
    ] {
        desk.checker(&format!("measure claims {given}")).exits(2).complains(&[says]);
    }
}

#[test]
fn a_load_runs_on_both_sides_and_every_figure_has_its_band() {
    let desk = Desk::new("measure-both");
    let line = "measure a0 --on postgres -p active=3000 -p duration=6 -p sample=1 -p rate=300";
    let both = desk.checker(&format!("{line} --csv both.csv -o both.html --json"));
    if !is_there(&both) {
        return;
    }
    // How far apart connections come is the machine's: whether it agrees is not asserted.
    assert!(matches!(both.code, Some(0 | 1)), "{}", both.err);
    let object: serde_json::Value = serde_json::from_str(&both.out).expect("an object");
    let load = &object["loads"][0];
    let bands = load["bands"].as_array().expect("bands");
    assert_eq!(bands.len(), 7);
    for band in &bands[..2] {
        assert_eq!(band["holds"], true, "what is loaded has no order: {band}");
        assert_eq!(band["simulated"], band["real"], "{band}");
    }
    let csv = fs::read_to_string(desk.0.join("both.csv")).expect("it was written");
    for side in ["simulated,,", "postgres,,"] {
        assert_eq!(csv.lines().filter(|it| it.starts_with(side)).count(), 6, "{csv}");
    }
    let page = desk.read("both.html");
    assert_eq!(page.matches("<svg").count(), 7, "{page}");
    assert_eq!(page.matches("class=\"band expected\"").count(), 4, "{page}");
    for band in bands {
        let figure = |name: &str| match band[name].as_f64().expect("a number") {
            whole if whole.fract() == 0.0 => format!("<td>{whole:.0}</td>"),
            other => format!("<td>{other:.2}</td>"),
        };
        let (what, ours) = (band["what"].as_str().expect("a name"), figure("simulated"));
        let row = format!("<td>{what}</td>{ours}");
        assert!(page.contains(&row), "no '{row}' in {page}");
    }
    for side in ["simulated", "postgres"] {
        let dead = load[side]["n_dead_tup"].as_u64().expect("a number");
        let drawn = format!("<title>{side}, 6 s: {dead}</title>");
        assert!(dead >= 10_000 || page.contains(&drawn), "no '{drawn}' in {page}");
    }
    assert!(load["latencies"]["update"]["p99_ms"].as_f64().is_some_and(|it| it > 0.0), "{load}");
}

#[test]
fn what_cannot_be_put_to_a_server_exits_2() {
    let desk = Desk::new("measure-on-usage");
    for (line, says) in [
        ("a0 --on mysql", "--on mysql: a load on a table runs on postgres alone"),
        ("a0 --published", "--on <PLACE>"),
        ("soak --on postgres --published", "nothing of soak is published; of a0 and held-xmin"),
        ("a0 --on postgres --sweep seed=1,2", "--sweep: there is none of a load beside a real"),
        ("a1 --csv a.csv", "measure a1: there is no --csv of it"),
        ("soak -p commit=5", "commit=5: expected 0 where a transaction has several rows"),
    ] {
        desk.checker(&format!("measure {line}")).exits(2).complains(&[says]);
    }
}

/// The server that was started for the load is stopped on the way.
#[cfg(unix)]
#[test]
fn ctrl_c_beside_a_server_exits_130() {
    let desk = Desk::new("measure-on-ctrl-c");
    let line = "measure a0 --on postgres -p active=1000 -p duration=600 -p rate=200";
    let script = format!("timeout --foreground --preserve-status -s INT 8 \"$0\" {line}");
    let stopped = ran(desk.command("sh").args(["-c", &script, CHECKER]));
    if is_there(&stopped) {
        stopped.exits(130).complains(&["interrupted"]).tells(&["STOPPED nothing was compared"]);
    }
}
