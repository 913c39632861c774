//! A value that is read, written, and compared and set.
//!
//! The hard part is that nothing but real time says which write came first, and that a
//! compare-and-set which lost only says what the value was *not*. With values that are each written
//! once the monitor finds the order by [zones](crate::monitor); a history that writes one value
//! twice is declined to the search.

use crate::hash::Chain;
use crate::history::first_alone;
use crate::monitor::names::Names;
use crate::monitor::words;
use crate::monitor::zones::{Touch, Touched, Zoned, zones};
use crate::value::{Datum, Value};
use crate::{Monitored, Operation, Part, Spec};
use serde::{Deserialize, Serialize};

/// What may be asked. A history of one register only may leave out its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", bound = "V: Datum")]
pub enum Op<V = Value> {
    /// What does it hold?
    Read {
        /// Which one.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
    },
    /// Write it.
    Write {
        /// Which one.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What it shall hold.
        value: V,
    },
    /// Write it if it holds this.
    Cas {
        /// Which one.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What it must hold.
        from: V,
        /// What it shall hold.
        to: V,
    },
}

impl<V> Op<V> {
    /// Which register it is about.
    pub fn key(&self) -> &Value {
        match self {
            Op::Read { key } | Op::Write { key, .. } | Op::Cas { key, .. } => key,
        }
    }
}

/// What may be answered. A write may be answered by anything but a no.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "Answer<V>", from = "Answer<V>", bound = "V: Datum")]
pub enum Ret<V = Value> {
    /// A read: this is what it holds.
    Value(V),
    /// It was done.
    Done,
    /// It held something else, so nothing was written.
    Refused,
}

impl<V: Datum> Ret<V> {
    /// Whether it says yes, or no.
    fn yes(&self) -> Option<bool> {
        match self {
            Ret::Value(value) => value.as_bool(),
            Ret::Done => Some(true),
            Ret::Refused => Some(false),
        }
    }
}

/// An answer as JSON: a value, `true`, `false`, `null`.
#[derive(Serialize, Deserialize)]
#[serde(untagged, bound = "V: Datum", expecting = "expected a value, true, false or null")]
enum Answer<V> {
    Value(V),
    Done(bool),
    Nothing(()),
}

impl<V> From<Ret<V>> for Answer<V> {
    fn from(ret: Ret<V>) -> Self {
        match ret {
            Ret::Value(value) => Answer::Value(value),
            Ret::Done => Answer::Done(true),
            Ret::Refused => Answer::Done(false),
        }
    }
}

impl<V> From<Answer<V>> for Ret<V> {
    fn from(answer: Answer<V>) -> Self {
        match answer {
            Answer::Value(value) => Ret::Value(value),
            Answer::Done(true) | Answer::Nothing(()) => Ret::Done,
            Answer::Done(false) => Ret::Refused,
        }
    }
}

/// What a register holds. Every key starts with it, and is judged apart.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Register<V = Value> {
    /// Its value.
    pub value: V,
}

impl<V> Register<V> {
    /// A register that holds this.
    pub fn new(value: V) -> Self {
        Register { value }
    }
}

impl<V: Datum> Spec for Register<V> {
    type Op = Op<V>;
    type Ret = Ret<V>;

    fn step(&self, op: &Op<V>, ret: Option<&Ret<V>>) -> impl IntoIterator<Item = Self> {
        let yes = ret.map(Ret::yes);
        match (op, ret) {
            (Op::Read { .. }, None) => Some(self.clone()),
            (Op::Read { .. }, Some(Ret::Value(value))) => {
                (*value == self.value).then(|| self.clone())
            }
            (Op::Read { .. }, Some(Ret::Done | Ret::Refused)) => None,
            (Op::Write { value, .. }, _) => {
                (yes != Some(Some(false))).then(|| Register::new(value.clone()))
            }
            (Op::Cas { from, to, .. }, _) => {
                let is_there = *from == self.value;
                match yes {
                    None | Some(Some(true)) if is_there => Some(Register::new(to.clone())),
                    None | Some(Some(false)) if !is_there => Some(self.clone()),
                    _ => None,
                }
            }
        }
    }

    /// In the one value that was found and that none of these wrote, if there is one.
    fn kind(op: &Op<V>, ret: Option<&Ret<V>>) -> Option<u64> {
        Some(Chain::of(&(op, ret)))
    }

    fn resume(&self, operations: &[&Operation<Op<V>, Ret<V>>]) -> Option<Self> {
        let first = first_alone(operations)?;
        match (&first.op, first.ret()?) {
            (Op::Read { .. }, Ret::Value(value)) => Some(Register::new(value.clone())),
            (Op::Cas { from, .. }, ret) if ret.yes() == Some(true) => {
                Some(Register::new(from.clone()))
            }
            // What it held before is gone, whatever it was.
            (Op::Write { .. }, _) => Some(self.clone()),
            _ => None,
        }
    }

    fn wrong(&self, _op: &Op<V>, _ret: &Ret<V>) -> String {
        format!("it holds {}", self.value)
    }

    fn words(&self) -> String {
        format!("holds {}", self.value)
    }

    fn reads(op: &Op<V>, ret: Option<&Ret<V>>) -> bool {
        match op {
            Op::Read { .. } => true,
            Op::Write { .. } => false,
            Op::Cas { .. } => ret.is_some_and(|ret| ret.yes() == Some(false)),
        }
    }

    fn spent(&self, op: &Op<V>) -> bool {
        matches!(op, Op::Read { .. })
    }

    fn phrase(op: &Op<V>, ret: &Ret<V>) -> String {
        let of = |key: &Value| if key.is_null() { String::new() } else { format!(" of {key}") };
        let won = if ret.yes() == Some(true) { "it won" } else { "it lost" };
        match (op, ret) {
            (Op::Read { key }, Ret::Value(value)) => format!("read{}, told {value}", of(key)),
            (Op::Read { key }, _) => format!("read{}, told no value", of(key)),
            (Op::Write { key, value }, _) => format!("write{} of {value}", of(key)),
            (Op::Cas { key, from, to }, _) => {
                format!("compare-and-set{} from {from} to {to}, told {won}", of(key))
            }
        }
    }

    fn key(op: &Op<V>) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
        let mut names = Names::new();
        names.of(&self.value);
        let mut written = vec![true];
        let mut touched = Vec::with_capacity(part.len());
        for (position, (_, operation)) in part.iter().enumerate() {
            let ret = operation.ret();
            let yes = ret.map(Ret::yes);
            let touch = match (&operation.op, ret) {
                (Op::Read { .. }, None) => Touch::Dropped,
                (Op::Read { .. }, Some(Ret::Value(value))) => Touch::Read(names.of(value)),
                (Op::Read { .. }, Some(_)) => return words::never::<Self>(part, position),
                (Op::Write { value, .. }, _) if yes != Some(Some(false)) => {
                    Touch::Write(names.of(value))
                }
                (Op::Cas { from, to, .. }, _) if matches!(yes, None | Some(Some(true))) => {
                    Touch::Cas(names.of(from), names.of(to))
                }
                (Op::Cas { from, .. }, _) if yes == Some(Some(false)) => {
                    Touch::Avoid(names.of(from))
                }
                _ => return words::never::<Self>(part, position),
            };
            written.resize(names.len(), false);
            if let Touch::Write(value) | Touch::Cas(_, value) = touch
                && std::mem::replace(&mut written[value as usize], true)
            {
                return Monitored::Declined;
            }
            let at = operation.returned_at().unwrap_or(u64::MAX);
            touched.push(Touched { touch, call: operation.call, at });
        }
        match zones(&touched, names.len()) {
            Zoned::Declined => Monitored::Declined,
            Zoned::Pass(order) => part.pass(order),
            wrong => Monitored::Fail(words::zoned::<Self>(part, &wrong)),
        }
    }
}
