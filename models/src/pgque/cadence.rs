//! How often PgQue's maintenance rotates: events and metadata apart, each with its second step.
//!
//! Event tables rotate to get rid of what was read, twice a minute; the metadata's to get rid of
//! dead rows, of which there are far fewer, and every TRUNCATE leaves dead rows in the catalogue that
//! all queries read. So each has a period of its own: too short and the catalogue pays, too long
//! and dead rows pile up. What is hard is how little it takes to stop it unnoticed. A command of two
//! statements skips the second when the first fails; a rotation waits for a second step that
//! never comes; and a consumer that stands still keeps the ticks where they are, for ever, while all
//! else rotates: only a count of how often in a row says so.
//!
//! The source is the review of the metadata rotation proposed for PgQue (NikolayS/pgque, pull request
//! 62), its figures included: 2 updates of a subscription a second, at most 500 dead rows. A step of time is
//! half a minute.

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Tables of subscriptions, and as many of ticks.
const SLOTS: u8 = 3;
/// Rows that die in half a minute.
const DYING: u16 = 60;
/// Dead rows that a table of subscriptions may have.
const DEAD_MAX: u16 = 500;
/// TRUNCATEs of a rotation of the metadata.
const TRUNCATES: u16 = 3;
/// Half minutes between two rotations that are too few.
const SELDOM: u8 = 20;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Half minutes that pass.
    pub halves: u8,
    /// Half minutes between two rotations of the metadata; of events: 1.
    pub period: u8,
    /// How often the job of second steps does not run.
    pub outages: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { halves: 12, period: 2, outages: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["halves", "period", "outages"];

    fn check(&self) -> Result<(), String> {
        within("halves", self.halves, 1..=100)?;
        within("period", self.period, 1..=4)?;
        within("outages", self.outages, 0..=4)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Both second steps are one command: the second is skipped when the first fails.
    ConcatenatesSteps,
    /// The metadata rotates as often as events do.
    OneCadence,
    /// The metadata rotates every ten minutes.
    RotatesSeldom,
    /// The metadata rotates before the second step of the rotation before.
    RotatesUngated,
    /// Ticks that rotate again do not set the count of deferrals back.
    CountsForEver,
    /// Deferrals are not counted.
    CountsNothing,
}

const PASS: u8 = 0;
const RAISE: u8 = 1;
const MISS: u8 = 2;
const CATCH_UP: u8 = 3;

/// What became of a job of second steps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Job {
    Ran,
    /// The events' step failed, as when a queue is dropped beside it.
    Raised,
    Missed,
}

/// The metadata's tables, the clock, and what maintenance has counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    halves: u8,
    outages: u8,
    /// Half minutes since the metadata rotated.
    age: u8,
    current: u8,
    dead: [u16; SLOTS as usize],
    truncates: u16,
    /// Whether the last rotation has had its second step.
    step2: bool,
    /// The table that ticks are written to, and the one in which the consumer's lies.
    ticks: u8,
    consumer: u8,
    /// How often in a row the ticks stayed where they are: as maintenance counts it, and as it is.
    counted: u8,
    deferred: u8,
    /// Whether a job of second steps ran and left the metadata's undone.
    skipped: bool,
    /// Whether the metadata rotated twice with no second step in between.
    overran: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn period(&self) -> u8 {
        match self.mutant.0 {
            Some(Mutant::OneCadence) => 1,
            Some(Mutant::RotatesSeldom) => SELDOM,
            _ => self.sizes.0.period,
        }
    }

    fn half_a_minute(&mut self, job: Job) {
        self.halves += 1;
        self.age = self.age.saturating_add(1);
        self.dead[usize::from(self.current)] += DYING;
        let gated = !self.step2 && !self.is(Mutant::RotatesUngated);
        if self.age >= self.period() && !gated {
            self.rotate();
        }
        self.second_steps(job);
    }

    fn rotate(&mut self) {
        self.overran |= !self.step2;
        self.age = 0;
        self.current = (self.current + 1) % SLOTS;
        self.dead[usize::from(self.current)] = 0;
        self.truncates += TRUNCATES;
        self.step2 = false;
        let next = (self.ticks + 1) % SLOTS;
        if next == self.consumer {
            self.deferred += 1;
            self.counted += u8::from(!self.is(Mutant::CountsNothing));
        } else {
            (self.ticks, self.deferred) = (next, 0);
            if !self.is(Mutant::CountsForEver) {
                self.counted = 0;
            }
        }
    }

    /// What a run of the cron job does for the metadata.
    fn second_steps(&mut self, job: Job) {
        let skips = job == Job::Raised && self.is(Mutant::ConcatenatesSteps);
        if job == Job::Missed {
            self.outages += 1;
        } else if !skips {
            self.step2 = true;
        }
        self.skipped |= skips && !self.step2;
    }

    fn second_step_runs(&self) -> Result<(), String> {
        unless(!self.skipped, || {
            "the events' second step failed, and the metadata's was skipped with it".to_owned()
        })
    }

    fn one_a_step(&self) -> Result<(), String> {
        unless(!self.overran, || {
            "the metadata rotated again before the second step of its last rotation".to_owned()
        })
    }

    fn few_truncates(&self) -> Result<(), String> {
        let rotations = u16::from(self.halves) / u16::from(self.sizes.0.period);
        unless(self.truncates <= rotations * TRUNCATES, || {
            let (truncates, halves) = (self.truncates, self.halves);
            format!("{truncates} TRUNCATEs in {halves} half minutes, each a dead row in pg_class")
        })
    }

    fn few_dead(&self) -> Result<(), String> {
        let most = self.dead.iter().max().copied().unwrap_or_default();
        unless(most <= DEAD_MAX, || format!("{most} rows are dead in a table of subscriptions"))
    }

    fn deferrals_counted(&self) -> Result<(), String> {
        let (counted, deferred) = (self.counted, self.deferred);
        unless(counted == deferred, || {
            format!("ticks were deferred {deferred} times in a row, and {counted} is what is told")
        })
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("second-step-runs", State::second_step_runs),
    Promise::new("one-rotation-a-step", State::one_a_step),
    Promise::new("few-truncates", State::few_truncates),
    Promise::new("few-dead", State::few_dead),
    Promise::new("deferrals-counted", State::deferrals_counted),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["pass", "raise", "miss", "catch-up"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        if self.halves < self.sizes.0.halves {
            moves.due(PASS, 0);
            moves.may(RAISE, 0);
            if self.outages < self.sizes.0.outages {
                moves.may(MISS, 0);
            }
        }
        if self.consumer != self.ticks {
            moves.may(CATCH_UP, 0);
        }
    }

    fn advance(&mut self, Move { kind, .. }: Move) {
        match kind {
            PASS => self.half_a_minute(Job::Ran),
            RAISE => self.half_a_minute(Job::Raised),
            MISS => self.half_a_minute(Job::Missed),
            _ => self.consumer = self.ticks,
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let dead: Vec<_> = self.dead.iter().map(u16::to_string).collect();
        vec![
            ("half minutes", self.halves.to_string()),
            ("current", self.current.to_string()),
            ("dead in each", dead.join(" ")),
            ("truncates", self.truncates.to_string()),
            ("second step", if self.step2 { "done" } else { "to come" }.to_owned()),
            ("deferred, counted", format!("{} {}", self.deferred, self.counted)),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct Cadence {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for Cadence {
    const NAME: &'static str = "pgque/cadence";
    const ABOUT: &'static str = "how often events and metadata rotate, and what stops it unnoticed";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::ConcatenatesSteps,
            "second-step-runs",
            "one cron command for both second steps, as published: the first fails",
        ),
        breaks(
            Mutant::OneCadence,
            "few-truncates",
            "rotates the metadata as often as events, as published",
        ),
        breaks(Mutant::RotatesSeldom, "few-dead", "rotates the metadata every ten minutes"),
        breaks(
            Mutant::RotatesUngated,
            "one-rotation-a-step",
            "rotates again without the second step of the rotation before",
        ),
        breaks(
            Mutant::CountsForEver,
            "deferrals-counted",
            "does not set the count of deferrals back when ticks rotate again",
        ),
        breaks(
            Mutant::CountsNothing,
            "deferrals-counted",
            "does not count deferrals, as published: who stands still is never noticed",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        Cadence { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            halves: 0,
            outages: 0,
            age: 0,
            current: 0,
            dead: [0; SLOTS as usize],
            truncates: 0,
            step2: true,
            ticks: 0,
            consumer: 0,
            counted: 0,
            deferred: 0,
            skipped: false,
            overran: false,
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
