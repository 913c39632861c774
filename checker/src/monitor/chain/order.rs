//! The order that a choice of points stands for.
//!
//! Each stage is its maker and then its readers, by call. An operation that denies a stage goes by
//! its call, unless the stage it denies is the current one then: then it goes right after the maker
//! of the next.

use super::{Mark, Part};

const NOBODY: u32 = u32::MAX;

/// All but the dropped, as indices of the whole history. `points[k]` is where stage `k` begins.
pub(super) fn order<Op, Ret>(
    part: Part<'_, Op, Ret>,
    marks: &[Mark],
    points: &[u64],
) -> Vec<u32> {
    let stages = points.len();
    let mut makers = vec![NOBODY; stages];
    // Where the readers of each stage begin among all readers, once they are counted.
    let mut starts = vec![0_u32; stages + 1];
    let mut timed: Vec<u32> = Vec::new();
    let mut moved: Vec<(u32, u32)> = Vec::new();
    for (position, mark) in marks.iter().enumerate() {
        match *mark {
            Mark::Makes(stage) if (stage as usize) < stages => {
                makers[stage as usize] = position as u32;
            }
            Mark::Sees(stage) => starts[stage as usize] += 1,
            Mark::Avoids(_) | Mark::SeesOdd => {
                match late(*mark, points, call(part, position as u32)) {
                    Some(stage) => {
                        starts[stage] += 1;
                        moved.push((position as u32, stage as u32));
                    }
                    None => timed.push(position as u32),
                }
            }
            Mark::Free => timed.push(position as u32),
            Mark::Makes(_) | Mark::Dropped => {}
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum - *start;
    }
    let mut readers = vec![0_u32; sum as usize];
    let mut fills = starts.clone();
    let mut put = |stage: usize, position: u32| {
        readers[fills[stage] as usize] = position;
        fills[stage] += 1;
    };
    // Those are at the very point where the stage begins, so they go first.
    moved.iter().for_each(|&(position, stage)| put(stage as usize, position));
    for (position, mark) in marks.iter().enumerate() {
        if let Mark::Sees(stage) = *mark {
            put(stage as usize, position as u32);
        }
    }
    merge(part, points, &makers, (&starts, &readers), &timed)
}

/// The stage that an operation has to wait for, if at its call it was one that it denies.
fn late(mark: Mark, points: &[u64], call: u64) -> Option<usize> {
    let begun_at = |stage: usize| stage == 0 || points[stage] < call;
    let current = match mark {
        Mark::Avoids(stage) => {
            let stage = stage as usize;
            let is_current = stage < points.len()
                && begun_at(stage)
                && points.get(stage + 1).is_none_or(|&next| next >= call);
            return is_current.then_some(stage + 1);
        }
        _ => points.partition_point(|&point| point < call).max(1) - 1,
    };
    current.is_multiple_of(2).then_some(current + 1)
}

fn call<Op, Ret>(part: Part<'_, Op, Ret>, position: u32) -> u64 {
    part.get(part.members()[position as usize]).call
}

/// Stage by stage, and before each operation those that go by their own call.
fn merge<Op, Ret>(
    part: Part<'_, Op, Ret>,
    points: &[u64],
    makers: &[u32],
    (starts, readers): (&[u32], &[u32]),
    timed: &[u32],
) -> Vec<u32> {
    let members = part.members();
    let mut order = Vec::with_capacity(makers.len() + readers.len() + timed.len());
    let mut timed = timed.iter().peekable();
    let mut next_timed = timed.peek().map_or(u64::MAX, |&&it| call(part, it));
    for (stage, &point) in points.iter().enumerate() {
        let mut time = point;
        let mut push = |position: u32, time: u64| {
            while next_timed <= time
                && let Some(&one) = timed.next()
            {
                order.push(members[one as usize]);
                next_timed = timed.peek().map_or(u64::MAX, |&&it| call(part, it));
            }
            order.push(members[position as usize]);
        };
        if makers[stage] != NOBODY {
            push(makers[stage], time);
        }
        for &reader in &readers[starts[stage] as usize..starts[stage + 1] as usize] {
            time = time.max(call(part, reader));
            push(reader, time);
        }
    }
    order.extend(timed.map(|&one| members[one as usize]));
    order
}
