//! The same clients on real servers: traces exactly, models at full speed.
//!
//! A service that is not installed is skipped aloud; `UNFORKED_REQUIRE_SERVICES=1` makes it a
//! failure, so that CI cannot pass by having installed nothing.

mod skip;
mod targets;

use checker::{ClientId, Property, Verdict};
use models::served::{Served, Setup};
use models::worlds::gate::Gate;
use models::worlds::objects::Profile;
use models::worlds::rows::{self, Isolation, Set, Statement, Update, Vacuum};
use models::worlds::{Call, Reply, Run, Services};
use real::confirm::Options;
use real::exact::Exact;
use real::{Confirmation, Given, Outcome, Targets, Wanted, confirm_model, confirm_trace};
use serde_json::{Map, Value, json};
use sim::minimise::{Effort, minimise};
use sim::prelude::{CallId, Poll, World};
use sim::scenario::Scenario;
use sim::session::Plan;
use targets::targets;

fn served(name: &str) -> &'static dyn Served {
    models::SERVED.iter().find(|it| it.name() == name).copied().expect("a model that is served")
}

fn params(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("parameters are an object")
}

fn stat(found: &Confirmation, name: &str) -> u64 {
    found.stats.iter().find(|(it, _)| it == name).map_or(0, |(_, count)| *count)
}

fn assert_agrees(found: &Confirmation, services: usize, what: &str) {
    for row in &found.rows {
        assert_eq!(row.outcome, Outcome::Agrees, "{what}, {}: {}", row.service, row.why);
    }
    assert_eq!(found.rows.len(), services, "{what}: each service is asked: {:?}", found.rows);
}

/// What a suite of traces saw in all.
#[derive(Default, Debug)]
struct Seen {
    traces: u64,
    compared: u64,
    waits: u64,
    conflicts: u64,
    lapses: u64,
    closes: u64,
    vacuums: u64,
}

/// Plays the schedules of some seeds exactly; each must be answered alike.
fn play(name: &str, given: Value, seeds: u64, targets: &Targets, seen: &mut Seen) {
    let given = params(given);
    let model = models::find(name).expect("a model on the list");
    let mut session = model.session(&given, None).expect("its parameters");
    for seed in 0..seeds {
        let outcome = session.play(&Plan::Seed(Scenario::of(seed)));
        assert_eq!(outcome.verdict, Verdict::Pass, "{name}, seed {seed}, simulated");
        let drawn = session.params();
        let setup = Setup { params: &drawn, mutant: None };
        let steps = session.steps();
        let found = confirm_trace(served(name), &setup, steps, steps.len(), targets);
        let found = found.unwrap_or_else(|error| panic!("{name}, seed {seed}: {error}"));
        for row in &found.rows {
            assert_eq!(row.outcome, Outcome::Agrees, "{name}, seed {seed}: {}", row.why);
        }
        assert_eq!(found.verdict, Verdict::Pass, "{name}, seed {seed}, on the real services");
        seen.traces += 1;
        seen.compared += found.compared;
        seen.waits += found.waits;
        seen.conflicts += stat(&found, "conflicts");
        seen.lapses += stat(&found, "lapses");
        seen.closes += stat(&found, "closes");
        seen.vacuums += stat(&found, "vacuums");
    }
}

#[test]
fn what_a_writer_is_told_in_simulation_is_what_postgres_and_redis_tell_it() {
    let Some(targets) = targets("postgres,redis", 1) else { return };
    let mut seen = Seen::default();
    let sizes = |writers: u16, lock: &str| {
        let commit = "explicit";
        json!({"writers": writers, "transitions": 4, "commit": commit, "lock": lock})
    };
    play("run_head", sizes(3, "redlock"), 40, &targets, &mut seen);
    play("run_head", sizes(4, "none"), 40, &targets, &mut seen);
    play("run_head", json!({"runs": 2, "commit": "auto"}), 10, &targets, &mut seen);
    eprintln!("run_head: {seen:?}");
    assert!(seen.waits > 0, "a row lock was waited for: {seen:?}");
    assert!(seen.conflicts > 0, "a compare-and-swap lost: {seen:?}");
    assert!(seen.lapses > 0, "a lock ran out: {seen:?}");
    assert!(seen.closes > 0, "a connection was closed under a transaction: {seen:?}");
}

#[test]
fn locks_are_granted_extended_and_given_back_alike_by_redis() {
    let Some(targets) = targets("postgres,redis", 1) else { return };
    let mut seen = Seen::default();
    play("redlock", json!({}), 20, &targets, &mut seen);
    play("run_locker", json!({}), 20, &targets, &mut seen);
    eprintln!("redlock and run_locker: {seen:?}");
    assert!(seen.lapses > 0 && seen.compared > 0, "{seen:?}");
}

#[test]
fn the_whole_cluster_is_answered_alike_by_postgres_redis_and_minio() {
    let Some(targets) = targets("postgres,redis,s3=minio", 1) else { return };
    let mut seen = Seen::default();
    play("cluster", json!({}), 30, &targets, &mut seen);
    eprintln!("cluster: {seen:?}");
    assert!(seen.vacuums > 0 && seen.lapses > 0 && seen.conflicts > 0, "{seen:?}");
}

#[test]
fn objects_are_put_read_and_listed_alike_by_every_s3() {
    for on in ["s3=minio", "s3=weed", "s3=embedded"] {
        let Some(targets) = targets(on, 1) else { continue };
        assert_eq!(targets.services()[0].real, on != "s3=embedded", "ours is no evidence");
        let mut seen = Seen::default();
        play("object_store", json!({}), 15, &targets, &mut seen);
        eprintln!("object_store on {on}: {seen:?}");
        assert!(seen.compared > 0, "{seen:?}");
    }
}

#[test]
fn a_fork_found_in_simulation_happens_on_postgres_as_it_was() {
    let Some(targets) = targets("postgres,redis", 1) else { return };
    let model = models::find("run_head").expect("it is on the list");
    for mutant in ["no_cas", "no_cas_increment"] {
        let none = Map::new();
        let mut session = model.session(&none, Some(mutant)).expect("its mutant");
        let failed = (0..1000).find_map(|seed| {
            let outcome = session.play(&Plan::Seed(Scenario::of(seed)));
            (outcome.verdict.broken() == Some(&Property::FORK)).then_some(outcome)
        });
        let failed = failed.expect("a mutant without its compare forks within 1000 seeds");
        let drawn = session.params();
        let cause = minimise(
            model,
            &drawn,
            Some(mutant),
            session.steps(),
            failed.faults_max,
            Effort::while_told(&mut || true),
        );
        let cause = cause.expect("the setup that failed").expect("it fails");
        let setup = Setup { params: &cause.params, mutant: Some(mutant) };
        let count = cause.steps.len();
        let found = confirm_trace(served("run_head"), &setup, &cause.steps, count, &targets);
        let found = found.expect("the services answer");
        assert!(found.rows.iter().all(|row| row.outcome == Outcome::Agrees), "{:?}", found.rows);
        assert_eq!(found.verdict.broken(), Some(&Property::FORK), "{mutant}: {:?}", found.verdict);
        eprintln!("{mutant}: {count} steps, {} answers, {:?}", found.compared, found.verdict);
    }
}

/// What is broken in these is the services themselves.
const BEYOND_US: [&str; 17] = [
    "eventual_list",
    "skips_at_border",
    "stale_replica",
    "stale_get",
    "split_condition",
    "negative_cache",
    "ends_early",
    "one_page",
    "repeats_at_border",
    "cached_listing",
    "flapping_keys",
    "checks_then_writes",
    "ignores_condition",
    "slow_down_is_done",
    "store_skips",
    "reader_does_not_count",
    "vacuum_ignores_snapshots",
];

#[test]
fn every_committed_trace_happens_on_real_services_as_it_was() {
    let Some(targets) = targets("postgres,redis,s3=minio", 1) else { return };
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces");
    let mut played = 0;
    for entry in std::fs::read_dir(directory).expect("the traces are committed") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let trace = sim::trace::Trace::from_json(&text).expect("a trace");
        let Some(served) = models::SERVED.iter().find(|it| it.name() == trace.model) else {
            continue;
        };
        let model = models::find(&trace.model).expect("it is served");
        let steps = model.parse(&trace.steps).expect("its steps");
        let mutant = trace.mutant.as_deref();
        let setup = Setup { params: &trace.params, mutant };
        let found = confirm_trace(*served, &setup, &steps, steps.len(), &targets);
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let beyond_us = mutant.is_some_and(|it| BEYOND_US.contains(&it));
        for row in &found.rows {
            let agrees = row.outcome == Outcome::Agrees;
            let as_expected = agrees || beyond_us && row.outcome == Outcome::Inconclusive;
            assert!(as_expected, "{}: {row:?}", path.display());
        }
        eprintln!("{}: {:?}, {:?}", path.display(), found.rows, found.verdict);
        let mut session = model.session(&trace.params, mutant).expect("its parameters");
        let plan = Plan::Steps { steps: &steps, faults_max: trace.faults_max };
        let simulated = session.play(&plan).verdict;
        // The other promises are judged by the simulated world, which no history shows.
        let in_history = [Property::FORK, Property::GAP, Property::LOST];
        if !beyond_us && simulated.broken().is_none_or(|it| in_history.contains(it)) {
            assert_eq!(found.verdict.broken(), simulated.broken(), "{}", path.display());
        }
        played += 1;
    }
    assert!(played > 0, "there are traces to play");
}

/// Says `statement` on connection `number` of client 0, to both; nothing: it waits in both.
fn say(gate: &mut Gate<'_>, number: u8, statement: Statement) -> Option<rows::Reply> {
    let from = CallId { client: ClientId(0), slot: number };
    let call = rows::Call { session: number.into(), gave_up: Vec::new(), statement };
    let answer = gate.apply(from, &Call::Postgres(call.clone()));
    if let Some(freed) = gate.freed() {
        let (session, gave_up) = (freed.slot.into(), Vec::new());
        let statement = Statement::Update(Update { run: Run(1), ..MOVE });
        let call = rows::Call { session, gave_up, statement };
        assert!(gate.apply(freed, &Call::Postgres(call)).is_ready(), "it is let through");
    }
    assert_eq!(gate.parted, None, "{call:?}");
    match answer {
        Poll::Ready(Reply::Postgres(reply)) => Some(reply),
        Poll::Ready(other) => panic!("Postgres answered {other:?}"),
        Poll::Pending => None,
    }
}

const RUN: Run = Run(0);
/// From 0 to 1, for whoever does it first.
const MOVE: Update = Update { run: RUN, set: Set::Next, seen: Some(0), token: None, body: 1 };

/// No model's transaction fails, so this is said by hand.
#[test]
fn a_failed_transaction_and_two_connections_of_one_client_are_answered_as_by_postgres() {
    use rows::Reply::{Done, InFailedTransaction, RolledBack, SerializationFailure, Updated};
    let Some(targets) = targets("postgres", 1) else { return };
    for (end, ended) in [(Statement::Commit, RolledBack), (Statement::Rollback, Done)] {
        let mut exact = Exact::new(&targets).expect("postgres takes us");
        exact.reset(1, 2).expect("postgres answers");
        let services = Services::new(2, false, Vacuum::Ticks, Profile::Strong);
        let mut gate = Gate::new(services, &mut exact);
        let select = || Statement::Select { run: RUN };
        let other = Statement::Update(Update { run: Run(1), ..MOVE });
        let begin = || Statement::Begin(Isolation::RepeatableRead);
        for (number, statement, answer) in [
            (1, begin(), Some(Done)),
            (1, other.clone(), Some(Updated(Some(1)))),
            (2, Statement::Update(MOVE), Some(Updated(Some(1)))),
            (3, other, None),
            (1, Statement::Update(MOVE), Some(SerializationFailure)),
            (1, select(), Some(InFailedTransaction)),
            (1, begin(), Some(InFailedTransaction)),
            (1, Statement::Update(MOVE), Some(InFailedTransaction)),
            (1, end, Some(ended)),
            (1, Statement::Commit, Some(Done)),
            (1, Statement::Update(MOVE), Some(Updated(None))),
        ] {
            assert_eq!(say(&mut gate, number, statement.clone()), answer, "{statement:?}");
        }
        assert_eq!((gate.compared, gate.waits), (12, 1), "one of them waited, and was let through");
    }
}

#[test]
fn a_difference_is_told_with_its_step_and_both_answers() {
    let Some(targets) = targets("postgres", 1) else { return };
    let given =
        params(json!({"lock": "none", "writers": 2, "commit": "auto", "conflict": "plain"}));
    let model = models::find("run_head").expect("it is on the list");
    let mut session = model.session(&given, None).expect("its parameters");
    session.play(&Plan::Seed(Scenario::of(1)));
    let steps = session.steps().to_vec();
    // Two rows in the simulation and, because its parameter is kept from us, one on the server.
    let two = params(
        json!({"lock": "none", "writers": 2, "runs": 2, "commit": "auto", "conflict": "plain"}),
    );
    let mut session = model.session(&two, None).expect("its parameters");
    session.play(&Plan::Seed(Scenario::of(1)));
    assert!(session.steps().len() > steps.len(), "two runs take longer than one");
    struct Blind(&'static dyn Served, Map<String, Value>);
    impl Served for Blind {
        fn name(&self) -> &'static str {
            self.0.name()
        }
        fn breaks_services(&self, setup: &Setup<'_>) -> Result<bool, sim::registry::SetupError> {
            self.0.breaks_services(setup)
        }
        fn redis_nodes(&self, setup: &Setup<'_>) -> Result<usize, sim::registry::SetupError> {
            self.0.redis_nodes(setup)
        }
        fn replay_on(
            &self,
            _setup: &Setup<'_>,
            steps: &[sim::step::Step],
            count: usize,
            backend: &mut dyn models::worlds::gate::Backend,
        ) -> Result<models::served::Replayed, sim::registry::SetupError> {
            self.0.replay_on(&Setup { params: &self.1, mutant: None }, steps, count, backend)
        }
        fn speak_on(
            &self,
            setup: &Setup<'_>,
            remote: std::rc::Rc<dyn models::served::Remote>,
            pace: models::served::Pace,
        ) -> Result<
            std::pin::Pin<Box<dyn Future<Output = models::served::Spoken>>>,
            sim::registry::SetupError,
        > {
            self.0.speak_on(setup, remote, pace)
        }
    }
    let blind = Blind(served("run_head"), two);
    let setup = Setup { params: &given, mutant: None };
    let steps = session.steps();
    let found = confirm_trace(&blind, &setup, steps, steps.len(), &targets).expect("it answers");
    assert_eq!(found.rows[0].outcome, Outcome::Disagrees, "{:?}", found.rows);
    let (_, text) = found.at.expect("where they part");
    assert!(text.contains("select run-1: simulated") && text.contains("real"), "{text}");
}

#[test]
fn sixteen_writers_at_full_speed_never_fork_a_row() {
    let Some(targets) = targets("postgres", 1) else { return };
    let given = params(json!({"writers": 16, "transitions": 500, "lock": "none"}));
    let setup = Setup { params: &given, mutant: None };
    let found = confirm_model(served("run_head"), &setup, &targets, Options::default());
    let found = found.expect("postgres answers");
    eprintln!("16 writers: {:.1} s, {:?}", found.seconds, found.stats);
    assert_agrees(&found, 1, "run_head");
    assert_eq!(found.verdict, Verdict::Pass);
    let of = |name: &str| stat(&found, name);
    assert_eq!((of("winners"), of("duplicates"), of("gaps"), of("forks")), (500, 0, 0, 0));
    assert!(of("conflicts") > 0, "writers were in each other's way");
}

#[test]
fn a_lock_that_runs_out_under_its_holder_forks_nothing() {
    let Some(targets) = targets("postgres,redis", 1) else { return };
    let given = params(json!({"writers": 6, "transitions": 120, "ttl": 30, "commit": "explicit"}));
    let setup = Setup { params: &given, mutant: None };
    let found = confirm_model(served("run_head"), &setup, &targets, Options::default());
    let found = found.expect("the services answer");
    eprintln!("lock of 30 ms: {:.1} s, {:?}", found.seconds, found.stats);
    assert_agrees(&found, 2, "run_head");
    assert!(stat(&found, "pauses") > 0 && stat(&found, "expiries_mid_transition") > 0);
    assert_eq!((stat(&found, "winners"), stat(&found, "forks")), (120, 0));
}

#[test]
fn without_the_compare_the_counters_are_clean_and_the_row_is_forked() {
    let Some(targets) = targets("postgres", 1) else { return };
    let given = params(json!({"writers": 16, "transitions": 200, "lock": "none"}));
    let setup = Setup { params: &given, mutant: Some("no_cas_increment") };
    let found = confirm_model(served("run_head"), &setup, &targets, Options::default());
    let found = found.expect("postgres answers");
    eprintln!("no_cas_increment: {:.1} s, {:?}", found.seconds, found.stats);
    assert_agrees(&found, 1, "no_cas_increment");
    assert!(matches!(found.verdict, Verdict::Fail(_)), "{:?}", found.verdict);
    let of = |name: &str| stat(&found, name);
    assert_eq!((of("duplicates"), of("gaps")), (0, 0), "the seed's own counters see nothing");
    assert!(of("forks") > 0);
}

#[test]
fn what_is_put_at_full_speed_is_read_and_listed_at_once() {
    for on in ["s3=minio", "s3=embedded"] {
        let Some(targets) = targets(on, 1) else { continue };
        let given = params(json!({"writers": 4, "readers": 2, "objects": 10}));
        let setup = Setup { params: &given, mutant: None };
        let found = confirm_model(served("object_store"), &setup, &targets, Options::default());
        let found = found.expect("it answers");
        eprintln!("object_store on {on}: {:.1} s, {:?}", found.seconds, found.stats);
        assert_agrees(&found, 1, on);
        assert_eq!(found.verdict, Verdict::Pass);
    }
}

#[test]
fn the_whole_cluster_holds_at_full_speed() {
    let Some(targets) = targets("postgres,redis,s3=minio", 1) else { return };
    let given = params(json!({"transitions": 30, "ttl": 60}));
    let setup = Setup { params: &given, mutant: None };
    let found = confirm_model(served("cluster"), &setup, &targets, Options::default());
    let found = found.expect("the services answer");
    eprintln!("cluster: {:.1} s, {:?}", found.seconds, found.stats);
    assert_agrees(&found, 3, "cluster");
    assert_eq!((stat(&found, "winners"), stat(&found, "forks")), (30, 0));
}

#[test]
fn nothing_of_ours_is_left_on_a_users_servers() {
    let wanted: Wanted = "postgres,redis".parse().expect("a test knows what --on takes");
    let Some(_) = targets("postgres,redis", 1) else { return };
    let postgres = real::service::Postgres::start(&Default::default()).expect("it was found");
    let redis = real::service::Redis::start(&Default::default()).expect("it was found");
    let given = Given {
        postgres_url: Some(postgres.url()),
        redis_url: Some(redis.url()),
        ..Given::default()
    };
    let left = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            use sqlx::Connection;
            let mut database =
                sqlx::PgConnection::connect(&postgres.url()).await.expect("it is up");
            let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'unforked%'";
            let schemas: i64 =
                sqlx::query_scalar(schemas).fetch_one(&mut database).await.expect("it answers");
            let client = redis::Client::open(redis.url()).expect("its own address");
            let mut line = client.get_multiplexed_async_connection().await.expect("it is up");
            let keys: i64 = redis::cmd("DBSIZE").query_async(&mut line).await.expect("it answers");
            (schemas, keys)
        })
    };
    let targets = Targets::start(&wanted, &given).expect("they take us");
    for card in targets.services() {
        assert!(card.url.contains("***") && card.real, "{card:?}");
    }
    let mut seen = Seen::default();
    play("run_head", json!({"commit": "explicit"}), 5, &targets, &mut seen);
    assert_eq!(left().0, 1, "a schema of our own");
    assert!(left().1 > 0, "keys of our own");
    drop(targets);
    assert_eq!(left(), (0, 0), "nothing is left");
}
