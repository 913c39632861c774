//! A lock whose tokens grow: whoever got it holds it until the release.
//!
//! The hard part is silence: a client that never heard whether it got the lock may hold it, under a
//! token nobody knows. Otherwise the tokens order everything: the n-th acquire and its release are
//! the stages of a [chain](crate::monitor), and one that was told it did not get it must have come
//! while somebody held it. A fenced counter is the same: the token is its number.

mod monitor;

use crate::hash::Chain;
use crate::history::first_alone;
use crate::value::Value;
use crate::{Monitored, Operation, Part, Spec};
use serde::{Deserialize, Serialize};

/// What may be asked. A history of one lock only may leave out its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case")]
pub enum Op {
    /// Take it, if it is free.
    Acquire {
        /// Which lock.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
    },
    /// Let it go, if it is held under this token.
    Release {
        /// Which lock.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        key: Value,
        /// What the acquire was told.
        token: u64,
    },
}

impl Op {
    /// Which lock it is about.
    pub fn key(&self) -> &Value {
        match self {
            Op::Acquire { key } | Op::Release { key, .. } => key,
        }
    }
}

/// What may be answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a token, null, true or false")]
pub enum Ret {
    /// An acquire: it got the lock, under this token; or somebody held it.
    Token(Option<u64>),
    /// A release: whether it was held under that token.
    Released(bool),
}

/// Who holds the lock. Every key starts free, and is judged apart.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Lock {
    /// The latest token that is known.
    pub last: Option<u64>,
    /// Who holds it.
    pub holder: Holder,
}

/// Who holds a lock.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub enum Holder {
    /// Nobody.
    #[default]
    Free,
    /// Whoever has this token.
    Token(u64),
    /// Somebody who was not heard of, under a token that is none of these.
    Silent(Vec<u64>),
}

impl Lock {
    /// A lock that somebody holds under this token.
    pub fn held(token: u64) -> Self {
        Lock { last: Some(token), holder: Holder::Token(token) }
    }

    fn freed(&self, token: u64) -> Self {
        Lock { last: Some(token).max(self.last), holder: Holder::Free }
    }
}

impl Spec for Lock {
    type Op = Op;
    type Ret = Ret;

    fn step(&self, op: &Op, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        let is_free = self.holder == Holder::Free;
        let mut next = Vec::with_capacity(2);
        match (op, ret) {
            (Op::Acquire { .. }, Some(Ret::Token(Some(token))))
                if is_free && Some(*token) > self.last =>
            {
                next.push(Lock { last: Some(*token), holder: Holder::Token(*token) });
            }
            (Op::Acquire { .. }, None) if is_free => {
                next.push(Lock { holder: Holder::Silent(Vec::new()), ..self.clone() });
            }
            (Op::Acquire { .. }, None) => next.push(self.clone()),
            (Op::Acquire { .. }, Some(Ret::Token(None))) if !is_free => next.push(self.clone()),
            (Op::Release { token, .. }, None | Some(Ret::Released(_))) => {
                let (may, may_not) = match &self.holder {
                    Holder::Free => (false, true),
                    Holder::Token(held) => (held == token, held != token),
                    Holder::Silent(not) => (Some(*token) > self.last && !not.contains(token), true),
                };
                if may && ret != Some(&Ret::Released(false)) {
                    next.push(self.freed(*token));
                }
                if may_not && ret != Some(&Ret::Released(true)) {
                    next.push(self.without(*token));
                }
            }
            _ => {}
        }
        next
    }

    /// Free, if the first got it: with tokens that are all yet to come, which allows the most.
    fn resume(&self, operations: &[&Operation<Op, Ret>]) -> Option<Self> {
        let first = first_alone(operations)?;
        matches!(first.ret()?, Ret::Token(Some(_))).then(Lock::default)
    }

    fn reads(_op: &Op, ret: Option<&Ret>) -> bool {
        ret == Some(&Ret::Token(None))
    }

    fn spent(&self, op: &Op) -> bool {
        // Tokens grow, so one that is over does not come back.
        match op {
            Op::Acquire { .. } => false,
            Op::Release { token, .. } => {
                Some(*token) <= self.last && self.holder != Holder::Token(*token)
            }
        }
    }

    fn phrase(op: &Op, ret: &Ret) -> String {
        let of = |key: &Value| if key.is_null() { String::new() } else { format!(" of {key}") };
        match (op, ret) {
            (Op::Acquire { key }, Ret::Token(Some(token))) => {
                format!("acquire{}, told it holds it under {token}", of(key))
            }
            (Op::Acquire { key }, _) => format!("acquire{}, told it is held", of(key)),
            (Op::Release { key, token }, Ret::Released(true)) => {
                format!("release{} of {token}, told it was done", of(key))
            }
            (Op::Release { key, token }, _) => {
                format!("release{} of {token}, told it does not hold it", of(key))
            }
        }
    }

    fn key(op: &Op) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op, Ret>) -> Monitored {
        if *self == Lock::default() { monitor::monitor(part) } else { Monitored::Declined }
    }
}

impl Lock {
    /// The same, now that it is known not to be held under this token.
    fn without(&self, token: u64) -> Self {
        match &self.holder {
            Holder::Silent(not) if Some(token) > self.last => {
                let mut not = not.clone();
                if let Err(place) = not.binary_search(&token) {
                    not.insert(place, token);
                }
                Lock { last: self.last, holder: Holder::Silent(not) }
            }
            _ => self.clone(),
        }
    }
}
