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

impl<M: Model, W, O: Observer<M, W> + ?Sized> Observer<M, W> for &mut O {
    fn told(&mut self, from: CallId, call: &CallOf<M>, reply: Option<&ReplyOf<M>>) {
        (**self).told(from, call, reply);
    }

    fn lost(&mut self, from: CallId, call: &CallOf<M>) {
        (**self).lost(from, call);
    }

    fn stepped(&mut self, step: Step, world: &W) -> Result<(), Stop> {
        (**self).stepped(step, world)
    }
}

/// Both look on; the first has seen a step even where the second ends the run at it.
impl<M: Model, W, A: Observer<M, W>, B: Observer<M, W>> Observer<M, W> for (A, B) {
    fn told(&mut self, from: CallId, call: &CallOf<M>, reply: Option<&ReplyOf<M>>) {
        self.0.told(from, call, reply);
        self.1.told(from, call, reply);
    }

    fn lost(&mut self, from: CallId, call: &CallOf<M>) {
        self.0.lost(from, call);
        self.1.lost(from, call);
    }

    fn stepped(&mut self, step: Step, world: &W) -> Result<(), Stop> {
        self.0.stepped(step, world)?;
        self.1.stepped(step, world)
    }
}
