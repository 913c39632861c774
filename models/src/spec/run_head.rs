//! The head of a run under a lock, without a server: what the lock, a token or a compare is worth.
//!
//! Writers acquire (if there is a lock), read the head, write the next number, and release. A write
//! is blind, or compares the head with what was read, or compares fencing tokens, which is checked
//! here at the write only, as it often is.

use checker::specs::nothing::Nothing;
use sim::prelude::*;
use sim::world::Hold;

const MAX: usize = 6;
const SEQ_MAX: usize = 8;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many writers.
    pub writers: u8,
    /// Where the head ends.
    pub max_seq: u8,
    /// Whether writers hold a lock.
    pub lock: bool,
    /// Whether the lock may expire.
    pub expire: bool,
    /// What a write checks.
    pub mode: Mode,
}

/// What a write checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing.
    Blind,
    /// That the head is what was read.
    Cas,
    /// That no larger token has written.
    Fence,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { writers: 3, max_seq: 3, lock: true, expire: true, mode: Mode::Cas }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "max_seq"];

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=MAX as u8)?;
        within("max_seq", self.max_seq, 1..=SEQ_MAX as u8)
    }
}

/// The ways it is broken: what is published as a guard, and is none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// A lock that expires, and a blind write.
    LockOnly,
    /// A lock that expires, and a token checked at the write.
    FenceAtWrite,
    /// No lock, and a blind write.
    NoCas,
}

const ACQUIRE: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const ABANDON: u8 = 3;
const RELEASE: u8 = 4;
const EXPIRE: u8 = 5;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum At {
    #[default]
    Idle,
    Locked,
    Read,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Writer {
    at: At,
    read: u8,
    token: u8,
}

/// The writers, the lock, the head, and who won each number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    writers: [Writer; MAX],
    head: u8,
    /// The largest token that wrote.
    token_seen: u8,
    holder: Option<u8>,
    token_last: u8,
    /// A bit for each writer that won the number.
    winners: [u8; SEQ_MAX],
    sizes: Constant<Sizes>,
}

impl State {
    fn count(&self) -> usize {
        usize::from(self.sizes.0.writers)
    }

    /// Whether a writer is between taking the lock and giving it back.
    fn is_inside(writer: &Writer) -> bool {
        matches!(writer.at, At::Locked | At::Read | At::Done)
    }

    /// Nobody won a number that somebody else won.
    fn no_fork(&self) -> Result<(), String> {
        for (winners, seq) in self.winners.iter().zip(1..) {
            if winners.count_ones() > 1 {
                let won = |writer: &usize| winners & 1 << writer != 0;
                let who: Vec<String> = (0..MAX).filter(won).map(|it| format!("w{it}")).collect();
                return Err(format!("{} both won {seq}", who.join(" and ")));
            }
        }
        Ok(())
    }

    /// The numbers that were won are those up to the head.
    fn no_gap(&self) -> Result<(), String> {
        let head = self.head;
        let mut numbers = self.winners.iter().zip(1..);
        match numbers.find(|(winners, seq)| (**winners > 0) != (*seq <= head)) {
            Some((_, seq)) => Err(format!("the head is {head}, {seq} says otherwise")),
            None => Ok(()),
        }
    }

    fn monotone(&self, before: Option<&State>) -> Result<(), String> {
        match before.map(|before| before.head) {
            Some(from) if self.head < from => Err(format!("it went from {from} to {}", self.head)),
            _ => Ok(()),
        }
    }

    /// One writer inside at a time.
    fn mutual_exclusion(&self) -> Result<(), String> {
        let writers = self.writers.iter().enumerate();
        let inside: Vec<String> = writers
            .filter(|(_, writer)| State::is_inside(writer))
            .map(|(index, _)| format!("w{index}"))
            .collect();
        match inside.len() {
            0 | 1 => Ok(()),
            _ => Err(format!("{} are inside at once", inside.join(" and "))),
        }
    }

    fn write(&mut self, index: usize) {
        let Writer { read, token, .. } = self.writers[index];
        let passes = match self.sizes.0.mode {
            Mode::Blind => true,
            Mode::Cas => self.head == read,
            Mode::Fence => token >= self.token_seen,
        };
        if passes {
            self.head = read + 1;
            self.winners[usize::from(read)] |= 1 << index;
            if self.sizes.0.mode == Mode::Fence {
                self.token_seen = token;
            }
        }
    }
}

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] =
        &["acquire", "read", "write", "abandon", "release", "expire"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        let Sizes { max_seq, lock, expire, .. } = self.sizes.0;
        let may_lock = !lock || (self.holder.is_none() && self.token_last < max_seq + 2);
        for (writer, index) in self.writers[..self.count()].iter().zip(0..) {
            match writer.at {
                At::Idle if self.head < max_seq && may_lock => moves.due(ACQUIRE, index),
                At::Idle => {}
                At::Locked => moves.due(READ, index),
                At::Read if writer.read < max_seq => moves.due(WRITE, index),
                At::Read => moves.due(ABANDON, index),
                At::Done => moves.due(RELEASE, index),
            }
        }
        if expire && self.holder.is_some() {
            moves.may(EXPIRE, 0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let index = usize::from(arg);
        let writer = &mut self.writers[index];
        match kind {
            ACQUIRE => {
                if self.sizes.0.lock {
                    self.holder = Some(arg as u8);
                    self.token_last += 1;
                    writer.token = self.token_last;
                }
                writer.at = At::Locked;
            }
            READ => {
                writer.read = self.head;
                writer.at = At::Read;
            }
            WRITE => {
                writer.at = At::Done;
                self.write(index);
            }
            ABANDON => writer.at = At::Done,
            RELEASE => {
                *writer = Writer::default();
                self.holder.take_if(|holder| usize::from(*holder) == index);
            }
            _ => self.holder = None,
        }
    }

    fn parties(&self) -> u8 {
        self.sizes.0.writers
    }

    fn rank(&self, party: u8) -> Option<u64> {
        let Writer { at, read, token } = self.writers[usize::from(party)];
        let won = self.winners.iter().map(|winners| u64::from(winners >> party & 1));
        let won = won.fold(0, |all, bit| all << 1 | bit);
        let own = u64::from_le_bytes([at as u8, read, token, 0, 0, 0, 0, 0]);
        Some(own << 16 | won << 1 | u64::from(self.holder == Some(party)))
    }

    fn renamed(&self, order: &[u8]) -> Self {
        let mut renamed = self.clone();
        for (writer, name) in self.writers[..self.count()].iter().zip(order) {
            renamed.writers[usize::from(*name)] = *writer;
        }
        renamed.holder = self.holder.map(|holder| order[usize::from(holder)]);
        for (winners, seen) in renamed.winners.iter_mut().zip(self.winners) {
            let named = order.iter().zip(0u8..).filter(|(_, party)| seen >> party & 1 == 1);
            *winners = named.fold(0, |all, (name, _)| all | 1 << name);
        }
        renamed
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let lock = self.holder.map_or("free".to_owned(), |holder| format!("w{holder}"));
        vec![("lock", lock), ("head", self.head.to_string())]
    }

    fn holds(&self) -> Vec<Hold> {
        let of = |(writer, index): (&Writer, u8)| {
            let stands = self.holder == Some(index);
            let hold =
                Hold { lock: "lock".to_owned(), by: ClientId(index.into()), left_ms: None, stands };
            (stands || self.sizes.0.lock && writer.at != At::Idle).then_some(hold)
        };
        self.writers[..self.count()].iter().zip(0..).filter_map(of).collect()
    }

    fn party(chosen: Move) -> Option<ClientId> {
        (chosen.kind != EXPIRE).then_some(ClientId(chosen.arg))
    }
}

/// The head gets to its end.
pub const COMPLETES: Property = Property::named("completes");

/// One writer has the lock at a time. Not promised where the lock may expire.
pub const MUTUAL_EXCLUSION: Property = Property::named("mutual-exclusion");

/// The model.
#[derive(Clone)]
pub struct RunHead {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for RunHead {
    const NAME: &'static str = "spec/run_head";
    const ABOUT: &'static str =
        "a head moved under a lock, blindly, by compare or by token: RunHead, to be counted";
    const VERSION: u32 = 1;
    const COMPARES: bool = true;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation {
            mutant: Mutant::LockOnly,
            breaks: Property::FORK,
            how: "a lock that expires, and a write that checks nothing",
            params: &[],
        },
        Mutation {
            mutant: Mutant::FenceAtWrite,
            breaks: Property::FORK,
            how: "a token checked at the write only: an old holder writes before the new one does",
            params: &[],
        },
        Mutation {
            mutant: Mutant::NoCas,
            breaks: Property::FORK,
            how: "no lock, and a write that checks nothing",
            params: &[("lock", "false"), ("expire", "false")],
        },
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        RunHead { sizes, mutant }
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<State> {
        let mode = match self.mutant {
            Some(Mutant::LockOnly | Mutant::NoCas) => Mode::Blind,
            Some(Mutant::FenceAtWrite) => Mode::Fence,
            None => self.sizes.mode,
        };
        vec![State {
            writers: [Writer::default(); MAX],
            head: 0,
            token_seen: 0,
            holder: None,
            token_last: 0,
            winners: [0; SEQ_MAX],
            sizes: Constant(Sizes { mode, ..self.sizes }),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    /// The head gets to its end. Under a lock that expires that is not promised: three writers
    /// whose lock expires each time may use up all tokens before.
    fn comes(&self) -> Vec<Comes<State>> {
        let Sizes { max_seq, lock, expire, .. } = self.sizes;
        if lock && expire {
            return Vec::new();
        }
        let said = format!("the head gets to {max_seq}");
        vec![Comes::eventually(COMPLETES, said, move |world: &State| world.head == max_seq)]
    }

    /// A writer that can go on goes on.
    fn fairness(&self) -> Vec<Fair> {
        let goes_on =
            |writer| Fair::weak("writer", move |it: Move| it.kind != EXPIRE && it.arg == writer);
        (0..self.sizes.writers.into()).map(goes_on).collect()
    }

    /// One winner a number, no gap, and a head that says so and never goes back.
    fn invariant(&self, before: Option<&State>, now: &State) -> Result<(), Violation> {
        let part =
            |property, held: Result<(), String>| held.map_err(|why| Violation::new(property, why));
        part(Property::FORK, now.no_fork())?;
        part(Property::GAP, now.no_gap())?;
        part(Property::MONOTONE, now.monotone(before))
    }

    fn always(&self) -> Vec<Always<State>> {
        vec![
            Always::promised(Property::FORK, |_, now: &State| now.no_fork()),
            Always::promised(Property::GAP, |_, now: &State| now.no_gap()),
            Always::promised(Property::MONOTONE, |before, now: &State| now.monotone(before)),
            Always::asked(MUTUAL_EXCLUSION, State::mutual_exclusion),
        ]
    }
}
