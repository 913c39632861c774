//! Models of moves alone: a graph of worlds.

use super::{Broken, Search};
use crate::model::Model;
use crate::step::{Move, Step};
use crate::world::{Moves, World};
use checker::Violation;
use checker::hash::Chain;
use std::hash::Hash;

/// Successors that are looked up together: the table is far from the processor, and looks at it
/// that do not wait for each other take little longer than one.
pub(super) const BATCH: usize = 64;

/// What is held to every step, and to every state that has none.
pub(super) trait Judge<W> {
    fn step(&self, before: Option<&W>, now: &W) -> Result<(), Violation>;
    fn end(&self, world: &W) -> Result<(), Violation>;
}

/// All that a model promises.
pub(super) struct Whole<'a, M>(pub(super) &'a M);

impl<M: Model> Judge<M::World> for Whole<'_, M> {
    #[inline]
    fn step(&self, before: Option<&M::World>, now: &M::World) -> Result<(), Violation> {
        self.0.invariant(before, now)
    }

    fn end(&self, world: &M::World) -> Result<(), Violation> {
        self.0.settled(world)
    }
}

/// All worlds that moves can lead to, level by level.
pub(super) fn search<M: Model, J: Judge<M::World>>(
    model: &M,
    search: &mut Search<'_, u64>,
    judge: &J,
) -> Option<Broken> {
    let known = Known::new(model, search.limits.symmetry);
    let mut level = Vec::new();
    for (start, world) in model.worlds().into_iter().enumerate() {
        let index = search.nodes.len() as u32;
        // Where it comes from itself there is no step, so any will do.
        let step = Step::World(Move { kind: 0, arg: 0 });
        if search.reach(known.fingerprint(&world), index, step) {
            search.starts.push(start);
            if let Err(violation) = judge.step(None, &world) {
                return Some(Broken { violation, counterexample: search.path(index) });
            }
            level.push(world);
        }
    }
    let (next, batch) = (Vec::new(), Vec::new());
    let mut graph = Graph::<M, J> { judge, known, first: 0, level, next, batch };
    while !graph.level.is_empty() && search.stopped.is_none() {
        search.depth += 1;
        if let Some(broken) = graph.expand(search) {
            return Some(broken);
        }
    }
    None
}

struct Graph<'a, M: Model, J> {
    judge: &'a J,
    known: Known,
    /// The worlds of one level, and the number of the first of them.
    level: Vec<M::World>,
    first: u32,
    next: Vec<M::World>,
    batch: Vec<Successor<M::World>>,
}

struct Successor<W> {
    print: u64,
    from: u32,
    chosen: Move,
    world: W,
}

impl<M: Model, J: Judge<M::World>> Graph<'_, M, J> {
    /// Goes one level deeper.
    fn expand(&mut self, search: &mut Search<'_, u64>) -> Option<Broken> {
        let mut moves = Moves::default();
        for index in 0..self.level.len() {
            let world = &self.level[index];
            let from = self.first + index as u32;
            moves.clear();
            world.moves(&mut moves);
            if moves.is_empty()
                && let Err(violation) = self.judge.end(world)
            {
                return Some(Broken { violation, counterexample: search.path(from) });
            }
            for chosen in moves.iter() {
                let mut world = world.clone();
                world.advance(chosen);
                let print = self.known.fingerprint(&world);
                self.batch.push(Successor { print, from, chosen, world });
            }
            if self.batch.len() >= BATCH
                && let Some(broken) = self.look_up(search)
            {
                return Some(broken);
            }
            if search.stopped.is_some() {
                return None;
            }
        }
        let broken = self.look_up(search);
        self.first += self.level.len() as u32;
        self.level.clear();
        std::mem::swap(&mut self.level, &mut self.next);
        broken
    }

    /// Which of the batch are new.
    fn look_up(&mut self, search: &mut Search<'_, u64>) -> Option<Broken> {
        search.seen.approach(self.batch.iter().map(|it| it.print));
        for Successor { print, from, chosen, world } in self.batch.drain(..) {
            let step = Step::World(chosen);
            let new = search.reach(print, from, step);
            if new || M::COMPARES {
                let before = M::COMPARES.then(|| &self.level[(from - self.first) as usize]);
                if let Err(violation) = self.judge.step(before, &world) {
                    return Some(search.beyond(from, step, violation));
                }
            }
            if new {
                self.next.push(world);
            }
            if search.stopped.is_some() {
                break;
            }
        }
        None
    }
}

/// How a world is known: by itself, or by the least of what it is called under other names.
pub(super) enum Known {
    ByName,
    /// But for the names of its parties.
    ByOrders(Vec<Vec<u8>>),
}

impl Known {
    pub(super) fn new<M: Model>(model: &M, symmetry: bool) -> Self {
        match model.worlds().first() {
            Some(world) if symmetry => Known::ByOrders(permutations(world.parties())),
            _ => Known::ByName,
        }
    }

    #[inline]
    pub(super) fn fingerprint<W: World + Clone + Hash>(&self, world: &W) -> u64 {
        match self {
            Known::ByName => Chain::of(world),
            Known::ByOrders(orders) => match sorted(world) {
                Some(order) => Chain::of(&world.renamed(&order[..usize::from(world.parties())])),
                None => {
                    let renamed = orders.iter().map(|order| Chain::of(&world.renamed(order)));
                    renamed.min().expect("there is an order at least")
                }
            },
        }
    }
}

/// How many parties can be sorted.
const SORTED_MAX: usize = 16;

/// The names that the parties get by rank.
fn sorted<W: World>(world: &W) -> Option<[u8; SORTED_MAX]> {
    let count = usize::from(world.parties());
    let mut ranked = [(u64::MAX, 0u8); SORTED_MAX];
    for (slot, party) in ranked[..count.min(SORTED_MAX)].iter_mut().zip(0..) {
        *slot = (world.rank(party)?, party);
    }
    ranked[..count].sort_unstable();
    let mut order = [0; SORTED_MAX];
    for ((_, party), name) in ranked[..count].iter().zip(0..) {
        order[usize::from(*party)] = name;
    }
    Some(order)
}

fn permutations(count: u8) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for party in 0..count {
        let longer = |order: &Vec<u8>| {
            let insert = |at| {
                let mut order = order.clone();
                order.insert(at, party);
                order
            };
            (0..=order.len()).map(insert).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}
