//! Bottom-up deletion: before a page splits over versions, the heap is asked which are garbage.
//!
//! Asking costs a heap page each, so at most six are looked at, those that promise most first, and
//! the search ends when enough was found or a page gave nothing. What promises is a key with several
//! entries. A pass that found too little is followed by deduplication, and then by a split.

use super::{BTree, page::entry_size};
use crate::Tid;
use crate::heap::Heap;
use crate::layout::{BLCKSZ, LINE_POINTER};

/// BOTTOMUP_MAX_NBLOCKS: heap pages that are looked at.
const BLOCKS_MAX: usize = 6;
/// BOTTOMUP_TOLERANCE_NBLOCKS: heap pages as near to each other count as neighbours.
const NEAR: u32 = 3;

/// A row that could go.
#[derive(Clone, Copy)]
struct Candidate {
    tid: Tid,
    slot: usize,
    promising: bool,
    /// Bytes that it would free.
    frees: usize,
}

/// Candidates in one heap page.
#[derive(Clone, Copy)]
struct Group {
    block: u32,
    begin: usize,
    count: usize,
    promising: usize,
}

impl BTree {
    /// _bt_bottomupdel_pass: whether no deduplication is called for.
    pub(super) fn bottom_up(&mut self, heap: &mut Heap, page: u32, size: usize) -> bool {
        heap.events.bottom_ups += 1;
        let need = size + LINE_POINTER;
        let (mut candidates, duplicates) = self.candidates(page);
        candidates.sort_unstable_by_key(|it| it.tid);
        let mut gone = Vec::new();
        let target = need.max(BLCKSZ / 16);
        collect(heap, &candidates, target, &mut gone);
        gone.sort_unstable();
        self.remove(page, &gone);
        !duplicates || self.page(page).exact_free() >= need.max(BLCKSZ / 24)
    }

    /// All rows that a page names, and whether a key has several entries.
    fn candidates(&self, page: u32) -> (Vec<Candidate>, bool) {
        let leaf = self.page(page);
        let entries: Vec<(usize, usize)> = leaf.ranges().collect();
        let mut candidates = Vec::with_capacity(leaf.slots.len());
        let (mut first, mut any) = (0, false);
        while first < entries.len() {
            let behind = self.run_end(page, &entries, first, BLCKSZ);
            let several = behind - first > 1;
            any |= several;
            for &(begin, end) in &entries[first..behind] {
                self.candidates_of(page, begin, end, several, &mut candidates);
            }
            first = behind;
        }
        (candidates, any)
    }

    /// Where a run of entries with one key ends, which together take no more than `most` bytes.
    pub(super) fn run_end(
        &self,
        page: u32,
        entries: &[(usize, usize)],
        first: usize,
        most: usize,
    ) -> usize {
        let slots = &self.page(page).slots;
        let key = slots[entries[first].0].key;
        let single = self.keys.size(key);
        let mut rows = entries[first].1 - entries[first].0;
        let mut behind = first + 1;
        while let Some(&(begin, end)) = entries.get(behind) {
            let together = crate::layout::maxalign(single + 6 * (rows + end - begin));
            if slots[begin].key != key || together > most {
                break;
            }
            rows += end - begin;
            behind += 1;
        }
        behind
    }

    fn candidates_of(
        &self,
        page: u32,
        begin: usize,
        end: usize,
        several: bool,
        candidates: &mut Vec<Candidate>,
    ) {
        let slots = &self.page(page).slots;
        let block = |at: usize| slots[at].tid().block();
        if end - begin == 1 {
            let frees = entry_size(&self.keys, slots[begin].key, 1) + LINE_POINTER;
            let tid = slots[begin].tid();
            return candidates.push(Candidate { tid, slot: begin, promising: several, frees });
        }
        // Of a posting list one row at most promises something: at the end that is less spread.
        let (low, middle, high) = (block(begin), block((begin + end) / 2), block(end - 1));
        let promising = match several {
            true if low == middle => Some(begin),
            true if middle == high => Some(end - 1),
            _ => None,
        };
        for (slot, named) in slots.iter().enumerate().take(end).skip(begin) {
            let promising = promising == Some(slot);
            candidates.push(Candidate { tid: named.tid(), slot, promising, frees: 6 });
        }
    }
}

/// Asks the heap, the most promising page first, and collects what can go until it is enough.
fn collect(heap: &mut Heap, candidates: &[Candidate], target: usize, gone: &mut Vec<usize>) {
    let groups = groups(candidates);
    let mut favourable = neighbours(&groups);
    let (mut target, mut freed, mut freed_before) = (target, 0, 0);
    for (number, group) in groups.iter().enumerate() {
        if number > 0 && freed == freed_before {
            return;
        }
        freed_before = freed;
        if favourable > 0 {
            favourable -= 1;
        } else {
            target /= 2;
        }
        let mut enough = false;
        for candidate in &candidates[group.begin..group.begin + group.count] {
            if heap.vacuumable(candidate.tid) {
                gone.push(candidate.slot);
                freed += candidate.frees;
                enough |= freed >= target;
            }
        }
        if enough {
            return;
        }
    }
}

/// The heap pages worth looking at, in that order.
fn groups(candidates: &[Candidate]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let block = candidate.tid.block();
        if groups.last().is_none_or(|it| it.block != block) {
            groups.push(Group { block, begin: at, count: 0, promising: 0 });
        }
        if let Some(group) = groups.last_mut() {
            group.count += 1;
            group.promising += usize::from(candidate.promising);
        }
    }
    groups.sort_unstable_by_key(|it| {
        let promising = it.promising.max(4).next_power_of_two();
        (std::cmp::Reverse((promising, it.count.next_power_of_two())), it.block)
    });
    groups.truncate(BLOCKS_MAX);
    groups
}

/// How many of the first groups lie side by side: those are cheap to read.
fn neighbours(groups: &[Group]) -> usize {
    let near = |pair: &&[Group]| pair[0].block.abs_diff(pair[1].block) <= NEAR;
    groups.windows(2).take_while(near).count() + usize::from(!groups.is_empty())
}
