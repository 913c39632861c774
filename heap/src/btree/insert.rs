//! Putting an entry in: where it goes, and what is tried before its page is split.
//!
//! First what is marked dead goes, with what is likely to be dead beside it. Then, only if versions
//! of rows rather than rows piled up here, the heap is asked; and if that gave nothing, duplicates
//! are merged. Each can change which page the entry goes to, or whether it must share an entry.

use super::{At, BTree, Duplicate, Slot, Stack};
use crate::Tid;
use crate::heap::Heap;
use crate::keys::Key;
use crate::layout::LINE_POINTER;
use crate::rules::Rule;
use std::cmp::Ordering;

/// Where a new slot goes.
enum Place {
    /// Between entries.
    Between(usize),
    /// Into a posting list, whose last row is then an entry of its own behind it.
    Within(usize),
    /// Into one that is marked dead.
    WithinDead,
}

/// What comes to a full page.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) tid: Tid,
    /// Bytes of its entry.
    pub(super) size: usize,
    /// Whether it is a version more of a row whose key did not change.
    pub(super) unchanged: bool,
}

impl BTree {
    /// Inserts an entry for the row at `tid`; `unchanged` if it is a version of a row that is here.
    pub(crate) fn insert(
        &mut self,
        heap: &mut Heap,
        key: Key,
        tid: Tid,
        unchanged: bool,
    ) -> Result<(), Duplicate> {
        let size = self.keys.size(key);
        let mut page = self.descend(heap, key, At::First);
        let low = self.page(page).position(&self.keys, key, At::First);
        let slots = &self.page(page).slots;
        let high = low + slots[low..].iter().take_while(|slot| slot.key == key).count();
        let (ends_here, mut duplicate) = (high < slots.len(), low < high);
        self.check_unique(heap, key, page, low)?;
        let mut way: Option<Stack> = Some(std::mem::take(&mut self.stack));
        while !ends_here && self.must_move_right(page, key, tid) {
            page = self.page(page).right;
            (duplicate, way) = (true, None);
        }
        let arrival = Arrival { tid, size, unchanged: unchanged || duplicate };
        if self.page(page).free() < size {
            self.make_room(heap, page, arrival, false);
        }
        let place = match self.place(page, key, tid) {
            Place::WithinDead => {
                self.make_room(heap, page, arrival, true);
                self.place(page, key, tid)
            }
            place => place,
        };
        let stack = way.unwrap_or_else(|| {
            let again = self.descend(heap, key, At::Row(tid));
            debug_assert_eq!(again, page, "a search leads where the entry goes");
            std::mem::take(&mut self.stack)
        });
        let sole = !duplicate && !unchanged;
        self.put(heap, page, Slot::new(key, tid), &place, stack);
        match sole {
            true => self.know(key, tid),
            false => self.forget(key),
        }
        Ok(())
    }

    fn must_move_right(&self, page: u32, key: Key, tid: Tid) -> bool {
        let page = self.page(page);
        let beyond = |it: &super::Pivot| it.cmp(&self.keys, key, At::Row(tid)) == Ordering::Less;
        page.right != 0 && page.high_key.as_ref().is_some_and(beyond)
    }

    fn place(&self, page: u32, key: Key, tid: Tid) -> Place {
        let page = self.page(page);
        let at = page.position(&self.keys, key, At::Row(tid));
        match page.slots.get(at) {
            Some(next) if !next.is_head() => {
                let dead = page.slots[page.entry_head(at)].is_dead();
                if dead { Place::WithinDead } else { Place::Within(at) }
            }
            _ => Place::Between(at),
        }
    }

    /// Puts a slot where it goes, and splits the page if that is too much.
    fn put(&mut self, heap: &mut Heap, number: u32, slot: Slot, place: &Place, stack: Stack) {
        let size = self.keys.size(slot.key) + LINE_POINTER;
        self.keys.hold(slot.key);
        let fits = self.page(number).free() + LINE_POINTER >= size;
        let page = &mut self.pages[number as usize];
        let new = match *place {
            Place::Between(at) => {
                page.slots.insert(at, slot);
                at
            }
            Place::Within(at) => {
                // The entry keeps its size and its place: it takes the newcomer in and gives its
                // last row away.
                let mut within = slot;
                within.set_head(false);
                page.slots.insert(at, within);
                let last = page.entry_end(at) - 1;
                page.slots[last].set_head(true);
                heap.events.posting_swaps += 1;
                last
            }
            Place::WithinDead => unreachable!("what was dead was deleted"),
        };
        if fits {
            self.pages[number as usize].used += size as u16;
            self.touch(number);
            self.stack = stack;
        } else {
            self.split_leaf(heap, number, new, stack);
        }
    }

    /// _bt_delete_or_dedup_one_page: room for an entry, by what hurts least first.
    fn make_room(&mut self, heap: &mut Heap, page: u32, arrival: Arrival, simple_only: bool) {
        let mut duplicates = arrival.unchanged;
        if self.page(page).slots.iter().any(Slot::is_dead) {
            self.delete_marked(heap, page, arrival.tid.block());
            if self.page(page).free() >= arrival.size {
                return;
            }
            duplicates = true;
        }
        if simple_only || !duplicates {
            return;
        }
        if heap.rules.has(Rule::BottomUp) && self.bottom_up(heap, page, arrival.size) {
            return;
        }
        if heap.rules.has(Rule::Dedup) {
            self.dedup(heap, page);
        }
    }

    /// Takes slots away, given in order, and says what is left of the entries they were of.
    pub(super) fn remove(&mut self, number: u32, slots: &[usize]) {
        if slots.is_empty() {
            return;
        }
        let page = &mut self.pages[number as usize];
        let mut kept: Vec<Slot> = Vec::with_capacity(page.slots.len() - slots.len());
        let mut gone = slots.iter().copied().peekable();
        let (mut head_kept, mut forgotten) = (false, Vec::new());
        for (at, slot) in page.slots.iter().enumerate() {
            if slot.is_head() {
                head_kept = false;
            }
            if gone.peek() == Some(&at) {
                gone.next();
                forgotten.push(slot.key);
                continue;
            }
            let mut slot = *slot;
            if !head_kept && !slot.is_head() {
                slot.set_head(true);
            }
            head_kept = true;
            kept.push(slot);
        }
        page.slots = kept;
        page.recount(&self.keys);
        for key in forgotten {
            self.forget(key);
            self.keys.release(key);
        }
        self.touch(number);
    }
}
