//! Splitting: the right half moves to a new page, and the page above learns of it.
//!
//! The new high key is cut down to what tells the halves apart: the key alone, unless both sides
//! have it; then it also names the last row on the left. A parent that is full splits too.

use super::page::entry_size;
use super::point::{Full, Strategy};
use super::{At, BPage, BTree, Pivot, Stack};
use crate::heap::Heap;
use crate::layout::LINE_POINTER;
use crate::rules::Rule;

impl BTree {
    /// Splits a leaf whose slots are more than fit; the new entry is the one that begins at `new`.
    pub(super) fn split_leaf(&mut self, heap: &mut Heap, number: u32, new: usize, stack: Stack) {
        let leaf = self.page(number);
        let entries: Vec<(usize, usize)> = leaf.ranges().collect();
        let key = |entry: &(usize, usize)| leaf.slots[entry.0].key;
        let size = |it: &(usize, usize)| entry_size(&self.keys, key(it), it.1 - it.0);
        let sizes: Vec<usize> = entries.iter().map(|it| size(it) + LINE_POINTER).collect();
        let lists: Vec<usize> =
            entries.iter().map(|it| size(it) - self.keys.size(key(it))).collect();
        let mut same = vec![false; entries.len()];
        for (at, pair) in entries.windows(2).enumerate() {
            same[at + 1] = key(&pair[0]) == key(&pair[1]);
        }
        let new = entries.partition_point(|it| it.0 < new);
        let full = Full {
            leaf: true,
            rightmost: leaf.right == 0,
            sizes: &sizes,
            lists: &lists,
            same: &same,
            new,
            high_key: leaf.high_key.map_or(0, |it| it.space()),
            high_key_same: leaf.high_key.is_some_and(|it| it.key == Some(key(&entries[new]))),
            unstable: heap.rules.has(Rule::UnstableSort),
        };
        let (point, strategy) = full.split_point();
        heap.events.many_duplicates += u64::from(strategy == Strategy::ManyDuplicates);
        heap.events.single_value += u64::from(strategy == Strategy::SingleValue);
        let first_right = entries[point].0;
        let slots = &leaf.slots;
        let (last, first) = (slots[first_right - 1], slots[first_right]);
        let single = self.keys.size(first.key) as u16;
        let high_key = match last.key == first.key {
            false => Pivot { key: Some(first.key), at: At::CutOff, child: 0, size: single },
            true => {
                let at = At::Row(last.tid());
                Pivot { key: Some(first.key), at, child: 0, size: single + 8 }
            }
        };
        // The high key, and the entry above.
        self.keys.hold(first.key);
        self.keys.hold(first.key);
        let right = self.new_page(heap, 0);
        let moved = self.pages[number as usize].slots.split_off(first_right);
        self.pages[right as usize].slots = moved;
        self.link_right(heap, number, right, high_key, stack);
    }

    /// Splits an inner page, whose entry `new` is one too many.
    fn split_inner(&mut self, heap: &mut Heap, number: u32, new: usize, stack: Stack) {
        heap.events.inner_splits += 1;
        let page = self.page(number);
        let sizes: Vec<usize> = page.pivots.iter().map(Pivot::space).collect();
        let full = Full {
            leaf: false,
            rightmost: page.right == 0,
            sizes: &sizes,
            lists: &vec![0; sizes.len()],
            same: &[],
            new,
            high_key: page.high_key.map_or(0, |it| it.space()),
            high_key_same: false,
            unstable: heap.rules.has(Rule::UnstableSort),
        };
        let (first_right, _) = full.split_point();
        let level = page.level;
        let high_key = Pivot { child: 0, ..page.pivots[first_right] };
        let right = self.new_page(heap, level);
        let mut moved = self.pages[number as usize].pivots.split_off(first_right);
        // Its key is named by the high key instead, and by the entry above.
        if let Some(key) = moved[0].key {
            self.keys.hold(key);
        }
        moved[0] = Pivot::minus_infinity(moved[0].child);
        self.pages[right as usize].pivots = moved;
        self.link_right(heap, number, right, high_key, stack);
    }

    /// Makes `right` the right neighbour of `left`, below whose new high key it begins.
    fn link_right(
        &mut self,
        heap: &mut Heap,
        left: u32,
        right: u32,
        high_key: Pivot,
        stack: Stack,
    ) {
        heap.events.splits += 1;
        let page = &mut self.pages[left as usize];
        let (old_high_key, beyond) = (page.high_key.replace(high_key), page.right);
        page.right = right;
        let page = &mut self.pages[right as usize];
        (page.high_key, page.left, page.right) = (old_high_key, left, beyond);
        if beyond != 0 {
            self.pages[beyond as usize].left = right;
            self.touch(beyond);
        }
        for number in [left, right] {
            self.pages[number as usize].recount(&self.keys);
            self.touch(number);
        }
        self.insert_parent(heap, left, Pivot { child: right, ..high_key }, stack);
    }

    /// _bt_insert_parent: an entry above for the right half of what was `left`.
    fn insert_parent(&mut self, heap: &mut Heap, left: u32, down: Pivot, mut stack: Stack) {
        if self.page(left).root {
            return self.new_root(heap, left, down);
        }
        let (above, hint) = stack.pop().unwrap_or_else(|| self.stack_above(left));
        let there = self.page(above).pivots.get(hint).is_some_and(|it| it.child == left);
        let (above, at) = if there { (above, hint) } else { self.parent(above, left) };
        let fits = self.page(above).free() >= usize::from(down.size);
        self.pages[above as usize].pivots.insert(at + 1, down);
        if !fits {
            return self.split_inner(heap, above, at + 1, stack);
        }
        self.pages[above as usize].used += down.space() as u16;
        self.touch(above);
        // The only page of its level was the fast root; now the one above it is.
        let alone = self.page(left).left == 0 && self.page(down.child).right == 0;
        if alone && self.page(self.fast_root).level < self.page(above).level {
            self.fast_root = above;
        }
        self.stack = stack;
    }

    fn new_root(&mut self, heap: &mut Heap, left: u32, down: Pivot) {
        let level = self.page(left).level + 1;
        self.pages[left as usize].root = false;
        let root = self.new_page(heap, level);
        let pivots = vec![Pivot::minus_infinity(left), down];
        self.pages[root as usize] = BPage { root: true, pivots, ..BPage::new(level) };
        self.pages[root as usize].recount(&self.keys);
        (self.root, self.fast_root) = (root, root);
        self.touch(root);
    }
}
