//! Every schedule, one after the other, and nothing remembered: what a search by fingerprints is
//! held to.
//!
//! It has no way to take two states for one and no way to miss one, and needs as many runs as there
//! are schedules: for tests, and for whoever doubts.

use crate::model::Model;
use crate::run::{Engine, Starts};
use crate::verdict::verdict;
use std::collections::BTreeSet;

/// What all schedules come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enumerated {
    /// How many there are; none: more than were allowed.
    pub schedules: Option<u64>,
    /// States that differ, met on the way.
    pub distinct: u64,
    /// The ends that differ: what was asked and answered, in which order, and what is left.
    pub ends: u64,
    /// The promises that are broken.
    pub broken: BTreeSet<String>,
}

/// Plays every schedule of `model` with at most `faults_max` faults.
pub fn enumerate<M: Model, S: Starts<M>>(
    model: &M,
    engine: &mut Engine<M, S>,
    faults_max: u32,
    schedules_max: u64,
) -> Enumerated {
    engine.hears = true;
    let (mut states, mut ends, mut broken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut schedules, mut complete) = (0, true);
    for start in model.worlds() {
        // Which step was taken at each point, of how many.
        let mut path: Vec<(usize, usize)> = Vec::new();
        loop {
            let mut world = start.clone();
            engine.begin(model, &world, faults_max);
            states.insert(engine.fingerprint(&world));
            for depth in 0.. {
                if let Some(ended) = engine.ended(false) {
                    let history = engine.history();
                    let said = verdict(model, &ended, &world, history.operations(), depth);
                    drop(history);
                    broken.extend(said.broken().map(ToString::to_string));
                    ends.insert(engine.fingerprint(&world));
                    if engine.ended(true).is_some() {
                        break;
                    }
                }
                if path.len() == depth {
                    path.push((0, engine.menu().len()));
                }
                let stepped = engine.take_step(model, &mut world, path[depth].0, &mut ());
                stepped.expect("nobody looks on who could object");
                if let Err(violation) = model.invariant(None, &world) {
                    broken.insert(violation.property.to_string());
                }
                states.insert(engine.fingerprint(&world));
            }
            schedules += 1;
            complete = schedules < schedules_max;
            while path.pop_if(|(taken, count)| *taken + 1 == *count).is_some() {}
            match path.last_mut() {
                Some((taken, _)) if complete => *taken += 1,
                _ => break,
            }
        }
    }
    engine.hears = false;
    let (distinct, ends) = (states.len() as u64, ends.len() as u64);
    Enumerated { schedules: complete.then_some(schedules), distinct, ends, broken }
}
