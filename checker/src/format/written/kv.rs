//! Texts that are appended to, as they are written.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written, value_or_null};
use crate::specs::kv::{Kv, Op, Ret};
use crate::stream::Split;
use crate::text::Names;

impl Written for Kv {
    const SPLIT: Split = Split::ByKey;

    fn start(start: &Start) -> Result<Self, Wrong> {
        match start {
            Start::Usual | Start::Nothing | Start::Given(Raw::Null) => Ok(Kv::default()),
            Start::Given(Raw::Text(text)) => Ok(Kv { value: Some(text.as_ref().into()) }),
            Start::Given(value) => Err(Wrong::field("init", "a text, or null", value)),
        }
    }

    fn begins(&self) -> Option<serde_json::Value> {
        self.value.as_deref().map(Into::into)
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        let key = value_or_null(asked, "key", names);
        let text = || asked.text("value").map(str::to_owned);
        match &*asked.f {
            "get" => Ok(Op::Get { key }),
            "put" => Ok(Op::Put { key, value: text()? }),
            "append" => Ok(Op::Append { key, value: text()? }),
            _ => Err(asked.unknown("get, put or append")),
        }
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, _names: &mut Names) -> Result<Self::Ret, Wrong> {
        match ret {
            Raw::Null => Ok(Ret::Value(None)),
            Raw::Text(text) => Ok(Ret::Value(Some(text.into_owned()))),
            Raw::Bool(done) => Ok(Ret::Done(done)),
            other => Err(Wrong::answer("a text, null, true or false", &other)),
        }
    }
}
