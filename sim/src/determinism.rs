//! Whether a seed is one run: two recordings of it, compared step by step.
//!
//! A digest says only that runs differ, and by then the run that differed is gone: what leaks in
//! from outside seldom does so in the same way twice. So a recording keeps of every step its words
//! and a hash of all that it asked, heard and left behind, and what is compared are recordings.

use crate::model::{CallOf, Model, ReplyOf, Seen};
use crate::run::{Observer, Stop};
use crate::scenario::Scenario;
use crate::session::{Outcome, Session};
use crate::step::{CallId, Step};
use crate::teller::Teller;
use crate::trace::{line_of, verdict_to_json};
use crate::world::Legible;
use checker::ClientId;
use checker::hash::Chain;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// All that came of a seed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// What the seed drew.
    pub params: Map<String, Value>,
    /// Its steps.
    pub steps: Vec<Recorded>,
    /// Its verdict and history.
    pub end: Recorded,
}

/// One step, or the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// As a person reads it.
    pub text: String,
    /// Of all that it did, whether its words show that or not.
    pub hash: u64,
}

/// Where two runs of one seed part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parted {
    /// The seed.
    pub seed: u64,
    /// The first step that differs, from 1; 0: what the seed drew.
    pub step: usize,
    /// What it was first.
    pub first: String,
    /// What it was then.
    pub second: String,
}

impl fmt::Display for Parted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parted { step, first, second, .. } = self;
        if first == second {
            return write!(f, "step {step} is the first: '{first}' each time, to another effect");
        }
        write!(f, "step {step} is the first: '{first}', then '{second}'")
    }
}

/// Records some seeds, one after the other.
pub fn record(session: &mut dyn Session, seeds: Range<u64>) -> Vec<Recording> {
    seeds.map(|seed| session.record(Scenario::of(seed))).collect()
}

/// The first step at which two runs of `seed` part, if they do.
pub fn compare(seed: u64, first: &Recording, second: &Recording) -> Option<Parted> {
    let parted = |step, first: String, second: String| Some(Parted { seed, step, first, second });
    if first.params != second.params {
        let drew = |it: &Recording| format!("drew {}", Value::Object(it.params.clone()));
        return parted(0, drew(first), drew(second));
    }
    let longest = first.steps.len().max(second.steps.len()) + 1;
    let at = |it: &Recording, index: usize| it.steps.get(index).unwrap_or(&it.end).clone();
    let index = (0..longest).find(|index| at(first, *index) != at(second, *index))?;
    parted(index + 1, at(first, index).text, at(second, index).text)
}

/// Writes a recording while the run is made.
pub(crate) struct Scribe<'a, M: Model> {
    teller: Teller<'a, M>,
    /// Of what the present step did so far.
    effects: Chain,
    hashes: Vec<u64>,
}

impl<'a, M: Model> Scribe<'a, M> {
    pub(crate) fn new(model: &'a M) -> Self {
        Scribe { teller: Teller::new(model), effects: Chain::default(), hashes: Vec::new() }
    }

    pub(crate) fn recording(
        self,
        outcome: &Outcome,
        history: &Seen<M>,
        params: &Map<String, Value>,
        name: &dyn Fn(ClientId) -> String,
    ) -> Recording {
        let said = <M::World as Legible>::SAID;
        let text = |scene| line_of(scene, &|id| name(id), said);
        let scenes = self.teller.scenes.iter().map(text).zip(self.hashes);
        let mut chain = Chain::new(outcome.digest);
        for operation in history {
            (operation.client, &operation.op, operation.call).hash(&mut chain);
            (operation.ret(), operation.returned_at()).hash(&mut chain);
        }
        let verdict = verdict_to_json(&outcome.verdict);
        verdict.to_string().hash(&mut chain);
        let text = format!("the end, after {} operations: {verdict}", history.len());
        Recording {
            params: params.clone(),
            steps: scenes.map(|(text, hash)| Recorded { text, hash }).collect(),
            end: Recorded { text, hash: chain.finish() },
        }
    }
}

impl<M: Model> Observer<M, M::World> for Scribe<'_, M> {
    fn told(&mut self, from: CallId, call: &CallOf<M>, reply: Option<&ReplyOf<M>>) {
        (from, call, reply).hash(&mut self.effects);
        self.teller.told(from, call, reply);
    }

    fn lost(&mut self, from: CallId, call: &CallOf<M>) {
        (from, call).hash(&mut self.effects);
        self.teller.lost(from, call);
    }

    fn stepped(&mut self, step: Step, world: &M::World) -> Result<(), Stop> {
        (step, world).hash(&mut self.effects);
        self.hashes.push(std::mem::take(&mut self.effects).finish());
        self.teller.stepped(step, world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(steps: &[(&str, u64)]) -> Recording {
        let recorded = |text: &str, hash| Recorded { text: text.to_owned(), hash };
        Recording {
            params: Map::new(),
            steps: steps.iter().map(|(text, hash)| recorded(text, *hash)).collect(),
            end: recorded("the end", 0),
        }
    }

    #[test]
    fn the_first_step_that_differs_is_named() {
        let first = recording(&[("apply w0", 1), ("apply w1", 2), ("apply w2", 3)]);
        assert_eq!(compare(7, &first, &first.clone()), None);
        let part = |steps: &[(&str, u64)]| {
            let parted = compare(7, &first, &recording(steps)).expect("they differ");
            assert_eq!(parted.seed, 7);
            (parted.step, parted.to_string())
        };
        let (step, said) = part(&[("apply w0", 1), ("lapse 0", 2), ("apply w2", 9)]);
        assert_eq!((step, said.contains("'apply w1', then 'lapse 0'")), (2, true));
        let (step, said) = part(&[("apply w0", 1), ("apply w1", 9), ("apply w2", 9)]);
        assert_eq!((step, said.contains("'apply w1' each time")), (2, true));
        let (step, said) = part(&[("apply w0", 1)]);
        assert_eq!((step, said.contains("'apply w1', then 'the end'")), (2, true));
        let (step, _) = part(&[("apply w0", 1), ("apply w1", 2), ("apply w2", 3), ("late w0", 4)]);
        assert_eq!(step, 4);
    }

    #[test]
    fn what_a_seed_drew_and_how_it_ended_are_compared_too() {
        let first = recording(&[("apply w0", 1)]);
        let mut drew = first.clone();
        drew.params.insert("writers".to_owned(), Value::from(2));
        assert_eq!(compare(0, &first, &drew).map(|it| it.step), Some(0));
        let mut ended = first.clone();
        ended.end.hash = 9;
        assert_eq!(compare(0, &first, &ended).map(|it| it.step), Some(2));
    }
}
