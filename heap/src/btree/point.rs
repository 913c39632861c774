//! Where a full page is split: by bytes, by what makes the new high key short, and by duplicates.
//!
//! Every legal point is listed, ordered by how far it is from the split wanted, and among those
//! nearly as good as the best, the first is taken whose two sides differ. A page full of duplicates
//! is split elsewhere, so that the next of them do not split it again at once.

use super::sort::pg_qsort;
use crate::layout::{INDEX_SPACE, LINE_POINTER};

/// A page about to be split, the new entry among its entries.
pub(super) struct Full<'a> {
    pub(super) leaf: bool,
    /// Whether it has no right neighbour.
    pub(super) rightmost: bool,
    /// Bytes of each entry, line pointers included.
    pub(super) sizes: &'a [usize],
    /// Of each entry, the bytes that a high key made of it would not have: its list of rows.
    pub(super) lists: &'a [usize],
    /// Of each entry, whether it has the key of the one before it. Of a leaf.
    pub(super) same: &'a [bool],
    /// The place of the new entry.
    pub(super) new: usize,
    /// Bytes of the old high key, its line pointer included; 0 if there is none.
    pub(super) high_key: usize,
    /// Whether the old high key is the new entry's key.
    pub(super) high_key_same: bool,
    /// Whether points are ordered as the server orders them, or stably.
    pub(super) unstable: bool,
}

/// A way to split.
#[derive(Clone, Copy, Debug)]
struct Point {
    delta: i64,
    left_free: i64,
    right_free: i64,
    /// The first entry of the right half.
    first_right: usize,
}

/// Which points are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Strategy {
    Default,
    ManyDuplicates,
    SingleValue,
}

impl Full<'_> {
    /// _bt_findsplitloc: the first entry of the right half, and how it was chosen.
    pub(super) fn split_point(&self) -> (usize, Strategy) {
        let mut points = self.points();
        let smallest = points.iter().map(|it| self.sizes[it.first_right]).min().unwrap_or(0);
        let (leftmost, rightmost) = (points[0], points[points.len() - 1]);
        let factor = match (self.leaf, self.rightmost) {
            (false, true) => Some(70.0 / 100.0),
            (true, true) => Some(90.0 / 100.0),
            (_, false) => None,
        };
        self.order(&mut points, factor);
        let mut interval = self.interval(&points);
        let (strategy, perfect) = if self.leaf {
            self.strategy(&points[..interval], leftmost, rightmost)
        } else {
            (Strategy::Default, smallest)
        };
        match strategy {
            Strategy::Default => {}
            Strategy::ManyDuplicates => interval = points.len(),
            Strategy::SingleValue => {
                self.order(&mut points, Some(0.96));
                interval = 1;
            }
        }
        let best = self.best(&points[..interval], perfect);
        // Not just before the new entry: more of its key will come, to be put behind it.
        let before_new = !self.rightmost && best.first_right == self.new;
        if strategy == Strategy::ManyDuplicates && before_new {
            return (points[0].first_right, strategy);
        }
        (best.first_right, strategy)
    }

    fn old_total(&self) -> usize {
        self.sizes.iter().sum::<usize>() - self.sizes[self.new]
    }

    /// Every legal point, from left to right.
    fn points(&self) -> Vec<Point> {
        let total: usize = self.sizes.iter().sum();
        let mut points = Vec::with_capacity(self.sizes.len());
        let mut left = 0;
        for (first_right, size) in self.sizes.iter().enumerate() {
            // The left half's high key is made of the right half's first entry. A leaf's may have
            // to name a row; the first entry of an inner page loses its key.
            let list = if *size > 64 { self.lists[first_right] } else { 0 };
            let high_key = if self.leaf { size + 8 - list } else { *size };
            let lost = if self.leaf { 0 } else { size - (8 + LINE_POINTER) };
            let left_free = INDEX_SPACE as i64 - (left + high_key) as i64;
            let right_free = (INDEX_SPACE + lost) as i64 - (self.high_key + total - left) as i64;
            if left_free >= 0 && right_free >= 0 {
                points.push(Point { delta: 0, left_free, right_free, first_right });
            }
            left += size;
        }
        assert!(!points.is_empty(), "a full page can be split somewhere");
        points
    }

    /// Orders points by how far they are from leaving `factor` of the room on the right, or from
    /// halves.
    fn order(&self, points: &mut [Point], factor: Option<f64>) {
        for point in points.iter_mut() {
            let (left, right) = (point.left_free, point.right_free);
            let delta = match factor {
                Some(factor) => (factor * left as f64 - (1.0 - factor) * right as f64) as i64,
                None => left - right,
            };
            point.delta = delta.abs();
        }
        if self.unstable {
            pg_qsort(points, &|it: &Point| it.delta);
        } else {
            points.sort_by_key(|it| it.delta);
        }
    }

    /// How many of the first points are nearly as good as the first.
    fn interval(&self, points: &[Point]) -> usize {
        let tolerance = self.old_total() as f64 * if self.leaf { 0.05 } else { 0.075 };
        let (first, tolerance) = (points[0], tolerance as i64);
        let near = |it: &Point| {
            (it.left_free - first.left_free).abs() <= tolerance
                && (it.right_free - first.right_free).abs() <= tolerance
        };
        points.iter().position(|it| !near(it)).unwrap_or(points.len())
    }

    /// 1 if what is left and what is right of a point differ, else 2.
    fn penalty(&self, last_left: usize, first_right: usize) -> usize {
        let same = self.same[last_left + 1..=first_right].iter().all(|same| *same);
        1 + usize::from(same)
    }

    /// _bt_strategy: the strategy, and the penalty at which to stop looking.
    fn strategy(&self, near: &[Point], leftmost: Point, rightmost: Point) -> (Strategy, usize) {
        let middle = near[0].first_right;
        let (mut left, mut right) = (None, None);
        for point in near.iter().rev() {
            if point.first_right <= middle {
                left = left.or(Some(point));
            }
            if point.first_right >= middle {
                right = right.or(Some(point));
            }
            if left.is_some() && right.is_some() {
                break;
            }
        }
        let (Some(left), Some(right)) = (left, right) else { return (Strategy::Default, 1) };
        let perfect = self.penalty(left.first_right - 1, right.first_right);
        if perfect == 1 {
            return (Strategy::Default, 1);
        }
        if self.penalty(leftmost.first_right - 1, rightmost.first_right) == 1 {
            return (Strategy::ManyDuplicates, 1);
        }
        if self.rightmost || !self.high_key_same {
            return (Strategy::SingleValue, perfect);
        }
        (Strategy::Default, perfect)
    }

    fn best(&self, points: &[Point], perfect: usize) -> Point {
        let (mut best, mut least) = (points[0], usize::MAX);
        for point in points {
            let penalty = match self.leaf {
                true => self.penalty(point.first_right - 1, point.first_right),
                false => self.sizes[point.first_right],
            };
            if penalty < least {
                (best, least) = (*point, penalty);
            }
            if penalty <= perfect {
                break;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(same: &[bool], rightmost: bool) -> (usize, Strategy) {
        let sizes = vec![20; same.len()];
        let full = Full {
            leaf: true,
            rightmost,
            sizes: &sizes,
            lists: &vec![0; same.len()],
            same,
            new: same.len() - 1,
            high_key: if rightmost { 0 } else { 20 },
            high_key_same: false,
            unstable: true,
        };
        full.split_point()
    }

    #[test]
    fn the_rightmost_leaf_keeps_nine_tenths_and_others_half() {
        let different = vec![false; 408];
        let (at, strategy) = leaf(&different, true);
        assert_eq!((at > 360 && at < 370, strategy), (true, Strategy::Default), "{at}");
        let (at, _) = leaf(&different[..407], false);
        assert!((200..=206).contains(&at), "{at}");
    }

    #[test]
    fn a_leaf_of_two_keys_is_split_between_them() {
        let mut same = vec![true; 407];
        (same[0], same[17]) = (false, false);
        assert_eq!(leaf(&same, false), (17, Strategy::ManyDuplicates));
    }

    #[test]
    fn a_leaf_of_one_key_is_left_nearly_full() {
        let mut same = vec![true; 407];
        same[0] = false;
        let (at, strategy) = leaf(&same, false);
        assert_eq!((at > 385, strategy), (true, Strategy::SingleValue), "{at}");
    }
}
