//! Probabilistic concurrency testing: priorities, changed at a few random points.
//!
//! After Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic
//! Guarantees of Finding Bugs" (ASPLOS 2010): whoever has the highest priority runs, and at `d - 1`
//! points of the run the one that runs falls to the bottom. It finds a bug that needs `d` ordered
//! steps with a chance that does not shrink with everything else that goes on.
//!
//! Where it differs: clients and kinds of move are the threads; the length of a run is not known
//! beforehand, so it is drawn; faults happen at points of their own; and whoever ran long without a
//! change gets a new priority, because a client that polls would otherwise run for ever.

use super::Chooser;
use crate::menu::Menu;
use crate::rng::Rng;
use crate::step::Step;

/// Clients, then kinds of move.
const ACTORS: usize = 64 + 32;
/// How many steps in a row one may take.
const PATIENCE: u32 = 64;

/// Strict priorities with a few changes.
#[derive(Clone, Debug)]
pub struct Pct {
    rng: Rng,
    priorities: [u64; ACTORS],
    /// When the one that runs falls, and when a fault happens; in steps.
    falls: Vec<u64>,
    faults: Vec<u64>,
    taken: u64,
    last: usize,
    in_a_row: u32,
    /// Below every priority that was drawn, and ever lower.
    bottom: u64,
}

impl Pct {
    /// Draws the depth, the points and the priorities from `rng`.
    pub fn new(mut rng: Rng) -> Self {
        let length = *rng.pick(&[16, 48, 128, 512]);
        let depth = 1 + rng.below(5);
        let falls = (0..depth).map(|_| rng.below(length)).collect();
        let faults = (0..8).map(|_| rng.below(length)).collect();
        let priorities = std::array::from_fn(|_| rng.bits() >> 1 | 1 << 62);
        let (taken, last, in_a_row) = (0, ACTORS, 0);
        Pct { rng, priorities, falls, faults, taken, last, in_a_row, bottom: 1 << 62 }
    }

    /// Who does it; nobody does what follows a fault, or is one.
    fn actor(step: Step) -> Option<usize> {
        match step {
            Step::Apply(id) | Step::Reply(id) => Some(usize::from(id.client.0) % 64),
            Step::World(chosen) => Some(64 + usize::from(chosen.kind) % 32),
            Step::Late(_) | Step::Restart(_) | Step::Lose(_) | Step::Crash(_) => None,
        }
    }

    /// One of the steps that are, or follow, a fault.
    fn fault(&mut self, menu: &Menu) -> Option<usize> {
        let faults = menu.iter().filter(|step| Pct::actor(*step).is_none()).count() as u64;
        let nth = self.rng.below(faults.checked_sub(1)? + 1) as usize;
        let mut indices = (0..menu.len()).filter(|index| Pct::actor(menu.get(*index)).is_none());
        indices.nth(nth)
    }
}

impl Chooser for Pct {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        self.taken += 1;
        if self.faults.contains(&self.taken)
            && let Some(fault) = self.fault(menu)
        {
            return Some(fault);
        }
        let ranked = menu.faultless().enumerate().filter_map(|(index, step)| {
            Pct::actor(step).map(|actor| (self.priorities[actor], actor, index))
        });
        // Where nobody is left who could run, nobody comes back.
        let (_, actor, index) = ranked.max_by_key(|it| it.0)?;
        self.in_a_row = if actor == self.last { self.in_a_row + 1 } else { 0 };
        self.last = actor;
        if self.falls.contains(&self.taken) {
            self.bottom -= 1;
            self.priorities[actor] = self.bottom;
        } else if self.in_a_row == PATIENCE {
            self.priorities[actor] = self.rng.bits() >> 1 | 1 << 62;
        }
        Some(index)
    }
}
