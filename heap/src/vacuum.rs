//! VACUUM and ANALYZE, by hand: two passes over the heap with the index between them.
//!
//! What makes it hard is what is *not* done: runs of all-visible pages are skipped, a table with few
//! dead line pointers keeps them, the free space of a page with dead ones is told after the second
//! pass only, and backends forget their target page only if `pg_class` changed.

use crate::Xid;
use crate::line::State;
use crate::rules::Rule;
use crate::session::SessionId;
use crate::stats::PgClass;
use crate::table::Table;
use crate::tally::Counted;

/// SKIP_PAGES_THRESHOLD: shorter runs of all-visible pages are read, because disks read ahead.
const SKIP_MIN: u32 = 32;
/// REL_TRUNCATE_MINIMUM and REL_TRUNCATE_FRACTION: an empty tail that is worth cutting off.
const TRUNCATE_MIN: u32 = 1000;
const TRUNCATE_FRACTION: u32 = 16;

/// What the first pass found.
#[derive(Debug)]
struct Found {
    horizon: Xid,
    scanned: u32,
    /// Pages with dead line pointers.
    dead: Vec<u32>,
    live: u64,
    recently_dead: u64,
    /// The block behind the last with a row or a redirect.
    nonempty: u32,
    /// The oldest number left in the pages that were read.
    frozen_xid: Xid,
    /// Whether a page was skipped that may hold older numbers.
    skipped: bool,
}

/// What one page shows.
#[derive(Clone, Copy)]
struct Seen {
    dead: bool,
    tenanted: bool,
    all_visible: bool,
    all_frozen: bool,
}

/// The run of all-visible pages that begins somewhere.
#[derive(Clone, Copy)]
struct Run {
    /// The page that must be read: it is not all-visible, or is the last.
    end: u32,
    /// Whether that one is all-visible too.
    end_visible: bool,
    skip: bool,
}

impl Table {
    /// `VACUUM`, by the session whose turn it is.
    pub(crate) fn vacuum(&mut self) {
        let session = self.heap.backends.me as SessionId;
        self.heap.backends.begin_statement(session);
        // It need not respect its own snapshot.
        self.heap.backends.my().xmin = 0;
        let horizon = self.heap.backends.oldest(0);
        self.heap.backends.learn(horizon);
        let target = self.heap.backends.mine().target;
        let found = self.first_pass(horizon);
        let pages = self.heap.pages.len() as u32;
        let tuples = estimate(self.heap.class, pages, found.scanned, found.live as f64);
        let worth_it = found.dead.len() as u32 >= (f64::from(pages) * 0.02) as u32
            || !self.heap.rules.has(Rule::Bypass);
        let vacuum_index = !found.dead.is_empty() && worth_it;
        if vacuum_index {
            self.heap.events.index_vacuums += 1;
            self.index.bulk_delete(&mut self.heap);
            self.second_pass(&found);
        } else if !found.dead.is_empty() {
            self.heap.events.bypasses += 1;
        }
        self.heap.fsm.vacuum(0, self.heap.rules);
        if !vacuum_index {
            self.index.clean_up(&mut self.heap);
        }
        self.truncate(found.nonempty);
        self.heap.stats.live = (tuples as i64).max(0);
        self.heap.stats.dead = found.recently_dead as i64;
        let old = self.heap.class.frozen_xid;
        let frozen_xid = if found.skipped { old } else { old.max(found.frozen_xid) };
        self.note_class(PgClass { tuples, frozen_xid, ..self.heap.class });
        if !self.heap.rules.has(Rule::VacuumResetsTarget) {
            self.heap.backends.my().target = target;
        }
        self.heap.backends.end_statement();
    }

    /// Writes the table's row in `pg_class`, its counts of pages as they are.
    fn note_class(&mut self, class: PgClass) {
        let pages = self.heap.pages.len() as u32;
        let all_visible = self.heap.pages.iter().filter(|it| it.all_visible).count() as u32;
        let class = PgClass { pages, all_visible, ..class };
        let changed = class != self.heap.class;
        if changed || !self.heap.rules.has(Rule::TargetSurvivesIdleVacuum) {
            self.heap.invalidate_targets();
        }
        self.heap.class = class;
    }

    fn run_from(&self, begin: u32) -> Run {
        let pages = &self.heap.pages;
        let last = (pages.len() as u32).saturating_sub(1);
        let mut end = begin;
        while end < last && pages[end as usize].all_visible {
            end += 1;
        }
        let end_visible = pages.get(end as usize).is_some_and(|it| it.all_visible);
        let skip = self.heap.rules.has(Rule::VmSkip) && end - begin >= SKIP_MIN;
        Run { end, end_visible, skip }
    }

    fn first_pass(&mut self, horizon: Xid) -> Found {
        let mut found = Found {
            horizon,
            scanned: 0,
            dead: Vec::new(),
            live: 0,
            recently_dead: 0,
            nonempty: 0,
            frozen_xid: horizon,
            skipped: false,
        };
        let mut run = self.run_from(0);
        for block in 0..self.heap.pages.len() as u32 {
            let visible = if block == run.end {
                let visible = run.end_visible;
                run = self.run_from(block + 1);
                visible
            } else if run.skip {
                found.skipped |= !self.heap.page(block).all_frozen;
                continue;
            } else {
                true
            };
            found.scanned += 1;
            self.scan_page(block, visible, &mut found);
        }
        found
    }

    fn scan_page(&mut self, block: u32, visible: bool, found: &mut Found) {
        let page = self.heap.page(block);
        if page.lines.is_empty() {
            (page.all_visible, page.all_frozen) = (true, true);
            let free = page.free();
            return self.heap.fsm.record(block, free);
        }
        self.heap.prune_for_vacuum(block, found.horizon);
        let seen = self.count_rows(block, found);
        if seen.tenanted {
            found.nonempty = block + 1;
        }
        let page = self.heap.page(block);
        if seen.all_visible {
            page.all_visible = true;
            page.all_frozen =
                if visible { page.all_frozen || seen.all_frozen } else { seen.all_frozen };
        }
        if seen.dead {
            // Its space is told when the dead line pointers are gone, or never.
            return found.dead.push(block);
        }
        let free = page.free();
        self.heap.fsm.record(block, free);
    }

    fn count_rows(&mut self, block: u32, found: &mut Found) -> Seen {
        let backends = &self.heap.backends;
        let mut seen = Seen { dead: false, tenanted: false, all_visible: true, all_frozen: true };
        for line in &self.heap.pages[block as usize].lines {
            match line.state() {
                State::Unused => {}
                State::Redirect => seen.tenanted = true,
                State::Dead => (seen.dead, seen.all_visible) = (true, false),
                State::Normal => {
                    (seen.tenanted, seen.all_frozen) = (true, false);
                    let oldest = if line.xmax == 0 { line.xmin } else { line.xmin.min(line.xmax) };
                    found.frozen_xid = found.frozen_xid.min(oldest);
                    let inserting = backends.is_running(line.xmin);
                    if line.xmax == 0 {
                        found.live += u64::from(!inserting);
                        seen.all_visible &= line.xmin < found.horizon;
                    } else {
                        seen.all_visible = false;
                        // Who deletes it is expected to count it, if it commits.
                        let deleting = backends.is_running(line.xmax);
                        found.live += u64::from(deleting);
                        found.recently_dead += u64::from(!deleting);
                    }
                }
            }
        }
        seen
    }

    /// Dead line pointers become unused, now that no entry names them.
    fn second_pass(&mut self, found: &Found) {
        for &block in &found.dead {
            let page = self.heap.page(block);
            let (mut visible, mut frozen) = (true, true);
            for at in 0..page.lines.len() {
                let line = page.lines[at];
                match line.state() {
                    State::Dead => page.turn(at, State::Unused, 0),
                    State::Normal => {
                        frozen = false;
                        visible &= line.xmax == 0 && line.xmin < found.horizon;
                    }
                    State::Unused | State::Redirect => {}
                }
            }
            // One is kept, so that the page does not look new.
            page.truncate_lines(1);
            page.note_free_lines();
            if visible {
                page.all_visible = true;
                page.all_frozen |= frozen;
            }
            let free = page.free();
            self.heap.fsm.record(block, free);
        }
    }

    /// Cuts the empty tail off if that is worth the lock.
    fn truncate(&mut self, nonempty: u32) {
        let pages = self.heap.pages.len() as u32;
        let empty = pages - nonempty;
        if empty == 0 || empty < TRUNCATE_MIN && empty < pages / TRUNCATE_FRACTION {
            return;
        }
        // An exclusive lock is logged, and so takes a number, whatever it is good for.
        self.heap.backends.next_xid += 1;
        let vacant = self.heap.pages[nonempty as usize..].iter().rev();
        let cut = vacant.take_while(|it| it.is_vacant()).count() as u32;
        if cut > 0 {
            self.heap.events.truncations += 1;
            self.heap.pages.truncate((pages - cut) as usize);
            self.heap.fsm.truncate(pages - cut, self.heap.rules);
            self.heap.invalidate_targets();
        }
    }

    /// `ANALYZE`. Up to 30,000 pages it reads them all, and is exact.
    pub(crate) fn analyze(&mut self) {
        let Counted { live, dead, .. } = self.heap.counted();
        if live > 0 {
            // What it learnt of the columns is written to a catalog.
            self.heap.backends.next_xid += 1;
        }
        (self.heap.stats.live, self.heap.stats.dead) = (live, dead);
        self.note_class(PgClass { tuples: live as f64, ..self.heap.class });
    }
}

/// vac_estimate_reltuples: how many rows there are, when not all pages were read.
fn estimate(old: PgClass, pages: u32, scanned: u32, live: f64) -> f64 {
    if scanned >= pages {
        return live;
    }
    let few = old.pages == pages && f64::from(scanned) < f64::from(pages) * 0.02;
    if few || scanned <= 1 {
        return old.tuples;
    }
    if old.tuples < 0.0 || old.pages == 0 {
        return (live / f64::from(scanned) * f64::from(pages) + 0.5).floor();
    }
    let density = old.tuples / f64::from(old.pages);
    (density * f64::from(pages - scanned) + live + 0.5).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_as_dense_as_it_was() {
        let old = PgClass { pages: 100, tuples: 5000.0, all_visible: 0, frozen_xid: 0 };
        assert_eq!(estimate(old, 100, 100, 4000.0), 4000.0);
        assert_eq!(estimate(old, 100, 1, 10.0), 5000.0);
        assert_eq!(estimate(old, 120, 50, 1000.0), 4500.0);
        let never = PgClass { pages: 0, tuples: -1.0, ..old };
        assert_eq!(estimate(never, 10, 5, 40.0), 80.0);
    }
}
