//! The other side of every call: a simulated store, or an adapter to a real one.

use crate::step::{CallId, Move};
use checker::ClientId;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::mem::take;
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

    /// Whether two acts, both of which are possible now, may be done in either order: each is
    /// possible after the other too, the world after both is the same, and so are the answers and
    /// the parked calls that each of them lets through. Never asked of two calls of one client. A
    /// claim, which a test should hold to what comes of it; where there is doubt it is not made, and
    /// a search tries both orders.
    fn commute(&self, _one: Act<'_, Self::Call>, _other: Act<'_, Self::Call>) -> bool {
        false
    }

    /// `client` is gone: it crashed, and its connections were closed.
    fn gone(&mut self, _client: ClientId) {}

    /// How many parties there are that differ in their names only; 0: names matter.
    fn parties(&self) -> u8 {
        0
    }

    /// All that tells `party` from the others but its name, where that can be said in a number:
    /// parties of one rank are interchangeable, and sorting by rank gives every party its name.
    /// Without it all names are tried.
    fn rank(&self, _party: u8) -> Option<u64> {
        None
    }

    /// The same world with party `i` called `order[i]`.
    fn renamed(&self, _order: &[u8]) -> Self
    where
        Self: Clone,
    {
        self.clone()
    }
}

/// Something that is done to a world, or that it does.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a, C> {
    /// A call takes effect.
    Call(CallId, &'a C),
    /// A move is made.
    Move(Move),
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

    /// Who holds what for how long, and who only believes so: what a picture draws as leases.
    fn holds(&self) -> Vec<Hold> {
        Vec::new()
    }

    /// Whose doing a move is, in a world without clients: a picture gives it that party's lane.
    fn party(_chosen: Move) -> Option<ClientId> {
        None
    }

    /// Marks that the words of an answer say already: no note says them again.
    const SAID: &'static [&'static str] = &[];

    /// What happened that matters, counted.
    fn marks(&self) -> Option<&Marks> {
        None
    }

    /// From here on the marks also say whose they are: see [`Marks::listen`]. A world with marks
    /// passes it on to them, or a story will not hear of any.
    fn listen(&mut self) {}
}

/// A lock as its holder sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// Which lock. One that is a column too goes by the column's name.
    pub lock: String,
    /// Who took it.
    pub by: ClientId,
    /// How long it has left, in milliseconds, where that is known and ends.
    pub left_ms: Option<u32>,
    /// Whether it stands. One that does not has run out, and nobody told its holder.
    pub stands: bool,
}

/// The moves a world offers after a step: one entry for each enabled disjunct, so two ways to the
/// same move are two entries, as a model checker counts them.
#[derive(Default, Debug)]
pub struct Moves {
    pub(crate) due: Offers,
    pub(crate) may: Offers,
}

/// One list of them. It is told anew after every step and most often says the same again, so what
/// was said is kept, and compared as it is told.
#[derive(Default, Debug)]
pub(crate) struct Offers {
    list: Vec<Move>,
    /// How many were told since the list was begun.
    told: usize,
    /// Whether they are not what they were.
    changed: bool,
}

impl Offers {
    #[inline]
    fn tell(&mut self, it: Move) {
        if self.list.get(self.told) != Some(&it) {
            self.list.truncate(self.told);
            self.list.push(it);
            self.changed = true;
        }
        self.told += 1;
    }

    /// One of them was made, so whoever compares must look again.
    pub(crate) fn forget(&mut self) {
        self.changed = true;
    }

    /// Those that were told since the list was begun: what lies behind them is of last time.
    fn told(&self) -> &[Move] {
        &self.list[..self.told]
    }

    /// All of them, if they are not what they were.
    #[inline]
    pub(crate) fn changes(&mut self) -> Option<&[Move]> {
        if self.told < self.list.len() {
            self.list.truncate(self.told);
            self.changed = true;
        }
        take(&mut self.changed).then_some(&self.list)
    }

    fn clear(&mut self) {
        self.list.clear();
        (self.told, self.changed) = (0, false);
    }
}

impl Moves {
    /// A move that happens in due course: a tick, a wake-up. A fair schedule takes it.
    #[inline]
    pub fn due(&mut self, kind: u8, arg: u16) {
        self.due.tell(Move { kind, arg });
    }

    /// A move that may happen: a lease lapses. A fair schedule hardly ever takes it.
    #[inline]
    pub fn may(&mut self, kind: u8, arg: u16) {
        self.may.tell(Move { kind, arg });
    }

    /// All of them, as far as they were told.
    pub fn iter(&self) -> impl Iterator<Item = Move> + '_ {
        self.due.told().iter().chain(self.may.told()).copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.due.told().is_empty() && self.may.told().is_empty()
    }

    /// They are told again from the first.
    #[inline]
    pub(crate) fn begin(&mut self) {
        (self.due.told, self.may.told) = (0, 0);
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.due.clear();
        self.may.clear();
    }
}

/// Something that happened once, and the client it happened to, if it was one's.
pub type Hit = (&'static str, Option<ClientId>);

/// What a world never changes, such as how it is broken: no part of its state.
#[derive(Clone, Copy, Default, Debug)]
pub struct Constant<T>(pub T);

impl<T> PartialEq for Constant<T> {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl<T> Eq for Constant<T> {}

impl<T> Hash for Constant<T> {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

/// Counters of what matters, by name, in the order of first appearance.
///
/// They are no part of the state: two worlds that differ in marks only are equal and hash alike.
#[derive(Clone, Default, Debug)]
pub struct Marks {
    counts: Vec<(&'static str, u64)>,
    /// One by one. Only a story asks for that; a campaign must not pay for it.
    hits: Option<Vec<Hit>>,
}

impl Marks {
    /// It happened once more.
    pub fn hit(&mut self, name: &'static str) {
        self.happened(name, None);
    }

    /// It happened to `client` once more.
    pub fn hit_by(&mut self, name: &'static str, client: ClientId) {
        self.happened(name, Some(client));
    }

    fn happened(&mut self, name: &'static str, client: Option<ClientId>) {
        self.add(name, 1);
        self.hear(name, client);
    }

    /// It happened to `client`, which a story should hear of and something else counts: a move of
    /// the world is counted as a step.
    pub fn told_by(&mut self, name: &'static str, client: ClientId) {
        self.hear(name, Some(client));
    }

    fn hear(&mut self, name: &'static str, client: Option<ClientId>) {
        if let Some(hits) = &mut self.hits {
            hits.push((name, client));
        }
    }

    /// From here on each hit is also kept by itself.
    pub fn listen(&mut self) {
        self.hits.get_or_insert_default();
    }

    /// The hits since [`Marks::listen`], one by one.
    pub fn hits(&self) -> &[Hit] {
        self.hits.as_deref().unwrap_or_default()
    }

    /// Orders hits as their names appeared first.
    pub(crate) fn sort_hits(&self, hits: &mut [Hit]) {
        hits.sort_by_key(|(hit, _)| self.iter().position(|(name, _)| name == *hit));
    }

    /// It happened `count` times more.
    pub fn add(&mut self, name: &'static str, count: u64) {
        // Most often it is the very same text, and there is no need to read it.
        let is_it = |it: &'static str| std::ptr::eq(it, name) || it == name;
        match self.counts.iter_mut().find(|(it, _)| is_it(it)) {
            Some((_, n)) => *n += count,
            None => self.counts.push((name, count)),
        }
    }

    /// How often it happened.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.iter().find(|(it, _)| *it == name).map_or(0, |(_, n)| *n)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counts.iter().copied()
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.hits.iter_mut().for_each(Vec::clear);
    }

    /// None yet, and room for as many kinds of it as a run knows.
    pub fn with_room() -> Self {
        Marks { counts: Vec::with_capacity(16), hits: None }
    }

    /// Orders them by name, where the order of their first appearance means nothing.
    pub fn sort(&mut self) {
        self.counts.sort_unstable();
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

#[cfg(test)]
mod tests {
    use super::*;
    use checker::hash::Fingerprint;

    #[test]
    fn what_was_told_last_time_is_not_there_until_it_is_told_again() {
        let mut moves = Moves::default();
        moves.due(1, 0);
        moves.may(2, 0);
        assert!(moves.due.changes().is_some() && moves.may.changes().is_some());
        moves.begin();
        assert!(moves.is_empty() && moves.iter().next().is_none());
        moves.due(1, 0);
        assert_eq!(moves.iter().collect::<Vec<_>>(), [Move { kind: 1, arg: 0 }]);
        assert!(moves.due.changes().is_none(), "it is the same again");
        assert_eq!(moves.may.changes(), Some(&[][..]), "and this one is no more");
    }

    #[test]
    fn who_it_was_is_kept_only_for_those_who_listen() {
        let mut marks = Marks::default();
        marks.hit_by("granted", ClientId(1));
        assert_eq!(marks.hits(), []);
        marks.listen();
        marks.hit("vacuums");
        marks.hit_by("granted", ClientId(2));
        marks.told_by("lapsed", ClientId(2));
        let two = Some(ClientId(2));
        assert_eq!(marks.hits(), [("vacuums", None), ("granted", two), ("lapsed", two)]);
        assert_eq!(marks.iter().collect::<Vec<_>>(), [("granted", 2), ("vacuums", 1)]);
    }

    #[test]
    fn marks_are_no_part_of_a_state() {
        let mut marked = Marks::default();
        marked.listen();
        marked.hit_by("granted", ClientId(1));
        assert_eq!(marked, Marks::default());
        assert_eq!(Fingerprint::of(&marked).wide(), Fingerprint::of(&Marks::default()).wide());
    }
}
