//! A value as somebody wrote it, borrowed from what was read where that is possible.

use std::borrow::Cow;

/// A value: JSON's kinds, which are also what is left of EDN's once keywords are names.
#[derive(Clone, PartialEq, Debug)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number from 0.
    Uint(u64),
    /// A whole number below 0.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// Several.
    List(Vec<Value<'a>>),
    /// Several by name, in the order they were written.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A complaint quotes this much at most.
const QUOTED_MAX: usize = 60;

impl<'a> Value<'a> {
    /// A number from 0, if it is one.
    pub fn as_uint(&self) -> Option<u64> {
        match self {
            Value::Uint(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of this name, if it is a map that has it. The last of several counts.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Map(entries) => {
                entries.iter().rev().find(|(it, _)| it == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// As JSON, in a few words: for a complaint.
    pub fn quoted(&self) -> String {
        quoted(&serde_json::Value::from(self.clone()).to_string())
    }

    /// The same value, owing nothing to what it was read from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(it) => Value::Bool(it),
            Value::Uint(it) => Value::Uint(it),
            Value::Int(it) => Value::Int(it),
            Value::Float(it) => Value::Float(it),
            Value::Text(text) => Value::Text(text.into_owned().into()),
            Value::List(all) => Value::List(all.into_iter().map(Value::into_owned).collect()),
            Value::Map(entries) => {
                let owned = |(name, value): (Cow<'_, str>, Value<'_>)| {
                    (name.into_owned().into(), value.into_owned())
                };
                Value::Map(entries.into_iter().map(owned).collect())
            }
        }
    }
}

/// The beginning of a text, where all of it would fill the screen.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}..", &text[..end]),
    }
}

impl From<Value<'_>> for serde_json::Value {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(it) => it.into(),
            Value::Uint(it) => it.into(),
            Value::Int(it) => it.into(),
            Value::Float(it) => it.into(),
            Value::Text(text) => text.into_owned().into(),
            Value::List(all) => all.into_iter().map(serde_json::Value::from).collect(),
            Value::Map(entries) => {
                let entry = |(name, value): (Cow<'_, str>, Value<'_>)| {
                    (name.into_owned(), serde_json::Value::from(value))
                };
                serde_json::Value::Object(entries.into_iter().map(entry).collect())
            }
        }
    }
}

impl From<serde_json::Value> for Value<'static> {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(it) => Value::Bool(it),
            serde_json::Value::Number(it) => match (it.as_u64(), it.as_i64()) {
                (Some(number), _) => Value::Uint(number),
                (None, Some(number)) => Value::Int(number),
                (None, None) => Value::Float(it.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(it) => Value::Text(it.into()),
            serde_json::Value::Array(all) => {
                Value::List(all.into_iter().map(Value::from).collect())
            }
            serde_json::Value::Object(entries) => Value::Map(
                entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            ),
        }
    }
}
