//! A lock that lets go by itself when its time is over.
//!
//! The hard part is that the end of a lease is a moment on a clock, and not an operation: in the
//! order of operations a lease may be over at any time. So two things are judged. Tokens grow,
//! whoever is told that it is held comes after somebody who got it, and a release that was done
//! was of the latest token: this is an order, and the search or the
//! [chain](crate::monitor) finds it. That nobody gets it while it is still valid for another is a
//! promise of its own, `lease-overlap`: `valid_until` is a moment on the history's clock.

use crate::hash::Chain;
use crate::monitor::chain::{Mark, Said, Stages, decide};
use crate::monitor::words;
use crate::value::Value;
use crate::{Monitored, Operation, Outcome, Part, Property, Spec, Violation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use super::lock::Op;

/// Nobody gets a lease while it is valid for another who did not let it go.
pub const LEASE_OVERLAP: Property = Property::named("lease-overlap");

/// What may be answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected {\"token\": number, \"valid_until\": number}, null, true or false"
)]
pub enum Ret {
    /// An acquire got it.
    Granted {
        /// Greater than all before.
        token: u64,
        /// When it is over, on the history's clock.
        valid_until: u64,
    },
    /// A release: whether it was held under that token.
    Released(bool),
    /// An acquire found it held.
    Denied(()),
}

/// Who got the lease last. Every key starts free, and is judged apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Lease {
    /// The latest token that is known.
    pub last: Option<u64>,
    /// Whether somebody has it, or had it and did not let it go.
    pub held: Held,
}

/// Who has a lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Held {
    /// Nobody.
    #[default]
    Free,
    /// Whoever has the latest token.
    Known,
    /// Somebody who was not heard of.
    Silent,
}

impl Spec for Lease {
    type Op = Op;
    type Ret = Ret;

    fn step(&self, op: &Op, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        let mut next = Vec::with_capacity(2);
        match (op, ret) {
            (Op::Acquire { .. }, Some(Ret::Granted { token, .. })) if Some(*token) > self.last => {
                next.push(Lease { last: Some(*token), held: Held::Known });
            }
            (Op::Acquire { .. }, None) => {
                next.push(*self);
                next.push(Lease { held: Held::Silent, ..*self });
            }
            (Op::Acquire { .. }, Some(Ret::Denied(()))) if self.held != Held::Free => {
                next.push(*self);
            }
            (Op::Release { token, .. }, None | Some(Ret::Released(_))) => {
                let may = match self.held {
                    Held::Free => false,
                    Held::Known => self.last == Some(*token),
                    Held::Silent => Some(*token) > self.last,
                };
                if may && ret != Some(&Ret::Released(false)) {
                    next.push(Lease { last: Some(*token), held: Held::Free });
                }
                if ret != Some(&Ret::Released(true)) {
                    next.push(*self);
                }
            }
            _ => {}
        }
        next
    }

    fn reads(_op: &Op, ret: Option<&Ret>) -> bool {
        matches!(ret, Some(Ret::Denied(()) | Ret::Released(false)))
    }

    fn spent(&self, op: &Op) -> bool {
        match op {
            Op::Acquire { .. } => false,
            Op::Release { token, .. } => {
                Some(*token) < self.last || self.held == Held::Free && Some(*token) == self.last
            }
        }
    }

    fn phrase(op: &Op, ret: &Ret) -> String {
        match (op, ret) {
            (Op::Acquire { .. }, Ret::Granted { token, valid_until }) => {
                format!("acquire, told it holds it under {token} until {valid_until}")
            }
            (Op::Acquire { .. }, _) => String::from("acquire, told it is held"),
            (Op::Release { token, .. }, Ret::Released(true)) => {
                format!("release of {token}, told it was done")
            }
            (Op::Release { token, .. }, _) => {
                format!("release of {token}, told it does not hold it")
            }
        }
    }

    fn key(op: &Op) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op, Ret>) -> Monitored {
        if *self == Lease::default() { monitor(part) } else { Monitored::Declined }
    }

    fn diagnose(&self, operations: &[Operation<Op, Ret>]) -> Option<Violation> {
        overlap(operations)
    }
}

/// Exact where every acquire got it: the tokens are the order, and each release that was done comes
/// between its own acquire and the next. All else is for the search.
fn monitor(part: Part<'_, Op, Ret>) -> Monitored {
    let mut events: Vec<(u64, bool, u32)> = Vec::new();
    for (position, (_, operation)) in (0..).zip(part.iter()) {
        match (&operation.op, operation.ret()) {
            (Op::Acquire { .. }, Some(Ret::Granted { token, .. })) => {
                events.push((*token, false, position));
            }
            (Op::Acquire { .. }, _) => return Monitored::Declined,
            (Op::Release { token, .. }, Some(Ret::Released(true))) => {
                events.push((*token, true, position));
            }
            (Op::Release { .. }, None | Some(Ret::Released(false))) => {}
            (Op::Release { .. }, Some(_)) => {
                return words::never::<Lease>(part, position as usize);
            }
        }
    }
    events.sort_unstable();
    let mut said: Vec<Said> = part
        .iter()
        .map(|(_, it)| Said::new(if it.ret().is_some() { Mark::Free } else { Mark::Dropped }, it))
        .collect();
    let mut before = None;
    for (stage, &(token, is_release, position)) in (1..).zip(&events) {
        let is_right = if is_release {
            before == Some((token, false))
        } else {
            before.is_none_or(|(last, _)| last < token)
        };
        if !is_right {
            let what = words::phrase::<Lease>(words::operation(part, position as usize));
            let why = format!("{what}, but that token was used up, or never given");
            let property = Property::named("token-reuse");
            let same = events.iter().filter(|it| it.0 == token && it.1 == is_release);
            let who = same.map(|it| it.2 as usize);
            return Monitored::Fail(words::violation(part, property, why, who));
        }
        said[position as usize].mark = Mark::Makes(stage);
        before = Some((token, is_release));
    }
    let last = events.len() as u32;
    match decide(Stages { said, last, must: last }) {
        Ok(order) => part.pass(order),
        Err(broken) => Monitored::Fail(words::broken::<Lease>(part, broken)),
    }
}

/// A grant that returned while an earlier one was valid, whose holder had not even begun to let go.
fn overlap(operations: &[Operation<Op, Ret>]) -> Option<Violation> {
    let mut keys: BTreeMap<&Value, Vec<(u64, u64, usize)>> = BTreeMap::new();
    let mut releases: BTreeMap<(&Value, u64), u64> = BTreeMap::new();
    for (index, it) in operations.iter().enumerate() {
        match (&it.op, &it.outcome) {
            (
                Op::Acquire { key },
                Outcome::Returned { ret: Ret::Granted { token, valid_until }, .. },
            ) => keys.entry(key).or_default().push((*token, *valid_until, index)),
            (Op::Release { .. }, Outcome::Failed)
            | (Op::Release { .. }, Outcome::Returned { ret: Ret::Released(false), .. }) => {}
            (Op::Release { key, token }, _) => {
                let first = releases.entry((key, *token)).or_insert(it.call);
                *first = it.call.min(*first);
            }
            _ => {}
        }
    }
    let mut worst: Option<Violation> = None;
    for (key, mut grants) in keys {
        grants.sort_unstable();
        // Of those before, the one that is valid the longest, as far as nobody let it go.
        let mut kept: Option<(u64, usize)> = None;
        let mut freed: Vec<(u64, u64, usize)> = Vec::new();
        // The earliest return of this grant and those after it.
        let at = |it: &(u64, u64, usize)| operations[it.2].returned_at().unwrap_or(u64::MAX);
        let mut earliest: Vec<u64> = grants.iter().map(at).collect();
        for k in (1..earliest.len()).rev() {
            earliest[k - 1] = earliest[k - 1].min(earliest[k]);
        }
        for ((token, until, index), earliest) in grants.into_iter().zip(earliest) {
            let at = operations[index].returned_at().unwrap_or(u64::MAX);
            freed.retain(|it| it.0.min(it.1) > earliest);
            let let_go = freed.iter().filter(|it| it.1 > at).map(|it| (it.0, it.2));
            let other = kept.into_iter().chain(let_go).max();
            if let Some((valid, other)) = other
                && at < valid
                && worst.as_ref().is_none_or(|found| Some(at) < found.at)
            {
                let (one, two) = (&operations[other], &operations[index]);
                let why = format!(
                    "{} got it under {token} by {at}, although it was {}'s until {valid} and \
                     nobody had begun to let it go",
                    two.client, one.client
                );
                let operations = vec![other, index];
                let violation = Violation::new(LEASE_OVERLAP, why);
                worst = Some(Violation { at: Some(at), operations, ..violation });
            }
            match releases.get(&(key, token)) {
                Some(&call) => freed.push((until, call, index)),
                None => kept = kept.max(Some((until, index))),
            }
        }
    }
    worst
}
