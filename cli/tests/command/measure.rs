//! `checker measure`: a table over simulated time, its samples and its verdict.

use crate::browser::Browser;
use crate::desk::{CHECKER, Desk, ran};
use std::fs;

const COLUMNS: &str = "t_s,ops,upd_per_s,hot_ratio_window_pct,dead_pct,free_pct,heap_mb,idx_mb,\
                       idx_leaf_density,idx_fragmentation,n_dead_tup,autovac_count,xid_age";

#[test]
fn samples_go_to_a_table_a_csv_and_one_object() {
    let desk = Desk::new("measure");
    let line = "measure a0 -p active=2000 -p duration=200 -p sample=5";
    let told = desk.checker(&format!("{line} --csv a0.csv")).exits(0);
    let told = told.tells(&[
        "a0: 2000 rows at fillfactor 90",
        "t_s  updates  upd/s",
        "dead% ",
        "index ",
        "MEASURED 176400 updates",
        "wrote    a0.csv",
    ]);
    let rows = told.out.lines().filter(|it| {
        it.split_whitespace().count() == 13
            && it.trim_start().starts_with(|it: char| it.is_numeric())
    });
    assert_eq!(rows.count(), 15, "40 samples are thinned: {}", told.out);
    let csv = fs::read_to_string(desk.0.join("a0.csv")).expect("it was written");
    let mut lines = csv.lines();
    assert_eq!((lines.next(), lines.clone().count()), (Some(COLUMNS), 40));
    let last: Vec<&str> = lines.next_back().unwrap_or_default().split(',').collect();
    assert_eq!((last[0], last[1], last.len()), ("200", "176400", 13));
    let object = desk.checker(&format!("{line} --json")).exits(0).object("measure", "pass");
    for (column, value) in COLUMNS.split(',').zip(last) {
        let text = object[column].to_string();
        assert_eq!(text.parse::<f64>().ok(), value.parse::<f64>().ok(), "{column}");
    }
    assert!(object["heap_pages"].as_u64().is_some_and(|it| it >= 23), "{object}");
    assert!(object["hot_pct"].as_f64().is_some_and(|it| it > 95.0), "{object}");
    assert!(object["seconds"].is_number() && object["verdict"].is_array(), "{object}");
    assert_eq!(object["params"]["fillfactor"], 90);
    let again = desk.checker(&format!("{line} --quiet")).exits(0);
    let verdict = object["verdict"].as_array().expect("sentences");
    for said in verdict {
        again.tells_one(said.as_str().unwrap_or_default());
    }
    assert_eq!(again.out.lines().count(), verdict.len() + 1, "{}", again.out);
}

impl crate::desk::Ran {
    #[track_caller]
    fn tells_one(&self, line: &str) {
        assert!(self.out.lines().any(|it| it == line), "expected '{line}' in: {}", self.out);
    }
}

#[test]
fn an_open_transaction_is_blamed_only_if_it_holds_something_back() {
    let desk = Desk::new("measure-held");
    let line = "measure held-xmin -p active=2000 -p rate=1000 -p concurrency=4";
    desk.checker(line).exits(0).tells(&["held by session 6's snapshot", "released, it is well by"]);
    let stays = desk.checker(&format!("{line} -p hold_until=0")).exits(0);
    stays.tells(&["dead% climbs without bound: vacuum reclaims nothing since 00:10, held by"]);
    let select = desk.checker(&format!("{line} -p hold=rc-select")).exits(0);
    let select = select.tells(&["HOLD_TXN (READ COMMITTED, SELECT 1) holds nothing back"]);
    assert!(!select.out.contains("reclaims nothing"), "{}", select.out);
}

#[test]
fn a_sweep_has_a_row_a_value() {
    let desk = Desk::new("measure-sweep");
    let line = "measure a0 -p active=1000 -p duration=30 --sweep fillfactor=70,80,90,100";
    let told = desk.checker(&format!("{line} --csv a.csv")).exits(0);
    let told = told.tells(&["HOT%  dead%", "fillfactor=100\n", "wrote    a.csv"]);
    let csv = fs::read_to_string(desk.0.join("a.csv")).expect("it was written");
    assert_eq!(csv.lines().next(), Some(format!("fillfactor,{COLUMNS}").as_str()));
    assert_eq!((csv.lines().count(), csv.matches("\n100,30,").count()), (1 + 4 * 6, 1), "{csv}");
    let rows: Vec<&str> = told.out.lines().filter(|it| it.contains(" -> ")).collect();
    assert_eq!(rows.len(), 4, "{}", told.out);
    let object = desk.checker(&format!("{line} --json")).exits(0).object("measure", "pass");
    let rows = object["rows"].as_array().expect("rows");
    let pages: Vec<u64> = rows.iter().filter_map(|it| it["heap_pages"].as_u64()).collect();
    assert!(pages.len() == 4 && pages[0] > pages[3], "less room a page, more pages: {pages:?}");
    assert_eq!(rows[1]["fillfactor"], 80);
}

/// The page of a load, in a browser; none where there is no browser.
fn opened(desk: &Desk, line: &str) -> Option<Browser> {
    desk.checker(&format!("{line} -o page.html")).exits(0).tells(&["wrote    page.html"]);
    let mut browser = Browser::start(&desk.0)?;
    browser.size(1280, 900);
    browser.open(&desk.0.join("page.html"), "");
    assert_eq!(browser.complaints, [] as [&str; 0], "the page complains of nothing");
    Some(browser)
}

const DRAWN: &str = "[...document.querySelectorAll('svg .curve')].every(it => { \
                     const box = it.getBBox(); return box.width > 100 && box.x >= 60; })";

#[test]
fn a_page_has_the_verdict_on_top_and_the_hold_as_a_band_behind_the_curves() {
    let desk = Desk::new("measure-page");
    let line = "measure held-xmin -p active=2000 -p rate=1000 -p concurrency=4";
    let Some(mut it) = opened(&desk, line) else { return };
    assert!(it.text("h1").contains("vacuum reclaimed nothing, held by session 6's snapshot"));
    assert!(it.text(".what").starts_with("MEASURED held-xmin: 2000 rows"), "{}", it.text(".what"));
    assert_eq!(it.eval("document.querySelectorAll('svg').length"), 6);
    assert_eq!(it.eval("document.querySelectorAll('svg .band').length"), 6);
    assert_eq!(it.eval(DRAWN), true);
    assert_eq!(it.eval("document.querySelectorAll('tbody tr').length"), 8);
    let shown = it.text("body");
    for part in ["open transaction: rr", "n_dead_tup", "checker measure held-xmin", "hold_until"] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
    let first = fs::read(desk.0.join("page.html")).expect("it was written");
    desk.checker(&format!("{line} -o again.html")).exits(0);
    let again = fs::read(desk.0.join("again.html")).expect("it was written");
    assert_eq!(first, again, "the same load makes the same page");
}

#[test]
fn the_page_of_a_sweep_has_a_named_curve_a_value() {
    let desk = Desk::new("measure-sweep-page");
    let line = "measure a0 -p active=1000 -p duration=30 --sweep fillfactor=70,100";
    let Some(mut it) = opened(&desk, line) else { return };
    assert_eq!(it.eval("document.querySelectorAll('svg:first-of-type .name').length"), 12);
    assert_eq!(it.eval("document.querySelectorAll('svg .band').length"), 0);
    let shown = it.text("body");
    for part in ["fillfactor=70: dead%", "fillfactor=100", "Where each ends"] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
}

#[test]
fn what_cannot_be_measured_exits_2_and_says_what_was_expected() {
    let desk = Desk::new("measure-usage");
    for (line, says) in [
        (
            "a9",
            "there is nothing to measure named a9; there are a0, soak, held-xmin, a1, claims, replay",
        ),
        ("a0 -p colour=1", "-p there is no parameter colour; there are active, duration, hours,"),
        ("a0 -p fillfactor=5", "-p fillfactor=5: expected a number from 10 to 100"),
        ("a0 -p tmin=9 -p tmax=3", "expected tmin up to tmax"),
        ("soak -p hours=1 -p duration=60", "expected one of them"),
        ("held-xmin -p hold=rw", "expected none, rc-select, rc-xid, rr, cursor"),
        ("held-xmin -p hold_from=9 -p hold_until=8", "expected it to end after it begins"),
        ("a0 --sweep fillfactor", "--sweep fillfactor: expected name=value,value,.."),
        ("a0 --sweep fillfactor=90,5", "--sweep fillfactor=5: expected a number from 10 to 100"),
        ("a0 -p active=9 -p duration=5 -o /dev/null", "/dev/null: cannot be written"),
    ] {
        desk.checker(&format!("measure {line}")).exits(2).complains(&[says]);
    }
    let object = desk.checker("measure a9 --json").exits(2).object("measure", "error");
    assert!(object["why"].is_string());
    desk.checker("list").exits(0).tells(&["measure soak  hours: ", "hold_until=40"]);
    let object = desk.checker("list --json").exits(0).object("list", "pass");
    let names = object["measures"].as_array().expect("a list").iter().map(|it| it["name"].clone());
    let table = ["a0", "soak", "held-xmin", "a1", "claims", "replay"];
    let store = ["puts", "batching", "cold-reads", "backends"];
    assert_eq!(names.collect::<Vec<_>>(), [&table[..], &store].concat());
}

/// What is simulated when Ctrl-C comes differs; that there is a summary does not.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_a_summary() {
    let desk = Desk::new("measure-ctrl-c");
    let line = "measure a0 -p active=1000 -p hours=8000 -p rate=1000 -p sample=3600 --csv a.csv";
    let script = format!("timeout --foreground --preserve-status -s INT 1 \"$0\" {line}");
    let stopped = ran(desk.command("sh").args(["-c", &script, CHECKER])).exits(130);
    let stopped = stopped.tells(&["STOPPED ", "wrote    a.csv"]);
    stopped.complains(&["interrupted: what is said above is of what ran until then"]);
    let csv = fs::read_to_string(desk.0.join("a.csv")).expect("it was written");
    assert!(csv.starts_with(COLUMNS), "{csv}");
    let script = script.replace("active=1000", "active=20000000");
    let stopped = ran(desk.command("sh").args(["-c", &script, CHECKER])).exits(130);
    stopped.tells(&["STOPPED ", " of 20000000 rows loaded", "wrote    a.csv"]);
}
