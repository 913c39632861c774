//! Is the key there? The rows behind all equal entries are looked at, whoever sees them.
//!
//! Looking has effects: pages are pruned on the way, and entries whose rows are dead to everyone
//! are marked. So a new row, or one that moved to another page, tidies up behind its forerunners.

use super::{At, BTree, Duplicate};
use crate::Tid;
use crate::heap::Heap;
use crate::keys::Key;
use crate::rules::Rule;

/// What looking at a row tells.
enum Found {
    /// Somebody sees it.
    Live,
    /// Nobody sees it, and somebody may need it.
    Needed,
    /// Dead to everyone.
    Gone,
}

impl Heap {
    /// index_fetch_heap with a dirty snapshot, which sees what has not committed yet.
    fn fetch_dirty(&mut self, tid: Tid) -> Found {
        let pinned = self.pinned == Some(tid.block()) && self.rules.has(Rule::PinStopsPrune);
        // To prune, one must be alone with the page; and the statement that runs is on it already.
        if self.rules.has(Rule::PruneInUnique) && !pinned {
            let before = self.events.prunes;
            self.prune_on_access(tid.block());
            self.events.prunes_in_unique += self.events.prunes - before;
        }
        let mut gone = true;
        let live = self.walk(tid, |backends, _, row| {
            let visible = row.xmax == 0 && !row.aborted();
            gone = gone && !visible && backends.surely_dead(row);
            visible
        });
        match (live, gone) {
            (true, _) => Found::Live,
            (false, true) => Found::Gone,
            (false, false) => Found::Needed,
        }
    }
}

impl BTree {
    /// _bt_check_unique, from the first entry of `key` on: `at` of `page`.
    pub(super) fn check_unique(
        &mut self,
        heap: &mut Heap,
        key: Key,
        page: u32,
        at: usize,
    ) -> Result<(), Duplicate> {
        let (mut page, mut at) = (page, at);
        loop {
            while let Some(slot) = self.page(page).slots.get(at).copied() {
                if slot.key != key {
                    return Ok(());
                }
                let end = self.page(page).entry_end(at);
                if !slot.is_dead() {
                    self.check_entry(heap, page, at, end)?;
                }
                at = end;
            }
            let full = self.page(page);
            if full.right == 0 || full.high_key.is_none_or(|it| it.key != Some(key)) {
                return Ok(());
            }
            (page, at) = (full.right, 0);
        }
    }

    fn check_entry(
        &mut self,
        heap: &mut Heap,
        page: u32,
        begin: usize,
        end: usize,
    ) -> Result<(), Duplicate> {
        let mut gone = true;
        for at in begin..end {
            match heap.fetch_dirty(self.page(page).slots[at].tid()) {
                Found::Live => return Err(Duplicate),
                Found::Needed => gone = false,
                Found::Gone => {}
            }
        }
        if gone && heap.rules.has(Rule::KillInUnique) {
            self.kill(heap, page, begin);
        }
        Ok(())
    }

    /// Marks an entry dead. The mark is a hint: the page counts as unchanged.
    pub(super) fn kill(&mut self, heap: &mut Heap, page: u32, head: usize) {
        let slot = &mut self.pages[page as usize].slots[head];
        slot.kill();
        let key = slot.key;
        self.forget(key);
        heap.events.kills += 1;
    }

    /// A scan's entries of `key`, unmarked, of the leaf it begins on or comes to: into `found`,
    /// with the first slots of their entries. The next leaf, if the scan has to go on there.
    pub(crate) fn read_leaf(&mut self, page: u32, key: Key, first: bool) -> Option<u32> {
        self.found.clear();
        let leaf = &self.pages[page as usize];
        let begin = if first { leaf.position(&self.keys, key, At::First) } else { 0 };
        let (mut head, mut dead) = (begin, false);
        for (at, slot) in leaf.slots.iter().enumerate().skip(begin) {
            if slot.key != key {
                return None;
            }
            if slot.is_head() {
                (head, dead) = (at, slot.is_dead());
            }
            if !dead {
                self.found.push((head, slot.tid()));
            }
        }
        let goes_on = leaf.high_key.is_some_and(|it| it.key == Some(key));
        (leaf.right != 0 && goes_on).then_some(leaf.right)
    }

    /// The same of a scan that looks for no key: all of the leaf's entries, and the next leaf.
    pub(crate) fn read_whole_leaf(&mut self, page: u32) -> Option<u32> {
        self.found.clear();
        let leaf = &self.pages[page as usize];
        for (begin, end) in leaf.ranges().filter(|it| !leaf.slots[it.0].is_dead()) {
            self.found.extend(leaf.slots[begin..end].iter().map(|it| (begin, it.tid())));
        }
        (leaf.right != 0).then_some(leaf.right)
    }
}
