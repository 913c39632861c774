//! What is said to commute, held to what comes of it: random walks, and both orders at every step.
//!
//! A claim that two calls commute is believed by every search, and a wrong one hides states without
//! a word. So it can be doubted: whatever is claimed of two steps is tried in both orders, and the
//! whole state after them is compared, clients, history and all.

use super::spared::{Doing, Possible, Taken};
use crate::model::Model;
use crate::rng::Rng;
use crate::run::{Engine, Starts};
use crate::step::Step;
use std::fmt;
use std::ops::Range;

/// How many steps a walk takes at most.
const STEPS_MAX: usize = 60;

/// Two steps that are said to commute, and do not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// The steps to where they differ.
    pub steps: Vec<Step>,
    /// The two.
    pub pair: (Step, Step),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = self.pair;
        let count = self.steps.len();
        write!(f, "after {count} steps {one:?} and {other:?} are said to commute, and do not")
    }
}

impl std::error::Error for Doubt {}

/// Walks at random, a walk a seed, and tries both orders of all that is said to commute on the way;
/// how many pairs were tried.
pub fn doubt<M: Model, S: Starts<M>>(
    model: &M,
    engine: &mut Engine<M, S>,
    faults_max: u32,
    seeds: Range<u64>,
) -> Result<u64, Doubt> {
    if !M::ASKS {
        return Ok(0);
    }
    engine.hears = true;
    let mut doubter = Doubter { model, engine, faults_max, start: 0 };
    let tried = seeds.map(|seed| doubter.walk(&mut Rng::new(seed))).sum();
    engine.hears = false;
    tried
}

struct Doubter<'a, M: Model, S: Starts<M>> {
    model: &'a M,
    engine: &'a mut Engine<M, S>,
    faults_max: u32,
    /// Which of the initial worlds the walk begins in.
    start: usize,
}

impl<M: Model, S: Starts<M>> Doubter<'_, M, S> {
    fn walk(&mut self, rng: &mut Rng) -> Result<u64, Doubt> {
        self.start = rng.below(self.model.worlds().len() as u64) as usize;
        let (mut steps, mut tried) = (Vec::new(), 0);
        while steps.len() < STEPS_MAX {
            let here = self.play(&steps);
            if self.engine.ended(true).is_some() {
                break;
            }
            let possible = Possible::of(self.engine);
            let all: Vec<Step> = possible.steps().map(|(step, _)| step).collect();
            let taken: Vec<Taken> = all.iter().map(|step| self.take(&steps, *step)).collect();
            for (index, one) in taken.iter().enumerate() {
                for other in &taken[..index] {
                    if possible.commute(&here, one, other) {
                        self.try_both(&steps, (one.step, other.step))?;
                        tried += 1;
                    }
                }
            }
            steps.push(*rng.pick(&all));
        }
        Ok(tried)
    }

    /// Plays all of `steps`, each of which is possible when its turn comes.
    fn play(&mut self, steps: &[Step]) -> M::World {
        let mut world = self.model.worlds().swap_remove(self.start);
        self.engine.begin(self.model, &world, self.faults_max);
        for step in steps {
            let index = self.engine.menu().position(*step).expect("it was possible before");
            let stepped = self.engine.take_step(self.model, &mut world, index, &mut ());
            stepped.expect("nobody looks on who could object");
        }
        world
    }

    fn take(&mut self, steps: &[Step], step: Step) -> Taken {
        let mut world = self.play(steps);
        let mut doing = Doing::begin(self.engine);
        let index = self.engine.menu().position(step).expect("it is possible");
        let stepped = self.engine.take_step(self.model, &mut world, index, &mut doing);
        stepped.expect("it stops nobody");
        doing.done(self.engine, step)
    }

    fn try_both(&mut self, steps: &[Step], pair: (Step, Step)) -> Result<(), Doubt> {
        let forth = self.both(steps, pair.0, pair.1);
        let back = self.both(steps, pair.1, pair.0);
        match forth.is_some() && forth == back {
            true => Ok(()),
            false => Err(Doubt { steps: steps.to_vec(), pair }),
        }
    }

    /// What stands for the state after both; none if the first makes the second impossible.
    fn both(&mut self, steps: &[Step], one: Step, other: Step) -> Option<u128> {
        let mut world = self.play(&[steps, &[one]].concat());
        let over = self.engine.ended(true).is_some();
        let index = self.engine.menu().position(other).filter(|_| !over)?;
        let stepped = self.engine.take_step(self.model, &mut world, index, &mut ());
        stepped.expect("nobody looks on who could object");
        Some(self.engine.fingerprint(&world))
    }
}
