//! A fair run that never gets where it must: a way, and a loop that is walked for ever.
//!
//! If there is such a run at all, there is one of this shape: a way to a state from which the
//! promise is owed, and on through states that do not keep it into a component of such states in
//! which every fair action is taken on some step or cannot be taken in some state. A run may also
//! stay where it is for ever, so a single state is a component too.

use super::components::{OUTSIDE, components};
use super::graph::{Bits, Edge, Graph};
use crate::step::Step;
use std::collections::{BTreeMap, VecDeque};

/// A fair run that never gets where it must.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasso {
    /// Which of the model's initial worlds it begins in.
    pub start: usize,
    /// The steps to the loop.
    pub prefix: Vec<Step>,
    /// After how many of them the promise is owed.
    pub owed: usize,
    /// The steps of the loop; none: it stays as it is for ever, and that is fair.
    pub looped: Vec<Step>,
}

/// A fair run in which promise `index` is owed and never kept.
pub(super) fn lasso(graph: &Graph, index: usize) -> Option<Lasso> {
    let inside = |state: u32| !graph.is_kept(state, index);
    let (component, count) = components(graph, &inside);
    let fair = fair(graph, &component, count);
    let rests = |stop: Stop| stop.owes && graph.enabled(stop.state) == 0;
    let goes_on = |stop: Stop| stop.owes && fair[component[stop.state as usize] as usize];
    let way = way_to(graph, index, &goes_on)?;
    let looped = around(graph, &component, way[way.len() - 1].state);
    // That nothing happens any more is understood sooner than a loop, if it takes no longer.
    Some(match way_to(graph, index, &rests) {
        Some(rest) if rest.len() <= way.len() + looped.len() => told(graph, &rest, &[]),
        _ => told(graph, &way, &looped),
    })
}

fn told(graph: &Graph, way: &[Stop], looped: &[Edge]) -> Lasso {
    let step = |from: u32, to: u32| {
        let edge = graph.edges(from).iter().find(|edge| edge.to == to);
        Step::World(edge.expect("it was walked").chosen)
    };
    Lasso {
        start: graph.start_of(way[0].state),
        prefix: way.windows(2).map(|it| step(it[0].state, it[1].state)).collect(),
        owed: way.iter().position(|it| it.owes).expect("it is owed where the way ends"),
        looped: looped.iter().map(|edge| Step::World(edge.chosen)).collect(),
    }
}

/// Which components a fair run can stay in for ever.
fn fair(graph: &Graph, component: &[u32], count: usize) -> Vec<bool> {
    let mut served: Vec<Bits> = vec![0; count];
    for (state, mine) in (0..).zip(component).filter(|(_, mine)| **mine != OUTSIDE) {
        let served = &mut served[*mine as usize];
        *served |= !graph.enabled(state);
        let within = |edge: &&Edge| component[edge.to as usize] == *mine;
        *served |= graph.edges(state).iter().filter(within).fold(0, |all, it| all | it.fair);
    }
    served.iter().map(|served| *served == Bits::MAX).collect()
}

/// A state on the way to a loop, and whether the promise is owed by then.
#[derive(Clone, Copy, PartialEq)]
struct Stop {
    state: u32,
    owes: bool,
}

/// The shortest way to a stop that is `good`.
fn way_to(graph: &Graph, index: usize, good: &dyn Fn(Stop) -> bool) -> Option<Vec<Stop>> {
    let place = |stop: Stop| 2 * stop.state as usize + usize::from(stop.owes);
    let mut came: Vec<Option<Stop>> = vec![None; 2 * graph.states() as usize];
    let mut queue = VecDeque::new();
    // From where it comes first; the initial ones come from themselves.
    let mut reach = |queue: &mut VecDeque<Stop>, to: Stop, from: Option<Stop>| {
        let slot = &mut came[place(to)];
        if slot.is_none() {
            *slot = Some(from.unwrap_or(to));
            queue.push_back(to);
        }
    };
    let mut found = None;
    for state in 0..graph.initial() {
        reach(&mut queue, Stop { state, owes: false }, None);
        if graph.is_owed(state, index) {
            reach(&mut queue, Stop { state, owes: true }, None);
        }
    }
    while let Some(stop) = queue.pop_front() {
        if good(stop) {
            found = Some(stop);
            break;
        }
        for Edge { to: state, .. } in graph.edges(stop.state).iter().copied() {
            // What is owed is owed until it is kept; what is not may be from there on, or later.
            if stop.owes && !graph.is_kept(state, index) || graph.is_owed(state, index) {
                reach(&mut queue, Stop { state, owes: true }, Some(stop));
            }
            if !stop.owes {
                reach(&mut queue, Stop { state, owes: false }, Some(stop));
            }
        }
    }
    let mut way = vec![found?];
    loop {
        let last = way[way.len() - 1];
        let from = came[place(last)].expect("it was reached");
        if from == last {
            way.reverse();
            return Some(way);
        }
        way.push(from);
    }
}

/// A walk from `home` through its component and back on which every fair action is taken, or
/// cannot be taken at some point; no steps if that is so where it stands.
fn around(graph: &Graph, component: &[u32], home: u32) -> Vec<Edge> {
    let (mut walk, mut here) = (Vec::new(), home);
    let mut missing = graph.enabled(home);
    while missing != 0 || here != home {
        let goal = |edge: &Edge| match missing {
            0 => edge.to == home,
            _ => missing & (edge.fair | !graph.enabled(edge.to)) != 0,
        };
        for edge in walk_to(graph, component, here, &goal) {
            missing &= !(edge.fair | !graph.enabled(edge.to));
            here = edge.to;
            walk.push(edge);
        }
    }
    walk
}

/// The shortest walk inside the component of `from` whose last step is the `goal`.
fn walk_to(graph: &Graph, component: &[u32], from: u32, goal: &dyn Fn(&Edge) -> bool) -> Vec<Edge> {
    let mine = component[from as usize];
    let mut came: BTreeMap<u32, (u32, Edge)> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(state) = queue.pop_front() {
        for edge in graph.edges(state).iter().filter(|it| component[it.to as usize] == mine) {
            if goal(edge) {
                let mut walk = vec![*edge];
                let mut at = state;
                while at != from {
                    let (before, edge) = came[&at];
                    walk.push(edge);
                    at = before;
                }
                walk.reverse();
                return walk;
            }
            if edge.to != from && !came.contains_key(&edge.to) {
                came.insert(edge.to, (state, *edge));
                queue.push_back(edge.to);
            }
        }
    }
    unreachable!("a fair component has what it is fair by, and a way to it from everywhere")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::step::Move;

    const STATES: u32 = 6;
    const ACTIONS: u64 = 3;

    /// A small graph; each edge has an argument of its own.
    fn any(rng: &mut Rng) -> Graph {
        let mut arg = 0;
        let mut edge = |from: u32, rng: &mut Rng| {
            let to = rng.below(u64::from(STATES)) as u32;
            let fair = if to == from { 0 } else { rng.below(1 << ACTIONS) };
            arg += 1;
            Edge { to, chosen: Move { kind: 0, arg }, fair }
        };
        let edges: Vec<Vec<Edge>> =
            (0..STATES).map(|from| (0..rng.below(4)).map(|_| edge(from, rng)).collect()).collect();
        let said: Vec<(bool, bool)> = (0..STATES)
            .map(|_| (rng.below(3) == 0, rng.below(4) == 0))
            .map(|(owed, kept)| (owed && !kept, kept))
            .collect();
        Graph::made(1 + rng.below(2) as usize, &said, &edges)
    }

    /// All that steps from `known` lead to, `through` such states.
    fn closure(graph: &Graph, mut known: u32, through: u32) -> u32 {
        for _ in 0..STATES {
            let states = (0..STATES).filter(|state| known & 1 << state != 0);
            let edges = states.flat_map(|state| graph.edges(state));
            known |= edges.fold(0, |all, edge| all | 1 << edge.to) & through;
        }
        known
    }

    /// Whether there is one: every set of states is tried.
    fn has_lasso(graph: &Graph) -> bool {
        let such = |holds: &dyn Fn(u32) -> bool| {
            (0..STATES).filter(|it| holds(*it)).fold(0u32, |all, it| all | 1 << it)
        };
        let unkept = such(&|it| !graph.is_kept(it, 0));
        let reached = closure(graph, (1 << graph.initial()) - 1, u32::MAX);
        let owing = closure(graph, reached & such(&|it| graph.is_owed(it, 0)), unkept);
        (1..1u32 << STATES).filter(|set| set & !owing == 0).any(|set| {
            let members = || (0..STATES).filter(move |it| set & 1 << it != 0);
            let connected = members().all(|it| closure(graph, 1 << it, set) == set);
            let served = members().fold(0, |served, it| {
                let inside = graph.edges(it).iter().filter(|edge| set & 1 << edge.to != 0);
                inside.fold(served | !graph.enabled(it), |all, edge| all | edge.fair)
            });
            connected && served == Bits::MAX
        })
    }

    /// That it is what it says.
    fn check(graph: &Graph, lasso: &Lasso) {
        let take = |from: u32, step: &Step| {
            let taken = |it: &&Edge| Step::World(it.chosen) == *step;
            *graph.edges(from).iter().find(taken).expect("a step that is possible")
        };
        let mut states = vec![lasso.start as u32];
        for step in &lasso.prefix {
            states.push(take(states[states.len() - 1], step).to);
        }
        assert!(lasso.start < graph.initial() as usize);
        assert!(graph.is_owed(states[lasso.owed], 0), "it is owed");
        assert!(states[lasso.owed..].iter().all(|it| !graph.is_kept(*it, 0)), "it is not kept");
        let home = states[states.len() - 1];
        let (mut here, mut served) = (home, !graph.enabled(home));
        for step in &lasso.looped {
            let edge = take(here, step);
            here = edge.to;
            served |= edge.fair | !graph.enabled(here);
            assert!(!graph.is_kept(here, 0), "it is not kept");
        }
        assert_eq!((here, served), (home, Bits::MAX), "a loop, and fair");
    }

    #[test]
    fn a_fair_run_is_found_exactly_if_there_is_one() {
        let (mut none, mut rest, mut loops) = (0, 0, 0);
        for seed in 0..20_000 {
            let graph = any(&mut Rng::new(seed));
            let found = lasso(&graph, 0);
            assert_eq!(found.is_some(), has_lasso(&graph), "seed {seed}");
            match found {
                None => none += 1,
                Some(found) => {
                    check(&graph, &found);
                    *if found.looped.is_empty() { &mut rest } else { &mut loops } += 1;
                }
            }
        }
        assert!(none > 100 && rest > 100 && loops > 100, "{none} {rest} {loops}");
    }
}
