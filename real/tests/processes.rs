//! Clients that are processes of their own: really stopped in the middle of a transition, on one
//! Redis and on a quorum whose nodes crash, and gone when the run is.
//!
//! A client is this program again, as `be_a_client`. A service that is not installed is skipped
//! aloud; `UNFORKED_REQUIRE_SERVICES=1` makes it a failure.

mod skip;
mod targets;

use checker::{Property, Verdict};
use models::served::Setup;
use real::client::Program;
use real::confirm::Options;
use real::{Confirmation, Outcome, RealError, confirm_model};
use serde_json::{Map, Value, json};
use skip::skip;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use targets::targets;

/// Set where this program is to be a client.
const CLIENT: &str = "UNFORKED_TEST_CLIENT";
/// Set where it is to be a run that is killed.
const KILLED: &str = "UNFORKED_TEST_KILLED";

/// Not a test by itself: a client of the others.
#[test]
fn be_a_client() {
    if std::env::var_os(CLIENT).is_some() {
        real::client::be().expect("it is told what it understands");
    }
}

/// This program as a client; `tag` is on its command line, so that it is found.
fn client(tag: &str) -> Program {
    let arguments = ["--exact", "be_a_client", "--nocapture", "--skip", tag];
    Program {
        path: std::env::current_exe().expect("this program"),
        arguments: arguments.map(str::to_owned).to_vec(),
        environment: vec![(CLIENT.to_owned(), "1".to_owned())],
    }
}

/// The states of the processes with this on their command line.
fn states(tag: &str) -> Vec<char> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    entries
        .filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            if !line.split('\0').any(|word| word == tag) {
                return None;
            }
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            stat.rsplit(") ").next()?.chars().next()
        })
        .collect()
}

/// A model at full speed on real services, a process for each client; nothing: skipped.
fn confirmed(
    on: &str,
    model: (&str, Value, Option<&str>),
    options: Options,
) -> Option<Confirmation> {
    let found = tried(on, model, options)?.expect("the services answer");
    eprintln!("{:.1} s, {:?}, {:?}", found.seconds, found.stats, found.notes);
    Some(found)
}

fn tried(
    on: &str,
    model: (&str, Value, Option<&str>),
    options: Options,
) -> Option<Result<Confirmation, RealError>> {
    let (name, params, mutant) = model;
    let params: Map<String, Value> = params.as_object().cloned().expect("an object");
    let served = models::SERVED.iter().find(|it| it.name() == name).expect("it is served");
    let setup = Setup { params: &params, mutant };
    let redis_nodes = served.redis_nodes(&setup).expect("its parameters");
    let targets = targets(on, redis_nodes)?;
    Some(confirm_model(*served, &setup, &targets, options))
}

fn stat(found: &Confirmation, name: &str) -> u64 {
    found.stats.iter().find(|(it, _)| it == name).map_or(0, |(_, count)| *count)
}

fn options(tag: &str, pause_every: u32) -> Options {
    Options { pause_every, client: Some(client(tag)), ..Options::default() }
}

#[test]
fn a_client_that_is_stopped_past_its_locks_time_forks_nothing_and_leaves_no_process() {
    let params = json!({"writers": 6, "transitions": 60, "ttl": 30, "commit": "auto"});
    let tag = "stopped_and_gone";
    let found = confirmed("postgres,redis", ("run_head", params, None), options(tag, 2));
    let Some(found) = found else { return };
    assert_eq!(found.verdict, Verdict::Pass, "{:?}", found.rows);
    let of = |name: &str| stat(&found, name);
    assert_eq!((of("winners"), of("duplicates"), of("gaps"), of("forks")), (60, 0, 0, 0));
    assert!(of("clients_stopped") >= 20 && of("clients_stopped") == of("pauses"));
    assert!(of("expiries_mid_transition") >= 10, "locks ran out under those who were stopped");
    assert!(states(tag).is_empty(), "every client has ended: {:?}", states(tag));
}

#[test]
fn the_same_clients_without_the_compare_fork_the_real_row() {
    let params = json!({"writers": 6, "transitions": 60, "ttl": 30, "commit": "auto"});
    let model = ("run_head", params, Some("no_cas"));
    let found = confirmed("postgres,redis", model, options("blind_row", 2));
    let Some(found) = found else { return };
    assert_eq!(found.verdict.broken(), Some(&Property::FORK), "{:?}", found.verdict);
    assert!(found.rows.iter().all(|row| row.outcome == Outcome::Agrees), "{:?}", found.rows);
}

#[test]
fn a_lock_on_five_nodes_that_crash_forks_nothing_though_its_holders_are_stopped() {
    let params = json!({
        "nodes": 5, "writers": 4, "turns": 12, "ttl": 100, "threshold": 20, "retries": 1000,
        "guard": "cas",
    });
    let options =
        Options { restart_every: Some(Duration::from_millis(300)), ..options("quorum", 3) };
    let found = confirmed("redis", ("redlock", params, None), options);
    let Some(found) = found else { return };
    assert_eq!(found.verdict, Verdict::Pass, "{:?}", found.rows);
    let of = |name: &str| stat(&found, name);
    assert_eq!((of("duplicates"), of("gaps"), of("forks")), (0, 0, 0));
    assert!(of("winners") > 0 && of("clients_stopped") > 0 && of("nodes_restarted") > 0);
    assert!(of("expiries_mid_transition") > 0, "a majority gave the lock to somebody else");
}

#[test]
fn a_blind_write_under_that_lock_forks_the_row() {
    let params = json!({"writers": 4, "turns": 12, "ttl": 60, "threshold": 10, "retries": 1000});
    let model = ("redlock", params, Some("no_guard"));
    let found = confirmed("redis", model, options("blind_lock", 3));
    let Some(found) = found else { return };
    assert_eq!(found.verdict.broken(), Some(&Property::FORK), "{:?}", found.verdict);
}

#[test]
fn a_program_that_is_no_client_ends_the_run_and_decides_nothing() {
    let program = Program { path: "/nonexistent/client".into(), ..client("nobody") };
    let options = Options { client: Some(program), ..Options::default() };
    let params = json!({"writers": 2, "transitions": 3, "ttl": 30});
    let Some(found) = tried("redis", ("run_head", params, None), options) else { return };
    let error = found.expect_err("nobody makes its calls").to_string();
    assert!(error.contains("client"), "{error}");
}

#[test]
fn clients_that_are_stopped_die_with_a_run_that_is_killed() {
    let tag = "killed_while_stopped";
    if let Err(error) = real::service::redis::find() {
        return skip("redis", error);
    }
    if Command::new("setpriv").arg("--version").output().is_err() {
        return skip("setpriv", "nothing tells a client of its run's death: run `make deps`");
    }
    let mut run = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "run_until_killed", "--nocapture"])
        .env(KILLED, tag)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program again");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !states(tag).contains(&'T') && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let stopped = states(tag).contains(&'T');
    run.kill().expect("it is ours");
    run.wait().expect("it is ours");
    assert!(stopped, "a client was stopped by then");
    let deadline = Instant::now() + Duration::from_secs(10);
    let runs = |state: &char| *state != 'Z';
    while states(tag).iter().any(runs) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!states(tag).iter().any(runs), "clients are left: {:?}", states(tag));
}

/// Not a test by itself: the run that the test before kills. Its locks last so long that a client
/// which is stopped stays so.
#[test]
fn run_until_killed() {
    let Some(tag) = std::env::var_os(KILLED).and_then(|it| it.into_string().ok()) else { return };
    let params = json!({"writers": 2, "transitions": 10, "ttl": 60_000, "commit": "auto"});
    confirmed("redis", ("run_head", params, None), options(&tag, 1));
}
