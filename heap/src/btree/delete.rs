//! Simple deletion: what is marked dead goes, and what is probably dead goes along.
//!
//! The heap pages of the marked entries have to be read anyway, so every other entry that names a
//! row in them is asked about too.

use super::BTree;
use crate::heap::Heap;
use crate::rules::Rule;

impl BTree {
    /// Deletes the marked entries of a page, and others in the same heap pages or in that of the
    /// row that is to come.
    pub(super) fn delete_marked(&mut self, heap: &mut Heap, page: u32, coming: u32) {
        heap.events.simple_deletions += 1;
        let slots = &self.page(page).slots;
        let mut blocks = vec![coming];
        let mut dead = false;
        let mut is_dead = Vec::with_capacity(slots.len());
        for slot in slots {
            if slot.is_head() {
                dead = slot.is_dead();
            }
            is_dead.push(dead);
            if dead {
                blocks.push(slot.tid().block());
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        let wide = heap.rules.has(Rule::SimpleDeletionWidens);
        let mut gone = Vec::new();
        for (at, slot) in slots.iter().enumerate() {
            let tid = slot.tid();
            let near = || wide && blocks.binary_search(&tid.block()).is_ok();
            if is_dead[at] || near() && heap.vacuumable(tid) {
                gone.push(at);
            }
        }
        self.remove(page, &gone);
    }
}
