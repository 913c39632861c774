//! PgQue's metadata in rotation: subscriptions and ticks in three tables each, one of them truncated
//! while consumers acknowledge.
//!
//! A rotation copies the subscriptions to the next table and points there; ticks are written to the
//! next table too, unless it holds the tick a consumer stands at. Three things make that hard. A
//! TRUNCATE that waits for a reader makes everybody wait who comes after it. A caller under
//! REPEATABLE READ acknowledges in the table that its snapshot points to, which is no longer the
//! one. And a tick nobody stands at today may be the only one a consumer of tomorrow could begin at.
//!
//! The source is the metadata rotation proposed for PgQue (NikolayS/pgque, pull request 62).

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

mod guards;

use guards::TICKS;
pub use guards::{Isolation, Sizes};

/// Tables of subscriptions, and as many of ticks.
const SLOTS: u8 = 3;

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Holds the current table and waits in TRUNCATE for the readers of the next.
    BlocksInTruncate,
    /// Waits there, for a reader who then acknowledges.
    WaitsForAcknowledger,
    /// The caller acknowledges under REPEATABLE READ.
    AcksOldSnapshot,
    /// A reader keeps its snapshot, without a lock, while the tables go round.
    ReadsOldSnapshot,
    /// Truncates the next ticks whoever stands there.
    TicksUngated,
    /// Asks only whether a consumer stands there: not whether the latest tick is.
    GateSeesConsumersOnly,
    /// Truncates the next subscriptions and copies none.
    CopiesNothing,
    /// Rotates before the second step of the rotation before.
    StepsUngated,
}

const TICK: u8 = 0;
const BEGIN: u8 = 1;
const FINISH: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const ROTATE: u8 = 5;
const RESUME: u8 = 6;
const STEP2: u8 = 7;
const ACK: u8 = 8;

/// A mark: the ticks stayed where they are, because a consumer stands at one in the next table.
pub const TICKS_DEFERRED: &str = "tick_rotations_deferred";

/// A session that reads the view, and may hold its tables by that.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Reader {
    #[default]
    Idle,
    Open,
    /// It acknowledges, and waits for the rotation that waits for it.
    Waiting,
}

/// The tables, one consumer, one reader and whoever rotates.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The table of subscriptions that counts.
    current: u8,
    /// In each table, the tick that the consumer stands at.
    subscription: [Option<u8>; SLOTS as usize],
    /// The table that ticks are written to.
    current_tick: u8,
    /// The table of each tick; it is in none before it is made, and in none when it is truncated.
    tick: [Option<u8>; TICKS],
    ticks: u8,
    /// Whether the last rotation has had its second step.
    step2: bool,
    /// The tick that the consumer was told it acknowledged.
    acked: u8,
    /// Which table counted when the caller's transaction began, where one is under way.
    consumer: Option<u8>,
    reader: Reader,
    /// Rotations since the reader's snapshot, where it holds one and no lock.
    reader_since: u8,
    /// Whether the reader found no subscription.
    read_nothing: bool,
    /// Whether the rotation waits in TRUNCATE, the current table locked.
    truncating: bool,
    rotations: u8,
    marks: Marks,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    /// Whether a rotation waits for readers, and is waited for by all who come then.
    fn blocks(&self) -> bool {
        let broken = self.is(Mutant::BlocksInTruncate) || self.is(Mutant::WaitsForAcknowledger);
        broken || !self.sizes.0.convoy_fix
    }

    /// Whether the reader holds the tables it reads.
    fn is_held(&self) -> bool {
        self.reader != Reader::Idle && !self.is(Mutant::ReadsOldSnapshot)
    }

    fn at(&self, slot: u8) -> Option<u8> {
        self.subscription[usize::from(slot)]
    }

    /// The table of a tick, numbered from 1.
    fn table_of(&self, tick: u8) -> Option<u8> {
        self.tick[usize::from(tick) - 1]
    }

    fn next_ticks(&self) -> u8 {
        (self.current_tick + 1) % SLOTS
    }

    /// Whether the next table of ticks may be truncated.
    fn may_truncate_ticks(&self) -> bool {
        let gated = self.sizes.0.tick_gate && !self.is(Mutant::TicksUngated);
        let stands = self.at(self.current).and_then(|tick| self.table_of(tick));
        let latest = self.table_of(self.ticks).filter(|_| !self.is(Mutant::GateSeesConsumersOnly));
        !gated || ![stands, latest].contains(&Some(self.next_ticks()))
    }

    /// Whether the rotation before has to have had its second step.
    fn is_gated(&self) -> bool {
        self.sizes.0.step2_gate && !self.is(Mutant::StepsUngated)
    }

    fn rotate(&mut self) {
        let next = (self.current + 1) % SLOTS;
        let ticks_move = self.may_truncate_ticks();
        let copied = self.at(self.current).filter(|_| !self.is(Mutant::CopiesNothing));
        self.subscription[usize::from(next)] = copied;
        self.current = next;
        if ticks_move {
            let target = self.next_ticks();
            self.tick.iter_mut().for_each(|tick| _ = tick.take_if(|table| *table == target));
            self.current_tick = target;
        } else {
            self.marks.hit(TICKS_DEFERRED);
        }
        (self.step2, self.truncating) = (false, false);
        self.rotations += 1;
        if self.is(Mutant::ReadsOldSnapshot) && self.reader == Reader::Open {
            self.reader_since = SLOTS.min(self.reader_since + 1);
        }
    }

    /// The consumer goes on to the next tick in the table that its statement sees, and is told so.
    fn finish(&mut self, began: u8) {
        let old = self.sizes.0.iso == Isolation::Rr || self.is(Mutant::AcksOldSnapshot);
        let table = usize::from(if old { began } else { self.current });
        if let Some(tick) = self.subscription[table].filter(|tick| *tick < self.ticks) {
            self.subscription[table] = Some(tick + 1);
            self.acked = self.acked.max(tick + 1);
        }
    }

    fn close(&mut self) {
        // Its rows were copied after the snapshot, and those it could see are truncated.
        self.read_nothing |= self.reader_since >= SLOTS;
        (self.reader, self.reader_since) = (Reader::Idle, 0);
    }

    fn one_row(&self) -> Result<(), String> {
        unless(self.at(self.current).is_some(), || {
            format!("table {} counts, and has no subscription", self.current)
        })
    }

    fn no_lost_ack(&self) -> Result<(), String> {
        let (acked, stands) = (self.acked, self.at(self.current));
        unless(stands.is_none_or(|tick| tick == acked), || {
            let stands = stands.unwrap_or_default();
            format!("the consumer was told that tick {acked} is its own, and stands at {stands}")
        })
    }

    fn tick_resolvable(&self) -> Result<(), String> {
        let gone = self.at(self.current).filter(|tick| self.table_of(*tick).is_none());
        gone.map_or(Ok(()), |tick| {
            Err(format!("the consumer stands at tick {tick}, which is truncated"))
        })
    }

    fn no_convoy(&self) -> Result<(), String> {
        unless(!self.truncating || self.consumer.is_none(), || {
            "the caller waits behind a rotation that waits for a reader".to_owned()
        })
    }

    fn no_deadlock(&self) -> Result<(), String> {
        unless(!self.truncating || self.reader != Reader::Waiting, || {
            "the rotation waits for the reader, who waits for the rotation (40P01)".to_owned()
        })
    }

    fn reads_something(&self) -> Result<(), String> {
        unless(!self.read_nothing, || {
            "a snapshot from three rotations ago showed no subscription at all".to_owned()
        })
    }

    fn latest_tick_present(&self) -> Result<(), String> {
        let latest = self.ticks;
        unless(self.table_of(latest).is_some(), || {
            format!("the latest tick, {latest}, is truncated: nobody can register")
        })
    }
}

/// What holds whatever the guards.
const ALWAYS: &[Promise<State>] = &[
    Promise::new("no-deadlock", State::no_deadlock),
    Promise::new("snapshot-read-stable", State::reads_something),
];
/// What holds where somebody is subscribed.
const SUBSCRIBED: &[Promise<State>] = &[Promise::new("one-row", State::one_row)];
/// What holds under READ COMMITTED.
const ACKED: &[Promise<State>] = &[Promise::new("no-lost-ack", State::no_lost_ack)];
/// What the gate of ticks is for: a consumer's tick stays, and so does the latest one, where a
/// consumer of tomorrow begins.
const RESOLVED: &[Promise<State>] = &[
    Promise::new("tick-resolvable", State::tick_resolvable),
    Promise::new("latest-tick-present", State::latest_tick_present),
];
/// What giving way to readers is for.
const UNBLOCKED: &[Promise<State>] = &[Promise::new("no-convoy", State::no_convoy)];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] =
        &["tick", "begin", "finish", "open", "close", "rotate", "resume", "step2", "ack"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        // There, the one who reads is the one who acknowledges.
        let acks = self.is(Mutant::WaitsForAcknowledger);
        let free = !self.is_held() || self.blocks();
        let rotates = !self.truncating && self.rotations < self.sizes.0.max_rot && free;
        let begins = self.sizes.0.consumer && self.consumer.is_none() && !acks;
        for (kind, possible) in [
            (TICK, self.ticks < self.sizes.0.max_tick),
            (BEGIN, begins),
            (FINISH, self.consumer.is_some() && !self.truncating),
            (OPEN, self.reader == Reader::Idle && !self.truncating),
            (CLOSE, self.reader == Reader::Open),
            // Two reasons why it need not wait, each of which is a way to rotate.
            (ROTATE, rotates && self.step2),
            (ROTATE, rotates && !self.is_gated()),
            (RESUME, self.truncating && !self.is_held()),
            (STEP2, !self.step2),
            (ACK, acks && self.reader == Reader::Open && self.truncating),
        ] {
            if possible {
                moves.due(kind, 0);
            }
        }
    }

    fn advance(&mut self, Move { kind, .. }: Move) {
        match kind {
            TICK => {
                self.tick[usize::from(self.ticks)] = Some(self.current_tick);
                self.ticks += 1;
            }
            BEGIN => self.consumer = Some(self.current),
            FINISH => {
                let began = self.consumer.take().expect("its transaction has begun");
                self.finish(began);
            }
            OPEN => self.reader = Reader::Open,
            CLOSE => self.close(),
            ROTATE if self.is_held() => self.truncating = true,
            ROTATE | RESUME => self.rotate(),
            STEP2 => self.step2 = true,
            _ => self.reader = Reader::Waiting,
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let word = |at: Option<u8>| at.map_or("-".to_owned(), |tick| tick.to_string());
        let all = self.subscription.map(word).join(" ");
        let ticks = &self.tick[..usize::from(self.ticks)];
        let rotation = if self.truncating { "waits in TRUNCATE" } else { "" };
        vec![
            ("current", self.current.to_string()),
            ("subscriptions", all),
            ("ticks in", ticks.iter().map(|it| word(*it)).collect::<Vec<_>>().join(" ")),
            ("acked", self.acked.to_string()),
            ("rotation", rotation.to_owned()),
        ]
    }

    fn marks(&self) -> Option<&Marks> {
        Some(&self.marks)
    }

    fn listen(&mut self) {
        self.marks.listen();
    }
}

/// The model.
#[derive(Clone)]
pub struct Rotation {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Rotation {
    /// What these guards promise, and what they do not.
    fn promises(&self) -> [(bool, &'static [Promise<State>]); 5] {
        let Sizes { consumer, iso, tick_gate, convoy_fix, .. } = self.sizes;
        [
            (true, ALWAYS),
            (consumer, SUBSCRIBED),
            (iso == Isolation::Rc, ACKED),
            (tick_gate, RESOLVED),
            (convoy_fix, UNBLOCKED),
        ]
    }
}

impl Model for Rotation {
    const NAME: &'static str = "pgque/rotation";
    const ABOUT: &'static str = "subscriptions and ticks in tables that rotate under their readers";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::BlocksInTruncate,
            "no-convoy",
            "waits in TRUNCATE for a reader, with the table locked that all others need",
        ),
        breaks(
            Mutant::WaitsForAcknowledger,
            "no-deadlock",
            "waits in TRUNCATE for a reader, who acknowledges in the same transaction",
        ),
        breaks(
            Mutant::AcksOldSnapshot,
            "no-lost-ack",
            "acknowledges under REPEATABLE READ, in the table that counted when it began",
        ),
        breaks(
            Mutant::ReadsOldSnapshot,
            "snapshot-read-stable",
            "reads under a snapshot that three rotations have outlived: TRUNCATE keeps no versions",
        ),
        breaks(
            Mutant::TicksUngated,
            "tick-resolvable",
            "truncates the next ticks though a consumer stands at one of them",
        ),
        Mutation::new(
            Mutant::GateSeesConsumersOnly,
            Property::named("latest-tick-present"),
            &[("consumer", "false")],
            "in a queue that has no consumer truncates the latest tick too, as published",
        ),
        breaks(
            Mutant::CopiesNothing,
            "one-row",
            "truncates the next subscriptions and copies none",
        ),
    ];
    const EQUIVALENT: &'static [(Mutant, &'static str)] = &[(
        Mutant::StepsUngated,
        "the second step is a gate on how soon tables follow each other, and each of these promises \
         holds however soon they do: 13924 states either way",
    )];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        Rotation { sizes, mutant }
    }

    /// One tick, and the consumer at it.
    fn worlds(&self) -> Vec<State> {
        let mut tick = [None; TICKS];
        tick[0] = Some(0);
        vec![State {
            current: 0,
            subscription: [self.sizes.consumer.then_some(1), None, None],
            current_tick: 0,
            tick,
            ticks: 1,
            step2: true,
            acked: 1,
            consumer: None,
            reader: Reader::Idle,
            reader_since: 0,
            read_nothing: false,
            truncating: false,
            rotations: 0,
            marks: Marks::default(),
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    /// A rotation has its second step, without which there is no other: whoever runs it after
    /// something else, and gives up when that fails, has taken this away.
    fn comes(&self) -> Vec<Comes<State>> {
        let said = "a rotation has its second step".to_owned();
        let property = Property::named("second-step");
        vec![Comes::leads_to(property, said, |it: &State| !it.step2, |it| it.step2)]
    }

    fn fairness(&self) -> Vec<Fair> {
        vec![Fair::of_move("step2", STEP2, 0)]
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        let promised = self.promises().into_iter().filter(|(promised, _)| *promised);
        promised.into_iter().try_for_each(|(_, promises)| Promise::check(promises, now))
    }

    fn always(&self) -> Vec<Always<State>> {
        let parts = |(promised, promises)| -> Vec<Always<State>> {
            match promised {
                true => Promise::promised(promises).collect(),
                false => Promise::asked(promises).collect(),
            }
        };
        self.promises().into_iter().flat_map(parts).collect()
    }
}
