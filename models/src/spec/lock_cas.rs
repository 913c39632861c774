//! Writers that take a lock, read, compare-and-swap and release, while the lock may expire.
//!
//! Each writer makes so many attempts; whoever finds the lock taken gives the attempt up. What is
//! promised is that no swap that was acknowledged is lost, however often the lock expires.

use checker::specs::nothing::Nothing;
use sim::prelude::*;
use sim::world::Hold;
use std::hash::{Hash, Hasher};

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many writers.
    pub writers: u8,
    /// How many attempts each of them makes.
    pub transitions: u8,
    /// How often the lock may expire.
    pub expiries: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { writers: 3, transitions: 2, expiries: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "transitions", "expiries"];

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=MAX as u8)?;
        within("transitions", self.transitions, 1..=64)?;
        within("expiries", self.expiries, 0..=64)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Writes without comparing.
    NoCas,
}

const MAX: usize = 8;

/// A step of a writer: the kinds of move but the last.
const ACQUIRE: u8 = 0;
const READ: u8 = 1;
const CAS: u8 = 2;
const RELEASE: u8 = 3;
const EXPIRE: u8 = 4;

/// Nobody has the lock.
const NOBODY: u8 = u8::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Writer {
    /// The move it makes next.
    next: u8,
    /// Attempts made.
    tried: u8,
    /// What it read.
    seen: u8,
    /// Swaps that it was told it won.
    won: u8,
}

impl Writer {
    fn word(self) -> u32 {
        u32::from_le_bytes([self.next, self.tried, self.seen, self.won])
    }
}

/// The writers, the lock, and the number they move.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    writers: [Writer; MAX],
    count: u8,
    lock: u8,
    number: u8,
    expiries_left: u8,
    transitions: Constant<u8>,
    mutant: Constant<Option<Mutant>>,
}

/// In few words: a state is hashed far more often than anything else is done to it.
impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let all = u32::from_le_bytes([self.count, self.lock, self.number, self.expiries_left]);
        let two = |first: u32, second: Writer| u64::from(first) << 32 | u64::from(second.word());
        let (first, others) = self.parties_now().split_first().expect("there is a writer");
        state.write_u64(two(all, *first));
        for pair in others.chunks(2) {
            state.write_u64(two(pair[0].word(), pair.get(1).copied().unwrap_or_default()));
        }
    }
}

impl State {
    fn parties_now(&self) -> &[Writer] {
        &self.writers[..usize::from(self.count)]
    }

    fn none_lost(&self) -> Result<(), String> {
        let won: u8 = self.parties_now().iter().map(|writer| writer.won).sum();
        match won == self.number {
            true => Ok(()),
            false => {
                Err(format!("{won} swaps were acknowledged, and the number is {}", self.number))
            }
        }
    }
}

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["acquire", "read", "cas", "release", "expire"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        for (writer, index) in self.parties_now().iter().zip(0..) {
            if writer.next != ACQUIRE || writer.tried < self.transitions.0 {
                moves.due(writer.next, index);
            }
        }
        if self.expiries_left > 0 {
            moves.may(EXPIRE, 0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let writer = &mut self.writers[usize::from(arg)];
        match kind {
            ACQUIRE if self.lock == NOBODY => {
                self.lock = arg as u8;
                writer.next = READ;
            }
            ACQUIRE => writer.tried += 1,
            READ => {
                writer.seen = self.number;
                writer.next = CAS;
            }
            CAS => {
                if writer.seen == self.number {
                    writer.won += 1;
                    self.number += 1;
                } else if self.mutant.0 == Some(Mutant::NoCas) {
                    writer.won += 1;
                    self.number = writer.seen + 1;
                }
                writer.seen = 0;
                writer.next = RELEASE;
            }
            RELEASE => {
                if self.lock == arg as u8 {
                    self.lock = NOBODY;
                }
                writer.tried += 1;
                writer.next = ACQUIRE;
            }
            _ => {
                self.expiries_left -= 1;
                self.lock = NOBODY;
            }
        }
    }

    fn parties(&self) -> u8 {
        self.count
    }

    fn rank(&self, party: u8) -> Option<u64> {
        let word = u64::from(self.writers[usize::from(party)].word());
        Some(word << 1 | u64::from(self.lock == party))
    }

    fn renamed(&self, order: &[u8]) -> Self {
        let mut renamed = self.clone();
        for (writer, name) in self.parties_now().iter().zip(order) {
            renamed.writers[usize::from(*name)] = *writer;
        }
        renamed.lock = order.get(usize::from(self.lock)).copied().unwrap_or(NOBODY);
        renamed
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let lock = if self.lock == NOBODY { "free".to_owned() } else { format!("w{}", self.lock) };
        vec![("lock", lock), ("number", self.number.to_string())]
    }

    fn holds(&self) -> Vec<Hold> {
        let of = |(writer, index): (&Writer, u8)| {
            let stands = self.lock == index;
            let hold =
                Hold { lock: "lock".to_owned(), by: ClientId(index.into()), left_ms: None, stands };
            (stands || writer.next != ACQUIRE).then_some(hold)
        };
        self.parties_now().iter().zip(0..).filter_map(of).collect()
    }

    fn party(chosen: Move) -> Option<ClientId> {
        (chosen.kind != EXPIRE).then_some(ClientId(chosen.arg))
    }
}

/// The model.
#[derive(Clone)]
pub struct LockCas {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for LockCas {
    const NAME: &'static str = "spec/lock_cas";
    const ABOUT: &'static str = "writers under a lock that expires: LockCas, to be counted";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[Mutation {
        mutant: Mutant::NoCas,
        breaks: Property::LOST,
        how: "writes what it read plus one without comparing",
        params: &[],
    }];
    const GUARD: Option<Mutant> = Some(Mutant::NoCas);

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        LockCas { sizes, mutant }
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            writers: [Writer::default(); MAX],
            count: self.sizes.writers,
            lock: NOBODY,
            number: 0,
            expiries_left: self.sizes.expiries,
            transitions: Constant(self.sizes.transitions),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    /// No acknowledged swap is lost.
    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        now.none_lost().map_err(|why| Violation::new(Property::LOST, why))
    }

    fn always(&self) -> Vec<Always<State>> {
        vec![Always::promised(Property::LOST, |_, now: &State| now.none_lost())]
    }
}
