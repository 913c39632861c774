//! The writers as a model, walked at random: a trace is one run to its end.

use crate::figure::Work;
use crate::toy::{KEYS, TRANSITIONS, WRITERS, key_of};
use stateright::{Checker, Model, Property, UniformChooser};

struct Writers;

#[derive(Clone, Debug, Hash, PartialEq)]
struct State {
    keys: [u32; KEYS],
    writers: [Writer; WRITERS as usize],
}

#[derive(Clone, Copy, Debug, Default, Hash, PartialEq)]
struct Writer {
    done: u16,
    /// `None` before its first step.
    seen: Option<u32>,
}

impl Model for Writers {
    type State = State;
    type Action = u8;

    fn init_states(&self) -> Vec<State> {
        vec![State { keys: [0; KEYS], writers: Default::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<u8>) {
        let running =
            |writer: &u8| u64::from(state.writers[usize::from(*writer)].done) < TRANSITIONS;
        actions.extend((0..WRITERS as u8).filter(running));
    }

    /// Compares and sets what the step before read, then reads for the next.
    fn next_state(&self, last: &State, action: u8) -> Option<State> {
        let mut state = last.clone();
        let writer = &mut state.writers[usize::from(action)];
        let key = key_of(action.into(), writer.done.into());
        if writer.seen == Some(state.keys[key]) {
            state.keys[key] += 1;
            writer.done += 1;
        }
        let next = key_of(action.into(), writer.done.into());
        writer.seen = Some(state.keys[next]);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("what was counted was acknowledged", |_, state: &State| {
            let acknowledged: u32 = state.writers.iter().map(|writer| u32::from(writer.done)).sum();
            state.keys.iter().sum::<u32>() == acknowledged
        })]
    }
}

/// One trace: it is the first, so the count of states to stop at is any.
pub(crate) fn round(seed: u64) -> Work {
    let checker = Writers.checker().threads(1).target_state_count(1);
    let checker = checker.spawn_simulation(seed, UniformChooser).join();
    checker.assert_properties();
    // The initial state is counted too, and no step leads to it.
    let steps = checker.state_count() as u64 - 1;
    assert!(steps >= WRITERS * TRANSITIONS, "the trace ended early, after {steps} steps");
    vec![("transitions", WRITERS * TRANSITIONS), ("steps", steps)]
}
