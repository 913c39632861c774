//! What a correct system may answer, one operation at a time.

use crate::{Operation, Violation};
use std::hash::Hash;

/// A sequential datatype: its state, and which answers are right in it.
///
/// The search asks the same question very often, so `step` gives an iterator: `Option<Self>` for a
/// deterministic datatype costs no allocation, `Vec<Self>` serves one with several futures.
pub trait Spec: Clone + Eq + Hash {
    /// What may be asked.
    type Op;
    /// What may be answered.
    type Ret;

    /// Every state that may follow when `op` answers `ret`; none when that answer is wrong.
    ///
    /// `ret` is `None` when nobody heard the answer: allow any.
    fn step(&self, op: &Self::Op, ret: Option<&Self::Ret>) -> impl IntoIterator<Item = Self>;

    /// Whether `op` answering `ret` changes nothing, in whatever state that answer is right.
    ///
    /// A promise that makes the search fast: a read, a compare-and-set that lost. Not an operation
    /// that happens to change nothing in some state, such as a delete of what is absent.
    fn reads(_op: &Self::Op, _ret: Option<&Self::Ret>) -> bool {
        false
    }

    /// Whether `op`, if nobody heard its answer, can change nothing from this state on, whatever
    /// else happens.
    ///
    /// A promise that lets the search forget it: a compare-and-set from a number that will not
    /// come back.
    fn spent(&self, _op: &Self::Op) -> bool {
        false
    }

    /// The operation and its answer in a few words, to follow "c0's": `read of run-1, told 3`.
    fn phrase(_op: &Self::Op, _ret: &Self::Ret) -> String {
        String::from("answer")
    }

    /// The independent part of the datatype that `op` touches, such as a key: parts are judged
    /// apart. `None` for an operation that touches all of it; one such keeps the history whole.
    fn key(_op: &Self::Op) -> Option<u64> {
        None
    }

    /// Whether an order that explains every answer is plain to see, found in one pass: most
    /// histories hold, and need no search. False says nothing.
    fn is_plain(&self, _operations: &[Operation<Self::Op, Self::Ret>]) -> bool {
        false
    }

    /// A violation that has a name of its own, found in one pass over the whole history.
    ///
    /// `None` is no pass: the search still decides.
    fn diagnose(&self, _operations: &[Operation<Self::Op, Self::Ret>]) -> Option<Violation> {
        None
    }
}
