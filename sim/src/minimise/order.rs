//! Schedules as short as the cause that are easier to follow.
//!
//! Of two causes that are equally long, that one is told in fewer words which leaves more to the
//! fair schedule, and then the one that changes less often from one client to another. And a step
//! in another place sometimes makes another one needless, so this comes before a further round.

use super::search::{Found, Search, faults};
use super::{Pass, keys};
use crate::session::{Outcome, Plan};
use crate::step::Step;

/// In causes up to this length a step may be moved anywhere; in longer ones, to its neighbour's
/// place.
const MOVED_MAX: usize = 40;

/// The less, the better; compared from left to right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    steps: usize,
    faults: usize,
    /// The numbers that moves name, added up.
    keys: usize,
    /// Steps that the fair schedule would not have taken.
    odd: usize,
    /// Changes from one client to another.
    turns: usize,
}

impl Search<'_> {
    /// Tries duller steps, and other places for each.
    pub(super) fn put_in_order(&mut self) {
        let (steps, outcome) = (self.cause.steps.clone(), self.cause.outcome.clone());
        let mut weight = self.weigh(&steps, &outcome);
        for at in 0..self.cause.steps.len() {
            if self.cause.steps.len() > MOVED_MAX || !self.goes_on() {
                break;
            }
            if let Some(duller) = self.duller(at) {
                self.try_order(&mut weight, &duller);
            }
        }
        let mut from = 0;
        while from < self.cause.steps.len() {
            let length = self.cause.steps.len();
            let places = match length <= MOVED_MAX {
                true => 0..length,
                false => from + 1..(from + 2).min(length),
            };
            for to in places {
                let moved = moved(&self.cause.steps, from, to);
                if moved == self.cause.steps {
                    continue;
                }
                if !self.goes_on() {
                    return;
                }
                if self.try_order(&mut weight, &moved) && self.cause.steps.len() < length {
                    break;
                }
            }
            from += 1;
        }
    }

    /// The cause with the step at `at` left to the fair schedule, if that takes another one.
    fn duller(&mut self, at: usize) -> Option<Vec<Step>> {
        let steps = &self.cause.steps;
        let now = *steps.get(at)?;
        let faults_max = faults(steps) as u32;
        self.session.play(&Plan::Steps { steps: &steps[..at], faults_max });
        let taken = self.session.steps();
        self.played += taken.len() as u64;
        let dull = taken.get(at).filter(|dull| **dull != now)?;
        let mut duller = steps.clone();
        duller[at] = *dull;
        Some(duller)
    }

    fn try_order(&mut self, weight: &mut Weight, steps: &[Step]) -> bool {
        let Some(Found { steps, outcome }) = self.other(Pass::Order, steps) else { return false };
        let other = self.weigh(&steps, &outcome);
        let lighter = other < *weight;
        if lighter {
            *weight = other;
            self.keep(Found { steps, outcome });
        }
        lighter
    }

    fn weigh(&mut self, steps: &[Step], outcome: &Outcome) -> Weight {
        let (_, scenes) = self.session.tell(steps, steps.len(), outcome);
        self.played += scenes.len() as u64;
        Weight {
            steps: steps.len(),
            faults: faults(steps),
            keys: keys::sum(steps),
            odd: scenes.iter().filter(|scene| !scene.dull).count(),
            turns: steps.windows(2).filter(|two| two[0].client() != two[1].client()).count(),
        }
    }
}

/// `steps` with the one at `from` taken to `to`.
fn moved(steps: &[Step], from: usize, to: usize) -> Vec<Step> {
    let mut steps = steps.to_vec();
    let step = steps.remove(from);
    steps.insert(to, step);
    steps
}
