//! Redis nodes that crash and come back empty, one after the other, while a run goes on.
//!
//! A node without a disk forgets whom it gave the lock to. The run does not wait for it: it happens
//! on a thread of its own, and whoever asks the node meanwhile hears nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::service::Redis;

/// How often it is looked whether the run is over.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Crashes until it is dropped.
pub(super) struct Restarts {
    over: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Restarts {
    /// One node after the other crashes, with this much time between them.
    pub(super) fn every(pause: Duration, nodes: Arc<Vec<Redis>>) -> Self {
        let (over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_over, crashed) = (Arc::clone(&over), Arc::clone(&count));
        let thread = std::thread::spawn(move || {
            for node in nodes.iter().cycle() {
                let mut left = pause;
                while left > Duration::ZERO && !is_over.load(Ordering::SeqCst) {
                    std::thread::sleep(LOOK_EVERY);
                    left = left.saturating_sub(LOOK_EVERY);
                }
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                match node.kill_and_restart_empty() {
                    Ok(()) => drop(crashed.fetch_add(1, Ordering::SeqCst)),
                    Err(error) => return tracing::warn!(%error, "a node did not come back"),
                }
            }
        });
        Restarts { over, count, thread: Some(thread) }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for Restarts {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and a drop is no place for a second one.
            let _ = thread.join();
        }
    }
}
