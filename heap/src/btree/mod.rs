//! The primary key's B-tree: Lehman and Yao's, with Postgres's ways to put a split off.
//!
//! An update that stays on its page never comes here. The others leave one entry a version, and
//! what an index page does with them before it splits, whom it asks and in which order, decides
//! whether the index grows for ever.

mod bottom_up;
mod dedup;
mod delete;
mod insert;
mod page;
mod point;
mod rebuild;
mod sort;
mod split;
mod unique;
mod vacuum;

pub(crate) use page::{At, BPage, Pivot, Slot};

use crate::Tid;
use crate::fsm::Fsm;
use crate::heap::Heap;
use crate::keys::{Key, Keys};
use crate::layout::BLCKSZ;
use crate::rules::Rules;
use std::cmp::Ordering;

/// A row cannot be inserted, because its key is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Duplicate;

/// The inner pages above a page, each with the place of the entry that led down; the lowest last.
pub(crate) type Stack = Vec<(u32, usize)>;

/// The index of one table.
#[derive(Clone, Debug)]
pub(crate) struct BTree {
    /// By number; 0 is the meta page, which has nothing that changes here.
    pub(crate) pages: Vec<BPage>,
    pub(crate) keys: Keys,
    fsm: Fsm,
    /// 0 until the first row.
    root: u32,
    /// Where a search begins: below the root where upper levels have one page each.
    fast_root: u32,
    /// Deleted pages that the last VACUUM could not yet give out.
    last_deleted: u32,
    lsn: u32,
    /// Its pages and its rows as `pg_class` has them.
    class: (usize, usize),
    /// Kept for their room.
    stack: Stack,
    found: Vec<(usize, Tid)>,
}

impl BTree {
    pub(crate) fn new() -> Self {
        BTree {
            pages: vec![BPage::new(0)],
            keys: Keys::default(),
            fsm: Fsm::default(),
            root: 0,
            fast_root: 0,
            last_deleted: 0,
            lsn: 0,
            class: (0, 0),
            stack: Vec::new(),
            found: Vec::new(),
        }
    }

    /// The server was restarted.
    pub(crate) fn restart(&mut self, rules: Rules) {
        self.fsm.restart(rules);
    }

    /// The level of the root.
    pub(crate) fn height(&self) -> u8 {
        self.pages[self.root as usize].level
    }

    fn page(&self, number: u32) -> &BPage {
        &self.pages[number as usize]
    }

    /// Notes that a page was changed.
    fn touch(&mut self, number: u32) {
        self.lsn += 1;
        self.pages[number as usize].lsn = self.lsn;
    }

    /// What a scan of `key` finds, if that is one row and known.
    #[inline]
    pub(crate) fn sole(&self, key: Key) -> Option<Tid> {
        self.keys.sole(key)
    }

    pub(crate) fn know(&mut self, key: Key, tid: Tid) {
        self.keys.set_sole(key, Some(tid));
    }

    /// The entries of `key` change.
    fn forget(&mut self, key: Key) {
        self.keys.set_sole(key, None);
    }

    /// A page for a split: one that was deleted long ago, or one more.
    fn new_page(&mut self, heap: &mut Heap, level: u8) -> u32 {
        while let Some(number) = self.fsm.search(BLCKSZ / 2, heap.rules) {
            self.fsm.record(number, 0);
            let page = &self.pages[number as usize];
            if page.deleted && heap.backends.is_past(page.safe_xid) {
                heap.events.recycled += 1;
                self.pages[number as usize] = BPage::new(level);
                return number;
            }
        }
        self.pages.push(BPage::new(level));
        self.pages.len() as u32 - 1
    }

    /// The leaf that `(key, at)` is on, and in `self.stack` the way there.
    fn descend(&mut self, heap: &mut Heap, key: Key, at: At) -> u32 {
        if self.root == 0 {
            self.root = self.new_page(heap, 0);
            self.fast_root = self.root;
            self.pages[self.root as usize].root = true;
        }
        self.stack.clear();
        let mut number = self.fast_root;
        loop {
            let page = &self.pages[number as usize];
            if page.is_leaf() {
                return number;
            }
            let before = |pivot: &Pivot| pivot.cmp(&self.keys, key, at) == Ordering::Less;
            let index = page.pivots[1..].partition_point(before);
            self.stack.push((number, index));
            number = page.pivots[index].child;
        }
    }

    /// The way to a page above which a search does not begin, found from the root.
    fn stack_above(&mut self, number: u32) -> (u32, usize) {
        let level = self.page(number).level;
        let mut above = self.root;
        while self.page(above).level > level + 1 {
            above = self.page(above).pivots[0].child;
        }
        self.parent(above, number)
    }

    /// The entry for `child`, on `from` or to the right of it.
    fn parent(&self, from: u32, child: u32) -> (u32, usize) {
        let mut number = from;
        loop {
            let page = self.page(number);
            if let Some(at) = page.pivots.iter().position(|it| it.child == child) {
                return (number, at);
            }
            assert!(page.right != 0, "index page {child} has no entry above it");
            number = page.right;
        }
    }
}

/// What a scan needs.
impl BTree {
    /// The leaf on which a scan of `key` begins; none while there is no leaf.
    pub(crate) fn leaf(&mut self, heap: &mut Heap, key: Key) -> Option<u32> {
        (self.root != 0).then(|| self.descend(heap, key, At::First))
    }

    /// The leaf with the lowest keys; none while there is no leaf.
    pub(crate) fn first_leaf(&self) -> Option<u32> {
        let mut number = self.fast_root;
        while number != 0 && !self.page(number).is_leaf() {
            number = self.page(number).pivots[0].child;
        }
        (number != 0).then_some(number)
    }

    /// Where a search begins and on which level, if the last one began at `known`: there again as
    /// long as that page is alone on its level, though it may be above all that is needed.
    pub(crate) fn begin(&self, known: Option<(u32, u8)>) -> (u32, u8) {
        let alone = |it: &(u32, u8)| {
            let page = self.page(it.0);
            !page.deleted && page.level == it.1 && page.left == 0 && page.right == 0
        };
        known.filter(alone).unwrap_or((self.fast_root, self.page(self.fast_root).level))
    }

    /// Writes the index's row in `pg_class`.
    fn note_class(&mut self, heap: &mut Heap) {
        let rows = self.pages.iter().map(|it| it.slots.len()).sum();
        if self.class != (self.pages.len(), rows) {
            self.class = (self.pages.len(), rows);
            heap.invalidate_index_roots();
        }
    }

    /// The key of an entry.
    pub(crate) fn key(&self, page: u32, slot: usize) -> Key {
        self.page(page).slots[slot].key
    }

    pub(crate) fn lsn(&self, page: u32) -> u32 {
        self.page(page).lsn
    }

    pub(crate) fn take_found(&mut self) -> Vec<(usize, Tid)> {
        std::mem::take(&mut self.found)
    }

    pub(crate) fn put_found_back(&mut self, found: Vec<(usize, Tid)>) {
        self.found = found;
    }

    pub(crate) fn mark(&mut self, heap: &mut Heap, page: u32, head: usize) {
        self.kill(heap, page, head);
    }
}
