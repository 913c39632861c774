//! Every job is called once, and what it says stands in its place.

#![cfg(loom)]

use checker::sync::{AtomicU64, Ordering::Relaxed};
use checker::workers::{Workers, each};
use unforked_loom::Threads;

/// Asks three jobs of `workers`, which say their number and how often they were called before.
fn three_jobs(workers: impl Workers + Copy + Send + 'static) {
    loom::model(move || {
        let calls: Vec<_> = (0..3).map(|_| AtomicU64::new(0)).collect();
        let said = each(&workers, 3, |job| (job, calls[job].fetch_add(1, Relaxed)));
        assert_eq!(said, [(0, 0), (1, 0), (2, 0)], "each job once, and in order");
    });
}

#[test]
fn each_job_is_called_once_and_answers_in_order() {
    three_jobs(Threads(2));
}

#[test]
fn three_workers_may_share_two_jobs() {
    loom::model(|| assert_eq!(each(&Threads(3), 2, |job| 10 * job), [0, 10]));
}

/// Planted: who takes a job looks which is next, and then says that it is taken.
#[derive(Clone, Copy)]
struct Careless(Threads);

impl Workers for Careless {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn together(&self, times: usize, work: &(dyn Fn() + Sync)) {
        self.0.together(times, work);
    }

    fn all(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        let next = AtomicU64::new(0);
        self.together(self.count(), &|| {
            while let number = next.load(Relaxed)
                && number < count as u64
            {
                next.store(number + 1, Relaxed);
                job(number as usize);
            }
        });
    }
}

#[test]
#[should_panic(expected = "each job once, and in order")]
fn a_job_that_is_taken_in_two_steps_is_called_twice() {
    three_jobs(Careless(Threads(2)));
}
