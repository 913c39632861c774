//! A queue that hands out each value once, in the order they came in.
//!
//! The hard part is that neither end says which of two came first when they overlap, and that an
//! empty answer speaks of all values at once. What is handed out is gone, so an `ack` asks nothing
//! of this queue and may be answered in any way; [`super::redelivery`] is the queue that hands out
//! again what was not acknowledged.

mod monitor;

use crate::hash::Chain;
use crate::history::first_alone;
use crate::value::{Datum, Value};
use crate::{Monitored, Operation, Part, Spec};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What may be asked. A history of one queue only may leave out its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", bound = "V: Datum")]
pub enum Op<V = Value> {
    /// Put it in.
    Enqueue {
        /// Which queue.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What.
        value: V,
    },
    /// Take one out.
    Dequeue {
        /// Which queue.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
    },
    /// It has been dealt with.
    Ack {
        /// Which queue.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What.
        value: V,
    },
}

impl<V> Op<V> {
    /// Which queue it is about.
    pub fn key(&self) -> &Value {
        match self {
            Op::Enqueue { key, .. } | Op::Dequeue { key } | Op::Ack { key, .. } => key,
        }
    }
}

/// What may be answered. An enqueue may be answered by anything but a no.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(untagged, bound = "V: Datum", expecting = "expected a value, null, true or false")]
pub enum Ret<V = Value> {
    /// A dequeue: this was the first, or there was none.
    Value(Option<V>),
    /// It was done, or not.
    Done(bool),
}

impl<V: Datum> Ret<V> {
    /// Whether it says yes, or no.
    pub(super) fn yes(&self) -> Option<bool> {
        match self {
            Ret::Value(value) => value.as_ref().and_then(V::as_bool),
            Ret::Done(yes) => Some(*yes),
        }
    }
}

/// The operation and its answer in a few words.
pub(super) fn phrase<V: Datum>(op: &Op<V>, ret: &Ret<V>) -> String {
    let of = |key: &Value| if key.is_null() { String::new() } else { format!(" of {key}") };
    match (op, ret) {
        (Op::Enqueue { key, value }, _) => format!("enqueue{} of {value}", of(key)),
        (Op::Dequeue { key }, Ret::Value(Some(value))) => {
            format!("dequeue{}, told {value}", of(key))
        }
        (Op::Dequeue { key }, _) => format!("dequeue{}, told there is none", of(key)),
        (Op::Ack { key, value }, _) => match ret.yes() {
            Some(false) => format!("ack{} of {value}, told it is not there", of(key)),
            _ => format!("ack{} of {value}", of(key)),
        },
    }
}

/// The values, the first one first. Every key starts with none, and is judged apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Queue<V = Value> {
    values: VecDeque<V>,
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Queue { values: VecDeque::new() }
    }
}

impl<V> FromIterator<V> for Queue<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Queue { values: values.into_iter().collect() }
    }
}

impl<V> Queue<V> {
    /// The values, the first one first.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }
}

impl<V: Datum> Spec for Queue<V> {
    type Op = Op<V>;
    type Ret = Ret<V>;

    fn step(&self, op: &Op<V>, ret: Option<&Ret<V>>) -> impl IntoIterator<Item = Self> {
        let mut next = self.clone();
        let right = match (op, ret) {
            (Op::Enqueue { value, .. }, _) => {
                next.values.push_back(value.clone());
                ret.is_none_or(|ret| ret.yes() != Some(false))
            }
            (Op::Dequeue { .. }, None) => {
                next.values.pop_front();
                true
            }
            (Op::Dequeue { .. }, Some(Ret::Value(value))) => next.values.pop_front() == *value,
            (Op::Dequeue { .. }, Some(Ret::Done(_))) => false,
            (Op::Ack { .. }, _) => true,
        };
        right.then_some(next)
    }

    /// In the empty queue that was found.
    fn resume(&self, operations: &[&Operation<Op<V>, Ret<V>>]) -> Option<Self> {
        let first = first_alone(operations)?;
        let is_empty = matches!(first.op, Op::Dequeue { .. });
        (is_empty && *first.ret()? == Ret::Value(None)).then(Queue::default)
    }

    fn reads(op: &Op<V>, ret: Option<&Ret<V>>) -> bool {
        matches!(op, Op::Ack { .. }) || ret == Some(&Ret::Value(None)) && !is_enqueue(op)
    }

    fn spent(&self, op: &Op<V>) -> bool {
        matches!(op, Op::Ack { .. })
    }

    fn phrase(op: &Op<V>, ret: &Ret<V>) -> String {
        phrase(op, ret)
    }

    fn key(op: &Op<V>) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
        if self.values.is_empty() { monitor::monitor(part) } else { Monitored::Declined }
    }
}

fn is_enqueue<V>(op: &Op<V>) -> bool {
    matches!(op, Op::Enqueue { .. })
}
