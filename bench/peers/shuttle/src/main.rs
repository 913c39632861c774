//! The toy on shuttle: threads under shuttle's atomics, and futures that yield.

#[path = "../../shared/figure.rs"]
mod figure;
#[path = "../../shared/keys.rs"]
mod keys;
#[path = "../../shared/toy.rs"]
mod toy;

use figure::{Figure, Work};
use keys::Keys;
use shuttle::future;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::atomic::{AtomicU64, Ordering::SeqCst};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner, thread};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Counter, Ordering::Relaxed};
use toy::{KEYS, TRANSITIONS, WRITERS, key_of};

const PCT_DEPTH: usize = 3;
/// Runs in a round: PCT spends its first on learning how long a run is, and changes no priority.
const RUNS: usize = 8;

fn main() -> ExitCode {
    let random = |seed| RandomScheduler::new_from_seed(seed, RUNS);
    let pct = |seed| PctScheduler::new_from_seed(seed, PCT_DEPTH, RUNS);
    figure::answer(&[
        Figure::new("steps", "shuttle random, threads", move |seed| play(random(seed), threads)),
        Figure::new("steps", "shuttle random, futures", move |seed| play(random(seed), futures)),
        Figure::new("steps", "shuttle PCT d=3, threads", move |seed| play(pct(seed), threads)),
    ])
}

fn play(scheduler: impl Scheduler + 'static, toy: fn(&Counter)) -> Work {
    let mut config = Config::new();
    // These are long runs: past the limit meant for a short test, and nothing to keep of it.
    config.max_steps = MaxSteps::None;
    config.failure_persistence = FailurePersistence::None;
    let steps = Arc::new(Counter::new(0));
    let counted = Arc::clone(&steps);
    Runner::new(scheduler, config).run(move || toy(&counted));
    vec![("transitions", RUNS as u64 * WRITERS * TRANSITIONS), ("steps", steps.load(Relaxed))]
}

/// Every operation on an atomic is a scheduling point: two in an attempt.
fn threads(steps: &Counter) {
    let keys: Arc<[AtomicU64; KEYS]> = Arc::default();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let keys = Arc::clone(&keys);
            thread::spawn(move || write(writer, &keys))
        })
        .collect();
    let attempts: u64 = writers.into_iter().map(|writer| writer.join().expect("no panic")).sum();
    steps.fetch_add(attempts * 2, Relaxed);
    let sum: u64 = keys.iter().map(|key| key.load(SeqCst)).sum();
    assert_eq!(sum, WRITERS * TRANSITIONS);
}

fn write(writer: u64, keys: &[AtomicU64; KEYS]) -> u64 {
    let mut attempts = 0;
    for n in 0..TRANSITIONS {
        let key = &keys[key_of(writer, n)];
        loop {
            attempts += 1;
            let seen = key.load(SeqCst);
            if key.compare_exchange(seen, seen + 1, SeqCst, SeqCst).is_ok() {
                break;
            }
        }
    }
    attempts
}

/// One scheduling point in an attempt, as with the other peers that run tasks.
fn futures(steps: &Counter) {
    let keys = Keys::default();
    let writers: Vec<_> =
        (0..WRITERS).map(|writer| future::spawn(yielding(writer, keys.clone()))).collect();
    future::block_on(async {
        for writer in writers {
            steps.fetch_add(writer.await.expect("no panic"), Relaxed);
        }
    });
    keys.check(WRITERS * TRANSITIONS);
}

async fn yielding(writer: u64, keys: Keys) -> u64 {
    let mut steps = 1;
    for n in 0..TRANSITIONS {
        let key = key_of(writer, n);
        loop {
            let seen = keys.read(key);
            future::yield_now().await;
            steps += 1;
            if keys.cas(key, seen) {
                break;
            }
        }
    }
    steps
}
