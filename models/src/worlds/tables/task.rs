//! A statement on its way: which lock it needs, which row it is at, what it has to show so far.
//!
//! The rows it may be about are settled by its snapshot when it begins; what becomes of each is
//! settled when it is looked at, and that may be much later. A row that is written is then entered
//! into one unique index after another, and may have to wait before each of them, written already.

use super::heap::{Conflict, Stamp};
use super::language::{Isolation, Mode, Reply, Row, Scan, SqlState, Statement, Wait};
use super::{Cause, Tables};
use sim::prelude::*;

/// Where it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Place {
    /// Before its lock on the table, or its advisory lock.
    Outside,
    /// It has that lock.
    Inside,
    /// Rows are left to look at, the next one last.
    Scanning { left: Vec<u32> },
    /// A row was written, and is in so many unique indexes.
    Entering { line: u32, index: usize, left: Vec<u32> },
    /// So many unique indexes have nothing in the way of a row that is yet to be written.
    Probing { index: usize },
}

/// A statement on its way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Task {
    statement: Statement,
    place: Place,
    rows: Vec<Row>,
    /// Whether it has waited for the row that it is at.
    waited: bool,
}

/// What comes next.
enum Next {
    GoesOn,
    Waits(Cause),
    Ends(Reply),
    Fails(SqlState),
}

/// What a statement finds that wants a row.
pub(super) enum Look {
    /// Another transaction has it.
    Held(u8),
    /// It was deleted.
    Gone,
    /// It was changed since a snapshot that has to be kept to.
    Changed,
    Free,
}

impl Task {
    pub(super) fn new(statement: Statement) -> Self {
        Task { statement, place: Place::Outside, rows: Vec::new(), waited: false }
    }

    /// Whether it looks at the newest version of its row whatever it may see: FOR UPDATE does, once
    /// it has waited for an older one, and an UPDATE does not.
    fn follows(&self) -> bool {
        let (Statement::Select(scan) | Statement::Update { scan, .. } | Statement::Delete(scan)) =
            &self.statement
        else {
            return false;
        };
        self.waited && scan.lock.is_some()
    }
}

impl Tables {
    /// Lets the statement of a session go on, to its end or until it waits.
    pub(super) fn go_on(&mut self, from: CallId, slot: u8) -> Poll<Reply> {
        let mut task = self.at(slot).task.take().expect("who goes on is at a statement");
        let reply = loop {
            match self.step(slot, &mut task) {
                Next::GoesOn => {}
                Next::Ends(reply) => break reply,
                Next::Fails(state) => {
                    self.fail(slot);
                    break Reply::Failed(state);
                }
                Next::Waits(cause) => {
                    task.waited = true;
                    self.at(slot).task = Some(task);
                    self.waiting.push((slot, from, cause));
                    if !self.is_deadlocked(slot) || self.lets_by(slot) {
                        return Poll::Pending;
                    }
                    self.waiting.pop();
                    self.at(slot).task = None;
                    self.fail(slot);
                    break Reply::Failed(SqlState::DeadlockDetected);
                }
            }
        };
        if !self.of(slot).in_block {
            // What failed is undone already.
            self.settle(slot, true);
        }
        self.tidy(slot);
        Poll::Ready(reply)
    }

    fn step(&mut self, slot: u8, task: &mut Task) -> Next {
        match &mut task.place {
            Place::Outside => self.enter(slot, task),
            Place::Inside => self.begin(slot, task),
            Place::Scanning { left } => match left.pop() {
                Some(line) => self.want(slot, task, line),
                None => Next::Ends(Reply::Rows(std::mem::take(&mut task.rows))),
            },
            Place::Entering { .. } => self.index(slot, task),
            Place::Probing { .. } => self.probe(slot, task),
        }
    }

    /// Asks for the lock that a statement needs before anything else.
    fn enter(&mut self, slot: u8, task: &mut Task) -> Next {
        task.place = Place::Inside;
        let (table, mode, nowait) = match &task.statement {
            Statement::Advise { key, xact, tries } => {
                let taken = self.advisory.take(slot, *key, *xact);
                if taken || *tries {
                    return Next::Ends(if *tries { Reply::Locked(taken) } else { Reply::Done });
                }
                self.advisory.queue(slot, *key, *xact);
                return Next::Waits(Cause::Advisory);
            }
            Statement::Unadvise { key } => {
                return Next::Ends(Reply::Locked(self.advisory.give_back(slot, *key)));
            }
            Statement::Select(scan) if scan.lock.is_none() => {
                (scan.table, Mode::AccessShare, false)
            }
            Statement::Select(scan) => (scan.table, Mode::RowShare, false),
            Statement::Update { scan, .. } | Statement::Delete(scan) => {
                (scan.table, Mode::RowExclusive, false)
            }
            Statement::Insert { table, .. } => (*table, Mode::RowExclusive, false),
            Statement::Truncate(table) => (*table, Mode::AccessExclusive, false),
            Statement::LockTable { table, mode, nowait } => (*table, *mode, *nowait),
            Statement::Begin(_) | Statement::Commit | Statement::Rollback => {
                unreachable!("a transaction is begun and ended without a lock")
            }
        };
        use crate::worlds::lock_table::Asked;
        match self.locks.ask(slot, table, mode, nowait) {
            Asked::Granted => Next::GoesOn,
            Asked::Waits => Next::Waits(Cause::Table),
            Asked::Unavailable => Next::Fails(SqlState::LockNotAvailable),
        }
    }

    /// It has its lock: what it sees is settled now.
    fn begin(&mut self, slot: u8, task: &mut Task) -> Next {
        let now_ms = self.now_ms;
        match &task.statement {
            Statement::Advise { .. } | Statement::LockTable { .. } => Next::Ends(Reply::Done),
            Statement::Truncate(table) => {
                self.heaps[*table].truncate(slot);
                // It makes the indexes anew, and that takes a lock too.
                self.locks.ask(slot, *table, Mode::Share, false);
                Next::Ends(Reply::Done)
            }
            Statement::Insert { or_nothing: true, .. } => {
                task.place = Place::Probing { index: 0 };
                Next::GoesOn
            }
            Statement::Insert { table, row, .. } => {
                let row = row.iter().map(|it| it.value(None, now_ms)).collect();
                let line = self.heaps[*table].add(row, slot);
                task.place = Place::Entering { line, index: 0, left: Vec::new() };
                Next::GoesOn
            }
            Statement::Select(scan @ Scan { lock: None, .. }) => {
                let found = self.found(slot, scan).map(|(_, row)| row.clone());
                let most = scan.limit.map_or(usize::MAX, |it| it as usize);
                Next::Ends(Reply::Rows(found.take(most).collect()))
            }
            Statement::Select(scan) | Statement::Update { scan, .. } | Statement::Delete(scan) => {
                let mut left: Vec<u32> = self.found(slot, scan).map(|(line, _)| line).collect();
                left.reverse();
                task.place = Place::Scanning { left };
                Next::GoesOn
            }
            other => unreachable!("{other:?} is over when it has its lock"),
        }
    }

    /// What a scan is about, as its session sees it.
    fn found<'a>(&'a self, slot: u8, scan: &'a Scan) -> impl Iterator<Item = (u32, &'a Row)> {
        let view = self.view(slot);
        let lines = self.heaps[scan.table].lines();
        let seen = lines.filter_map(move |it| Some((it.number, &it.visible(view)?.row)));
        seen.filter(|(_, row)| scan.only.iter().all(|it| it.holds(row, self.now_ms)))
    }

    /// What a session finds that wants this row.
    pub(super) fn look(&self, slot: u8, table: usize, line: u32) -> Look {
        let follows = self.of(slot).task.as_ref().is_some_and(Task::follows);
        self.look_on(slot, table, line, follows)
    }

    fn look_on(&self, slot: u8, table: usize, line: u32, follows: bool) -> Look {
        let Some(line) = self.heaps[table].line(line) else { return Look::Gone };
        let repeats = self.of(slot).isolation == Isolation::RepeatableRead;
        let replaced = |it: &super::heap::Version| matches!(it.gone, Some(Stamp::At(_)));
        if repeats && line.visible(self.view(slot)).is_none_or(replaced) {
            return match line.holder() {
                Some(holder) if follows && holder != slot => Look::Held(holder),
                _ => Look::Changed,
            };
        }
        if replaced(line.newest()) {
            return Look::Gone;
        }
        match line.holder() {
            Some(holder) if holder != slot => Look::Held(holder),
            _ => Look::Free,
        }
    }

    /// Looks at the next row, and does to it what is to be done.
    fn want(&mut self, slot: u8, task: &mut Task, number: u32) -> Next {
        let follows = task.follows();
        let (Statement::Select(scan) | Statement::Update { scan, .. } | Statement::Delete(scan)) =
            &task.statement
        else {
            unreachable!("only these go over rows")
        };
        let Place::Scanning { left } = &mut task.place else { unreachable!("it goes over rows") };
        let found = self.look_on(slot, scan.table, number, follows);
        task.waited = false;
        match found {
            Look::Changed => return Next::Fails(SqlState::SerializationFailure),
            Look::Gone => return Next::GoesOn,
            Look::Held(_) => match scan.lock.unwrap_or(Wait::Blocks) {
                Wait::Skips => return Next::GoesOn,
                Wait::Fails => return Next::Fails(SqlState::LockNotAvailable),
                Wait::Blocks => {
                    left.push(number);
                    return Next::Waits(Cause::Row(scan.table, number));
                }
            },
            Look::Free => {}
        }
        let now_ms = self.now_ms;
        let line = self.heaps[scan.table].line_mut(number);
        // It is locked before it is judged, and stays so.
        line.locked = Some(slot);
        let newest = line.versions.last_mut().expect("a row has a version");
        if !scan.only.iter().all(|it| it.holds(&newest.row, now_ms)) {
            return Next::GoesOn;
        }
        if scan.limit.is_some_and(|most| task.rows.len() + 1 >= most as usize) {
            left.clear();
        }
        if let Statement::Update { set, .. } = &task.statement {
            let mut row = newest.row.clone();
            for (column, term) in set {
                row[*column] = term.value(row[*column], now_ms);
            }
            newest.gone = Some(Stamp::Open(slot));
            let left = std::mem::take(left);
            let made = Stamp::Open(slot);
            line.versions.push(super::heap::Version { row, made, gone: None, entered: 0 });
            task.place = Place::Entering { line: number, index: 0, left };
            return Next::GoesOn;
        }
        task.rows.push(newest.row.clone());
        if let Statement::Delete(_) = &task.statement {
            newest.gone = Some(Stamp::Open(slot));
        }
        Next::GoesOn
    }

    /// Enters a row that was written into the next unique index.
    fn index(&mut self, slot: u8, task: &mut Task) -> Next {
        let (Statement::Update { scan: Scan { table, .. }, .. } | Statement::Insert { table, .. }) =
            &task.statement
        else {
            unreachable!("only these write rows")
        };
        let Place::Entering { line: number, index, left } = &mut task.place else {
            unreachable!("it enters a row")
        };
        let schema = &self.schema.0[*table];
        let heap = &mut self.heaps[*table];
        let line = heap.line(*number).expect("a row that was written is there");
        let row = line.newest().row.clone();
        if *index > schema.unique.len() {
            task.rows.push(row);
            task.place = Place::Scanning { left: std::mem::take(left) };
            return Next::GoesOn;
        }
        match heap.conflict(schema, *index, &row, slot) {
            Conflict::Pending(other) => Next::Waits(Cause::End(other)),
            Conflict::There(_) => Next::Fails(SqlState::UniqueViolation),
            Conflict::Free => {
                *index += 1;
                let newest = heap.line_mut(*number).versions.last_mut();
                newest.expect("a row has a version").entered = *index;
                Next::GoesOn
            }
        }
    }

    /// ON CONFLICT DO NOTHING: looks before it writes.
    fn probe(&mut self, slot: u8, task: &mut Task) -> Next {
        let Statement::Insert { table, row, .. } = &task.statement else {
            unreachable!("only an INSERT probes")
        };
        let Place::Probing { index } = &mut task.place else { unreachable!("it probes") };
        let row: Row = row.iter().map(|it| it.value(None, self.now_ms)).collect();
        let schema = &self.schema.0[*table];
        if *index > schema.unique.len() {
            let line = self.heaps[*table].add(row, slot);
            task.place = Place::Entering { line, index: 0, left: Vec::new() };
            return Next::GoesOn;
        }
        match self.heaps[*table].conflict(schema, *index, &row, slot) {
            Conflict::Pending(other) => Next::Waits(Cause::End(other)),
            Conflict::Free => {
                *index += 1;
                Next::GoesOn
            }
            // Of a row that it must not see it cannot say that it is there.
            Conflict::There(at) if self.of(slot).snapshot.is_some_and(|seen| at > seen) => {
                Next::Fails(SqlState::SerializationFailure)
            }
            Conflict::There(_) => Next::Ends(Reply::Rows(Vec::new())),
        }
    }
}
