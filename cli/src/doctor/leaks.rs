//! One thing leaks into each of these models, and `doctor` finds it.
//!
//! They are what clippy and `tidy` keep out of the product's models, planted on purpose: a check
//! that nothing was ever found by is no evidence that there is nothing to find.

use super::ways::{Leak, Patient};
use checker::specs::nothing::Nothing;
use sim::determinism::record;
use sim::prelude::*;
use sim::registry::{AnyModel, Registered};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What leaks, the way of running a seed that shows it, and the values it gives a client to send.
type Planted = (&'static str, &'static str, fn() -> Vec<u64>);

const AGAIN: &str = "run again after others";
const LEAKS: [Planted; 9] = [
    ("nothing", "", || vec![1, 2, 3]),
    ("the order of a hash map", AGAIN, || {
        (0..16).map(|key| (key, ())).collect::<HashMap<u64, ()>>().into_keys().collect()
    }),
    ("a steady clock", AGAIN, || vec![STARTED.elapsed().as_nanos() as u64]),
    ("the time of day", AGAIN, || {
        vec![SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_nanos() as u64)]
    }),
    ("ambient randomness", AGAIN, || vec![RandomState::new().build_hasher().finish()]),
    ("what another run left behind", AGAIN, || vec![RUNS.fetch_add(1, Ordering::Relaxed)]),
    ("the thread", "run on another thread", || {
        let name = format!("{:?}", std::thread::current().id());
        vec![name.bytes().fold(0, |all, it| all * 31 + u64::from(it))]
    }),
    ("the process", "run in a fresh process", || vec![u64::from(std::process::id())]),
    // Where it shows is the allocator's business; that it shows is ours.
    ("an address", "run ", || vec![&raw const *Box::new(0_u64) as usize as u64]),
];

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
static RUNS: AtomicU64 = AtomicU64::new(0);

/// One client that sends the values of `LEAKS[LEAK]`, after one that is always the same.
#[derive(Clone)]
struct Leaky<const LEAK: usize>;

#[derive(Clone, Default, Serialize, Deserialize)]
struct NoParams {}

impl Params for NoParams {}

/// Answers what it is asked.
#[derive(Clone, Hash)]
struct Echo;

impl World for Echo {
    type Call = u64;
    type Reply = ();

    fn apply(&mut self, _from: CallId, _call: &u64) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Legible for Echo {}

impl<const LEAK: usize> Model for Leaky<LEAK> {
    const NAME: &'static str = "leaky";
    const ABOUT: &'static str = "a client that says what it should not know";
    const VERSION: u32 = 1;
    type Params = NoParams;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Echo;
    type Spec = Nothing;

    fn new(_params: NoParams, _mutant: Option<()>) -> Self {
        Leaky
    }

    fn clients(&self) -> u16 {
        1
    }

    fn worlds(&self) -> Vec<Echo> {
        vec![Echo]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    async fn client(self, io: Io<Self>) {
        let _ = io.call(7).await;
        for value in LEAKS[LEAK].2() {
            let _ = io.call(value).await;
        }
    }
}

const MODELS: [&dyn AnyModel; LEAKS.len()] = [
    &Registered::<Leaky<0>>::new(),
    &Registered::<Leaky<1>>::new(),
    &Registered::<Leaky<2>>::new(),
    &Registered::<Leaky<3>>::new(),
    &Registered::<Leaky<4>>::new(),
    &Registered::<Leaky<5>>::new(),
    &Registered::<Leaky<6>>::new(),
    &Registered::<Leaky<7>>::new(),
    &Registered::<Leaky<8>>::new(),
];

/// Which model, and which seeds, a fresh process is to record: `6 0 20`.
const ASKED: &str = "UNFORKED_LEAK";
const CHILD: &str = "doctor::leaks::a_fresh_process_records_the_seeds_it_is_given";

fn examine(leak: usize) -> Option<Leak> {
    let fresh = |seeds: Range<u64>| {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", CHILD, "--nocapture", "--test-threads=1"]);
        command.env(ASKED, format!("{leak} {} {}", seeds.start, seeds.end));
        Ok(command)
    };
    let patient = Patient { model: MODELS[leak], fresh: &fresh };
    patient.examine(20).unwrap_or_else(|failure| panic!("{}: {}", LEAKS[leak].0, failure.why))
}

/// This test is also what the fresh process runs.
#[test]
fn a_fresh_process_records_the_seeds_it_is_given() {
    let asked = std::env::var(ASKED).unwrap_or_else(|_| "0 5 8".to_owned());
    let numbers: Vec<u64> = asked.split(' ').filter_map(|it| it.parse().ok()).collect();
    let [leak, from, to] = numbers[..] else { panic!("{ASKED} is '{asked}'") };
    let mut session = MODELS[leak as usize].session(&Default::default(), None).expect("no setup");
    let recordings = record(session.as_mut(), from..to);
    assert_eq!(recordings.len() as u64, to - from);
    for recording in recordings {
        // The test runner may have begun a line.
        println!("\n{}", serde_json::json!(recording));
    }
}

#[test]
fn where_nothing_leaks_nothing_is_found() {
    assert!(examine(0).is_none_or(|leak| panic!("{}: {}", leak.how, leak.parted)));
}

#[test]
fn each_planted_leak_is_found_at_the_step_that_first_shows_it() {
    for (leak, (what, how, _)) in LEAKS.iter().enumerate().skip(1) {
        let found = examine(leak).unwrap_or_else(|| panic!("{what} leaks and was not found"));
        assert!(found.how.starts_with(how), "{what}: {}, {}", found.how, found.parted);
        let parted = found.parted;
        assert!(parted.step > 1, "{what}: the first call is always the same: {parted}");
        assert_ne!(parted.first, parted.second, "{what}: the words show it");
        assert!(parted.to_string().contains(&format!("'{}'", parted.first)), "{what}: {parted}");
    }
}

#[test]
fn a_seed_that_is_run_twice_says_where_the_two_part() {
    let twice = |leak: usize| {
        let scenario = sim::scenario::Scenario::of(3);
        let parted = crate::twice::parted(MODELS[leak], &Default::default(), None, scenario);
        parted.unwrap_or_else(|failure| panic!("{}: {}", LEAKS[leak].0, failure.why))
    };
    assert_eq!(twice(0), None);
    let parted = twice(5).expect("what another run left behind");
    assert_eq!((parted.seed, parted.step), (3, 2), "{parted}");
}
