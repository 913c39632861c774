//! Small numbers for values, given in the order of their first sight.
//!
//! The same value gets the same number, in every process: no random keys, and few values are found
//! by looking at all of them.

use crate::hash::Chain;
use std::hash::Hash;

const SCAN_MAX: usize = 8;
const VACANT: u32 = u32::MAX;

/// Values by their numbers.
pub(crate) struct Names<V> {
    values: Vec<V>,
    /// Open addressing into `values`; empty while a look at all of them is faster.
    table: Vec<(u32, u32)>,
}

impl<V: Eq + Hash> Names<V> {
    pub(crate) fn new() -> Self {
        Names { values: Vec::new(), table: Vec::new() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The number of a value that has one.
    pub(crate) fn find(&self, value: &V) -> Option<u32> {
        if self.table.is_empty() {
            return self.values.iter().position(|it| it == value).map(|known| known as u32);
        }
        let hash = Chain::of(value);
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.table[place] {
                (VACANT, _) => return None,
                (known, tag) if tag == tag_of(hash) && self.values[known as usize] == *value => {
                    return Some(known);
                }
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// The number of a value, a new one if it has none.
    pub(crate) fn of(&mut self, value: V) -> u32 {
        let next = self.values.len() as u32;
        if self.values.len() < SCAN_MAX {
            let known = self.values.iter().position(|it| *it == value);
            return known.map_or_else(
                || {
                    self.values.push(value);
                    next
                },
                |known| known as u32,
            );
        }
        if self.table.len() < 2 * self.values.len() {
            self.build();
        }
        let hash = Chain::of(&value);
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.table[place] {
                (VACANT, _) => break,
                (known, tag) if tag == tag_of(hash) && self.values[known as usize] == value => {
                    return known;
                }
                _ => place = (place + 1) & mask,
            }
        }
        self.table[place] = (next, tag_of(hash));
        self.values.push(value);
        next
    }

    fn build(&mut self) {
        let size = (4 * self.values.len()).next_power_of_two();
        self.table.clear();
        self.table.resize(size, (VACANT, 0));
        for (number, value) in (0..).zip(&self.values) {
            let hash = Chain::of(value);
            let mut place = hash as usize & (size - 1);
            while self.table[place].0 != VACANT {
                place = (place + 1) & (size - 1);
            }
            self.table[place] = (number, tag_of(hash));
        }
    }
}

/// Bits of the hash that do not choose the place.
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}
