//! The script: what one connection does, row after row, whoever works beside it.
//!
//! A load is to be the same on the simulated table and on a real one, where nobody can say whose
//! turn it is. So nothing that a connection does hangs on another one: it walks through rows of its
//! own, moves each on by one transition, and deletes a row that is through and inserts another in
//! its place, under a name and with a life that no other connection's pace changes. What the two
//! sides do not share is how the scripts interleave, and that is all they do not share.

use crate::layout::Row;
use crate::random::Random;
use crate::soak::params::Params;
use std::fmt;

/// `RUN_CREATED`, `PENDING`, no attempt: what a row begins with.
pub const FRESH: Row = Row { status: 11, run_status: 7, attempt: false };
/// `EXECUTING`, `EXECUTING`, attempt 1: what an update leaves.
pub const MOVED: Row = Row { status: 9, run_status: 9, attempt: true };

/// The target of a row that nobody touches.
const PARKED: u32 = u32::MAX;

/// What a row is called: `r17` if it was loaded, `w3-19` if connection 3 put it in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    by: Option<u16>,
    number: u64,
}

impl Name {
    /// A row that was loaded; they are counted from 1.
    pub fn loaded(number: u64) -> Self {
        Name { by: None, number }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            None => write!(f, "r{}", self.number),
            Some(by) => write!(f, "w{by}-{}", self.number),
        }
    }
}

/// A row, as its connection knows it.
#[derive(Clone, Copy, Debug)]
struct Active<K> {
    key: K,
    seq: u32,
    /// It is deleted when `seq` gets here.
    target: u32,
}

/// What a connection does next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Update,
    /// Deletes the row at this place, which is through.
    Delete(usize),
    /// Inserts another in its place.
    Insert(usize),
}

/// A statement of a script, which is done when it is given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statement<K> {
    /// Moves the row on by one.
    Update {
        /// Which.
        key: K,
        /// The `seq` it has, which the statement asks for.
        seen: u32,
    },
    /// Deletes the row, which is through.
    Delete {
        /// Which.
        key: K,
    },
    /// Inserts another in its place: [`Script::inserted`] is to be told its key.
    Insert {
        /// What it is called.
        name: Name,
    },
}

/// What one connection does. `K` is what a row is known by where the statements go.
#[derive(Clone, Debug)]
pub struct Script<K> {
    worker: u16,
    workers: u64,
    rows: Vec<Active<K>>,
    /// The place of the next row.
    at: usize,
    next: Next,
    batch: u32,
    /// Rows left in the transaction.
    left: u32,
    targets: (u32, u32),
    random: Random,
    inserts: u64,
}

impl<K: Copy> Script<K> {
    /// The scripts of all connections, by their numbers; `keys` are those of the loaded rows, in
    /// the order of their names. A script whose rows all sleep does nothing, and is left out.
    pub fn all(params: &Params, keys: impl IntoIterator<Item = K>) -> Vec<Self> {
        let mut random = Random::new(params.seed);
        let workers = params.concurrency;
        let targets = (params.tmin as u32, params.tmax as u32);
        let script = |worker| Script {
            worker: worker as u16,
            workers,
            rows: Vec::with_capacity((params.active / workers) as usize + 1),
            at: 0,
            next: Next::Update,
            batch: params.commit_batch as u32,
            left: 0,
            targets,
            random: Random::new(params.seed ^ (worker + 1) << 32),
            inserts: 0,
        };
        let mut all: Vec<Self> = (0..workers).map(script).collect();
        let sleepers = (params.sleepers * 10_000.0).round() as u32;
        for (place, key) in keys.into_iter().enumerate() {
            let parked = random.chance(sleepers);
            let target = if parked { PARKED } else { draw(&mut random, targets) };
            all[place % workers as usize].rows.push(Active { key, seq: 0, target });
        }
        all.retain(|it| it.rows.iter().any(|row| row.target != PARKED));
        all
    }

    /// Whose it is; connections are counted from 0.
    pub fn worker(&self) -> u16 {
        self.worker
    }

    /// Whether a transaction ends before the next statement, if one is open.
    #[inline]
    pub fn is_between_transactions(&self) -> bool {
        self.batch == 1 || (self.left == 0 && matches!(self.next, Next::Update))
    }

    /// Whether the next statement is an update.
    pub fn will_update(&self) -> bool {
        matches!(self.next, Next::Update)
    }

    /// The row that is moved on after so many others, unless it sleeps. That is a guess: statements
    /// in between may be about a row that is through.
    #[inline]
    pub(super) fn coming(&self, after: usize) -> Option<K> {
        let row = self.rows[(self.at + after) % self.rows.len()];
        (row.target != PARKED).then_some(row.key)
    }

    /// The next statement.
    #[inline]
    pub fn advance(&mut self) -> Statement<K> {
        match self.next {
            Next::Update => self.update(),
            Next::Delete(at) => {
                self.next = Next::Insert(at);
                Statement::Delete { key: self.rows[at].key }
            }
            Next::Insert(_) => {
                // The numbers of all connections together, as if they shared a counter.
                let number = self.inserts * self.workers + u64::from(self.worker);
                Statement::Insert { name: Name { by: Some(self.worker), number } }
            }
        }
    }

    /// The row that was to be inserted is there, and known by this key.
    pub fn inserted(&mut self, key: K) {
        if let Next::Insert(at) = self.next {
            let target = draw(&mut self.random, self.targets);
            self.rows[at] = Active { key, seq: 0, target };
            self.inserts += 1;
            self.next = Next::Update;
        }
    }

    /// Moves the next row on. Rows that sleep count in a transaction, as in the harness.
    #[inline]
    fn update(&mut self) -> Statement<K> {
        if self.left == 0 {
            self.left = self.batch;
        }
        let at = loop {
            if self.at == self.rows.len() {
                self.at = 0;
            }
            let at = self.at;
            self.at += 1;
            if self.rows[at].target != PARKED {
                break at;
            }
            self.left = self.left.saturating_sub(1).max(1);
        };
        self.left -= 1;
        let Active { key, seq, target } = &mut self.rows[at];
        let update = Statement::Update { key: *key, seen: *seq };
        *seq += 1;
        if *seq >= *target {
            self.next = Next::Delete(at);
        }
        update
    }
}

fn draw(random: &mut Random, (least, most): (u32, u32)) -> u32 {
    least + random.below(u64::from(most - least) + 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(given: &[(&str, &str)]) -> Params {
        let mut params = Params::of("soak").expect("it is a load");
        for (name, value) in given {
            params.set(name, value).expect("it may be that");
        }
        params
    }

    /// The statements of a connection, and after how many of them its transactions end.
    fn played(mut script: Script<Name>, count: usize) -> (Vec<Statement<Name>>, Vec<usize>) {
        let (mut all, mut ends) = (Vec::new(), Vec::new());
        while all.len() < count {
            if script.is_between_transactions() {
                ends.push(all.len());
            }
            let statement = script.advance();
            if let Statement::Insert { name } = statement {
                script.inserted(name);
            }
            all.push(statement);
        }
        (all, ends)
    }

    #[test]
    fn a_row_is_moved_on_to_its_end_and_another_takes_its_place() {
        let params = params(&[("active", "4"), ("concurrency", "2"), ("sleepers", "0")]);
        let params = Params { tmin: 2, tmax: 2, ..params };
        let scripts = Script::all(&params, (1..=4).map(Name::loaded));
        let second = scripts.into_iter().nth(1).expect("there are two");
        assert_eq!(second.worker(), 1);
        let (all, ends) = played(second, 9);
        let text = |it: &Statement<Name>| match it {
            Statement::Update { key, seen } => format!("{key}@{seen}"),
            Statement::Delete { key } => format!("-{key}"),
            Statement::Insert { name } => format!("+{name}"),
        };
        let all: Vec<String> = all.iter().map(text).collect();
        let expected = ["r2@0", "r4@0", "r2@1", "-r2", "+w1-1", "r4@1", "-r4", "+w1-3", "w1-1@0"];
        assert_eq!(all, expected);
        assert_eq!(ends, [0], "ten rows a transaction");
    }

    #[test]
    fn a_transaction_ends_between_rows_and_never_within_one() {
        let given = [("active", "40"), ("concurrency", "1"), ("commit_batch", "3")];
        let params = Params { tmin: 1, tmax: 1, sleepers: 0.0, ..params(&given) };
        let script = Script::all(&params, (1..=40).map(Name::loaded)).remove(0);
        let (_, ends) = played(script, 28);
        assert_eq!(ends, [0, 9, 18, 27], "three rows are three statements each");
    }

    #[test]
    fn connections_whose_rows_all_sleep_have_no_script() {
        let params = params(&[("active", "3"), ("concurrency", "8"), ("sleepers", "0")]);
        assert_eq!(Script::all(&params, (1..=3).map(Name::loaded)).len(), 3);
        let params = Params { sleepers: 99.0, active: 1, seed: 3, ..params };
        let scripts = Script::all(&params, [Name::loaded(1)]);
        assert!(scripts.len() <= 1);
    }
}
