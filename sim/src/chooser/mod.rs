//! The only source of nondeterminism. One way of choosing a file.

mod bytes;
mod dfs;
mod dull;
mod novel;
mod pct;
mod pos;
mod random;
mod replay;
mod swarm;
mod then;

pub use bytes::Bytes;
pub use dfs::Dfs;
pub use dull::Dull;
pub use novel::Novel;
pub use pct::Pct;
pub use pos::Pos;
pub use random::Random;
pub use replay::Replay;
pub use swarm::Swarm;
pub use then::Then;

use crate::menu::Menu;

/// Decides what happens next.
pub trait Chooser {
    /// An index into `menu`, which is never empty; `None`: whatever a fair schedule does, in which
    /// nothing goes wrong.
    fn choose(&mut self, menu: &Menu) -> Option<usize>;
}

impl<C: Chooser + ?Sized> Chooser for &mut C {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        (**self).choose(menu)
    }
}
