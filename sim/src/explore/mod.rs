//! Every schedule within bounds, breadth first: what a pass then says is true of all of them, and
//! the first failure found is a shortest one.
//!
//! Two kinds of model are searched in two ways. One of moves alone is a graph of worlds, which can
//! be copied. One with clients is not, because a running program cannot be copied; but a program is
//! a function of what it has been told, so a state is known by a fingerprint and reached again by
//! its steps.

mod alone;
mod clients;
mod components;
mod count;
mod doubt;
mod graph;
mod lasso;
mod live;
mod moves;
mod naive;
mod shared;
mod spared;
mod table;

pub use alone::{NotAlone, explore_alone};
pub use doubt::{Doubt, doubt};
pub use lasso::Lasso;
pub use live::{NotLive, live};
pub use naive::{Enumerated, enumerate};

use crate::model::Model;
use crate::run::{Engine, Starts};
use crate::step::Step;
use checker::{Verdict, Violation, Workers};
use table::{Print, Table};

/// How far to search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Faults a schedule may have.
    pub faults_max: u32,
    /// Distinct states after which the search gives up.
    pub states_max: u64,
    /// Whether states that differ only in which party is which count as one.
    pub symmetry: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// States that differ.
    pub distinct: u64,
    /// States that were reached, again and again, the first ones included.
    pub generated: u64,
    /// Steps that were not taken because the other order of two that commute was.
    pub spared: u64,
    /// States on the longest of the shortest paths to any of them.
    pub depth: u64,
    /// Ends that differ, of models with clients.
    pub ends: u64,
    /// What should happen at some time ([`Model::sometimes`]) and did in none of the states that were
    /// reached, of models with clients.
    pub never: Vec<&'static str>,
    /// Whether that was all.
    pub complete: bool,
    /// What can be said of all schedules within the bounds.
    pub verdict: Verdict,
    /// The shortest way to a failure.
    pub counterexample: Option<Counterexample>,
    /// The run in which what must come does not, where that was looked for.
    pub lasso: Option<Lasso>,
    /// The chance that two states were taken for one, in all.
    pub collision: f64,
}

/// A way to a failure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// Which of the model's initial worlds it begins in.
    pub start: usize,
    /// What happens.
    pub steps: Vec<Step>,
}

/// Looks on while a search goes on: distinct and generated states so far. False: stop.
pub type Look<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// How many states may be found between two looks.
const LOOK_EVERY: u64 = 1 << 14;

/// Searches all schedules of `model`. `spares`: where the order of two steps makes no difference, one
/// of the two is enough; what is found is the same.
pub fn explore<M: Model, S: Starts<M>>(
    model: &M,
    engine: &mut Engine<M, S>,
    limits: &Limits,
    spares: bool,
    look: Look<'_>,
) -> Explored {
    if !M::ASKS || model.clients() == 0 {
        let mut search = Search::new(limits, look);
        let found = moves::search(model, &mut search, &moves::Whole(model));
        return search.explored(found);
    }
    let mut search = Search::new(limits, look);
    let found = clients::search(model, engine, &mut search, spares);
    search.explored(found)
}

/// [`explore`] by workers, one or several, that keep no way to a state, where the model is one of
/// moves alone: the same answer, sooner.
pub fn explore_on<M: Model, S: Starts<M>>(
    workers: &dyn Workers,
    model: &M,
    engine: &mut Engine<M, S>,
    limits: &Limits,
    look: Look<'_>,
) -> Explored {
    if model.clients() == 0
        && let Some(all) = count::count(workers, model, limits, &mut *look)
    {
        return all;
    }
    explore(model, engine, limits, true, look)
}

/// What both kinds of search keep.
struct Search<'a, P> {
    limits: &'a Limits,
    look: Look<'a>,
    seen: Table<P>,
    /// How each state was reached first: from which, by which step. The initial ones come from
    /// themselves.
    nodes: Vec<Node>,
    /// Which of the model's initial worlds each initial state is.
    starts: Vec<usize>,
    generated: u64,
    spared: u64,
    depth: u64,
    ends: u64,
    never: Vec<&'static str>,
    stopped: Option<&'static str>,
}

#[derive(Clone, Copy)]
struct Node {
    from: u32,
    step: Step,
}

/// A promise that was broken on the way to a state.
struct Broken {
    violation: Violation,
    counterexample: Counterexample,
}

impl<'a, P: Print> Search<'a, P> {
    fn new(limits: &'a Limits, look: Look<'a>) -> Self {
        let seen = Table::default();
        Search {
            limits,
            look,
            seen,
            nodes: Vec::new(),
            starts: Vec::new(),
            generated: 0,
            spared: 0,
            depth: 0,
            ends: 0,
            never: Vec::new(),
            stopped: None,
        }
    }

    /// Notes a state that was reached from `from` by `step`; whether it is a new one.
    #[inline]
    fn reach(&mut self, print: P, from: u32, step: Step) -> bool {
        self.generated += 1;
        if !self.seen.insert(print) {
            return false;
        }
        self.nodes.push(Node { from, step });
        let distinct = self.nodes.len() as u64;
        if distinct.is_multiple_of(LOOK_EVERY) && !(self.look)(distinct, self.generated) {
            self.stopped = Some("it was interrupted");
        }
        if distinct >= self.limits.states_max {
            self.stopped = Some("it has as many states as it may");
        }
        true
    }

    /// The steps to `node`, and the initial world they begin in.
    fn path(&self, mut node: u32) -> Counterexample {
        let mut steps = Vec::new();
        loop {
            let Node { from, step } = self.nodes[node as usize];
            if from == node {
                steps.reverse();
                return Counterexample { start: self.starts[node as usize], steps };
            }
            steps.push(step);
            node = from;
        }
    }

    /// The way to what lies one step beyond `node`.
    fn beyond(&self, node: u32, step: Step, violation: Violation) -> Broken {
        let mut counterexample = self.path(node);
        counterexample.steps.push(step);
        Broken { violation, counterexample }
    }

    fn explored(self, found: Option<Broken>) -> Explored {
        let distinct = self.nodes.len() as u64;
        self.explored_of(distinct, found)
    }

    fn explored_of(self, distinct: u64, found: Option<Broken>) -> Explored {
        let complete = found.is_none() && self.stopped.is_none();
        let (verdict, counterexample) = match (found, self.stopped) {
            (Some(Broken { violation, counterexample }), _) => {
                let at = Some(2 * counterexample.steps.len() as u64);
                (Verdict::Fail(Violation { at, ..violation }), Some(counterexample))
            }
            (None, Some(why)) => {
                let why = format!("the search ended after {distinct} states: {why}");
                (Verdict::Unknown { why }, None)
            }
            (None, None) => (Verdict::Pass, None),
        };
        let (generated, depth, ends) = (self.generated, self.depth, self.ends);
        let collision = (distinct as f64).powi(2) / 2f64.powi(P::BITS + 1);
        Explored {
            distinct,
            generated,
            spared: self.spared,
            depth,
            ends,
            never: self.never,
            complete,
            verdict,
            counterexample,
            lasso: None,
            collision,
        }
    }
}
