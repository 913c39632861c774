//! Writers as tasks of one node, with one scheduling point between the read and the
//! compare-and-set.

use crate::figure::Work;
use crate::keys::Keys;
use crate::toy::{TRANSITIONS, WRITERS, key_of};
use madsim::Config;
use madsim::runtime::Runtime;
use madsim::task::{spawn, yield_now};

pub(crate) fn round(seed: u64) -> Work {
    let keys = Keys::default();
    let steps =
        Runtime::with_seed_and_config(seed, Config::default()).block_on(tasks(keys.clone()));
    keys.check(WRITERS * TRANSITIONS);
    vec![("transitions", WRITERS * TRANSITIONS), ("steps", steps)]
}

async fn tasks(keys: Keys) -> u64 {
    let writers: Vec<_> = (0..WRITERS).map(|writer| spawn(write(writer, keys.clone()))).collect();
    let mut steps = 0;
    for writer in writers {
        steps += writer.await.expect("no panic");
    }
    steps
}

/// Counts how often it was resumed, its first run among them.
async fn write(writer: u64, keys: Keys) -> u64 {
    let mut steps = 1;
    for n in 0..TRANSITIONS {
        let key = key_of(writer, n);
        loop {
            let seen = keys.read(key);
            yield_now().await;
            steps += 1;
            if keys.cas(key, seen) {
                break;
            }
        }
    }
    steps
}
