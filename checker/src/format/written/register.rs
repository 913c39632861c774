//! Registers as they are written.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written, needed, value, value_or_null};
use crate::specs::register::{Op, Register, Ret};
use crate::stream::Split;
use crate::text::Names;
use crate::value::Value;

impl Written for Register<Value> {
    const SPLIT: Split = Split::ByKey;

    fn start(start: &Start) -> Result<Self, Wrong> {
        Ok(Register::new(match start {
            Start::Usual => Value::Int(0),
            Start::Nothing => Value::Null,
            Start::Given(raw) => value(raw, &mut Names::default()),
        }))
    }

    fn begins(&self) -> Option<serde_json::Value> {
        (self.value != Value::Int(0)).then(|| serde_json::json!(self.value))
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        let key = value_or_null(asked, "key", names);
        match &*asked.f {
            "read" => Ok(Op::Read { key }),
            "write" => Ok(Op::Write { key, value: needed(asked, "value", names)? }),
            "cas" => {
                let from = needed(asked, "from", names)?;
                Ok(Op::Cas { key, from, to: needed(asked, "to", names)? })
            }
            _ => Err(asked.unknown("read, write or cas")),
        }
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, names: &mut Names) -> Result<Self::Ret, Wrong> {
        Ok(Ret::Value(value(&ret, names)))
    }
}
