//! Models of moves alone: a graph of worlds.

use super::{Broken, Search};
use crate::model::Model;
use crate::step::{Move, Step};
use crate::world::{Moves, World};
use checker::hash::Fingerprint;
use std::hash::Hash;

/// All worlds that moves can lead to, level by level.
pub(super) fn search<M: Model>(model: &M, search: &mut Search<'_>) -> Option<Broken> {
    let mut level = Vec::new();
    let orders = orders(model, search.limits.symmetry);
    for world in model.worlds() {
        let index = search.nodes.len() as u32;
        // Where it comes from itself there is no step, so any will do.
        let step = Step::World(Move { kind: 0, arg: 0 });
        if search.reach(fingerprint(&world, &orders), index, step) {
            if let Err(violation) = model.invariant(None, &world) {
                return Some(Broken { violation, counterexample: search.path(index) });
            }
            level.push(world);
        }
    }
    let (mut next, mut moves, mut first) = (Vec::new(), Moves::default(), 0);
    while !level.is_empty() && search.stopped.is_none() {
        search.depth += 1;
        for (world, from) in level.iter().zip(first..) {
            if let Some(broken) = expand(model, search, world, from, &mut moves, &mut next, &orders)
            {
                return Some(broken);
            }
        }
        first += level.len() as u32;
        level.clear();
        std::mem::swap(&mut level, &mut next);
    }
    None
}

/// The worlds one move beyond `world`.
fn expand<M: Model>(
    model: &M,
    search: &mut Search<'_>,
    world: &M::World,
    from: u32,
    moves: &mut Moves,
    next: &mut Vec<M::World>,
    orders: &[Vec<u8>],
) -> Option<Broken> {
    moves.clear();
    world.moves(moves);
    if moves.is_empty()
        && let Err(violation) = model.settled(world)
    {
        return Some(Broken { violation, counterexample: search.path(from) });
    }
    for chosen in moves.iter() {
        let mut after = world.clone();
        after.advance(chosen);
        let step = Step::World(chosen);
        let new = search.reach(fingerprint(&after, orders), from, step);
        if new || M::COMPARES {
            let before = M::COMPARES.then_some(world);
            if let Err(violation) = model.invariant(before, &after) {
                return Some(search.beyond(from, step, violation));
            }
        }
        if new {
            next.push(after);
        }
        if search.stopped.is_some() {
            return None;
        }
    }
    None
}

/// The orders that the parties can be called in; none where they keep their names.
fn orders<M: Model>(model: &M, symmetry: bool) -> Vec<Vec<u8>> {
    let parties = model.worlds().first().map_or(0, World::parties);
    if symmetry { permutations(parties) } else { Vec::new() }
}

fn permutations(count: u8) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for party in 0..count {
        let longer = |order: &Vec<u8>| {
            (0..=order.len())
                .map(|at| {
                    let mut order = order.clone();
                    order.insert(at, party);
                    order
                })
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// What stands for a world: the least over all names of its parties.
#[inline]
fn fingerprint<W: World + Clone + Hash>(world: &W, orders: &[Vec<u8>]) -> u128 {
    if orders.is_empty() {
        return Fingerprint::of(world).wide();
    }
    let renamed = orders.iter().map(|order| Fingerprint::of(&world.renamed(order)).wide());
    renamed.min().expect("there is an order at least")
}
