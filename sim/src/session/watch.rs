//! Who looks on while a session plays: what holds every step to the promises.

use crate::chooser::Chooser;
use crate::menu::Menu;
use crate::model::Model;
use crate::run::{Observer, Stop};
use crate::step::Step;

/// Holds every step to the model's invariant.
pub(super) struct Watch<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) before: Option<M::World>,
    /// Where there are no clients that could be done: after so many steps, settled is enough.
    pub(super) steps_left: Option<usize>,
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
