//! The parts of a history judged at once, a thread a core.

use checker::workers::Workers;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// As many threads as there are cores.
pub(super) struct Threads(usize);

impl Threads {
    pub(super) fn new() -> Self {
        Threads(thread::available_parallelism().map_or(1, NonZero::get))
    }
}

impl Workers for Threads {
    fn count(&self) -> usize {
        self.0
    }

    fn all(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                job(number);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.0.min(count) {
                scope.spawn(work);
            }
            work();
        });
    }
}
