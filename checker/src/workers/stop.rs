//! A wish that all workers stop, which may be had more than once.
//!
//! The second time is told from the first, because whoever wishes twice will not wait: of any
//! number that wish at once, one is the first, and only one.

use crate::sync::{AtomicBool, Ordering::SeqCst};

/// Whether somebody wants the work to end.
#[derive(Debug)]
pub struct Stop(AtomicBool);

impl Default for Stop {
    fn default() -> Self {
        Stop(AtomicBool::new(false))
    }
}

impl Stop {
    /// Wishes it; whether nobody had before.
    pub fn ask(&self) -> bool {
        !self.0.swap(true, SeqCst)
    }

    /// Whether anybody has wished it.
    pub fn is_asked(&self) -> bool {
        self.0.load(SeqCst)
    }
}
