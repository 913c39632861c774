//! Retention: what it costs to get rid of old runs, by partitions that are dropped or by DELETE.
//!
//! A partition gives its space back at once, its index included, and DELETE gives nothing back but
//! room. What partitions cost shows elsewhere: runs that still sleep must be carried forward, again
//! each time their partition grows old, and detaching needs a lock on the table that everybody uses.
//! Rows and pages are those of [`Table`], one a partition, and exact for the order in which runs
//! come; locks are those of [`locks`], and a statement that waits for none takes no time.
//!
//! Partitions have a primary key each, on `run_id` alone, and the table has none: its primary key
//! would have to have `created_at` in it. So no run has the same name in two partitions because
//! nobody gives it to two, and not because the server sees to it.

pub mod locks;
mod outcome;
mod params;

pub use outcome::{Moment, Outcome};
pub use params::{Params, Way, Ways};

use crate::keys::Key;
use crate::layout::{BLCKSZ, Row};
use crate::op::{Op, Refused, Step};
use crate::random::Random;
use crate::session::{Isolation, SessionId};
use crate::soak::{FRESH, MOVED};
use crate::table::Table;
use locks::{Doing, Mode, Relation};

/// `FINISHED`, `COMPLETED`, attempt 1: what the last update of a run leaves.
pub const DONE: Row = Row { status: 8, run_status: 9, attempt: true };
/// Milliseconds before a retirement at which the reader begins.
pub const READER_BEFORE: u64 = 500;

/// A run that is there.
#[derive(Clone, Copy, Debug)]
struct Run {
    key: Key,
    number: u64,
    open: bool,
}

/// A table of the server: a partition, or all there is.
#[derive(Clone, Debug)]
struct Part {
    table: Table,
    /// In the order in which they came.
    runs: Vec<Run>,
}

/// What happens by the clock. At the same moment in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Event {
    ReaderEnds,
    ReaderBegins,
    /// Runs of before this second go.
    Retire(u64),
}

/// A load with retention, somewhere between its beginning and its end.
#[derive(Clone, Debug)]
pub struct Retention {
    params: Params,
    way: Way,
    /// By number; one alone if the table is not partitioned. Those that were dropped are none.
    parts: Vec<Option<Part>>,
    sleepers: Sleepers,
    /// The next run.
    run: u64,
    second: u64,
    /// What is to come, and at which millisecond; the first last.
    events: Vec<(u64, Event)>,
    /// Until when the reader reads, if there is one.
    reader: Option<u64>,
    /// From when to when statements that insert wait.
    shut: Option<(u64, u64)>,
    /// Runs that came meanwhile.
    queued: Vec<(u64, bool)>,
    /// A partition that goes when the reader does.
    leaving: Option<usize>,
    outcome: Outcome,
}

impl Part {
    fn new(params: &Params) -> Self {
        let sessions = params.concurrency as SessionId + 2;
        Part { table: Table::new(params.fillfactor as u8, sessions), runs: Vec::new() }
    }

    fn apply(&mut self, session: SessionId, op: Op) -> Result<(), Refused> {
        self.table.apply(Step { session, op }).map(drop)
    }

    fn insert(&mut self, session: SessionId, run: u64, row: Row) -> Result<Key, Refused> {
        let key = self.table.add_key(name(run).as_bytes());
        self.apply(session, Op::Insert { key, row })?;
        Ok(key)
    }

    fn bytes(&self) -> u64 {
        ((self.table.heap_pages() + self.table.index_pages()) * BLCKSZ) as u64
    }
}

/// What a run is called.
pub fn name(run: u64) -> String {
    format!("r{run}")
}

/// Which runs sleep, one after another.
#[derive(Clone, Debug)]
pub struct Sleepers(Random, u32);

impl Sleepers {
    /// Those of a load.
    pub fn of(params: &Params) -> Self {
        Sleepers(Random::new(params.seed), (params.sleepers * 10_000.0).round() as u32)
    }

    /// Whether the next run does.
    pub fn next_sleeps(&mut self) -> bool {
        self.0.chance(self.1)
    }
}

/// Locks of carrying open runs forward, which is a DELETE and an INSERT in a transaction.
const MOVE: [Doing; 4] = [
    Doing::Lock(Mode::RowExclusive, Relation::Old),
    Doing::Lock(Mode::RowExclusive, Relation::Table),
    Doing::Lock(Mode::RowExclusive, Relation::New),
    Doing::Commit,
];

impl Way {
    /// The locks of retiring, as the manual has them for each statement.
    fn doing(self) -> &'static [Doing] {
        use Doing::{Commit, Lock, WaitForUsers};
        use Mode::{AccessExclusive, RowExclusive, ShareUpdateExclusive};
        use Relation::{Old, Table};
        match self {
            Way::Drop => &[
                Lock(ShareUpdateExclusive, Table),
                Lock(ShareUpdateExclusive, Old),
                Commit,
                WaitForUsers,
                Lock(ShareUpdateExclusive, Table),
                Lock(AccessExclusive, Old),
                Commit,
            ],
            Way::Detach => &[Lock(AccessExclusive, Table), Lock(AccessExclusive, Old), Commit],
            Way::Delete => {
                &[Lock(RowExclusive, Table), Commit, Lock(ShareUpdateExclusive, Table), Commit]
            }
        }
    }
}

impl Retention {
    /// The load, before its first second.
    pub fn new(params: &Params, way: Way) -> Self {
        let mut events = Vec::new();
        for (second, first) in params.retirements() {
            events.push((second * 1000, Event::Retire(first)));
            if params.reader > 0 {
                let begins = second * 1000 - READER_BEFORE;
                events.push((begins, Event::ReaderBegins));
                events.push((begins + params.reader * 1000, Event::ReaderEnds));
            }
        }
        events.sort_by(|one, other| other.cmp(one));
        Retention {
            params: params.clone(),
            way,
            parts: Vec::new(),
            sleepers: Sleepers::of(params),
            run: 0,
            second: 0,
            events,
            reader: None,
            shut: None,
            queued: Vec::new(),
            leaving: None,
            outcome: Outcome::default(),
        }
    }

    /// Goes on for a second of the load: whether it is not over yet.
    pub fn go_on(&mut self) -> Result<bool, Refused> {
        let end = (self.second + 1) * 1000;
        loop {
            let due = self.run * 1000 / self.params.rate;
            self.happen_until(due.min(end))?;
            if due >= end {
                break;
            }
            let run = (self.run, self.sleepers.next_sleeps());
            match self.shut {
                Some((_, until)) => self.queue(run, due, until),
                None => self.serve(run)?,
            }
            self.run += 1;
        }
        self.second += 1;
        self.flush()?;
        self.outcome.seen(self.second, self.bytes());
        if self.second < self.params.duration {
            return Ok(true);
        }
        self.end()?;
        Ok(false)
    }

    /// Seconds of the load that are over.
    pub fn seconds(&self) -> u64 {
        self.second
    }

    /// What came of it so far.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    fn bytes(&self) -> u64 {
        self.parts.iter().flatten().map(Part::bytes).sum()
    }

    /// The sessions behind those that serve runs.
    fn maintenance(&self) -> SessionId {
        self.params.concurrency as SessionId
    }

    fn reading(&self) -> SessionId {
        self.params.concurrency as SessionId + 1
    }

    /// The number of the partition that runs of this second go to.
    fn place(&self, second: u64) -> usize {
        if self.way.is_partitioned() { (second / self.params.range) as usize } else { 0 }
    }

    /// The partition of this number, which is made if it was not there yet. What a reader has open
    /// holds back what dies in new partitions too.
    fn part(&mut self, place: usize) -> Result<&mut Part, Refused> {
        let (reading, reads) = (self.reading(), self.reader.is_some());
        while self.parts.len() <= place {
            let mut part = Part::new(&self.params);
            if reads {
                read(&mut part, reading)?;
            }
            self.parts.push(Some(part));
        }
        Ok(self.parts[place].as_mut().expect("runs go to partitions that are kept"))
    }

    fn happen_until(&mut self, time: u64) -> Result<(), Refused> {
        while let Some((at, event)) = self.events.pop_if(|it| it.0 <= time) {
            match event {
                Event::ReaderBegins => {
                    self.reader = Some(at + self.params.reader * 1000);
                    let reading = self.reading();
                    self.parts.iter_mut().flatten().try_for_each(|it| read(it, reading))?;
                }
                Event::ReaderEnds => self.reader_ends()?,
                Event::Retire(first) => self.retire(at, first)?,
            }
        }
        Ok(())
    }

    fn reader_ends(&mut self) -> Result<(), Refused> {
        self.reader = None;
        let reading = self.reading();
        self.parts.iter_mut().flatten().try_for_each(|it| it.apply(reading, Op::Commit))?;
        if let Some(place) = self.leaving.take() {
            self.drop_part(place);
        }
        self.shut = None;
        let queued = std::mem::take(&mut self.queued);
        queued.into_iter().try_for_each(|run| self.serve(run))
    }

    /// A run waits for a lock. Its connection does nothing else meanwhile, so that of those that
    /// come behind it none is a statement yet.
    fn queue(&mut self, run: (u64, bool), due: u64, until: u64) {
        if (self.queued.len() as u64) < self.params.concurrency {
            self.outcome.waits += 1;
            self.outcome.wait_max = self.outcome.wait_max.max(until - due);
        }
        self.queued.push(run);
    }

    /// Creates a run and moves it on; one that sleeps is left before its last update.
    fn serve(&mut self, (number, sleeps): (u64, bool)) -> Result<(), Refused> {
        let Params { rate, concurrency, transitions, .. } = self.params;
        let session = (number % concurrency) as SessionId;
        let place = self.place(number / rate);
        let part = self.part(place)?;
        let key = part.insert(session, number, FRESH)?;
        let updates = if sleeps { transitions - 1 } else { transitions };
        for seen in 0..updates {
            let row = if seen + 1 == transitions { DONE } else { MOVED };
            part.apply(session, Op::Update { key, seen: seen as u32, row })?;
        }
        part.runs.push(Run { key, number, open: sleeps });
        Ok(())
    }

    fn retire(&mut self, now: u64, first: u64) -> Result<(), Refused> {
        self.outcome.retired += 1;
        let old = self.place(first - 1);
        if self.way.is_partitioned() {
            self.move_on(old, self.place(now / 1000))?;
        } else {
            self.delete(first)?;
        }
        let moving: &[Doing] = if self.way.is_partitioned() { &MOVE } else { &[] };
        let doing: Vec<Doing> = moving.iter().chain(self.way.doing()).copied().collect();
        let course = locks::play(&doing, now, self.reader);
        course.held.iter().for_each(|held| self.outcome.locked(*held));
        self.shut = course.shut;
        let over = match self.way {
            Way::Drop | Way::Detach if course.over == now => {
                self.drop_part(old);
                now
            }
            Way::Drop | Way::Detach => {
                self.leaving = Some(old);
                course.over
            }
            // What a reader may still see is left to the next VACUUM.
            Way::Delete if self.reader.is_some() => now + self.params.range * 1000,
            Way::Delete => now,
        };
        self.outcome.longest = self.outcome.longest.max(over - now);
        Ok(())
    }

    /// Carries open runs into the partition that runs go to now, in one transaction.
    fn move_on(&mut self, from: usize, to: usize) -> Result<(), Refused> {
        let session = self.maintenance();
        let row = if self.params.transitions == 1 { FRESH } else { MOVED };
        let begin = Op::Begin(Isolation::ReadCommitted);
        let old = self.part(from)?;
        let runs = std::mem::take(&mut old.runs);
        let (open, finished): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|it| it.open);
        old.apply(session, begin)?;
        open.iter().try_for_each(|it| old.apply(session, Op::Delete { key: it.key }))?;
        old.apply(session, Op::Commit)?;
        let new = self.part(to)?;
        new.apply(session, begin)?;
        for it in &open {
            let key = new.insert(session, it.number, row)?;
            new.runs.push(Run { key, ..*it });
        }
        new.apply(session, Op::Commit)?;
        self.outcome.moved += open.len() as u64;
        self.outcome.gone += finished.len() as u64;
        Ok(())
    }

    fn drop_part(&mut self, place: usize) {
        let part = self.parts[place].take();
        self.outcome.freed += part.map_or(0, |it| it.bytes());
    }

    /// Deletes finished runs of before this second in one statement, and vacuums.
    fn delete(&mut self, first: u64) -> Result<(), Refused> {
        let (session, before) = (self.maintenance(), self.bytes());
        let bound = first * self.params.rate;
        let part = self.part(0)?;
        let goes = |it: &Run| !it.open && it.number < bound;
        let (old, kept): (Vec<Run>, Vec<Run>) =
            std::mem::take(&mut part.runs).into_iter().partition(goes);
        part.runs = kept;
        part.apply(session, Op::Begin(Isolation::ReadCommitted))?;
        for it in &old {
            part.apply(session, Op::Delete { key: it.key })?;
            part.table.forget_key(it.key);
        }
        part.apply(session, Op::Commit)?;
        part.apply(session, Op::Vacuum)?;
        self.outcome.gone += old.len() as u64;
        self.outcome.freed += before.saturating_sub(self.bytes());
        Ok(())
    }

    /// Every connection tells its statistics, as it does about once a second.
    fn flush(&mut self) -> Result<(), Refused> {
        let sessions = self.params.concurrency as SessionId + 2;
        let flush =
            |part: &mut Part| (0..sessions).try_for_each(|session| part.apply(session, Op::Flush));
        self.parts.iter_mut().flatten().try_for_each(flush)
    }

    fn end(&mut self) -> Result<(), Refused> {
        if self.reader.is_some() {
            self.events.clear();
            self.reader_ends()?;
        }
        self.flush()?;
        for part in self.parts.iter().flatten() {
            self.outcome.runs += part.runs.len() as u64;
            self.outcome.dead += part.table.stats().dead.max(0) as u64;
        }
        self.outcome.bytes = self.bytes();
        Ok(())
    }
}

/// The reader takes a snapshot that it keeps.
fn read(part: &mut Part, session: SessionId) -> Result<(), Refused> {
    part.apply(session, Op::Begin(Isolation::RepeatableRead))?;
    part.apply(session, Op::TakeSnapshot)
}
