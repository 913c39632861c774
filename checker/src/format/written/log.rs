//! Logs as they are written.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written, needed, value, value_or_null};
use crate::specs::log::{Log, Op, Ret};
use crate::stream::Split;
use crate::text::Names;
use crate::value::Value;

impl Written for Log<Value> {
    const SPLIT: Split = Split::ByKey;

    fn start(start: &Start) -> Result<Self, Wrong> {
        start.values()
    }

    fn begins(&self) -> Option<serde_json::Value> {
        let values = self.values();
        (!values.is_empty()).then(|| serde_json::json!(values))
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        let key = value_or_null(asked, "key", names);
        match &*asked.f {
            "append" => Ok(Op::Append { key, value: needed(asked, "value", names)? }),
            "read" if asked.get("from").is_none() => Ok(Op::Read { key, from: 0 }),
            "read" => Ok(Op::Read { key, from: asked.uint("from")? }),
            _ => Err(asked.unknown("append or read")),
        }
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, names: &mut Names) -> Result<Self::Ret, Wrong> {
        match ret {
            Raw::Null => Ok(Ret::At(None)),
            Raw::Uint(at) => Ok(Ret::At(Some(at))),
            Raw::Bool(done) => Ok(Ret::Done(done)),
            Raw::List(all) => Ok(Ret::Values(all.iter().map(|one| value(one, names)).collect())),
            other => {
                let wanted = "a place counted from 0, null, true or a list of values";
                Err(Wrong::answer(wanted, &other))
            }
        }
    }
}
