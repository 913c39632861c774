//! Writers in a loop: one is drawn, and takes a step.

use crate::figure::Work;
use crate::toy::{KEYS, TRANSITIONS, WRITERS, key_of};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A writer that has read and is about to compare and set.
struct Writer {
    id: u64,
    done: u64,
    key: usize,
    /// `None` before its first step.
    seen: Option<u64>,
}

/// Nothing but the loop.
pub(crate) fn bare(seed: u64) -> Work {
    play(seed, |_, _, _| ())
}

/// What a run that can be replayed and compared has to pay at the least: who stepped, and a hash
/// over what came of it.
pub(crate) fn recorded(seed: u64) -> Work {
    let mut log: Vec<u8> = Vec::new();
    let mut hash = seed;
    let work = play(seed, |writer, key, value| {
        log.push(writer as u8);
        let effect = writer << 56 ^ (key as u64) << 48 ^ value;
        hash = (hash.rotate_left(23) ^ effect).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    });
    std::hint::black_box((log, hash));
    work
}

fn play(seed: u64, mut record: impl FnMut(u64, usize, u64)) -> Work {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut keys = [0_u64; KEYS];
    let mut running: Vec<Writer> =
        (0..WRITERS).map(|id| Writer { id, done: 0, key: key_of(id, 0), seen: None }).collect();
    let mut steps = 0;
    while !running.is_empty() {
        // The high half of a product in place of a remainder: no division on the hot path.
        let drawn = ((u128::from(rng.next_u64()) * running.len() as u128) >> 64) as usize;
        let writer = &mut running[drawn];
        let finished = step(writer, &mut keys);
        record(writer.id, writer.key, keys[writer.key]);
        steps += 1;
        if finished {
            running.swap_remove(drawn);
        }
    }
    assert_eq!(keys.iter().sum::<u64>(), WRITERS * TRANSITIONS);
    vec![("transitions", WRITERS * TRANSITIONS), ("steps", steps)]
}

/// Compares and sets what the step before read, then reads for the next. True at the end.
fn step(writer: &mut Writer, keys: &mut [u64; KEYS]) -> bool {
    if writer.seen == Some(keys[writer.key]) {
        keys[writer.key] += 1;
        writer.done += 1;
        if writer.done == TRANSITIONS {
            return true;
        }
        writer.key = key_of(writer.id, writer.done);
    }
    writer.seen = Some(keys[writer.key]);
    false
}
