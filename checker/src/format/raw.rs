//! A value as somebody wrote it, borrowed from what was read where that is possible.

use std::borrow::Cow;

/// A value: JSON's kinds, which are also what is left of EDN's once keywords are names.
#[derive(Clone, PartialEq, Debug)]
pub enum Raw<'a> {
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
    List(Vec<Raw<'a>>),
    /// Several by name, in the order they were written.
    Map(Vec<(Cow<'a, str>, Raw<'a>)>),
}

/// A complaint quotes this much at most.
const QUOTED_MAX: usize = 60;

impl<'a> Raw<'a> {
    /// A number from 0, if it is one.
    pub fn as_uint(&self) -> Option<u64> {
        match self {
            Raw::Uint(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of this name, if it is a map that has it. The last of several counts.
    pub fn get(&self, name: &str) -> Option<&Raw<'a>> {
        match self {
            Raw::Map(entries) => {
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
    pub fn into_owned(self) -> Raw<'static> {
        match self {
            Raw::Null => Raw::Null,
            Raw::Bool(it) => Raw::Bool(it),
            Raw::Uint(it) => Raw::Uint(it),
            Raw::Int(it) => Raw::Int(it),
            Raw::Float(it) => Raw::Float(it),
            Raw::Text(text) => Raw::Text(text.into_owned().into()),
            Raw::List(all) => Raw::List(all.into_iter().map(Raw::into_owned).collect()),
            Raw::Map(entries) => {
                let owned = |(name, value): (Cow<'_, str>, Raw<'_>)| {
                    (name.into_owned().into(), value.into_owned())
                };
                Raw::Map(entries.into_iter().map(owned).collect())
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

impl From<Raw<'_>> for serde_json::Value {
    fn from(value: Raw<'_>) -> Self {
        match value {
            Raw::Null => serde_json::Value::Null,
            Raw::Bool(it) => it.into(),
            Raw::Uint(it) => it.into(),
            Raw::Int(it) => it.into(),
            Raw::Float(it) => it.into(),
            Raw::Text(text) => text.into_owned().into(),
            Raw::List(all) => all.into_iter().map(serde_json::Value::from).collect(),
            Raw::Map(entries) => {
                let entry = |(name, value): (Cow<'_, str>, Raw<'_>)| {
                    (name.into_owned(), serde_json::Value::from(value))
                };
                serde_json::Value::Object(entries.into_iter().map(entry).collect())
            }
        }
    }
}

impl From<serde_json::Value> for Raw<'static> {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Raw::Null,
            serde_json::Value::Bool(it) => Raw::Bool(it),
            serde_json::Value::Number(it) => match (it.as_u64(), it.as_i64()) {
                (Some(number), _) => Raw::Uint(number),
                (None, Some(number)) => Raw::Int(number),
                (None, None) => Raw::Float(it.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(it) => Raw::Text(it.into()),
            serde_json::Value::Array(all) => Raw::List(all.into_iter().map(Raw::from).collect()),
            serde_json::Value::Object(entries) => Raw::Map(
                entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            ),
        }
    }
}
