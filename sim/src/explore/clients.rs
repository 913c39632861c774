//! Models with clients: states known by fingerprints, reached again by their steps.
//!
//! A program cannot be copied, so going on from a state means playing its steps again. That costs
//! the depth of the state each time, which a loop without allocation can afford; a step that need
//! not be taken at all is better still.

use super::spared::{Asleep, Doing, Possible, operations, wake};
use super::{Broken, Search};
use crate::model::Model;
use crate::run::{Engine, Starts, Stop};
use crate::step::{Move, Step};
use crate::verdict::{judge_history, verdict};
use checker::Verdict;
use std::collections::BTreeMap;

/// All states that steps can lead to, level by level. `spares`: of steps that commute, one order is
/// enough.
pub(super) fn search<M: Model, S: Starts<M>>(
    model: &M,
    engine: &mut Engine<M, S>,
    search: &mut Search<'_, u128>,
    spares: bool,
) -> Option<Broken> {
    let mut explorer = Explorer {
        model,
        engine,
        worlds: model.worlds(),
        // What is said of a step, and not of the state it leads to, must be said of every step.
        spares: spares && !M::COMPARES,
        indices: Vec::new(),
        asleep: Vec::new(),
        next: BTreeMap::new(),
    };
    let found = explorer.search(search);
    explorer.engine.hears = false;
    found
}

struct Explorer<'a, M: Model, S: Starts<M>> {
    model: &'a M,
    engine: &'a mut Engine<M, S>,
    worlds: Vec<M::World>,
    spares: bool,
    /// Where on the menu the step lay that led to each state.
    indices: Vec<u16>,
    /// What is asleep in each state of the next level, in the order they were found.
    asleep: Vec<Asleep>,
    /// Where in that order each of them is, by its fingerprint.
    next: BTreeMap<u128, usize>,
}

impl<M: Model, S: Starts<M>> Explorer<'_, M, S> {
    fn search(&mut self, search: &mut Search<'_, u128>) -> Option<Broken> {
        self.engine.hears = true;
        search.never = self.model.sometimes();
        for start in 0..self.worlds.len() {
            let world = self.worlds[start].clone();
            self.engine.begin(self.model, &world, search.limits.faults_max);
            let index = search.nodes.len() as u32;
            let step = Step::World(Move { kind: 0, arg: 0 });
            if search.reach(self.engine.fingerprint(&world), index, step) {
                search.starts.push(start);
                self.indices.push(0);
                self.asleep.push(Asleep::new());
            }
        }
        let (mut first, mut last) = (0, search.nodes.len() as u32);
        while first < last && search.stopped.is_none() {
            search.depth += 1;
            self.next.clear();
            let level = std::mem::take(&mut self.asleep);
            for (node, asleep) in (first..last).zip(level) {
                if let Some(broken) = self.expand(search, node, asleep) {
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
        let mut world = self.worlds[search.starts[at as usize]].clone();
        self.engine.begin(self.model, &world, search.limits.faults_max);
        for index in path.into_iter().rev() {
            let stepped =
                self.engine.take_step(self.model, &mut world, usize::from(index), &mut ());
            stepped.expect("nobody looks on who could object");
        }
        world
    }

    /// The states one step beyond `node`, but for the steps that are `asleep` there.
    fn expand(
        &mut self,
        search: &mut Search<'_, u128>,
        node: u32,
        mut asleep: Asleep,
    ) -> Option<Broken> {
        let here = self.reach(search, node);
        if let Some(ended) = self.engine.ended(false) {
            let counterexample = search.path(node);
            let history = self.engine.history();
            let steps = counterexample.steps.len();
            let verdict = verdict(self.model, &ended, &here, history.operations(), steps);
            if let Verdict::Fail(violation) = verdict {
                return Some(Broken { violation, counterexample });
            }
            search.ends += 1;
            if self.engine.ended(true).is_some() {
                return None;
            }
        }
        let possible = Possible::of(self.engine);
        let mut ready = Some(here.clone());
        for (step, index) in possible.steps() {
            if asleep.iter().any(|it| it.step == step) {
                search.spared += 1;
                continue;
            }
            let mut world = ready.take().unwrap_or_else(|| self.reach(search, node));
            let mut doing = Doing::begin(self.engine);
            let stepped = self.engine.take_step(self.model, &mut world, index, &mut doing);
            debug_assert!(!matches!(stepped, Err(Stop::Enough)), "nobody looks on");
            let ops = doing.ended_before();
            let taken = doing.done(self.engine, step);
            let before = M::COMPARES.then_some(&here);
            let checked = self.model.invariant(before, &world);
            let print = self.engine.fingerprint(&world);
            if !search.never.is_empty() {
                let never = &mut search.never;
                self.engine.each_mark(&world, |name, _| never.retain(|it| *it != name));
            }
            let new = search.reach(print, node, step);
            if let Err(violation) = checked {
                return Some(search.beyond(node, step, violation));
            }
            let sleeps = asleep.iter().filter(|it| possible.commute(&here, it, &taken));
            self.arrive(print, new, sleeps.copied().collect());
            if self.spares {
                asleep.push(taken);
            }
            if !new {
                continue;
            }
            self.indices.push(index as u16);
            if operations(self.engine).1 > ops
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

    /// Notes what sleeps in a state that was reached. One of a level above was looked at already.
    fn arrive(&mut self, print: u128, new: bool, asleep: Asleep) {
        if new {
            self.next.insert(print, self.asleep.len());
            self.asleep.push(asleep);
        } else if let Some(index) = self.next.get(&print) {
            wake(&mut self.asleep[*index], &asleep);
        }
    }
}
