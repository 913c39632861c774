//! A line pointer, together with the row it points to: sixteen bytes for the two.
//!
//! A table of ten million rows has some hundred thousand pages of these, so what they weigh decides
//! what fits. Lengths fit in eleven bits because longer rows are refused; what is left of the word
//! holds the state and three flags.

use crate::Xid;

/// What a line pointer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Free for the next row.
    Unused,
    /// Points to a row.
    Normal,
    /// Stands for another line pointer of the page, which its index entries cannot name.
    Redirect,
    /// Points to nothing, but index entries may still name it.
    Dead,
}

const LEN_BITS: u16 = 11;
const LEN: u16 = (1 << LEN_BITS) - 1;
const STATE: u16 = 3 << LEN_BITS;
const HEAP_ONLY: u16 = 1 << 13;
const HOT_UPDATED: u16 = 1 << 14;
const ABORTED: u16 = 1 << 15;

/// A line pointer and its row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    /// Who made the row.
    pub(crate) xmin: Xid,
    /// Who deleted or replaced it; 0 is nobody.
    pub(crate) xmax: Xid,
    /// The row's column `seq`.
    pub(crate) seq: u32,
    /// Of a redirect, its target; of a row that was HOT-updated, the next version.
    pub(crate) link: u16,
    word: u16,
}

impl Line {
    /// A new row of `len` bytes, by `xmin`.
    pub(crate) fn row(xmin: Xid, seq: u32, len: usize, heap_only: bool) -> Self {
        let flags = if heap_only { HEAP_ONLY } else { 0 };
        Line { xmin, xmax: 0, seq, link: 0, word: len as u16 | 1 << LEN_BITS | flags }
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        match self.word & STATE {
            0 => State::Unused,
            0x800 => State::Normal,
            0x1000 => State::Redirect,
            _ => State::Dead,
        }
    }

    #[inline]
    pub(crate) fn is(&self, state: State) -> bool {
        self.word & STATE == (state as u16) << LEN_BITS
    }

    /// Makes something else of it; the row is gone.
    #[inline]
    pub(crate) fn become_(&mut self, state: State, link: u16) {
        self.word = (state as u16) << LEN_BITS;
        self.link = link;
    }

    /// Bytes of the row, as the line pointer says.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.word & LEN)
    }

    /// Bytes that the row takes on its page.
    #[inline]
    pub(crate) fn space(&self) -> usize {
        (self.len() + 7) & !7
    }

    /// Whether no index entry names it: a HOT version.
    #[inline]
    pub(crate) fn heap_only(&self) -> bool {
        self.word & HEAP_ONLY != 0
    }

    /// Whether who made it rolled back: it is dead to everyone, whatever anyone's snapshot.
    #[inline]
    pub(crate) fn aborted(&self) -> bool {
        self.word & ABORTED != 0
    }

    /// Whether a reader of the chain goes on from it to `link`.
    #[inline]
    pub(crate) fn leads_on(&self) -> bool {
        self.word & (HOT_UPDATED | ABORTED) == HOT_UPDATED
    }

    pub(crate) fn hot_update(&mut self, next: u16) {
        self.word |= HOT_UPDATED;
        self.link = next;
    }

    pub(crate) fn abort(&mut self) {
        self.word |= ABORTED;
    }

    /// What deleted or replaced it rolled back.
    pub(crate) fn revive(&mut self) {
        self.xmax = 0;
        self.word &= !HOT_UPDATED;
    }
}
