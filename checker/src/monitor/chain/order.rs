//! The order that a choice of points stands for.
//!
//! An operation takes effect at its call, or where its stage begins if that is later. One that says
//! where the state was not goes by its call too, unless the stage it denies is the current one then:
//! then it waits for the next. So each stage is its maker, and then all others of it by call.

use super::{Mark, Said};

const NOWHERE: u32 = u32::MAX;

/// All but the dropped, by position. `points[k]` is where stage `k` begins; they never go down.
pub(super) fn order(said: &[Said], points: &[u64]) -> Vec<u32> {
    let mut counts = vec![0_u32; points.len() + 1];
    let stages = stages(said, points, &mut counts);
    // Where the next one of each stage goes; its maker is the first.
    let mut sum = 0;
    let mut places = Vec::with_capacity(points.len());
    for (k, count) in counts.iter().enumerate() {
        places.push(sum + u32::from(k > 0));
        sum += count;
    }
    let mut order = vec![NOWHERE; sum as usize];
    let mut makers = vec![NOWHERE; points.len()];
    for ((position, it), stage) in (0..).zip(said).zip(stages) {
        if stage == NOWHERE {
            continue;
        }
        if let Mark::Makes(_) = it.mark {
            makers[stage as usize] = position;
        } else {
            order[places[stage as usize] as usize] = position;
            places[stage as usize] += 1;
        }
    }
    let mut first = counts[0];
    for (maker, count) in makers[1..].iter().zip(&counts[1..]) {
        order[first as usize] = *maker;
        first += count;
    }
    order
}

/// The stage in which each takes effect, and how many each has.
fn stages(said: &[Said], points: &[u64], counts: &mut [u32]) -> Vec<u32> {
    let mut stages = Vec::with_capacity(said.len());
    let mut current = 0;
    for it in said {
        while points.get(current + 1).is_some_and(|&point| point < it.call) {
            current += 1;
        }
        let now = current as u32;
        let stage = match it.mark {
            Mark::Makes(stage) if stage as usize >= points.len() => NOWHERE,
            Mark::Makes(stage) | Mark::Sees(stage) => stage,
            Mark::Avoids(stage) => now + u32::from(stage == now),
            Mark::SeesOdd => now | 1,
            Mark::Free | Mark::Before(_) => now,
            Mark::Dropped => NOWHERE,
        };
        if stage != NOWHERE {
            counts[stage as usize] += 1;
        }
        stages.push(stage);
    }
    stages
}
