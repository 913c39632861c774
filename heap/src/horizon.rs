//! Who may still need an old version: snapshots, running transactions, and what a backend believes.
//!
//! A backend does not ask everybody at each page. It keeps two bounds and computes them anew only
//! when its answer hangs on them and its own snapshot has moved on since. So after a holder is gone
//! it may go on believing in it for as long as no transaction number is handed out.

use crate::Xid;
use crate::line::Line;
use crate::rules::{Rule, Rules};
use crate::session::{Block, Isolation, Session, SessionId};

/// All backends, and the next transaction number.
#[derive(Clone, Debug)]
pub(crate) struct Backends {
    pub(crate) sessions: Vec<Session>,
    /// The next transaction number to be handed out.
    pub(crate) next_xid: Xid,
    /// Whose statement runs.
    pub(crate) me: usize,
    /// Sessions that hold a number or an xmin between statements. While there are none, nobody
    /// but the statement that runs has to be asked.
    holders: usize,
    pub(crate) rules: Rules,
}

impl Backends {
    pub(crate) fn new(sessions: u16, first_xid: Xid, rules: Rules) -> Self {
        let sessions = (0..sessions.max(1)).map(|_| Session::new()).collect();
        Backends { sessions, next_xid: first_xid, me: 0, holders: 0, rules }
    }

    #[inline]
    pub(crate) fn my(&mut self) -> &mut Session {
        &mut self.sessions[self.me]
    }

    #[inline]
    pub(crate) fn mine(&self) -> &Session {
        &self.sessions[self.me]
    }

    /// Begins a statement: takes a snapshot, unless the transaction keeps one.
    pub(crate) fn begin_statement(&mut self, session: SessionId) {
        self.me = usize::from(session);
        let next = self.next_xid;
        if self.holders == 0 {
            let my = self.my();
            (my.snapshot.xmin, my.snapshot.xmax) = (next, next);
            my.snapshot.running.clear();
        } else if !self.mine().kept {
            self.take_snapshot();
        }
        let my = self.my();
        my.recent = my.snapshot.xmin;
        my.xmin = my.recent;
        my.vis.definitely_needed = my.vis.definitely_needed.max(my.recent);
    }

    fn take_snapshot(&mut self) {
        let mut snapshot = std::mem::take(&mut self.my().snapshot);
        (snapshot.xmin, snapshot.xmax) = (self.next_xid, self.next_xid);
        snapshot.running.clear();
        for (at, session) in self.sessions.iter().enumerate() {
            if session.xid != 0 {
                snapshot.xmin = snapshot.xmin.min(session.xid);
                if at != self.me {
                    snapshot.running.push(session.xid);
                }
            }
        }
        let my = self.my();
        my.kept = my.block == Block::Open(Isolation::RepeatableRead);
        my.snapshot = snapshot;
    }

    /// Ends a statement. Outside of a block the transaction ends with it.
    #[inline]
    pub(crate) fn end_statement(&mut self) {
        let my = self.my();
        if my.in_block() {
            if !my.kept {
                my.xmin = 0;
            }
        } else {
            (my.xid, my.xmin) = (0, 0);
        }
    }

    /// A block begins, or ends.
    pub(crate) fn count_holders(&mut self) {
        self.holders = self.sessions.iter().filter(|it| it.in_block()).count();
    }

    /// Gives the transaction a number if it has none.
    #[inline]
    pub(crate) fn xid(&mut self) -> Xid {
        if self.mine().xid == 0 {
            self.my().xid = self.next_xid;
            self.next_xid += 1;
        }
        self.mine().xid
    }

    /// Whether `xid` has not ended.
    #[inline]
    pub(crate) fn is_running(&self, xid: Xid) -> bool {
        if self.holders == 0 {
            return xid == self.mine().xid;
        }
        // What is older than everything that ran at the own snapshot has ended before it.
        if xid < self.mine().snapshot.xmin {
            return false;
        }
        self.sessions.iter().any(|session| session.xid == xid)
    }

    /// The oldest number that anybody may need, with `my_xmin` in place of the own xmin.
    pub(crate) fn oldest(&self, my_xmin: Xid) -> Xid {
        let mut oldest = self.next_xid;
        let mut respect = |xid: Xid| {
            if xid != 0 {
                oldest = oldest.min(xid);
            }
        };
        respect(my_xmin);
        respect(self.mine().xid);
        if self.holders > 0 {
            for (at, session) in self.sessions.iter().enumerate() {
                respect(session.xid);
                if at != self.me {
                    respect(session.xmin);
                }
            }
        }
        oldest
    }

    /// GlobalVisTestIsRemovableXid: whether nobody can need what `xid` deleted.
    #[inline]
    pub(crate) fn removable(&mut self, xid: Xid) -> bool {
        let vis = self.mine().vis;
        if xid < vis.maybe_needed {
            return true;
        }
        if xid >= vis.definitely_needed {
            return false;
        }
        self.removable_after_update(xid)
    }

    #[cold]
    fn removable_after_update(&mut self, xid: Xid) -> bool {
        let my = self.mine();
        let (vis, recent) = (my.vis, my.recent);
        let settled = vis.computed_at != 0 && vis.maybe_needed >= vis.definitely_needed;
        let lags = vis.computed_at == recent && self.rules.has(Rule::HorizonLag);
        if settled || lags {
            return false;
        }
        self.learn(self.oldest(self.mine().xmin));
        xid < self.mine().vis.maybe_needed
    }

    /// Notes the horizon as it was just computed.
    pub(crate) fn learn(&mut self, horizon: Xid) {
        let my = self.my();
        my.vis.maybe_needed = horizon;
        my.vis.definitely_needed = my.vis.definitely_needed.max(horizon);
        my.vis.computed_at = my.recent;
    }

    /// Whether nobody who began before `xid` is left.
    pub(crate) fn is_past(&self, xid: Xid) -> bool {
        xid < self.oldest(self.mine().xmin)
    }

    /// HeapTupleIsSurelyDead, of a row that is not visible.
    #[inline]
    pub(crate) fn surely_dead(&mut self, row: &Line) -> bool {
        row.aborted()
            || row.xmax != 0
                && !self.is_running(row.xmin)
                && !self.is_running(row.xmax)
                && self.removable(row.xmax)
    }
}
