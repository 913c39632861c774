//! Models with clients: states known by fingerprints, reached again by their steps.
//!
//! A program cannot be copied, so going on from a state means playing its steps again. That costs
//! the depth of the state each time, which a loop without allocation can afford.

use super::{Broken, Search};
use crate::model::Model;
use crate::run::{Engine, Starts, Stop};
use crate::step::{Move, Step};
use crate::verdict::{judge_history, verdict};
use checker::Verdict;

/// All states that steps can lead to, level by level.
pub(super) fn search<M: Model, S: Starts<M>>(
    model: &M,
    engine: &mut Engine<M, S>,
    search: &mut Search<'_, u128>,
) -> Option<Broken> {
    let mut explorer = Explorer { model, engine, worlds: model.worlds(), indices: Vec::new() };
    let found = explorer.search(search);
    explorer.engine.hears = false;
    found
}

struct Explorer<'a, M: Model, S: Starts<M>> {
    model: &'a M,
    engine: &'a mut Engine<M, S>,
    worlds: Vec<M::World>,
    /// Where on the menu the step lay that led to each state.
    indices: Vec<u16>,
}

impl<M: Model, S: Starts<M>> Explorer<'_, M, S> {
    fn search(&mut self, search: &mut Search<'_, u128>) -> Option<Broken> {
        self.engine.hears = true;
        for start in 0..self.worlds.len() {
            let world = self.worlds[start].clone();
            self.engine.begin(self.model, &world, search.limits.faults_max);
            let step = Step::World(Move { kind: 0, arg: 0 });
            if search.reach(self.engine.fingerprint(&world), start as u32, step) {
                self.indices.push(0);
            }
        }
        let (mut first, mut last) = (0, search.nodes.len() as u32);
        while first < last && search.stopped.is_none() {
            search.depth += 1;
            for node in first..last {
                if let Some(broken) = self.expand(search, node) {
                    return Some(broken);
                }
                if search.stopped.is_some() {
                    return None;
                }
            }
            (first, last) = (last, search.nodes.len() as u32);
        }
        None
    }

    /// Plays the steps to `node` again.
    fn reach(&mut self, search: &Search<'_, u128>, node: u32) -> M::World {
        let mut path = Vec::new();
        let mut at = node;
        while search.nodes[at as usize].from != at {
            path.push(self.indices[at as usize]);
            at = search.nodes[at as usize].from;
        }
        let mut world = self.worlds[at as usize].clone();
        self.engine.begin(self.model, &world, search.limits.faults_max);
        for index in path.into_iter().rev() {
            let stepped = self.engine.step(self.model, &mut world, usize::from(index), &mut ());
            stepped.expect("nobody looks on who could object");
        }
        world
    }

    /// The states one step beyond `node`.
    fn expand(&mut self, search: &mut Search<'_, u128>, node: u32) -> Option<Broken> {
        let world = self.reach(search, node);
        if let Some(ended) = self.engine.ended(false) {
            let counterexample = search.path(node);
            let history = self.engine.history();
            let steps = counterexample.steps.len();
            let verdict = verdict(self.model, &ended, &world, history.operations(), steps);
            if let Verdict::Fail(violation) = verdict {
                return Some(Broken { violation, counterexample });
            }
            search.ends += 1;
            if self.engine.ended(true).is_some() {
                return None;
            }
        }
        let count = self.engine.menu().len();
        let mut ready = Some(world);
        for index in 0..count {
            let mut world = ready.take().unwrap_or_else(|| self.reach(search, node));
            let before = M::COMPARES.then(|| world.clone());
            let ops = answered(self.engine);
            let step = self.engine.menu().get(index);
            let stepped = self.engine.step(self.model, &mut world, index, &mut ());
            debug_assert!(!matches!(stepped, Err(Stop::Enough)), "nobody looks on");
            let checked = self.model.invariant(before.as_ref(), &world);
            let new = search.reach(self.engine.fingerprint(&world), node, step);
            if let Err(violation) = checked {
                return Some(search.beyond(node, step, violation));
            }
            if !new {
                continue;
            }
            self.indices.push(index as u16);
            if answered(self.engine) > ops
                && let Verdict::Fail(violation) =
                    judge_history(self.model, self.engine.history().operations())
            {
                return Some(search.beyond(node, step, violation));
            }
            if search.stopped.is_some() {
                return None;
            }
        }
        None
    }
}

/// How many operations are over.
fn answered<M: Model, S: Starts<M>>(engine: &Engine<M, S>) -> usize {
    engine.history().operations().iter().filter(|it| it.ret().is_some()).count()
}
