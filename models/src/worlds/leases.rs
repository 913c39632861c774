//! One Redis server with keys that run out: `SET NX PX`, and release and extension by value.
//!
//! That a key runs out is a move, not a timer: it may happen between any two steps, which is what a
//! pause of its holder looks like. Each grant also hands out a number that only grows, as a script
//! with `INCR` would: a fencing token for those who check one.

use super::Run;
use super::clock::Rate;
use sim::prelude::*;
use sim::world::Hold;

/// A time to live that never ends: `SET NX` without `PX`.
pub const NEVER: u32 = u32::MAX;

/// What Redis may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Call {
    /// `SET lock:RUN value NX PX ttl`, then `INCR lock:RUN:token` if it was set.
    Acquire {
        /// Whose lock.
        run: Run,
        /// A value nobody else uses.
        value: u64,
        /// When it runs out, in milliseconds from now.
        ttl_ms: u32,
    },
    /// Deletes the key if it still has this value.
    Release {
        /// Whose lock.
        run: Run,
        /// The value it was taken with.
        value: u64,
    },
    /// Sets the time to live anew if the key still has this value.
    Extend {
        /// Whose lock.
        run: Run,
        /// The value it was taken with.
        value: u64,
        /// When it runs out, in milliseconds from now.
        ttl_ms: u32,
    },
    /// `DEL lock:RUN`, whoever has it.
    Delete {
        /// Whose lock.
        run: Run,
    },
    /// `PEXPIRE lock:RUN ttl`, whoever has it.
    Expire {
        /// Whose lock.
        run: Run,
        /// When it runs out, in milliseconds from now.
        ttl_ms: u32,
    },
}

impl Call {
    fn run(&self) -> Run {
        match self {
            Call::Acquire { run, .. }
            | Call::Release { run, .. }
            | Call::Extend { run, .. }
            | Call::Delete { run }
            | Call::Expire { run, .. } => *run,
        }
    }

    /// The value it asks for; none if it asks for none.
    fn value(&self) -> Option<u64> {
        match self {
            Call::Acquire { value, .. }
            | Call::Release { value, .. }
            | Call::Extend { value, .. } => Some(*value),
            Call::Delete { .. } | Call::Expire { .. } => None,
        }
    }
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The lock is the caller's, until it runs out.
    Granted {
        /// Larger than any before it.
        token: u64,
    },
    /// Somebody else has it.
    Busy,
    /// Whether the key had the value; of a call that names none, whether there was one.
    Held(bool),
}

/// The keys.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Leases {
    locks: Vec<Lock>,
    rate: Rate,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Lock {
    held: Option<Lease>,
    token_last: u64,
    /// Clients whose lock ran out and who have neither taken nor given back one since.
    lapsed: Vec<ClientId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Lease {
    holder: ClientId,
    value: u64,
    left_ms: u32,
}

impl Leases {
    /// A server with one lock for each of `runs`.
    pub fn new(runs: u16) -> Self {
        Leases { locks: vec![Lock::default(); usize::from(runs)], rate: Rate::default() }
    }

    /// The same server with a clock that is off.
    pub(super) fn at_rate(self, rate: Rate) -> Self {
        Leases { rate, ..self }
    }

    /// Who holds the lock of `run` now.
    pub fn holder(&self, run: Run) -> Option<ClientId> {
        self.locks[run.index()].held.as_ref().map(|lease| lease.holder)
    }

    /// Whether the last lock that `client` took on `run` ran out under it.
    pub fn has_lapsed(&self, run: Run, client: ClientId) -> bool {
        self.locks[run.index()].lapsed.contains(&client)
    }

    pub(crate) fn apply(&mut self, from: CallId, call: &Call) -> Reply {
        let rate = self.rate;
        let lasts = |ttl_ms| if ttl_ms == NEVER { NEVER } else { rate.takes(u64::from(ttl_ms)) };
        match *call {
            Call::Acquire { run, value, ttl_ms } => {
                let lock = &mut self.locks[run.index()];
                lock.lapsed.retain(|client| *client != from.client);
                if lock.held.is_some() {
                    return Reply::Busy;
                }
                lock.held = Some(Lease { holder: from.client, value, left_ms: lasts(ttl_ms) });
                lock.token_last += 1;
                Reply::Granted { token: lock.token_last }
            }
            Call::Release { run, value } => {
                let Lock { held, lapsed, .. } = &mut self.locks[run.index()];
                lapsed.retain(|client| *client != from.client);
                Reply::Held(held.take_if(|lease| lease.value == value).is_some())
            }
            Call::Extend { run, value, ttl_ms } => {
                let held = self.locks[run.index()].held.as_mut();
                let mine = held.filter(|lease| lease.value == value);
                Reply::Held(mine.map(|lease| lease.left_ms = lasts(ttl_ms)).is_some())
            }
            Call::Delete { run } => Reply::Held(self.locks[run.index()].held.take().is_some()),
            Call::Expire { run, ttl_ms } => {
                let held = self.locks[run.index()].held.as_mut();
                Reply::Held(held.map(|lease| lease.left_ms = lasts(ttl_ms)).is_some())
            }
        }
    }

    /// Whether two clients' calls may change places.
    pub(super) fn commute(&self, one: &Call, other: &Call) -> bool {
        if one.run() != other.run() {
            return true;
        }
        // Whoever asks for no value changes what everybody finds.
        let (Some(first), Some(second)) = (one.value(), other.value()) else { return false };
        let held = self.locks[one.run().index()].held.as_ref();
        match (one, other) {
            (Call::Acquire { .. }, Call::Acquire { .. }) => held.is_some(),
            // Whoever gives back or extends what it does not hold changes nothing.
            (Call::Acquire { .. }, _) => {
                first != second && held.is_none_or(|lease| lease.value != second)
            }
            (_, Call::Acquire { .. }) => {
                first != second && held.is_none_or(|lease| lease.value != first)
            }
            _ => first != second,
        }
    }

    /// The locks that will run out, and how long each has left, in milliseconds.
    pub fn left_ms(&self) -> impl Iterator<Item = (Run, u32)> + '_ {
        let held = |(index, lock): (usize, &Lock)| {
            lock.held.as_ref().map(|lease| (Run(index as u16), lease.left_ms))
        };
        self.locks.iter().enumerate().filter_map(held).filter(|(_, left)| *left != NEVER)
    }

    /// Every lock that is held, and every client whose lock ran out and who was not told.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        let of = |(index, lock): (usize, &Lock)| {
            // The first run's is the column of that name.
            let name =
                if index == 0 { "lock".to_owned() } else { format!("lock {}", Run(index as u16)) };
            let held = lock.held.as_ref().map(|lease| Hold {
                lock: name.clone(),
                by: lease.holder,
                left_ms: Some(lease.left_ms).filter(|left| *left != NEVER),
                stands: true,
            });
            let lapsed = lock.lapsed.iter().map(|by| Hold {
                lock: name.clone(),
                by: *by,
                left_ms: None,
                stands: false,
            });
            held.into_iter().chain(lapsed).collect::<Vec<_>>()
        };
        self.locks.iter().enumerate().flat_map(of).collect()
    }

    /// Time passes; `lapsed` hears of each client whose lock runs out.
    pub(crate) fn pass(&mut self, ms: u32, mut lapsed: impl FnMut(ClientId)) {
        for lock in &mut self.locks {
            if let Some(lease) = lock.held.as_mut().filter(|lease| lease.left_ms != NEVER) {
                lease.left_ms = lease.left_ms.saturating_sub(ms);
            }
            if let Some(lease) = lock.held.take_if(|lease| lease.left_ms == 0) {
                lock.lapsed.push(lease.holder);
                lapsed(lease.holder);
            }
        }
    }

    /// The server's clock jumps ahead, past the end of every lease; `lapsed` hears of each holder.
    pub(super) fn jump(&mut self, mut lapsed: impl FnMut(ClientId)) {
        for Lock { held, lapsed: clients, .. } in &mut self.locks {
            if let Some(lease) = held.take_if(|lease| lease.left_ms != NEVER) {
                clients.push(lease.holder);
                lapsed(lease.holder);
            }
        }
    }

    /// The server restarts and has nothing on disk.
    pub(super) fn forget(&mut self) {
        self.locks.fill(Lock::default());
    }
}
