//! The locks that each of awa's transactions takes, one after the other.
//!
//! Postgres has many modes; two are enough here. Whatever lets others write beside it is shared, and
//! what waits for all of them (TRUNCATE, and FOR UPDATE of a row of which there is one) is exclusive.

/// How many slots each ring has at most.
pub(super) const SLOTS: usize = 3;
/// The physical queues: one by itself, and two that a logical queue is striped over.
pub(super) const QUEUES: u8 = 3;
const STRIPE_A: u8 = 1;
const STRIPE_B: u8 = 2;

/// What is locked: a row of which there is one, or a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resource {
    Lane(u8),
    LeaseRing,
    QueueRing,
    ClaimRing,
    Leases,
    LeaseSlot(u8),
    LeaseChild(u8),
    QueueSlot(u8),
    ReadyChild(u8),
    DoneChild(u8),
    ClaimSlot(u8),
    ClaimChild(u8),
    ClosureChild(u8),
}

impl Resource {
    /// Its bit in a set of them.
    pub(super) fn bit(self) -> u32 {
        use Resource::*;
        let slots = SLOTS as u8;
        let first = QUEUES + 4;
        let index = match self {
            Lane(queue) => queue,
            LeaseRing => QUEUES,
            QueueRing => QUEUES + 1,
            ClaimRing => QUEUES + 2,
            Leases => QUEUES + 3,
            LeaseSlot(slot) => first + slot,
            LeaseChild(slot) => first + slots + slot,
            QueueSlot(slot) => first + 2 * slots + slot,
            ReadyChild(slot) => first + 3 * slots + slot,
            DoneChild(slot) => first + 4 * slots + slot,
            ClaimSlot(slot) => first + 5 * slots + slot,
            ClaimChild(slot) => first + 6 * slots + slot,
            ClosureChild(slot) => first + 7 * slots + slot,
        };
        1 << index
    }

    /// It in a word or two.
    pub(super) fn words(self) -> String {
        use Resource::*;
        match self {
            Lane(queue) => format!("lane {queue}"),
            LeaseRing => "lease ring".to_owned(),
            QueueRing => "queue ring".to_owned(),
            ClaimRing => "claim ring".to_owned(),
            Leases => "leases".to_owned(),
            LeaseSlot(slot) => format!("lease slot {slot}"),
            LeaseChild(slot) => format!("leases_{slot}"),
            QueueSlot(slot) => format!("queue slot {slot}"),
            ReadyChild(slot) => format!("ready_{slot}"),
            DoneChild(slot) => format!("done_{slot}"),
            ClaimSlot(slot) => format!("claim slot {slot}"),
            ClaimChild(slot) => format!("claims_{slot}"),
            ClosureChild(slot) => format!("closures_{slot}"),
        }
    }
}

/// A lock that a transaction takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lock {
    pub(super) resource: Resource,
    pub(super) exclusive: bool,
}

const fn shared(resource: Resource) -> Lock {
    Lock { resource, exclusive: false }
}

const fn exclusive(resource: Resource) -> Lock {
    Lock { resource, exclusive: true }
}

/// What a transaction does, as far as it says which locks it takes: two that take the same are one.
/// Fields are a queue where they are called so, and otherwise slots of the ring they are named after.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Plan {
    Enqueue,
    ClaimReceipts {
        queue: u8,
        ready: u8,
        claim: u8,
    },
    ClaimLegacy {
        queue: u8,
        ready: u8,
        lease: u8,
    },
    Complete {
        ready: u8,
    },
    RotateLeases {
        lease: u8,
    },
    PruneLeases {
        lease: u8,
    },
    RotateReady {
        ready: u8,
    },
    PruneReady {
        ready: u8,
    },
    RotateClaims {
        claim: u8,
    },
    PruneClaims {
        claim: u8,
    },
    CloseReceipt {
        claim: u8,
    },
    /// Of stale receipts, and of those past their deadline: the same locks.
    Rescue {
        claim: u8,
    },
    EnsureRunning {
        claim: u8,
        lease: u8,
    },
    CancelReceiptOnly {
        claim: u8,
        ready: u8,
        lease: u8,
    },
    CancelRunning {
        lease: u8,
        ready: u8,
        claim: u8,
    },
    TerminalDelete {
        ready: u8,
        claim: u8,
    },
    /// From whatever queue: that one's lane is not locked.
    MoveLane {
        queue: u8,
        ready: u8,
    },
    /// Claims from both stripes in one transaction, as awa once did.
    ClaimStripes {
        ready: u8,
        claim: u8,
    },
    /// The rings of leases and of the queue, in this order or in the other.
    TwoRings {
        leases_first: bool,
    },
    /// Prunes leases and locks them before it asks whose turn it is.
    PruneLeasesFirst {
        lease: u8,
    },
}

impl Plan {
    /// Its lock of that number, if it takes so many.
    pub(super) fn lock(self, index: usize) -> Option<Lock> {
        use Resource::*;
        let nth = |locks: &[Lock]| locks.get(index).copied();
        match self {
            Plan::Enqueue => nth(&[exclusive(Lane(STRIPE_A)), exclusive(Lane(STRIPE_B))]),
            Plan::ClaimReceipts { queue, ready, claim } => {
                nth(&[exclusive(Lane(queue)), shared(ReadyChild(ready)), shared(ClaimChild(claim))])
            }
            Plan::ClaimLegacy { queue, ready, lease } => {
                nth(&[exclusive(Lane(queue)), shared(ReadyChild(ready)), shared(LeaseChild(lease))])
            }
            Plan::Complete { ready } => nth(&[shared(DoneChild(ready))]),
            Plan::CloseReceipt { claim } => {
                nth(&[shared(ClaimChild(claim)), shared(ClosureChild(claim))])
            }
            Plan::Rescue { claim } => nth(&[
                exclusive(ClaimSlot(claim)),
                shared(ClaimChild(claim)),
                shared(Leases),
                shared(ClosureChild(claim)),
            ]),
            Plan::EnsureRunning { claim, lease } => {
                nth(&[shared(ClaimChild(claim)), shared(LeaseChild(lease))])
            }
            Plan::CancelReceiptOnly { claim, ready, lease } => nth(&[
                shared(ClaimChild(claim)),
                shared(DoneChild(ready)),
                shared(ClosureChild(claim)),
                shared(LeaseChild(lease)),
            ]),
            Plan::CancelRunning { lease, ready, claim } => nth(&[
                shared(LeaseChild(lease)),
                shared(DoneChild(ready)),
                shared(ClaimChild(claim)),
                shared(ClosureChild(claim)),
            ]),
            Plan::TerminalDelete { ready, claim } => nth(&[
                shared(DoneChild(ready)),
                shared(ClaimChild(claim)),
                shared(ClosureChild(claim)),
            ]),
            Plan::MoveLane { queue, ready } => {
                nth(&[shared(ReadyChild(ready)), exclusive(Lane(queue)), shared(ReadyChild(ready))])
            }
            _ => self.maintenance(index),
        }
    }

    /// The locks of those who rotate and prune, and of what awa does not do any more.
    fn maintenance(self, index: usize) -> Option<Lock> {
        use Resource::*;
        let nth = |locks: &[Lock]| locks.get(index).copied();
        match self {
            Plan::RotateLeases { lease } => nth(&[exclusive(LeaseRing), shared(LeaseChild(lease))]),
            Plan::PruneLeases { lease } => nth(&[
                exclusive(LeaseRing),
                exclusive(LeaseSlot(lease)),
                exclusive(LeaseChild(lease)),
            ]),
            Plan::RotateReady { ready } => nth(&[exclusive(QueueRing), shared(ReadyChild(ready))]),
            Plan::PruneReady { ready } => nth(&[
                exclusive(QueueRing),
                exclusive(QueueSlot(ready)),
                exclusive(ReadyChild(ready)),
                exclusive(DoneChild(ready)),
                shared(Leases),
            ]),
            Plan::RotateClaims { claim } => {
                nth(&[exclusive(ClaimRing), shared(ClaimChild(claim)), shared(ClosureChild(claim))])
            }
            Plan::PruneClaims { claim } => nth(&[
                exclusive(ClaimRing),
                exclusive(ClaimSlot(claim)),
                exclusive(ClaimChild(claim)),
                exclusive(ClosureChild(claim)),
            ]),
            Plan::ClaimStripes { ready, claim } => nth(&[
                exclusive(Lane(STRIPE_B)),
                shared(ReadyChild(ready)),
                shared(ClaimChild(claim)),
                exclusive(Lane(STRIPE_A)),
                shared(ReadyChild(ready)),
                shared(ClaimChild(claim)),
            ]),
            Plan::TwoRings { leases_first: true } => {
                nth(&[exclusive(LeaseRing), exclusive(QueueRing)])
            }
            Plan::TwoRings { leases_first: false } => {
                nth(&[exclusive(QueueRing), exclusive(LeaseRing)])
            }
            Plan::PruneLeasesFirst { lease } => {
                nth(&[exclusive(LeaseChild(lease)), exclusive(LeaseRing)])
            }
            _ => None,
        }
    }
}
