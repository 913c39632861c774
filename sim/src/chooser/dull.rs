//! Nothing surprising: the fair schedule.

use super::Chooser;
use crate::menu::Menu;

/// Always the step that has been possible longest.
#[derive(Clone, Copy, Debug)]
pub struct Dull;

impl Chooser for Dull {
    fn choose(&mut self, _menu: &Menu) -> Option<usize> {
        None
    }
}
