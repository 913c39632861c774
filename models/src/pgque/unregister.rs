//! Two calls that unregister one consumer, while it is registered anew and its table rotates.
//!
//! To unregister is to look at the subscription and to delete it, which through the view means in
//! all three tables. Under a lock on the row the second call waits, and finds nothing. Without one
//! both have looked; the first deletes, the consumer registers again, and the second deletes a
//! registration that it never saw. That a DELETE of nothing is harmless is true, and not enough:
//! what is hard is that the same key names another thing by then.
//!
//! The source is the review of the metadata rotation proposed for PgQue (NikolayS/pgque, pull request
//! 62), which dropped the lock on the subscription from `unregister_consumer`.

use crate::promise::{Promise, breaks};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const CALLERS: usize = 3;
/// Tables of subscriptions.
const SLOTS: u8 = 3;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many calls unregister.
    pub callers: u8,
    /// How often the consumer is registered.
    pub registrations: u8,
    /// How often the tables rotate.
    pub rotations: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { callers: 2, registrations: 2, rotations: 3 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["callers", "registrations", "rotations"];

    fn check(&self) -> Result<(), String> {
        within("callers", self.callers, 1..=CALLERS as u8)?;
        within("registrations", self.registrations, 1..=20)?;
        within("rotations", self.rotations, 0..=20)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Looks at the subscription without a lock.
    LooksUnlocked,
    /// Deletes it in the current table alone.
    DeletesCurrentOnly,
}

const LOOK: u8 = 0;
const DELETE: u8 = 1;
const REGISTER: u8 = 2;
const ROTATE: u8 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Caller {
    #[default]
    Idle,
    /// It has seen this registration.
    Looked(u8),
    /// It was told whether the consumer was registered.
    Told(bool),
}

/// The tables, and who is about to unregister.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    current: u8,
    /// In each table, the consumer's registration.
    table: [Option<u8>; SLOTS as usize],
    registered: u8,
    rotations: u8,
    callers: [Caller; CALLERS],
    /// What a call saw, and what it deleted.
    wrong: Option<(u8, u8)>,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn callers(&self) -> &[Caller] {
        &self.callers[..usize::from(self.sizes.0.callers)]
    }

    fn seen(&self) -> Option<u8> {
        self.table[usize::from(self.current)]
    }

    /// Whether a transaction has looked, and holds by that what it looked at.
    fn is_held(&self) -> bool {
        self.callers().iter().any(|it| matches!(it, Caller::Looked(_)))
    }

    fn delete(&mut self, saw: u8) {
        let deleted = self.seen().filter(|it| *it != saw);
        self.wrong = self.wrong.or(deleted.map(|it| (saw, it)));
        if self.is(Mutant::DeletesCurrentOnly) {
            self.table[usize::from(self.current)] = None;
        } else {
            self.table = [None; SLOTS as usize];
        }
    }

    fn as_seen(&self) -> Result<(), String> {
        self.wrong.map_or(Ok(()), |(saw, deleted)| {
            Err(format!("a call saw registration {saw}, and deleted {deleted}"))
        })
    }

    fn nothing_left(&self) -> Result<(), String> {
        let left = self.table.iter().position(Option::is_some).filter(|_| self.seen().is_none());
        left.map_or(Ok(()), |table| {
            Err(format!("nobody is registered, and table {table} has a subscription"))
        })
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("unregisters-what-it-saw", State::as_seen),
    Promise::new("nothing-left", State::nothing_left),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["look", "delete", "register", "rotate"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        let waits = self.is_held() && !self.is(Mutant::LooksUnlocked);
        for (caller, number) in self.callers().iter().zip(0..) {
            match caller {
                Caller::Idle if !waits => moves.due(LOOK, number),
                Caller::Looked(_) => moves.due(DELETE, number),
                _ => {}
            }
        }
        if self.seen().is_none() && self.registered < self.sizes.0.registrations {
            moves.due(REGISTER, 0);
        }
        // It gives way to whoever has read the view, which is of all three tables.
        if !self.is_held() && self.rotations < self.sizes.0.rotations {
            moves.due(ROTATE, 0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let caller = usize::from(arg);
        match (kind, self.callers[caller]) {
            (LOOK, _) => {
                self.callers[caller] = self.seen().map_or(Caller::Told(false), Caller::Looked);
            }
            (DELETE, Caller::Looked(saw)) => {
                self.delete(saw);
                self.callers[caller] = Caller::Told(true);
            }
            (REGISTER, _) => {
                self.registered += 1;
                self.table[usize::from(self.current)] = Some(self.registered);
            }
            _ => {
                let copied = self.seen();
                self.current = (self.current + 1) % SLOTS;
                self.table[usize::from(self.current)] = copied;
                self.rotations += 1;
            }
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let word = |at: &Option<u8>| at.map_or("-".to_owned(), |it| it.to_string());
        let said = |caller: &Caller| match caller {
            Caller::Idle => "-".to_owned(),
            Caller::Looked(saw) => format!("saw {saw}"),
            Caller::Told(true) => "unregistered".to_owned(),
            Caller::Told(false) => "found nothing".to_owned(),
        };
        let callers = ["u0", "u1", "u2"].into_iter().zip(self.callers().iter().map(said));
        let tables = self.table.iter().map(word).collect::<Vec<_>>().join(" ");
        let row = [("current", self.current.to_string()), ("registered in", tables)];
        row.into_iter().chain(callers).collect()
    }
}

/// The model.
#[derive(Clone)]
pub struct Unregister {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for Unregister {
    const NAME: &'static str = "pgque/unregister";
    const ABOUT: &'static str = "calls that unregister one consumer, which is registered anew";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::LooksUnlocked,
            "unregisters-what-it-saw",
            "looks at the subscription without a lock on it, as published",
        ),
        breaks(
            Mutant::DeletesCurrentOnly,
            "nothing-left",
            "deletes the subscription in the current table, and not in those before it",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        Unregister { sizes, mutant }
    }

    /// The consumer is registered.
    fn worlds(&self) -> Vec<State> {
        vec![State {
            current: 0,
            table: [Some(1), None, None],
            registered: 1,
            rotations: 0,
            callers: [Caller::Idle; CALLERS],
            wrong: None,
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
