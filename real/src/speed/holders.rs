//! Who was given a lock, as far as anybody has heard.
//!
//! Whether a lock was somebody else's when a write was sent must be known before it is sent, for
//! afterwards it proves nothing. So only grants count that a client had heard of by then, from most
//! of the nodes: less than really happened, never more.

use models::worlds::{Run, leases};
use sim::prelude::ClientId;
use std::collections::HashMap;

/// A lock that was taken with a value nobody else uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) by: ClientId,
    value: u64,
    /// How long it lasts.
    pub(super) ttl_ms: u32,
}

/// What is known of the locks.
#[derive(Debug)]
pub(super) struct Holders {
    /// How many nodes must say yes.
    needed: usize,
    votes: HashMap<(Run, u64), usize>,
    /// Who got the lock last.
    last: HashMap<Run, Held>,
    /// What each client holds, or held when it ran out.
    own: HashMap<(Run, ClientId), Held>,
}

impl Holders {
    /// Of locks on so many nodes; 0: on the one server there is.
    pub(super) fn on(nodes: usize) -> Self {
        let needed = nodes / 2 + 1;
        Holders { needed, votes: HashMap::new(), last: HashMap::new(), own: HashMap::new() }
    }

    /// A client is about to ask this.
    pub(super) fn asks(&mut self, from: ClientId, call: &leases::Call) {
        if let leases::Call::Release { run, .. } | leases::Call::Delete { run } = call {
            self.own.remove(&(*run, from));
        }
    }

    /// A client heard this.
    pub(super) fn heard(&mut self, from: ClientId, call: &leases::Call, reply: &leases::Reply) {
        let (leases::Call::Acquire { run, value, ttl_ms }, leases::Reply::Granted { .. }) =
            (call, reply)
        else {
            return;
        };
        let votes = self.votes.entry((*run, *value)).or_default();
        *votes += 1;
        if *votes == self.needed {
            let held = Held { by: from, value: *value, ttl_ms: *ttl_ms };
            self.last.insert(*run, held);
            self.own.insert((*run, from), held);
        }
    }

    /// The lock that a client took on `run` and has not given back.
    pub(super) fn own(&self, from: ClientId, run: Run) -> Option<Held> {
        self.own.get(&(run, from)).copied()
    }

    /// Whether somebody else got the lock since.
    pub(super) fn was_taken(&self, run: Run, own: Held) -> bool {
        self.last.get(&run).is_some_and(|last| *last != own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_taken_over_when_most_nodes_gave_it_to_somebody_else() {
        let run = Run(0);
        let mut holders = Holders::on(3);
        let grant = |holders: &mut Holders, by: u16, value| {
            let call = leases::Call::Acquire { run, value, ttl_ms: 30 };
            holders.heard(ClientId(by), &call, &leases::Reply::Granted { token: 1 });
        };
        grant(&mut holders, 0, 7);
        assert_eq!(holders.own(ClientId(0), run), None, "one of three nodes is no lock");
        grant(&mut holders, 0, 7);
        let own = holders.own(ClientId(0), run).expect("two of three are");
        assert!(!holders.was_taken(run, own));
        grant(&mut holders, 1, 8);
        assert!(!holders.was_taken(run, own), "nor is one for somebody else");
        grant(&mut holders, 1, 8);
        assert!(holders.was_taken(run, own));
        holders.asks(ClientId(0), &leases::Call::Release { run, value: 7 });
        assert_eq!(holders.own(ClientId(0), run), None, "it knows that it has none any more");
    }
}
