//! The free space map: which page has room, remembered loosely and searched in a strange order.
//!
//! A page's free space is known in steps of 32 bytes, in a tree of three levels whose inner nodes
//! hold the maximum below them. Upper pages are put right by VACUUM only, so a search may be lied
//! to, and corrects the lie it met. It begins where the last one ended, so that backends spread.

use crate::layout::{BLCKSZ, MAX_HEAP_TUPLE, PAGE_HEADER};
use crate::rules::{Rule, Rules};

/// Nodes of a page's tree.
const NODES: usize = BLCKSZ - PAGE_HEADER - 4;
/// Those of them that are not leaves.
const INNER: usize = BLCKSZ / 2 - 1;
/// Slots of a page: pages of the table on the lowest level, pages of the level below elsewhere.
pub(crate) const SLOTS: usize = NODES - INNER;
/// The level of the one page at the top.
const TOP: usize = 2;

/// One page of the map.
#[derive(Clone, Debug)]
struct FsmPage {
    nodes: Box<[u8]>,
    /// fp_next_slot: where the next search begins. To move it does not make the page dirty.
    next: u16,
    /// Whether the page will be written when the server is stopped.
    dirty: bool,
    /// fp_next_slot as it was last written.
    written_next: u16,
}

/// What `free` bytes are remembered as.
fn category_of(free: usize) -> u8 {
    if free >= MAX_HEAP_TUPLE { 255 } else { (free / 32).min(254) as u8 }
}

/// What must be remembered of a page for it to have `need` bytes.
fn category_for(need: usize) -> u8 {
    need.div_ceil(32).clamp(1, 255) as u8
}

impl FsmPage {
    fn new() -> Self {
        FsmPage { nodes: vec![0; NODES].into(), next: 0, dirty: false, written_next: 0 }
    }

    fn largest(&self) -> u8 {
        self.nodes[0]
    }

    fn greater_child(&self, node: usize) -> u8 {
        let child = |at: usize| self.nodes.get(at).copied().unwrap_or(0);
        child(2 * node + 1).max(child(2 * node + 2))
    }

    fn set(&mut self, slot: usize, value: u8) {
        let mut at = INNER + slot;
        if self.nodes[at] == value && value <= self.largest() {
            return;
        }
        self.nodes[at] = value;
        self.dirty = true;
        while at > 0 {
            at = (at - 1) / 2;
            let greater = self.greater_child(at);
            if self.nodes[at] == greater {
                break;
            }
            self.nodes[at] = greater;
        }
        if value > self.largest() {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        for at in (0..INNER).rev() {
            self.nodes[at] = self.greater_child(at);
        }
    }

    /// A slot with at least `least`: to the right of where the last search ended and up, from
    /// there down to the left. `advance` is for the lowest level, where the next search begins
    /// behind what was found.
    fn search(&mut self, least: u8, advance: bool, rules: Rules) -> Option<usize> {
        if self.largest() < least {
            return None;
        }
        let next = if rules.has(Rule::FsmNextSlot) { usize::from(self.next) } else { 0 };
        let mut at = INNER + if next < SLOTS { next } else { 0 };
        while at > 0 && self.nodes[at] < least {
            let right = at + 1;
            // The right neighbour of the last node of a level is the level's first.
            let wrapped = if (right + 1).is_power_of_two() { (right - 1) / 2 } else { right };
            at = (wrapped - 1) / 2;
        }
        while at < INNER {
            let left = 2 * at + 1;
            let fits = self.nodes.get(left).is_some_and(|it| *it >= least);
            at = if fits { left } else { left + 1 };
        }
        let slot = at - INNER;
        self.next = (slot + usize::from(advance)) as u16;
        Some(slot)
    }
}

/// The map of one relation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fsm {
    /// The pages of each level, the lowest first. Once there is one there is one on each level.
    levels: [Vec<FsmPage>; TOP + 1],
}

impl Fsm {
    fn leaf(&mut self, block: u32) -> (&mut FsmPage, usize) {
        let at = block as usize / SLOTS;
        let mut pages = at + 1;
        for level in &mut self.levels {
            if level.len() < pages {
                level.resize_with(pages, FsmPage::new);
            }
            pages = pages.div_ceil(SLOTS);
        }
        (&mut self.levels[0][at], block as usize % SLOTS)
    }

    /// Pages of the map itself.
    pub(crate) fn pages(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    /// Remembers that `block` has `free` bytes, on the lowest level only.
    pub(crate) fn record(&mut self, block: u32, free: usize) {
        let (page, slot) = self.leaf(block);
        page.set(slot, category_of(free));
    }

    /// What is remembered of `block`, in bytes.
    pub(crate) fn get(&self, block: u32) -> usize {
        let page = self.levels[0].get(block as usize / SLOTS);
        match page.map_or(0, |it| it.nodes[INNER + block as usize % SLOTS]) {
            255 => MAX_HEAP_TUPLE,
            category => usize::from(category) * 32,
        }
    }

    /// Remembers what `block` has, and finds another with `need` bytes: first beside it, then
    /// anywhere.
    pub(crate) fn record_and_search(
        &mut self,
        block: u32,
        free: usize,
        need: usize,
        rules: Rules,
    ) -> Option<u32> {
        let least = category_for(need);
        let (page, slot) = self.leaf(block);
        page.set(slot, category_of(free));
        let base = block - slot as u32;
        match page.search(least, true, rules) {
            Some(slot) => Some(base + slot as u32),
            None => self.search(need, rules),
        }
    }

    /// A block with `need` bytes, searched from the top.
    pub(crate) fn search(&mut self, need: usize, rules: Rules) -> Option<u32> {
        let least = category_for(need);
        loop {
            let (mut level, mut at) = (TOP, 0);
            loop {
                let page = self.levels[level].get_mut(at);
                let found = page.and_then(|it| it.search(least, level == 0, rules));
                match found {
                    Some(slot) if level == 0 => return Some((at * SLOTS + slot) as u32),
                    Some(slot) => (level, at) = (level - 1, at * SLOTS + slot),
                    None if level == TOP => return None,
                    // The level above promised more than there is: put it right and try again.
                    None => {
                        let largest = self.levels[level].get(at).map_or(0, FsmPage::largest);
                        self.levels[level + 1][at / SLOTS].set(at % SLOTS, largest);
                        break;
                    }
                }
            }
        }
    }

    /// Puts the upper levels right, for blocks from `from` on; searches begin at the left again on
    /// every page looked at.
    pub(crate) fn vacuum(&mut self, from: u32, rules: Rules) {
        if !self.levels[TOP].is_empty() {
            self.vacuum_page(TOP, 0, from as usize, rules);
        }
    }

    fn vacuum_page(&mut self, level: usize, at: usize, from: usize, rules: Rules) -> u8 {
        if level > 0 {
            let first = (from / SLOTS.pow(level as u32)).max(at * SLOTS);
            for child in first..(at + 1) * SLOTS {
                let slot = child % SLOTS;
                let exists = child < self.levels[level - 1].len();
                if exists {
                    let largest = self.vacuum_page(level - 1, child, from, rules);
                    self.levels[level][at].set(slot, largest);
                } else if self.levels[level][at].nodes[INNER + slot] != 0 {
                    self.levels[level][at].set(slot, 0);
                } else {
                    break;
                }
            }
        }
        let page = &mut self.levels[level][at];
        if rules.has(Rule::VacuumResetsNextSlot) {
            page.next = 0;
        }
        page.largest()
    }

    /// The server is stopped in good order and started again: what is dirty is written, and where
    /// searches begin is read again as it was last written.
    pub(crate) fn restart(&mut self, rules: Rules) {
        for page in self.levels.iter_mut().flatten() {
            if page.dirty || !rules.has(Rule::RestartForgetsNextSlot) {
                (page.dirty, page.written_next) = (false, page.next);
            } else {
                page.next = page.written_next;
            }
        }
    }

    /// Forgets the blocks from `blocks` on, which are cut off.
    pub(crate) fn truncate(&mut self, blocks: u32, rules: Rules) {
        let at = blocks as usize / SLOTS;
        if at >= self.levels[0].len() {
            return;
        }
        let kept = blocks as usize % SLOTS;
        if kept > 0 {
            let page = &mut self.levels[0][at];
            page.nodes[INNER + kept..].fill(0);
            page.rebuild();
            page.dirty = true;
        }
        self.levels[0].truncate(at + usize::from(kept > 0));
        self.vacuum(blocks, rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_only_if_its_room_rounded_down_is_the_need_rounded_up() {
        let (mut fsm, rules) = (Fsm::default(), Rules::default());
        fsm.record(7, 95);
        fsm.vacuum(0, rules);
        assert_eq!(fsm.get(7), 64);
        assert_eq!(fsm.search(65, rules), None);
        assert_eq!(fsm.search(64, rules), Some(7));
    }

    #[test]
    fn a_search_goes_on_where_the_last_one_ended_and_wraps() {
        let (mut fsm, rules) = (Fsm::default(), Rules::default());
        for block in [3, 900, 4068] {
            fsm.record(block, 3200);
        }
        fsm.vacuum(0, rules);
        let found: Vec<_> = (0..4).map(|_| fsm.search(3000, rules)).collect();
        assert_eq!(found, [Some(3), Some(900), Some(4068), Some(3)]);
        let first = rules.without(Rule::FsmNextSlot);
        assert_eq!([fsm.search(3000, first), fsm.search(3000, first)], [Some(3), Some(3)]);
    }

    #[test]
    fn a_restart_forgets_a_search_that_wrote_nothing() {
        let (mut fsm, rules) = (Fsm::default(), Rules::default());
        for block in [3, 900] {
            fsm.record(block, 3200);
        }
        fsm.vacuum(0, rules);
        fsm.restart(rules);
        assert_eq!(fsm.search(3000, rules), Some(3));
        fsm.restart(rules);
        assert_eq!(fsm.search(3000, rules), Some(3), "the page was clean");
        fsm.record(900, 3300);
        fsm.restart(rules);
        assert_eq!(fsm.search(3000, rules), Some(900), "the page was dirty");
    }

    #[test]
    fn upper_levels_learn_of_room_by_vacuum_only() {
        let (mut fsm, rules) = (Fsm::default(), Rules::default());
        fsm.record(5000, 3200);
        assert_eq!(fsm.search(3000, rules), None);
        assert_eq!(fsm.record_and_search(4999, 0, 3000, rules), Some(5000), "it is on its page");
        fsm.vacuum(0, rules);
        assert_eq!(fsm.search(3000, rules), Some(5000));
        fsm.truncate(4500, rules);
        assert_eq!(fsm.search(3000, rules), None);
    }
}
