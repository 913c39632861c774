//! The lock with an expiry as a model, explored to the end.

use crate::figure::Work;
use crate::shapes::Shape;
use stateright::{Checker, Model, Property, Representative};

#[derive(Clone, Copy)]
pub(crate) enum Search {
    Bfs,
    Dfs,
    /// Depth first, writers that could swap places counted as one: breadth first has no symmetry.
    Symmetric,
}

/// `W` is known to the compiler, so that a state is one flat value.
struct Lock<const W: usize> {
    transitions: u8,
    expiries: u8,
}

#[derive(Clone, Debug, Hash, PartialEq)]
struct State<const W: usize> {
    holder: Option<u8>,
    seq: u8,
    left: u8,
    writers: [Writer; W],
}

#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
struct Writer {
    tried: u8,
    at: At,
    seen: u8,
    ok: u8,
}

#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    #[default]
    Idle,
    Locked,
    Read,
    Written,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Expire,
    Step(u8),
}

impl<const W: usize> Model for Lock<W> {
    type State = State<W>;
    type Action = Action;

    fn init_states(&self) -> Vec<State<W>> {
        let writers = [Writer::default(); W];
        vec![State { holder: None, seq: 0, left: self.expiries, writers }]
    }

    fn actions(&self, state: &State<W>, actions: &mut Vec<Action>) {
        if state.left > 0 {
            actions.push(Action::Expire);
        }
        for (id, writer) in state.writers.iter().enumerate() {
            if writer.at != At::Idle || writer.tried < self.transitions {
                actions.push(Action::Step(id as u8));
            }
        }
    }

    fn next_state(&self, last: &State<W>, action: Action) -> Option<State<W>> {
        let mut state = last.clone();
        match action {
            Action::Expire => {
                state.left -= 1;
                state.holder = None;
            }
            Action::Step(id) => state.step(id),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("no number was lost", |_, state: &State<W>| {
            state.writers.iter().map(|writer| writer.ok).sum::<u8>() == state.seq
        })]
    }
}

impl<const W: usize> State<W> {
    /// A writer's one possible move: take the lock or skip, read, compare and set, give back.
    fn step(&mut self, id: u8) {
        let writer = &mut self.writers[usize::from(id)];
        match writer.at {
            At::Idle if self.holder.is_some() => writer.tried += 1,
            At::Idle => {
                self.holder = Some(id);
                writer.at = At::Locked;
            }
            At::Locked => {
                writer.seen = self.seq;
                writer.at = At::Read;
            }
            At::Read => {
                let same = u8::from(writer.seen == self.seq);
                self.seq += same;
                writer.ok += same;
                writer.seen = 0;
                writer.at = At::Written;
            }
            At::Written => {
                if self.holder == Some(id) {
                    self.holder = None;
                }
                writer.tried += 1;
                writer.at = At::Idle;
            }
        }
    }
}

impl<const W: usize> Representative for State<W> {
    /// The writers in ascending order, the holder after those that are equal to it: one state for
    /// all that are the same but for the writers' names.
    fn representative(&self) -> Self {
        let mut named = [(Writer::default(), false); W];
        for (id, writer) in self.writers.iter().enumerate() {
            named[id] = (*writer, self.holder == Some(id as u8));
        }
        named.sort_unstable();
        let holder = named.iter().position(|(_, holds)| *holds).map(|at| at as u8);
        State { holder, writers: named.map(|(writer, _)| writer), ..*self }
    }
}

/// Explores a shape to the end; panics when the count or the promise is off.
pub(crate) fn explore(shape: Shape, search: Search) -> Work {
    let (transitions, expiries) = (shape.transitions, shape.expiries);
    let states = match shape.writers {
        3 => count(Lock::<3> { transitions, expiries }, search),
        4 => count(Lock::<4> { transitions, expiries }, search),
        other => unreachable!("no shape has {other} writers"),
    };
    let expected = if matches!(search, Search::Symmetric) { shape.symmetric } else { shape.states };
    assert_eq!(states, expected);
    vec![("distinct_states", states)]
}

fn count<const W: usize>(lock: Lock<W>, search: Search) -> u64 {
    let checker = lock.checker().threads(1);
    match search {
        Search::Bfs => finish(checker.spawn_bfs()),
        Search::Dfs => finish(checker.spawn_dfs()),
        Search::Symmetric => finish(checker.symmetry().spawn_dfs()),
    }
}

fn finish<const W: usize>(checker: impl Checker<Lock<W>>) -> u64 {
    let checker = checker.join();
    checker.assert_properties();
    checker.unique_state_count() as u64
}
