//! What a model promises will come, and what it counts on for that.
//!
//! That something comes is a promise about runs without end, and in most of them nothing need ever
//! happen: everybody may stop. So such a promise leans on fairness, and each of these is named, to
//! be taken away: one that can be missed was never counted on.

use crate::step::Move;
use checker::Property;

/// What a promise asks of a state.
type Test<W> = Box<dyn Fn(&W) -> bool>;

/// A promise that something comes.
pub struct Comes<W> {
    /// What the promise is called.
    pub property: Property,
    /// It in a sentence, with the names of whom it is made to: `closed job 0 is materialised`.
    pub said: String,
    /// The states that it is owed from; none: the beginning.
    from: Option<Test<W>>,
    to: Test<W>,
}

impl<W> Comes<W> {
    /// Whenever `from` holds, `to` holds then or later.
    pub fn leads_to(
        property: Property,
        said: impl Into<String>,
        from: impl Fn(&W) -> bool + 'static,
        to: impl Fn(&W) -> bool + 'static,
    ) -> Self {
        Comes { property, said: said.into(), from: Some(Box::new(from)), to: Box::new(to) }
    }

    /// Sooner or later `to` holds.
    pub fn eventually(
        property: Property,
        said: impl Into<String>,
        to: impl Fn(&W) -> bool + 'static,
    ) -> Self {
        Comes { property, said: said.into(), from: None, to: Box::new(to) }
    }

    /// Whether it is owed from this state on.
    pub(crate) fn is_owed(&self, world: &W, first: bool) -> bool {
        self.from.as_ref().map_or(first, |from| from(world)) && !self.is_kept(world)
    }

    /// Whether this state keeps it.
    pub(crate) fn is_kept(&self, world: &W) -> bool {
        (self.to)(world)
    }
}

/// Weak fairness of some moves: if from some state on one of them can always change the state, then
/// one that does is taken again and again.
pub struct Fair {
    /// What it is called; those of one name are given and taken away together.
    pub name: &'static str,
    covers: Box<dyn Fn(Move) -> bool>,
}

impl Fair {
    /// Fairness of the moves that `covers` says.
    pub fn weak(name: &'static str, covers: impl Fn(Move) -> bool + 'static) -> Self {
        Fair { name, covers: Box::new(covers) }
    }

    /// Fairness of one move.
    pub fn of_move(name: &'static str, kind: u8, arg: u16) -> Self {
        Fair::weak(name, move |chosen| chosen == Move { kind, arg })
    }

    /// Whether it is about this move.
    pub(crate) fn covers(&self, chosen: Move) -> bool {
        (self.covers)(chosen)
    }
}
