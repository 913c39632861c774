//! The simulated table is the real one, page for page, on every kind of workload.
//!
//! This is the short form, on fixed seeds; `make heap-long` is the long one. Everything the server
//! shows is compared: each line pointer, both maps, each index page, the statistics.

mod skip;

use heap::claims::{Claims, Params};
use heap::soak::Hold;
use heap::{Isolation, Keys, Op, Reads, Row, Rule, Rules, Step, Stream, WORKLOADS, Workload};
use real::RealError;
use real::heap::{Server, claims, compare, first_difference, minimise};
use real::service::ServiceError;

/// Operations of each kind at each fillfactor.
const OPS: u32 = 1_500;

/// The server, or none where there is none that can be compared with.
fn server() -> Option<Server> {
    match Server::start() {
        Ok(server) => Some(server),
        Err(RealError::Service(error @ ServiceError::NotFound { .. })) => {
            skip::skip("postgres", error);
            None
        }
        Err(error @ RealError::Unsuitable { .. }) => {
            skip::skip("postgres 15", error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Compares, and fails with the least that shows the difference.
fn assert_equal(server: &Server, how: &Workload, seed: u64, fillfactor: u8) -> heap::Events {
    let mut stream = Stream::new(how, seed);
    let rules = Rules::default();
    match compare(server, &stream, fillfactor, rules).expect("the server answers") {
        Ok(done) => done.events,
        Err(mismatch) => {
            stream.steps.truncate(mismatch.steps);
            let least = minimise(server, &stream, fillfactor, rules, 200);
            let least = least.expect("the server answers").steps;
            panic!("{} at {fillfactor}, seed {seed}: {mismatch}\nleast: {least:#?}", how.name);
        }
    }
}

#[test]
fn every_kind_of_workload_leaves_the_pages_that_postgres_leaves() {
    let Some(server) = server() else { return };
    let mut operations = 0;
    for (seed, how) in (10..).zip(WORKLOADS) {
        let how = Workload { ops: OPS, every: how.every.min(300), ..*how };
        for fillfactor in [70, 90, 100] {
            assert_equal(&server, &how, seed, fillfactor);
            operations += how.ops;
        }
    }
    assert!(operations >= 100_000, "{operations} operations");
}

#[test]
fn what_comes_late_in_a_stream_is_as_it_is_in_postgres() {
    let Some(server) = server() else { return };
    let named = |name: &str| Workload::named(name).expect("it is on the list");
    let drained = Workload { ops: 14_000, drain: 3_000, vacuum: 2_000, ..named("big-drain") };
    let events = assert_equal(&server, &drained, 1, 90);
    assert!(events.page_deletions > 0 && events.recycled > 0 && events.truncations > 0);
    let held = Workload { ops: 12_000, ..named("held-hot-set") };
    let events = assert_equal(&server, &held, 2, 100);
    assert!(events.bottom_ups > 0 && events.dedups > 0 && events.posting_swaps > 0);
    let long = Workload { ops: 12_000, ..named("long-keys") };
    let events = assert_equal(&server, &long, 1, 100);
    assert!(events.many_duplicates > 0);
    let few = Workload { ops: 14_000, ..named("few-rows") };
    let events = assert_equal(&server, &few, 1, 100);
    assert!(events.single_value > 0);
}

#[test]
fn a_difference_is_cut_down_to_the_steps_that_show_it() {
    let Some(server) = server() else { return };
    let how = Workload { ops: 500, ..Workload::named("base").expect("it is on the list") };
    let mut stream = Stream::new(&how, 1);
    let wrong = Rules::default().without(Rule::KillInUnique);
    let mismatch = compare(&server, &stream, 90, wrong).expect("the server answers");
    let mismatch = mismatch.expect_err("a rule is missing");
    assert!(mismatch.to_string().contains("index page"), "{mismatch}");
    stream.steps.truncate(mismatch.steps);
    let least = minimise(&server, &stream, 90, wrong, 150).expect("the server answers");
    let statements = least.steps.iter().filter(|it| it.op != Op::Flush).count();
    assert!(statements <= 4, "a row comes, goes, and comes again: {:?}", least.steps);
    let first = first_difference(&server, &least, 90, wrong).expect("the server answers");
    let first = first.expect("it still differs");
    assert_eq!(first.steps, least.steps.len(), "nothing is left behind what shows it");
}

/// An hour of a ring that turns once a second, with a reader who never goes home.
#[test]
fn a_row_updated_3584_times_under_a_held_snapshot_leaves_3584_dead_rows() {
    let Some(server) = server() else { return };
    let mut keys = Keys::default();
    let key = keys.add(b"ring");
    let row = Row { status: 7, run_status: 7, attempt: false };
    let worker = |op| Step { session: 0, op };
    let holder = |op| Step { session: 1, op };
    let mut steps = vec![
        worker(Op::Insert { key, row }),
        holder(Op::Begin(Isolation::RepeatableRead)),
        holder(Op::TakeSnapshot),
    ];
    steps.extend((0..3584).map(|seen| worker(Op::Update { key, seen, row })));
    steps.extend([Op::Flush, Op::Vacuum, Op::Flush].map(worker));
    let checks = vec![steps.len()];
    let stream = Stream { keys: vec![b"ring".to_vec()], steps, checks, sessions: 2 };
    let compared = compare(&server, &stream, 100, Rules::default()).expect("the server answers");
    let compared = compared.unwrap_or_else(|mismatch| panic!("{mismatch}"));
    assert_eq!((compared.stats.updated, compared.stats.dead), (3584, 3584));
}

/// Pages that plans say they read, claim by claim, under every way to hold the horizon back.
#[test]
fn a_claim_reads_as_many_pages_as_its_plan_says() {
    if server().is_none() {
        return;
    }
    for hold in [Hold::Rr, Hold::RcXid, Hold::Cursor, Hold::RcSelect] {
        let (claims, hold_from, hold_until) = (700, 200, 500);
        let short =
            Params { claims, hold, hold_from, hold_until, vacuum: 150, ..Params::default() };
        // In the end of the long one searches begin above what is left of the index.
        let long = Params { claims: 2600, ..Params::default() };
        let params = if hold == Hold::Rr { long } else { short };
        let held = params.held().expect("somebody holds something");
        let real = claims::measure(&params, &mut |_| true).expect("the server answers");
        assert_eq!(real.differences, [], "{hold:?}");
        let mut simulated = Claims::new(&params);
        while simulated.go_on().expect("it is simulated") {}
        let ours: Vec<u64> = simulated.reads().iter().map(Reads::pages).collect();
        let differs = ours.iter().zip(&real.pages).position(|(ours, theirs)| ours != theirs);
        let at = |it: usize| (it, &ours[it..], &real.pages[it..]);
        assert_eq!((differs.map(at), real.pages.len()), (None, ours.len()), "{hold:?}");
        let (before, last) = (ours[held.0 as usize - 1], ours[held.1 as usize - 1]);
        assert_eq!(last > before + 3, hold != Hold::RcSelect, "{hold:?}: {before}, {last}");
    }
}
