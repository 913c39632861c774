//! Every launcher starts its server, is answered, and leaves nothing behind.
//!
//! A service that is not installed is skipped aloud; `UNFORKED_REQUIRE_SERVICES=1` makes it a
//! failure, so that CI cannot pass by having installed nothing.

mod skip;

use skip::skip;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use real::service::{Embedded, Minio, Postgres, Redis, ServiceError, Weed, postgres, redis};

/// The server, or none where the test is to be skipped.
fn found<T>(service: &str, started: Result<T, ServiceError>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(error @ ServiceError::NotFound { .. }) => {
            skip(service, error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = act();
    eprintln!("{what}: {} ms", begin.elapsed().as_millis());
    result
}

/// Whether a process runs. One that is dead and not reaped does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn assert_gone(pid: u32, directory: &Path, port: u16) {
    assert!(!runs(pid), "process {pid} is left");
    assert!(!directory.exists(), "{} is left", directory.display());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} still answers");
}

fn psql(server: &Postgres, sql: &str) -> Option<String> {
    let output = Command::new("psql")
        .args(["-h", "127.0.0.1", "-U", "postgres", "-Atc", sql, "-p"])
        .arg(server.port().to_string())
        .env("PGPASSWORD", server.password())
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

#[test]
fn postgres_starts_answers_and_leaves_nothing() {
    let extra = vec![("max_connections".to_string(), "50".to_string())];
    for fsync in [true, false] {
        let options = postgres::Options { fsync, extra: extra.clone() };
        let started = timed("postgres start", || Postgres::start(&options));
        let Some(server) = found("postgres", started) else { return };
        TcpStream::connect(("127.0.0.1", server.port())).expect("it takes connections");
        if let Some(shown) = psql(&server, "show fsync; ") {
            assert_eq!(shown, if fsync { "on" } else { "off" });
            assert_eq!(psql(&server, "show max_connections").as_deref(), Some("50"));
        }
        assert!(server.url().contains(server.password()), "a client needs the password");
        assert!(!server.redacted_url().contains(server.password()), "a reader does not");
        let pid = server.pid().expect("it runs");
        let (directory, port) = (server.directory().to_path_buf(), server.port());
        timed("postgres stop", || server.stop());
        assert_gone(pid, &directory, port);
    }
}

#[test]
fn a_wrong_password_is_refused_by_postgres() {
    let Some(server) = found("postgres", Postgres::start(&postgres::Options::default())) else {
        return;
    };
    let output = Command::new("psql")
        .args(["-h", "127.0.0.1", "-U", "postgres", "-Atc", "select 1", "-p"])
        .arg(server.port().to_string())
        .env("PGPASSWORD", "guessed")
        .output();
    if let Ok(output) = output {
        assert!(!output.status.success(), "anyone on this machine could come in");
    }
}

#[test]
fn a_bad_postgres_setting_is_told_with_the_servers_words() {
    let extra = vec![("max_connections".to_string(), "many".to_string())];
    let started = Postgres::start(&postgres::Options { fsync: false, extra });
    match started {
        Err(ServiceError::Start { log_tail, .. }) => assert!(log_tail.contains("max_connections")),
        other => drop(found("postgres", other)),
    }
}

fn ask(server: &Redis, commands: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    let request = format!("AUTH {}\r\n{commands}QUIT\r\n", server.password());
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn redis_nodes_start_crash_empty_and_leave_nothing() {
    let started = timed("5 redis start", || Redis::start_many(5, &redis::Options::default()));
    let Some(nodes) = found("redis", started) else { return };
    for node in &nodes {
        assert_eq!(ask(node, "PING\r\nSET lock mine\r\n"), "+OK\r\n+PONG\r\n+OK\r\n+OK\r\n");
    }
    let (crashed, port, pid) = (&nodes[0], nodes[0].port(), nodes[0].pid());
    timed("redis crash", || crashed.kill_and_restart_empty()).expect("it comes back");
    assert_ne!(crashed.pid(), pid, "another process");
    assert_eq!(crashed.port(), port, "at the same place");
    assert_eq!(ask(crashed, "DBSIZE\r\n"), "+OK\r\n:0\r\n+OK\r\n", "without the lock");
    assert_eq!(ask(&nodes[1], "DBSIZE\r\n"), "+OK\r\n:1\r\n+OK\r\n", "the others have it");

    crashed.kill();
    assert_eq!(crashed.pid(), None);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "a dead node does not listen");
    crashed.restart_empty().expect("it comes back");

    let left: Vec<_> = nodes
        .iter()
        .map(|node| (node.pid().expect("it runs"), node.directory().to_path_buf(), node.port()))
        .collect();
    timed("5 redis stop", || drop(nodes));
    for (pid, directory, port) in left {
        assert_gone(pid, &directory, port);
    }
}

/// What both stores can tell of themselves.
struct S3<'a> {
    endpoint: String,
    access_key: &'a str,
    secret_key: &'a str,
    region: &'a str,
}

impl S3<'_> {
    fn client(&self) -> AmazonS3 {
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_region(self.region)
            .with_access_key_id(self.access_key)
            .with_secret_access_key(self.secret_key)
            .with_bucket_name("runs")
            .build()
            .expect("a complete configuration")
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// What a lock or a log on an object store relies on.
async fn conditional_puts_and_listings_are_those_of_s3(store: &AmazonS3) {
    use object_store::Error::{AlreadyExists, NotFound, Precondition};
    let create = || PutMode::Create.into();
    let update = |etag: &Option<String>| {
        PutMode::Update(UpdateVersion { e_tag: etag.clone(), version: None }).into()
    };
    let key = |n: u32| Key::from(format!("log/{n:04}"));

    let first = store.put_opts(&key(0), "a".into(), create()).await.expect("it was absent");
    let second = store.put_opts(&key(0), "b".into(), create()).await;
    assert!(matches!(second, Err(AlreadyExists { .. })), "{second:?}");
    let third = store.put_opts(&key(0), "c".into(), update(&first.e_tag)).await;
    let third = third.expect("its etag was current");
    let stale = store.put_opts(&key(0), "d".into(), update(&first.e_tag)).await;
    assert!(matches!(stale, Err(Precondition { .. })), "{stale:?}");
    let absent = store.put_opts(&key(9), "d".into(), update(&first.e_tag)).await;
    assert!(absent.is_err(), "an absent object has no etag to match");

    let got = store.get(&key(0)).await.expect("it was put");
    assert_eq!(got.meta.e_tag, third.e_tag);
    assert_eq!(&got.bytes().await.expect("a body")[..], b"c");
    assert_eq!(store.head(&key(0)).await.expect("it was put").size, 1);

    store.put(&key(1), "0123456789".into()).await.expect("a plain put");
    assert_eq!(&store.get_range(&key(1), 2..5).await.expect("a part")[..], b"234");

    for n in 2..8 {
        store.put(&key(n), "x".into()).await.expect("a plain put");
    }
    store.put(&Key::from("other/1"), "x".into()).await.expect("a plain put");
    assert_eq!(keys_after(store, "log", "log/0004").await, ["log/0005", "log/0006", "log/0007"]);
    store.delete(&key(6)).await.expect("it was there");
    assert_eq!(keys_after(store, "log", "log/0004").await, ["log/0005", "log/0007"]);
    assert!(matches!(store.get(&key(6)).await, Err(NotFound { .. })), "it was deleted");
}

async fn keys_after(store: &AmazonS3, prefix: &str, after: &str) -> Vec<String> {
    store
        .list_with_offset(Some(&Key::from(prefix)), &Key::from(after))
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await
        .expect("every page of the listing")
}

/// Writers race to create the same object; exactly one may win.
async fn one_of_many_creates_wins(store: Arc<AmazonS3>) {
    for round in 0..20 {
        let tasks: Vec<_> = (0..8)
            .map(|writer: u32| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let key = Key::from(format!("race/{round}"));
                    let text = writer.to_string();
                    store.put_opts(&key, text.into(), PutMode::Create.into()).await.is_ok()
                })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += u32::from(task.await.expect("a writer does not panic"));
        }
        assert_eq!(winners, 1, "round {round}");
    }
}

#[test]
fn minio_starts_behaves_as_s3_and_leaves_nothing() {
    let started = timed("minio start", Minio::start);
    let Some(server) = found("minio", started) else { return };
    server.make_bucket("runs").expect("a fresh server");
    let (access_key, secret_key) = (server.access_key(), server.secret_key());
    let s3 = S3 { endpoint: server.endpoint(), access_key, secret_key, region: server.region() };
    let store = Arc::new(s3.client());
    block_on(async {
        conditional_puts_and_listings_are_those_of_s3(&store).await;
        one_of_many_creates_wins(store).await;
    });
    let pid = server.pid().expect("it runs");
    let (directory, port) = (server.directory().to_path_buf(), server.port());
    timed("minio stop", || server.stop());
    assert_gone(pid, &directory, port);
}

#[test]
fn the_embedded_server_behaves_as_s3_and_stops() {
    let server = timed("embedded start", Embedded::start).expect("it needs nothing");
    server.make_bucket("runs");
    let (access_key, secret_key) = (server.access_key(), server.secret_key());
    let s3 = S3 { endpoint: server.endpoint(), access_key, secret_key, region: server.region() };
    let store = Arc::new(s3.client());
    let stranger = S3 { secret_key: "guessed", ..s3 }.client();
    block_on(async {
        conditional_puts_and_listings_are_those_of_s3(&store).await;
        one_of_many_creates_wins(Arc::clone(&store)).await;
        assert!(stranger.head(&Key::from("log/0001")).await.is_err(), "the signature is checked");

        // More than a page: the client follows continuation tokens.
        for n in 0..1_005 {
            let key = Key::from(format!("many/{n:04}"));
            store.put(&key, "x".into()).await.expect("a plain put");
        }
        let all = keys_after(&store, "many", "many/0001").await;
        assert_eq!(all.len(), 1_003);
        assert!(all.is_sorted(), "S3 lists in the order of keys");
    });
    let port = server.port();
    timed("embedded stop", || server.stop());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} still answers");
}

/// Never required: `make deps` does not install it.
#[test]
fn weed_starts_and_leaves_nothing() {
    let server = match Weed::start() {
        Err(error @ ServiceError::NotFound { .. }) => return eprintln!("SKIPPED weed: {error}"),
        started => started.expect("it is installed"),
    };
    let pid = server.pid().expect("it runs");
    let (directory, port) = (server.directory().to_path_buf(), server.port());
    server.stop();
    assert_gone(pid, &directory, port);
}

#[test]
fn every_service_is_found_or_told_how_to_get() {
    for (name, result) in timed("find all", real::service::find_all) {
        match result {
            Ok(found) => eprintln!("{name}: {} at {:?}", found.version, found.path),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with(&format!("{name} was not found in ")), "{text}");
                assert!(text.contains("by --") || text.contains("make deps"), "{text}");
            }
        }
    }
}
