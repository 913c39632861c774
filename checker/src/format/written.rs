//! How each datatype's operations are written: from a record to its own types, and where it begins.
//!
//! The hard part is that this is the way of a million lines a second. It says the same as the
//! datatype's own `Deserialize`, a test holds the two together, and it allocates what the operation
//! keeps and nothing else.

use super::raw::Raw;
mod head;
mod kv;
mod lock;
mod log;
mod objects;
mod queue;
mod register;

use super::record::{Asked, Wrong};
use crate::Spec;
use crate::stream::Split;
use crate::text::Names;
use crate::value::Value;
use serde::Serialize;

/// Where a history begins.
#[derive(Clone, PartialEq, Default, Debug)]
pub enum Start {
    /// As the datatype says.
    #[default]
    Usual,
    /// As etcd's and Jepsen's logs do: with nothing written yet.
    Nothing,
    /// As the header or the user says.
    Given(Raw<'static>),
}

impl Start {
    /// For a datatype that has one beginning only.
    pub fn only_usual<S>(&self, usual: S) -> Result<S, Wrong> {
        match self {
            Start::Usual | Start::Nothing => Ok(usual),
            Start::Given(value) => Err(Wrong::field("init", "left out: it begins empty", value)),
        }
    }

    /// For a datatype that begins with values, usually none.
    fn values<S: FromIterator<Value>>(&self) -> Result<S, Wrong> {
        match self {
            Start::Usual | Start::Nothing | Start::Given(Raw::Null) => Ok(S::from_iter([])),
            Start::Given(Raw::List(all)) => {
                let mut names = Names::default();
                Ok(all.iter().map(|one| value(one, &mut names)).collect())
            }
            Start::Given(it) => Err(Wrong::field("init", "a list of values, or null", it)),
        }
    }
}

/// A datatype whose histories can be read and written.
pub trait Written: Spec<Op: Serialize, Ret: Serialize> {
    /// Whether each key is judged apart while a history is made, or some operation may yet come
    /// that touches all of them.
    const SPLIT: Split;

    /// Where a history begins.
    fn start(start: &Start) -> Result<Self, Wrong>;

    /// This state as a header's `init`; none where a history begins like this anyway.
    fn begins(&self) -> Option<serde_json::Value> {
        None
    }

    /// What was asked.
    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong>;

    /// What was answered to it.
    fn ret(op: &Self::Op, ret: Raw<'_>, names: &mut Names) -> Result<Self::Ret, Wrong>;
}

/// A value as histories keep it, its text shared.
fn value(raw: &Raw<'_>, names: &mut Names) -> Value {
    match raw {
        Raw::Null => Value::Null,
        Raw::Bool(yes) => Value::Bool(*yes),
        Raw::Uint(number) if i64::try_from(*number).is_ok() => Value::Int(*number as i64),
        Raw::Int(number) => Value::Int(*number),
        Raw::Text(text) => Value::Text(names.get(text).into()),
        other => {
            let json = serde_json::Value::from(other.clone()).to_string();
            Value::Json(names.get(&json).into())
        }
    }
}

/// The value of a field that must be there; null is one.
fn needed(asked: &Asked<'_>, name: &'static str, names: &mut Names) -> Result<Value, Wrong> {
    match asked.get(name) {
        Some(raw) => Ok(value(raw, names)),
        None => Err(Wrong::missing(name, &asked.f)),
    }
}

/// The value of a field; null if it is not there.
fn value_or_null(asked: &Asked<'_>, name: &str, names: &mut Names) -> Value {
    asked.get(name).map_or(Value::Null, |raw| value(raw, names))
}
