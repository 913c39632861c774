//! Time: nothing but the deadlines that somebody waits for.
//!
//! Deadlines are kept as time left, so that two states which differ only in the date are one. A
//! fair schedule lets time pass when the next deadline is a sleeper's; that a lease runs out
//! first is a move of its own, which nobody should need.
//!
//! Only where clients read their clocks is there a date. Each clock runs at a rate of its own, and
//! whoever trusts a lock says until when by its own clock: what it believes is a deadline too, and
//! nobody can ask it for that in the middle of a pause.

use sim::prelude::*;
use std::hash::{Hash, Hasher};

/// What the clock may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Call {
    /// Wait.
    Sleep {
        /// Milliseconds.
        ms: u32,
    },
    /// What does the caller's clock show?
    Now,
    /// The same, by one who takes itself for the holder of a lock from now on, in the place of what
    /// it trusted before.
    Trust {
        /// The value the lock was taken with.
        value: u64,
        /// Until the caller's clock shows this.
        until_ms: u64,
    },
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The time is over.
    Woke,
    /// The clock shows this.
    Now {
        /// Milliseconds.
        ms: u64,
    },
    /// So long may the lock be trusted.
    Left {
        /// Milliseconds; 0: it may not.
        ms: u32,
    },
}

/// That somebody woke adds nothing to a digest: the step says so already.
impl Hash for Reply {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Reply::Woke => {}
            Reply::Now { ms } => (0u8, ms).hash(state),
            Reply::Left { ms } => (1u8, ms).hash(state),
        }
    }
}

/// How far a clock is off: it runs this much too fast, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rate(pub i16);

impl Rate {
    fn per_thousand(self) -> u64 {
        u64::from(1000u16.saturating_add_signed(self.0))
    }

    /// What it shows after `ms` of true time.
    fn shows(self, ms: u64) -> u64 {
        ms * self.per_thousand() / 1000
    }

    /// How long it really takes until it has moved by `ms`.
    pub(super) fn takes(self, ms: u64) -> u32 {
        u32::try_from((ms * 1000).div_ceil(self.per_thousand())).unwrap_or(u32::MAX)
    }
}

/// What every clock shows in the beginning: enough to be set back from.
const START_MS: u64 = 10_000;
/// How far a clock falls back.
const BACK_MS: u64 = 1000;

/// Who sleeps, and for how much longer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Clock {
    sleepers: Vec<(CallId, u32)>,
    waking: Option<CallId>,
    watches: Option<Watches>,
}

/// The clocks that clients read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Watches {
    passed_ms: u64,
    watches: Vec<Watch>,
    trusts: Vec<Trust>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Watch {
    rate: Rate,
    fell_back: bool,
}

/// A client takes itself for the holder of a lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Trust {
    client: ClientId,
    value: u64,
    left_ms: u32,
}

impl Watches {
    fn now(&self, client: ClientId) -> u64 {
        let Watch { rate, fell_back } = &self.watches[usize::from(client.0)];
        START_MS + rate.shows(self.passed_ms) - if *fell_back { BACK_MS } else { 0 }
    }

    fn trust(&mut self, client: ClientId, value: u64, until_ms: u64) -> u32 {
        let left = until_ms.saturating_sub(self.now(client));
        self.trusts.retain(|it| it.client != client);
        if left > 0 {
            let left_ms = self.watches[usize::from(client.0)].rate.takes(left);
            self.trusts.push(Trust { client, value, left_ms });
        }
        u32::try_from(left).unwrap_or(u32::MAX)
    }
}

impl Clock {
    /// Gives each client a clock to read, off by its rate.
    pub(super) fn give(&mut self, rates: impl Iterator<Item = Rate>) {
        let watches = rates.map(|rate| Watch { rate, fell_back: false }).collect();
        self.watches = Some(Watches { passed_ms: 0, watches, trusts: Vec::new() });
    }

    fn watches(&mut self) -> &mut Watches {
        self.watches.as_mut().expect("whoever reads a clock was given one")
    }

    pub(super) fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        match *call {
            Call::Sleep { ms } => {
                if self.waking.take_if(|id| *id == from).is_some() {
                    return Poll::Ready(Reply::Woke);
                }
                self.sleepers.push((from, ms));
                Poll::Pending
            }
            Call::Now => Poll::Ready(Reply::Now { ms: self.watches().now(from.client) }),
            // One that was given up is no longer believed in by the time it lands.
            Call::Trust { .. } if from.slot >= CallId::ADRIFT => Poll::Ready(Reply::Left { ms: 0 }),
            Call::Trust { value, until_ms } => {
                let ms = self.watches().trust(from.client, value, until_ms);
                Poll::Ready(Reply::Left { ms })
            }
        }
    }

    /// The time until the next sleeper wakes, in milliseconds.
    pub fn next_ms(&self) -> Option<u32> {
        self.sleepers.iter().map(|(_, left)| *left).min()
    }

    /// Whether clients read their clocks.
    pub fn is_read(&self) -> bool {
        self.watches.is_some()
    }

    /// Who takes itself for the holder of a lock now, in the order they began to.
    pub fn trusting(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.watches.iter().flat_map(|it| &it.trusts).map(|it| it.client)
    }

    pub(super) fn pass(&mut self, ms: u32) {
        for (_, left) in &mut self.sleepers {
            *left = left.saturating_sub(ms);
        }
        if let Some(watches) = &mut self.watches {
            watches.passed_ms += u64::from(ms);
            let left = |it: &Trust| it.left_ms.saturating_sub(ms);
            watches.trusts.iter_mut().for_each(|it| it.left_ms = left(it));
            watches.trusts.retain(|it| it.left_ms > 0);
        }
    }

    /// `client` gives its lock back, so it no longer trusts it. `value`: only the one taken so.
    pub(super) fn let_go(&mut self, client: ClientId, value: Option<u64>) {
        if let Some(watches) = &mut self.watches {
            let given_back = |it: &Trust| value.is_none_or(|value| value == it.value);
            watches.trusts.retain(|it| it.client != client || !given_back(it));
        }
    }

    /// The clients whose clocks may fall back: each once, and while it trusts a lock.
    pub(super) fn may_fall_back(&self) -> impl Iterator<Item = ClientId> + '_ {
        let fresh = |it: &ClientId| {
            let watches = self.watches.as_ref().map(|it| &it.watches);
            watches.is_some_and(|watches| !watches[usize::from(it.0)].fell_back)
        };
        self.trusting().filter(fresh)
    }

    /// The clock of `client` is set back, and what it trusts lasts longer by that.
    pub(super) fn fall_back(&mut self, client: ClientId) {
        let Watches { watches, trusts, .. } = self.watches();
        let watch = &mut watches[usize::from(client.0)];
        watch.fell_back = true;
        let longer = watch.rate.takes(BACK_MS);
        let mine = trusts.iter_mut().filter(|it| it.client == client);
        mine.for_each(|it| it.left_ms += longer);
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

    /// Whoever crashed does not wake, and trusts nothing.
    pub(super) fn gone(&mut self, client: ClientId) {
        self.sleepers.retain(|(id, _)| id.client != client);
        self.let_go(client, None);
    }
}
