//! A page of the index: entries in order, and what they take.
//!
//! A leaf's entry may name many rows (a posting list). Here every row named has a slot of its own,
//! and an entry is a run of slots that begins with a head. So a search is one binary search, and to
//! merge entries or to take one apart is to clear or set a flag.

use crate::Tid;
use crate::Xid;
use crate::keys::{Key, Keys};
use crate::layout::{INDEX_SPACE, LINE_POINTER, posting_len};
use std::cmp::Ordering;

/// The first slot of an entry.
const HEAD: u16 = 1;
/// The entry is marked LP_DEAD; on its first slot.
const DEAD: u16 = 2;

/// A row that a leaf names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) key: Key,
    block: u32,
    line: u16,
    flags: u16,
}

impl Slot {
    pub(crate) fn new(key: Key, tid: Tid) -> Self {
        Slot { key, block: tid.block(), line: tid.line(), flags: HEAD }
    }

    #[inline]
    pub(crate) fn tid(&self) -> Tid {
        Tid::new(self.block, self.line)
    }

    #[inline]
    pub(crate) fn is_head(&self) -> bool {
        self.flags & HEAD != 0
    }

    #[inline]
    pub(crate) fn is_dead(&self) -> bool {
        self.flags & DEAD != 0
    }

    pub(crate) fn set_head(&mut self, head: bool) {
        self.flags = if head { self.flags | HEAD } else { self.flags & !(HEAD | DEAD) };
    }

    pub(crate) fn kill(&mut self) {
        self.flags |= DEAD;
    }
}

/// Where a search stands among entries with its own key: before them all, or at a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum At {
    /// A pivot that was cut short before its row: before every search.
    CutOff,
    /// Before every row.
    First,
    /// At a row.
    Row(Tid),
}

/// An entry of an inner page, or a page's high key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pivot {
    /// None is minus infinity: the first of an inner page.
    pub(crate) key: Option<Key>,
    pub(crate) at: At,
    /// The page below; 0 in a high key.
    pub(crate) child: u32,
    /// Bytes, the line pointer apart.
    pub(crate) size: u16,
}

impl Pivot {
    pub(crate) fn minus_infinity(child: u32) -> Self {
        Pivot { key: None, at: At::CutOff, child, size: 8 }
    }

    #[inline]
    pub(crate) fn cmp(&self, keys: &Keys, key: Key, at: At) -> Ordering {
        match self.key {
            None => Ordering::Less,
            Some(mine) => keys.cmp(mine, key).then_with(|| self.at.cmp(&at)),
        }
    }

    /// Bytes with its line pointer.
    pub(crate) fn space(&self) -> usize {
        usize::from(self.size) + LINE_POINTER
    }
}

/// A page of the index.
#[derive(Clone, Debug)]
pub(crate) struct BPage {
    /// 0 is a leaf.
    pub(crate) level: u8,
    pub(crate) root: bool,
    /// No longer in the tree, and not yet used again.
    pub(crate) deleted: bool,
    /// Neighbours on its level; 0 is none.
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// Bytes used by entries and the high key, with their line pointers.
    pub(crate) used: u16,
    /// Changes when the page does: marks apart.
    pub(crate) lsn: u32,
    /// Of a deleted page, the next transaction number when it was deleted.
    pub(crate) safe_xid: Xid,
    pub(crate) high_key: Option<Pivot>,
    /// Of a leaf.
    pub(crate) slots: Vec<Slot>,
    /// Of an inner page.
    pub(crate) pivots: Vec<Pivot>,
}

impl BPage {
    pub(crate) fn new(level: u8) -> Self {
        BPage {
            level,
            root: false,
            deleted: false,
            left: 0,
            right: 0,
            used: 0,
            lsn: 0,
            safe_xid: 0,
            high_key: None,
            slots: Vec::new(),
            pivots: Vec::new(),
        }
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.level == 0
    }

    /// Bytes that are not used.
    pub(crate) fn exact_free(&self) -> usize {
        INDEX_SPACE - usize::from(self.used)
    }

    /// Bytes for one more entry, its line pointer set aside.
    pub(crate) fn free(&self) -> usize {
        self.exact_free().saturating_sub(LINE_POINTER)
    }

    /// The first slot at or behind `(key, at)`.
    #[inline]
    pub(crate) fn position(&self, keys: &Keys, key: Key, at: At) -> usize {
        self.slots.partition_point(|slot| {
            let order = keys.cmp(slot.key, key);
            order.then_with(|| At::Row(slot.tid()).cmp(&at)) == Ordering::Less
        })
    }

    /// Where the entry ends that begins at `head`.
    #[inline]
    pub(crate) fn entry_end(&self, head: usize) -> usize {
        let rest = &self.slots[head + 1..];
        head + 1 + rest.iter().take_while(|slot| !slot.is_head()).count()
    }

    /// Where the entry begins to which the slot belongs.
    pub(crate) fn entry_head(&self, mut slot: usize) -> usize {
        while !self.slots[slot].is_head() {
            slot -= 1;
        }
        slot
    }

    /// How many entries there are, and how many of them are marked dead.
    pub(crate) fn entries(&self) -> (usize, usize) {
        if !self.is_leaf() {
            return (self.pivots.len(), 0);
        }
        let heads = self.slots.iter().filter(|slot| slot.is_head()).count();
        (heads, self.slots.iter().filter(|slot| slot.is_dead()).count())
    }

    /// Each entry: its first slot and the one behind its last.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut head = 0;
        std::iter::from_fn(move || {
            let begin = head;
            (begin < self.slots.len()).then(|| {
                head = self.entry_end(begin);
                (begin, head)
            })
        })
    }

    /// Adds up what is used.
    pub(crate) fn recount(&mut self, keys: &Keys) {
        let entries: usize = self
            .ranges()
            .map(|(head, end)| entry_size(keys, self.slots[head].key, end - head) + LINE_POINTER)
            .sum();
        let pivots: usize = self.pivots.iter().map(Pivot::space).sum();
        let high_key = self.high_key.map_or(0, |it| it.space());
        self.used = (entries + pivots + high_key) as u16;
    }
}

/// Bytes of an entry of `key` that names `rows` rows.
pub(crate) fn entry_size(keys: &Keys, key: Key, rows: usize) -> usize {
    posting_len(keys.size(key), rows)
}
