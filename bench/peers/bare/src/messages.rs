//! The toy as messages with a latency: a heap of events, the next one first.

use crate::figure::Work;
use crate::toy::{KEYS, TRANSITIONS, WRITERS, key_of};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Read,
    Cas(u64),
    Value(u64),
    Done(bool),
}

/// Messages under way, by when they arrive; the counter settles what falls on one instant.
struct Network {
    rng: Xoshiro256PlusPlus,
    heap: BinaryHeap<Reverse<(u64, u64, u64, Message)>>,
    sent: u64,
}

impl Network {
    fn send(&mut self, now: u64, client: u64, message: Message) {
        const LEAST_NS: u64 = 1_000_000;
        const SPREAD_NS: u128 = 9_000_000;
        let delay = LEAST_NS + ((u128::from(self.rng.next_u64()) * SPREAD_NS) >> 64) as u64;
        self.heap.push(Reverse((now + delay, self.sent, client, message)));
        self.sent += 1;
    }
}

/// Sixteen clients and a server.
pub(crate) fn round(seed: u64) -> Work {
    let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut network = Network { rng, heap: BinaryHeap::new(), sent: 0 };
    let mut keys = [0_u64; KEYS];
    let mut done = [0_u64; WRITERS as usize];
    for client in 0..WRITERS {
        network.send(0, client, Message::Read);
    }
    while let Some(Reverse((now, _, client, message))) = network.heap.pop() {
        let n = &mut done[client as usize];
        let key = key_of(client, *n);
        let next = match message {
            Message::Read => Message::Value(keys[key]),
            Message::Cas(seen) => {
                let same = keys[key] == seen;
                keys[key] += u64::from(same);
                Message::Done(same)
            }
            Message::Value(seen) => Message::Cas(seen),
            Message::Done(same) => {
                *n += u64::from(same);
                if *n == TRANSITIONS {
                    continue;
                }
                Message::Read
            }
        };
        network.send(now, client, next);
    }
    assert_eq!(keys.iter().sum::<u64>(), WRITERS * TRANSITIONS);
    vec![("transitions", WRITERS * TRANSITIONS), ("round_trips", network.sent / 2)]
}
