//! A list that grows at its end, and is read from any place to the end.
//!
//! The hard part is that an append need not say where it went. If every value is appended once, the
//! reads and the answers say it: the lengths are the stages of a [chain](crate::monitor). Appends
//! that nobody saw went after all that was seen, in any order. One that fills a hole between two
//! that were seen, and says nothing of it, is declined to the search.

mod monitor;

use crate::hash::{Chain, mix};
use crate::history::first_alone;
use crate::value::{Datum, Value};
use crate::{Monitored, Operation, Part, Spec};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What may be asked. A history of one log only may leave out its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", bound = "V: Datum")]
pub enum Op<V = Value> {
    /// Write this at the end.
    Append {
        /// Which log.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What is written.
        value: V,
    },
    /// What is in it, to the end?
    Read {
        /// Which log.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// From this place on, counted from 0.
        #[serde(default, skip_serializing_if = "is_zero")]
        from: u64,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<V> Op<V> {
    /// Which log it is about.
    pub fn key(&self) -> &Value {
        match self {
            Op::Append { key, .. } | Op::Read { key, .. } => key,
        }
    }
}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    bound = "V: Datum",
    expecting = "expected a place counted from 0, null, true or a list of values"
)]
pub enum Ret<V = Value> {
    /// An append: it went to this place, or somewhere.
    At(Option<u64>),
    /// An append: it was done.
    Done(bool),
    /// A read: the values from there on; none if it is not so long.
    Values(Vec<V>),
}

/// The values of a log. Every key starts with none, and is judged apart. Clones share them.
#[derive(Clone, Debug)]
pub struct Log<V = Value> {
    len: u64,
    /// Chained over all values.
    hash: u64,
    last: Option<Arc<Entry<V>>>,
}

/// A value, and all before it.
#[derive(Debug)]
struct Entry<V> {
    value: V,
    before: Option<Arc<Entry<V>>>,
}

impl<V> Default for Log<V> {
    fn default() -> Self {
        Log { len: 0, hash: 0, last: None }
    }
}

impl<V> Drop for Entry<V> {
    /// One after another: a long log would be a deep recursion.
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut entry) = next.and_then(Arc::into_inner) {
            next = entry.before.take();
        }
    }
}

impl<V: Eq> PartialEq for Log<V> {
    fn eq(&self, other: &Self) -> bool {
        if (self.len, self.hash) != (other.len, other.hash) {
            return false;
        }
        let (mut one, mut two) = (&self.last, &other.last);
        while let (Some(a), Some(b)) = (one, two) {
            if Arc::ptr_eq(a, b) {
                return true;
            }
            if a.value != b.value {
                return false;
            }
            (one, two) = (&a.before, &b.before);
        }
        true
    }
}

impl<V: Eq> Eq for Log<V> {}

impl<V> Hash for Log<V> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

impl<V: Datum> FromIterator<V> for Log<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        values.into_iter().fold(Log::default(), |log, value| log.with(&value))
    }
}

impl<V: Datum> Log<V> {
    /// The values, the first one first.
    pub fn values(&self) -> Vec<V> {
        let mut values = Vec::new();
        let mut entry = &self.last;
        while let Some(here) = entry {
            values.push(here.value.clone());
            entry = &here.before;
        }
        values.reverse();
        values
    }

    fn with(&self, value: &V) -> Self {
        let entry = Entry { value: value.clone(), before: self.last.clone() };
        let hash = mix(self.hash, Chain::of(value));
        Log { len: self.len + 1, hash, last: Some(Arc::new(entry)) }
    }

    /// Whether these are the values from there on.
    fn ends(&self, from: u64, values: &[V]) -> bool {
        if self.len.saturating_sub(from) != values.len() as u64 {
            return false;
        }
        let mut entry = &self.last;
        values.iter().rev().all(|value| {
            let Some(here) = entry else { return false };
            entry = &here.before;
            here.value == *value
        })
    }
}

impl<V: Datum> Spec for Log<V> {
    type Op = Op<V>;
    type Ret = Ret<V>;

    fn step(&self, op: &Op<V>, ret: Option<&Ret<V>>) -> impl IntoIterator<Item = Self> {
        match (op, ret) {
            (Op::Append { value, .. }, Some(Ret::At(Some(place)))) => {
                (*place == self.len).then(|| self.with(value))
            }
            (Op::Append { value, .. }, None | Some(Ret::At(None) | Ret::Done(true))) => {
                Some(self.with(value))
            }
            (Op::Read { .. }, None) => Some(self.clone()),
            (Op::Read { from, .. }, Some(Ret::Values(values))) => {
                self.ends(*from, values).then(|| self.clone())
            }
            (Op::Append { .. } | Op::Read { .. }, Some(_)) => None,
        }
    }

    /// In what was read from the front on.
    fn resume(&self, operations: &[&Operation<Op<V>, Ret<V>>]) -> Option<Self> {
        let first = first_alone(operations)?;
        match (&first.op, first.ret()?) {
            (Op::Read { from: 0, .. }, Ret::Values(values)) => {
                Some(values.iter().cloned().collect())
            }
            _ => None,
        }
    }

    fn reads(op: &Op<V>, _ret: Option<&Ret<V>>) -> bool {
        matches!(op, Op::Read { .. })
    }

    fn wrong(&self, _op: &Op<V>, _ret: &Ret<V>) -> String {
        format!("it holds {} values", self.len)
    }

    fn words(&self) -> String {
        format!("{} values", self.len)
    }

    fn spent(&self, op: &Op<V>) -> bool {
        matches!(op, Op::Read { .. })
    }

    fn phrase(op: &Op<V>, ret: &Ret<V>) -> String {
        let of = |key: &Value| if key.is_null() { String::new() } else { format!(" of {key}") };
        match (op, ret) {
            (Op::Append { key, value }, Ret::At(Some(place))) => {
                format!("append{} of {value}, told it is at {place}", of(key))
            }
            (Op::Append { key, value }, _) => format!("append{} of {value}", of(key)),
            (Op::Read { key, from }, Ret::Values(values)) => {
                format!("read{} from {from}, told {} values", of(key), values.len())
            }
            (Op::Read { key, from }, _) => format!("read{} from {from}, told no values", of(key)),
        }
    }

    fn key(op: &Op<V>) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
        if self.len > 0 { Monitored::Declined } else { monitor::monitor(part) }
    }
}
