//! What statements do to a row once it is found, or when there is none.
//!
//! An update stays on its page if it fits there, whatever the fillfactor; then no index is touched.
//! If it does not, it goes where an insert would, and the index gets one more entry.

use crate::Tid;
use crate::keys::Key;
use crate::layout::{Row, TOAST_THRESHOLD, maxalign};
use crate::line::Line;
use crate::op::{Answer, Refused};
use crate::rules::Rule;
use crate::scan::Found;
use crate::session::{Block, Isolation, Undo};
use crate::table::Table;

impl Table {
    fn row_len(&self, key: Key, row: Row) -> Result<usize, Refused> {
        let bytes = row.tuple_len(self.index.keys.len_of(key));
        if bytes > TOAST_THRESHOLD { Err(Refused::TooLong { bytes }) } else { Ok(bytes) }
    }

    pub(crate) fn insert(&mut self, key: Key, row: Row) -> Result<Answer, Refused> {
        let len = self.row_len(key, row)?;
        Ok(self.insert_row(key, len))
    }

    fn insert_row(&mut self, key: Key, len: usize) -> Answer {
        let heap = &mut self.heap;
        let xid = heap.backends.xid();
        let block = heap.page_for(len);
        let page = heap.page(block);
        let line = page.add(Line::row(xid, 0, len, false));
        page.clear_visible();
        let tid = Tid::new(block, line);
        heap.just_made = Some(tid);
        heap.stats.inserted += 1;
        heap.backends.my().changes.inserted += 1;
        self.remember(tid, true);
        match self.index.insert(&mut self.heap, key, tid, false) {
            Ok(()) => Answer::Rows(1),
            Err(_) => Answer::Duplicate,
        }
    }

    /// Notes what a rollback has to undo. A statement of its own is undone only if it fails, which
    /// an insert may.
    fn remember(&mut self, tid: Tid, made: bool) {
        let my = self.heap.backends.my();
        if my.in_block() || made {
            my.undo.push(Undo { block: tid.block(), line: tid.line(), made });
        }
    }

    pub(crate) fn update(&mut self, key: Key, seen: u32, row: Row) -> Result<Answer, Refused> {
        let len = self.row_len(key, row)?;
        let (mut rows, mut refused) = (0, None);
        self.scan(key, false, |table, found| {
            if table.seq(found.tid) == seen {
                match table.refusal(found.tid) {
                    None => {
                        table.update_row(key, found, len, seen + 1);
                        rows += 1;
                    }
                    why => refused = why,
                }
            }
        });
        refused.map_or(Ok(Answer::Rows(rows)), Err)
    }

    fn seq(&self, tid: Tid) -> u32 {
        self.heap.pages[tid.block() as usize].lines[usize::from(tid.line())].seq
    }

    /// Why a visible row cannot be changed here and now, if it cannot.
    pub(crate) fn refusal(&self, tid: Tid) -> Option<Refused> {
        let row = &self.heap.pages[tid.block() as usize].lines[usize::from(tid.line())];
        let backends = &self.heap.backends;
        if row.xmax == 0 {
            None
        } else if backends.is_running(row.xmax) {
            Some(Refused::WouldWait)
        } else if backends.mine().block == Block::Open(Isolation::RepeatableRead) {
            Some(Refused::WouldConflict)
        } else {
            None
        }
    }

    /// heap_update.
    fn update_row(&mut self, key: Key, found: Found, len: usize, seq: u32) {
        let old = found.tid;
        let heap = &mut self.heap;
        let xid = heap.backends.xid();
        let spare = match heap.rules.has(Rule::HotIgnoresFillfactor) {
            true => 0,
            false => heap.reserve,
        };
        let page = heap.page(old.block());
        let hot = maxalign(len) + spare <= page.free();
        let new = if hot {
            let line = page.add(Line::row(xid, seq, len, true));
            page.lines[usize::from(old.line())].hot_update(line);
            heap.stats.hot_updated += 1;
            Tid::new(old.block(), line)
        } else {
            let block = heap.page_for(len);
            heap.page(old.block()).full = true;
            let page = heap.page(block);
            let line = page.add(Line::row(xid, seq, len, false));
            page.clear_visible();
            Tid::new(block, line)
        };
        heap.just_made = Some(new);
        heap.stats.updated += 1;
        heap.backends.my().changes.updated += 1;
        self.leave(found, hot);
        if self.heap.backends.mine().in_block() {
            self.remember(new, true);
        }
        if !hot {
            self.heap.pinned = Some(old.block());
            let inserted = self.index.insert(&mut self.heap, key, new, true);
            debug_assert!(inserted.is_ok(), "the old version is not live");
            self.heap.pinned = None;
        }
    }

    /// A row is deleted, or replaced.
    fn leave(&mut self, Found { tid: old, root }: Found, leads_on: bool) {
        let xid = self.heap.backends.mine().xid;
        let page = self.heap.page(old.block());
        page.leave(old.line(), xid);
        if page.prune_xid == 0 || xid < page.prune_xid {
            page.prune_xid = xid;
        }
        page.touched.add(root);
        if !leads_on {
            page.touched.add(old.line());
        }
        page.clear_visible();
        self.remember(old, false);
    }

    pub(crate) fn delete(&mut self, key: Key) -> Result<Answer, Refused> {
        let (mut rows, mut refused) = (0, None);
        self.scan(key, false, |table, found| match table.refusal(found.tid) {
            None => {
                table.heap.backends.xid();
                table.leave(found, false);
                table.heap.stats.deleted += 1;
                table.heap.backends.my().changes.deleted += 1;
                rows += 1;
            }
            why => refused = why,
        });
        refused.map_or(Ok(Answer::Rows(rows)), Err)
    }

    pub(crate) fn select(&mut self, key: Key) -> Answer {
        Answer::Rows(u64::from(self.scan(key, false, |_, _| {})))
    }

    /// A row lock takes a number, and the page is no longer frozen.
    pub(crate) fn lock(&mut self, key: Key) -> Result<Answer, Refused> {
        let (mut rows, mut refused) = (0, None);
        self.scan(key, false, |table, found| match table.refusal(found.tid) {
            None => {
                table.heap.backends.xid();
                table.heap.page(found.tid.block()).all_frozen = false;
                rows += 1;
            }
            why => refused = why,
        });
        refused.map_or(Ok(Answer::Rows(rows)), Err)
    }

    pub(crate) fn upsert(&mut self, key: Key, row: Row, update: bool) -> Result<Answer, Refused> {
        let len = self.row_len(key, row)?;
        let mut there = None;
        if !self.scan(key, true, |_, found| there = Some(found)) {
            return Ok(self.insert_row(key, len));
        }
        let Some(found) = there.filter(|_| update) else { return Ok(Answer::Rows(0)) };
        let tid = found.tid;
        if let Some(why) = self.refusal(tid) {
            return Err(why);
        }
        self.heap.backends.xid();
        self.heap.page(tid.block()).all_frozen = false;
        self.update_row(key, found, len, self.seq(tid));
        Ok(Answer::Rows(1))
    }

    /// A sequential scan looks at every page.
    pub(crate) fn seq_scan(&mut self) -> Answer {
        for block in 0..self.heap.pages.len() as u32 {
            self.heap.prune_on_access(block);
        }
        Answer::Rows(1)
    }
}
