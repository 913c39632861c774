//! A log of numbered bodies as a datatype: append after a number, and read all since a number.
//!
//! An append says what it follows, as a transition of a head does, so a fork is two appends after
//! one number. What a reader is shown must be the bodies that won and nothing else: a body that was
//! put and lost is an orphan, and a number without a body is a hole.

use crate::worlds::Run;
use checker::specs::head;
use checker::{Operation, Property, Spec, Violation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A reader finds a body for every number up to the head.
pub const NO_HOLE: Property = Property::named("no-hole");
/// A reader is never shown a body that did not win.
pub const NO_ORPHAN: Property = Property::named("no-orphan");

/// The bodies that won, from the first.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Sequence(Arc<Vec<u64>>);

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case")]
pub enum Op {
    /// Where is the head?
    Head,
    /// Append a body after number `from`, if that is the head.
    Append {
        /// What it follows.
        from: u64,
        /// Whose body it is.
        by: u64,
    },
    /// All bodies after a number.
    Since {
        /// The number.
        after: u64,
    },
}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ret {
    /// It was appended.
    Won,
    /// It was not: the head was elsewhere.
    Lost,
    /// It was not: a newer holder of the lock had been there.
    Fenced,
    /// The head is there.
    Head(u64),
    /// Whose bodies they are, in order.
    Bodies(Vec<u64>),
    /// There is no body for this number, although the head is beyond.
    Hole(u64),
}

impl Sequence {
    fn head(&self) -> u64 {
        self.0.len() as u64
    }

    fn with(&self, by: u64) -> Self {
        let mut bodies = Vec::clone(&self.0);
        bodies.push(by);
        Sequence(Arc::new(bodies))
    }
}

impl Spec for Sequence {
    type Op = Op;
    type Ret = Ret;

    fn step(&self, op: &Op, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        match (op, ret) {
            (Op::Append { .. }, Some(Ret::Fenced)) | (Op::Head | Op::Since { .. }, None) => {
                Some(self.clone())
            }
            (Op::Append { from, by }, None | Some(Ret::Won)) if *from == self.head() => {
                Some(self.with(*by))
            }
            (Op::Append { from, .. }, None | Some(Ret::Lost)) if *from != self.head() => {
                Some(self.clone())
            }
            (Op::Head, Some(Ret::Head(seen))) if *seen == self.head() => Some(self.clone()),
            (Op::Since { after }, Some(Ret::Bodies(bodies))) => {
                let since = self.0.get(*after as usize..);
                (since == Some(bodies.as_slice())).then(|| self.clone())
            }
            _ => None,
        }
    }

    fn reads(op: &Op, ret: Option<&Ret>) -> bool {
        !matches!(op, Op::Append { .. }) || matches!(ret, Some(Ret::Lost | Ret::Fenced))
    }

    fn spent(&self, op: &Op) -> bool {
        match op {
            Op::Append { from, .. } => *from < self.head(),
            Op::Head | Op::Since { .. } => true,
        }
    }

    fn heap(&self) -> usize {
        self.0.len() * size_of::<u64>()
    }

    fn phrase(op: &Op, ret: &Ret) -> String {
        let asked = match op {
            Op::Head => "read of the head".to_owned(),
            Op::Append { from, .. } => format!("append after {from}"),
            Op::Since { after } => format!("read of all after {after}"),
        };
        match ret {
            Ret::Won => format!("{asked}, told it won"),
            Ret::Lost => format!("{asked}, told it lost"),
            Ret::Fenced => format!("{asked}, told a newer holder was there"),
            Ret::Head(head) => format!("{asked}, told {head}"),
            Ret::Bodies(bodies) => format!("{asked}, shown {} bodies", bodies.len()),
            Ret::Hole(seq) => format!("{asked}, which found none for {seq}"),
        }
    }

    fn wrong(&self, op: &Op, ret: &Ret) -> String {
        let head = self.head();
        match (op, ret) {
            (Op::Append { from, .. }, Ret::Lost) if *from == head => {
                format!("the head is at {head}, so it must win")
            }
            _ => format!("the head is at {head}"),
        }
    }

    fn diagnose(&self, operations: &[Operation<Op, Ret>]) -> Option<Violation> {
        let heads = heads(operations);
        let head = head::diagnose(0, heads.iter().enumerate().map(|(index, it)| it.seen(index)));
        if head.as_ref().is_some_and(|it| it.property == Property::FORK) {
            return head;
        }
        let shown = operations.iter().enumerate();
        let shown = shown.filter_map(|(index, it)| hole(index, it).or_else(|| orphan(operations, index)));
        shown.chain(head).min_by_key(|it| it.at)
    }
}

/// The same history as one of a head: what is known of heads by name is known of logs.
pub fn heads(operations: &[Operation<Op, Ret>]) -> Vec<Operation<head::Op<Run>, head::Ret>> {
    let key = Run::default();
    let see = |it: &Operation<Op, Ret>| {
        let op = match it.op {
            Op::Append { from, .. } => head::Op::Cas { key, from },
            Op::Head | Op::Since { .. } => head::Op::Read { key },
        };
        let outcome = match (&it.op, it.ret(), it.returned_at()) {
            (_, Some(Ret::Fenced), _) => checker::Outcome::Failed,
            (_, Some(ret), Some(at)) => match seen(&it.op, ret) {
                Some(ret) => checker::Outcome::Returned { at, ret },
                None => checker::Outcome::Open,
            },
            _ => checker::Outcome::Open,
        };
        Operation { client: it.client, op, call: it.call, outcome }
    };
    operations.iter().map(see).collect()
}

fn seen(op: &Op, ret: &Ret) -> Option<head::Ret> {
    match (op, ret) {
        (_, Ret::Won) => Some(head::Ret::Won { seq: None }),
        (_, Ret::Lost) => Some(head::Ret::Lost),
        (_, Ret::Head(head)) => Some(head::Ret::Head(*head)),
        (Op::Since { after }, Ret::Bodies(bodies)) => {
            Some(head::Ret::Head(after + bodies.len() as u64))
        }
        _ => None,
    }
}

/// A number without a body, as a reader that looks found it.
fn hole(index: usize, it: &Operation<Op, Ret>) -> Option<Violation> {
    let (Op::Since { after }, Some(Ret::Hole(seq))) = (&it.op, it.ret()) else { return None };
    let why = format!(
        "{} read the log after {after} and found no body for {seq}, although the head was beyond",
        it.client
    );
    let at = it.returned_at();
    Some(Violation { at, operations: vec![index], ..Violation::new(NO_HOLE, why) })
}

/// A body that was shown in the place of another, or that had lost.
fn orphan(operations: &[Operation<Op, Ret>], index: usize) -> Option<Violation> {
    let it = &operations[index];
    let (Op::Since { after }, Some(Ret::Bodies(bodies))) = (&it.op, it.ret()) else { return None };
    let ends = |other: &Operation<Op, Ret>| other.returned_at() <= it.returned_at();
    (*after..).zip(bodies).find_map(|(parent, shown)| {
        let (other, append) = operations.iter().enumerate().find(|(_, other)| {
            let Op::Append { from, by } = other.op else { return false };
            match other.ret() {
                Some(Ret::Won) => from == parent && by != *shown && ends(other),
                Some(Ret::Lost | Ret::Fenced) => from == parent && by == *shown && ends(other),
                _ => false,
            }
        })?;
        let seq = parent + 1;
        let why = match append.ret() {
            Some(Ret::Won) => format!(
                "{} was shown another body for {seq} than that of {}, which won",
                it.client, append.client
            ),
            _ => format!(
                "{} was shown for {seq} the body of {}, which lost",
                it.client, append.client
            ),
        };
        let operations = vec![other, index];
        Some(Violation { at: it.returned_at(), operations, ..Violation::new(NO_ORPHAN, why) })
    })
}

/// The counters of the head.
pub fn counters(operations: &[Operation<Op, Ret>]) -> head::Counters {
    let heads = heads(operations);
    head::counters(heads.iter().enumerate().map(|(index, it)| it.seen(index)))
}
