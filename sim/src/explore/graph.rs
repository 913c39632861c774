//! All worlds that moves can lead to, with every step between them.
//!
//! The search for what is never right needs no way back and forgets a world when it has seen its
//! successors. What must come is a question about runs without end, so here every step is kept, and
//! of a world only what the promises say of it.

use super::Search;
use crate::liveness::{Comes, Fair};
use crate::model::Model;
use crate::step::{Move, Step};
use crate::world::{Moves, World};
use checker::hash::Chain;
use std::collections::BTreeMap;

/// A set of promises, or of fair actions, a bit for each.
pub(super) type Bits = u64;

/// How many there can be.
const BITS_MAX: usize = Bits::BITS as usize;

/// A step from one state to another.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) to: u32,
    pub(super) chosen: Move,
    /// The fair actions that this is a step of. A step that changes nothing is one of none.
    pub(super) fair: Bits,
}

/// What the promises say of a state.
#[derive(Clone, Copy)]
struct Said {
    owed: Bits,
    kept: Bits,
}

/// States by their number, in the order they were found; the initial ones come first.
pub(super) struct Graph {
    /// Which of the model's initial worlds each initial state is.
    initial: Vec<usize>,
    said: Vec<Said>,
    edges: Vec<Edge>,
    /// Where the edges of each state begin, and where the last ones end.
    starts: Vec<usize>,
}

impl Graph {
    /// How many of them are initial.
    pub(super) fn initial(&self) -> u32 {
        self.initial.len() as u32
    }

    /// Which of the model's initial worlds this initial state is.
    pub(super) fn start_of(&self, state: u32) -> usize {
        self.initial[state as usize]
    }

    pub(super) fn states(&self) -> u32 {
        self.said.len() as u32
    }

    pub(super) fn edges(&self, state: u32) -> &[Edge] {
        let state = state as usize;
        &self.edges[self.starts[state]..self.starts[state + 1]]
    }

    /// Whether promise `index` is owed from this state on.
    pub(super) fn is_owed(&self, state: u32, index: usize) -> bool {
        self.said[state as usize].owed & 1 << index != 0
    }

    /// Whether this state keeps promise `index`.
    pub(super) fn is_kept(&self, state: u32, index: usize) -> bool {
        self.said[state as usize].kept & 1 << index != 0
    }

    /// Some graph with one promise.
    #[cfg(test)]
    pub(super) fn made(initial: usize, said: &[(bool, bool)], edges: &[Vec<Edge>]) -> Graph {
        let of = |(owed, kept): &(bool, bool)| Said { owed: (*owed).into(), kept: (*kept).into() };
        let ends = (0..=edges.len()).map(|count| edges[..count].concat().len());
        Graph {
            initial: (0..initial).collect(),
            said: said.iter().map(of).collect(),
            edges: edges.concat(),
            starts: ends.collect(),
        }
    }

    /// The fair actions that could change this state.
    pub(super) fn enabled(&self, state: u32) -> Bits {
        self.edges(state).iter().fold(0, |all, edge| all | edge.fair)
    }
}

/// Builds it; none if the search was stopped before that was done.
pub(super) fn build<M: Model>(
    model: &M,
    comes: &[Comes<M::World>],
    fair: &[Fair],
    search: &mut Search<'_, u64>,
) -> Option<Graph> {
    assert!(comes.len() <= BITS_MAX && fair.len() <= BITS_MAX, "{BITS_MAX} of each at most");
    let graph = Graph { initial: Vec::new(), said: Vec::new(), edges: Vec::new(), starts: vec![0] };
    let numbers = BTreeMap::new();
    let mut builder = Builder::<M> { comes, fair, graph, numbers, next: Vec::new() };
    for (start, world) in model.worlds().into_iter().enumerate() {
        let state = builder.graph.states();
        // Where it comes from itself there is no step, so any will do.
        let step = Step::World(Move { kind: 0, arg: 0 });
        if builder.note(search, world, state, step, true) == state {
            builder.graph.initial.push(start);
        }
    }
    let mut first = 0;
    while !builder.next.is_empty() {
        search.depth += 1;
        let level = std::mem::take(&mut builder.next);
        for (world, from) in level.iter().zip(first..) {
            builder.expand(search, world, from);
            if search.stopped.is_some() {
                return None;
            }
        }
        first += level.len() as u32;
    }
    Some(builder.graph)
}

struct Builder<'a, M: Model> {
    comes: &'a [Comes<M::World>],
    fair: &'a [Fair],
    graph: Graph,
    /// The number of the state with this fingerprint.
    numbers: BTreeMap<u64, u32>,
    next: Vec<M::World>,
}

impl<M: Model> Builder<'_, M> {
    fn expand(&mut self, search: &mut Search<'_, u64>, world: &M::World, from: u32) {
        let mut moves = Moves::default();
        world.moves(&mut moves);
        for chosen in moves.iter() {
            let mut world = world.clone();
            world.advance(chosen);
            let to = self.note(search, world, from, Step::World(chosen), false);
            let fair = if to == from { 0 } else { bits(self.fair, |it| it.covers(chosen)) };
            self.graph.edges.push(Edge { to, chosen, fair });
        }
        self.graph.starts.push(self.graph.edges.len());
    }

    /// The number of a world that was reached from `from` by `step`.
    fn note(
        &mut self,
        search: &mut Search<'_, u64>,
        world: M::World,
        from: u32,
        step: Step,
        first: bool,
    ) -> u32 {
        // 0 and 1 are one for the table, so they must be one here.
        let print = Chain::of(&world).max(1);
        if !search.reach(print, from, step) {
            return self.numbers[&print];
        }
        let number = self.graph.states();
        self.numbers.insert(print, number);
        let owed = bits(self.comes, |it| it.is_owed(&world, first));
        let kept = bits(self.comes, |it| it.is_kept(&world));
        self.graph.said.push(Said { owed, kept });
        self.next.push(world);
        number
    }
}

fn bits<T>(all: &[T], holds: impl Fn(&T) -> bool) -> Bits {
    all.iter().enumerate().fold(0, |bits, (index, it)| bits | Bits::from(holds(it)) << index)
}
