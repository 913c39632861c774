//! Who does the work of several parts: one after the other, or at once on threads that the caller
//! has, for this crate makes none.

use std::sync::Mutex;

/// Threads, or whatever else can do several things at once.
pub trait Workers: Sync {
    /// How many things are done at once.
    fn count(&self) -> usize;

    /// Calls `job` once for each number below `count`, in any order, and returns when all have
    /// returned.
    fn all(&self, count: usize, job: &(dyn Fn(usize) + Sync));
}

/// What `job` says of each number below `count`, in that order.
pub(crate) fn each<R: Send>(
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
