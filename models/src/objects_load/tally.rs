//! What came of a phase: how many requests, how long each took, and which promises were kept.
//!
//! Counts are the load's doing and the same on every store that keeps its promises; times are the
//! store's and the machine's. They are kept apart, so that the first can be compared for equality.

use crate::objects_load::load::Phase;

/// What a log on objects leans on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Promise {
    /// A GET after a PUT was acknowledged returns what it put.
    Read,
    /// A LIST after a PUT was acknowledged names its key.
    Listed,
    /// A listing names every key after the one it starts after, once, in order.
    Since,
    /// `If-None-Match: *` on a key that is there is refused.
    Created,
}

impl Promise {
    /// Each.
    pub const ALL: [Promise; 4] =
        [Promise::Read, Promise::Listed, Promise::Since, Promise::Created];

    /// The name it is told by.
    pub fn name(self) -> &'static str {
        match self {
            Promise::Read => "read-after-write",
            Promise::Listed => "list-after-write",
            Promise::Since => "since-complete",
            Promise::Created => "create-once",
        }
    }
}

/// What only the load decides; requests that were asked to slow down apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// PUTs that were answered.
    pub puts: u64,
    /// GETs that were answered.
    pub gets: u64,
    /// Pages of listings.
    pub lists: u64,
    /// Keys that listings named.
    pub keys: u64,
    /// Bytes of objects that were put or got.
    pub bytes: u64,
}

impl Counts {
    /// Each by its name.
    pub fn named(&self) -> [(&'static str, u64); 5] {
        let Counts { puts, gets, lists, keys, bytes } = *self;
        [("puts", puts), ("gets", gets), ("lists", lists), ("keys", keys), ("bytes", bytes)]
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.puts + self.gets + self.lists
    }

    /// Of several phases.
    pub fn sum(all: &[Tally]) -> Counts {
        all.iter().fold(Counts::default(), |sum, Tally { counts: it, .. }| Counts {
            puts: sum.puts + it.puts,
            gets: sum.gets + it.gets,
            lists: sum.lists + it.lists,
            keys: sum.keys + it.keys,
            bytes: sum.bytes + it.bytes,
        })
    }
}

/// What came of a phase so far. Times are microseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// The phase's name.
    pub name: &'static str,
    /// The row it is for.
    pub row: usize,
    /// What only the load decides.
    pub counts: Counts,
    /// Answers of 503: asked to slow down, and sent again.
    pub slowed: u64,
    /// When it began.
    pub began: u64,
    /// When its last answer came.
    pub ended: u64,
    /// How long each PUT, GET or whole listing took, waits for a slow store included.
    took: Vec<u64>,
    /// Of each promise, how often it was kept, and how often put to the test.
    promises: [(u64, u64); Promise::ALL.len()],
}

impl Tally {
    pub(super) fn new(phase: &Phase, now: u64) -> Self {
        Tally {
            name: phase.name,
            row: phase.row,
            counts: Counts::default(),
            slowed: 0,
            began: now,
            ended: now,
            took: Vec::new(),
            promises: Default::default(),
        }
    }

    pub(super) fn keeps(&mut self, promise: Promise, kept: bool) {
        let (held, tried) = &mut self.promises[promise as usize];
        *held += u64::from(kept);
        *tried += 1;
    }

    pub(super) fn moved(&mut self, bytes: u64, took: u64) {
        self.counts.bytes += bytes;
        self.took.push(took);
    }

    /// How often a promise was kept, and how often it was put to the test.
    pub fn kept(&self, promise: Promise) -> (u64, u64) {
        self.promises[promise as usize]
    }

    /// Milliseconds that so many of 100,000 took at most: 50,000 is the median. 0 of nothing.
    pub fn ms(&self, of_100_000: u64) -> f64 {
        quantile(&self.took, of_100_000) as f64 / 1000.0
    }

    /// Seconds from its beginning to its last answer.
    pub fn seconds(&self) -> f64 {
        (self.ended - self.began) as f64 / 1e6
    }

    /// What took as long as each: PUTs, GETs or listings a second.
    pub fn per_second(&self) -> f64 {
        if self.ended == self.began { 0.0 } else { self.took.len() as f64 / self.seconds() }
    }

    /// How long each took, the shortest first.
    pub fn sorted(&self) -> Vec<u64> {
        let mut took = self.took.clone();
        took.sort_unstable();
        took
    }
}

/// The least that so many of 100,000 do not exceed (nearest rank); 0 of nothing.
pub(super) fn quantile(all: &[u64], of_100_000: u64) -> u64 {
    let mut sorted = all.to_vec();
    let rank = (all.len() as u64 * of_100_000).div_ceil(100_000).max(1) as usize;
    if rank > sorted.len() {
        return sorted.last().copied().unwrap_or(0);
    }
    *sorted.select_nth_unstable(rank - 1).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_least_that_so_many_do_not_exceed() {
        let all: Vec<u64> = (1..=1000).rev().collect();
        let at = |of| quantile(&all, of);
        assert_eq!([at(50_000), at(99_000), at(99_900), at(100_000)], [500, 990, 999, 1000]);
        assert_eq!(quantile(&[5], 50_000), 5);
        assert_eq!(quantile(&[], 50_000), 0);
        assert_eq!(quantile(&[1, 2, 3], 99_900), 3);
    }
}
