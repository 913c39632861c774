//! Time: nothing but the deadlines that somebody waits for.
//!
//! Deadlines are kept as time left, so that two states which differ only in the date are one. A
//! fair schedule lets time pass when the next deadline is a sleeper's; that a lease runs out
//! first is a move of its own, which nobody should need.

use sim::prelude::*;

/// What the clock may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Wait.
    Sleep {
        /// Milliseconds.
        ms: u32,
    },
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The time is over.
    Woke,
}

/// Who sleeps, and for how much longer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Clock {
    sleepers: Vec<(CallId, u32)>,
    waking: Option<CallId>,
}

impl Clock {
    pub(super) fn apply(&mut self, from: CallId, Call::Sleep { ms }: &Call) -> Poll<Reply> {
        if self.waking.take_if(|id| *id == from).is_some() {
            return Poll::Ready(Reply::Woke);
        }
        self.sleepers.push((from, *ms));
        Poll::Pending
    }

    /// The time until the next sleeper wakes, in milliseconds.
    pub fn next_ms(&self) -> Option<u32> {
        self.sleepers.iter().map(|(_, left)| *left).min()
    }

    pub(super) fn pass(&mut self, ms: u32) {
        for (_, left) in &mut self.sleepers {
            *left = left.saturating_sub(ms);
        }
    }

    #[inline]
    pub(super) fn freed(&mut self) -> Option<CallId> {
        let index = self.sleepers.iter().position(|(_, left)| *left == 0)?;
        Some(self.wake(index))
    }

    #[inline(never)]
    fn wake(&mut self, index: usize) -> CallId {
        let (id, _) = self.sleepers.remove(index);
        self.waking = Some(id);
        id
    }

    /// Whoever crashed does not wake.
    pub(super) fn gone(&mut self, client: ClientId) {
        self.sleepers.retain(|(id, _)| id.client != client);
    }
}
