//! What a model of moves promises of every state, each promise by its name.
//!
//! What a model holds every step to, and what can be asked of it part by part, is one list here: of
//! two, one would sooner or later say something that the other does not.

use sim::prelude::*;

/// Something that holds in every state.
pub struct Promise<W> {
    property: Property,
    holds: fn(&W) -> Result<(), String>,
}

impl<W: 'static> Promise<W> {
    /// The promise `name`; `holds` says what is wrong in a state that breaks it.
    pub const fn new(name: &'static str, holds: fn(&W) -> Result<(), String>) -> Self {
        Promise { property: Property::named(name), holds }
    }

    /// The first of `promises` that `now` breaks.
    pub fn check(promises: &[Self], now: &W) -> Result<(), Violation> {
        let held =
            |it: &Self| (it.holds)(now).map_err(|why| Violation::new(it.property.clone(), why));
        promises.iter().try_for_each(held)
    }

    /// Each of them by itself, as a part of the model's invariant.
    pub fn promised(promises: &'static [Self]) -> impl Iterator<Item = Always<W>> {
        promises.iter().map(|it| {
            Always::promised(it.property.clone(), |_: Option<&W>, now: &W| (it.holds)(now))
        })
    }

    /// Each of them by itself, where the model does not promise it.
    pub fn asked(promises: &'static [Self]) -> impl Iterator<Item = Always<W>> {
        promises.iter().map(|it| Always::asked(it.property.clone(), it.holds))
    }
}

/// A mutant that breaks the promise of that name, with the parameters as they are.
pub const fn breaks<T>(mutant: T, promise: &'static str, how: &'static str) -> Mutation<T> {
    Mutation::new(mutant, Property::named(promise), &[], how)
}

/// `wrong`, unless `right`.
pub fn unless(right: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(wrong()) }
}
