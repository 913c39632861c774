//! VACUUM in the index: entries of dead rows go, then leaves with nothing left.
//!
//! A leaf is deleted only when it is empty and its parent keeps an entry; a parent left with that
//! one entry goes with it. A deleted page is not free yet: somebody may be on the way to it, so it
//! is given out by a later VACUUM. Pages go in the order of their numbers, not of their keys.

use super::{BTree, Stack};
use crate::Xid;
use crate::heap::Heap;
use crate::layout::BLCKSZ;
use crate::line::State;
use crate::rules::Rule;

impl BTree {
    /// Deletes the entries of all rows whose line pointers are dead.
    pub(crate) fn bulk_delete(&mut self, heap: &mut Heap) {
        self.scan(heap, true);
        self.note_class(heap);
    }

    /// What VACUUM does here when no row died: if many pages were deleted last time, they are
    /// looked at again, to be given out.
    pub(crate) fn clean_up(&mut self, heap: &mut Heap) {
        if self.last_deleted > 0 && self.last_deleted as usize > self.pages.len() / 20 {
            self.scan(heap, false);
        }
    }

    fn scan(&mut self, heap: &mut Heap, delete: bool) {
        let (mut deleted, mut free) = (0, 0);
        let mut pending: Vec<(u32, Xid)> = Vec::new();
        let late = heap.rules.has(Rule::RecycleLater);
        let mut number = 1;
        while (number as usize) < self.pages.len() {
            let page = self.page(number);
            if page.deleted {
                deleted += 1;
                if !late || heap.backends.is_past(page.safe_xid) {
                    self.fsm.record(number, BLCKSZ - 1);
                    free += 1;
                }
            } else if page.is_leaf() {
                if delete {
                    self.delete_dead(heap, number);
                }
                if self.page(number).slots.is_empty() {
                    deleted += self.delete_pages(heap, number, &mut pending);
                }
            }
            number += 1;
        }
        for (number, safe_xid) in pending {
            if late && !heap.backends.is_past(safe_xid) {
                break;
            }
            self.fsm.record(number, BLCKSZ - 1);
            free += 1;
        }
        if free > 0 {
            self.fsm.vacuum(0, heap.rules);
        }
        self.last_deleted = deleted - free.min(deleted);
    }

    fn delete_dead(&mut self, heap: &Heap, number: u32) {
        let is_dead = |block: u32, line: u16| {
            let lines = &heap.pages[block as usize].lines;
            lines.get(usize::from(line)).is_some_and(|it| it.is(State::Dead))
        };
        let slots = self.page(number).slots.iter().enumerate();
        let dead = slots.filter(|(_, slot)| is_dead(slot.tid().block(), slot.tid().line()));
        let dead: Vec<usize> = dead.map(|(at, _)| at).collect();
        self.remove(number, &dead);
    }

    /// _bt_pagedel: deletes an empty leaf, and its right neighbours as long as they are empty too.
    /// How many pages went that the scan has passed already.
    fn delete_pages(&mut self, heap: &mut Heap, number: u32, pending: &mut Vec<(u32, Xid)>) -> u32 {
        let (mut leaf, mut count) = (number, 0);
        loop {
            let page = self.page(leaf);
            if page.right == 0 || page.root || !page.slots.is_empty() {
                return count;
            }
            let Some(high_key) = page.high_key else { return count };
            let Some(key) = high_key.key else { return count };
            self.descend(heap, key, high_key.at);
            let Some(parents) = self.unlink_above(leaf) else { return count };
            for parent in parents.into_iter().rev() {
                self.unlink(heap, parent, pending);
                count += u32::from(parent <= number);
            }
            let right = self.page(leaf).right;
            self.unlink(heap, leaf, pending);
            count += u32::from(leaf <= number);
            if !self.page(right).slots.is_empty() {
                return count;
            }
            leaf = right;
        }
    }

    /// _bt_lock_subtree_parent: takes the way to `leaf` out of the tree, if the tree stays whole:
    /// the pages above it that have no other entry and go with it.
    fn unlink_above(&mut self, leaf: u32) -> Option<Vec<u32>> {
        let mut stack: Stack = std::mem::take(&mut self.stack);
        let (mut child, mut chain) = (leaf, Vec::new());
        let (above, at) = loop {
            let (above, hint) = stack.pop().unwrap_or_else(|| self.stack_above(child));
            let there = self.page(above).pivots.get(hint).is_some_and(|it| it.child == child);
            let (above, at) = if there { (above, hint) } else { self.parent(above, child) };
            let page = self.page(above);
            if at + 1 < page.pivots.len() {
                break (above, at);
            }
            if at != 0 || page.right == 0 || page.root {
                return None;
            }
            chain.push(above);
            child = above;
        };
        let page = &mut self.pages[above as usize];
        // The right neighbour takes the place of what goes, under the same lower bound.
        page.pivots[at].child = page.pivots[at + 1].child;
        let gone = page.pivots.remove(at + 1);
        page.used -= gone.space() as u16;
        if let Some(key) = gone.key {
            self.keys.release(key);
        }
        self.touch(above);
        Some(chain)
    }

    /// _bt_unlink_halfdead_page.
    fn unlink(&mut self, heap: &mut Heap, number: u32, pending: &mut Vec<(u32, Xid)>) {
        heap.events.page_deletions += 1;
        let page = self.page(number);
        let (left, right, level) = (page.left, page.right, page.level);
        if left != 0 {
            self.pages[left as usize].right = right;
            self.touch(left);
        }
        self.pages[right as usize].left = left;
        self.touch(right);
        let alone = left == 0 && self.page(right).right == 0;
        if alone && self.page(self.fast_root).level <= level + 1 {
            self.fast_root = right;
        }
        let page = &mut self.pages[number as usize];
        page.deleted = true;
        page.safe_xid = heap.backends.next_xid;
        let high_key = page.high_key.take();
        let pivots = std::mem::take(&mut page.pivots);
        page.slots = Vec::new();
        for key in pivots.iter().chain(&high_key).filter_map(|it| it.key) {
            self.keys.release(key);
        }
        self.touch(number);
        pending.push((number, heap.backends.next_xid));
    }
}
