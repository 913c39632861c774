//! Who looks on while a run is made: what checks invariants, tells a story, counts coverage.

use crate::model::{CallOf, Model, ReplyOf};
use crate::step::{CallId, Step};
use checker::Violation;

/// Why an observer ends a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// A promise is broken.
    Broken(Violation),
    /// It has seen enough.
    Enough,
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Stop::Broken(violation)
    }
}

/// Looks on. Nothing here may change what happens, except by ending the run.
pub trait Observer<M: Model, W> {
    /// A call took effect and was answered, or must wait (`None`).
    fn told(&mut self, _from: CallId, _call: &CallOf<M>, _reply: Option<&ReplyOf<M>>) {}

    /// A call in flight was lost; it may take effect yet.
    fn lost(&mut self, _from: CallId, _call: &CallOf<M>) {}

    /// A step was taken, and this is the world after it.
    fn stepped(&mut self, _step: Step, _world: &W) -> Result<(), Stop> {
        Ok(())
    }
}

impl<M: Model, W> Observer<M, W> for () {}
