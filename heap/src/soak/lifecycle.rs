//! The crew: what each connection does next, row after row, as the harnesses' workers do it.
//!
//! A worker walks through every `concurrency`-th row, moves each on by one transition, and deletes
//! a row that is through and inserts another in its place. Whose turn it is is drawn: connections that
//! are served alike still drift apart, and whether they stand on the same page decides whether a
//! page's dead rows can go in time. Statements of different connections never overlap here, but
//! their transactions do: one that waits for its commit ends when its connection has its next turn.

use crate::keys::Key;
use crate::layout::Row;
use crate::op::{Answer, Op, Refused, Step};
use crate::random::Random;
use crate::session::{Isolation, SessionId};
use crate::soak::params::Params;
use crate::table::Table;

/// `RUN_CREATED`, `PENDING`, no attempt.
const FRESH: Row = Row { status: 11, run_status: 7, attempt: false };
/// `EXECUTING`, `EXECUTING`, attempt 1.
const MOVED: Row = Row { status: 9, run_status: 9, attempt: true };
/// The target of a row that nobody touches.
const PARKED: u32 = u32::MAX;

/// A row, as its worker knows it.
#[derive(Clone, Copy, Debug)]
struct Active {
    key: Key,
    seq: u32,
    /// It is deleted when `seq` gets here.
    target: u32,
}

/// What a worker does at its next turn.
#[derive(Clone, Copy, Debug)]
enum Next {
    Update,
    /// Deletes the row at this place, which is through.
    Delete(usize),
    /// Inserts another in its place.
    Insert(usize),
}

#[derive(Clone, Debug)]
struct Worker {
    session: SessionId,
    /// The place of the next row.
    at: usize,
    next: Next,
    /// Rows left in the transaction.
    left: u32,
    open: bool,
}

/// All workers and the rows between them.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    rows: Vec<Active>,
    /// Those that have a row to move on.
    workers: Vec<Worker>,
    stride: usize,
    batch: u32,
    waits: bool,
    targets: (u32, u32),
    random: Random,
    /// Statements that changed a row: updates, inserts, deletes.
    pub(super) updates: u64,
    pub(super) inserts: u64,
    pub(super) deletes: u64,
}

impl Crew {
    /// Fills the table, and puts the workers at its beginning. `batch` rows a statement.
    pub(super) fn new(params: &Params, table: &mut Table, batch: u64) -> Result<Self, Refused> {
        let mut random = Random::new(params.seed);
        let apply = |table: &mut Table, op| table.apply(Step { session: 0, op });
        let mut keys = Vec::with_capacity(params.active as usize);
        for number in 0..params.active {
            if number % batch == 0 {
                apply(table, Op::Commit)?;
                apply(table, Op::Begin(Isolation::ReadCommitted))?;
            }
            let key = table.add_key(format!("r{}", number + 1).as_bytes());
            apply(table, Op::Insert { key, row: FRESH })?;
            keys.push(key);
        }
        apply(table, Op::Commit)?;
        apply(table, Op::Flush)?;
        let targets = (params.tmin as u32, params.tmax as u32);
        let sleepers = (params.sleepers * 10_000.0).round() as u32;
        let rows: Vec<Active> = keys
            .into_iter()
            .map(|key| {
                let parked = random.chance(sleepers);
                let target = if parked { PARKED } else { draw(&mut random, targets) };
                Active { key, seq: 0, target }
            })
            .collect();
        let stride = params.concurrency as usize;
        let has_work = |first: usize| rows.iter().skip(first).step_by(stride).any(Active::moves);
        let batch = params.commit_batch as u32;
        let worker = |at: usize| {
            let session = at as SessionId;
            Worker { session, at, next: Next::Update, left: batch, open: false }
        };
        let workers = (0..stride).filter(|at| has_work(*at)).map(worker).collect();
        let waits = params.synchronous_commit;
        let (updates, inserts, deletes) = (0, 0, 0);
        Ok(Crew { rows, workers, stride, batch, waits, targets, random, updates, inserts, deletes })
    }

    /// Whether there is anything to do.
    pub(super) fn has_work(&self) -> bool {
        !self.workers.is_empty()
    }

    /// One connection does its next statement.
    pub(super) fn turn(&mut self, table: &mut Table) -> Result<(), Refused> {
        let who = self.random.index(self.workers.len());
        let session = self.workers[who].session;
        let apply = |table: &mut Table, op| table.apply(Step { session, op });
        let worker = &mut self.workers[who];
        let alone = self.batch == 1;
        if worker.left == 0 && (alone || matches!(worker.next, Next::Update)) {
            if worker.open {
                apply(table, Op::Commit)?;
                worker.open = false;
            }
            worker.left = self.batch;
        }
        if !worker.open && (self.waits || !alone) {
            apply(table, Op::Begin(Isolation::ReadCommitted))?;
            worker.open = true;
        }
        match worker.next {
            Next::Update => self.update(who, table)?,
            Next::Delete(at) => {
                let key = self.rows[at].key;
                let answer = apply(table, Op::Delete { key })?;
                debug_assert_eq!(answer, Answer::Rows(1), "it is there");
                table.forget_key(key);
                self.deletes += 1;
                worker.next = Next::Insert(at);
            }
            Next::Insert(at) => {
                let name = format!("w{session}-{}", self.inserts);
                let key = table.add_key(name.as_bytes());
                apply(table, Op::Insert { key, row: FRESH })?;
                self.inserts += 1;
                let target = draw(&mut self.random, self.targets);
                self.rows[at] = Active { key, seq: 0, target };
                worker.next = Next::Update;
            }
        }
        self.end_of_turn(who, table)
    }

    /// Moves the worker's next row on. Parked rows count in a transaction as in the harness.
    fn update(&mut self, who: usize, table: &mut Table) -> Result<(), Refused> {
        let worker = &mut self.workers[who];
        let at = loop {
            if worker.at >= self.rows.len() {
                worker.at = usize::from(worker.session);
            }
            let at = worker.at;
            worker.at += self.stride;
            if self.rows[at].moves() {
                break at;
            }
            if self.batch > 1 {
                worker.left = worker.left.saturating_sub(1).max(1);
            }
        };
        let Active { key, seq, target } = &mut self.rows[at];
        let op = Op::Update { key: *key, seen: *seq, row: MOVED };
        let answer = table.apply(Step { session: worker.session, op })?;
        debug_assert_eq!(answer, Answer::Rows(1), "nobody else moves it");
        *seq += 1;
        self.updates += 1;
        worker.left -= 1;
        if *seq >= *target {
            worker.next = Next::Delete(at);
        }
        Ok(())
    }

    fn end_of_turn(&mut self, who: usize, table: &mut Table) -> Result<(), Refused> {
        let worker = &mut self.workers[who];
        if self.batch == 1 {
            worker.left = 0;
            return Ok(());
        }
        if worker.left == 0 && matches!(worker.next, Next::Update) && !self.waits {
            table.apply(Step { session: worker.session, op: Op::Commit })?;
            worker.open = false;
        }
        Ok(())
    }

    /// Every connection tells its statistics, as it does about once a second.
    pub(super) fn flush(&self, table: &mut Table) -> Result<(), Refused> {
        for worker in &self.workers {
            table.apply(Step { session: worker.session, op: Op::Flush })?;
        }
        Ok(())
    }
}

impl Active {
    fn moves(&self) -> bool {
        self.target != PARKED
    }
}

fn draw(random: &mut Random, (least, most): (u32, u32)) -> u32 {
    least + random.below(u64::from(most - least) + 1) as u32
}
