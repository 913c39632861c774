//! A campaign runs every seed that counts, once, whoever is first and whenever it is to stop.

#![cfg(loom)]

use checker::sync::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use checker::workers::{Stop, Supply, Workers, each};
use std::ops::Range;
use unforked_loom::Threads;

/// What gives seeds to workers, and hears from them that one is enough.
trait Seeds: Sync {
    fn work(&self, job: &mut dyn FnMut(Range<u64>));
    fn enough(&self, seed: u64);
}

impl Seeds for Supply {
    fn work(&self, job: &mut dyn FnMut(Range<u64>)) {
        Supply::work(self, || false, job);
    }

    fn enough(&self, seed: u64) {
        Supply::enough(self, seed);
    }
}

/// The seeds that two workers ran, lowest first; all but 0 fail, and a failure is enough.
fn ran(seeds: &impl Seeds) -> Vec<u64> {
    let mut ran = each(&Threads(2), 2, |_| {
        let mut mine = Vec::new();
        seeds.work(&mut |share| {
            for seed in share {
                mine.push(seed);
                if seed > 0 {
                    seeds.enough(seed);
                }
            }
        });
        mine
    })
    .concat();
    ran.sort_unstable();
    ran
}

/// The lowest failing seed is found, because all before it were run.
fn lowest_is_found<S: Seeds>(seeds: impl Fn(Range<u64>) -> S + Send + Sync + 'static) {
    loom::model(move || {
        let ran = ran(&seeds(0..4));
        assert!(ran.starts_with(&[0, 1]), "all up to the lowest that fails, once: {ran:?}");
        assert!(ran.is_sorted_by(|a, b| a < b), "none twice: {ran:?}");
    });
}

#[test]
fn the_lowest_failing_seed_is_found() {
    lowest_is_found(|range| Supply::new(range, 1));
}

#[test]
fn a_share_is_run_to_its_end() {
    lowest_is_found(|range| Supply::new(range, 2));
}

#[test]
fn a_failure_elsewhere_spares_none_below_it() {
    loom::model(|| {
        let seeds = Supply::new(0..3, 1);
        let ran = each(&Threads(2), 2, |worker| {
            let mut mine = Vec::new();
            match worker {
                0 => seeds.work(|| false, |share| mine.extend(share)),
                _ => seeds.enough(1),
            }
            mine
        })
        .concat();
        assert!(ran.starts_with(&[0, 1]), "{ran:?}");
    });
}

/// Planted: a failure ends it for all, also for those who have a lower seed before them.
struct Hasty {
    seeds: Supply,
    over: AtomicBool,
}

impl Seeds for Hasty {
    fn work(&self, job: &mut dyn FnMut(Range<u64>)) {
        self.seeds.work(
            || false,
            |share| {
                for seed in share {
                    job(seed..seed + 1);
                    if self.over.load(Relaxed) {
                        return;
                    }
                }
            },
        );
    }

    fn enough(&self, _seed: u64) {
        self.over.store(true, Relaxed);
    }
}

#[test]
#[should_panic(expected = "all up to the lowest that fails")]
fn a_campaign_that_ends_at_the_first_failure_misses_the_lowest() {
    lowest_is_found(|range| Hasty { seeds: Supply::new(range, 2), over: AtomicBool::new(false) });
}

#[test]
fn what_is_taken_before_a_stop_is_run_and_nothing_after_it() {
    loom::model(|| {
        let (seeds, stop) = (Supply::new(0..3, 1), Stop::default());
        let mut ran = each(&Threads(2), 2, |worker| {
            let mut mine = Vec::new();
            seeds.work(|| stop.is_asked(), |share| mine.extend(share));
            if worker == 0 {
                assert!(stop.ask(), "nobody asked before");
                seeds.work(|| stop.is_asked(), |share| panic!("{share:?} was taken after it"));
            }
            mine
        })
        .concat();
        ran.sort_unstable();
        assert!(ran.iter().copied().eq(0..ran.len() as u64), "no hole, and none twice: {ran:?}");
    });
}

/// Two ask at once that all stop: one is the first, and the other is the second, who ends it all.
fn one_is_first<S: Default + Send + Sync + 'static>(ask: fn(&S) -> bool) {
    loom::model(move || {
        let (stop, first) = (S::default(), AtomicU64::new(0));
        Threads(2).together(2, &|| {
            first.fetch_add(u64::from(ask(&stop)), Relaxed);
        });
        assert_eq!(first.load(Relaxed), 1, "one of two was first");
    });
}

#[test]
fn of_two_that_ask_at_once_one_is_first() {
    one_is_first(Stop::ask);
}

/// Planted: whether it was asked before is read, and then it is asked.
struct Deaf(AtomicBool);

impl Default for Deaf {
    fn default() -> Self {
        Deaf(AtomicBool::new(false))
    }
}

#[test]
#[should_panic(expected = "one of two was first")]
fn a_second_ctrl_c_is_lost_where_asking_is_two_steps() {
    one_is_first(|stop: &Deaf| {
        let first = !stop.0.load(SeqCst);
        stop.0.store(true, SeqCst);
        first
    });
}
