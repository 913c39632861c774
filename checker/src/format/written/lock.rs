//! Locks and leases as they are written: they are asked the same.

use super::super::raw::Raw;
use super::super::record::{Asked, Wrong};
use super::{Start, Written, value_or_null};
use crate::specs::lease::{self, Lease};
use crate::specs::lock::{self, Lock, Op};
use crate::stream::Split;
use crate::text::Names;

fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Op, Wrong> {
    let key = value_or_null(asked, "key", names);
    match &*asked.f {
        "acquire" => Ok(Op::Acquire { key }),
        "release" => Ok(Op::Release { key, token: asked.uint("token")? }),
        _ => Err(asked.unknown("acquire or release")),
    }
}

impl Written for Lock {
    const SPLIT: Split = Split::ByKey;

    fn start(start: &Start) -> Result<Self, Wrong> {
        match start {
            Start::Usual | Start::Nothing | Start::Given(Raw::Null) => Ok(Lock::default()),
            Start::Given(Raw::Uint(token)) => Ok(Lock::held(*token)),
            Start::Given(value) => {
                Err(Wrong::field("init", "the token of whoever holds it, or null", value))
            }
        }
    }

    fn begins(&self) -> Option<serde_json::Value> {
        match self.holder {
            lock::Holder::Token(token) => Some(token.into()),
            lock::Holder::Free | lock::Holder::Silent(_) => None,
        }
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        op(asked, names)
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, _names: &mut Names) -> Result<Self::Ret, Wrong> {
        match ret {
            Raw::Null => Ok(lock::Ret::Token(None)),
            Raw::Uint(token) => Ok(lock::Ret::Token(Some(token))),
            Raw::Bool(released) => Ok(lock::Ret::Released(released)),
            other => Err(Wrong::answer("a token, null, true or false", &other)),
        }
    }
}

impl Written for Lease {
    const SPLIT: Split = Split::ByKey;

    fn start(start: &Start) -> Result<Self, Wrong> {
        start.only_usual(Lease::default())
    }

    fn op(asked: &Asked<'_>, names: &mut Names) -> Result<Self::Op, Wrong> {
        op(asked, names)
    }

    fn ret(_op: &Self::Op, ret: Raw<'_>, _names: &mut Names) -> Result<Self::Ret, Wrong> {
        match (&ret, ret.get("token"), ret.get("valid_until")) {
            (Raw::Null, ..) => Ok(lease::Ret::Denied(())),
            (Raw::Bool(released), ..) => Ok(lease::Ret::Released(*released)),
            (_, Some(Raw::Uint(token)), Some(Raw::Uint(valid_until))) => {
                Ok(lease::Ret::Granted { token: *token, valid_until: *valid_until })
            }
            _ => {
                let wanted = "{\"token\": number, \"valid_until\": number}, null, true or false";
                Err(Wrong::answer(wanted, &ret))
            }
        }
    }
}
