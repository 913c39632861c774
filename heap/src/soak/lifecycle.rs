//! The crew: who of the connections does the next statement of its script, and in which
//! transaction.
//!
//! Whose turn it is is drawn: connections that are served alike still drift apart, and whether they
//! stand on the same page decides whether a page's dead rows can go in time. Statements of different
//! connections never overlap here, but their transactions do: one that waits for its commit ends
//! when its connection has its next turn.

use crate::keys::Key;
use crate::op::{Answer, Op, Refused, Step};
use crate::random::Random;
use crate::session::{Isolation, SessionId};
use crate::soak::SECOND;
use crate::soak::params::Params;
use crate::soak::script::{FRESH, MOVED, Name, Script, Statement};
use crate::table::Table;
use std::collections::VecDeque;

/// Turns that are drawn at once, so that the memory they need can be asked for at once.
const DRAWN: usize = 64;
/// Rows from which on they no longer fit in the processor's caches.
const MANY: u64 = 50_000;

#[derive(Clone, Debug)]
struct Worker {
    session: SessionId,
    script: Script<Key>,
    open: bool,
    /// How many of its turns were looked ahead to.
    ahead: usize,
    /// When the transaction ends by itself, if it does before the next turn.
    ends: u64,
}

/// All connections that have a row to move on.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    workers: Vec<Worker>,
    /// Whether each statement is a transaction.
    alone: bool,
    waits: bool,
    /// Microseconds of a statement with its commit; 0 is until the connection's next turn.
    commit: u64,
    /// Updates a second.
    rate: u64,
    /// Whose transactions end, and when; the next one first.
    ending: VecDeque<(u64, usize)>,
    random: Random,
    /// Whose turns come next; the next one last.
    turns: Vec<usize>,
    /// Whether there are more rows than fit in caches.
    many: bool,
    /// Statements that changed a row: updates, inserts, deletes.
    pub(super) updates: u64,
    pub(super) inserts: u64,
    pub(super) deletes: u64,
}

impl Crew {
    /// Puts the workers at the beginning of a table with these rows.
    pub(super) fn new(params: &Params, keys: Vec<Key>) -> Self {
        let worker = |script: Script<Key>| {
            let session = script.worker();
            Worker { session, script, open: false, ahead: 0, ends: 0 }
        };
        Crew {
            workers: Script::all(params, keys).into_iter().map(worker).collect(),
            alone: params.commit_batch == 1,
            waits: params.synchronous_commit,
            commit: (params.commit * 1000.0) as u64,
            rate: params.rate,
            ending: VecDeque::new(),
            random: Random::new(params.seed),
            turns: Vec::with_capacity(DRAWN),
            many: params.active >= MANY,
            updates: 0,
            inserts: 0,
            deletes: 0,
        }
    }

    /// Whether there is anything to do.
    pub(super) fn has_work(&self) -> bool {
        !self.workers.is_empty()
    }

    /// One connection does its next statement.
    pub(super) fn turn(&mut self, table: &mut Table) -> Result<(), Refused> {
        let now = if self.commit == 0 { 0 } else { self.updates * SECOND / self.rate };
        self.end_transactions(now, table)?;
        let who = self.whose_turn(table);
        let Worker { session, script, open, ends, .. } = &mut self.workers[who];
        let session = *session;
        let apply = |table: &mut Table, op| table.apply(Step { session, op });
        if *open && script.is_between_transactions() {
            apply(table, Op::Commit)?;
            *open = false;
        }
        if !*open && (self.waits || !self.alone) {
            apply(table, Op::Begin(Isolation::ReadCommitted))?;
            *open = true;
        }
        match script.advance() {
            Statement::Update { key, seen } => {
                let answer = apply(table, Op::Update { key, seen, row: MOVED })?;
                debug_assert_eq!(answer, Answer::Rows(1), "nobody else moves it");
                self.updates += 1;
            }
            Statement::Delete { key } => {
                let answer = apply(table, Op::Delete { key })?;
                debug_assert_eq!(answer, Answer::Rows(1), "it is there");
                table.forget_key(key);
                self.deletes += 1;
            }
            Statement::Insert { name } => {
                let key = table.add_key(name.to_string().as_bytes());
                apply(table, Op::Insert { key, row: FRESH })?;
                script.inserted(key);
                self.inserts += 1;
            }
        }
        if *open && self.alone && self.commit != 0 {
            *ends = now + self.commit;
            self.ending.push_back((*ends, who));
        }
        if *open && !self.waits && script.is_between_transactions() {
            apply(table, Op::Commit)?;
            *open = false;
        }
        Ok(())
    }

    #[inline]
    fn whose_turn(&mut self, table: &Table) -> usize {
        if let Some(who) = self.turns.pop() {
            return who;
        }
        let Crew { workers, turns, random, .. } = self;
        turns.extend((0..DRAWN).map(|_| random.index(workers.len())));
        if self.many {
            self.look_ahead(table);
        }
        self.turns.pop().expect("some were drawn")
    }

    /// Asks for the memory that the turns to come will need. It decides nothing.
    fn look_ahead(&mut self, table: &Table) {
        let mut keys = [Key(0); DRAWN];
        let mut found = 0;
        for who in self.turns.iter().rev() {
            let Worker { script, ahead, .. } = &mut self.workers[*who];
            if let Some(key) = script.coming(*ahead) {
                keys[found] = key;
                found += 1;
            }
            *ahead += 1;
        }
        self.turns.iter().for_each(|who| self.workers[*who].ahead = 0);
        table.look_ahead(&keys[..found]);
    }

    /// Transactions end whose commit is through by now.
    fn end_transactions(&mut self, now: u64, table: &mut Table) -> Result<(), Refused> {
        while let Some((at, who)) = self.ending.pop_front_if(|it| it.0 <= now) {
            let Worker { session, open, ends, .. } = &mut self.workers[who];
            // It is another one by now if the connection had a turn in between.
            if *open && *ends == at {
                table.apply(Step { session: *session, op: Op::Commit })?;
                *open = false;
            }
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

/// The first rows, as far as they are inserted: so many a statement, as the harnesses do it.
#[derive(Clone, Debug, Default)]
pub(super) struct Loading(Vec<Key>);

impl Loading {
    /// Rows that are there.
    pub(super) fn rows(&self) -> u64 {
        self.0.len() as u64
    }

    /// Inserts what one statement does: the keys of all rows if they are there then.
    pub(super) fn go_on(
        &mut self,
        params: &Params,
        table: &mut Table,
    ) -> Result<Option<Vec<Key>>, Refused> {
        let apply = |table: &mut Table, op| table.apply(Step { session: 0, op });
        let until = params.active.min(self.rows() + params.load_batch());
        apply(table, Op::Begin(Isolation::ReadCommitted))?;
        for number in self.rows()..until {
            let key = table.add_key(Name::loaded(number + 1).to_string().as_bytes());
            apply(table, Op::Insert { key, row: FRESH })?;
            self.0.push(key);
        }
        apply(table, Op::Commit)?;
        if until < params.active {
            return Ok(None);
        }
        apply(table, Op::Flush)?;
        Ok(Some(std::mem::take(&mut self.0)))
    }
}
