//! Two sessions of one consumer that ask for the next batch, receive its events and finish it.
//!
//! A batch is what lies between the tick where the consumer stands and the next. Whoever asks while
//! one is under way is given that one again, so that a session that died loses nothing. But to look
//! whether there is one and to write a new one down are two statements: without a lock on the row in
//! between, two sessions are given two batches of the same events, the later one is what counts, and
//! the first to finish is told that there is no such batch.
//!
//! The source is PgQ's `next_batch_custom` and `finish_batch`, as PgQue has them (NikolayS/pgque, issues
//! 95, 97 and 134).

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const SESSIONS: usize = 3;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many sessions.
    pub sessions: u8,
    /// How many ticks there are.
    pub ticks: u8,
    /// How many events lie between two of them.
    pub events: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { sessions: 2, ticks: 3, events: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["sessions", "ticks", "events"];

    fn check(&self) -> Result<(), String> {
        within("sessions", self.sessions, 1..=SESSIONS as u8)?;
        within("ticks", self.ticks, 1..=20)?;
        within("events", self.events, 1..=20)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Looks whether there is a batch without locking the row: as published.
    SelectsUnlocked,
    /// Finishes a batch of which it has received a part.
    FinishesPart,
    /// Finishes whatever batch there is.
    FinishesAny,
}

const TICK: u8 = 0;
const NEXT: u8 = 1;
const WRITE: u8 = 2;
const RECEIVE: u8 = 3;
const FINISH: u8 = 4;
const DIE: u8 = 5;

/// What lies behind the tick `from`, up to the next one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Batch {
    id: u8,
    from: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Session {
    #[default]
    Idle,
    /// It has seen that there is no batch, and at which tick the consumer stands.
    Looked { from: u8 },
    /// It was given a batch, and has received so many of its events.
    Has { batch: Batch, received: u8 },
}

/// The consumer's row, the ticks, and what each session is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    ticks: u8,
    /// Where the consumer stands.
    last: u8,
    active: Option<Batch>,
    next_id: u8,
    sessions: [Session; SESSIONS],
    /// Whether events were finished that the one who finished them had not received.
    skipped: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn sessions(&self) -> &[Session] {
        &self.sessions[..usize::from(self.sizes.0.sessions)]
    }

    /// Writes a new batch down, over whatever is there.
    fn write(&mut self, from: u8) -> Session {
        let batch = Batch { id: self.next_id, from };
        self.next_id += 1;
        self.active = Some(batch);
        Session::Has { batch, received: 0 }
    }

    fn next(&mut self) -> Session {
        match self.active {
            Some(batch) => Session::Has { batch, received: 0 },
            None if self.is(Mutant::SelectsUnlocked) => Session::Looked { from: self.last },
            None => self.write(self.last),
        }
    }

    fn finish(&mut self, own: Batch, received: u8) {
        let any = self.is(Mutant::FinishesAny);
        let Some(batch) = self.active.take_if(|active| any || active.id == own.id) else {
            return;
        };
        self.last = batch.from + 1;
        self.skipped |= batch.id != own.id || received < self.sizes.0.events;
    }

    fn one_batch(&self) -> Result<(), String> {
        let batches: Vec<Batch> = self
            .sessions()
            .iter()
            .filter_map(|it| match it {
                Session::Has { batch, .. } => Some(*batch),
                Session::Idle | Session::Looked { .. } => None,
            })
            .collect();
        for one in &batches {
            if let Some(other) = batches.iter().find(|it| it.from == one.from && it.id != one.id) {
                let (from, one, other) = (one.from, one.id, other.id);
                return Err(format!(
                    "batches {one} and {other} are both of what lies behind tick {from}"
                ));
            }
        }
        Ok(())
    }

    fn begins_at_last(&self) -> Result<(), String> {
        let off = self.active.filter(|batch| batch.from != self.last);
        off.map_or(Ok(()), |Batch { id, from }| {
            Err(format!("batch {id} is of what lies behind tick {from}, which is finished already"))
        })
    }

    fn none_skipped(&self) -> Result<(), String> {
        unless(!self.skipped, || {
            "events were finished that whoever finished them had not received".to_owned()
        })
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("at-most-one-active-batch", State::one_batch),
    Promise::new("batch-begins-at-last-tick", State::begins_at_last),
    Promise::new("no-event-skipped", State::none_skipped),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["tick", "next", "write", "receive", "finish", "die"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        if self.ticks < self.sizes.0.ticks {
            moves.due(TICK, 0);
        }
        for (session, number) in self.sessions().iter().zip(0..) {
            match session {
                Session::Idle if self.last < self.ticks => moves.due(NEXT, number),
                Session::Idle => {}
                // A sound run writes one batch a tick; a broken one might go on for ever.
                Session::Looked { .. } if self.next_id > 2 * self.sizes.0.ticks => {}
                Session::Looked { .. } => moves.due(WRITE, number),
                Session::Has { received, .. } => {
                    let all = *received == self.sizes.0.events;
                    if !all {
                        moves.due(RECEIVE, number);
                    }
                    if all || *received > 0 && self.is(Mutant::FinishesPart) {
                        moves.due(FINISH, number);
                    }
                    moves.may(DIE, number);
                }
            }
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        if kind == TICK {
            self.ticks += 1;
            return;
        }
        let index = usize::from(arg);
        self.sessions[index] = match (kind, self.sessions[index]) {
            (NEXT, _) => self.next(),
            (WRITE, Session::Looked { from }) => self.write(from),
            (RECEIVE, Session::Has { batch, received }) => {
                Session::Has { batch, received: received + 1 }
            }
            (FINISH, Session::Has { batch, received }) => {
                self.finish(batch, received);
                Session::Idle
            }
            _ => Session::Idle,
        };
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |session: &Session| match session {
            Session::Idle => "-".to_owned(),
            Session::Looked { .. } => "saw none".to_owned(),
            Session::Has { batch, received } => format!("{received} of batch {}", batch.id),
        };
        let active = self.active.map_or("-".to_owned(), |batch| batch.id.to_string());
        let names = ["s0", "s1", "s2"].into_iter().zip(self.sessions().iter().map(said));
        let row = [("last", self.last.to_string()), ("batch", active)];
        row.into_iter().chain(names).collect()
    }
}

/// The model.
#[derive(Clone)]
pub struct NextBatch {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for NextBatch {
    const NAME: &'static str = "pgque/next_batch";
    const ABOUT: &'static str = "sessions of one consumer that ask for batches and finish them";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::SelectsUnlocked,
            "at-most-one-active-batch",
            "looks whether there is a batch without locking the row, as published",
        ),
        breaks(
            Mutant::FinishesPart,
            "no-event-skipped",
            "finishes a batch of which it has received a part",
        ),
        breaks(
            Mutant::FinishesAny,
            "no-event-skipped",
            "finishes whatever batch there is, and not the one it was given",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        NextBatch { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            ticks: 0,
            last: 0,
            active: None,
            next_id: 1,
            sessions: [Session::Idle; SESSIONS],
            skipped: false,
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
