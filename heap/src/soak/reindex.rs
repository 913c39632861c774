//! REINDEX CONCURRENTLY: a fresh index of the rows that live, in the place of the old one.
//!
//! The real one is built beside the old by two scans and swapped in; what is left then is an index
//! without holes, whose leaves are filled to nine tenths. Rows put in by ascending key fill them so
//! too. What is dead but may still be needed is left out, which the real one takes along.

use crate::Tid;
use crate::btree::BTree;
use crate::keys::Key;
use crate::table::Table;

/// A REINDEX that ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reindexed {
    /// The second of the load at which it did.
    pub t_s: u64,
    /// Bytes of the index before it.
    pub before: u64,
    /// Bytes of the index after it.
    pub after: u64,
}

impl Table {
    /// Builds the primary key's index anew.
    pub(super) fn reindex(&mut self) {
        let old = std::mem::replace(&mut self.index, BTree::new());
        self.heap.invalidate_index_roots();
        let (keys, pages) = old.take_apart();
        self.index.keys = keys;
        let mut live: Vec<(Key, Tid)> = Vec::new();
        for slot in pages.iter().filter(|it| !it.deleted).flat_map(|it| &it.slots) {
            self.index.keys.set_sole(slot.key, None);
            if self.heap.lives(slot.tid()) {
                live.push((slot.key, slot.tid()));
            }
        }
        let keys = &self.index.keys;
        live.sort_by(|one, other| keys.cmp(one.0, other.0).then(one.1.cmp(&other.1)));
        self.index.fill(&mut self.heap, &live);
        for page in &pages {
            self.index.let_go(page);
        }
    }
}
