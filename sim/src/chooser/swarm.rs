//! Swarm testing: every seed weighs the kinds of step and the clients differently.
//!
//! After Groce, Zhang, Eide, Chen and Regehr, "Swarm testing" (ISSTA 2012). They leave features out
//! altogether; here a fair step is never left out, only made up to 64 times rarer, because a client
//! that never runs hides more than it shows, while faults and lapses may well be off for a seed.
//! A slow client is what a pause looks like, so that is where leases expire in mid-transition.

use super::Chooser;
use crate::menu::Menu;
use crate::rng::Rng;
use crate::step::Step;

const CLIENTS: usize = 64;
const KINDS: usize = 16;

/// A random walk with drawn weights.
#[derive(Clone, Debug)]
pub struct Swarm {
    rng: Rng,
    weights: Weights,
}

#[derive(Clone, Debug)]
struct Weights {
    clients: [u16; CLIENTS],
    moves: [u16; KINDS],
    lose: u16,
    late: u16,
    crash: u16,
    restart: u16,
}

impl Swarm {
    /// Draws the weights, and then every choice, from `rng`.
    pub fn new(mut rng: Rng) -> Self {
        let clients = std::array::from_fn(|_| *rng.pick(&[4, 16, 64, 64, 256]));
        let moves = std::array::from_fn(|_| *rng.pick(&[0, 1, 4, 16, 64]));
        let mut rare = || *rng.pick(&[0, 1, 4, 16]);
        let (lose, late, crash, restart) = (rare(), rare() + 1, rare() / 4, rare());
        Swarm { rng, weights: Weights { clients, moves, lose, late, crash, restart } }
    }
}

impl Weights {
    #[inline]
    fn of(&self, step: Step) -> u64 {
        let client = |id: checker::ClientId| self.clients[usize::from(id.0) % CLIENTS];
        u64::from(match step {
            Step::Apply(id) | Step::Reply(id) => client(id.client),
            Step::World(chosen) => self.moves[usize::from(chosen.kind) % KINDS],
            Step::Lose(_) => self.lose,
            Step::Late(_) => self.late,
            Step::Crash(_) => self.crash,
            Step::Restart(_) => self.restart,
        })
    }
}

impl Chooser for Swarm {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let Swarm { rng, weights } = self;
        let fair: u64 = menu.faultless().map(|step| weights.of(step)).sum();
        // The faults come last, and all losses weigh the same, as do all crashes.
        let (lose, crash) = (u64::from(weights.lose), u64::from(weights.crash));
        let losses = lose * menu.losses() as u64;
        let total = fair + losses + crash * menu.crashes() as u64;
        let mut ticket = if total > 0 { rng.below(total) } else { return None };
        if ticket >= fair {
            let (nth, first) = (ticket - fair, menu.len() - menu.losses() - menu.crashes());
            let fault = match nth.checked_sub(losses) {
                None => nth / lose,
                Some(nth) => menu.losses() as u64 + nth / crash,
            };
            return Some(first + fault as usize);
        }
        menu.faultless().position(|step| {
            let weight = weights.of(step);
            let found = ticket < weight;
            ticket = ticket.wrapping_sub(weight);
            found
        })
    }
}
