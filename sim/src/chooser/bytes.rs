//! A fuzzer's bytes, as decisions: any input is a schedule, and a small change of it a small one.

use super::Chooser;
use crate::menu::Menu;

/// One byte a step, modulo what is possible; then dull.
#[derive(Clone, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Plays `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }
}

impl Chooser for Bytes<'_> {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(*first) % menu.len())
    }
}
