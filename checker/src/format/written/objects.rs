//! A store of objects as it is written.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written};
use crate::specs::objects::{self, Objects};
use crate::stream::Split;
use crate::text::Names;

impl Written for Objects {
    const SPLIT: Split = Split::Whole;

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
