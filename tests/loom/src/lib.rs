//! Our own concurrent parts on loom's threads, in every order in which these can run.
//!
//! Loom wants threads that own all they use, and ours borrow: so what they do is lent by a scoped
//! variable, which all of them see because loom runs them, in turn, on one real thread.
//!
//! Of a variable loom remembers the last access alone (0.7.2, `rt/execution.rs`: `schedule`): a worker
//! that looks at it and then writes it hides the race of its write with an earlier look of another's,
//! and that order is not tried. So where a look is answered by a write, a suite also has a worker that
//! writes without a look; and each suite plants a bug, which must be found.

#![cfg(loom)]

use checker::workers::Workers;
use scoped_tls_hkt::scoped_thread_local;

scoped_thread_local!(static WORK: for<'a> &'a (dyn Fn() + Sync + 'a));

/// So many of loom's threads, of which the caller's is one.
#[derive(Clone, Copy, Debug)]
pub struct Threads(pub usize);

impl Workers for Threads {
    fn count(&self) -> usize {
        self.0
    }

    fn together(&self, times: usize, work: &(dyn Fn() + Sync)) {
        WORK.set(work, || {
            let spawn = |_| loom::thread::spawn(|| WORK.with(|work| work()));
            let others: Vec<_> = (1..times).map(spawn).collect();
            work();
            for other in others {
                other.join().expect("what fails there fails here");
            }
        });
    }
}
