//! Postgres tables: transactions, row locks, unique indexes, table locks and advisory locks.
//!
//! Where `rows` is one hot row a run and as fast as can be, this is any few tables and most of what
//! queues say to them. The hard part is a statement that waits in the middle. It has locked some of
//! its rows and not yet looked at others, and when it is let on it looks again at the one it waited for:
//! under READ COMMITTED on what that row is by now, and it keeps it locked even where that no
//! longer matches; under REPEATABLE READ a row that was changed since the snapshot is an error. So a
//! statement is a task with a place (`task`), which gives up its turn only to wait.
//!
//! Whoever waits, waits for somebody: for the end of a transaction, for a table, or for an advisory
//! lock. If that leads back to who begins to wait, it is the one who hears of the deadlock: on the server
//! whoever waited before has asked by then, and found none. But where somebody in it waits for a table
//! behind others who wait, and for nobody who has it, that one is let by, and there is no deadlock.
//!
//! Held to the server reply for reply by `real/tests/tables.rs`. Not here: foreign keys and the
//! weaker row locks, savepoints, SERIALIZABLE, and plans.
//!
//! Sources: PostgreSQL 15, `src/backend/access/heap/README.tuplock`, `heapam.c` (`heap_update`,
//! `heap_lock_tuple`), `src/backend/executor/README` (EvalPlanQual), `nodeLockRows.c`,
//! `src/backend/access/nbtree/nbtinsert.c` (`_bt_check_unique`), `execIndexing.c`, `lmgr/deadlock.c`.

mod advisory;
mod heap;
mod language;
mod task;

pub use language::{
    Call, Is, Isolation, Mode, Reply, Row, Scan, Schema, Session, SqlState, Statement, Term, Test,
    Unique, Value, Wait,
};

use super::lock_table::LockTable;
use advisory::Advisory;
use heap::{Heap, Stamp, View};
use sim::prelude::*;
use task::Task;

/// What a session waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Cause {
    /// A row that another transaction holds.
    Row(usize, u32),
    /// The end of a transaction, which decides whether its row is in the way of another.
    End(u8),
    /// A lock on a table.
    Table,
    /// An advisory lock.
    Advisory,
    /// Nothing any more.
    Over,
}

/// A session, at the server's end. Its slot is a small number, free again when it idles.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Backend {
    session: Session,
    slot: u8,
    /// Whether it is in a transaction that began with BEGIN.
    in_block: bool,
    isolation: Isolation,
    /// What its transaction sees, once a statement needed to know (REPEATABLE READ).
    snapshot: Option<u64>,
    /// It met an error: nothing of its transaction is left but its end.
    failed: bool,
    /// Its client let it go, and the server has yet to notice.
    orphan: bool,
    /// The statement it is at.
    task: Option<Task>,
}

/// The tables and who works on them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tables {
    schema: Constant<&'static [Schema]>,
    heaps: Vec<Heap>,
    backends: Vec<Backend>,
    closed: Vec<Session>,
    locks: LockTable,
    advisory: Advisory,
    /// Who waits, with which call and for what, first come first.
    waiting: Vec<(u8, CallId, Cause)>,
    /// Who was let on, and has yet to go on.
    woken: Option<(CallId, u8)>,
    /// Commits that somebody's snapshot tells apart.
    commits: u64,
    now_ms: i64,
}

impl Tables {
    /// Empty tables, at time 0.
    pub fn new(schema: &'static [Schema]) -> Self {
        Tables {
            schema: Constant(schema),
            heaps: vec![Heap::default(); schema.len()],
            backends: Vec::new(),
            closed: Vec::new(),
            locks: LockTable::new(schema.len()),
            advisory: Advisory::default(),
            waiting: Vec::new(),
            woken: None,
            commits: 0,
            now_ms: 0,
        }
    }

    /// The rows of a table that are committed, by their keys.
    pub fn rows(&self, table: usize) -> impl Iterator<Item = &Row> {
        let committed = |it: &&heap::Version| {
            matches!(it.made, Stamp::At(_)) && !matches!(it.gone, Some(Stamp::At(_)))
        };
        let versions = self.heaps[table].lines().flat_map(|it| &it.versions);
        versions.filter(committed).map(|it| &it.row)
    }

    /// The server's time, in milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Lets time pass.
    pub fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// Lets a statement take effect, or go on once [`Tables::freed`] has named it. `Pending`: it
    /// waits for another session.
    ///
    /// # Panics
    ///
    /// If the session is at another statement: whoever has not heard an answer takes a new one.
    pub fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        if let Some((_, slot)) = self.woken.take_if(|(id, _)| *id == from) {
            return self.go_on(from, slot);
        }
        let session = Session { client: from.client, number: call.session };
        for number in &call.gave_up {
            self.let_go(|it| *it == Session { number: *number, ..session });
        }
        if self.closed.contains(&session) {
            return Poll::Ready(Reply::Closed);
        }
        // What lands late does so on a connection that nobody holds any more.
        let slot = self.backend(session, from.slot >= CallId::ADRIFT);
        let it = self.at(slot);
        assert!(it.task.is_none(), "a connection has one statement at a time");
        let failed = it.failed;
        let reply = match &call.statement {
            Statement::Commit => {
                self.end(slot, !failed);
                if failed { Reply::RolledBack } else { Reply::Done }
            }
            Statement::Rollback => {
                self.end(slot, false);
                Reply::Done
            }
            _ if failed => Reply::Failed(SqlState::InFailedTransaction),
            Statement::Begin(isolation) => {
                (it.in_block, it.isolation) = (true, *isolation);
                Reply::Done
            }
            statement => {
                it.task = Some(Task::new(statement.clone()));
                self.take_snapshot(slot, statement);
                return self.go_on(from, slot);
            }
        };
        self.tidy(slot);
        Poll::Ready(reply)
    }

    /// The waiting call that what just happened lets on, first come first.
    pub fn freed(&mut self) -> Option<CallId> {
        let id = self.may_be_freed().next()?;
        self.wake(id);
        Some(id)
    }

    /// All that it lets on. A server lets them on at once, and it is a race what comes of it.
    pub fn may_be_freed(&self) -> impl Iterator<Item = CallId> + '_ {
        let may = (0..self.waiting.len()).filter(|index| self.may_go_on(*index));
        may.map(|index| self.waiting[index].1)
    }

    /// Lets on one of those, out of turn or not: it is to be applied next.
    ///
    /// # Panics
    ///
    /// If the call does not wait.
    pub fn wake(&mut self, id: CallId) {
        let index = self.waiting.iter().position(|(_, it, _)| *it == id);
        let (slot, id, _) = self.waiting.remove(index.expect("who is let on has waited"));
        self.woken = Some((id, slot));
    }

    /// `client` is gone, and the server has yet to notice.
    pub fn gone(&mut self, client: ClientId) {
        self.let_go(|it| it.client == client);
    }

    /// The clients that have left a transaction open or a lock taken, each once: in due course the
    /// server closes such a session.
    pub fn orphans(&self) -> impl Iterator<Item = ClientId> + '_ {
        let left = self.backends.iter().filter(|it| self.is_left(it));
        let first = |it: &&Backend| {
            let client = it.session.client;
            let mut same = self.backends.iter().filter(|it| self.is_left(it));
            same.find(|it| it.session.client == client).map(|it| it.slot) == Some(it.slot)
        };
        left.filter(first).map(|it| it.session.client)
    }

    /// The server closes the first session that `client` has left so.
    pub fn close(&mut self, client: ClientId) {
        let left = |it: &&Backend| it.session.client == client && self.is_left(it);
        let found = self.backends.iter().find(left);
        let Backend { slot, session, .. } =
            *found.expect("only a session that was left can be closed");
        self.waiting.retain(|(waiter, ..)| *waiter != slot);
        self.at(slot).task = None;
        self.end(slot, false);
        self.advisory.end(slot, true);
        self.backends.retain(|it| it.slot != slot);
        self.closed.push(session);
    }

    fn is_left(&self, it: &Backend) -> bool {
        it.orphan && (it.in_block || self.advisory.outlives(it.slot))
    }

    fn let_go(&mut self, whose: impl Fn(&Session) -> bool) {
        let whose = |it: &&mut Backend| whose(&it.session);
        self.backends.iter_mut().filter(whose).for_each(|it| it.orphan = true);
    }

    /// The slot of a session: its own, or the smallest that is free.
    fn backend(&mut self, session: Session, orphan: bool) -> u8 {
        if let Some(it) = self.backends.iter().find(|it| it.session == session) {
            return it.slot;
        }
        let free = |slot: &u8| !self.backends.iter().any(|it| it.slot == *slot);
        let slot = (0..=u8::MAX).find(free).expect("so many sessions are at work at once");
        self.backends.push(Backend {
            session,
            slot,
            in_block: false,
            isolation: Isolation::ReadCommitted,
            snapshot: None,
            failed: false,
            orphan,
            task: None,
        });
        self.backends.sort_by_key(|it| it.slot);
        slot
    }

    fn at(&mut self, slot: u8) -> &mut Backend {
        let found = self.backends.iter_mut().find(|it| it.slot == slot);
        found.expect("a session at work has a slot")
    }

    fn of(&self, slot: u8) -> &Backend {
        let found = self.backends.iter().find(|it| it.slot == slot);
        found.expect("a session at work has a slot")
    }

    /// A session that has nothing open is no part of the state.
    fn tidy(&mut self, slot: u8) {
        let outlives = self.advisory.outlives(slot);
        let idle = |it: &Backend| !it.in_block && it.task.is_none() && !outlives;
        self.backends.retain(|it| it.slot != slot || !idle(it));
    }

    /// REPEATABLE READ sees what was committed when its first statement came, which may yet have to
    /// wait. LOCK TABLE sees nothing.
    fn take_snapshot(&mut self, slot: u8, statement: &Statement) {
        let commits = self.commits;
        let it = self.at(slot);
        let looks = !matches!(statement, Statement::LockTable { .. });
        if looks && it.isolation == Isolation::RepeatableRead {
            it.snapshot.get_or_insert(commits);
        }
    }

    /// What a statement of that session sees now.
    fn view(&self, slot: u8) -> View {
        View { by: slot, snapshot: self.of(slot).snapshot.unwrap_or(self.commits) }
    }

    /// Undoes what the transaction did, and leaves it open for its end to be said.
    fn fail(&mut self, slot: u8) {
        self.settle(slot, false);
        let it = self.at(slot);
        it.failed = it.in_block;
    }

    /// Ends the transaction, if it is in one, and commits or undoes what it did.
    fn end(&mut self, slot: u8, commit: bool) {
        self.settle(slot, commit);
        let it = self.at(slot);
        (it.in_block, it.failed, it.isolation) = (false, false, Isolation::ReadCommitted);
    }

    /// Commits or undoes what the transaction did, and lets go of its locks.
    fn settle(&mut self, slot: u8, commit: bool) {
        let changed = self.heaps.iter().any(|it| it.is_changed_by(slot));
        self.commits += u64::from(commit && changed);
        let at = commit.then_some(self.commits);
        self.heaps.iter_mut().for_each(|it| it.settle(slot, at));
        self.locks.release(slot);
        self.advisory.end(slot, false);
        for (_, _, cause) in &mut self.waiting {
            if *cause == Cause::End(slot) {
                *cause = Cause::Over;
            }
        }
        self.at(slot).snapshot = None;
        self.bury();
    }

    /// Forgets what nobody can see any more, and when the rest was committed if nobody asks.
    fn bury(&mut self) {
        let held = self.backends.iter().filter_map(|it| it.snapshot).min();
        let horizon = held.unwrap_or(self.commits);
        self.heaps.iter_mut().for_each(|it| it.bury(horizon, held.is_some()));
        if held.is_none() {
            self.commits = 0;
        }
    }

    fn may_go_on(&self, index: usize) -> bool {
        let (slot, _, cause) = self.waiting[index];
        match cause {
            Cause::Over => true,
            Cause::End(_) => false,
            Cause::Table => !self.locks.waits(slot),
            Cause::Advisory => !self.advisory.waits(slot),
            Cause::Row(table, line) => match self.look(slot, table, line) {
                task::Look::Held(_) => false,
                // What is left of it is nothing to stand in line for.
                task::Look::Gone | task::Look::Changed => true,
                task::Look::Free => !self.waiting[..index].iter().any(|it| it.2 == cause),
            },
        }
    }

    /// Whom a session that waits is waiting for.
    fn waits_for(&self, slot: u8) -> Vec<u8> {
        let Some((_, _, cause)) = self.waiting.iter().find(|it| it.0 == slot) else {
            return Vec::new();
        };
        match *cause {
            Cause::Over => Vec::new(),
            Cause::End(other) => vec![other],
            Cause::Table => self.locks.waits_for(slot),
            Cause::Advisory => self.advisory.waits_for(slot).collect(),
            Cause::Row(table, line) => match self.look(slot, table, line) {
                task::Look::Held(holder) => vec![holder],
                _ => Vec::new(),
            },
        }
    }

    /// Whom it waits for, through whomever.
    fn reached(&self, slot: u8) -> Vec<u8> {
        let (mut reached, mut next) = (Vec::new(), self.waits_for(slot));
        while let Some(other) = next.pop() {
            if !reached.contains(&other) {
                reached.push(other);
                next.extend(self.waits_for(other));
            }
        }
        reached
    }

    fn is_deadlocked(&self, slot: u8) -> bool {
        self.reached(slot).contains(&slot)
    }

    /// Lets somebody in a deadlock by who waits for a table behind waiters only; whether that ends
    /// it.
    fn lets_by(&mut self, slot: u8) -> bool {
        let by = self.reached(slot).into_iter().find(|it| self.locks.let_by(*it));
        by.is_some() && !self.is_deadlocked(slot)
    }
}
