//! A queue's claim: the first row that nobody else is at, found in order and deleted.
//!
//! `DELETE .. WHERE run_id = (SELECT run_id .. ORDER BY run_id LIMIT 1 FOR UPDATE SKIP LOCKED)`. What
//! makes it dear is what lies before that row: entries of rows that were claimed before. Once
//! nobody can see them any more the first who walks over them marks them, and the next skips them;
//! as long as somebody can, every claim goes to the heap for every one of them.
//!
//! What a statement reads is counted as `EXPLAIN (ANALYZE, BUFFERS)` counts it: a page each time it
//! is asked for, not each time another one is, and nothing of what is done when the plan is ended.
//! So it depends on where the backend began to search the last time: see [`Reads`].

use crate::op::{Answer, Refused};
use crate::scan::Seen;
use crate::table::Table;

/// What claims read. Pages are counted as `shared hit` and `read` of a plan together, of a session
/// that has searched the index since its root moved up; else there are two more, or one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Reads {
    /// Pages of the index.
    pub index: u64,
    /// Pages of the heap.
    pub heap: u64,
    /// Pages of the visibility map.
    pub map: u64,
    /// Index entries behind which the heap was looked at, a row of a posting list each.
    pub entries: u64,
    /// Those of them behind which there was nothing to be seen.
    pub dead: u64,
}

impl Reads {
    /// Pages, as a plan's `Shared Hit Blocks` and `Shared Read Blocks` together have them.
    pub fn pages(&self) -> u64 {
        self.index + self.heap + self.map
    }
}

impl Table {
    /// What the last [claim](crate::Op::Claim) read.
    pub fn reads(&self) -> Reads {
        self.heap.reads
    }

    /// Deletes the first row, if there is one.
    pub(crate) fn claim(&mut self) -> Result<Answer, Refused> {
        self.heap.reads = Reads::default();
        let Some(mut leaf) = self.index.first_leaf() else { return Ok(Answer::Rows(0)) };
        let begin = self.index.begin(self.heap.backends.mine().index_root);
        self.heap.backends.my().index_root = Some(begin);
        self.heap.reads.index = u64::from(begin.1) + 1;
        let mut block = None;
        loop {
            let (next, lsn) = (self.index.read_whole_leaf(leaf), self.index.lsn(leaf));
            let found = self.index.take_found();
            let mut killed: Vec<usize> = Vec::new();
            let mut first = None;
            for entry in found.chunk_by(|one, other| one.0 == other.0) {
                let mut gone = true;
                for (_, tid) in entry {
                    if block != Some(tid.block()) {
                        self.heap.prune_on_access(tid.block());
                        self.heap.reads.heap += 1;
                        block = Some(tid.block());
                    }
                    self.heap.reads.entries += 1;
                    match self.heap.look(*tid) {
                        Seen::Visible(at) if self.take(at.block(), self.refusal(at)) => {
                            first = Some(self.index.key(leaf, entry[0].0));
                        }
                        Seen::Gone => self.heap.reads.dead += 1,
                        seen => {
                            self.heap.reads.dead += u64::from(seen == Seen::Nothing);
                            gone = false;
                        }
                    }
                    if first.is_some() {
                        break;
                    }
                }
                if first.is_some() {
                    break;
                }
                if gone {
                    killed.push(entry[0].0);
                }
            }
            self.index.put_found_back(found);
            let answer = first.map(|key| self.delete_claimed(key));
            // Of the leaf that it ends on, entries are marked when the plan is ended.
            if answer.is_none() && !killed.is_empty() {
                self.heap.reads.index += 1;
            }
            if self.index.lsn(leaf) == lsn {
                killed.iter().for_each(|head| self.index.mark(&mut self.heap, leaf, *head));
            }
            match (answer, next) {
                (Some(answer), _) => return answer,
                (None, None) => return Ok(Answer::Rows(0)),
                (None, Some(next)) => leaf = next,
            }
            self.heap.reads.index += 1;
        }
    }

    /// Locks a row that was found: whether it could be had. Who is at it already is skipped.
    fn take(&mut self, block: u32, refused: Option<Refused>) -> bool {
        self.heap.reads.heap += 1;
        let page = self.heap.page(block);
        let visible = page.all_visible;
        self.heap.reads.map += u64::from(visible);
        if refused.is_some() {
            return false;
        }
        self.heap.page(block).all_frozen = false;
        self.heap.backends.xid();
        true
    }

    /// The row is found again by its key, and deleted.
    fn delete_claimed(&mut self, key: crate::Key) -> Result<Answer, Refused> {
        let visible = self.index.sole(key).map(|it| self.heap.page(it.block()).all_visible);
        let (_, level) = self.index.begin(self.heap.backends.mine().index_root);
        self.heap.reads.index += u64::from(level) + 1;
        // To find it, and to delete it.
        self.heap.reads.heap += 2;
        self.heap.reads.map += u64::from(visible == Some(true));
        self.delete(key)
    }
}
