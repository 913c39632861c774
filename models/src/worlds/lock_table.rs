//! Postgres's locks on tables: eight modes, which of them conflict, and waiters who are served in
//! their order.
//!
//! That they are served in their order is what a model of held locks alone does not show. Whoever
//! asks for a lock waits not only for those who hold one that conflicts, but also for those who
//! asked before and wait themselves. So one who waits for ACCESS EXCLUSIVE behind a reader that has
//! gone idle makes everybody wait who comes after it, though nothing that is *held* is in their way.
//!
//! Sources: PostgreSQL 15, `src/backend/storage/lmgr/lock.c` (`LockAcquireExtended`,
//! `LockCheckConflicts`), `proc.c` (`ProcSleep`, `ProcLockWakeup`), and the manual, table 13.2.

/// How strong a lock on a table is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mode {
    /// SELECT.
    AccessShare,
    /// SELECT FOR UPDATE.
    RowShare,
    /// INSERT, UPDATE, DELETE.
    RowExclusive,
    /// VACUUM.
    ShareUpdateExclusive,
    /// CREATE INDEX.
    Share,
    /// CREATE TRIGGER.
    ShareRowExclusive,
    /// LOCK TABLE .. IN EXCLUSIVE MODE.
    Exclusive,
    /// TRUNCATE, and LOCK TABLE that says nothing else.
    AccessExclusive,
}

impl Mode {
    /// Every mode, from the weakest on.
    pub const ALL: [Mode; 8] = [
        Mode::AccessShare,
        Mode::RowShare,
        Mode::RowExclusive,
        Mode::ShareUpdateExclusive,
        Mode::Share,
        Mode::ShareRowExclusive,
        Mode::Exclusive,
        Mode::AccessExclusive,
    ];

    /// Whether two sessions cannot hold these at once.
    pub fn conflicts(self, other: Mode) -> bool {
        use Mode::*;
        let (weak, strong) = (self.min(other), self.max(other));
        match weak {
            AccessShare => strong == AccessExclusive,
            RowShare => strong >= Exclusive,
            RowExclusive => strong >= Share,
            ShareUpdateExclusive => true,
            // The one mode from here on that several may hold.
            Share => strong != Share,
            ShareRowExclusive | Exclusive | AccessExclusive => true,
        }
    }
}

/// What comes of asking for a lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asked {
    /// It is held from here on.
    Granted,
    /// It is queued for.
    Waits,
    /// Somebody is in the way, and the session would not wait: SQLSTATE 55P03.
    Unavailable,
}

/// Who has what mode, or asks for it.
type Entry = (u8, Mode);

#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Table {
    /// In the order of their sessions: who was first does not matter any more.
    held: Vec<Entry>,
    /// First come, first served.
    queue: Vec<Entry>,
}

impl Table {
    /// Whether somebody else holds what `mode` conflicts with.
    fn is_held_against(&self, session: u8, mode: Mode) -> bool {
        self.held.iter().any(|(other, held)| *other != session && held.conflicts(mode))
    }

    fn grant(&mut self, entry: Entry) {
        if let Err(place) = self.held.binary_search(&entry) {
            self.held.insert(place, entry);
        }
    }

    fn ask(&mut self, session: u8, mode: Mode, nowait: bool) -> Asked {
        // What it has already it is given again, whoever waits.
        if self.held.binary_search(&(session, mode)).is_ok() {
            return Asked::Granted;
        }
        // Whoever waits for what this session holds has to be let by, or neither would go on.
        let waits_for_me = |(_, asked): &Entry| {
            self.held.iter().any(|(holder, held)| *holder == session && held.conflicts(*asked))
        };
        let place = self.queue.iter().position(waits_for_me).unwrap_or(self.queue.len());
        // Postgres 15 looks who may be let by only when it goes to sleep: NOWAIT never gets there.
        let ahead = if nowait { self.queue.len() } else { place };
        let behind = self.queue[..ahead].iter().any(|(_, asked)| asked.conflicts(mode));
        if !behind && !self.is_held_against(session, mode) {
            self.grant((session, mode));
            return Asked::Granted;
        }
        if nowait {
            return Asked::Unavailable;
        }
        self.queue.insert(place, (session, mode));
        Asked::Waits
    }

    /// Serves those whose turn it is.
    fn serve(&mut self) {
        let mut ahead: Vec<Mode> = Vec::new();
        for (session, mode) in std::mem::take(&mut self.queue) {
            let behind = ahead.iter().any(|asked| asked.conflicts(mode));
            if behind || self.is_held_against(session, mode) {
                ahead.push(mode);
                self.queue.push((session, mode));
            } else {
                self.grant((session, mode));
            }
        }
    }
}

/// The locks on some tables.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LockTable {
    tables: Vec<Table>,
}

impl LockTable {
    /// So many tables, none of them locked.
    pub fn new(tables: usize) -> Self {
        LockTable { tables: vec![Table::default(); tables] }
    }

    /// `session` asks for a lock, and waits for it unless it says `nowait`.
    pub fn ask(&mut self, session: u8, table: usize, mode: Mode, nowait: bool) -> Asked {
        self.tables[table].ask(session, mode, nowait)
    }

    /// `session` ends its transaction, or gives up: it holds nothing any more and asks for nothing,
    /// and those whose turn it then is are served.
    pub fn release(&mut self, session: u8) {
        for table in &mut self.tables {
            table.held.retain(|(holder, _)| *holder != session);
            table.queue.retain(|(waiter, _)| *waiter != session);
            table.serve();
        }
    }

    /// Serves a session out of turn that waits for nobody but waiters; whether there was such a one.
    pub fn let_by(&mut self, session: u8) -> bool {
        if !self.waits_for_waiters_only(session) {
            return false;
        }
        for table in &mut self.tables {
            if let Some(place) = table.queue.iter().position(|(waiter, _)| *waiter == session) {
                let entry = table.queue.remove(place);
                table.grant(entry);
            }
        }
        true
    }

    /// Whether it holds a lock on the table.
    pub fn holds(&self, session: u8, table: usize) -> bool {
        self.tables[table].held.iter().any(|(holder, _)| *holder == session)
    }

    /// Whether it waits for one.
    pub fn waits(&self, session: u8) -> bool {
        self.tables.iter().any(|it| it.queue.iter().any(|(waiter, _)| *waiter == session))
    }

    /// The sessions that it waits for: those that hold what is in its way, and those that asked for
    /// it before.
    pub fn waits_for(&self, session: u8) -> Vec<u8> {
        let mut found = Vec::new();
        for table in &self.tables {
            let Some(place) = table.queue.iter().position(|(waiter, _)| *waiter == session) else {
                continue;
            };
            let mode = table.queue[place].1;
            let before = table.held.iter().chain(&table.queue[..place]);
            let in_the_way = before.filter(|(other, it)| *other != session && it.conflicts(mode));
            found.extend(in_the_way.map(|(other, _)| *other));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether it waits though nothing that is held is in its way: only who waits is.
    pub fn waits_for_waiters_only(&self, session: u8) -> bool {
        let free = |table: &Table| {
            let asked = table.queue.iter().find(|(waiter, _)| *waiter == session);
            asked.is_none_or(|(_, mode)| !table.is_held_against(session, *mode))
        };
        self.waits(session) && self.tables.iter().all(free)
    }

    /// Whether it waits, through whomever, for itself: SQLSTATE 40P01.
    pub fn is_deadlocked(&self, session: u8) -> bool {
        let (mut reached, mut next) = (Vec::new(), self.waits_for(session));
        while let Some(other) = next.pop() {
            if other == session {
                return true;
            }
            if !reached.contains(&other) {
                reached.push(other);
                next.extend(self.waits_for(other));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manual's table 13.2, row by row: what each mode conflicts with.
    #[test]
    fn modes_conflict_as_the_manual_says() {
        let rows = [
            "       X", //
            "      XX", "    XXXX", "   XXXXX", "  XX XXX", "  XXXXXX", " XXXXXXX", "XXXXXXXX",
        ];
        for (one, row) in Mode::ALL.into_iter().zip(rows) {
            for (other, cell) in Mode::ALL.into_iter().zip(row.chars()) {
                assert_eq!(one.conflicts(other), cell == 'X', "{one:?} and {other:?}");
                assert_eq!(one.conflicts(other), other.conflicts(one));
            }
        }
    }

    const READER: u8 = 0;
    const PRUNER: u8 = 1;
    const WORKER: u8 = 2;

    #[test]
    fn who_waits_is_waited_for_by_all_who_come_then() {
        let mut locks = LockTable::new(1);
        assert_eq!(locks.ask(READER, 0, Mode::AccessShare, false), Asked::Granted);
        assert_eq!(locks.ask(PRUNER, 0, Mode::AccessExclusive, false), Asked::Waits);
        assert_eq!(locks.ask(WORKER, 0, Mode::RowExclusive, false), Asked::Waits);
        assert_eq!(locks.waits_for(WORKER), [PRUNER], "the reader is not in its way");
        assert!(locks.waits_for_waiters_only(WORKER) && !locks.waits_for_waiters_only(PRUNER));
        locks.release(READER);
        assert!(locks.holds(PRUNER, 0) && locks.waits(WORKER));
        assert!(!locks.waits_for_waiters_only(WORKER));
        locks.release(PRUNER);
        assert!(locks.holds(WORKER, 0) && !locks.waits(WORKER));
    }

    #[test]
    fn who_does_not_wait_is_in_nobodys_way() {
        let mut locks = LockTable::new(1);
        locks.ask(READER, 0, Mode::AccessShare, false);
        assert_eq!(locks.ask(PRUNER, 0, Mode::AccessExclusive, true), Asked::Unavailable);
        assert_eq!(locks.ask(WORKER, 0, Mode::RowExclusive, true), Asked::Granted);
    }

    #[test]
    fn who_is_waited_for_is_let_by() {
        let mut locks = LockTable::new(1);
        locks.ask(READER, 0, Mode::AccessShare, false);
        locks.ask(PRUNER, 0, Mode::AccessExclusive, false);
        assert_eq!(locks.ask(READER, 0, Mode::RowExclusive, false), Asked::Granted);
        assert!(!locks.is_deadlocked(PRUNER), "it waits, and what it waits for goes on");
    }

    #[test]
    fn who_has_a_lock_is_given_it_again_whoever_waits() {
        let mut locks = LockTable::new(1);
        locks.ask(WORKER, 0, Mode::RowShare, false);
        assert_eq!(locks.ask(PRUNER, 0, Mode::AccessExclusive, false), Asked::Waits);
        assert_eq!(locks.ask(WORKER, 0, Mode::RowShare, true), Asked::Granted);
        assert_eq!(locks.ask(WORKER, 0, Mode::AccessShare, true), Asked::Unavailable);
    }

    #[test]
    fn only_who_waits_for_waiters_is_let_by() {
        let mut locks = LockTable::new(1);
        locks.ask(READER, 0, Mode::AccessShare, false);
        locks.ask(PRUNER, 0, Mode::AccessExclusive, false);
        locks.ask(WORKER, 0, Mode::RowExclusive, false);
        assert!(!locks.let_by(PRUNER) && !locks.let_by(READER));
        assert!(locks.let_by(WORKER) && locks.holds(WORKER, 0));
        assert!(locks.waits(PRUNER), "it keeps its place");
    }

    #[test]
    fn two_who_wait_for_each_other_are_found() {
        let mut locks = LockTable::new(2);
        locks.ask(READER, 0, Mode::Exclusive, false);
        locks.ask(WORKER, 1, Mode::Exclusive, false);
        assert_eq!(locks.ask(READER, 1, Mode::Exclusive, false), Asked::Waits);
        assert!(!locks.is_deadlocked(READER));
        assert_eq!(locks.ask(WORKER, 0, Mode::Exclusive, false), Asked::Waits);
        assert!(locks.is_deadlocked(READER) && locks.is_deadlocked(WORKER));
        locks.release(WORKER);
        assert!(locks.holds(READER, 1));
    }
}
