//! The load on a simulated store: who is answered when, in simulated time.
//!
//! The store is the one that every model here writes to. A request takes effect when it is sent and
//! is answered after a time that is drawn; who is asked to slow down waits as AWS's SDKs do and
//! sends again.

use crate::objects_load::latency::Latency;
use crate::objects_load::load::{Load, Request};
use crate::objects_load::params::Store;
use crate::worlds::objects::{Call, Objects, Profile, Reply};
use sim::prelude::*;
use std::collections::BTreeMap;

/// Microseconds of a millisecond.
const MS: u64 = 1000;
/// The longest wait between two tries, in microseconds.
const WAIT_MAX: u64 = 20_000_000;

/// Microseconds to wait before a request is sent once more that was answered by 503 so often: a
/// random part of one second, of two, of four, up to 20 (AWS SDKs and Tools Reference Guide,
/// "Retry behavior").
pub fn wait(tries: u32, rng: &mut Rng) -> u64 {
    let most = (1_000_000_u64 << tries.saturating_sub(1).min(5)).min(WAIT_MAX);
    rng.below(most) + 1
}

/// A request on its way.
#[derive(Clone, Debug)]
struct Sent {
    request: Request,
    /// When it was sent first.
    began: u64,
    /// How often it was answered by 503.
    slowed: u32,
    /// The answer; none: it is to be sent again.
    reply: Option<Reply>,
}

/// A store that a load is put on.
#[derive(Clone, Debug)]
pub struct Simulated {
    objects: Objects,
    latencies: [Latency; 3],
    mb_per_s: u64,
    rng: Rng,
    now: u64,
    /// What the store's own clock shows, in milliseconds.
    shown_ms: u64,
    /// What happens next, by time, and then in the order in which it was sent.
    due: BTreeMap<(u64, u64), Sent>,
    number: u64,
}

impl Simulated {
    /// An empty store.
    pub fn new(store: &Store, profile: Profile) -> Self {
        let objects = Objects::new(profile);
        Simulated {
            objects: match store.rate() {
                Some(rate) => objects.limited(rate),
                None => objects,
            },
            latencies: store.latencies(),
            mb_per_s: store.mb_per_s,
            rng: Rng::new(store.seed),
            now: 0,
            shown_ms: 0,
            due: BTreeMap::new(),
            number: 0,
        }
    }

    /// Goes on by one answer: whether there was one to come.
    pub fn go_on(&mut self, load: &mut Load) -> bool {
        while let Some(request) = load.next(self.now) {
            self.send(Sent { request, began: self.now, slowed: 0, reply: None });
        }
        let Some(((time, _), mut sent)) = self.due.pop_first() else { return false };
        self.now = time;
        match sent.reply.take() {
            None => self.send(sent),
            Some(Reply::SlowDown) => {
                load.slowed();
                sent.slowed += 1;
                let wait = wait(sent.slowed, &mut self.rng);
                self.put_off(wait, sent);
            }
            Some(reply) => load.answer(&sent.request, &reply, sent.began, self.now),
        }
        true
    }

    fn send(&mut self, mut sent: Sent) {
        let passed = self.now / MS - self.shown_ms;
        self.shown_ms += passed;
        self.objects.pass(u32::try_from(passed).unwrap_or(u32::MAX));
        let Request { call, bytes } = &sent.request;
        let from = CallId { client: ClientId(0), slot: 0 };
        // Only a profile whose conditions are checked apart lets one wait, and none of those is here.
        let Poll::Ready(reply) = self.objects.apply(from, call) else { return };
        let (kind, moved) = match call {
            Call::Put { .. } => (0, *bytes),
            Call::Get { .. } => (1, *bytes),
            Call::List { .. } => (2, 0),
        };
        let took = self.latencies[kind].draw(&mut self.rng) + moved / self.mb_per_s;
        sent.reply = Some(reply);
        self.put_off(took, sent);
    }

    fn put_off(&mut self, by: u64, sent: Sent) {
        self.number += 1;
        self.due.insert((self.now + by, self.number), sent);
    }

    /// Microseconds that are over.
    pub fn now(&self) -> u64 {
        self.now
    }
}
