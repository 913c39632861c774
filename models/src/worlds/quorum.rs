//! A lock on most of several Redis nodes, as a client takes it: ask all at once, count, and look at
//! the clock.
//!
//! The hard part is for how long it may be trusted. The keys run out by the nodes' clocks, counted
//! from when each was set, which the client does not see; so it counts from before it asked, by its
//! own clock, and takes off what clocks may drift. An answer that comes too late is no lock,
//! although every node said yes.

use super::leases::{Call as Redis, Reply};
use super::{Door, Node, Services};
use sim::prelude::*;

/// What is asked of the nodes, and what will do.
#[derive(Clone, Copy, Debug)]
pub struct Quorum {
    /// How many nodes there are.
    pub nodes: u8,
    /// How many of them must say yes.
    pub needed: usize,
    /// When a key runs out, in milliseconds.
    pub ttl_ms: u32,
    /// What is taken off for clocks that are off, in milliseconds.
    pub drift_ms: u32,
    /// Whether validity is counted from the answers, and not from before they were asked for.
    pub from_answers: bool,
    /// Whether all nodes are asked at once, and not one after the other.
    pub at_once: bool,
}

/// What came of asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vote {
    /// Enough said yes, and in time: the lock may be trusted for so long.
    Held {
        /// Milliseconds by the client's own clock.
        left_ms: u32,
    },
    /// Too few did.
    TooFew {
        /// How many did.
        votes: usize,
    },
    /// Enough did, too late; or the clock did not answer.
    TooLate,
}

impl Quorum {
    /// A majority, and a drift of one percent and two milliseconds, which are for the precision of
    /// expiry.
    pub fn of(nodes: u8, ttl_ms: u32) -> Self {
        let needed = usize::from(nodes / 2 + 1);
        let drift_ms = ttl_ms.div_ceil(100) + 2;
        Quorum { nodes, needed, ttl_ms, drift_ms, from_answers: false, at_once: true }
    }

    /// The same, asked one after the other: fewer schedules, and the same locks.
    pub fn in_turn(self) -> Self {
        Quorum { at_once: false, ..self }
    }

    async fn tell<M: Model<World = Services>>(
        &self,
        door: &Door<'_, M>,
        call: Redis,
    ) -> Vec<Result<Reply, Lost>> {
        if self.at_once {
            return door.on_all(self.nodes, call).await;
        }
        let mut told = Vec::new();
        for node in 0..self.nodes {
            told.push(door.on(Node(node), call.clone()).await);
        }
        told
    }

    /// Asks all nodes for the lock, or for more time. From a yes in time on, the client takes
    /// itself for the holder.
    pub async fn ask<M: Model<World = Services>>(
        &self,
        door: &Door<'_, M>,
        value: u64,
        call: Redis,
    ) -> Vote {
        let Ok(start) = door.now().await else { return Vote::TooLate };
        let told = self.tell(door, call).await;
        let yes = |it: &&_| matches!(it, Ok(Reply::Granted { .. } | Reply::Held(true)));
        let votes = told.iter().filter(yes).count();
        if votes < self.needed {
            return Vote::TooFew { votes };
        }
        let from = match self.from_answers {
            false => start,
            true => match door.now().await {
                Ok(now) => now,
                Err(Lost) => return Vote::TooLate,
            },
        };
        let until = (from + u64::from(self.ttl_ms)).saturating_sub(u64::from(self.drift_ms));
        match door.trust(value, until).await {
            0 => Vote::TooLate,
            left_ms => Vote::Held { left_ms },
        }
    }

    /// Gives it back as well as it can: what is not given back runs out.
    pub async fn release<M: Model<World = Services>>(&self, door: &Door<'_, M>, call: Redis) {
        self.tell(door, call).await;
    }
}
