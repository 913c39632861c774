//! Heads as they are written.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written};
use crate::specs::head::{self, Head};
use crate::stream::Split;
use crate::text::{Names, Text};

impl Written for Head<Text> {
    const SPLIT: Split = Split::ByKey;

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
