//! One operation as one line of JSON.
//!
//! The hard part is telling three silences apart: no `return` (it may have taken effect), an
//! `outcome` of `failed` (it certainly did not), and an answer of `false` (it answered).

use crate::{ClientId, Operation, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt;

/// The format's name, as the first line of a file gives it.
pub const FORMAT: &str = "unforked-history/1";

/// The first line of a history: `{"format":"unforked-history/1","spec":"head"}`.
pub fn header(spec: &str) -> Value {
    json!({ "format": FORMAT, "spec": spec })
}

/// The line of one operation: client, what was asked, call, return, answer.
///
/// `Op` must serialise to an object, as an enum with `#[serde(tag = "f")]` does.
pub fn to_value<Op: Serialize, Ret: Serialize>(operation: &Operation<Op, Ret>) -> Value {
    let mut line = Map::new();
    line.insert("client".into(), operation.client.0.into());
    match serde_json::to_value(&operation.op) {
        Ok(Value::Object(fields)) => line.extend(fields),
        other => panic!("an operation serialises to an object of fields, not {other:?}"),
    }
    line.insert("call".into(), operation.call.into());
    match &operation.outcome {
        Outcome::Open => {}
        Outcome::Failed => {
            line.insert("outcome".into(), "failed".into());
        }
        Outcome::Returned { at, ret } => {
            line.insert("return".into(), (*at).into());
            let ret = serde_json::to_value(ret).expect("answers have string keys");
            line.insert("ret".into(), ret);
        }
    }
    Value::Object(line)
}

/// Reads one operation back.
///
/// A `return` of `null` is none; an answer may be left out where `null` is an answer.
pub fn from_value<Op: DeserializeOwned, Ret: DeserializeOwned>(
    value: Value,
) -> Result<Operation<Op, Ret>, LineError> {
    let Value::Object(mut line) = value else {
        return Err(LineError::NotAnObject { found: value.to_string() });
    };
    let client = number(&mut line, "client")?.ok_or(LineError::Missing { field: "client" })?;
    let client = u16::try_from(client).map(ClientId).map_err(|_| LineError::WrongField {
        field: "client",
        wanted: "a number from 0 to 65535",
        found: client.to_string(),
    })?;
    let call = number(&mut line, "call")?.ok_or(LineError::Missing { field: "call" })?;
    let returned = number(&mut line, "return")?;
    let ret = line.remove("ret");
    let failed = match line.remove("outcome") {
        None => false,
        Some(Value::String(outcome)) if outcome == "failed" => true,
        Some(other) => {
            let found = other.to_string();
            return Err(LineError::WrongField { field: "outcome", wanted: "\"failed\"", found });
        }
    };
    let outcome = match returned {
        _ if failed => Outcome::Failed,
        None if ret.as_ref().is_some_and(|ret| !ret.is_null()) => {
            return Err(LineError::AnswerWithoutReturn);
        }
        None => Outcome::Open,
        Some(at) if at < call => return Err(LineError::ReturnBeforeCall { call, at }),
        Some(at) => {
            let ret = ret.unwrap_or(Value::Null);
            let found = ret.to_string();
            let ret = serde_json::from_value(ret)
                .map_err(|error| LineError::Answer { found, why: error.to_string() })?;
            Outcome::Returned { at, ret }
        }
    };
    if !line.contains_key("f") {
        return Err(LineError::Missing { field: "f" });
    }
    let op = serde_json::from_value(Value::Object(line))
        .map_err(|error| LineError::Operation { why: error.to_string() })?;
    Ok(Operation { client, op, call, outcome })
}

/// Takes a field that holds a whole number, or null, or is not there.
fn number(line: &mut Map<String, Value>, field: &'static str) -> Result<Option<u64>, LineError> {
    match line.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| LineError::WrongField {
            field,
            wanted: "a whole number from 0",
            found: value.to_string(),
        }),
    }
}

/// Why a line is not an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LineError {
    /// The line is JSON, but something else.
    NotAnObject {
        /// What it is.
        found: String,
    },
    /// A field every operation has is not there.
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field holds something it cannot.
    WrongField {
        /// Its name.
        field: &'static str,
        /// What it may hold.
        wanted: &'static str,
        /// What it holds.
        found: String,
    },
    /// It returned before it was called.
    ReturnBeforeCall {
        /// When it was called.
        call: u64,
        /// When it returned.
        at: u64,
    },
    /// It has an answer, but never returned.
    AnswerWithoutReturn,
    /// What was asked is nothing this datatype knows.
    Operation {
        /// What was expected.
        why: String,
    },
    /// What was answered is nothing this datatype answers.
    Answer {
        /// The answer.
        found: String,
        /// What was expected.
        why: String,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject { found } => {
                write!(f, "expected an object such as {{\"client\":0,\"f\":..}}, found {found}")
            }
            Self::Missing { field } => write!(f, "expected a field \"{field}\""),
            Self::WrongField { field, wanted, found } => {
                write!(f, "expected \"{field}\" to be {wanted}, found {found}")
            }
            Self::ReturnBeforeCall { call, at } => {
                write!(f, "expected a \"return\" not before the \"call\" at {call}, found {at}")
            }
            Self::AnswerWithoutReturn => {
                write!(f, "expected a \"return\" beside the \"ret\": an answer has a time")
            }
            Self::Operation { why } => write!(f, "not an operation of this spec: {why}"),
            Self::Answer { found, why } => write!(f, "not an answer of this spec: {found}: {why}"),
        }
    }
}

impl std::error::Error for LineError {}
