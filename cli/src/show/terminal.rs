//! The timeline in a terminal.

use super::lanes::{Run, Shown};

/// Columns of the terminal.
pub(super) fn width() -> usize {
    100
}

/// The lines of it.
pub(super) fn lines(_shown: &Shown, _width: usize) -> Vec<String> {
    Vec::new()
}

/// In one line.
pub(super) fn verdict(run: &Run) -> String {
    run.sentence.clone()
}
