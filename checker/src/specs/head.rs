//! A number that only moves one up, by compare-and-set: the head of a run.
//!
//! The hard part is that the numbers can look perfect while the promise is broken: two writers who
//! both moved 4 to 5, or a blind increment decided on a 4 that was gone, leave no trace in the
//! sequence. So a transition says where it came *from*, and is held to that.

mod count;
mod diagnose;
mod monitor;
mod plain;

pub use count::{Counters, counters, counters_by_key};
pub use diagnose::diagnose;

use crate::hash::Chain;
use crate::{Monitored, Operation, Part, Spec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::marker::PhantomData;

/// What can name a run: a string, or a number.
pub trait Key:
    Clone + Eq + Hash + Ord + Default + Debug + Display + Serialize + DeserializeOwned
{
}

impl<K> Key for K where
    K: Clone + Eq + Hash + Ord + Default + Debug + Display + Serialize + DeserializeOwned
{
}

/// What may be asked. A history that holds one run only may leave out its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", bound = "K: Key", try_from = "Written<K>")]
pub enum Op<K> {
    /// Where is the head?
    Read {
        /// Whose.
        #[serde(skip_serializing_if = "is_nameless")]
        key: K,
    },
    /// Move it from `from` to the next number, if it is there.
    Cas {
        /// Whose.
        #[serde(skip_serializing_if = "is_nameless")]
        key: K,
        /// The parent of the transition.
        from: u64,
    },
}

impl<K> Op<K> {
    /// The run it is about.
    pub fn key(&self) -> &K {
        match self {
            Op::Read { key } | Op::Cas { key, .. } => key,
        }
    }
}

/// An operation as others may write it: a compare-and-set may say `to`, if it is the next number.
#[derive(Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", bound = "K: Key")]
enum Written<K> {
    Read {
        #[serde(default)]
        key: K,
    },
    Cas {
        #[serde(default)]
        key: K,
        from: u64,
        to: Option<u64>,
    },
}

impl<K> TryFrom<Written<K>> for Op<K> {
    type Error = String;

    fn try_from(written: Written<K>) -> Result<Self, String> {
        match written {
            Written::Read { key } => Ok(Op::Read { key }),
            Written::Cas { key, from, to } if to.is_none() || to == from.checked_add(1) => {
                Ok(Op::Cas { key, from })
            }
            Written::Cas { from, to, .. } => Err(format!(
                "a head moves one up: a cas from {from} cannot go to {}",
                to.unwrap_or_default()
            )),
        }
    }
}

fn is_nameless<K: Key>(key: &K) -> bool {
    *key == K::default() && key.to_string().is_empty()
}

/// What may be answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "Answer", from = "Answer")]
pub enum Ret {
    /// A read: the head is there.
    Head(u64),
    /// A compare-and-set moved it.
    Won {
        /// The number the store handed out, if it did. Not judged and not written down: a store
        /// can hand out perfect numbers and fork all the same.
        seq: Option<u64>,
    },
    /// A compare-and-set found it elsewhere.
    Lost,
    /// A compare-and-set found it elsewhere, namely there.
    Saw {
        /// Where it was.
        head: u64,
    },
}

/// An answer as JSON: `true`, `false`, `4`, `{"head":4}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected true, false, a number or {\"head\": number}")]
enum Answer {
    Moved(bool),
    Head(u64),
    Saw { head: u64 },
}

impl From<Ret> for Answer {
    fn from(ret: Ret) -> Answer {
        match ret {
            Ret::Head(head) => Answer::Head(head),
            Ret::Won { .. } => Answer::Moved(true),
            Ret::Lost => Answer::Moved(false),
            Ret::Saw { head } => Answer::Saw { head },
        }
    }
}

impl From<Answer> for Ret {
    fn from(answer: Answer) -> Ret {
        match answer {
            Answer::Head(head) => Ret::Head(head),
            Answer::Moved(true) => Ret::Won { seq: None },
            Answer::Moved(false) => Ret::Lost,
            Answer::Saw { head } => Ret::Saw { head },
        }
    }
}

/// Where the head is. Every key starts there, and is judged apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Head<K> {
    /// The number of the latest transition.
    pub head: u64,
    key: PhantomData<K>,
}

impl<K> Head<K> {
    /// A run whose latest transition was number `head`.
    pub fn new(head: u64) -> Self {
        Head { head, key: PhantomData }
    }
}

impl<K> Default for Head<K> {
    fn default() -> Self {
        Head::new(0)
    }
}

impl<K: Key> Head<K> {
    /// What follows when `op` answers `ret`, if that is right.
    fn next(&self, op: &Op<K>, ret: Option<&Ret>) -> Option<Self> {
        let head = self.head;
        let next = match (op, ret) {
            (Op::Read { .. }, None) => Some(head),
            (Op::Read { .. }, Some(Ret::Head(seen))) => (*seen == head).then_some(head),
            (Op::Cas { from, .. }, None) if *from != head => Some(head),
            (Op::Cas { from, .. }, None | Some(Ret::Won { .. })) => {
                if *from == head {
                    head.checked_add(1)
                } else {
                    None
                }
            }
            (Op::Cas { from, .. }, Some(Ret::Lost)) => (*from != head).then_some(head),
            (Op::Cas { from, .. }, Some(Ret::Saw { head: seen })) => {
                (*seen == head && *from != head).then_some(head)
            }
            (Op::Read { .. }, Some(_)) | (Op::Cas { .. }, Some(Ret::Head(_))) => None,
        };
        next.map(Head::new)
    }
}

impl<K: Key> Spec for Head<K> {
    type Op = Op<K>;
    type Ret = Ret;

    fn step(&self, op: &Op<K>, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        self.next(op, ret)
    }

    fn advance(self, op: &Op<K>, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        self.next(op, ret)
    }

    fn reads(op: &Op<K>, ret: Option<&Ret>) -> bool {
        matches!(op, Op::Read { .. }) || matches!(ret, Some(Ret::Lost | Ret::Saw { .. }))
    }

    fn spent(&self, op: &Op<K>) -> bool {
        // The head never comes back to a number it has left.
        match op {
            Op::Read { .. } => true,
            Op::Cas { from, .. } => *from < self.head,
        }
    }

    fn phrase(op: &Op<K>, ret: &Ret) -> String {
        let asked = match op {
            Op::Read { key } => format!("read of {}", name(key)),
            Op::Cas { key, from } => format!("compare-and-set of {} from {from}", name(key)),
        };
        match ret {
            Ret::Head(head) => format!("{asked}, told {head}"),
            Ret::Won { .. } => format!("{asked}, told it won"),
            Ret::Lost => format!("{asked}, told it lost"),
            Ret::Saw { head } => format!("{asked}, told it lost and saw {head}"),
        }
    }

    fn wrong(&self, op: &Op<K>, ret: &Ret) -> String {
        let head = self.head;
        match (op, ret) {
            (Op::Cas { from, .. }, Ret::Lost) if *from == head => {
                format!("the head is at {head}, so it must win")
            }
            _ => format!("the head is at {head}"),
        }
    }

    fn words(&self) -> String {
        format!("head {}", self.head)
    }

    fn resume(&self, operations: &[&Operation<Op<K>, Ret>]) -> Option<Self> {
        let seen = operations.iter().filter_map(|one| match (&one.op, one.ret()?) {
            (Op::Cas { from, .. }, Ret::Won { .. }) => Some(*from),
            (_, Ret::Head(head) | Ret::Saw { head }) => Some(*head),
            _ => None,
        });
        // It only grows: whatever led up to the least that was seen is nothing to these.
        Some(Head::new(seen.min()?.max(self.head)))
    }

    fn key(op: &Op<K>) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn is_plain(&self, operations: &[Operation<Op<K>, Ret>]) -> bool {
        plain::is_plain(self.head, operations)
    }

    fn monitor(&self, part: Part<'_, Op<K>, Ret>) -> Monitored {
        monitor::monitor(self.head, part)
    }
}

/// A key for a sentence, also where the history did not care to name it.
fn name<K: Key>(key: &K) -> String {
    if is_nameless(key) { String::from("the head") } else { key.to_string() }
}
