//! What one backend knows and nobody else does: its target page, its idea of the horizon, its
//! transaction, and the statistics it has not told yet.
//!
//! Two backends doing the same thing leave different pages behind, because these differ. All of it
//! is lost when the connection is.

use crate::Xid;

/// A backend, by its place in the table's list.
pub type SessionId = u16;

/// Which snapshot the statements of a transaction use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Each statement takes its own.
    ReadCommitted,
    /// All use the first statement's.
    RepeatableRead,
}

/// What is visible to a statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// The oldest transaction that ran, or the next one if none did.
    pub(crate) xmin: Xid,
    /// The next transaction: it and all later ones are invisible.
    pub(crate) xmax: Xid,
    /// Who else ran.
    pub(crate) running: Vec<Xid>,
}

impl Snapshot {
    /// Whether what `xid` did is seen, if it committed and is not our own.
    #[inline]
    pub(crate) fn sees(&self, xid: Xid) -> bool {
        xid < self.xmax && (self.running.is_empty() || !self.running.contains(&xid))
    }
}

/// GlobalVisState: two bounds on what somebody may still need, and when they were last computed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GlobalVis {
    /// What is older is needed by nobody.
    pub(crate) maybe_needed: Xid,
    /// What is not older may be needed.
    pub(crate) definitely_needed: Xid,
    /// The snapshot's xmin when the bounds were computed; 0 if they never were.
    pub(crate) computed_at: Xid,
}

/// What a rollback has to undo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undo {
    pub(crate) block: u32,
    pub(crate) line: u16,
    /// Whether the row was made, rather than deleted or replaced.
    pub(crate) made: bool,
}

/// Counts that a transaction adds up, and that count differently if it rolls back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) inserted: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: i64,
}

/// What a transaction block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Block {
    /// None: each statement is a transaction.
    None,
    /// Open.
    Open(Isolation),
    /// Open, but a statement failed: all others are refused until it ends.
    Failed,
}

/// A backend.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// smgr_targblock: the page that took the last row.
    pub(crate) target: Option<u32>,
    /// rd_amcache: the index page from which a search began, and its level.
    pub(crate) index_root: Option<(u32, u8)>,
    pub(crate) vis: GlobalVis,
    /// RecentXmin: the xmin of the last snapshot taken.
    pub(crate) recent: Xid,
    /// The transaction's number; 0 while it has none.
    pub(crate) xid: Xid,
    /// The xmin that others must respect; 0 if none.
    pub(crate) xmin: Xid,
    pub(crate) block: Block,
    pub(crate) snapshot: Snapshot,
    /// Whether `snapshot` is one to be kept until the transaction ends.
    pub(crate) kept: bool,
    pub(crate) undo: Vec<Undo>,
    pub(crate) changes: Changes,
    /// Live rows more than the collector knows.
    pub(crate) live_delta: i64,
    /// Dead rows more than the collector knows.
    pub(crate) dead_delta: i64,
}

impl Session {
    pub(crate) fn new() -> Self {
        Session {
            target: None,
            index_root: None,
            vis: GlobalVis::default(),
            recent: 0,
            xid: 0,
            xmin: 0,
            block: Block::None,
            snapshot: Snapshot::default(),
            kept: false,
            undo: Vec::new(),
            changes: Changes::default(),
            live_delta: 0,
            dead_delta: 0,
        }
    }

    /// Whether it is in a transaction block.
    pub(crate) fn in_block(&self) -> bool {
        self.block != Block::None
    }
}
