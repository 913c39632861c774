//! Names by rank: where one is, and how many of a range are there while names come and go.
//!
//! A tree of sums (Fenwick, "A new data structure for cumulative frequency tables", 1994), so that
//! a listing is compared by a number and not name by name.

use std::ops::Range;

/// Where `name` is among `sorted`, or would be, from `from` on: most often it is the very next.
pub(super) fn rank_of<T>(
    sorted: &[T],
    from: usize,
    name: &str,
    name_of: impl Fn(&T) -> &str,
) -> usize {
    let rest = sorted.get(from..).unwrap_or_default();
    match rest.first() {
        Some(next) if name_of(next) == name => from,
        _ => from + rest.partition_point(|it| name_of(it) < name),
    }
}

/// Names by rank, each there or not.
pub(super) struct There(Vec<u32>);

impl There {
    /// None of `count` names is there.
    pub(super) fn new(count: usize) -> Self {
        There(vec![0; count + 1])
    }

    pub(super) fn add(&mut self, rank: usize) {
        self.change(rank, 1);
    }

    pub(super) fn remove(&mut self, rank: usize) {
        self.change(rank, u32::MAX);
    }

    fn change(&mut self, rank: usize, by: u32) {
        let mut k = rank + 1;
        while k < self.0.len() {
            self.0[k] = self.0[k].wrapping_add(by);
            k += k & k.wrapping_neg();
        }
    }

    fn below(&self, rank: usize) -> u32 {
        let (mut k, mut sum) = (rank, 0_u32);
        while k > 0 {
            sum = sum.wrapping_add(self.0[k]);
            k &= k - 1;
        }
        sum
    }

    pub(super) fn within(&self, ranks: &Range<usize>) -> u32 {
        self.below(ranks.end.max(ranks.start)).wrapping_sub(self.below(ranks.start))
    }
}
