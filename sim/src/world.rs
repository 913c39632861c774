//! The other side of every call: a simulated store, or an adapter to a real one.

use crate::step::{CallId, Move};
use checker::ClientId;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::task::Poll;

/// What answers calls.
///
/// Time belongs to it: reading a clock is a call, a sleep is a call that waits, and what happens
/// unasked (a lease that lapses, a vacuum) is a move.
pub trait World {
    /// What may be asked.
    type Call: Clone + Hash + Debug;
    /// What may be answered.
    type Reply: Clone + Hash + Debug;
    /// The kinds of its moves, by name; [`Move::kind`] is an index into this.
    const MOVES: &'static [&'static str] = &[];

    /// Lets `call` take effect. `Pending` when it must wait, as for a row lock: the call is parked
    /// and offered again exactly when [`World::freed`] names it.
    fn apply(&mut self, from: CallId, call: &Self::Call) -> Poll<Self::Reply>;

    /// The parked call that what just happened lets through, first come first. It is applied
    /// there and then, as a real server wakes a waiter inside the holder's commit; then this is
    /// asked again.
    fn freed(&mut self) -> Option<CallId> {
        None
    }

    /// What the world may do unasked.
    fn moves(&self, _moves: &mut Moves) {}

    /// Does it.
    fn advance(&mut self, chosen: Move) {
        unreachable!("a move that was never offered: {chosen:?}");
    }

    /// `client` is gone: it crashed, and its connections were closed.
    fn gone(&mut self, _client: ClientId) {}
}

/// What a world shows to people. Nothing here may change what happens.
pub trait Legible: World {
    /// A call in a few words: `cas 4->5`.
    fn ask(call: &Self::Call) -> String {
        format!("{call:?}")
    }

    /// Its answer in fewer: `won`.
    fn answer(_call: &Self::Call, reply: &Self::Reply) -> String {
        format!("{reply:?}")
    }

    /// The state worth a column in a story: `lock` is `w3`, `head` is `4`.
    fn columns(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What happened that matters, counted.
    fn marks(&self) -> Option<&Marks> {
        None
    }
}

/// The moves a world offers after a step: one entry for each enabled disjunct, so two ways to the
/// same move are two entries, as a model checker counts them.
#[derive(Default, PartialEq, Debug)]
pub struct Moves {
    pub(crate) due: Vec<Move>,
    pub(crate) may: Vec<Move>,
}

impl Moves {
    /// A move that happens in due course: a tick, a wake-up. A fair schedule takes it.
    pub fn due(&mut self, kind: u8, arg: u16) {
        self.due.push(Move { kind, arg });
    }

    /// A move that may happen: a lease lapses. A fair schedule hardly ever takes it.
    pub fn may(&mut self, kind: u8, arg: u16) {
        self.may.push(Move { kind, arg });
    }

    pub(crate) fn clear(&mut self) {
        self.due.clear();
        self.may.clear();
    }
}

/// Counters of what matters, by name, in the order of first appearance.
///
/// They are no part of the state: two worlds that differ in marks only are equal and hash alike.
#[derive(Clone, Default, Debug)]
pub struct Marks(Vec<(&'static str, u64)>);

impl Marks {
    /// It happened once more.
    pub fn hit(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    /// It happened `count` times more.
    pub fn add(&mut self, name: &'static str, count: u64) {
        match self.0.iter_mut().find(|(it, _)| *it == name) {
            Some((_, n)) => *n += count,
            None => self.0.push((name, count)),
        }
    }

    /// How often it happened.
    pub fn count(&self, name: &str) -> u64 {
        self.0.iter().find(|(it, _)| *it == name).map_or(0, |(_, n)| *n)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Orders them by name, where the order of their first appearance means nothing.
    pub fn sort(&mut self) {
        self.0.sort_unstable();
    }
}

impl PartialEq for Marks {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Marks {}

impl Hash for Marks {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}
