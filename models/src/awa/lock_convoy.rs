//! Workers on a table that is to be truncated, and a reader on it who has gone idle.
//!
//! Whoever prunes a segment locks its table so that nobody else can, and behind a reader that has to
//! be waited for. Postgres serves waiters in their order, so all workers who come then wait behind
//! the pruner, for as long as the reader likes, though nothing that is held is in their way. With NOWAIT the
//! pruner gives up at once, and tries again later. Then an error that says so (SQLSTATE 55P03) is no
//! failure; but only that one: what else goes wrong in there has to be heard of.
//!
//! The source is awa's prune (hardbyte/awa, issue 169, pull request 349), which awa's own
//! specification of its locks leaves out because it has no queue.

use crate::promise::{Promise, breaks, unless};
use crate::worlds::lock_table::{Asked, LockTable, Mode};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const WORKERS: u8 = 4;
const READERS: u8 = 2;
const SESSIONS: usize = 1 + (WORKERS + READERS) as usize;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many workers write to the table.
    pub workers: u8,
    /// How many readers stay in their transaction.
    pub readers: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { workers: 2, readers: 1 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["workers", "readers"];

    fn check(&self) -> Result<(), String> {
        within("workers", self.workers, 1..=WORKERS)?;
        within("readers", self.readers, 0..=READERS)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Waits for the lock.
    PruneWaits,
    /// Waits for the lock, and gives up after a while.
    PruneTimesOut,
    /// Takes every error for somebody in the way.
    MasksErrors,
    /// Asks whether the table is empty, and locks it then.
    ChecksBeforeLock,
    /// Truncates under a lock that lets others write.
    TruncatesShared,
}

const READ: u8 = 0;
const WRITE: u8 = 1;
const COMMIT: u8 = 2;
const DRAIN: u8 = 3;
const PRUNE: u8 = 4;
const TRUNCATE: u8 = 5;
const FAIL: u8 = 6;
const TIME_OUT: u8 = 7;

/// Who prunes; the workers come next, and then the readers.
const PRUNER: u8 = 0;
/// The table that is pruned.
const TABLE: usize = 0;

/// What the pruner said the last time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Said {
    Nothing,
    Pruned,
    /// Somebody is in the way.
    Blocked,
    /// Rows are still needed.
    Active,
    /// Something else went wrong.
    Failed,
}

/// The locks on the table, what lies in it, and what the pruner is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    locks: LockTable,
    /// Whether a row of each worker lies in the table, committed: it needs it until it is done, which
    /// it says elsewhere. While it holds the lock it has written one that nobody sees yet.
    rows: [bool; WORKERS as usize],
    /// Whether the pruner has found the table empty, where it asks before it locks.
    found_empty: bool,
    said: Said,
    /// Whether the last thing the pruner met was another error.
    erred: bool,
    /// Whether a row was truncated that was needed.
    dropped: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn workers(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.sizes.0.workers
    }

    fn readers(&self) -> std::ops::RangeInclusive<u8> {
        let first = self.sizes.0.workers + 1;
        first..=self.sizes.0.workers + self.sizes.0.readers
    }

    fn row(&mut self, worker: u8) -> &mut bool {
        &mut self.rows[usize::from(worker) - 1]
    }

    fn is_empty(&self) -> bool {
        !self.rows.contains(&true)
    }

    /// Whether the session is in no transaction that has locked the table, or waits to.
    fn is_idle(&self, session: u8) -> bool {
        !self.locks.holds(session, TABLE) && !self.locks.waits(session)
    }

    fn prune(&mut self) {
        self.erred = false;
        if self.is(Mutant::ChecksBeforeLock) && !self.found_empty {
            self.found_empty = self.is_empty();
            return;
        }
        let waits = self.is(Mutant::PruneWaits) || self.is(Mutant::PruneTimesOut);
        let mode = match self.is(Mutant::TruncatesShared) {
            true => Mode::RowExclusive,
            false => Mode::AccessExclusive,
        };
        if self.locks.ask(PRUNER, TABLE, mode, !waits) == Asked::Unavailable {
            self.said = Said::Blocked;
        }
    }

    /// Looks, now that nobody else can write, and truncates what nobody needs.
    fn truncate(&mut self) {
        let empty = match self.is(Mutant::ChecksBeforeLock) {
            true => self.found_empty,
            false => self.is_empty(),
        };
        if empty {
            // TRUNCATE heeds no snapshot: what is written and not committed goes with the rest.
            let writes = self.workers().any(|worker| self.locks.holds(worker, TABLE));
            self.dropped |= writes || !self.is_empty();
            self.rows.fill(false);
        }
        self.said = if empty { Said::Pruned } else { Said::Active };
        self.found_empty = false;
        self.locks.release(PRUNER);
    }

    fn no_convoy(&self) -> Result<(), String> {
        let mut workers = self.workers().chain(self.readers());
        match workers.find(|session| self.locks.waits_for_waiters_only(*session)) {
            Some(session) => Err(format!(
                "s{session} waits behind a pruner that waits, and nothing that is held is in its way"
            )),
            None => Ok(()),
        }
    }

    fn errors_surface(&self) -> Result<(), String> {
        unless(!self.erred || self.said != Said::Blocked, || {
            "the TRUNCATE failed, and the pruner says that it was blocked".to_owned()
        })
    }

    fn none_dropped(&self) -> Result<(), String> {
        unless(!self.dropped, || {
            "a row was truncated that its worker had yet to be done with".to_owned()
        })
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("no-convoy", State::no_convoy),
    Promise::new("error-surfaced", State::errors_surface),
    Promise::new("no-pending-row-dropped", State::none_dropped),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] =
        &["read", "write", "commit", "drain", "prune", "truncate", "fail", "time-out"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        for session in self.workers().chain(self.readers()) {
            let worker = self.workers().contains(&session);
            if self.is_idle(session) {
                moves.due(if worker { WRITE } else { READ }, session.into());
            } else if self.locks.holds(session, TABLE) {
                moves.due(COMMIT, session.into());
            }
        }
        for worker in self.workers() {
            let done = self.is_idle(worker) && self.rows[usize::from(worker) - 1];
            if done {
                moves.due(DRAIN, worker.into());
            }
        }
        if self.locks.holds(PRUNER, TABLE) {
            moves.due(TRUNCATE, 0);
            moves.may(FAIL, 0);
        } else if !self.locks.waits(PRUNER) {
            moves.due(PRUNE, 0);
        } else if self.is(Mutant::PruneTimesOut) {
            moves.may(TIME_OUT, 0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let session = arg as u8;
        match kind {
            READ => _ = self.locks.ask(session, TABLE, Mode::AccessShare, false),
            WRITE => _ = self.locks.ask(session, TABLE, Mode::RowExclusive, false),
            COMMIT => {
                if self.workers().contains(&session) {
                    *self.row(session) = true;
                }
                self.locks.release(session);
            }
            DRAIN => *self.row(session) = false,
            PRUNE => self.prune(),
            TRUNCATE => self.truncate(),
            FAIL => {
                let masks = self.is(Mutant::MasksErrors);
                self.said = if masks { Said::Blocked } else { Said::Failed };
                self.erred = true;
                self.locks.release(PRUNER);
            }
            _ => {
                self.said = Said::Blocked;
                self.locks.release(PRUNER);
            }
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let list = |those: &dyn Fn(u8) -> bool| {
            let those = (0..SESSIONS as u8).filter(|session| those(*session));
            those.map(|session| format!("s{session}")).collect::<Vec<_>>().join(" ")
        };
        let rows = self.rows.iter().filter(|row| **row).count();
        vec![
            ("held by", list(&|session| self.locks.holds(session, TABLE))),
            ("waiting", list(&|session| self.locks.waits(session))),
            ("rows", rows.to_string()),
            ("pruner", format!("{:?}", self.said).to_lowercase()),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct LockConvoy {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for LockConvoy {
    const NAME: &'static str = "awa/lock_convoy";
    const ABOUT: &'static str = "a table pruned under workers, behind a reader that has gone idle";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::PruneWaits,
            "no-convoy",
            "waits for the lock, and so does everybody who comes then",
        ),
        breaks(
            Mutant::PruneTimesOut,
            "no-convoy",
            "waits for the lock until a time-out: a shorter convoy is one",
        ),
        breaks(
            Mutant::MasksErrors,
            "error-surfaced",
            "takes every error for somebody in the way, not only 55P03",
        ),
        breaks(
            Mutant::ChecksBeforeLock,
            "no-pending-row-dropped",
            "asks whether the table is empty, and locks it then",
        ),
        breaks(
            Mutant::TruncatesShared,
            "no-pending-row-dropped",
            "truncates under a lock beside which others write",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        LockConvoy { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            locks: LockTable::new(1),
            rows: [false; WORKERS as usize],
            found_empty: false,
            said: Said::Nothing,
            erred: false,
            dropped: false,
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(PROMISES, now)
    }

    fn always(&self) -> Vec<Always<State>> {
        Promise::promised(PROMISES).collect()
    }
}
