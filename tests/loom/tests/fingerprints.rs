//! A fingerprint is new to one worker, however many note it at once and wherever it lands.

#![cfg(loom)]

// The table is a detail of the search that nobody outside of it can name: its own file, built here.
#[path = "../../../sim/src/explore/shared.rs"]
mod shared;

use checker::sync::{AtomicU64, Ordering::Relaxed};
use checker::workers::{Workers, each};
use shared::Shared;
use unforked_loom::Threads;

/// Whether a fingerprint is new; `None`: there is no room.
trait Table: Default + Send + Sync + 'static {
    fn note(&self, print: u64) -> Option<bool>;
}

impl Table for Shared {
    fn note(&self, print: u64) -> Option<bool> {
        self.insert(print).ok()
    }
}

/// How many of its fingerprints each worker was told are new; all workers at once.
fn found<const WORKERS: usize>(table: &impl Table, prints: [&[u64]; WORKERS]) -> Vec<usize> {
    each(&Threads(WORKERS), WORKERS, |worker| {
        let is_new = |print: &&u64| table.note(**print).expect("there is room");
        prints[worker].iter().filter(is_new).count()
    })
}

/// Two workers note the same two fingerprints, which want one slot, from either end.
fn equal_and_colliding<T: Table>() {
    loom::model(|| {
        let table = T::default();
        let new: usize = found(&table, [&[1, 5], &[5, 1]]).iter().sum();
        assert_eq!(new, 2, "each of two fingerprints is new once");
        assert_eq!((table.note(1), table.note(5)), (Some(false), Some(false)));
    });
}

#[test]
fn equal_and_colliding_fingerprints_are_new_once() {
    equal_and_colliding::<Shared>();
}

#[test]
fn three_workers_may_note_one_fingerprint() {
    loom::model(|| {
        let (table, new) = (Shared::default(), AtomicU64::new(0));
        Threads(3).together(3, &|| {
            if table.note(7) == Some(true) {
                new.fetch_add(1, Relaxed);
            }
        });
        assert_eq!(new.load(Relaxed), 1);
    });
}

#[test]
fn none_is_lost_when_room_is_made() {
    loom::model(|| {
        let mut table = Shared::default();
        assert!([1, 5, 2].iter().all(|print| table.note(*print) == Some(true)));
        // Two workers move the slots, two at a time; four times as many want other places.
        table.make_room(&Threads(2), 5);
        table.approach([1, 5, 2].into_iter());
        assert_eq!(found(&table, [&[5, 3], &[3, 2]]).iter().sum::<usize>(), 1, "3 alone is new");
        assert_eq!(table.note(1), Some(false));
    });
}

#[test]
fn a_full_table_refuses_whoever_comes_last_and_nobody_else() {
    loom::model(|| {
        let table = Shared::default();
        assert!([1, 2, 3].iter().all(|print| table.note(*print) == Some(true)));
        let said = each(&Threads(2), 2, |worker| table.note(4 + worker as u64));
        assert!(said.contains(&Some(true)) && said.contains(&None), "{said:?}");
    });
}

/// Planted: whether a slot is free is one step, taking it is another.
struct Careless([AtomicU64; 4]);

impl Default for Careless {
    fn default() -> Self {
        Careless(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Table for Careless {
    fn note(&self, print: u64) -> Option<bool> {
        for step in 0..4 {
            let slot = &self.0[(print as usize + step) % 4];
            match slot.load(Relaxed) {
                0 => {
                    slot.store(print, Relaxed);
                    return Some(true);
                }
                there if there == print => return Some(false),
                _ => {}
            }
        }
        None
    }
}

#[test]
#[should_panic(expected = "each of two fingerprints is new once")]
fn a_slot_that_is_taken_in_two_steps_is_taken_twice() {
    equal_and_colliding::<Careless>();
}
