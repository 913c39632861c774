//! The table: one operation after another, each by some session.

use crate::Xid;
use crate::btree::BTree;
use crate::heap::Heap;
use crate::horizon::Backends;
use crate::keys::{Key, Keys};
use crate::op::{Answer, Op, Refused, Step};
use crate::rules::Rules;
use crate::session::{Block, Changes, Isolation, Session, SessionId};
use crate::stats::{Events, Stats};

/// The first transaction number. Real ones begin as low.
const FIRST_XID: Xid = 1000;
/// Freezing would begin to matter long before.
const LAST_XID: Xid = 2_000_000_000;

/// A table with its primary key, and the sessions that use it.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) heap: Heap,
    pub(crate) index: BTree,
}

impl Table {
    /// An empty table, to be used by so many sessions. `fillfactor` is in percent, 10 to 100.
    pub fn new(fillfactor: u8, sessions: u16) -> Self {
        Self::with_rules(fillfactor, sessions, Rules::default())
    }

    /// An empty table in a world where not all rules hold.
    pub fn with_rules(fillfactor: u8, sessions: u16, rules: Rules) -> Self {
        assert!((10..=100).contains(&fillfactor), "a fillfactor of {fillfactor}: 10 to 100");
        let backends = Backends::new(sessions, FIRST_XID, rules);
        Table { heap: Heap::new(fillfactor, backends), index: BTree::new() }
    }

    /// Adds a key that was not added before. Keys are ordered by their bytes.
    pub fn add_key(&mut self, key: &[u8]) -> Key {
        self.index.keys.add(key)
    }

    /// The caller will not name this key again: when no index entry does, its number and its memory
    /// are for another key. Without it memory grows with every key there ever was.
    pub fn forget_key(&mut self, key: Key) {
        self.index.keys.forget(key);
    }

    /// All keys added.
    pub fn keys(&self) -> &Keys {
        &self.index.keys
    }

    /// What the statistics collector was told.
    pub fn stats(&self) -> Stats {
        self.heap.stats
    }

    /// What happened so far.
    pub fn events(&self) -> Events {
        self.heap.events
    }

    /// Pages of the table.
    pub fn heap_pages(&self) -> usize {
        self.heap.pages.len()
    }

    /// Pages of the index, its meta page included once there is a row.
    pub fn index_pages(&self) -> usize {
        self.index.pages.len()
    }

    /// The level of the index's root; 0 is a leaf.
    pub fn index_height(&self) -> u8 {
        self.index.height()
    }

    /// Does one operation.
    pub fn apply(&mut self, step: Step) -> Result<Answer, Refused> {
        let Step { session, op } = step;
        if self.heap.backends.next_xid > LAST_XID {
            return Err(Refused::OutOfXids);
        }
        self.heap.backends.me = usize::from(session);
        match op {
            Op::Begin(isolation) => self.begin(isolation),
            Op::Commit => self.end_block(false),
            Op::Rollback => self.end_block(true),
            Op::Flush => self.flush(session),
            Op::Reconnect => self.reconnect(session),
            Op::Restart => self.restart(),
            _ if self.heap.backends.mine().block == Block::Failed => return Ok(Answer::Failed),
            Op::Vacuum if self.heap.backends.mine().in_block() => {
                self.heap.backends.my().block = Block::Failed;
                self.undo();
                return Ok(Answer::Failed);
            }
            Op::Vacuum => self.vacuum(),
            _ => return self.statement(session, op),
        }
        Ok(Answer::Rows(0))
    }

    fn statement(&mut self, session: SessionId, op: Op) -> Result<Answer, Refused> {
        self.heap.backends.begin_statement(session);
        self.heap.just_made = None;
        let answer = match op {
            Op::Update { key, seen, row } => self.update(key, seen, row),
            Op::Insert { key, row } => self.insert(key, row),
            Op::Upsert { key, row, update } => self.upsert(key, row, update),
            Op::Delete { key } => self.delete(key),
            Op::Select { key } => Ok(self.select(key)),
            Op::Lock { key } => self.lock(key),
            Op::Claim => self.claim(),
            Op::SeqScan => Ok(self.seq_scan()),
            Op::TakeXid => {
                self.heap.backends.xid();
                Ok(Answer::Rows(1))
            }
            Op::Analyze => {
                self.analyze();
                Ok(Answer::Rows(0))
            }
            _ => Ok(Answer::Rows(1)),
        };
        let failed = answer == Ok(Answer::Duplicate);
        if self.heap.backends.mine().in_block() {
            if failed {
                self.undo();
                self.heap.backends.my().block = Block::Failed;
            }
        } else if failed {
            self.undo();
        } else {
            self.commit();
        }
        self.heap.backends.end_statement();
        answer
    }

    fn begin(&mut self, isolation: Isolation) {
        let my = self.heap.backends.my();
        if !my.in_block() {
            my.block = Block::Open(isolation);
        }
        self.heap.backends.count_holders();
    }

    fn end_block(&mut self, undo: bool) {
        match self.heap.backends.mine().block {
            Block::None => return,
            Block::Failed => {}
            Block::Open(_) if undo => self.undo(),
            Block::Open(_) => self.commit(),
        }
        let my = self.heap.backends.my();
        (my.block, my.kept, my.xid, my.xmin) = (Block::None, false, 0, 0);
        self.heap.backends.count_holders();
    }

    #[inline]
    fn commit(&mut self) {
        let my = self.heap.backends.my();
        my.undo.clear();
        let changes = std::mem::take(&mut my.changes);
        my.live_delta += changes.inserted - changes.deleted;
        my.dead_delta += changes.updated + changes.deleted;
    }

    /// Rolls the transaction back: what it made is dead at once, what it deleted lives again.
    fn undo(&mut self) {
        let my = self.heap.backends.my();
        let undo = std::mem::take(&mut my.undo);
        let Changes { inserted, updated, .. } = std::mem::take(&mut my.changes);
        my.dead_delta += inserted + updated;
        (my.xid, my.xmin, my.kept) = (0, 0, false);
        for it in &undo {
            let page = self.heap.page(it.block);
            if it.made {
                page.abort(it.line);
                page.touched.add(it.line);
            } else {
                page.revive(it.line);
            }
        }
        self.heap.backends.my().undo = undo;
        self.heap.backends.my().undo.clear();
        self.heap.backends.count_holders();
    }

    fn flush(&mut self, session: SessionId) {
        let my = &mut self.heap.backends.sessions[usize::from(session)];
        let (live, dead) = (std::mem::take(&mut my.live_delta), std::mem::take(&mut my.dead_delta));
        let stats = &mut self.heap.stats;
        stats.live = (stats.live + live).max(0);
        stats.dead = (stats.dead + dead).max(0);
    }

    fn reconnect(&mut self, session: SessionId) {
        self.heap.backends.me = usize::from(session);
        self.end_block(true);
        self.flush(session);
        self.heap.backends.sessions[usize::from(session)] = Session::new();
    }

    fn restart(&mut self) {
        self.heap.fsm.restart(self.heap.rules);
        self.index.restart(self.heap.rules);
        for session in 0..self.heap.backends.sessions.len() {
            self.reconnect(session as SessionId);
        }
    }
}
