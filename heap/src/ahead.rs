//! Looking ahead: the memory that coming statements need is asked for all at once.
//!
//! With a million rows in use every statement waits for memory several times over, each time for an
//! address that the last wait brought. Statements to come can wait together: a row's place is read
//! for all of them, then their pages, then their lines. Nothing is changed and nothing decided.

use crate::keys::Key;
use crate::line::{Line, State};
use crate::table::Table;
use std::hint::black_box;

/// As many keys are looked at together; a processor keeps no more reads in flight.
const TOGETHER: usize = 16;

impl Table {
    /// Asks for the memory that statements on these keys will need. Worth it where there are more
    /// rows than fit in the processor's caches, for some tens of keys ahead of their statements.
    pub fn look_ahead(&self, keys: &[Key]) {
        for keys in keys.chunks(TOGETHER) {
            let mut places = [None; TOGETHER];
            for (place, key) in places.iter_mut().zip(keys) {
                *place = self.index.keys.sole(*key);
            }
            // One entry for each key: its page, a line pointer of interest, and the next of it.
            let mut lines: [(&[Line], usize); 2 * TOGETHER] = [(&[], 0); 2 * TOGETHER];
            for (at, tid) in places.into_iter().flatten().enumerate() {
                let page = &self.heap.pages[tid.block() as usize];
                lines[2 * at] = (&page.lines, tid.line().into());
                lines[2 * at + 1] = (&page.lines, page.touched.first().into());
            }
            let mut seen = 0;
            // A root, its version or what replaced it, and what replaced that.
            for _ in 0..3 {
                for (page, line) in &mut lines {
                    let Some(it) = page.get(*line) else { continue };
                    seen += it.xmax;
                    let on = it.is(State::Redirect) || it.leads_on();
                    *line = if on { it.link.into() } else { *line };
                }
            }
            black_box(seen);
        }
    }
}
