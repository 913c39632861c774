//! Deduplication: neighbours with one key become one entry that names all their rows.
//!
//! In a unique index they are versions of one row that nobody could delete yet. Merging is the last
//! try before a split; it is undone row by row as they are deleted.

use super::BTree;
use crate::heap::Heap;
use crate::layout::BLCKSZ;

/// Bytes of the longest entry that merging makes: half of what a page must be able to hold thrice.
const POSTING_MAX: usize = ((BLCKSZ - 24 - 3 * 4 - 16) / 3 / 8 * 8 - 8) / 2;

impl BTree {
    /// _bt_dedup_pass.
    pub(super) fn dedup(&mut self, heap: &mut Heap, page: u32) {
        let entries: Vec<(usize, usize)> = self.page(page).ranges().collect();
        let mut merged = false;
        let mut first = 0;
        while first < entries.len() {
            let behind = self.run_end(page, &entries, first, POSTING_MAX);
            if behind - first > 1 {
                merged = true;
                let slots = &mut self.pages[page as usize].slots;
                for slot in &mut slots[entries[first].0..entries[behind - 1].1] {
                    slot.set_head(false);
                }
                slots[entries[first].0].set_head(true);
            }
            first = behind;
        }
        if merged {
            heap.events.dedups += 1;
            self.pages[page as usize].recount(&self.keys);
            self.touch(page);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_entry_grows_to_half_of_the_largest() {
        assert_eq!(super::POSTING_MAX, 2704 / 2);
    }
}
