//! A stream: operations in an order that a seed fixes, the same for the table and for the server.
//!
//! Any part of a stream is a stream, so that one that shows a difference can be cut down: an update
//! whose row was never inserted finds nothing, a COMMIT without a BEGIN does nothing.

mod workload;

pub use workload::{Holder, KeyKind, WORKLOADS, Workload};

use crate::keys::Key;
use crate::layout::Row;
use crate::op::{Op, Step};
use crate::random::Random;
use crate::session::{Isolation, SessionId};
use crate::table::Table;
use std::collections::BTreeSet;

/// Lengths of what the column `execution_status` holds.
const STATUSES: [u16; 7] = [6, 7, 18, 9, 1, 32, 7];
/// Lengths of what the column `run_status` holds.
const RUN_STATUSES: [u16; 5] = [7, 6, 4, 16, 0];

/// Operations, the keys they name, and where to compare.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Bytes of each key, by its number.
    pub keys: Vec<Vec<u8>>,
    /// Operations, in order.
    pub steps: Vec<Step>,
    /// After how many steps to compare; no transaction but the holder's is open there.
    pub checks: Vec<usize>,
    /// Sessions that it names.
    pub sessions: u16,
}

/// Rows as they would be, were all that was done committed.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// `seq` of each key; none if it is not there.
    seq: Vec<Option<u32>>,
    /// Keys that are there, in no order that means anything.
    live: Vec<Key>,
    /// Keys that were deleted lately.
    gone: Vec<Key>,
}

/// A transaction of several statements.
#[derive(Debug)]
struct Open {
    session: SessionId,
    left: u32,
    roll_back: bool,
    before: Rows,
}

struct Maker<'a> {
    how: &'a Workload,
    random: Random,
    rows: Rows,
    stream: Stream,
    taken: BTreeSet<Vec<u8>>,
    /// When the holder lets go, if there is one.
    held_until: Option<u32>,
    open: Option<Open>,
}

impl Stream {
    /// The stream of a workload and a seed.
    pub fn new(how: &Workload, seed: u64) -> Self {
        let sessions = how.writers + 2;
        let stream = Stream { keys: Vec::new(), steps: Vec::new(), checks: Vec::new(), sessions };
        let random = Random::new(seed);
        let (rows, taken) = (Rows::default(), BTreeSet::new());
        let mut maker =
            Maker { how, random, rows, stream, taken, held_until: None, open: None };
        maker.make();
        maker.stream
    }

    /// An empty table with this stream's sessions and keys.
    pub fn table(&self, fillfactor: u8, rules: crate::Rules) -> Table {
        let mut table = Table::with_rules(fillfactor, self.sessions, rules);
        for key in &self.keys {
            table.add_key(key);
        }
        table
    }
}

impl Maker<'_> {
    fn inspector(&self) -> SessionId {
        self.how.writers
    }

    fn holder(&self) -> SessionId {
        self.how.writers + 1
    }

    fn push(&mut self, session: SessionId, op: Op) {
        self.stream.steps.push(Step { session, op });
    }

    fn make(&mut self) {
        for number in 1..=self.how.ops {
            self.hold(number);
            self.around();
            self.one(number);
            let idle = self.open.is_none();
            if number % self.how.every == 0 && idle {
                self.check();
            }
        }
        if let Some(open) = self.open.take() {
            self.close(open);
        }
        self.check();
    }

    fn hold(&mut self, number: u32) {
        if self.how.holder == Holder::None || self.open.is_some() && !self.how.interleaved {
            return;
        }
        let session = self.holder();
        match self.held_until {
            None if self.random.chance(4000) => {
                let snapshot = match self.how.holder {
                    Holder::Both => self.random.below(2) == 0,
                    other => other == Holder::Snapshot,
                };
                if snapshot {
                    self.push(session, Op::Begin(Isolation::RepeatableRead));
                    self.push(session, Op::TakeSnapshot);
                } else {
                    self.push(session, Op::Begin(Isolation::ReadCommitted));
                    self.push(session, Op::TakeXid);
                }
                let length = 1 + self.random.below(u64::from(self.how.hold)) as u32;
                self.held_until = Some(number + length);
            }
            Some(until) if number >= until => {
                self.push(session, Op::Commit);
                self.held_until = None;
            }
            _ => {}
        }
    }

    /// What happens beside statements on rows.
    fn around(&mut self) {
        let how = self.how;
        if self.random.chance(how.reconnect) && self.open.is_none() {
            self.push(0, Op::Reconnect);
        }
        if self.random.chance(how.restart) && self.held_until.is_none() && self.open.is_none() {
            self.flush();
            self.push(0, Op::Restart);
        }
        if self.random.chance(how.seq_scan) {
            self.push(self.inspector(), Op::SeqScan);
        }
        if self.random.chance(how.analyze) {
            self.flush();
            self.push(self.inspector(), Op::Analyze);
        }
    }

    fn flush(&mut self) {
        for session in 0..=self.inspector() {
            self.push(session, Op::Flush);
        }
    }

    fn check(&mut self) {
        self.flush();
        self.stream.checks.push(self.stream.steps.len());
    }

    /// The kind of the next operation, as `mix` counts them; 8 is VACUUM.
    fn kind(&mut self, number: u32) -> usize {
        let total: u32 = self.how.mix.iter().sum();
        let mut left = self.random.below(u64::from(total)) as u32;
        let mut kind = 0;
        while left >= self.how.mix[kind] {
            left -= self.how.mix[kind];
            kind += 1;
        }
        let draining = self.how.drain > 0 && (number / self.how.drain) % 2 == 1;
        if kind == 0 && (draining || self.rows.live.len() >= self.how.live_max) {
            kind = 3;
        }
        if self.rows.live.is_empty() {
            kind = 0;
        }
        if self.random.chance(self.how.vacuum) { 8 } else { kind }
    }

    fn one(&mut self, number: u32) {
        let mut kind = self.kind(number);
        let mut session = self.random.below(u64::from(self.how.writers)) as SessionId;
        let abort = self.random.chance(self.how.abort) && [0, 1, 3].contains(&kind);
        if self.open.is_none() && kind != 8 && self.random.chance(self.how.multi) {
            let left = 2 + self.random.below(4) as u32;
            let roll_back = self.random.below(5) == 0;
            let before = self.rows.clone();
            self.open = Some(Open { session, left, roll_back, before });
            self.push(session, Op::Begin(Isolation::ReadCommitted));
        }
        if let Some(open) = &self.open {
            session = open.session;
            if kind == 8 {
                kind = if self.rows.live.is_empty() { 0 } else { 4 };
            }
        }
        let alone = self.open.is_none();
        if kind == 8 {
            return self.vacuum(session);
        }
        let before = (abort && alone).then(|| self.rows.clone());
        if before.is_some() {
            self.push(session, Op::Begin(Isolation::ReadCommitted));
        }
        self.statement(session, kind);
        if let Some(before) = before {
            self.push(session, Op::Rollback);
            self.roll_back(before);
        }
        if let Some(mut open) = self.open.take() {
            open.left -= 1;
            match open.left {
                0 => self.close(open),
                _ => self.open = Some(open),
            }
        }
    }

    fn vacuum(&mut self, session: SessionId) {
        self.flush();
        let session = if self.how.vacuum_elsewhere { self.inspector() } else { session };
        self.push(session, Op::Vacuum);
        self.check();
    }

    fn close(&mut self, open: Open) {
        let op = if open.roll_back { Op::Rollback } else { Op::Commit };
        self.push(open.session, op);
        if open.roll_back {
            self.roll_back(open.before);
        }
    }

    /// Rows are as before; keys that were new are known, and count as deleted.
    fn roll_back(&mut self, before: Rows) {
        let after = std::mem::replace(&mut self.rows, before);
        self.rows.seq.resize(self.stream.keys.len(), None);
        for key in after.live {
            if self.rows.seq[key.number()].is_none() && !self.rows.gone.contains(&key) {
                self.rows.gone.push(key);
            }
        }
    }

    fn statement(&mut self, session: SessionId, kind: usize) {
        let row = self.row();
        let op = match kind {
            0 => {
                let key = self.new_key();
                self.come(key);
                Op::Insert { key, row }
            }
            1 | 2 => {
                let (_, key) = self.some_key();
                let seq = self.rows.seq[key.number()].unwrap_or(0);
                if kind == 1 {
                    self.rows.seq[key.number()] = Some(seq + 1);
                }
                Op::Update { key, seen: if kind == 1 { seq } else { seq + 999 }, row }
            }
            3 => {
                let (at, key) = self.some_key();
                self.rows.live.swap_remove(at);
                self.rows.seq[key.number()] = None;
                self.rows.gone.push(key);
                if self.rows.gone.len() > 200 {
                    self.rows.gone.remove(0);
                }
                Op::Delete { key }
            }
            4 => Op::Select { key: self.some_key().1 },
            5 | 6 => {
                let there = self.random.below(5) < 3;
                let key = if there { self.some_key().1 } else { self.new_key() };
                if self.rows.seq[key.number()].is_none() {
                    self.come(key);
                }
                Op::Upsert { key, row, update: kind == 6 }
            }
            _ => Op::Lock { key: self.some_key().1 },
        };
        self.push(session, op);
    }

    fn come(&mut self, key: Key) {
        self.rows.seq[key.number()] = Some(0);
        self.rows.live.push(key);
    }

    /// A key that is there, and its place.
    fn some_key(&mut self) -> (usize, Key) {
        let all = self.rows.live.len();
        let hot = all * self.how.hot as usize / 100;
        let few = hot > 0 && self.random.below(10) < 9;
        let at = self.random.index(if few { hot } else { all });
        (at, self.rows.live[at])
    }

    fn new_key(&mut self) -> Key {
        if !self.rows.gone.is_empty() && self.random.chance(self.how.reinsert) {
            let at = self.random.index(self.rows.gone.len());
            return self.rows.gone.remove(at);
        }
        loop {
            let key = self.key_bytes();
            if self.taken.insert(key.clone()) {
                self.stream.keys.push(key);
                self.rows.seq.push(None);
                return Key(self.stream.keys.len() as u32 - 1);
            }
        }
    }

    fn key_bytes(&mut self) -> Vec<u8> {
        let bits = (u128::from(self.random.bits()) << 64) | u128::from(self.random.bits());
        let text = match self.how.keys {
            KeyKind::Ascending => format!("run-{:010}", self.stream.keys.len()),
            KeyKind::Random => {
                let digits = self.random.pick([8, 8, 16, 24, 31].as_slice());
                let hex = format!("{bits:032x}");
                format!("r{}", &hex[..digits])
            }
            KeyKind::Uuid => {
                let hex = format!("{bits:032x}");
                let (a, b) = (&hex[..8], &hex[8..12]);
                format!("{a}-{b}-{}-{}-{}", &hex[12..16], &hex[16..20], &hex[20..])
            }
            KeyKind::Long => {
                let more = self.random.pick([10, 60, 117, 118, 119, 150, 300].as_slice());
                format!("{:08x}{}", bits as u32, "y".repeat(more))
            }
        };
        text.into_bytes()
    }

    fn row(&mut self) -> Row {
        let wide = match self.how.wide {
            0 => 0,
            wide => self.random.below(u64::from(wide)) as u16,
        };
        let status = self.random.pick(&STATUSES) + wide;
        let run_status = self.random.pick(&RUN_STATUSES);
        Row { status, run_status, attempt: self.random.below(5) > 1 }
    }
}
