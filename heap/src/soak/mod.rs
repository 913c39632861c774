//! Hours of load on the table in simulated time: what a crew, autovacuum and a holder make of it.
//!
//! Every statement does to every page what the server would do, so what is approximate is only what
//! nobody writes down: whose turn it is, and how long things take.
//!
//! - **Exact**, given the order of statements: each page, index page, map and statistic after it,
//!   and so every size that is shown. The sizes after loading depend on no order.
//! - **Band**: the order itself. A connection's turn is drawn, never raced; a commit that is waited
//!   for ends at the connection's next turn, or after [`Params::commit`]; statistics arrive once a
//!   second; VACUUM takes the time that its cost limit makes of it and takes effect at its end;
//!   `pgstattuple` holds a snapshot as long as it reads. Two statements never hold one page at the
//!   same moment, so no pruning is missed for that reason, and no table is extended by many pages at
//!   once. How far a real server may be from it is said by [`bands`].
//! - REINDEX is a fresh index of what lives, its leaves filled as ascending inserts fill them.

mod autovacuum;
mod band;
mod hold;
mod lifecycle;
mod params;
mod published;
mod reindex;
mod sample;
mod script;
mod verdict;

pub use band::{Band, Course, bands};
pub use hold::{By, Holder};
pub use params::{Hold, LOADS, Params};
pub use published::{Figures, Published, published};
pub use reindex::Reindexed;
pub use sample::{Sample, megabytes};
pub use script::{FRESH, MOVED, Name, Script, Statement};
pub use verdict::Account;

use crate::op::{Op, Refused, Step};
use crate::session::{Isolation, SessionId};
use crate::table::Table;
use autovacuum::Autovacuum;
use lifecycle::{Crew, Loading};

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;
/// A time that does not come.
const NEVER: u64 = u64::MAX;
/// Updates between two looks of who is waiting.
const CHUNK: u64 = 1 << 16;

/// What happens by the clock rather than by a worker. At the same moment in this order: who samples
/// when a transaction ends still sees it.
#[derive(Clone, Copy, Debug)]
enum Event {
    HoldBegins,
    VacuumEnds,
    ScanEnds,
    Flush,
    Look,
    Reindex,
    Sample,
    HoldEnds,
}

const EVENTS: [Event; 8] = [
    Event::HoldBegins,
    Event::VacuumEnds,
    Event::ScanEnds,
    Event::Flush,
    Event::Look,
    Event::Reindex,
    Event::Sample,
    Event::HoldEnds,
];

/// A load on a table, somewhere between its beginning and its end.
#[derive(Clone, Debug)]
pub struct Soak {
    params: Params,
    table: Table,
    /// What is to be loaded yet; none when all is.
    loading: Option<Loading>,
    /// Nobody as long as the table is loaded.
    crew: Crew,
    autovacuum: Autovacuum,
    /// When each of [`EVENTS`] comes next, in microseconds.
    due: [u64; EVENTS.len()],
    /// Microseconds since the load began.
    now: u64,
    samples: Vec<Sample>,
    /// Updates, and those of them that stayed on their page, at the last sample.
    last: (u64, u64),
    reindexed: Vec<Reindexed>,
}

impl Soak {
    /// The table, loaded.
    pub fn new(params: &Params) -> Result<Self, Refused> {
        let mut soak = Soak::empty(params);
        while soak.load()? {}
        Ok(soak)
    }

    /// The table before it is loaded.
    pub fn empty(params: &Params) -> Self {
        let workers = params.concurrency as SessionId;
        let table = Table::new(params.fillfactor as u8, workers + 3);
        let seconds = |it: u64| if it == 0 { NEVER } else { it * SECOND };
        let held = params.hold != Hold::None;
        let due = [
            if held { params.hold_from * SECOND } else { NEVER },
            NEVER,
            NEVER,
            SECOND,
            seconds(params.naptime),
            seconds(params.reindex_every),
            seconds(params.window()),
            if held { seconds(params.hold_until) } else { NEVER },
        ];
        let mut soak = Soak {
            params: params.clone(),
            table,
            loading: Some(Loading::default()),
            crew: Crew::new(&Params { active: 0, ..params.clone() }, Vec::new()),
            autovacuum: Autovacuum::new(workers + 1),
            due,
            now: 0,
            samples: Vec::new(),
            last: (0, 0),
            reindexed: Vec::new(),
        };
        soak.take_sample();
        soak
    }

    /// Loads as many rows as one statement does: whether it is not over yet. The first sample is of
    /// the moment when it is, and not among those of the harness.
    pub fn load(&mut self) -> Result<bool, Refused> {
        let Some(loading) = &mut self.loading else { return Ok(false) };
        if let Some(keys) = loading.go_on(&self.params, &mut self.table)? {
            self.crew = Crew::new(&self.params, keys);
            self.loading = None;
        }
        self.samples.clear();
        self.take_sample();
        Ok(self.loading.is_some())
    }

    /// Goes on for a while: whether it is not over yet.
    pub fn go_on(&mut self) -> Result<bool, Refused> {
        if self.load()? {
            return Ok(true);
        }
        let end = self.params.duration * SECOND;
        let next = self.due.iter().copied().min().unwrap_or(end).min(end);
        let until = self.updates_by(next);
        if self.crew.has_work() {
            let stop = until.min(self.crew.updates + CHUNK);
            while self.crew.updates < stop {
                self.crew.turn(&mut self.table)?;
            }
            if stop < until {
                self.now = stop * SECOND / self.params.rate;
                return Ok(true);
            }
        }
        self.now = next;
        for (at, event) in EVENTS.into_iter().enumerate() {
            if self.due[at] == next {
                self.due[at] = NEVER;
                self.happen(event)?;
            }
        }
        if next == end && self.samples.last().is_some_and(|it| it.t_s != self.params.duration) {
            self.take_sample();
        }
        Ok(next < end)
    }

    /// Updates that are done at this time.
    fn updates_by(&self, time: u64) -> u64 {
        (u128::from(time) * u128::from(self.params.rate) / u128::from(SECOND)) as u64
    }

    fn happen(&mut self, event: Event) -> Result<(), Refused> {
        let workers = self.params.concurrency as SessionId;
        let (scanner, holder) = (workers, workers + 2);
        let table = &mut self.table;
        match event {
            Event::HoldEnds => hold::end(holder, table)?,
            Event::HoldBegins => hold::begin(self.params.hold, holder, table)?,
            Event::VacuumEnds => self.autovacuum.end(table)?,
            Event::ScanEnds => hold::end(scanner, table)?,
            Event::Flush => {
                self.crew.flush(table)?;
                self.after(event, SECOND);
            }
            Event::Look => {
                if let Some(time) = self.autovacuum.look(&self.params, table)? {
                    if time == 0 {
                        self.autovacuum.end(&mut self.table)?;
                    } else {
                        self.after(Event::VacuumEnds, time);
                    }
                }
                self.after(event, self.params.naptime * SECOND);
            }
            Event::Reindex => {
                let before = self.index_bytes();
                self.table.reindex();
                let (t_s, after) = (self.now / SECOND, self.index_bytes());
                self.reindexed.push(Reindexed { t_s, before, after });
                self.after(event, self.params.reindex_every * SECOND);
            }
            Event::Sample => {
                self.take_sample();
                self.scan(scanner)?;
                self.after(event, self.params.window() * SECOND);
            }
        }
        Ok(())
    }

    fn after(&mut self, event: Event, time: u64) {
        self.due[event as usize] = self.now + time;
    }

    /// Whoever samples reads the whole heap, with a snapshot open for as long as that takes.
    fn scan(&mut self, session: SessionId) -> Result<(), Refused> {
        let reading = self.due[Event::ScanEnds as usize] != NEVER;
        if self.params.scan_rate == 0 || reading {
            return Ok(());
        }
        let bytes = self.samples.last().map_or(0, |it| it.heap_bytes);
        let isolation = Isolation::RepeatableRead;
        self.table.apply(Step { session, op: Op::Begin(isolation) })?;
        self.table.apply(Step { session, op: Op::TakeSnapshot })?;
        self.after(Event::ScanEnds, (bytes / self.params.scan_rate).max(1));
        Ok(())
    }

    fn index_bytes(&self) -> u64 {
        ((self.table.index.pages.len() + self.table.index.fsm_pages()) * crate::layout::BLCKSZ)
            as u64
    }

    fn take_sample(&mut self) {
        let stats = self.table.stats();
        let (updates, hot) = (stats.updated - self.last.0, stats.hot_updated - self.last.1);
        let t_s = self.now / SECOND;
        let seconds = t_s - self.samples.last().map_or(0, |it| it.t_s);
        self.last = (stats.updated, stats.hot_updated);
        let sample = Sample {
            t_s,
            ops: self.crew.updates,
            upd_per_s: if seconds == 0 { 0.0 } else { updates as f64 / seconds as f64 },
            hot_window: sample::percent(hot, updates),
            autovacuums: self.autovacuum.count,
            ..Sample::default()
        };
        self.samples.push(sample::measure(&self.table, sample));
    }

    /// The load, as it was given.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Whether any row is moved on at all.
    pub fn has_work(&self) -> bool {
        self.crew.has_work()
    }

    /// Seconds of simulated time that are over.
    pub fn seconds(&self) -> f64 {
        self.now as f64 / SECOND as f64
    }

    /// Rows inserted and deleted by the load, the rows it began with apart.
    pub fn inserted_and_deleted(&self) -> (u64, u64) {
        (self.crew.inserts, self.crew.deletes)
    }

    /// The table as it is now.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The table as it was loaded, or as far as it is.
    pub fn loaded(&self) -> &Sample {
        &self.samples[0]
    }

    /// What was seen since, a window apart.
    pub fn samples(&self) -> &[Sample] {
        &self.samples[1..]
    }

    /// Both.
    pub fn course(&self) -> Course<'_> {
        Course { loaded: self.loaded(), samples: self.samples() }
    }
}
