//! What can be seen of a table from outside, and how two of them differ, in words.
//!
//! The server shows its pages through extensions; what they show is what is compared, and no more:
//! bytes of deleted rows, or where a search of the free space map begins, show in what comes later.

use crate::layout::MAX_HEAP_TUPLE;
use crate::line;
use crate::stats::Stats;
use crate::table::Table;
use std::fmt;

/// A line pointer of a heap page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinePointer {
    /// LP_UNUSED.
    Unused,
    /// LP_NORMAL, and the bytes of its row.
    Normal(u16),
    /// LP_REDIRECT, and the line pointer it leads to, counted from 1.
    Redirect(u16),
    /// LP_DEAD.
    Dead,
}

/// A page of the heap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeapPage {
    /// Where line pointers end, in bytes.
    pub lower: u16,
    /// Where rows begin, in bytes.
    pub upper: u16,
    /// PD_HAS_FREE_LINES 1, PD_PAGE_FULL 2, PD_ALL_VISIBLE 4.
    pub flags: u16,
    /// Whether pd_prune_xid is set.
    pub prune: bool,
    /// Line pointers, in order.
    pub lines: Vec<LinePointer>,
    /// What the free space map says, in bytes.
    pub free_space: u16,
    /// The all-visible bit of the visibility map.
    pub all_visible: bool,
    /// The all-frozen bit of the visibility map.
    pub all_frozen: bool,
}

/// What an index page is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A leaf, the root too if it is one.
    Leaf,
    /// An inner page.
    Inner,
    /// The root, if it is no leaf.
    Root,
    /// Deleted; the rest is then 0.
    Deleted,
}

/// A page of the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexPage {
    /// What it is.
    pub kind: Kind,
    /// Items that are not marked dead, the high key included.
    pub live: u32,
    /// Items that are marked dead.
    pub dead: u32,
    /// Bytes free for one more item.
    pub free: u32,
    /// The left neighbour; 0 is none.
    pub left: u32,
    /// The right neighbour; 0 is none.
    pub right: u32,
    /// The level, from 0 at the leaves.
    pub level: u32,
}

/// All that can be seen of a table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// The heap's pages.
    pub heap: Vec<HeapPage>,
    /// The index's pages, from 1: the meta page is left out.
    pub index: Vec<IndexPage>,
    /// The statistics.
    pub stats: Stats,
}

/// How two states differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Where: `heap page 3`, `statistics`.
    pub place: String,
    /// What the one has.
    pub one: String,
    /// What the other has.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}\n  {}", self.place, self.one, self.other)
    }
}

impl State {
    /// The first place of each kind where `other` is not as this.
    pub fn differences(&self, other: &State) -> Vec<Difference> {
        let mut all = Vec::new();
        pages("heap", &self.heap, &other.heap, 0, &mut all);
        pages("index", &self.index, &other.index, 1, &mut all);
        if self.stats != other.stats {
            let (one, other) = (format!("{:?}", self.stats), format!("{:?}", other.stats));
            all.push(Difference { place: "statistics".to_owned(), one, other });
        }
        all
    }
}

fn pages<T: PartialEq + fmt::Debug>(
    what: &str,
    one: &[T],
    other: &[T],
    first: usize,
    all: &mut Vec<Difference>,
) {
    let mut push = |place, one: String, other: String| all.push(Difference { place, one, other });
    if one.len() != other.len() {
        push(format!("{what} pages"), one.len().to_string(), other.len().to_string());
    }
    if let Some(at) = one.iter().zip(other).position(|(one, other)| one != other) {
        let place = format!("{what} page {}", at + first);
        push(place, format!("{:?}", one[at]), format!("{:?}", other[at]));
    }
}

impl Table {
    /// What can be seen of it now. Statistics are what sessions have told.
    pub fn state(&self) -> State {
        let heap = (0..self.heap.pages.len() as u32).map(|block| self.heap_page(block));
        let index = self.index.pages.iter().skip(1).map(index_page);
        State { heap: heap.collect(), index: index.collect(), stats: self.heap.stats }
    }

    fn heap_page(&self, block: u32) -> HeapPage {
        let page = &self.heap.pages[block as usize];
        let free_space = self.heap.fsm.get(block).min(MAX_HEAP_TUPLE);
        HeapPage {
            lower: page.lower() as u16,
            upper: page.upper,
            flags: page.flags(),
            prune: page.prune_xid != 0,
            lines: page.lines.iter().map(line_pointer).collect(),
            free_space: free_space as u16,
            all_visible: page.all_visible,
            all_frozen: page.all_frozen,
        }
    }
}

fn line_pointer(line: &line::Line) -> LinePointer {
    match line.state() {
        line::State::Unused => LinePointer::Unused,
        line::State::Normal => LinePointer::Normal(line.len() as u16),
        line::State::Redirect => LinePointer::Redirect(line.link + 1),
        line::State::Dead => LinePointer::Dead,
    }
}

fn index_page(page: &crate::btree::BPage) -> IndexPage {
    if page.deleted {
        return IndexPage::deleted();
    }
    let (entries, dead) = page.entries();
    let high_key = usize::from(page.high_key.is_some());
    IndexPage {
        kind: match (page.is_leaf(), page.root) {
            (true, _) => Kind::Leaf,
            (false, false) => Kind::Inner,
            (false, true) => Kind::Root,
        },
        live: (entries + high_key - dead) as u32,
        dead: dead as u32,
        free: page.free() as u32,
        left: page.left,
        right: page.right,
        level: u32::from(page.level),
    }
}

impl IndexPage {
    /// A page that was deleted, of which nothing else is compared.
    pub fn deleted() -> Self {
        IndexPage { kind: Kind::Deleted, live: 0, dead: 0, free: 0, left: 0, right: 0, level: 0 }
    }
}
