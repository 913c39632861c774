//! The outcome: what came of a load with retention, on either side, and in what two may not differ.
//!
//! How long things took and how large tables were is each side's own. What is not is which runs
//! went, which were carried forward, and whether anybody had to wait.

use super::locks::{Held, Mode, Relation};

/// What came of a load with retention, simulated or real.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// How often old runs were retired.
    pub retired: u64,
    /// Runs that were carried forward, each as often as it was.
    pub moved: u64,
    /// Finished runs that went, with their partition or by DELETE.
    pub gone: u64,
    /// Runs that are there at the end.
    pub runs: u64,
    /// Rows that are dead at the end.
    pub dead: u64,
    /// Bytes of tables and indexes at the end.
    pub bytes: u64,
    /// The most there ever were, seen once a second.
    pub bytes_max: u64,
    /// Bytes that were given back to the system.
    pub freed: u64,
    /// Milliseconds from the beginning of a retirement until its space could be used again; the
    /// longest.
    pub longest: u64,
    /// The longest that each lock was waited for.
    pub locks: Vec<Held>,
    /// Statements that waited for a lock on a table while they inserted or updated a run.
    pub waits: u64,
    /// Milliseconds that the longest of them waited.
    pub wait_max: u64,
    /// The load from second to second.
    pub course: Vec<Moment>,
}

/// A load with retention when so many seconds were over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Seconds since it began.
    pub t_s: u64,
    /// Bytes of tables and indexes.
    pub bytes: u64,
    /// Statements that had waited for a lock until then.
    pub waits: u64,
}

impl Outcome {
    /// The strongest lock on the table that all statements name.
    pub fn strongest(&self) -> Option<Mode> {
        self.locks.iter().filter(|it| it.on == Relation::Table).map(|it| it.mode).max()
    }

    /// So large it was when so many seconds were over.
    pub fn seen(&mut self, t_s: u64, bytes: u64) {
        self.bytes_max = self.bytes_max.max(bytes);
        self.course.push(Moment { t_s, bytes, waits: self.waits });
    }

    /// A lock was had, after a while: of each the longest is kept.
    pub fn locked(&mut self, held: Held) {
        let same = |it: &&mut Held| (it.mode, it.on) == (held.mode, held.on);
        match self.locks.iter_mut().find(same) {
            Some(longest) => longest.waited = longest.waited.max(held.waited),
            None => self.locks.push(held),
        }
    }

    /// In what a real server's outcome differs that must be equal: which runs went and which were
    /// carried, whether anybody had to wait for it, and that no lock was stronger. (Weaker ones may
    /// have been too short to be seen.)
    pub fn differences(&self, real: &Outcome) -> Vec<String> {
        let counts = [
            ("retirements", self.retired, real.retired),
            ("runs carried forward", self.moved, real.moved),
            ("finished runs that went", self.gone, real.gone),
            ("runs at the end", self.runs, real.runs),
        ];
        let mut found: Vec<String> = counts
            .into_iter()
            .filter(|(_, ours, theirs)| ours != theirs)
            .map(|(what, ours, theirs)| format!("{what}: {ours} simulated, {theirs} on postgres"))
            .collect();
        if (self.waits == 0) != (real.waits == 0) {
            let (ours, theirs) = (self.waits, real.waits);
            found.push(format!("statements that waited: {ours} simulated, {theirs} on postgres"));
        }
        if real.strongest() > self.strongest() {
            let name = |it: Option<Mode>| it.map_or("no lock", Mode::name);
            let (ours, theirs) = (name(self.strongest()), name(real.strongest()));
            found.push(format!("lock on the table: {ours} simulated, {theirs} on postgres"));
        }
        found
    }
}
