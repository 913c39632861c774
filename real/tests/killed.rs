//! A process that is killed takes its servers with it, and a later one removes their directories.
//!
//! SIGKILL cannot be caught, so the test needs a process to kill: this program, run again as
//! `hold_for_the_kill_test`.

mod skip;

use skip::skip;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use real::service::{Minio, Postgres, Redis, postgres, redis};

/// Names the services that `hold_for_the_kill_test` is to hold, in the process to be killed.
const HOLD: &str = "UNFORKED_TEST_HOLD";

/// Whether a process runs. One that is dead and not reaped does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// A server that another process holds.
struct Held {
    pid: u32,
    port: u16,
    directory: PathBuf,
}

/// Runs this program again, until it holds `services`.
fn hold(services: &[&str]) -> (Child, Vec<Held>) {
    let mut holder = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "hold_for_the_kill_test", "--nocapture"])
        .env(HOLD, services.join(","))
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program again");
    let mut held = Vec::new();
    for line in BufReader::new(holder.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("it writes text");
        // The test harness writes the test's name before our first word, on the same line.
        if let Some((_, told)) = line.split_once("HELD ") {
            let mut words = told.splitn(3, ' ');
            let mut word = || words.next().expect("pid, port and directory");
            let (pid, port) = (word().parse().expect("a pid"), word().parse().expect("a port"));
            held.push(Held { pid, port, directory: word().into() });
        }
        if line.contains("HOLDING") {
            break;
        }
    }
    assert_eq!(held.len(), services.len(), "the holder died before it held everything");
    (holder, held)
}

/// Kills the holder, and waits until no server of it runs.
fn kill(mut holder: Child, held: &[Held]) {
    holder.kill().expect("it is ours");
    holder.wait().expect("it is ours");
    // A server's own children go a moment after it, and may hold its port until then.
    let answers = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
    let deadline = Instant::now() + Duration::from_secs(10);
    while held.iter().any(|it| runs(it.pid) || answers(it.port)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    for Held { pid, port, directory } in held {
        assert!(!runs(*pid), "process {pid} of {} is left", directory.display());
        assert!(!answers(*port), "port {port} still answers");
    }
}

#[test]
fn servers_die_with_a_killed_process() {
    let installed: Vec<_> = real::service::find_all()
        .into_iter()
        .filter(|(name, result)| ["postgres", "redis", "minio"].contains(name) && result.is_ok())
        .map(|(name, _)| name)
        .collect();
    let setpriv = Command::new("setpriv").arg("--version").output();
    if installed.is_empty() || setpriv.is_err() {
        skip("every service", "no service was found, or no setpriv: run `make deps`");
        return;
    }
    let (holder, held) = hold(&installed);
    assert!(held.iter().all(|it| runs(it.pid)), "the starting thread's end stopped a server");
    kill(holder, &held);

    // Any later run sweeps at its first start.
    let (sweeper, own) = hold(&installed[..1]);
    for Held { directory, .. } in &held {
        assert!(!directory.exists(), "{} is left", directory.display());
    }
    // What the sweeper leaves is the next run's to sweep; this test leaves nothing to others.
    kill(sweeper, &own);
    let _ = std::fs::remove_dir_all(&own[0].directory);
}

/// Not a test by itself: the process that `servers_die_with_a_killed_process` kills. It starts
/// the servers in a thread that then ends, as a pool's thread does: they must outlive it.
#[test]
fn hold_for_the_kill_test() {
    let Some(services) = std::env::var_os(HOLD) else { return };
    let services = services.into_string().expect("names are ASCII");
    let start = move || {
        let mut held: Vec<Box<dyn Send>> = Vec::new();
        for name in services.split(',') {
            let (pid, directory, port);
            match name {
                "postgres" => {
                    let server = Postgres::start(&postgres::Options::default()).expect(name);
                    (pid, port) = (server.pid(), server.port());
                    directory = server.directory().to_path_buf();
                    held.push(Box::new(server));
                }
                "redis" => {
                    let server = Redis::start(&redis::Options::default()).expect(name);
                    (pid, port) = (server.pid(), server.port());
                    directory = server.directory().to_path_buf();
                    held.push(Box::new(server));
                }
                "minio" => {
                    let server = Minio::start().expect(name);
                    (pid, port) = (server.pid(), server.port());
                    directory = server.directory().to_path_buf();
                    held.push(Box::new(server));
                }
                other => panic!("{other} cannot be held"),
            }
            println!("HELD {} {port} {}", pid.expect("it runs"), directory.display());
        }
        held
    };
    let held = std::thread::spawn(start).join().expect("every server starts");
    std::thread::sleep(Duration::from_millis(300));
    println!("HOLDING");
    std::thread::sleep(Duration::from_secs(60));
    drop(held);
}
