//! What another session holds back: a transaction that is opened and left alone.
//!
//! Whether it holds anything is not for this file to say. It only does what such a session does;
//! the table's own horizon answers, and the report is made of that answer.

use crate::Xid;
use crate::op::{Op, Refused, Step};
use crate::session::{Isolation, SessionId};
use crate::soak::params::Hold;
use crate::table::Table;

/// By what a session keeps old versions from being taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// A snapshot that it may still look through.
    Snapshot,
    /// A transaction number that has not ended.
    Xid,
}

/// The session that the horizon hangs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder {
    /// Which one; workers come first, then who samples, autovacuum, and the one that holds.
    pub session: SessionId,
    /// By what.
    pub by: By,
    /// The transaction number from which on nothing may be taken away.
    pub horizon: u32,
}

/// Opens the transaction. A cursor's snapshot is registered as long as it is open, which to
/// everybody else is what a transaction's snapshot is under REPEATABLE READ.
pub(super) fn begin(hold: Hold, session: SessionId, table: &mut Table) -> Result<(), Refused> {
    hold.opens().into_iter().try_for_each(|op| table.apply(Step { session, op }).map(drop))
}

impl Hold {
    /// What opens it.
    pub(crate) fn opens(self) -> Vec<Op> {
        let (isolation, op) = match self {
            Hold::None => return Vec::new(),
            Hold::RcSelect => (Isolation::ReadCommitted, Op::TakeSnapshot),
            Hold::RcXid => (Isolation::ReadCommitted, Op::TakeXid),
            Hold::Rr | Hold::Cursor => (Isolation::RepeatableRead, Op::TakeSnapshot),
        };
        vec![Op::Begin(isolation), op]
    }
}

/// Ends it.
pub(super) fn end(session: SessionId, table: &mut Table) -> Result<(), Refused> {
    table.apply(Step { session, op: Op::Commit })?;
    Ok(())
}

impl Table {
    /// Who holds the oldest number or snapshot; none if nobody has any open.
    pub fn holder(&self) -> Option<Holder> {
        let sessions = self.heap.backends.sessions.iter().enumerate();
        let held = sessions.flat_map(|(at, it)| {
            let held = |by, horizon: Xid| Holder { session: at as SessionId, by, horizon };
            [held(By::Xid, it.xid), held(By::Snapshot, it.xmin)]
        });
        held.filter(|it| it.horizon != 0).min_by_key(|it| it.horizon)
    }
}
