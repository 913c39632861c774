//! What a snapshot waits in a buffer until its batch is sent.
//!
//! A batch is sent when it is full, or when its first snapshot has waited long enough. Nothing here
//! depends on the store: what comes when is drawn, and the same batches are put on every store.

use crate::objects_load::params::Batching;
use sim::rng::Rng;

/// Batches, and what was waited for them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Buffered {
    /// Snapshots of each batch.
    pub(super) batches: Vec<u64>,
    /// Microseconds that each snapshot waited.
    pub(super) waits: Vec<u64>,
}

impl Buffered {
    /// Snapshots come one after another, the gaps between them drawn evenly from nothing to twice
    /// the mean. What is left at the end is sent with the last one.
    pub(super) fn new(params: &Batching, batch: u64) -> Self {
        let mut rng = Rng::new(params.store.seed);
        let gap_max = 2_000_000 / params.arrivals + 1;
        let linger = if params.linger_ms == 0 { u64::MAX } else { params.linger_ms * 1000 };
        let mut buffered = Buffered::default();
        let mut held: Vec<u64> = Vec::new();
        let mut now = 0;
        for _ in 0..params.snapshots {
            now += rng.below(gap_max);
            let full = held.first().map(|it| it.saturating_add(linger));
            if let Some(time) = full.filter(|it| *it < now) {
                buffered.send(&mut held, time);
            }
            held.push(now);
            if held.len() as u64 == batch {
                buffered.send(&mut held, now);
            }
        }
        if !held.is_empty() {
            buffered.send(&mut held, now);
        }
        buffered
    }

    fn send(&mut self, held: &mut Vec<u64>, now: u64) {
        self.batches.push(held.len() as u64);
        self.waits.extend(held.drain(..).map(|came| now - came));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snapshot_is_in_one_batch_and_waits_until_it_is_sent() {
        let params = Batching { snapshots: 1001, ..Batching::default() };
        let of = |params: &Batching, batch| Buffered::new(params, batch);
        let alone = of(&params, 1);
        assert_eq!((alone.batches.len(), alone.waits.iter().max()), (1001, Some(&0)));
        let twenty = of(&params, 20);
        assert_eq!((twenty.batches.len(), twenty.batches.last()), (51, Some(&1)));
        assert_eq!(twenty.waits.len(), 1001);
        // The first of twenty waits for nineteen more, 2 ms each.
        let first: Vec<u64> = twenty.waits.iter().step_by(20).copied().collect();
        let mean = first.iter().sum::<u64>() / first.len() as u64;
        assert!((34_000..42_000).contains(&mean), "{mean}");
    }

    #[test]
    fn nothing_waits_longer_than_it_may_linger() {
        let params = Batching { linger_ms: 10, ..Batching::default() };
        let buffered = Buffered::new(&params, 50);
        assert!(buffered.waits.iter().all(|it| *it <= 10_000));
        assert_eq!(buffered.batches.iter().sum::<u64>(), params.snapshots);
        assert!(buffered.batches.len() > 2000 / 50 && buffered.batches.len() < 2000);
    }
}
