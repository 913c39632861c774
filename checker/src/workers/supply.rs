//! Numbers that several workers take from, lowest first, a share at a time.
//!
//! Two things must not depend on who was faster: which numbers were worked on, as far as anybody
//! asks, and that each of them was worked on once. So a share that is taken is worked on to its end
//! whatever happens meanwhile, and whoever has seen enough says so by a number: those above it may
//! be spared, those below it never are.

use crate::sync::{AtomicU64, Ordering::Relaxed};
use std::ops::Range;

/// A range of numbers that is shared out.
#[derive(Debug)]
pub struct Supply {
    range: Range<u64>,
    share: u64,
    /// How many shares were asked for: it is these that are counted, and not numbers, because the
    /// numbers may go up to the last there is.
    asked: AtomicU64,
    /// The lowest number after which nothing is wanted.
    enough: AtomicU64,
}

impl Supply {
    /// The numbers of `range`, so many at a time; the last share may be smaller.
    pub fn new(range: Range<u64>, share: u64) -> Self {
        let share = share.max(1);
        Supply { range, share, asked: AtomicU64::new(0), enough: AtomicU64::new(u64::MAX) }
    }

    /// Calls `job` with one share after the other until none is left for this worker, or until it
    /// is told that the time has come to end. It is asked before a share is taken, so that what is
    /// taken is also worked on.
    pub fn work(&self, is_over: impl Fn() -> bool, mut job: impl FnMut(Range<u64>)) {
        while !is_over()
            && let Some(share) = self.take()
        {
            job(share);
        }
    }

    /// Nothing above `number` is wanted any more; what is below it still is.
    pub fn enough(&self, number: u64) {
        self.enough.fetch_min(number, Relaxed);
    }

    fn take(&self) -> Option<Range<u64>> {
        let before = self.asked.fetch_add(1, Relaxed).checked_mul(self.share)?;
        let from = self.range.start.checked_add(before)?;
        let is_wanted = self.range.contains(&from) && from <= self.enough.load(Relaxed);
        is_wanted.then(|| from..from.saturating_add(self.share).min(self.range.end))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn taken(supply: &Supply) -> Vec<Range<u64>> {
        let mut taken = Vec::new();
        supply.work(|| false, |share| taken.push(share));
        taken
    }

    #[test]
    fn the_last_share_is_what_is_left() {
        assert_eq!(taken(&Supply::new(3..10, 3)), [3..6, 6..9, 9..10]);
        assert!(taken(&Supply::new(3..3, 3)).is_empty());
    }

    #[test]
    fn the_last_numbers_there_are_can_be_shared_out() {
        let last = u64::MAX;
        let supply = Supply::new(last - 3..last, 2);
        assert_eq!(taken(&supply), [last - 3..last - 1, last - 1..last]);
        assert!(taken(&supply).is_empty(), "nor does it begin anew");
    }

    #[test]
    fn what_is_below_the_lowest_that_is_enough_is_still_wanted() {
        let supply = Supply::new(0..100, 10);
        supply.enough(35);
        supply.enough(57);
        assert_eq!(taken(&supply), [0..10, 10..20, 20..30, 30..40]);
    }

    #[test]
    fn nothing_is_taken_when_it_is_over() {
        let supply = Supply::new(0..2, 1);
        supply.work(|| true, |share| panic!("{share:?} was taken"));
        assert_eq!(taken(&supply), [0..1, 1..2]);
    }
}
