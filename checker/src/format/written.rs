//! How each datatype's operations are written: from a record to its own types, and where it begins.
//!
//! The hard part is that this is the way of a million lines a second. It says the same as the
//! datatype's own `Deserialize`, a test holds the two together, and it allocates what the operation
//! keeps and nothing else.

use super::raw::Raw;
use super::record::{Asked, Wrong};
use crate::Spec;
use crate::specs::head::{self, Head};
use crate::specs::objects::{self, Objects};
use crate::text::{Names, Text};
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
}

/// A datatype whose histories can be read and written.
pub trait Written: Spec<Op: Serialize, Ret: Serialize> {
    /// Where a history begins.
    fn start(start: &Start) -> Result<Self, Wrong>;

    /// This state as a header's `init`; none where a history begins like this anyway.
    fn begins(&self) -> Option<serde_json::Value>;

    /// What was asked.
    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong>;

    /// What was answered to it.
    fn ret(op: &Self::Op, ret: Raw<'_>, names: &mut Names) -> Result<Self::Ret, Wrong>;
}

impl Written for Head<Text> {
    fn start(start: &Start) -> Result<Self, Wrong> {
        match start {
            Start::Usual | Start::Nothing => Ok(Head::new(0)),
            Start::Given(Raw::Uint(head)) => Ok(Head::new(*head)),
            Start::Given(value) => Err(Wrong::field("init", "a whole number from 0", value)),
        }
    }

    fn begins(&self) -> Option<serde_json::Value> {
        (self.head != 0).then(|| self.head.into())
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        let key = |names: &mut Names| asked.name_or_empty("key").map(|key| names.get(&key));
        match &*asked.f {
            "read" => Ok(head::Op::Read { key: key(names)? }),
            "cas" => {
                let from = asked.uint("from")?;
                match asked.optional_uint("to")? {
                    Some(to) if Some(to) != from.checked_add(1) => Err(Wrong::field(
                        "to",
                        &format!("one more than \"from\", {from}: a head moves one up"),
                        &Raw::Uint(to),
                    )),
                    _ => Ok(head::Op::Cas { key: key(names)?, from }),
                }
            }
            _ => Err(asked.unknown("read or cas")),
        }
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, _names: &mut Names) -> Result<Self::Ret, Wrong> {
        match (&ret, ret.get("head")) {
            (Raw::Bool(true), _) => Ok(head::Ret::Won { seq: None }),
            (Raw::Bool(false), _) => Ok(head::Ret::Lost),
            (Raw::Uint(head), _) => Ok(head::Ret::Head(*head)),
            (_, Some(Raw::Uint(head))) => Ok(head::Ret::Saw { head: *head }),
            _ => Err(Wrong::answer("true, false, a number or {\"head\": number}", &ret)),
        }
    }
}

impl Written for Objects {
    fn start(start: &Start) -> Result<Self, Wrong> {
        const WANTED: &str = "an object of whole numbers by name";
        match start {
            Start::Usual | Start::Nothing => Ok(Objects::default()),
            Start::Given(value @ Raw::Map(objects)) => objects
                .iter()
                .map(|(key, value)| value.as_uint().map(|value| (key, value)))
                .collect::<Option<Objects>>()
                .ok_or_else(|| Wrong::field("init", WANTED, value)),
            Start::Given(value) => Err(Wrong::field("init", WANTED, value)),
        }
    }

    fn begins(&self) -> Option<serde_json::Value> {
        let objects = self.entries().map(|(key, value)| (key.to_owned(), value.into()));
        let objects: serde_json::Map<_, _> = objects.collect();
        (!objects.is_empty()).then(|| objects.into())
    }

    fn op(asked: &Asked<'_>, _names: &mut Names) -> Result<Self::Op, Wrong> {
        let key = || asked.text("key").map(str::to_owned);
        let prefix = || asked.text_or_empty("prefix").map(str::to_owned);
        let start_after =
            || asked.optional_text("start_after").map(|after| after.map(str::to_owned));
        match &*asked.f {
            "put" => Ok(objects::Op::Put {
                key: key()?,
                value: asked.uint("value")?,
                if_none_match: asked.flag("if_none_match")?,
                if_match: asked.optional_uint("if_match")?,
            }),
            "get" => Ok(objects::Op::Get { key: key()? }),
            "delete" => Ok(objects::Op::Delete { key: key()? }),
            "list" => {
                let limit = match asked.optional_uint("limit")?.map(u32::try_from) {
                    None => None,
                    Some(Ok(limit)) => Some(limit),
                    Some(Err(_)) => {
                        let found = asked.get("limit").cloned().unwrap_or(Raw::Null);
                        return Err(Wrong::field("limit", "a number below 4294967296", &found));
                    }
                };
                Ok(objects::Op::List { prefix: prefix()?, start_after: start_after()?, limit })
            }
            "since" => Ok(objects::Op::Since { prefix: prefix()?, start_after: start_after()? }),
            _ => Err(asked.unknown("put, get, delete, list or since")),
        }
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, _names: &mut Names) -> Result<Self::Ret, Wrong> {
        match &ret {
            Raw::Bool(true) => return Ok(objects::Ret::Done),
            Raw::Bool(false) => return Ok(objects::Ret::Refused),
            Raw::Null => return Ok(objects::Ret::Value(None)),
            Raw::Uint(value) => return Ok(objects::Ret::Value(Some(*value))),
            _ => {}
        }
        let keys = match ret.get("keys") {
            Some(Raw::List(keys)) => {
                keys.iter().map(|key| key.as_text().map(str::to_owned)).collect()
            }
            _ => None,
        };
        match (keys, ret.get("truncated")) {
            (Some(keys), None | Some(Raw::Null)) => {
                Ok(objects::Ret::Keys { keys, truncated: None })
            }
            (Some(keys), Some(Raw::Bool(it))) => {
                Ok(objects::Ret::Keys { keys, truncated: Some(*it) })
            }
            _ => Err(Wrong::answer(
                "true, false, a number, null or {\"keys\":[..],\"truncated\":bool}",
                &ret,
            )),
        }
    }
}
