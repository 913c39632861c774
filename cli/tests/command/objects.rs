//! `checker measure puts|batching|cold-reads|backends`: predicted, and held to what was asked.

use crate::browser::Browser;
use crate::counted::{Asked, Instead, proxy};
use crate::desk::{CHECKER, Desk, Ran, ran};
use real::service::{Embedded, Minio, ServiceError};
use serde_json::Value;
use std::fs;
use std::io::{Write, stderr};
use std::process::{Command, Stdio};

/// Loads small enough for a test, in which every count is another.
const LOADS: [&str; 4] = [
    "puts -p objects=57 -p prefixes=7 -p size_kib=1,16 -p concurrency=3,8",
    "batching -p snapshots=101 -p batch=1,10,20,50 -p size_kib=1",
    "batching -p snapshots=101 -p batch=20 -p linger_ms=7",
    "cold-reads -p states=1,10,1000,1001,2500 -p lists=2 -p size_kib=1",
];

/// An S3 for a test: its port and keys, and what keeps it running.
struct Store {
    name: &'static str,
    port: u16,
    keys: (String, String),
    _server: Box<dyn std::any::Any>,
}

/// The embedded server, and MinIO where it is installed.
fn stores() -> Vec<Store> {
    let embedded = Embedded::start().expect("it is in this process");
    let keys = |access: &str, secret: &str| (access.to_owned(), secret.to_owned());
    let mut all = vec![Store {
        name: "embedded",
        port: embedded.port(),
        keys: keys(embedded.access_key(), embedded.secret_key()),
        _server: Box::new(embedded),
    }];
    match Minio::start() {
        Ok(minio) => all.push(Store {
            name: "minio",
            port: minio.port(),
            keys: keys(minio.access_key(), minio.secret_key()),
            _server: Box::new(minio),
        }),
        Err(error @ ServiceError::NotFound { .. }) => {
            let must = std::env::var_os("UNFORKED_REQUIRE_SERVICES").is_some();
            assert!(!must, "{error}");
            let _ = writeln!(stderr(), "SKIPPED minio: {error}");
        }
        Err(error) => panic!("{error}"),
    }
    all
}

/// `checker measure` against a store at that port, as against somebody's own.
fn measured(desk: &Desk, store: &Store, port: u16, line: &str) -> Ran {
    let mut command = desk.command(CHECKER);
    command.args(["measure"]).args(line.split_whitespace());
    command.args(["--json", "--on", &format!("http://127.0.0.1:{port}")]);
    command.env("AWS_ACCESS_KEY_ID", &store.keys.0).env("AWS_SECRET_ACCESS_KEY", &store.keys.1);
    ran(&mut command)
}

fn asked(object: &Value) -> Asked {
    let count = |name: &str| object["counts"][name].as_u64().expect("a count");
    Asked { puts: count("puts"), gets: count("gets"), lists: count("lists") }
}

/// What is no time: the columns that are the same wherever it is measured.
fn counted(object: &Value) -> Vec<Vec<(String, Value)>> {
    let of_time = |name: &str| {
        let times = ["_ms", "_per_s", "seconds", "_s"];
        times.iter().any(|it| name.ends_with(it)) && !name.starts_with("wait_")
    };
    let rows = object["rows"].as_array().expect("rows").iter();
    let row = |row: &Value| {
        let cells = row.as_object().expect("an object").iter();
        let kept = cells.filter(|(name, _)| !of_time(name));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    rows.map(row).collect()
}

#[test]
fn the_simulation_predicts_what_a_real_store_is_asked_to_the_request() {
    let desk = Desk::new("measure-predicted");
    for store in stores() {
        for line in LOADS {
            let (port, wire) = proxy(store.port, 0, Instead::SlowDown);
            let what = format!("{line} on {}", store.name);
            let predicted = desk.checker(&format!("measure {line} --json")).exits(0);
            let predicted = predicted.object("measure", "pass");
            let real = measured(&desk, &store, port, line).exits(0).object("measure", "pass");
            assert_eq!(wire.asked(), asked(&predicted), "on the wire: {what}");
            assert_eq!(real["counts"], predicted["counts"], "{what}");
            assert_eq!(counted(&real), counted(&predicted), "{what}");
            assert!(predicted["counts"]["nanodollars"].as_u64() > Some(0));
            assert_eq!(real["differences"], Value::Array(Vec::new()), "{what}");
            assert_eq!(real["on"]["real"], true, "an endpoint by its URL is the user's: {what}");
        }
    }
}

#[test]
fn a_request_that_is_one_too_many_is_sent_again_and_counted_apart() {
    let desk = Desk::new("measure-slowed");
    let store = stores().swap_remove(0);
    let line = "puts -p objects=40 -p prefixes=4 -p size_kib=1 -p concurrency=4";
    let (port, wire) = proxy(store.port, 3, Instead::SlowDown);
    let object = measured(&desk, &store, port, line).exits(0).object("measure", "pass");
    assert_eq!((&object["counts"]["slowed"], &object["counts"]["puts"]), (&3.into(), &40.into()));
    assert_eq!(wire.asked().puts, 40, "those that were refused never came there");
    let said = object["verdict"].to_string();
    assert!(said.contains("3 of 43 PUTs over 4 prefixes (7.0%) were answered by 503"), "{said}");
}

#[test]
fn a_store_that_loses_an_object_differs_and_exits_1() {
    let desk = Desk::new("measure-lost");
    let store = stores().swap_remove(0);
    let line = "cold-reads -p states=10 -p lists=2 -p size_kib=1";
    let (port, _) = proxy(store.port, 1, Instead::Lost);
    let ran = measured(&desk, &store, port, line).exits(1);
    let object = ran.object("measure", "fail");
    let said = object["differences"].to_string();
    for part in [
        "list all of row 1: 18 keys, predicted 20",
        "list all of row 1: since-complete kept 0 times of 2",
        "get of row 1: read-after-write kept 9 times of 10",
    ] {
        assert!(said.contains(part), "no '{part}' in {said}");
    }
}

#[test]
fn a_thousand_states_are_one_page_and_499_keys_after_the_middle() {
    let desk = Desk::new("measure-cold-reads");
    let told = desk.checker("measure cold-reads --csv a.csv").exits(0);
    told.tells(&["LIST: all, and since the middle", "5,000 states: all in 5 pages", "simulated"]);
    let csv = fs::read_to_string(desk.0.join("a.csv")).expect("it was written");
    let thousand: Vec<&str> = csv.lines().nth(3).unwrap_or_default().split(',').collect();
    assert_eq!((thousand[0], thousand[1], thousand[2]), ("1000", "1", "1000"));
    assert_eq!((thousand[7], thousand[8], thousand.last()), ("1", "499", Some(&"0.000405")));
    let columns = csv.lines().next().unwrap_or_default();
    let object = desk.checker("measure cold-reads --json").exits(0).object("measure", "pass");
    for column in columns.split(',') {
        assert!(object[column].is_number(), "{column} of the last row: {object}");
    }
    assert_eq!(object["states"], 5000);
}

#[test]
fn stores_are_compared_in_turns_and_what_breaks_a_promise_would_be_caught() {
    let desk = Desk::new("measure-backends");
    let line = "measure backends -p objects=60 -p states=12 -p probes=3 -p repeats=3";
    let told = desk.checker(&format!("{line} --on embedded,simulated -o page.html")).exits(0).tells(&[
        "embedded             45/45               9/9           60/60          9/9       348           yes",
        "of this machine, at this moment, and of no other",
        "embedded: every promise kept; requests, pages, keys and bytes as predicted",
        "no evidence of how an S3 behaves",
        "a store that breaks since-complete (SkipsAtBorder): it is caught",
        "MEASURED 6 turns, 696 requests",
    ]);
    let is_turn = |it: &&str| it.split_whitespace().count() == 10 && !it.contains("repeat");
    let turns =
        told.out.lines().filter(is_turn).map(|it| it.split_whitespace().collect::<Vec<_>>());
    let order: Vec<(String, String)> =
        turns.map(|it| (it[0].to_owned(), it[1].to_owned())).collect();
    let expected = [
        ("embedded", "1"),
        ("simulated", "1"),
        ("simulated", "2"),
        ("embedded", "2"),
        ("embedded", "3"),
        ("simulated", "3"),
    ];
    assert_eq!(order, expected.map(|(it, at)| (it.to_owned(), at.to_owned())), "{}", told.out);
    let object = desk.checker(&format!("{line} --json")).exits(0).object("measure", "pass");
    assert!(object["control"].as_array().expect("a list").iter().all(|it| it["caught"] == true));
    let Some(mut browser) = Browser::start(&desk.0) else { return };
    browser.open(&desk.0.join("page.html"), "");
    assert_eq!(browser.complaints, [] as [&str; 0], "the page complains of nothing");
    assert_eq!(browser.eval("document.querySelectorAll('svg').length"), 3);
    assert!(browser.text("body").contains("as_predicted"));
}

#[test]
fn a_load_can_be_swept_over_and_drawn() {
    let desk = Desk::new("measure-objects-sweep");
    let line = "measure puts -p objects=9000 -p size_kib=4 -p concurrency=300,2 -p put_p50_ms=10 \
                -p put_p99_ms=10 --sweep prefixes=1,100 --csv a.csv -o page.html";
    let told = desk.checker(line).exits(0).tells(&["prefixes=1\n", "503 SlowDown", "a.csv"]);
    let csv = fs::read_to_string(desk.0.join("a.csv")).expect("it was written");
    let slowed = |row: usize| {
        let row: Vec<&str> = csv.lines().nth(row).unwrap_or_default().split(',').collect();
        row[row.len() - 2].parse::<u64>().expect("a count")
    };
    assert!(slowed(1) > 0 && slowed(3) == 0, "{csv}\n{}", told.out);
    let page = fs::read_to_string(desk.0.join("page.html")).expect("it was written");
    assert!(page.contains("PUTs a second, by prefixes") && page.contains("class=\"curve"));
    assert!(page.contains(">concurrency 300</text>") && page.contains(">concurrency 2</text>"));
}

#[test]
fn what_cannot_be_asked_of_a_store_says_what_was_expected() {
    let desk = Desk::new("measure-objects-usage");
    for (line, says) in [
        ("puts -p batch=3", "-p puts has no parameter 'batch'; there are: objects, prefixes,"),
        ("puts -p objects=0", "-p puts: objects must be 1 to 1000000, not 0"),
        ("cold-reads -p states=10,x", "expected whole numbers such as 1,10,20"),
        ("batching -p batch=50 -p size_kib=1024", "at most 32768"),
        ("puts --on moon", "--on moon: expected simulated, s3, minio, weed, embedded, s3s-fs, or"),
        ("puts --on embedded,minio", "--on embedded,minio: expected simulated"),
        ("puts --on http://me:secret@host:9000", "--on: keys do not belong in the URL"),
        ("backends --on minio,minio", "minio is given twice"),
        ("backends --sweep states=1,2", "--sweep is for one store"),
        ("puts --sweep prefixes=1,0", "--sweep puts: prefixes must be 1 to 1000000, not 0"),
        ("soak --on s3", "--on s3: a load on a table runs on postgres alone"),
        ("puts --on embedded --published", "measure puts: there is no --published of it"),
        (
            "gets",
            "nothing to measure named gets; there are a0, soak, held-xmin, a1, claims, replay, puts,",
        ),
    ] {
        desk.checker(&format!("measure {line}")).exits(2).complains(&[says]);
    }
    let mut nowhere = desk.command(CHECKER);
    nowhere.args(["measure", "puts", "-p", "objects=5", "--on", "http://127.0.0.1:1"]);
    nowhere.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    ran(&mut nowhere).exits(4).complains(&["s3 at http://127.0.0.1:1 does not take us"]);
    let mut command = desk.command(CHECKER);
    command.args(["measure", "puts", "--on", "http://127.0.0.1:1"]);
    command.env_remove("AWS_ACCESS_KEY_ID");
    let says = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set";
    ran(&mut command).exits(4).complains(&[says]);
    let mut without = desk.command(CHECKER);
    without.args(["measure", "puts", "--on", "weed"]).env("PATH", "/nowhere");
    ran(&mut without).exits(4).complains(&["weed was not found"]);
    let mut none = desk.command(CHECKER);
    none.args(["measure", "backends", "--on", "weed"]).env("PATH", "/nowhere");
    ran(&mut none).exits(4).complains(&["weed is not installed here"]);
}

/// What was put on somebody's own server is taken away, also after Ctrl-C.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_on_an_endpoint() {
    let desk = Desk::new("measure-objects-left");
    let store = stores().swap_remove(0);
    let (port, wire) = proxy(store.port, 0, Instead::SlowDown);
    let url = format!("http://127.0.0.1:{port}");
    let mut command = desk.command(CHECKER);
    command.args(["measure", "puts", "-p", "objects=1000000", "-p", "size_kib=1", "--on", &url]);
    command.env("AWS_ACCESS_KEY_ID", &store.keys.0).env("AWS_SECRET_ACCESS_KEY", &store.keys.1);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // There is nothing to leave before something was put.
    while wire.asked().puts < 100 {
        assert!(matches!(child.try_wait(), Ok(None)), "it goes on until it is told to stop");
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().expect("a shell has kill");
    assert!(sent.success());
    let ended = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{told}");
    assert!(told.contains("STOPPED "), "{told}");
    // It is asked for when a listing of what is ours is empty.
    assert_eq!(wire.last(), ("DELETE".to_owned(), true));
}

/// How far it got when Ctrl-C came differs; that there is a summary, and no server left, does not.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_real_load_with_a_summary() {
    let desk = Desk::new("measure-objects-ctrl-c");
    let line = "measure puts -p objects=1000000 -p size_kib=1 --on embedded";
    let script = format!("timeout --foreground --preserve-status -s INT 1 \"$0\" {line}");
    let stopped = ran(desk.command("sh").args(["-c", &script, CHECKER])).exits(130);
    stopped.tells(&["STOPPED ", "of 1000000 requests"]);
}
