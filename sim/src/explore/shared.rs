//! A table of fingerprints that several workers ask at once, and nobody waits for.
//!
//! A slot changes once, from nothing to a fingerprint, and never again; so whoever turns it has found
//! the state, whoever comes second is told so by the very look that would have found it, and no
//! order between two slots matters: every access is relaxed. It cannot grow while it is asked, so
//! whoever asks makes room beforehand, and is told where that was too little.

use checker::sync::{AtomicU64, Ordering::Relaxed};
use checker::workers::Workers;

/// No fingerprint.
const NONE: u64 = 0;
/// What stands for a fingerprint that looks like none.
const ONE: u64 = 1;
/// Slots at first; few where every order of looks at them is tried.
const FIRST: usize = if cfg!(loom) { 4 } else { 1 << 12 };
/// Slots that one worker moves at a time.
const PART: usize = if cfg!(loom) { 2 } else { 1 << 14 };

/// There is no free slot left.
#[derive(Debug)]
pub(super) struct Full;

pub(super) struct Shared {
    /// A power of two of them.
    slots: Vec<AtomicU64>,
}

impl Default for Shared {
    fn default() -> Self {
        Shared { slots: empty(FIRST) }
    }
}

impl Shared {
    /// Notes a fingerprint; whether it is new.
    #[inline]
    pub(super) fn insert(&self, print: u64) -> Result<bool, Full> {
        let print = if print == NONE { ONE } else { print };
        let mask = self.slots.len() - 1;
        for step in 0..self.slots.len() {
            let slot = &self.slots[(print as usize).wrapping_add(step) & mask];
            let mut there = slot.load(Relaxed);
            if there == NONE {
                match slot.compare_exchange(NONE, print, Relaxed, Relaxed) {
                    Ok(_) => return Ok(true),
                    Err(other) => there = other,
                }
            }
            if there == print {
                return Ok(false);
            }
        }
        Err(Full)
    }

    /// Brings what will be asked for nearer, all of it at once.
    #[inline]
    pub(super) fn approach(&self, prints: impl Iterator<Item = u64>) {
        let mask = self.slots.len() - 1;
        let near = |print: &u64| self.slots[*print as usize & mask].load(Relaxed) == *print;
        std::hint::black_box(prints.filter(near).count());
    }

    /// Sees to it that `count` fingerprints in all leave a third of it free.
    pub(super) fn make_room(&mut self, workers: &dyn Workers, count: usize) {
        let wanted = (count + count / 2).next_power_of_two();
        if wanted <= self.slots.len() {
            return;
        }
        let larger = Shared { slots: empty(wanted.max(self.slots.len() * 4)) };
        let parts: Vec<_> = self.slots.chunks(PART).collect();
        workers.all(parts.len(), &|number| {
            for print in parts[number].iter().map(|slot| slot.load(Relaxed)) {
                if print != NONE {
                    larger.insert(print).expect("it is larger");
                }
            }
        });
        *self = larger;
    }
}

fn empty(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(NONE)).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use checker::hash::Chain;
    use checker::workers::{Threads, each};

    #[test]
    fn each_of_them_is_new_to_one_worker() {
        let mut table = Shared::default();
        table.make_room(&Threads(2), 40_000);
        let found = each(&Threads(4), 4, |_| {
            let new = |it: &u64| table.insert(Chain::of(it)).expect("there is room");
            (0..20_000).filter(new).count()
        });
        assert_eq!(found.iter().sum::<usize>(), 20_000);
        table.make_room(&Threads(3), 400_000);
        assert!((0..20_000_u64).all(|it| matches!(table.insert(Chain::of(&it)), Ok(false))));
        assert!(matches!(table.insert(0), Ok(true)) && matches!(table.insert(0), Ok(false)));
    }

    #[test]
    fn a_full_table_says_so() {
        let table = Shared::default();
        assert!((1..=FIRST as u64).all(|print| matches!(table.insert(print), Ok(true))));
        assert!(matches!(table.insert(1), Ok(false)), "what is there is found");
        table.insert(1 << 13).expect_err("there is no room");
    }
}
