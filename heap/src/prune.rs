//! Pruning: what a reader of a page may tidy up, and when it does.
//!
//! Only when something is due (the page remembers the oldest number that left something), nobody
//! needs it any more, and room is short. Then each chain loses its dead head: the root becomes a
//! redirect to what is left of it, or dead if nothing is. Index entries still name the root, so it
//! stays; versions that no entry names become unused at once.

use crate::Xid;
use crate::heap::Heap;
use crate::horizon::Backends;
use crate::line::{Line, State};
use crate::page::Page;
use crate::rules::Rule;

/// What a row is to the one who prunes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Live,
    /// Dead, and nobody needs it.
    Dead,
    /// Dead, but somebody may need it.
    RecentlyDead,
    /// Who deletes it has not ended.
    Deleting,
}

/// What pruning a page did.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Pruned {
    /// Rows taken away.
    pub(crate) rows: u32,
    /// Line pointers that became dead.
    pub(crate) new_dead: u32,
}

impl Heap {
    /// heap_page_prune_opt: prunes a page that is looked at, if it is worth it.
    #[inline]
    pub(crate) fn prune_on_access(&mut self, block: u32) {
        let page = &self.pages[block as usize];
        let due = page.prune_xid;
        // The horizon is asked first: asking may bring it up to date.
        if due == 0 || !self.backends.removable(due) {
            return;
        }
        let page = &self.pages[block as usize];
        let full = page.full && self.rules.has(Rule::FullHint);
        if full || page.free() < self.min_free {
            self.prune_now(block);
        }
    }

    fn prune_now(&mut self, block: u32) {
        let backends = &mut self.backends;
        let cut = self.rules.has(Rule::LineTruncation);
        let page = &mut self.pages[block as usize];
        let pruned = prune(page, cut, |row| fate(row, backends, Backends::removable));
        self.events.prunes += 1;
        let gone = i64::from(pruned.rows) - i64::from(pruned.new_dead);
        self.backends.my().dead_delta -= gone.max(0);
        if !self.rules.has(Rule::PruneKeepsFsm) {
            let free = self.page(block).free();
            self.fsm.record(block, free);
        }
    }

    /// Prunes as VACUUM does: whatever room there is, and with an exact horizon.
    pub(crate) fn prune_for_vacuum(&mut self, block: u32, horizon: Xid) -> Pruned {
        let Heap { pages, backends, rules, .. } = self;
        let page = &mut pages[block as usize];
        prune(page, rules.has(Rule::LineTruncation), |row| {
            fate(row, backends, |_, xmax| xmax < horizon)
        })
    }
}

/// What a row is, if `needless` says of whom nobody needs what that transaction deleted.
fn fate(
    row: &Line,
    backends: &mut Backends,
    needless: impl FnOnce(&mut Backends, Xid) -> bool,
) -> Fate {
    if row.aborted() {
        Fate::Dead
    } else if row.xmax == 0 {
        Fate::Live
    } else if backends.is_running(row.xmax) {
        Fate::Deleting
    } else if needless(backends, row.xmax) {
        Fate::Dead
    } else {
        Fate::RecentlyDead
    }
}

/// heap_page_prune. The server decides first and changes then; here each chain is changed as it is
/// decided, which comes to the same: what was changed ends a chain as what is marked does there.
fn prune(page: &mut Page, cut: bool, mut fate: impl FnMut(&Line) -> Fate) -> Pruned {
    let mut pruned = Pruned::default();
    let mut changed = false;
    let mut due = 0;
    // What is not touched is a live row, a way to one, or nothing.
    for root in std::mem::take(&mut page.touched).lines(page.lines.len()) {
        let line = page.lines[root];
        match line.state() {
            State::Unused | State::Dead => {}
            State::Normal if line.heap_only() => {
                // Reached by no chain that matters: a version whose maker rolled back, or the end
                // of a chain that was dead to the last.
                match fate(&line) {
                    Fate::Dead if line.leads_on() => {}
                    Fate::Dead => {
                        page.turn(root, State::Unused, 0);
                        pruned.rows += 1;
                        changed = true;
                    }
                    Fate::Live => {}
                    Fate::RecentlyDead | Fate::Deleting => page.touched.add(root as u16),
                }
            }
            State::Normal if line.xmax == 0 && !line.aborted() => {}
            State::Normal | State::Redirect => {
                changed |= prune_chain(page, root, &mut pruned, &mut due, &mut fate);
            }
        }
    }
    if changed {
        if cut {
            page.truncate_lines(0);
        }
        page.note_free_lines();
    }
    page.prune_xid = due;
    page.full = false;
    pruned
}

/// heap_prune_chain, from a root: whether anything changed.
fn prune_chain(
    page: &mut Page,
    root: usize,
    pruned: &mut Pruned,
    due: &mut Xid,
    fate: &mut impl FnMut(&Line) -> Fate,
) -> bool {
    let redirect = page.lines[root].is(State::Redirect);
    let first = if redirect { page.lines[root].link } else { root as u16 };
    let (mut at, mut prior) = (first, 0);
    // The last dead version of the chain, and what follows it.
    let mut dead: Option<u16> = None;
    let mut next: Option<u16> = None;
    let mut found = false;
    while let Some(row) = page.lines.get(usize::from(at)).filter(|it| it.is(State::Normal)) {
        if prior != 0 && row.xmin != prior {
            break;
        }
        found = true;
        let row = *row;
        if dead.is_some() && next.is_none() {
            next = Some(at);
        }
        match fate(&row) {
            Fate::Dead => (dead, next) = (Some(at), None),
            Fate::Live => break,
            other => {
                if *due == 0 || row.xmax < *due {
                    *due = row.xmax;
                }
                page.touched.add(root as u16);
                if other == Fate::Deleting {
                    break;
                }
            }
        }
        if !row.leads_on() {
            break;
        }
        (at, prior) = (row.link, row.xmax);
    }
    let Some(dead) = dead else {
        if redirect && !found {
            page.turn(root, State::Dead, 0);
            pruned.new_dead += 1;
            return true;
        }
        return false;
    };
    let mut at = first;
    loop {
        let link = page.lines[usize::from(at)].link;
        if usize::from(at) != root {
            page.turn(usize::from(at), State::Unused, 0);
        }
        pruned.rows += 1;
        if at == dead {
            break;
        }
        at = link;
    }
    match next {
        Some(next) => page.turn(root, State::Redirect, next),
        None => {
            page.turn(root, State::Dead, 0);
            pruned.new_dead += 1;
        }
    }
    true
}
