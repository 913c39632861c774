//! What holds in every state, part by part, so that one part can be looked for by itself.
//!
//! An invariant says the first thing that is wrong, and a search ends there: what it would have
//! found further on, nobody hears of. So a model may name its parts; and it may name what it does
//! not promise at all, because how soon that fails is worth knowing too.

use checker::{Property, Violation};

type Test<W> = Box<dyn Fn(Option<&W>, &W) -> Result<(), String>>;

/// Something that holds in every state, or is asked whether it does.
pub struct Always<W> {
    /// What it is called.
    pub property: Property,
    /// Whether [`Model::invariant`](crate::model::Model::invariant) says so too.
    pub promised: bool,
    test: Test<W>,
}

impl<W> Always<W> {
    /// A part of the invariant. Of the state before a step `test` hears where the model compares.
    pub fn promised(
        property: Property,
        test: impl Fn(Option<&W>, &W) -> Result<(), String> + 'static,
    ) -> Self {
        Always { property, promised: true, test: Box::new(test) }
    }

    /// What is not promised.
    pub fn asked(property: Property, test: impl Fn(&W) -> Result<(), String> + 'static) -> Self {
        Always { property, promised: false, test: Box::new(move |_, now| test(now)) }
    }

    /// Whether it holds.
    pub fn check(&self, before: Option<&W>, now: &W) -> Result<(), Violation> {
        (self.test)(before, now).map_err(|why| Violation::new(self.property.clone(), why))
    }
}
