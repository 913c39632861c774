//! Writers as tasks, with one scheduling point between the read and the compare-and-set.

use crate::figure::Work;
use crate::keys::Keys;
use crate::toy::{TRANSITIONS, WRITERS, key_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};

/// How a writer lets others go.
#[derive(Clone, Copy)]
enum Pause {
    Yield,
    Sleep,
}

/// Tokio's own order: first in, first out, whatever the seed.
pub(crate) fn tokio() -> Work {
    let keys = Keys::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let steps = runtime.block_on(tasks(keys.clone()));
    done(&keys, steps)
}

/// The tasks of one host: tokio's order again.
pub(crate) fn one_host(seed: u64) -> Work {
    let (keys, steps) = (Keys::default(), Arc::new(AtomicU64::new(0)));
    let mut sim = turmoil::Builder::new().rng_seed(seed).build();
    let (shared, counted) = (keys.clone(), Arc::clone(&steps));
    sim.client("writers", async move {
        counted.fetch_add(tasks(shared).await, Relaxed);
        Ok(())
    });
    sim.run().expect("the run ends");
    done(&keys, steps.load(Relaxed))
}

/// A host each. They sleep, since a host that only yields runs to its end within one tick, and
/// none would ever meet another.
pub(crate) fn many_hosts(seed: u64) -> Work {
    let (keys, steps) = (Keys::default(), Arc::new(AtomicU64::new(0)));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .enable_random_order()
        .simulation_duration(Duration::from_secs(3_600))
        .build();
    for writer in 0..WRITERS {
        let (keys, steps) = (keys.clone(), Arc::clone(&steps));
        sim.client(format!("w{writer}"), async move {
            steps.fetch_add(write(writer, keys, Pause::Sleep).await, Relaxed);
            Ok(())
        });
    }
    sim.run().expect("the run ends");
    done(&keys, steps.load(Relaxed))
}

fn done(keys: &Keys, steps: u64) -> Work {
    keys.check(WRITERS * TRANSITIONS);
    vec![("transitions", WRITERS * TRANSITIONS), ("steps", steps)]
}

async fn tasks(keys: Keys) -> u64 {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(writer, keys.clone(), Pause::Yield));
    }
    writers.join_all().await.into_iter().sum()
}

/// Counts how often it was resumed, its first run among them.
async fn write(writer: u64, keys: Keys, pause: Pause) -> u64 {
    let mut steps = 1;
    for n in 0..TRANSITIONS {
        let key = key_of(writer, n);
        loop {
            let seen = keys.read(key);
            match pause {
                Pause::Yield => yield_now().await,
                Pause::Sleep => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            steps += 1;
            if keys.cas(key, seen) {
                break;
            }
        }
    }
    steps
}
