//! Moving a running fleet from one storage engine to the other, without a moment of neither.
//!
//! The new engine is prepared beside the old one, then all producers are sent to it at once, while
//! what lies in the old one is drained; only then is the old one given up. What makes it hard is
//! that a runtime says what it *can* do: one that was started before the switch can drain only
//! after it, and if the gate believes what it said before, nobody runs what is then enqueued.

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many jobs may lie in the old engine.
    pub backlog: u8,
    /// How many jobs may lie in the new one.
    pub rows: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { backlog: 2, rows: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["backlog", "rows"];

    fn check(&self) -> Result<(), String> {
        within("backlog", self.backlog, 1..=100)?;
        within("rows", self.rows, 1..=100)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Switches as soon as some runtime says that it can do queue storage.
    BelievesCapability,
    /// Switches while runtimes that know the old engine only are alive.
    EntersOverCanonical,
    /// Gives the old engine up with jobs in it.
    FinalizesUndrained,
    /// Gives the old engine up while runtimes drain it.
    FinalizesOverDrain,
    /// Gives the old engine up and leaves it the current one.
    FinalizeKeepsEngine,
    /// Goes back although jobs lie in the new engine.
    AbortsOverRows,
    /// Takes the preparation back and stays prepared.
    AbortStaysPrepared,
    /// Sends producers to the current engine, whatever is prepared.
    RoutesByCurrent,
}

const PREPARE: u8 = 0;
const PREPARE_SCHEMA: u8 = 1;
const ENTER_MIXED: u8 = 2;
const FINALIZE: u8 = 3;
const ABORT: u8 = 4;
const START: u8 = 5;
const STOP: u8 = 6;
const ENQUEUE: u8 = 7;
const DRAIN: u8 = 8;
const COMPLETE: u8 = 9;
const REST: u8 = 10;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Canonical,
    Prepared,
    Mixed,
    Active,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Engine {
    Canonical,
    QueueStorage,
}

/// A runtime of each kind, which is alive or is not. It is started by its number.
const OLD_CANONICAL: usize = 0;
/// Takes what is current when it starts, and keeps it.
const AUTO: usize = 1;
const QUEUE_TARGET: usize = 2;
const EXPLICIT_DRAIN: usize = 3;
const RUNTIMES: [&str; 4] = ["canonical", "auto", "target", "drain"];

/// Where the transition stands, what lies in each engine, and who is alive.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    phase: Phase,
    current: Engine,
    /// Whether the new engine is prepared; there is no other to prepare.
    prepared: bool,
    schema_ready: bool,
    backlog: u8,
    rows: u8,
    live: [bool; RUNTIMES.len()],
    /// Whether somebody was there to run the new engine's jobs when producers were sent there.
    entered_with_executor: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn is_before_switch(&self) -> bool {
        matches!(self.phase, Phase::Canonical | Phase::Prepared)
    }

    /// Where producers are sent.
    fn route(&self) -> Engine {
        let switched = !self.is_before_switch() && !self.is(Mutant::RoutesByCurrent);
        if switched && self.prepared { Engine::QueueStorage } else { self.current }
    }

    /// Whether a runtime says that it can drain the old engine.
    fn drains(&self) -> bool {
        self.live[EXPLICIT_DRAIN] || self.live[AUTO] && !self.is_before_switch()
    }

    /// Whether a runtime says that it can do queue storage. One that is to find out says so until
    /// the switch, and drains after it: it found out when it started.
    fn says_queue(&self) -> bool {
        self.live[QUEUE_TARGET] || self.live[AUTO] && self.is_before_switch()
    }

    fn may_enter_mixed(&self) -> bool {
        let executor = self.live[QUEUE_TARGET] || self.is(Mutant::BelievesCapability);
        let old = self.live[OLD_CANONICAL] && !self.is(Mutant::EntersOverCanonical);
        let ready = self.phase == Phase::Prepared && self.prepared && self.schema_ready;
        ready && !old && self.says_queue() && executor
    }

    fn may_finalize(&self) -> bool {
        let drained = self.backlog == 0 || self.is(Mutant::FinalizesUndrained);
        let drains = self.drains() && !self.is(Mutant::FinalizesOverDrain);
        let alone = !self.live[OLD_CANONICAL] && !drains;
        self.phase == Phase::Mixed && self.prepared && drained && alone
    }

    fn may_abort(&self) -> bool {
        let unused = self.rows == 0 || self.is(Mutant::AbortsOverRows);
        match self.phase {
            Phase::Prepared => true,
            Phase::Mixed => !self.says_queue() && unused,
            Phase::Canonical | Phase::Active => false,
        }
    }

    /// Whether a runtime of that kind may be started now.
    fn may_start(&self, runtime: usize) -> bool {
        let now = match runtime {
            OLD_CANONICAL | AUTO => self.is_before_switch(),
            QUEUE_TARGET => self.phase != Phase::Canonical && self.prepared && self.schema_ready,
            _ => matches!(self.phase, Phase::Prepared | Phase::Mixed),
        };
        now && !self.live[runtime]
    }

    fn abort(&mut self) {
        if !self.is(Mutant::AbortStaysPrepared) {
            self.phase = Phase::Canonical;
        }
        (self.prepared, self.schema_ready) = (false, false);
    }

    fn finalize(&mut self) {
        self.phase = Phase::Active;
        self.prepared = false;
        if !self.is(Mutant::FinalizeKeepsEngine) {
            self.current = Engine::QueueStorage;
        }
    }

    /// Where the phase is one of these, the rest holds.
    fn in_phases(&self, phases: &[Phase], holds: bool, wrong: &str) -> Result<(), String> {
        unless(!phases.contains(&self.phase) || holds, || {
            format!("{}: {wrong}", format!("{:?}", self.phase).to_lowercase())
        })
    }
}

const SWITCHED: &[Phase] = &[Phase::Mixed, Phase::Active];

const PROMISES: &[Promise<State>] = &[
    Promise::new("prepared-requires-engine", |it| {
        let phases = &[Phase::Prepared, Phase::Mixed];
        it.in_phases(phases, it.prepared, "no engine is prepared")
    }),
    Promise::new("active-implies-queue-storage-current", |it| {
        let current = it.current == Engine::QueueStorage && !it.prepared;
        it.in_phases(&[Phase::Active], current, "the old engine is the current one")
    }),
    Promise::new("canonical-and-prepared-route-canonical", |it| {
        let phases = &[Phase::Canonical, Phase::Prepared];
        it.in_phases(phases, it.route() == Engine::Canonical, "producers are sent to the new one")
    }),
    Promise::new("mixed-and-active-route-queue-storage", |it| {
        let routed = it.route() == Engine::QueueStorage;
        it.in_phases(SWITCHED, routed, "producers are sent to the old engine")
    }),
    Promise::new("no-mixed-with-canonical-only-runtime", |it| {
        let none = !it.live[OLD_CANONICAL];
        it.in_phases(SWITCHED, none, "a runtime knows the old engine only")
    }),
    Promise::new("finalize-only-after-drain", |it| {
        it.in_phases(&[Phase::Active], it.backlog == 0, "jobs lie in the old engine")
    }),
    Promise::new("finalize-only-after-no-drain-runtimes", |it| {
        let none = !it.live[OLD_CANONICAL] && !it.drains();
        it.in_phases(&[Phase::Active], none, "a runtime drains the old engine")
    }),
    Promise::new("mixed-has-queue-executor", |it| {
        let wrong = "nobody was there to run what is enqueued";
        it.in_phases(SWITCHED, it.entered_with_executor, wrong)
    }),
    Promise::new("abort-mixed-keeps-canonical-if-queue-storage-unused", |it| {
        let kept = it.current != Engine::Canonical || it.rows == 0;
        it.in_phases(&[Phase::Canonical], kept, "jobs lie in an engine that was given up")
    }),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &[
        "prepare",
        "prepare-schema",
        "enter-mixed",
        "finalize",
        "abort",
        "start",
        "stop",
        "enqueue",
        "drain",
        "complete",
        "rest",
    ];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        let Sizes { backlog, rows } = self.sizes.0;
        let (low, fits) = match self.route() {
            Engine::Canonical => (0, self.backlog < backlog),
            Engine::QueueStorage => (1, self.rows < rows),
        };
        let before = self.is_before_switch();
        for (kind, arg, possible) in [
            (PREPARE, 0, before && self.current == Engine::Canonical),
            (PREPARE_SCHEMA, 0, self.phase == Phase::Prepared && self.prepared),
            (ENTER_MIXED, 0, self.may_enter_mixed()),
            (FINALIZE, 0, self.may_finalize()),
            (ENQUEUE, low, fits),
            (DRAIN, 0, self.backlog > 0 && self.drains()),
            (COMPLETE, 0, self.rows > 0 && self.live[QUEUE_TARGET]),
        ] {
            if possible {
                moves.due(kind, arg);
            }
        }
        for (runtime, arg) in (0..RUNTIMES.len()).zip(0..) {
            if self.live[runtime] {
                moves.may(STOP, arg);
            } else if self.may_start(runtime) {
                moves.due(START, arg);
            }
        }
        if self.may_abort() {
            moves.may(ABORT, 0);
        }
        moves.may(REST, 0);
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let arg = usize::from(arg);
        match kind {
            PREPARE => (self.phase, self.prepared) = (Phase::Prepared, true),
            PREPARE_SCHEMA => self.schema_ready = true,
            ENTER_MIXED => {
                self.phase = Phase::Mixed;
                self.entered_with_executor = self.live[QUEUE_TARGET];
            }
            FINALIZE => self.finalize(),
            ABORT => self.abort(),
            START | STOP => self.live[arg] = kind == START,
            ENQUEUE if arg == 0 => self.backlog += 1,
            ENQUEUE => self.rows += 1,
            DRAIN => self.backlog -= 1,
            COMPLETE => self.rows -= 1,
            _ => {}
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let live = RUNTIMES.iter().zip(self.live).filter(|(_, live)| *live);
        let live: Vec<&str> = live.map(|(name, _)| *name).collect();
        vec![
            ("phase", format!("{:?}", self.phase).to_lowercase()),
            ("old", self.backlog.to_string()),
            ("new", self.rows.to_string()),
            ("live", live.join(" ")),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct StorageTransition {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for StorageTransition {
    const NAME: &'static str = "awa/storage_transition";
    const ABOUT: &'static str = "a running fleet moved from one storage engine to another";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::BelievesCapability,
            "mixed-has-queue-executor",
            "switches when a runtime says it can do queue storage, though it will only drain",
        ),
        breaks(
            Mutant::EntersOverCanonical,
            "no-mixed-with-canonical-only-runtime",
            "switches while a runtime that knows the old engine only is alive",
        ),
        breaks(
            Mutant::FinalizesUndrained,
            "finalize-only-after-drain",
            "gives the old engine up with jobs in it",
        ),
        breaks(
            Mutant::FinalizesOverDrain,
            "finalize-only-after-no-drain-runtimes",
            "gives the old engine up while a runtime drains it",
        ),
        breaks(
            Mutant::FinalizeKeepsEngine,
            "active-implies-queue-storage-current",
            "gives the old engine up and leaves it the current one",
        ),
        breaks(
            Mutant::AbortsOverRows,
            "abort-mixed-keeps-canonical-if-queue-storage-unused",
            "goes back although jobs lie in the new engine",
        ),
        breaks(
            Mutant::AbortStaysPrepared,
            "prepared-requires-engine",
            "takes the preparation back and stays prepared",
        ),
        breaks(
            Mutant::RoutesByCurrent,
            "mixed-and-active-route-queue-storage",
            "sends producers to the engine that is current, whatever is prepared",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        StorageTransition { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            phase: Phase::Canonical,
            current: Engine::Canonical,
            prepared: false,
            schema_ready: false,
            backlog: 0,
            rows: 0,
            live: [false; RUNTIMES.len()],
            entered_with_executor: true,
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
