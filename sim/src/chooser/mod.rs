//! The only source of nondeterminism. One way of choosing a file.

mod dull;
mod random;
mod replay;
mod swarm;

pub use dull::Dull;
pub use random::Random;
pub use replay::Replay;
pub use swarm::Swarm;

use crate::step::Step;

/// Decides what happens next.
pub trait Chooser {
    /// An index into `menu`, which is never empty. `menu[0]` is the dullest step: enabled longest,
    /// no fault and no lapse; always choosing it is a fair schedule without surprises.
    fn choose(&mut self, menu: &[Step]) -> usize;
}

impl<C: Chooser + ?Sized> Chooser for &mut C {
    fn choose(&mut self, menu: &[Step]) -> usize {
        (**self).choose(menu)
    }
}
