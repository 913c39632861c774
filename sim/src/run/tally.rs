//! How often a run took each kind of step but the common one: a call that takes effect is counted by
//! whoever hears of it.

use crate::step::Step;

/// More kinds of move than any world has.
const MOVES_MAX: usize = 32;

/// Faults and what follows them, in the order of their first counters.
const FAULTS: [&str; 4] = ["lost replies", "late effects", "crashes", "restarts"];

/// Counters of steps.
#[derive(Default)]
pub(crate) struct Tally {
    faults: [u64; FAULTS.len()],
    moves: [u64; MOVES_MAX],
}

impl Tally {
    pub(crate) fn note(&mut self, step: Step) {
        match step {
            Step::Lose(_) => self.faults[0] += 1,
            Step::Late(_) => self.faults[1] += 1,
            Step::Crash(_) => self.faults[2] += 1,
            Step::Restart(_) => self.faults[3] += 1,
            Step::World(chosen) => self.moves[usize::from(chosen.kind)] += 1,
            Step::Apply(_) | Step::Reply(_) => {}
        }
    }

    /// What happened at all, by name. `moves`: the names of the world's.
    pub(crate) fn iter(
        &self,
        moves: &'static [&'static str],
    ) -> impl Iterator<Item = (&'static str, u64)> {
        let faults = FAULTS.iter().zip(&self.faults);
        let all = faults.chain(moves.iter().zip(&self.moves));
        all.filter(|(_, count)| **count > 0).map(|(name, count)| (*name, *count))
    }
}
