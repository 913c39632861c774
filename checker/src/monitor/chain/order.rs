//! The order that a choice of points stands for.
//!
//! An operation takes effect at its call, or where its stage begins if that is later. One that says
//! where the state was not goes by its call too, unless the stage it denies is the current one then:
//! then it waits for the next. So each stage is its maker, and then all others of it by call.
//!
//! That is a sort by counting. What each operation says is as good as random, so nothing here asks
//! by a branch: a wrong guess costs more than all the rest.

use super::{Mark, Said};

/// All but the dropped, by position. `points[k]` is where stage `k` begins; they never go down.
pub(super) fn order(mut said: Vec<Said>, points: &[u64]) -> Vec<u32> {
    let mut places = place(&mut said, points);
    let nowhere = places[points.len()].maker;
    let mut order = vec![0; said.len()];
    for (position, it) in (0..).zip(&said) {
        let place = &mut places[it.mark.stage() as usize];
        let is_maker = it.mark.kind() == Mark::Makes(0).kind();
        order[if is_maker { place.maker } else { place.next } as usize] = position;
        place.next += u32::from(!is_maker);
    }
    order.truncate(nowhere as usize);
    order
}

/// Where operations of a stage go.
#[derive(Clone, Copy)]
struct Place {
    /// Its maker.
    maker: u32,
    /// The next of the others.
    next: u32,
}

/// Says of each operation in which stage it takes effect, and gives the places of all stages. What
/// is nowhere is in one behind the last.
fn place(said: &mut [Said], points: &[u64]) -> Vec<Place> {
    let mut places = vec![Place { maker: 0, next: 0 }; points.len() + 1];
    let nowhere = points.len() as u32;
    let mut current = 0;
    for it in said {
        while points.get(current + 1).is_some_and(|&point| point < it.call) {
            current += 1;
        }
        let (now, stage) = (current as u32, it.mark.stage());
        let after = now + u32::from(stage == now);
        let by_kind = [nowhere, now, stage.min(nowhere), stage, after, now, now | 1];
        let kind = it.mark.kind();
        let stage = by_kind[kind];
        let is_maker = kind == Mark::Makes(0).kind();
        it.mark = if is_maker { Mark::Makes(stage) } else { Mark::Sees(stage) };
        places[stage as usize].next += 1;
    }
    let mut sum = 0;
    for (k, place) in (0..).zip(&mut places) {
        let count = place.next;
        // Nobody makes the first, nor what is nowhere.
        let is_made = k > 0 && k < nowhere;
        *place = Place { maker: sum, next: sum + u32::from(is_made) };
        sum += count;
    }
    places
}
