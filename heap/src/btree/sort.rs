//! The server's sort, Bentley and McIlroy's quicksort, because it is not stable.
//!
//! Split points that are equally good stay in no particular order but in a fixed one: which of them
//! comes first decides the split. So their sort is followed move for move.

/// Sorts by `key`, as the server's `qsort` does.
pub(super) fn pg_qsort<T: Copy, K: Ord>(all: &mut [T], key: &impl Fn(&T) -> K) {
    let n = all.len();
    if all.is_sorted_by_key(key) {
        return;
    }
    if n < 7 {
        for outer in 1..n {
            let mut at = outer;
            while at > 0 && key(&all[at - 1]) > key(&all[at]) {
                all.swap(at, at - 1);
                at -= 1;
            }
        }
        return;
    }
    all.swap(0, pivot(all, key));
    let (smaller, larger) = partition(all, key);
    pg_qsort(&mut all[..smaller], key);
    pg_qsort(&mut all[n - larger..], key);
}

/// Of seven the middle; of more the median of three, or of three such medians.
fn pivot<T, K: Ord>(all: &[T], key: &impl Fn(&T) -> K) -> usize {
    let n = all.len();
    if n == 7 {
        return n / 2;
    }
    let median = |a, b, c| median(all, key, a, b, c);
    if n <= 40 {
        return median(0, n / 2, n - 1);
    }
    let d = n / 8;
    let low = median(0, d, 2 * d);
    let middle = median(n / 2 - d, n / 2, n / 2 + d);
    let high = median(n - 1 - 2 * d, n - 1 - d, n - 1);
    median(low, middle, high)
}

fn median<T, K: Ord>(all: &[T], key: &impl Fn(&T) -> K, a: usize, b: usize, c: usize) -> usize {
    let less = |one: usize, other: usize| key(&all[one]) < key(&all[other]);
    if less(a, b) {
        if less(b, c) {
            b
        } else if less(a, c) {
            c
        } else {
            a
        }
    } else if less(c, b) {
        b
    } else if less(a, c) {
        a
    } else {
        c
    }
}

/// Brings what is smaller than the first to the left and what is larger to the right: how many
/// there are of each.
fn partition<T: Copy, K: Ord>(all: &mut [T], key: &impl Fn(&T) -> K) -> (usize, usize) {
    let n = all.len();
    // Equals gather at both ends first: 1..a and d + 1.. hold them.
    let (mut a, mut b, mut c, mut d) = (1, 1, n - 1, n - 1);
    loop {
        while b <= c && key(&all[b]) <= key(&all[0]) {
            if key(&all[b]) == key(&all[0]) {
                all.swap(a, b);
                a += 1;
            }
            b += 1;
        }
        while b <= c && key(&all[c]) >= key(&all[0]) {
            if key(&all[c]) == key(&all[0]) {
                all.swap(c, d);
                d -= 1;
            }
            c -= 1;
        }
        if b > c {
            break;
        }
        all.swap(b, c);
        b += 1;
        c -= 1;
    }
    let left = a.min(b - a);
    for at in 0..left {
        all.swap(at, b - left + at);
    }
    let right = (d - c).min(n - 1 - d);
    for at in 0..right {
        all.swap(b + at, n - right + at);
    }
    (b - a, d - c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn it_sorts_and_is_not_stable() {
        let mut random = Random::new(1);
        let mut moved = 0;
        for length in 0..400 {
            let all: Vec<(u64, usize)> =
                (0..length).map(|at| (random.below(length as u64 / 3 + 1), at)).collect();
            let (mut ours, mut stable) = (all.clone(), all);
            pg_qsort(&mut ours, &|it| it.0);
            stable.sort_by_key(|it| it.0);
            assert!(ours.is_sorted_by_key(|it| it.0));
            moved += usize::from(ours != stable);
            ours.sort();
            assert_eq!(ours, stable, "nothing is lost");
        }
        assert!(moved > 300, "equals change places: {moved}");
    }
}
