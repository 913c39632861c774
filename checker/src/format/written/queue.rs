//! Queues as they are written, whether they deliver once or at least once.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written, needed, value, value_or_null};
use crate::specs::queue::{Op, Queue, Ret};
use crate::specs::redelivery::Redelivery;
use crate::stream::Split;
use crate::text::Names;
use crate::value::Value;

fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Op, Wrong> {
    let key = value_or_null(asked, "key", names);
    match &*asked.f {
        "enqueue" => Ok(Op::Enqueue { key, value: needed(asked, "value", names)? }),
        "dequeue" => Ok(Op::Dequeue { key }),
        "ack" => Ok(Op::Ack { key, value: needed(asked, "value", names)? }),
        _ => Err(asked.unknown("enqueue, dequeue or ack")),
    }
}

fn ret(ret: &Raw<'_>, names: &mut Names) -> Ret {
    Ret::Value(match ret {
        Raw::Null => None,
        ret => Some(value(ret, names)),
    })
}

macro_rules! is_written {
    ($queue:ident) => {
        impl Written for $queue<Value> {
            const SPLIT: Split = Split::ByKey;

            fn start(start: &Start) -> Result<Self, Wrong> {
                start.values()
            }

            fn begins(&self) -> Option<serde_json::Value> {
                let values: Vec<&Value> = self.values().collect();
                (!values.is_empty()).then(|| serde_json::json!(values))
            }

            fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
                op(asked, names)
            }

            fn ret(_op: &Op, answer: Raw<'_>, names: &mut Names) -> Result<Ret, Wrong> {
                Ok(ret(&answer, names))
            }
        }
    };
}
is_written!(Queue);
is_written!(Redelivery);
