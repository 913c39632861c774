//! A page of the heap: line pointers from the left, rows from the right, and what is between.
//!
//! A row never moves to another line pointer, because index entries name it; what moves is the
//! rows' bytes, of which only the sum matters here.

use crate::Xid;
use crate::layout::{BLCKSZ, LINE_POINTER, MAX_HEAP_TUPLES, PAGE_HEADER};
use crate::line::{Line, State};
use crate::tally::Tally;

/// A page of the heap.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Page {
    /// Line pointers, the first at 0. (Postgres counts them from 1.)
    pub(crate) lines: Vec<Line>,
    /// Where the rows begin, in bytes.
    pub(crate) upper: u16,
    /// How many line pointers are unused.
    unused: u16,
    /// No unused line pointer comes before this one.
    first_unused: u16,
    /// The oldest transaction that left something to prune; 0 is none.
    pub(crate) prune_xid: Xid,
    /// PD_HAS_FREE_LINES: there may be unused line pointers.
    pub(crate) free_lines: bool,
    /// PD_PAGE_FULL: an update had to leave.
    pub(crate) full: bool,
    /// PD_ALL_VISIBLE, and the page's first bit in the visibility map, which go together here.
    pub(crate) all_visible: bool,
    /// The page's second bit in the visibility map.
    pub(crate) all_frozen: bool,
    /// Line pointers that pruning has to look at: see [`Touched`].
    pub(crate) touched: Touched,
    /// What its line pointers are, counted.
    pub(crate) tally: Tally,
}

/// Where something may have died: the roots of chains with a deleted or replaced version, and the
/// versions that end one or were rolled back. Pruning need look nowhere else; a page is pruned at
/// nearly every update when it is full, and then this is one line pointer of a hundred.
///
/// A few are listed. Of more it is known near which of them: a bit for every four, in the same room,
/// so that a page's header is one line of the processor's cache.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Touched {
    /// Line pointers in order, or bits.
    words: [u16; FEW],
    /// How many are listed; more than [`FEW`] stands for bits.
    count: u8,
}

const FEW: usize = 8;
/// Line pointers that a bit stands for.
const TOGETHER: u16 = 4;
const _: () = assert!(MAX_HEAP_TUPLES <= FEW * 16 * TOGETHER as usize && size_of::<Page>() == 64);

impl Touched {
    #[inline]
    pub(crate) fn add(&mut self, line: u16) {
        let count = usize::from(self.count);
        if count > FEW {
            return self.mark(line);
        }
        if self.words[..count].contains(&line) {
            return;
        }
        self.count += 1;
        if count == FEW {
            std::mem::take(&mut self.words).into_iter().for_each(|it| self.mark(it));
            return self.mark(line);
        }
        let at = self.words[..count].iter().take_while(|it| **it < line).count();
        self.words.copy_within(at..count, at + 1);
        self.words[at] = line;
    }

    fn mark(&mut self, line: u16) {
        let bit = line / TOGETHER;
        self.words[usize::from(bit / 16)] |= 1 << (bit % 16);
    }

    /// One of the first that are listed, or any number.
    pub(crate) fn first(self) -> u16 {
        self.words[0]
    }

    /// The line pointers to look at, in order, where a page has `lines`.
    #[inline]
    pub(crate) fn lines(self, lines: usize) -> impl Iterator<Item = usize> {
        let count = usize::from(self.count);
        let (few, bits) = if count > FEW { (0, FEW) } else { (count, 0) };
        let listed = self.words.into_iter().take(few);
        let marked = (0..bits as u16).flat_map(move |word| {
            let set = (0..16).filter(move |bit| self.words[usize::from(word)] >> bit & 1 == 1);
            set.flat_map(move |bit| (0..TOGETHER).map(move |it| (word * 16 + bit) * TOGETHER + it))
        });
        listed.chain(marked).map(usize::from).take_while(move |line| *line < lines)
    }
}

impl Page {
    pub(crate) fn new() -> Self {
        Page {
            lines: Vec::new(),
            upper: BLCKSZ as u16,
            unused: 0,
            first_unused: 0,
            prune_xid: 0,
            free_lines: false,
            full: false,
            all_visible: false,
            all_frozen: false,
            touched: Touched::default(),
            tally: Tally::default(),
        }
    }

    /// Where the line pointers end, in bytes.
    pub(crate) fn lower(&self) -> usize {
        PAGE_HEADER + LINE_POINTER * self.lines.len()
    }

    /// Bytes for one more row, its line pointer set aside.
    #[inline]
    pub(crate) fn free(&self) -> usize {
        let between = usize::from(self.upper) - self.lower();
        let free = between.saturating_sub(LINE_POINTER);
        let lines_left = self.lines.len() < MAX_HEAP_TUPLES || self.free_lines && self.unused > 0;
        if lines_left { free } else { 0 }
    }

    /// Adds a row, which must fit: its line pointer.
    #[inline]
    pub(crate) fn add(&mut self, row: Line) -> u16 {
        self.upper -= row.space() as u16;
        self.tally.comes(&row);
        if self.free_lines && self.unused > 0 {
            let first = usize::from(self.first_unused);
            let found = self.lines[first..].iter().position(|line| line.is(State::Unused));
            let at = first + found.expect("it is counted");
            self.lines[at] = row;
            self.unused -= 1;
            self.first_unused = at as u16 + 1;
            return at as u16;
        }
        // The flag is only ever taken back by who looked and found nothing.
        self.free_lines = false;
        self.lines.push(row);
        (self.lines.len() - 1) as u16
    }

    /// Takes a row's bytes, or what a line pointer was, away.
    #[inline]
    pub(crate) fn turn(&mut self, at: usize, into: State, link: u16) {
        let line = &mut self.lines[at];
        if line.is(State::Normal) {
            self.upper += line.space() as u16;
        }
        self.tally.goes(line);
        if into == State::Unused {
            self.unused += 1;
            self.first_unused = self.first_unused.min(at as u16);
        }
        line.become_(into, link);
        self.tally.comes(line);
    }

    /// A row is deleted or replaced by `xid`.
    #[inline]
    pub(crate) fn leave(&mut self, at: u16, xid: Xid) {
        self.change(at, |line| line.xmax = xid);
    }

    /// Who made a row rolled back.
    pub(crate) fn abort(&mut self, at: u16) {
        self.change(at, Line::abort);
    }

    /// What deleted or replaced a row rolled back.
    pub(crate) fn revive(&mut self, at: u16) {
        self.change(at, Line::revive);
    }

    #[inline]
    fn change(&mut self, at: u16, change: impl FnOnce(&mut Line)) {
        let line = &mut self.lines[usize::from(at)];
        self.tally.goes(line);
        change(line);
        self.tally.comes(line);
    }

    /// Cuts unused line pointers off the end while more than `keep` are left.
    pub(crate) fn truncate_lines(&mut self, keep: usize) {
        while self.lines.len() > keep
            && self.lines.last().is_some_and(|line| line.is(State::Unused))
        {
            self.lines.pop();
            self.unused -= 1;
        }
    }

    /// Whoever repairs a page says whether it has unused line pointers.
    pub(crate) fn note_free_lines(&mut self) {
        self.free_lines = self.unused > 0;
    }

    /// What a change of the page does to both maps of visibility.
    #[inline]
    pub(crate) fn clear_visible(&mut self) {
        self.all_visible = false;
        self.all_frozen = false;
    }

    /// Whether no line pointer is in use.
    pub(crate) fn is_vacant(&self) -> bool {
        self.lines.len() == usize::from(self.unused)
    }

    /// The flags as the page's header has them.
    pub(crate) fn flags(&self) -> u16 {
        u16::from(self.free_lines) | u16::from(self.full) << 1 | u16::from(self.all_visible) << 2
    }
}
