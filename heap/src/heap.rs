//! The table without its index: pages, maps, and what backends know of them.
//!
//! The index has to look here when it decides what may go, and statements have to write here while
//! the index stands still; so the two are apart, and the index is given the heap where it needs it.

use crate::Tid;
use crate::claim::Reads;
use crate::fsm::Fsm;
use crate::horizon::Backends;
use crate::layout::{BLCKSZ, LINE_POINTER, MAX_HEAP_TUPLE, MAX_HEAP_TUPLES, maxalign, reserve};
use crate::line::{Line, State};
use crate::page::Page;
use crate::rules::{Rule, Rules};
use crate::stats::{Events, PgClass, Stats};

/// The most that a search for a page asks for, so that an empty page always has it.
const NEARLY_EMPTY: usize = MAX_HEAP_TUPLE - (MAX_HEAP_TUPLES / 8) * LINE_POINTER;

/// The heap of one table.
#[derive(Clone, Debug)]
pub(crate) struct Heap {
    pub(crate) pages: Vec<Page>,
    pub(crate) fsm: Fsm,
    pub(crate) backends: Backends,
    pub(crate) stats: Stats,
    pub(crate) events: Events,
    pub(crate) class: PgClass,
    pub(crate) rules: Rules,
    /// Bytes that fresh rows leave free.
    pub(crate) reserve: usize,
    /// A page with as much room is not pruned, in bytes.
    pub(crate) min_free: usize,
    /// The page that the running statement holds pinned.
    pub(crate) pinned: Option<u32>,
    /// The row that the running statement made, which it does not see.
    pub(crate) just_made: Option<Tid>,
    /// What the last claim read.
    pub(crate) reads: Reads,
}

impl Heap {
    pub(crate) fn new(fillfactor: u8, backends: Backends) -> Self {
        let (reserve, rules) = (reserve(fillfactor), backends.rules);
        let floor = if rules.has(Rule::MinFreeFloor) { BLCKSZ / 10 } else { 0 };
        let frozen_xid = backends.next_xid - 1;
        Heap {
            pages: Vec::new(),
            fsm: Fsm::default(),
            stats: Stats::default(),
            events: Events::default(),
            class: PgClass { pages: 0, tuples: -1.0, all_visible: 0, frozen_xid },
            rules,
            reserve,
            min_free: reserve.max(floor),
            pinned: None,
            just_made: None,
            reads: Reads::default(),
            backends,
        }
    }

    #[inline]
    pub(crate) fn page(&mut self, block: u32) -> &mut Page {
        &mut self.pages[block as usize]
    }

    /// RelationGetBufferForTuple: the page for a row of `len` bytes that does not go beside an
    /// older version of itself.
    pub(crate) fn page_for(&mut self, len: usize) -> u32 {
        let len = maxalign(len);
        let mut need = len + self.reserve;
        if need > NEARLY_EMPTY {
            need = len.max(NEARLY_EMPTY);
        }
        let rules = self.rules;
        let mut candidate = self.backends.mine().target;
        if candidate.is_none() {
            candidate = self.fsm.search(need, rules);
            if candidate.is_none() && rules.has(Rule::LastPage) {
                candidate = (self.pages.len() as u32).checked_sub(1);
            }
        }
        while let Some(block) = candidate {
            let free = self.page(block).free();
            if need <= free {
                self.backends.my().target = candidate;
                return block;
            }
            candidate = self.fsm.record_and_search(block, free, need, rules);
        }
        // A page added to the end is not entered in the map: that is for who finds it full.
        self.pages.push(Page::new());
        self.events.extensions += 1;
        let block = self.pages.len() as u32 - 1;
        self.backends.my().target = Some(block);
        block
    }

    /// Walks the HOT chain that an index entry names, until `visit` says to stop: whether it did.
    #[inline]
    pub(crate) fn walk(
        &mut self,
        tid: Tid,
        mut visit: impl FnMut(&mut Backends, Tid, &Line) -> bool,
    ) -> bool {
        let lines = &self.pages[tid.block() as usize].lines;
        let (mut at, mut prior) = (tid.line(), 0);
        let Some(first) = lines.get(usize::from(at)) else { return false };
        if first.is(State::Redirect) {
            at = first.link;
        } else if first.is(State::Normal) && first.heap_only() {
            // The line pointer was used again, for a version of another row.
            return false;
        }
        while let Some(row) = lines.get(usize::from(at)).filter(|it| it.is(State::Normal)) {
            if prior != 0 && row.xmin != prior {
                return false;
            }
            if visit(&mut self.backends, Tid::new(tid.block(), at), row) {
                return true;
            }
            if !row.leads_on() {
                return false;
            }
            (at, prior) = (row.link, row.xmax);
        }
        false
    }

    /// Whether every version in the chain can be taken away by whoever likes.
    pub(crate) fn vacuumable(&mut self, tid: Tid) -> bool {
        !self.walk(tid, |backends, _, row| !backends.surely_dead(row))
    }

    /// Every backend forgets where the index begins: the index's row in `pg_class` was changed.
    pub(crate) fn invalidate_index_roots(&mut self) {
        for session in &mut self.backends.sessions {
            session.index_root = None;
        }
    }

    /// Every backend forgets its target page: the table's row in `pg_class` was changed.
    pub(crate) fn invalidate_targets(&mut self) {
        for session in &mut self.backends.sessions {
            session.target = None;
        }
    }
}
