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
    /// Whose open transaction changed a key.
    owner: Vec<Option<SessionId>>,
}

/// A transaction of several statements.
#[derive(Debug)]
struct Open {
    session: SessionId,
    left: u32,
    roll_back: bool,
    /// It has one snapshot for all its statements, and only reads.
    repeatable: bool,
    /// `seq` of each key that was changed, before it was; the last change last.
    changed: Vec<(Key, Option<u32>)>,
}

struct Maker<'a> {
    how: &'a Workload,
    random: Random,
    rows: Rows,
    stream: Stream,
    taken: BTreeSet<Vec<u8>>,
    /// When the holder lets go, if there is one.
    held_until: Option<u32>,
    open: Vec<Open>,
    /// A comparison waits for open transactions to end.
    check_due: bool,
}

impl Stream {
    /// The stream of a workload and a seed.
    pub fn new(how: &Workload, seed: u64) -> Self {
        let sessions = how.writers + 2;
        let stream = Stream { keys: Vec::new(), steps: Vec::new(), checks: Vec::new(), sessions };
        let random = Random::new(seed);
        let (rows, taken) = (Rows::default(), BTreeSet::new());
        let (held_until, open, check_due) = (None, Vec::new(), false);
        let mut maker = Maker { how, random, rows, stream, taken, held_until, open, check_due };
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
            self.check_due |= number % self.how.every == 0;
            if self.check_due && self.open.is_empty() {
                self.check();
            }
        }
        while let Some(open) = self.open.pop() {
            self.close(open);
        }
        self.check();
    }

    fn hold(&mut self, number: u32) {
        if self.how.holder == Holder::None || !self.open.is_empty() && !self.how.interleaved {
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
        if self.random.chance(how.reconnect) && self.open.is_empty() {
            self.push(0, Op::Reconnect);
        }
        if self.random.chance(how.restart) && self.held_until.is_none() && self.open.is_empty() {
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
        self.check_due = false;
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
        let alone = self.open.is_empty();
        if !self.how.interleaved {
            session = self.open.first().map_or(session, |open| open.session);
        }
        let place = self.open.iter().position(|open| open.session == session);
        if place.is_none() && kind != 8 && self.random.chance(self.how.multi) {
            self.begin(session);
        } else if kind == 8 && !alone {
            kind = 4;
        }
        if kind == 8 {
            return self.vacuum(session);
        }
        let single = abort && self.open.is_empty();
        if single {
            self.open(session, 1, true, Isolation::ReadCommitted);
        }
        self.statement(session, kind);
        let Some(at) = self.open.iter().position(|open| open.session == session) else { return };
        self.open[at].left -= 1;
        if self.open[at].left == 0 {
            let open = self.open.swap_remove(at);
            self.close(open);
        }
    }

    fn begin(&mut self, session: SessionId) {
        let left = 2 + self.random.below(4) as u32;
        let roll_back = self.random.below(5) == 0;
        let repeatable = self.how.interleaved && self.random.below(4) == 0;
        let isolation =
            if repeatable { Isolation::RepeatableRead } else { Isolation::ReadCommitted };
        // What is open for long holds more back.
        let left = if self.how.interleaved { left * 4 } else { left };
        self.open(session, left, roll_back, isolation);
    }

    fn open(&mut self, session: SessionId, left: u32, roll_back: bool, isolation: Isolation) {
        let repeatable = isolation == Isolation::RepeatableRead;
        self.open.push(Open { session, left, roll_back, repeatable, changed: Vec::new() });
        self.push(session, Op::Begin(isolation));
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
        for (key, before) in open.changed.into_iter().rev() {
            self.rows.owner[key.number()] = None;
            if open.roll_back {
                self.set(key, before);
            }
        }
    }

    /// A key's `seq` is as it was, or as it is now.
    fn set(&mut self, key: Key, seq: Option<u32>) {
        let rows = &mut self.rows;
        let before = std::mem::replace(&mut rows.seq[key.number()], seq);
        match (before, seq) {
            (None, Some(_)) => {
                rows.live.push(key);
                rows.gone.retain(|it| *it != key);
            }
            (Some(_), None) => {
                if let Some(at) = rows.live.iter().rposition(|it| *it == key) {
                    rows.live.swap_remove(at);
                }
                rows.gone.push(key);
                if rows.gone.len() > 200 {
                    rows.gone.remove(0);
                }
            }
            _ => {}
        }
    }

    /// A key changes, in the session's open transaction if there is one.
    fn change(&mut self, session: SessionId, key: Key, seq: Option<u32>) {
        let before = self.rows.seq[key.number()];
        if let Some(open) = self.open.iter_mut().find(|open| open.session == session) {
            open.changed.push((key, before));
            self.rows.owner[key.number()] = Some(session);
        }
        self.set(key, seq);
    }

    /// Whether another session's open transaction changed it: to change it would be to wait.
    fn is_anothers(&self, session: SessionId, key: Key) -> bool {
        self.rows.owner[key.number()].is_some_and(|it| it != session)
    }

    fn statement(&mut self, session: SessionId, kind: usize) {
        let row = self.row();
        let only_reads = self.open.iter().any(|it| it.session == session && it.repeatable);
        let mut kind = if only_reads && !self.rows.live.is_empty() { 4 } else { kind };
        let there = self.random.below(5) < 3;
        let key = match kind {
            0 => self.new_key(session),
            5 | 6 if !there => self.new_key(session),
            _ => self.some_key(),
        };
        if kind != 4 && self.is_anothers(session, key) {
            kind = 4;
        }
        let seq = self.rows.seq[key.number()];
        let op = match kind {
            0 => Op::Insert { key, row },
            1 => Op::Update { key, seen: seq.unwrap_or(0), row },
            2 => Op::Update { key, seen: seq.unwrap_or(0) + 999, row },
            3 => Op::Delete { key },
            4 => Op::Select { key },
            5 | 6 => Op::Upsert { key, row, update: kind == 6 },
            _ => Op::Lock { key },
        };
        match kind {
            0 => self.change(session, key, Some(0)),
            1 => self.change(session, key, seq.map(|it| it + 1)),
            3 => self.change(session, key, None),
            5 | 6 => self.change(session, key, seq.or(Some(0))),
            // A row lock is held as a change is.
            7 => self.change(session, key, seq),
            _ => {}
        }
        self.push(session, op);
    }

    /// A key that is there.
    fn some_key(&mut self) -> Key {
        let all = self.rows.live.len();
        let hot = all * self.how.hot as usize / 100;
        let few = hot > 0 && self.random.below(10) < 9;
        let at = self.random.index(if few { hot } else { all });
        self.rows.live[at]
    }

    fn new_key(&mut self, session: SessionId) -> Key {
        if !self.rows.gone.is_empty() && self.random.chance(self.how.reinsert) {
            let at = self.random.index(self.rows.gone.len());
            let key = self.rows.gone[at];
            if !self.is_anothers(session, key) {
                return key;
            }
        }
        loop {
            let key = self.key_bytes();
            if self.taken.insert(key.clone()) {
                self.stream.keys.push(key);
                self.rows.seq.push(None);
                self.rows.owner.push(None);
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
