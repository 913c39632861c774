//! Who looks on while a session plays: what holds every step to the promises, and what counts.

use crate::chooser::Chooser;
use crate::menu::Menu;
use crate::model::Model;
use crate::run::{Observer, Stop};
use crate::step::Step;
use crate::world::Marks;

/// Counts faults, what follows them, and moves.
pub(super) fn count_steps(marks: &mut Marks, steps: &[Step], moves: &'static [&'static str]) {
    let mut kinds = [0u64; 256];
    let (mut lose, mut late, mut crash, mut restart) = (0, 0, 0, 0);
    for step in steps {
        match step {
            Step::World(chosen) => kinds[usize::from(chosen.kind)] += 1,
            Step::Lose(_) => lose += 1,
            Step::Late(_) => late += 1,
            Step::Crash(_) => crash += 1,
            Step::Restart(_) => restart += 1,
            Step::Apply(_) | Step::Reply(_) => {}
        }
    }
    let named =
        [("lost replies", lose), ("late effects", late), ("crashes", crash), ("restarts", restart)];
    for (name, count) in named.into_iter().chain(moves.iter().copied().zip(kinds)) {
        if count > 0 {
            marks.add(name, count);
        }
    }
}

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
