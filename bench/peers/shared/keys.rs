//! The hot keys, for those peers that run tasks and want what they share to be `Send`.

use crate::toy::KEYS;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Tasks share one thread, so a load and a store make a compare-and-set, and neither needs a lock:
/// the peer is charged for its scheduling, not for our locking.
#[derive(Clone, Default)]
pub(crate) struct Keys(Arc<[AtomicU64; KEYS]>);

impl Keys {
    pub(crate) fn read(&self, key: usize) -> u64 {
        self.0[key].load(Relaxed)
    }

    pub(crate) fn cas(&self, key: usize, seen: u64) -> bool {
        let same = self.read(key) == seen;
        if same {
            self.0[key].store(seen + 1, Relaxed);
        }
        same
    }

    /// Panics if a transition was lost, for then the peer did not do the work.
    pub(crate) fn check(&self, transitions: u64) {
        assert_eq!((0..KEYS).map(|key| self.read(key)).sum::<u64>(), transitions);
    }
}
