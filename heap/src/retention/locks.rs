//! Table locks: which go together, and who waits for whom while a table is being changed.
//!
//! What surprises is the queue: a lock that is only asked for already keeps out whoever comes later
//! and conflicts with it. So a statement that waits politely for one old reader may stop everybody
//! else until that reader goes home. The modes and their conflicts are those of the PostgreSQL
//! manual, "Explicit Locking", table 13.2.

/// A table-level lock mode, the weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// Of a SELECT.
    AccessShare,
    /// Of a SELECT FOR UPDATE.
    RowShare,
    /// Of INSERT, UPDATE and DELETE.
    RowExclusive,
    /// Of VACUUM, and of DETACH PARTITION CONCURRENTLY.
    ShareUpdateExclusive,
    /// Of CREATE INDEX.
    Share,
    /// Of CREATE TRIGGER.
    ShareRowExclusive,
    /// Of REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// Of DROP, TRUNCATE and most ALTER TABLE.
    AccessExclusive,
}

impl Mode {
    /// Each, the weakest first.
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

    /// As `pg_locks` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::AccessShare => "AccessShareLock",
            Mode::RowShare => "RowShareLock",
            Mode::RowExclusive => "RowExclusiveLock",
            Mode::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Mode::Share => "ShareLock",
            Mode::ShareRowExclusive => "ShareRowExclusiveLock",
            Mode::Exclusive => "ExclusiveLock",
            Mode::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// The mode that `pg_locks` calls so.
    pub fn named(name: &str) -> Option<Mode> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether two sessions cannot hold these on one table.
    pub fn conflicts(self, other: Mode) -> bool {
        let (weak, strong) = if self <= other { (self, other) } else { (other, self) };
        match weak {
            Mode::AccessShare => strong == Mode::AccessExclusive,
            Mode::RowShare => strong >= Mode::Exclusive,
            Mode::RowExclusive => strong >= Mode::Share,
            Mode::ShareUpdateExclusive => true,
            // Several may build an index at once.
            Mode::Share => strong != Mode::Share,
            _ => true,
        }
    }
}

/// A table that is locked in the course of retention.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Relation {
    /// The table that all statements name.
    Table,
    /// The partition that is retired.
    Old,
    /// The partition that rows come to.
    New,
}

impl Relation {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Relation::Table => "the table",
            Relation::Old => "the old partition",
            Relation::New => "the new partition",
        }
    }
}

/// What a maintenance statement does with locks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// Asks for a lock and waits for it.
    Lock(Mode, Relation),
    /// Waits, with no lock asked for, until everybody who has the table open is gone.
    WaitForUsers,
    /// Gives all locks back.
    Commit,
}

/// A lock that maintenance had.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Held {
    /// In which mode.
    pub mode: Mode,
    /// On which table.
    pub on: Relation,
    /// Milliseconds until it was had.
    pub waited: u64,
}

/// What came of a statement.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Course {
    /// Each lock it asked for.
    pub held: Vec<Held>,
    /// From when to when a statement that inserts waited behind it, in milliseconds, if it did.
    pub shut: Option<(u64, u64)>,
    /// When it was over.
    pub over: u64,
}

/// What an INSERT asks for.
const INSERT: [(Mode, Relation); 2] =
    [(Mode::RowExclusive, Relation::Table), (Mode::RowExclusive, Relation::New)];

/// Plays a statement that begins at `now`, beside a reader who has everything open until `reader`.
/// What is not waiting takes no time. All times are milliseconds.
pub fn play(doing: &[Doing], now: u64, reader: Option<u64>) -> Course {
    let reader = reader.unwrap_or(now).max(now);
    let mut course = Course { over: now, ..Course::default() };
    for step in doing {
        let now = course.over;
        match *step {
            Doing::Commit => {}
            Doing::WaitForUsers => course.over = reader,
            Doing::Lock(mode, on) => {
                let waits = mode.conflicts(Mode::AccessShare) && now < reader;
                let until = if waits { reader } else { now };
                course.held.push(Held { mode, on, waited: until - now });
                let queued = INSERT.iter().any(|it| it.1 == on && it.0.conflicts(mode));
                if waits && queued {
                    let from = course.shut.map_or(now, |it| it.0);
                    course.shut = Some((from, until));
                }
                course.over = until;
            }
        }
    }
    course
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 13.2 of the manual, a row a mode, its columns the modes in the same order.
    #[test]
    fn modes_conflict_as_the_manual_says() {
        let table = [
            ".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX",
            "XXXXXXXX",
        ];
        for (one, row) in Mode::ALL.into_iter().zip(table) {
            let found: String = Mode::ALL
                .into_iter()
                .map(|other| if one.conflicts(other) { 'X' } else { '.' })
                .collect();
            assert_eq!(found, row, "{}", one.name());
        }
    }

    #[test]
    fn who_waits_for_a_reader_shuts_out_inserts_only_by_a_lock_that_conflicts() {
        let strong = [Doing::Lock(Mode::AccessExclusive, Relation::Table), Doing::Commit];
        assert_eq!(play(&strong, 10, Some(60)).shut, Some((10, 60)));
        assert_eq!(play(&strong, 10, None).shut, None, "nobody to wait for");
        assert_eq!(play(&strong, 70, Some(60)).over, 70, "the reader is gone");
        let weak = [
            Doing::Lock(Mode::ShareUpdateExclusive, Relation::Table),
            Doing::Commit,
            Doing::WaitForUsers,
            Doing::Lock(Mode::AccessExclusive, Relation::Old),
        ];
        let course = play(&weak, 10, Some(60));
        assert_eq!((course.shut, course.over), (None, 60));
        assert!(course.held.iter().all(|it| it.waited == 0), "{course:?}");
    }
}
