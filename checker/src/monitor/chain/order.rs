//! The order that a choice of points stands for.
//!
//! Each stage is its maker and then its readers, by call. An operation that denies a stage goes by
//! its call, unless the stage it denies is the current one then: then it goes right after the maker
//! of the next.

use super::{Mark, Said};

const NOBODY: u32 = u32::MAX;

/// All but the dropped, by position. `points[k]` is where stage `k` begins.
pub(super) fn order(said: &[Said], points: &[u64]) -> Vec<u32> {
    let stages = points.len();
    // Where what is in each stage begins among all, once it is counted; the maker comes first.
    let mut starts = vec![0_u32; stages + 1];
    let mut timed: Vec<u32> = Vec::new();
    let mut moved: Vec<(u32, u32)> = Vec::new();
    for (position, it) in (0..).zip(said) {
        match it.mark {
            Mark::Makes(stage) if (stage as usize) < stages => starts[stage as usize] += 1,
            Mark::Sees(stage) => starts[stage as usize] += 1,
            Mark::Avoids(_) | Mark::SeesOdd => match late(it, points) {
                Some(stage) => {
                    starts[stage] += 1;
                    moved.push((position, stage as u32));
                }
                None => timed.push(position),
            },
            Mark::Free | Mark::Before(_) => timed.push(position),
            Mark::Makes(_) | Mark::Dropped => {}
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum - *start;
    }
    let mut order = vec![NOBODY; sum as usize];
    // From here on `starts[k]` is where the next one goes; in the end, where stage k + 1 begins.
    for (k, start) in starts[..stages].iter_mut().enumerate() {
        *start += u32::from(k > 0);
    }
    let mut put = |stage: u32, position: u32| {
        let next = &mut starts[stage as usize];
        order[*next as usize] = position;
        *next += 1;
    };
    // Those are at the very point where the stage begins, so they go before its readers.
    moved.iter().for_each(|&(position, stage)| put(stage, position));
    let mut makers = vec![NOBODY; stages];
    for (position, it) in (0..).zip(said) {
        match it.mark {
            Mark::Sees(stage) => put(stage, position),
            Mark::Makes(stage) if (stage as usize) < stages => makers[stage as usize] = position,
            _ => {}
        }
    }
    for k in 1..stages {
        order[starts[k - 1] as usize] = makers[k];
    }
    if timed.is_empty() { order } else { merge(said, points, (&starts, &order), &timed) }
}

/// The stage that an operation has to wait for, if at its call it was one that it denies.
fn late(said: &Said, points: &[u64]) -> Option<usize> {
    let current = match said.mark {
        Mark::Avoids(stage) => {
            let stage = stage as usize;
            let is_current = stage < points.len()
                && (stage == 0 || points[stage] < said.call)
                && points.get(stage + 1).is_none_or(|&next| next >= said.call);
            return is_current.then_some(stage + 1);
        }
        _ => points.partition_point(|&point| point < said.call).max(1) - 1,
    };
    current.is_multiple_of(2).then_some(current + 1)
}

/// Before each operation those that go by their own call. `ends` says where each stage ends.
fn merge(
    said: &[Said],
    points: &[u64],
    (ends, order): (&[u32], &[u32]),
    timed: &[u32],
) -> Vec<u32> {
    let mut merged = Vec::with_capacity(order.len() + timed.len());
    let mut timed = timed.iter().map(|&one| (said[one as usize].call, one)).peekable();
    let mut begin = 0;
    for (&point, &end) in points.iter().zip(ends) {
        let mut time = point;
        for &position in &order[begin as usize..end as usize] {
            time = time.max(said[position as usize].call);
            while let Some((_, one)) = timed.next_if(|(call, _)| *call <= time) {
                merged.push(one);
            }
            merged.push(position);
        }
        begin = end;
    }
    merged.extend(timed.map(|(_, one)| one));
    merged
}
