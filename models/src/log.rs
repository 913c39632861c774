//! The log of a run as a datatype: its head in a row, and the objects beside it.
//!
//! The head is judged apart from the objects, because nothing a store answers depends on the row; a
//! listing ties all objects together.

use crate::worlds::Run;
use checker::specs::{head, objects};
use checker::{Operation, Outcome, Seen, Spec, Violation};
use serde::{Deserialize, Serialize};

/// What the log of a run may answer: its head, and the objects beside it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Log {
    head: head::Head<Run>,
    objects: objects::Objects,
}

/// What may be asked of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Op {
    /// Of the head.
    Head(head::Op<Run>),
    /// Of the objects.
    Object(objects::Op),
}

/// What it may answer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ret {
    /// The head.
    Head(head::Ret),
    /// The objects.
    Object(objects::Ret),
}

impl Spec for Log {
    type Op = Op;
    type Ret = Ret;

    fn step(&self, op: &Op, ret: Option<&Ret>) -> impl IntoIterator<Item = Self> {
        let mut next = Vec::new();
        match (op, ret) {
            (Op::Head(op), None | Some(Ret::Head(_))) => {
                let ret = ret.and_then(head_ret);
                next.extend(
                    self.head.step(op, ret).into_iter().map(|head| Log { head, ..self.clone() }),
                );
            }
            (Op::Object(op), None | Some(Ret::Object(_))) => {
                let ret = ret.and_then(object_ret);
                next.extend(
                    self.objects
                        .step(op, ret)
                        .into_iter()
                        .map(|objects| Log { objects, ..self.clone() }),
                );
            }
            _ => {}
        }
        next
    }

    /// The head is judged apart from the objects; a listing ties the objects together.
    fn key(op: &Op) -> Option<u64> {
        Some(u64::from(matches!(op, Op::Object(_))))
    }

    fn reads(op: &Op, ret: Option<&Ret>) -> bool {
        match op {
            Op::Head(op) => head::Head::reads(op, ret.and_then(head_ret)),
            Op::Object(op) => objects::Objects::reads(op, ret.and_then(object_ret)),
        }
    }

    fn spent(&self, op: &Op) -> bool {
        match op {
            Op::Head(op) => self.head.spent(op),
            Op::Object(op) => self.objects.spent(op),
        }
    }

    fn phrase(op: &Op, ret: &Ret) -> String {
        match (op, ret) {
            (Op::Head(op), Ret::Head(ret)) => head::Head::phrase(op, ret),
            (Op::Object(op), Ret::Object(ret)) => objects::Objects::phrase(op, ret),
            _ => "answer of another kind".to_owned(),
        }
    }

    fn diagnose(&self, operations: &[Operation<Op, Ret>]) -> Option<Violation> {
        let head = head::diagnose(self.head.head, heads(operations));
        let object = objects::diagnose(&self.objects, objects_of(operations));
        [head, object].into_iter().flatten().min_by_key(|it| it.at)
    }
}

fn head_ret(ret: &Ret) -> Option<&head::Ret> {
    match ret {
        Ret::Head(ret) => Some(ret),
        Ret::Object(_) => None,
    }
}

fn object_ret(ret: &Ret) -> Option<&objects::Ret> {
    match ret {
        Ret::Object(ret) => Some(ret),
        Ret::Head(_) => None,
    }
}

/// The operations on heads.
pub fn heads(
    history: &[Operation<Op, Ret>],
) -> impl Iterator<Item = Seen<'_, head::Op<Run>, head::Ret>> {
    history.iter().enumerate().filter_map(|(index, it)| match &it.op {
        Op::Head(op) => Some(part(it.seen(index), op, head_ret)),
        Op::Object(_) => None,
    })
}

/// The operations on objects.
fn objects_of(
    history: &[Operation<Op, Ret>],
) -> impl Iterator<Item = Seen<'_, objects::Op, objects::Ret>> {
    history.iter().enumerate().filter_map(|(index, it)| match &it.op {
        Op::Object(op) => Some(part(it.seen(index), op, object_ret)),
        Op::Head(_) => None,
    })
}

/// An operation seen as one of a single datatype.
fn part<'a, O, R>(
    whole: Seen<'a, Op, Ret>,
    op: &'a O,
    ret: impl Fn(&'a Ret) -> Option<&'a R>,
) -> Seen<'a, O, R> {
    let outcome = match whole.outcome {
        Outcome::Returned { at, ret: answer } => {
            ret(answer).map_or(Outcome::Open, |ret| Outcome::Returned { at, ret })
        }
        Outcome::Open => Outcome::Open,
        Outcome::Failed => Outcome::Failed,
    };
    Seen { index: whole.index, client: whole.client, op, call: whole.call, outcome }
}
