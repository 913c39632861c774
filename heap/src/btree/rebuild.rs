//! The index as a whole, taken apart and filled anew.
//!
//! A key's number lives as long as an entry names it, so what the old pages name is let go only
//! when the new ones name what they need.

use super::{BPage, BTree};
use crate::Tid;
use crate::heap::Heap;
use crate::keys::{Key, Keys};
use crate::line::State;

impl Heap {
    /// Whether some version in the chain is not deleted, or by somebody who has not ended.
    pub(crate) fn lives(&mut self, tid: Tid) -> bool {
        let dead = |line: &crate::line::Line| line.is(State::Dead) || line.is(State::Unused);
        if self.pages[tid.block() as usize].lines.get(usize::from(tid.line())).is_none_or(dead) {
            return false;
        }
        self.walk(tid, |backends, _, row| {
            !row.aborted() && (row.xmax == 0 || backends.is_running(row.xmax))
        })
    }
}

impl BTree {
    /// Its keys and its pages.
    pub(crate) fn take_apart(self) -> (Keys, Vec<BPage>) {
        (self.keys, self.pages)
    }

    /// Puts in what is given by ascending key, each key once.
    pub(crate) fn fill(&mut self, heap: &mut Heap, rows: &[(Key, Tid)]) {
        for (key, tid) in rows {
            let inserted = self.insert(heap, *key, *tid, false);
            debug_assert!(inserted.is_ok(), "one version of a row lives");
        }
    }

    /// Lets go of what a page of an index that is gone names.
    pub(crate) fn let_go(&mut self, page: &BPage) {
        let pivots = page.pivots.iter().chain(&page.high_key).filter_map(|it| it.key);
        for key in page.slots.iter().map(|it| it.key).chain(pivots) {
            self.keys.release(key);
        }
    }

    /// Pages of its free space map.
    pub(crate) fn fsm_pages(&self) -> usize {
        self.fsm.pages()
    }
}
