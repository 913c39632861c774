//! 503 SlowDown: how many requests a store takes in a second under one prefix.
//!
//! S3 promises at least 3,500 writes and 5,500 reads a second per partitioned prefix, and may
//! answer 503 beyond that. Time passes here only while somebody sleeps, so whoever does not wait is
//! asked to slow down for ever.

use super::objects::Call;
use std::collections::BTreeMap;

/// What a store takes in a second under one prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rate {
    /// PUTs.
    pub puts: u32,
    /// GETs and LISTs.
    pub gets: u32,
}

impl Rate {
    /// What S3 promises.
    pub const S3: Rate = Rate { puts: 3500, gets: 5500 };

    /// A smaller store, in the same proportion.
    pub fn of_puts(puts: u32) -> Rate {
        Rate { puts, gets: (puts * Self::S3.gets).div_ceil(Self::S3.puts) }
    }
}

/// The requests of this second.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Spent {
    rate: Rate,
    /// Writes and reads so far, by prefix.
    prefixes: BTreeMap<String, (u32, u32)>,
    left_ms: u32,
}

/// A second.
pub(super) const SECOND_MS: u32 = 1000;

impl Spent {
    pub(super) fn new(rate: Rate) -> Self {
        Spent { rate, prefixes: BTreeMap::new(), left_ms: SECOND_MS }
    }

    /// Counts a request, if there is room for it in this second.
    pub(super) fn admits(&mut self, call: &Call) -> bool {
        let (key, writes) = match call {
            Call::Put { key, .. } => (key, true),
            Call::Get { key } => (key, false),
            Call::List { prefix, .. } => (prefix, false),
        };
        let prefix = key.rsplit_once('/').map_or("", |(prefix, _)| prefix);
        let (puts, gets) = self.prefixes.entry(prefix.to_owned()).or_default();
        let (spent, most) = if writes { (puts, self.rate.puts) } else { (gets, self.rate.gets) };
        let admits = *spent < most;
        *spent += u32::from(admits);
        admits
    }

    pub(super) fn pass(&mut self, ms: u32) {
        if ms < self.left_ms {
            self.left_ms -= ms;
            return;
        }
        self.left_ms = SECOND_MS - (ms - self.left_ms) % SECOND_MS;
        self.prefixes.clear();
    }
}
