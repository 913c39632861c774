//! Who does the work of several parts: one after the other, or at once.
//!
//! Nothing here may depend on who was faster, so what is said is put in the order of the parts. That
//! is why threads are named here and nowhere else in this crate: they decide nothing. Whether that
//! is so in every order of their steps is tried in `tests/loom`.

mod stop;
mod supply;

pub use stop::Stop;
pub use supply::Supply;

use crate::sync::Mutex;

/// Threads, or whatever else can do several things at once.
pub trait Workers: Sync {
    /// How many things are done at once.
    fn count(&self) -> usize;

    /// Calls `work` so many times at once, one of them in the caller's place, and returns when all
    /// have returned.
    fn together(&self, times: usize, work: &(dyn Fn() + Sync));

    /// Calls `job` once for each number below `count`, in any order, and returns when all have
    /// returned.
    fn all(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        let numbers = Supply::new(0..count as u64, 1);
        self.together(self.count().min(count), &|| {
            numbers.work(|| false, |share| share.for_each(|number| job(number as usize)));
        });
    }
}

/// So many threads, of which the caller's is one.
#[derive(Clone, Copy, Debug)]
pub struct Threads(pub usize);

impl Threads {
    /// As many as the machine runs at once.
    pub fn of_this_machine() -> Self {
        Threads(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Workers for Threads {
    fn count(&self) -> usize {
        self.0
    }

    fn together(&self, times: usize, work: &(dyn Fn() + Sync)) {
        std::thread::scope(|scope| {
            for _ in 1..times {
                scope.spawn(work);
            }
            work();
        });
    }
}

/// What `job` says of each number below `count`, in that order.
pub fn each<R: Send>(
    workers: &dyn Workers,
    count: usize,
    job: impl Fn(usize) -> R + Sync,
) -> Vec<R> {
    let results: Vec<Mutex<Option<R>>> = (0..count).map(|_| Mutex::new(None)).collect();
    workers.all(count, &|number| {
        let result = job(number);
        *results[number].lock().expect("nobody panics holding it") = Some(result);
    });
    let result = |it: Mutex<Option<R>>| it.into_inner().expect("nobody panics holding it");
    results.into_iter().map(|it| result(it).expect("every job was called")).collect()
}
