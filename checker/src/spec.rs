//! What a correct system may answer, one operation at a time.

use crate::monitor::{Monitored, Part};
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

    /// [`Spec::step`] where nobody needs the state before any more: it may be changed in place.
    fn advance(self, op: &Self::Op, ret: Option<&Self::Ret>) -> impl IntoIterator<Item = Self> {
        self.step(op, ret).into_iter().collect::<Vec<_>>()
    }

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

    /// A number that two operations share if they are the same question with the same answer.
    ///
    /// A promise that spares the search orders: of two alike that are both under way, the one that
    /// returns first may as well come first. `None`: nothing is known.
    fn kind(_op: &Self::Op, _ret: Option<&Self::Ret>) -> Option<u64> {
        None
    }

    /// Bytes this state owns beside itself, for the budget of memory: an estimate, quickly made.
    fn heap(&self) -> usize {
        0
    }

    /// The state in which these operations must have begun, whatever went before them: so that what
    /// is cut down can begin in the middle.
    ///
    /// By call. `self` is where the whole history began. `None`: their answers do not tell; then all
    /// that went before stays in. See [`first_alone`](crate::history::first_alone).
    fn resume(&self, _operations: &[&Operation<Self::Op, Self::Ret>]) -> Option<Self> {
        None
    }

    /// The operation and its answer in a few words, to follow "c0's": `read of run-1, told 3`.
    fn phrase(_op: &Self::Op, _ret: &Self::Ret) -> String {
        String::from("answer")
    }

    /// What is wrong with an answer in this state, to follow "c0's read of run-1, told 3":
    /// `the head is at 4`.
    fn wrong(&self, _op: &Self::Op, _ret: &Self::Ret) -> String {
        String::from("it is not right there")
    }

    /// This state in a few words, for a picture: `head 4`.
    fn words(&self) -> String {
        String::new()
    }

    /// The independent part of the datatype that `op` touches, such as a key: parts are judged
    /// apart. `None` for an operation that touches all of it; one such keeps the history whole.
    fn key(_op: &Self::Op) -> Option<u64> {
        None
    }

    /// A decision faster than the search's, for histories that this datatype knows how to decide.
    ///
    /// Asked for each part by itself, before the search.
    fn monitor(&self, _part: Part<'_, Self::Op, Self::Ret>) -> Monitored {
        Monitored::Declined
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
