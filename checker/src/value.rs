//! What a client wrote or read: any JSON, most often a number or a short text.
//!
//! The hard part is size: a history holds millions, so a value takes 24 bytes and its text is
//! shared. What is neither null, a yes or no, a whole number nor a text is kept as its JSON.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Debug, Display};
use std::hash::Hash;
use std::sync::Arc;

/// What can be written and read back.
pub trait Datum: Clone + Eq + Ord + Hash + Debug + Display + Serialize + DeserializeOwned {
    /// The yes or no that it is, if it is one.
    fn as_bool(&self) -> Option<bool> {
        None
    }
}

impl Datum for u64 {}
impl Datum for i64 {}
impl Datum for u32 {}
impl Datum for i32 {}
impl Datum for String {}

impl Datum for Value {
    fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(yes) => Some(*yes),
            _ => None,
        }
    }
}

/// A value as JSON has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Arc<str>),
    /// Anything else, as the text of its JSON: a list, an object, a fraction.
    Json(Arc<str>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(yes) => write!(f, "{yes}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Json(json) => f.write_str(json),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(yes) => serializer.serialize_bool(*yes),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Json(json) => serde_json::from_str::<serde_json::Value>(json)
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(yes) => Value::Bool(yes),
            serde_json::Value::String(text) => Value::Text(text.into()),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Json(number.to_string().into()),
            },
            other => Value::Json(other.to_string().into()),
        })
    }
}

impl Value {
    /// Whether it is null, as a field that was left out is.
    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }
}

/// A word such as `1` or `null` or `free`, as a value: JSON if it is any, else a text.
impl std::str::FromStr for Value {
    type Err = serde::de::value::Error;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if word.is_empty() {
            return Err(Self::Err::custom("expected a value"));
        }
        match serde_json::from_str::<serde_json::Value>(word) {
            Ok(json) => Value::deserialize(json).map_err(Self::Err::custom),
            Err(_) => Ok(Value::from(word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_went() {
        for json in ["null", "true", "-4", "\"a\"", "[1,null]", "{\"b\":1,\"a\":2}", "1.5"] {
            let value: Value = serde_json::from_str(json).expect("it is JSON");
            assert_eq!(serde_json::to_string(&value).expect("it was JSON"), json);
            assert_eq!(json.parse(), Ok(value));
        }
        assert_eq!("free".parse(), Ok(Value::from("free")));
        assert_eq!(size_of::<Value>(), 24);
    }
}
