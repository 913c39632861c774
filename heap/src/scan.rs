//! Finding a row by its key: what an index scan looks at on the way, and what it leaves behind.
//!
//! The scan reads all of a leaf's entries of the key at once and does not stop at the row, although
//! the key is unique; what it does to the row happens in between. On leaving the leaf it marks the
//! entries behind which nobody can see anything, if the leaf is still as it was.

use crate::Tid;
use crate::heap::Heap;
use crate::keys::Key;
use crate::rules::Rule;
use crate::table::Table;

/// What is behind an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Visible(Tid),
    /// Nothing, but somebody else may see something.
    Nothing,
    /// Nothing, for nobody.
    Gone,
}

/// A row that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) tid: Tid,
    /// The line pointer that its index entry names.
    pub(crate) root: u16,
}

impl Heap {
    /// heap_hot_search_buffer, with the statement's snapshot.
    pub(crate) fn look(&mut self, tid: Tid) -> Seen {
        let (mut seen, mut gone) = (None, true);
        let just_made = self.just_made;
        self.walk(tid, |backends, at, row| {
            if row.aborted() {
                return false;
            }
            let my = backends.mine();
            let own = my.xid != 0;
            let made = own && row.xmin == my.xid && just_made != Some(at)
                || !(own && row.xmin == my.xid) && my.snapshot.sees(row.xmin);
            let deleted =
                row.xmax != 0 && (own && row.xmax == my.xid || my.snapshot.sees(row.xmax));
            if made && !deleted {
                seen = Some(at);
                return true;
            }
            gone = gone && backends.surely_dead(row);
            false
        });
        match seen {
            Some(at) => Seen::Visible(at),
            None if gone => Seen::Gone,
            None => Seen::Nothing,
        }
    }
}

impl Table {
    /// Looks for the row with this key and does `act` to it when it is found: whether it was.
    /// With `stop` the scan ends there, as that of an ON CONFLICT clause does.
    pub(crate) fn scan(
        &mut self,
        key: Key,
        stop: bool,
        mut act: impl FnMut(&mut Table, Found),
    ) -> bool {
        if let Some(tid) = self.index.sole(key) {
            // One entry that is not marked: the leaf need not be read to know what is found.
            self.heap.prune_on_access(tid.block());
            if let Seen::Visible(at) = self.heap.look(tid) {
                act(self, Found { tid: at, root: tid.line() });
                return true;
            }
        }
        self.scan_leaves(key, stop, &mut act)
    }

    #[cold]
    fn scan_leaves(
        &mut self,
        key: Key,
        stop: bool,
        act: &mut impl FnMut(&mut Table, Found),
    ) -> bool {
        let stop = stop || !self.heap.rules.has(Rule::ScanPastMatch);
        let Some(mut leaf) = self.index.leaf(&mut self.heap, key) else { return false };
        let (mut hit, mut first, mut block) = (false, true, None);
        let mut killed: Vec<usize> = Vec::new();
        loop {
            let (next, lsn) = (self.index.read_leaf(leaf, key, first), self.index.lsn(leaf));
            let found = self.index.take_found();
            if let (true, None, [(_, tid)]) = (first, next, &found[..]) {
                self.index.know(key, *tid);
            }
            killed.clear();
            for entry in found.chunk_by(|one, other| one.0 == other.0) {
                if hit && stop {
                    break;
                }
                let mut gone = true;
                for (_, tid) in entry {
                    if block != Some(tid.block()) {
                        self.heap.prune_on_access(tid.block());
                        block = Some(tid.block());
                    }
                    match self.heap.look(*tid) {
                        Seen::Gone => {}
                        Seen::Nothing => gone = false,
                        Seen::Visible(at) => {
                            (gone, hit) = (false, true);
                            act(self, Found { tid: at, root: tid.line() });
                        }
                    }
                }
                if gone {
                    killed.push(entry[0].0);
                }
            }
            self.index.put_found_back(found);
            // Whatever the rule says: what has moved cannot be marked where it was.
            if self.index.lsn(leaf) == lsn {
                for head in &killed {
                    self.index.mark(&mut self.heap, leaf, *head);
                }
            }
            match next {
                Some(next) if !(hit && stop) => (leaf, first) = (next, false),
                _ => return hit,
            }
        }
    }
}
