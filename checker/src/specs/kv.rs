//! Texts by key, which are put, appended to, and read.
//!
//! The hard part is that a text shows its whole past, and that many appends at once can have gone
//! in any order until somebody reads: the search tries them all. The [monitor](crate::monitor)
//! takes the order from the reads instead.

use crate::hash::Chain;
use crate::history::first_alone;
use crate::monitor::append::{Appended, Told, appended};
use crate::monitor::words;
use crate::monitor::zones::Zoned;
use crate::value::Value;
use crate::{Monitored, Operation, Part, Property, Spec};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is read is what was put, and what was appended to it, in order.
const GARBLED: Property = Property::named("garbled");
/// All reads show the appends in one order.
const APPEND_ORDER: Property = Property::named("append-order");

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case")]
pub enum Op {
    /// What does it hold?
    Get {
        /// Which one.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
    },
    /// Write it.
    Put {
        /// Which one.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What it shall hold.
        value: String,
    },
    /// Write this behind what it holds.
    Append {
        /// Which one.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What shall follow.
        value: String,
    },
}

impl Op {
    /// Which key it is about.
    pub fn key(&self) -> &Value {
        match self {
            Op::Get { key } | Op::Put { key, .. } | Op::Append { key, .. } => key,
        }
    }
}

/// What may be answered. What a put or an append answers does not matter, but for `false`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text, null, true or false")]
pub enum Ret {
    /// A get: nothing for a key that is not there, or that holds nothing.
    Value(Option<String>),
    /// It was done, or not.
    Done(bool),
}

/// What a key holds. Every key starts with nothing, and is judged apart.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Kv {
    /// Nothing if it is not there.
    pub value: Option<Arc<str>>,
}

impl Spec for Kv {
    type Op = Op;
    type Ret = Ret;

    fn step(&self, op: &Op, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        match (op, ret) {
            (Op::Get { .. }, None) => Some(self.clone()),
            (Op::Get { .. }, Some(Ret::Value(Some(told)))) => {
                (**told == *self.text()).then(|| self.clone())
            }
            (Op::Get { .. }, Some(Ret::Value(None))) => self.value.is_none().then(|| self.clone()),
            (_, Some(Ret::Done(false))) | (Op::Get { .. }, Some(Ret::Done(_))) => None,
            (Op::Put { value, .. }, _) => Some(Kv { value: Some(value.as_str().into()) }),
            (Op::Append { value, .. }, _) => {
                Some(Kv { value: Some([self.text(), value].concat().into()) })
            }
        }
    }

    fn reads(op: &Op, _ret: Option<&Ret>) -> bool {
        matches!(op, Op::Get { .. })
    }

    fn spent(&self, op: &Op) -> bool {
        matches!(op, Op::Get { .. })
    }

    fn resume(&self, operations: &[&Operation<Op, Ret>]) -> Option<Self> {
        let first = first_alone(operations)?;
        match (&first.op, first.ret()?) {
            (_, Ret::Value(value)) => Some(Kv { value: value.as_deref().map(Arc::from) }),
            // What it held before is gone, whatever it was.
            (Op::Put { .. }, Ret::Done(_)) => Some(self.clone()),
            _ => None,
        }
    }

    fn wrong(&self, _op: &Op, _ret: &Ret) -> String {
        match &self.value {
            Some(value) => format!("it holds {value:?}"),
            None => String::from("it holds nothing"),
        }
    }

    fn phrase(op: &Op, ret: &Ret) -> String {
        match (op, ret) {
            (Op::Get { key }, Ret::Value(Some(value))) => format!("get of {key}, told {value:?}"),
            (Op::Get { key }, _) => format!("get of {key}, told nothing"),
            (Op::Put { key, value }, _) => format!("put of {value:?} to {key}"),
            (Op::Append { key, value }, _) => format!("append of {value:?} to {key}"),
        }
    }

    fn key(op: &Op) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op, Ret>) -> Monitored {
        if self.value.is_some() {
            return Monitored::Declined;
        }
        let mut told = Vec::with_capacity(part.len());
        for (position, (_, operation)) in part.iter().enumerate() {
            let what = match (&operation.op, operation.ret()) {
                (Op::Get { .. }, None) => Told::Dropped,
                (Op::Get { .. }, Some(Ret::Value(text))) => {
                    Told::Get(text.as_deref().unwrap_or_default())
                }
                (_, Some(Ret::Done(false))) | (Op::Get { .. }, Some(Ret::Done(_))) => {
                    return words::never::<Self>(part, position);
                }
                (Op::Put { value, .. }, _) => Told::Put(value),
                (Op::Append { value, .. }, _) => Told::Append(value),
            };
            let at = operation.returned_at().unwrap_or(u64::MAX);
            told.push((what, operation.call, at));
        }
        let phrase = |position| words::phrase::<Self>(words::operation(part, position));
        match appended(&told) {
            Appended::Declined | Appended::Zoned(Zoned::Declined) => Monitored::Declined,
            Appended::Zoned(Zoned::Pass(order)) => part.pass(order),
            Appended::Zoned(wrong) => Monitored::Fail(words::zoned::<Self>(part, &wrong)),
            Appended::Garbled(position) => {
                let why = format!("{}, which no order of the writes makes", phrase(position));
                Monitored::Fail(words::violation(part, GARBLED, why, [position]))
            }
            Appended::Disorder(one, other) => {
                let (one_is, other_is) = (phrase(one), phrase(other));
                let why = format!("{other_is}, but {one_is}: the same appends in another order");
                Monitored::Fail(words::violation(part, APPEND_ORDER, why, [one, other]))
            }
        }
    }
}

impl Kv {
    fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}
