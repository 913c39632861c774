//! Every way the history can have gone up to one event.
//!
//! The hard part is keeping few: two ways that meet are one, and a way that still has an operation
//! in hand which the other has spent is at least as good.

use super::order::Trail;
use crate::hash::Chain;
use std::hash::Hash;

/// A way it can have gone: the state, and the open operations that have already taken effect.
#[derive(Clone, Debug)]
pub(super) struct Configuration<S> {
    pub(super) state: S,
    /// One bit for each slot. An operation nobody will hear of that can change nothing any more
    /// counts as done.
    pub(super) done: u128,
    /// The order that led here, one of several.
    pub(super) trail: Trail,
}

impl<S: Eq + Hash> Configuration<S> {
    /// Whether whatever can follow from the other can follow from this, however they came about:
    /// it has spent no more of the `unheard`, which may happen or not.
    fn outdoes(&self, other: &Self, unheard: u128) -> bool {
        let same = (self.done ^ other.done) & !unheard == 0 && self.state == other.state;
        same && self.done & !other.done == 0
    }

    /// The same for all that may outdo one another.
    fn print(&self, unheard: u128) -> u64 {
        Chain::of(&(Chain::of(&self.state), self.done & !unheard))
    }
}

/// A set of configurations, in the order of their arrival.
pub(super) struct Frontier<S> {
    members: Vec<Configuration<S>>,
    /// Open addressing into `members`; empty while there are so few that a scan is faster.
    table: Vec<u32>,
}

const SCAN_MAX: usize = 8;
const VACANT: u32 = u32::MAX;

impl<S: Clone + Eq + Hash> Frontier<S> {
    pub(super) fn new() -> Self {
        Frontier { members: Vec::new(), table: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.members.clear();
        self.table.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// What it holds, without what its states own.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Configuration<S>>() * self.members.capacity() + 4 * self.table.capacity()
    }

    pub(super) fn get(&self, position: usize) -> &Configuration<S> {
        &self.members[position]
    }

    pub(super) fn members(&self) -> &[Configuration<S>] {
        &self.members
    }

    /// Changes every member in a way that keeps them apart from one another.
    pub(super) fn for_each(&mut self, mut change: impl FnMut(&mut Configuration<S>)) {
        self.members.iter_mut().for_each(&mut change);
        // The table holds hashes of what was; the next insertion builds it anew.
        self.table.clear();
    }

    /// Adds a configuration unless one that is there outdoes it, and says whether it did: same state,
    /// same operations to answer for, and no more of the `unheard` ones spent.
    pub(super) fn insert(&mut self, configuration: Configuration<S>, unheard: u128) -> bool {
        if self.members.len() < SCAN_MAX {
            if self.members.iter().any(|it| it.outdoes(&configuration, unheard)) {
                return false;
            }
        } else {
            if self.table.len() < 2 * (self.members.len() + 1) {
                self.build(unheard);
            }
            let Some(place) = self.place(&configuration, unheard) else { return false };
            self.table[place] = u32::try_from(self.members.len()).expect("budgets end sooner");
        }
        self.members.push(configuration);
        true
    }

    fn build(&mut self, unheard: u128) {
        self.table.clear();
        self.table.resize((4 * self.members.len()).next_power_of_two(), VACANT);
        for position in 0..self.members.len() {
            let mask = self.table.len() - 1;
            let mut place = self.members[position].print(unheard) as usize & mask;
            while self.table[place] != VACANT {
                place = (place + 1) & mask;
            }
            self.table[place] = u32::try_from(position).expect("budgets end sooner");
        }
    }

    /// Where the configuration goes in the table, unless one that is there outdoes it.
    fn place(&self, configuration: &Configuration<S>, unheard: u128) -> Option<usize> {
        let mask = self.table.len() - 1;
        let mut place = configuration.print(unheard) as usize & mask;
        while self.table[place] != VACANT {
            if self.members[self.table[place] as usize].outdoes(configuration, unheard) {
                return None;
            }
            place = (place + 1) & mask;
        }
        Some(place)
    }

    /// Drops each configuration that another one outdoes: same state, same operations to answer
    /// for, and more of the `unheard` ones still in hand. Those may happen or not, so whatever
    /// follows from fewer of them follows from more.
    pub(super) fn keep_undominated(&mut self, unheard: u128) {
        if self.members.len() < 2 {
            return;
        }
        let mut order: Vec<(u64, u128, u32, usize)> = self
            .members
            .iter()
            .enumerate()
            .map(|(position, Configuration { state, done, .. })| {
                (Chain::of(state), done & !unheard, (done & unheard).count_ones(), position)
            })
            .collect();
        order.sort_unstable();
        let mut kept = vec![false; self.members.len()];
        for group in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let mut best: Vec<usize> = Vec::new();
            for &(.., position) in group {
                let one = &self.members[position];
                let outdone = best
                    .iter()
                    .map(|&other| &self.members[other])
                    .any(|other| other.done & !one.done == 0 && other.state == one.state);
                if !outdone {
                    kept[position] = true;
                    best.push(position);
                }
            }
        }
        let mut kept = kept.into_iter();
        self.members.retain(|_| kept.next().unwrap_or(true));
        self.table.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(state: u64, done: u128) -> Configuration<u64> {
        Configuration { state, done, trail: Trail::START }
    }

    #[test]
    fn a_thousand_members_stay_distinct() {
        let mut frontier = Frontier::new();
        for state in (0..1000_u64).chain(0..1000) {
            frontier.insert(way(state / 2, u128::from(state % 2) << 100), 0);
        }
        assert_eq!(frontier.len(), 1000);
        frontier.for_each(|configuration| configuration.done |= 1);
        assert!(!frontier.insert(way(5, 1 | 1 << 100), 0));
        assert!(frontier.insert(way(5, 1 << 100), 0));
    }

    #[test]
    fn what_is_outdone_is_not_added() {
        let mut frontier = Frontier::new();
        for state in 0..100 {
            assert!(frontier.insert(way(state, 0b0011), 0b0110));
            assert!(!frontier.insert(way(state, 0b0111), 0b0110), "it has spent more");
            assert!(frontier.insert(way(state, 0b0101), 0b0110), "it has spent another");
            assert!(frontier.insert(way(state, 0b1111), 0b0110), "it has less to answer for");
        }
    }

    #[test]
    fn more_in_hand_outdoes_less() {
        let mut frontier = Frontier::new();
        for done in [0b0111, 0b0001, 0b0101, 0b1001, 0b0000] {
            frontier.insert(way(1, done), 0);
        }
        frontier.insert(way(2, 0b0111), 0);
        // Neither of two outdoes the other.
        frontier.insert(way(3, 0b0010), 0);
        frontier.insert(way(3, 0b0100), 0);
        // The lowest bit is an operation that must answer: it is never traded.
        frontier.keep_undominated(0b1110);
        let kept: Vec<_> = frontier.members().iter().map(|c| (c.state, c.done)).collect();
        assert_eq!(kept, [(1, 0b0001), (1, 0b0000), (2, 0b0111), (3, 0b0010), (3, 0b0100)]);
    }
}
