//! Who looks on while a session plays: what holds every step to the promises.

use crate::chooser::Chooser;
use crate::menu::Menu;
use crate::model::Model;
use crate::run::{Observer, Stop};
use crate::step::Step;

/// Holds every step to the model's invariant.
pub(super) struct Watch<'a, M: Model> {
    model: &'a M,
    before: Option<M::World>,
    /// Where there are no clients that could be done: after so many steps, settled is enough.
    steps_left: Option<usize>,
}

impl<'a, M: Model> Watch<'a, M> {
    /// Looks on from `world`, the first of a run.
    pub(super) fn of(model: &'a M, world: &M::World, steps_max: usize) -> Self {
        let before = M::COMPARES.then(|| world.clone());
        Watch { model, before, steps_left: (model.clients() == 0).then_some(steps_max) }
    }
}

impl<M: Model> Observer<M, M::World> for Watch<'_, M> {
    fn stepped(&mut self, _step: Step, world: &M::World) -> Result<(), Stop> {
        self.model.invariant(self.before.as_ref(), world)?;
        if let Some(before) = &mut self.before {
            before.clone_from(world);
        }
        if let Some(left) = &mut self.steps_left {
            *left = left.saturating_sub(1);
            if *left == 0 && self.model.settled(world).is_ok() {
                return Err(Stop::Enough);
            }
        }
        Ok(())
    }
}

/// Notes which choices were the dull ones.
pub(super) struct Noting<C> {
    pub(super) chooser: C,
    pub(super) dull: Vec<bool>,
}

impl<C: Chooser> Chooser for Noting<C> {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let index = self.chooser.choose(menu);
        self.dull.push(index.is_none() || index == menu.dull());
        index
    }
}
