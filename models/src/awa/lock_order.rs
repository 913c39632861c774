//! The order in which awa's transactions take their locks: each has a plan, and takes lock after lock.
//!
//! No lock is wrong by itself. What goes wrong is two plans that take the same two locks in opposite
//! orders: each holds what the other waits for. That is a matter of every pair of plans in every
//! interleaving, and a new plan has to be held to all that are there.
//!
//! The source is AwaStorageLockOrder (hardbyte/awa at 53f6426). It leaves out that Postgres serves
//! waiters in their order, so it shows deadlocks and no convoys.

mod plans;

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use plans::{Lock, Plan, QUEUES, SLOTS};
use sim::prelude::*;

const TRANSACTIONS: usize = 3;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many transactions at a time.
    pub transactions: u8,
    /// How many slots each ring has.
    pub slots: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { transactions: 2, slots: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["transactions", "slots"];

    fn check(&self) -> Result<(), String> {
        within("transactions", self.transactions, 1..=TRANSACTIONS as u8)?;
        within("slots", self.slots, 1..=SLOTS as u8)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Claims from both stripes of a queue in one transaction, the second first.
    ClaimsStripes,
    /// Takes two rings in whichever order.
    TakesRingsEitherWay,
    /// Locks the leases it prunes before it asks whose turn it is.
    PrunesChildFirst,
    /// Grants a lock that another holds.
    GrantsConflicts,
    /// Commits and keeps its locks.
    CommitKeepsLocks,
}

const ENQUEUE: u8 = 0;
const CLAIM_RECEIPTS: u8 = 1;
const CLAIM_LEGACY: u8 = 2;
const COMPLETE: u8 = 3;
const ROTATE_LEASES: u8 = 4;
const PRUNE_LEASES: u8 = 5;
const ROTATE_READY: u8 = 6;
const PRUNE_READY: u8 = 7;
const ROTATE_CLAIMS: u8 = 8;
const PRUNE_CLAIMS: u8 = 9;
const CLOSE_RECEIPT: u8 = 10;
const RESCUE_STALE: u8 = 11;
const RESCUE_EXPIRED: u8 = 12;
const ENSURE_RUNNING: u8 = 13;
const CANCEL_RECEIPT_ONLY: u8 = 14;
const CANCEL_RUNNING: u8 = 15;
const TERMINAL_DELETE: u8 = 16;
const MOVE_LANE: u8 = 17;
const CLAIM_STRIPES: u8 = 18;
const TAKE_RINGS: u8 = 19;
const ACQUIRE: u8 = 20;
const COMMIT: u8 = 21;
const RECYCLE: u8 = 22;
const REST: u8 = 23;

/// What a plan is about.
#[derive(Clone, Copy)]
enum Field {
    Queue,
    Slot,
    Order,
}

/// What each plan is about. A field that says nothing of the locks is there too: a model checker
/// counts each of its values.
const STARTS: &[(u8, &[Field])] = {
    use Field::{Queue, Slot};
    &[
        (ENQUEUE, &[]),
        (CLAIM_RECEIPTS, &[Queue, Slot, Slot]),
        (CLAIM_LEGACY, &[Queue, Slot, Slot]),
        (COMPLETE, &[Slot, Slot]),
        (ROTATE_LEASES, &[Slot]),
        (PRUNE_LEASES, &[Slot]),
        (ROTATE_READY, &[Slot]),
        (PRUNE_READY, &[Slot]),
        (ROTATE_CLAIMS, &[Slot]),
        (PRUNE_CLAIMS, &[Slot]),
        (CLOSE_RECEIPT, &[Slot]),
        (RESCUE_STALE, &[Slot]),
        (RESCUE_EXPIRED, &[Slot]),
        (ENSURE_RUNNING, &[Slot, Slot]),
        (CANCEL_RECEIPT_ONLY, &[Slot, Slot, Slot]),
        (CANCEL_RUNNING, &[Slot, Slot, Slot]),
        (TERMINAL_DELETE, &[Slot, Slot]),
        (MOVE_LANE, &[Queue, Queue, Slot]),
    ]
};

/// A move's argument in digits that can be read: the transaction, counted from 1, and then the fields
/// of its plan.
fn arg_of(transaction: u16, fields: impl IntoIterator<Item = u16>) -> u16 {
    fields.into_iter().fold(transaction + 1, |all, digit| all * 10 + digit)
}

/// The transaction, and the fields: as many as there are.
fn digits(arg: u16) -> (usize, [u8; 3]) {
    let (mut fields, mut rest) = ([0; 3], arg);
    while rest >= 10 {
        fields.rotate_right(1);
        fields[0] = (rest % 10) as u8;
        rest /= 10;
    }
    (usize::from(rest) - 1, fields)
}

/// Where a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Phase {
    #[default]
    Idle,
    /// It takes the locks of its plan, and this one next.
    Running {
        plan: Plan,
        next: u8,
    },
    Committed,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Transaction {
    phase: Phase,
    /// What it holds with others, and what it holds alone: a bit for each resource.
    shared: u32,
    exclusive: u32,
}

impl Transaction {
    /// The lock that it takes next.
    fn wants(&self) -> Option<Lock> {
        match self.phase {
            Phase::Running { plan, next } => plan.lock(next.into()),
            Phase::Idle | Phase::Committed => None,
        }
    }

    fn conflicts(&self, lock: Lock) -> bool {
        let held = if lock.exclusive { self.shared | self.exclusive } else { self.exclusive };
        held & lock.resource.bit() != 0
    }
}

/// The transactions, and what each of them holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    transactions: [Transaction; TRANSACTIONS],
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn transactions(&self) -> &[Transaction] {
        &self.transactions[..usize::from(self.sizes.0.transactions)]
    }

    /// The others that hold what it wants, a bit for each.
    fn waits_for(&self, index: usize) -> u8 {
        let Some(lock) = self.transactions[index].wants() else { return 0 };
        let all = self.transactions().iter().enumerate();
        let others = all.filter(|(other, it)| *other != index && it.conflicts(lock));
        others.fold(0, |all, (other, _)| all | 1 << other)
    }

    fn offer_starts(&self, transaction: u16, moves: &mut Moves) {
        let broken: &[(u8, &[Field])] = match self.mutant.0 {
            Some(Mutant::ClaimsStripes) => &[(CLAIM_STRIPES, &[Field::Slot, Field::Slot])],
            Some(Mutant::TakesRingsEitherWay) => &[(TAKE_RINGS, &[Field::Order])],
            _ => &[],
        };
        for (kind, fields) in STARTS.iter().chain(broken) {
            let radix = |field: &Field| match field {
                Field::Queue => QUEUES.into(),
                Field::Slot => self.sizes.0.slots.into(),
                Field::Order => 2,
            };
            let count: u16 = fields.iter().map(radix).product();
            for number in 0..count {
                let mut rest = number;
                let values = fields.iter().map(|field| {
                    let value = rest % radix(field);
                    rest /= radix(field);
                    value
                });
                moves.due(*kind, arg_of(transaction, values));
            }
        }
    }

    fn plan(&self, kind: u8, [a, b, c]: [u8; 3]) -> Plan {
        match kind {
            ENQUEUE => Plan::Enqueue,
            CLAIM_RECEIPTS => Plan::ClaimReceipts { queue: a, ready: b, claim: c },
            CLAIM_LEGACY => Plan::ClaimLegacy { queue: a, ready: b, lease: c },
            COMPLETE => Plan::Complete { ready: b },
            ROTATE_LEASES => Plan::RotateLeases { lease: a },
            PRUNE_LEASES if self.is(Mutant::PrunesChildFirst) => {
                Plan::PruneLeasesFirst { lease: a }
            }
            PRUNE_LEASES => Plan::PruneLeases { lease: a },
            ROTATE_READY => Plan::RotateReady { ready: a },
            PRUNE_READY => Plan::PruneReady { ready: a },
            ROTATE_CLAIMS => Plan::RotateClaims { claim: a },
            PRUNE_CLAIMS => Plan::PruneClaims { claim: a },
            CLOSE_RECEIPT => Plan::CloseReceipt { claim: a },
            RESCUE_STALE | RESCUE_EXPIRED => Plan::Rescue { claim: a },
            ENSURE_RUNNING => Plan::EnsureRunning { claim: a, lease: b },
            CANCEL_RECEIPT_ONLY => Plan::CancelReceiptOnly { claim: a, ready: b, lease: c },
            CANCEL_RUNNING => Plan::CancelRunning { lease: a, ready: b, claim: c },
            TERMINAL_DELETE => Plan::TerminalDelete { ready: a, claim: b },
            MOVE_LANE => Plan::MoveLane { queue: b, ready: c },
            CLAIM_STRIPES => Plan::ClaimStripes { ready: a, claim: b },
            _ => Plan::TwoRings { leases_first: a == 0 },
        }
    }

    fn compatible(&self) -> Result<(), String> {
        let all = self.transactions();
        for (one, holder) in all.iter().enumerate() {
            for (other, it) in all.iter().enumerate().skip(one + 1) {
                let twice = holder.exclusive & (it.shared | it.exclusive);
                if (twice | holder.shared & it.exclusive) != 0 {
                    return Err(format!(
                        "t{} and t{} hold one lock, which conflicts",
                        one + 1,
                        other + 1
                    ));
                }
            }
        }
        Ok(())
    }

    fn held_by_running(&self) -> Result<(), String> {
        let holds = |it: &Transaction| it.shared | it.exclusive != 0;
        let stale = |it: &Transaction| holds(it) && !matches!(it.phase, Phase::Running { .. });
        match self.transactions().iter().position(stale) {
            Some(index) => Err(format!("t{} does not run, and holds locks", index + 1)),
            None => Ok(()),
        }
    }

    fn no_deadlock(&self) -> Result<(), String> {
        let count = self.transactions().len();
        for index in 0..count {
            let mut reached = self.waits_for(index);
            for _ in 1..count {
                let through = (0..count).filter(|other| reached >> other & 1 == 1);
                reached = through.fold(reached, |all, other| all | self.waits_for(other));
            }
            if reached >> index & 1 == 1 {
                return Err(format!("t{} waits, in a circle, for itself (40P01)", index + 1));
            }
        }
        Ok(())
    }

    fn no_global_stall(&self) -> Result<(), String> {
        let runs = |it: &Transaction| matches!(it.phase, Phase::Running { .. });
        let running = |index: &usize| runs(&self.transactions[*index]);
        let mut running = (0..self.transactions().len()).filter(running).peekable();
        let none = running.peek().is_none();
        unless(none || running.any(|index| self.waits_for(index) == 0), || {
            "everybody who runs waits".to_owned()
        })
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("lock-compatibility", State::compatible),
    Promise::new("held-only-by-running-txs", State::held_by_running),
    Promise::new("no-deadlock", State::no_deadlock),
    Promise::new("no-global-stall", State::no_global_stall),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &[
        "enqueue",
        "claim-receipts",
        "claim-legacy",
        "complete",
        "rotate-leases",
        "prune-leases",
        "rotate-ready",
        "prune-ready",
        "rotate-claims",
        "prune-claims",
        "close-receipt",
        "rescue-stale",
        "rescue-expired",
        "ensure-running",
        "cancel-receipt-only",
        "cancel-running",
        "terminal-delete",
        "move-lane",
        "claim-stripes",
        "take-rings",
        "acquire",
        "commit",
        "recycle",
        "rest",
    ];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        for (index, it) in self.transactions().iter().enumerate() {
            let number = index as u16;
            let own = arg_of(number, []);
            match it.phase {
                Phase::Idle => self.offer_starts(number, moves),
                Phase::Committed => moves.due(RECYCLE, own),
                Phase::Running { .. } if it.wants().is_none() => moves.due(COMMIT, own),
                Phase::Running { .. } => {
                    if self.waits_for(index) == 0 || self.is(Mutant::GrantsConflicts) {
                        moves.due(ACQUIRE, own);
                    }
                }
            }
        }
        moves.may(REST, 0);
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        if kind == REST {
            return;
        }
        let (transaction, fields) = digits(arg);
        let started = (kind < ACQUIRE).then(|| self.plan(kind, fields));
        let keeps = self.is(Mutant::CommitKeepsLocks);
        let it = &mut self.transactions[transaction];
        match (&mut it.phase, started) {
            (_, Some(plan)) => it.phase = Phase::Running { plan, next: 0 },
            (Phase::Running { plan, next }, None) if kind == ACQUIRE => {
                let lock = plan.lock((*next).into()).expect("it wants one");
                *next += 1;
                let held = if lock.exclusive { &mut it.exclusive } else { &mut it.shared };
                *held |= lock.resource.bit();
            }
            (phase, None) => {
                *phase = if kind == COMMIT { Phase::Committed } else { Phase::Idle };
                if !keeps {
                    (it.shared, it.exclusive) = (0, 0);
                }
            }
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |it: &Transaction| match it.phase {
            Phase::Idle => "-".to_owned(),
            Phase::Committed => "committed".to_owned(),
            Phase::Running { .. } => it
                .wants()
                .map_or("has all".to_owned(), |lock| format!("wants {}", lock.resource.words())),
        };
        let names = ["t1", "t2", "t3"];
        names.into_iter().zip(self.transactions().iter().map(said)).collect()
    }
}

/// The model.
#[derive(Clone)]
pub struct LockOrder {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for LockOrder {
    const NAME: &'static str = "awa/lock_order";
    const ABOUT: &'static str = "the locks of every transaction, in the order it takes them";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::ClaimsStripes,
            "no-deadlock",
            "claims from both stripes of a queue in one transaction, against the producers' order",
        ),
        breaks(
            Mutant::TakesRingsEitherWay,
            "no-deadlock",
            "takes the ring of leases and that of the queue in whichever order",
        ),
        breaks(
            Mutant::PrunesChildFirst,
            "no-deadlock",
            "locks the leases it prunes before the ring that says whose turn it is",
        ),
        breaks(Mutant::GrantsConflicts, "lock-compatibility", "grants a lock that another holds"),
        breaks(Mutant::CommitKeepsLocks, "held-only-by-running-txs", "commits and keeps its locks"),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        LockOrder { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            transactions: [Transaction::default(); TRANSACTIONS],
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(PROMISES, now)
    }

    fn always(&self) -> Vec<Always<State>> {
        Promise::promised(PROMISES).collect()
    }
}
