//! The rows of one table, each as the versions that somebody may still see.
//!
//! A row is a chain of versions, and only its newest can be locked or changed; who changes it has
//! made that version or ends it, and who only locked it is kept beside. A key may belong to one row
//! after another, so rows have numbers of their own, which are never used twice. TRUNCATE puts the
//! rows aside at once, for everybody, whatever their snapshots: that is what it lacks.

use super::language::{Row, Schema, Test, Value};

/// When something happened: in a transaction still open, or with the n-th commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stamp {
    Open(u8),
    At(u64),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Version {
    pub(super) row: Row,
    pub(super) made: Stamp,
    pub(super) gone: Option<Stamp>,
    /// How many of the unique indexes have it: others see it in these only.
    pub(super) entered: usize,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Line {
    pub(super) number: u32,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
    /// Who locked it and has not changed it.
    pub(super) locked: Option<u8>,
}

/// Who is looking: its transaction, and up to which commit it sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) by: u8,
    pub(super) snapshot: u64,
}

impl View {
    fn sees(self, stamp: Stamp) -> bool {
        match stamp {
            Stamp::Open(by) => by == self.by,
            Stamp::At(commit) => commit <= self.snapshot,
        }
    }
}

impl Line {
    fn key(&self) -> Value {
        self.versions[0].row[0]
    }

    pub(super) fn newest(&self) -> &Version {
        self.versions.last().expect("a row has a version")
    }

    /// Whose row it is until a transaction ends.
    pub(super) fn holder(&self) -> Option<u8> {
        match (self.newest().made, self.newest().gone) {
            (Stamp::Open(by), _) | (_, Some(Stamp::Open(by))) => Some(by),
            _ => self.locked,
        }
    }

    pub(super) fn visible(&self, view: View) -> Option<&Version> {
        let seen = |it: &&Version| view.sees(it.made) && !it.gone.is_some_and(|it| view.sees(it));
        self.versions.iter().rev().find(seen)
    }

    fn settle(&mut self, by: u8, at: Option<u64>) {
        self.locked.take_if(|holder| *holder == by);
        let mine = Stamp::Open(by);
        if at.is_none() {
            self.versions.retain(|it| it.made != mine);
        }
        for version in &mut self.versions {
            if version.made == mine {
                version.made = Stamp::At(at.unwrap_or(0));
            }
            if version.gone == Some(mine) {
                version.gone = at.map(Stamp::At);
            }
        }
    }
}

/// What is in the way of a row in a unique index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Conflict {
    /// Nothing.
    Free,
    /// A row whose fate another transaction will decide.
    Pending(u8),
    /// A row that is there, since this commit; 0: since long, or by oneself.
    There(u64),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Heap {
    /// By key, and those of one key as they came.
    lines: Vec<Line>,
    numbers: u32,
    /// Who truncated it, and the rows before that.
    truncated: Option<(u8, Vec<Line>)>,
}

impl Heap {
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    pub(super) fn line(&self, number: u32) -> Option<&Line> {
        self.lines.iter().find(|it| it.number == number)
    }

    pub(super) fn line_mut(&mut self, number: u32) -> &mut Line {
        let found = self.lines.iter_mut().find(|it| it.number == number);
        found.expect("a row that is being changed is there")
    }

    /// A row that nobody else sees yet; its number.
    pub(super) fn add(&mut self, row: Row, by: u8) -> u32 {
        self.numbers += 1;
        let number = self.numbers;
        let place = self.lines.partition_point(|it| it.key() <= row[0]);
        let version = Version { row, made: Stamp::Open(by), gone: None, entered: 0 };
        self.lines.insert(place, Line { number, versions: vec![version], locked: None });
        number
    }

    /// What is in the way of `row` in the unique index of that place; the first is the primary key.
    pub(super) fn conflict(
        &self,
        schema: &Schema,
        index: usize,
        row: &[Value],
        by: u8,
    ) -> Conflict {
        let (column, only): (usize, &[Test]) = match index.checked_sub(1) {
            None => (0, &[]),
            Some(other) => (schema.unique[other].column, schema.unique[other].only),
        };
        let is_in = |row: &[Value]| only.iter().all(|it| it.holds(row, 0));
        if row[column].is_none() || !is_in(row) {
            return Conflict::Free;
        }
        for version in self.lines.iter().flat_map(|it| &it.versions) {
            let equal = version.row[column] == row[column] && is_in(&version.row);
            if !equal || version.entered <= index {
                continue;
            }
            match (version.made, version.gone) {
                (Stamp::Open(other), _) if other != by => return Conflict::Pending(other),
                (_, Some(Stamp::Open(other))) if other != by => return Conflict::Pending(other),
                (Stamp::At(commit), None) => return Conflict::There(commit),
                (Stamp::Open(_), None) => return Conflict::There(0),
                (_, Some(_)) => {}
            }
        }
        Conflict::Free
    }

    /// Takes all rows away, until `by` rolls back.
    pub(super) fn truncate(&mut self, by: u8) {
        let lines = std::mem::take(&mut self.lines);
        self.truncated.get_or_insert((by, lines));
    }

    /// Whether `by` has done anything here that its end makes known or undoes.
    pub(super) fn is_changed_by(&self, by: u8) -> bool {
        let mine = Stamp::Open(by);
        let changed = |it: &Version| it.made == mine || it.gone == Some(mine);
        self.truncated.as_ref().is_some_and(|(other, _)| *other == by)
            || self.lines.iter().flat_map(|it| &it.versions).any(changed)
    }

    /// Commits what `by` did, as commit number `at`, or undoes it.
    pub(super) fn settle(&mut self, by: u8, at: Option<u64>) {
        if let Some((_, lines)) = self.truncated.take_if(|(other, _)| *other == by)
            && at.is_none()
        {
            self.lines = lines;
        }
        self.lines.iter_mut().for_each(|it| it.settle(by, at));
        self.lines.retain(|it| !it.versions.is_empty());
    }

    /// Forgets what no snapshot from `horizon` on can see. `dates`: whether it matters to anybody
    /// when the rest was committed.
    pub(super) fn bury(&mut self, horizon: u64, dates: bool) {
        // What is put aside comes back if the TRUNCATE is undone.
        let aside = self.truncated.as_mut().map(|(_, lines)| lines);
        for lines in [&mut self.lines].into_iter().chain(aside) {
            for line in &mut *lines {
                let dead = |it: &Version| matches!(it.gone, Some(Stamp::At(at)) if at <= horizon);
                line.versions.retain(|it| !dead(it));
                for version in &mut line.versions {
                    if let Stamp::At(at) = &mut version.made
                        && !dates
                    {
                        *at = 0;
                    }
                }
            }
            lines.retain(|it| !it.versions.is_empty());
        }
    }
}
