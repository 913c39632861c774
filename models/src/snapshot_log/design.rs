//! What a designer of such a log decides: which lock, which guard, and what is written first.
//!
//! Most combinations fork. A model without a mutant keeps its promises, so [`Sizes`] refuses every
//! design that is known not to; [`AnyDesign`] takes them all, for the table that says which those
//! are, and a test holds the two to each other.

use sim::prelude::*;
use std::fmt;

/// What writers hold while they append.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// Nothing.
    None,
    /// A key on one Redis server, which runs out, and hands out a growing number.
    Single,
    /// The same key on most of three Redis nodes, for as long as the holder's clock says. Its value
    /// is random.
    Redlock,
}

/// What stands between two writers when the lock does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Nothing.
    None,
    /// `WHERE token <= $mine` when the head is moved.
    FenceAtWrite,
    /// The same, and the token is left in the row before the head is read.
    FenceAtRead,
    /// `WHERE seq = $read` when the head is moved.
    Cas,
    /// `If-None-Match: *` when the body is put: the store decides who won, the row follows.
    IfNoneMatch,
    /// Both: the store decides, and the row follows only from the number before.
    CasAndIfNoneMatch,
}

/// What is written first, and under which key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The body under its number, then the head.
    PutBySeq,
    /// The body under its number and its writer, then the head.
    PutUnique,
    /// The head, then the body under its number.
    HeadFirst,
}

impl Lock {
    /// All of them, from the weakest.
    pub const ALL: [Lock; 3] = [Lock::None, Lock::Single, Lock::Redlock];

    /// Whether its holders get numbers that grow, for a guard to compare. The values of a quorum
    /// are random and have no order.
    pub fn hands_out_tokens(self) -> bool {
        self == Lock::Single
    }
}

/// How many nodes a redlock is on.
pub const NODES: u8 = 3;

impl Guard {
    /// All of them, from the weakest.
    pub const ALL: [Guard; 6] = [
        Guard::None,
        Guard::FenceAtWrite,
        Guard::FenceAtRead,
        Guard::Cas,
        Guard::IfNoneMatch,
        Guard::CasAndIfNoneMatch,
    ];

    /// Whether it needs the token that a lock hands out.
    pub fn fences(self) -> bool {
        matches!(self, Guard::FenceAtWrite | Guard::FenceAtRead)
    }

    /// Whether the row compares what was read.
    pub fn compares(self) -> bool {
        matches!(self, Guard::Cas | Guard::CasAndIfNoneMatch)
    }

    /// Whether the store refuses a second body under one key.
    pub fn creates(self) -> bool {
        matches!(self, Guard::IfNoneMatch | Guard::CasAndIfNoneMatch)
    }
}

impl Order {
    /// All of them, as a designer thinks of them.
    pub const ALL: [Order; 3] = [Order::PutBySeq, Order::PutUnique, Order::HeadFirst];
}

/// How the log is built and sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many writers.
    pub writers: u16,
    /// How many readers.
    pub readers: u16,
    /// How often each of them tries.
    pub tries: u32,
    /// What writers hold.
    pub lock: Lock,
    /// What stands between them when the lock does not.
    pub guard: Guard,
    /// What is written first.
    pub order: Order,
    /// How many transitions share an object.
    pub batch: u64,
    /// The number in the first body's key: more than 1 where a run began elsewhere.
    pub first: u64,
    /// How many keys a page holds.
    pub page: u32,
    /// When the lock runs out, in milliseconds.
    pub ttl: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            writers: 2,
            readers: 1,
            tries: 3,
            lock: Lock::Single,
            guard: Guard::Cas,
            order: Order::PutUnique,
            batch: 1,
            first: 1,
            page: 2,
            ttl: 1000,
        }
    }
}

impl Sizes {
    /// Whether this design is known to keep every promise.
    pub fn holds(&self) -> bool {
        match (self.guard, self.order) {
            (Guard::Cas, Order::PutUnique) => true,
            (Guard::FenceAtRead, Order::PutUnique) => self.lock.hands_out_tokens(),
            (Guard::CasAndIfNoneMatch, Order::PutBySeq | Order::PutUnique) => true,
            _ => false,
        }
    }

    /// Whether a body's key says its number alone.
    pub fn by_seq(&self) -> bool {
        self.order != Order::PutUnique
    }

    fn fit(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=64)?;
        within("readers", self.readers, 0..=64)?;
        within("tries", self.tries, 1..=10_000)?;
        within("batch", self.batch, 1..=1000)?;
        within("first", self.first, 1..=1_000_000)?;
        within("page", self.page, 1..=1000)?;
        within("ttl", self.ttl, 1..=86_400_000)?;
        if self.guard.fences() && !self.lock.hands_out_tokens() {
            return Err(format!("guard={} needs a lock that hands out tokens", self.guard));
        }
        if self.batch > 1 && (self.guard, self.order) != (Guard::Cas, Order::PutUnique) {
            return Err("batch above 1 needs guard=cas and order=put-unique".to_owned());
        }
        Ok(())
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "readers", "tries"];

    fn check(&self) -> Result<(), String> {
        self.fit()?;
        if !self.holds() {
            let Sizes { lock, guard, order, .. } = self;
            let design = format!("lock={lock} guard={guard} order={order}");
            return Err(format!("{design} breaks: `checker decide` says how, and what holds"));
        }
        Ok(())
    }
}

/// [`Sizes`] with any design, whatever it breaks.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnyDesign(Sizes);

impl Params for AnyDesign {
    const SIZES: &'static [&'static str] = Sizes::SIZES;

    fn check(&self) -> Result<(), String> {
        self.0.fit()
    }
}

impl From<AnyDesign> for Sizes {
    fn from(AnyDesign(sizes): AnyDesign) -> Sizes {
        sizes
    }
}

/// As one types it.
macro_rules! as_typed {
    ($($kind:ty),*) => {
        $(impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.serialize(f)
            }
        })*
    };
}

as_typed!(Lock, Guard, Order);
