//! A store of objects as it is written.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written, needed, value};
use crate::specs::objects::{self, Objects};
use crate::stream::Split;
use crate::text::Names;
use crate::value::Value;
use serde_json::json;

impl Written for Objects<Value> {
    const SPLIT: Split = Split::Whole;

    fn start(start: &Start) -> Result<Self, Wrong> {
        match start {
            Start::Usual | Start::Nothing => Ok(Objects::default()),
            Start::Given(Raw::Map(objects)) => {
                let mut names = Names::default();
                Ok(objects.iter().map(|(key, it)| (key, value(it, &mut names))).collect())
            }
            Start::Given(it) => Err(Wrong::field("init", "an object of values by name", it)),
        }
    }

    fn begins(&self) -> Option<serde_json::Value> {
        let objects = self.entries().map(|(key, value)| (key.to_owned(), json!(value)));
        let objects: serde_json::Map<_, _> = objects.collect();
        (!objects.is_empty()).then(|| objects.into())
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        let key = || asked.text("key").map(str::to_owned);
        let prefix = || asked.text_or_empty("prefix").map(str::to_owned);
        let start_after =
            || asked.optional_text("start_after").map(|after| after.map(str::to_owned));
        match &*asked.f {
            "put" => Ok(objects::Op::Put {
                key: key()?,
                value: needed(asked, "value", names)?,
                if_none_match: asked.flag("if_none_match")?,
                if_match: match asked.get("if_match") {
                    None | Some(Raw::Null) => None,
                    Some(old) => Some(value(old, names)),
                },
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

    fn ret(_op: &Self::Op, ret: Raw<'_>, names: &mut Names) -> Result<Self::Ret, Wrong> {
        let keys: Option<Vec<String>> = match ret.get("keys") {
            Some(Raw::List(keys)) => {
                keys.iter().map(|key| key.as_text().map(str::to_owned)).collect()
            }
            _ => None,
        };
        Ok(match (keys, ret.get("truncated")) {
            (Some(keys), None | Some(Raw::Null)) => objects::Ret::Keys { keys, truncated: None },
            (Some(keys), Some(Raw::Bool(it))) => objects::Ret::Keys { keys, truncated: Some(*it) },
            _ if ret == Raw::Null => objects::Ret::Value(None),
            _ => objects::Ret::Value(Some(value(&ret, names))),
        })
    }
}
