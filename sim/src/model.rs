//! What a protocol author writes: one trait, one file.

use crate::always::Always;
use crate::io::Io;
use crate::liveness::{Comes, Fair};
use crate::rng::Rng;
use crate::world::{Legible, Marks, World};
use checker::{ClientId, Operation, Property, Spec, Violation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::ops::RangeInclusive;

/// What a model can be sized by: `writers=16 lock=redlock`.
///
/// Serialised as one flat JSON object; that is how `-p`, `checker list` and traces know it.
pub trait Params: Clone + Default + Serialize + DeserializeOwned {
    /// Fills in what was left open. A seed is a whole scenario, so it decides this too.
    fn draw(&mut self, _rng: &mut Rng) {}

    /// The numbers among them that a failure is easier to read without: fewer writers.
    const SIZES: &'static [&'static str] = &[];

    /// Settings under which a failure would be easier to read, to be tried when it is minimised.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }

    /// Refuses what makes no sense, saying what would: `writers must be 1 to 64, not 0`.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A range check whose message says what would be right.
pub fn within<T: PartialOrd + Display>(
    name: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} must be {} to {}, not {value}", range.start(), range.end()))
}

/// A parameter that the seed draws unless it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Open<T> {
    /// Left to the seed.
    #[default]
    Any,
    /// Given, or drawn.
    #[serde(untagged)]
    Is(T),
}

impl<T: Copy> Open<T> {
    /// Draws one of `choices` if it was left open.
    pub fn draw(&mut self, rng: &mut Rng, choices: &[T]) {
        if let Open::Any = self {
            *self = Open::Is(*rng.pick(choices));
        }
    }

    /// The value; `default` where nobody gave or drew one.
    pub fn or(self, default: T) -> T {
        match self {
            Open::Any => default,
            Open::Is(value) => value,
        }
    }
}

/// One way a model is broken on purpose.
pub struct Mutation<T: 'static> {
    /// Which.
    pub mutant: T,
    /// The promise it breaks.
    pub breaks: Property,
    /// How, in a sentence.
    pub how: &'static str,
    /// The parameters it needs to break it, as `name=value`.
    pub params: &'static [(&'static str, &'static str)],
}

impl<T> Mutation<T> {
    /// In a line: who it is, what it breaks, with which parameters, and how.
    pub const fn new(
        mutant: T,
        breaks: Property,
        params: &'static [(&'static str, &'static str)],
        how: &'static str,
    ) -> Self {
        Mutation { mutant, breaks, how, params }
    }
}

/// A protocol: clients that follow it, a world they follow it in, and what they promise.
///
/// A model without a mutant always keeps its promises. What is broken on purpose, and
/// surroundings outside the protocol's assumptions, are mutants: one `if` that changes a decision.
pub trait Model: Clone + Send + Sync + 'static {
    /// How it is called on the command line.
    const NAME: &'static str;
    /// What it is, in a sentence.
    const ABOUT: &'static str;
    /// Raised on purpose when a recorded run would mean something else.
    const VERSION: u32;
    /// Whether an answer takes a step of its own to arrive. Where no client reads a clock that
    /// changes no verdict: whatever a late answer allows, a late next call allows too.
    const ANSWERS_TRAVEL: bool = false;
    /// Whether [`Model::invariant`] looks at the state before a step as well.
    const COMPARES: bool = false;
    /// Whether it can have clients. One whose world cannot be asked anything has none, and what only
    /// they need is not even built for it.
    const ASKS: bool = size_of::<CallOf<Self>>() > 0;

    /// What it can be sized by.
    type Params: Params;
    /// The ways it can be broken on purpose.
    type Mutant: Copy + PartialEq + Debug + 'static;
    /// Each of them, with the promise it breaks.
    const MUTANTS: &'static [Mutation<Self::Mutant>];
    /// Mutants that must survive, each with the reason.
    const EQUIVALENT: &'static [(Self::Mutant, &'static str)] = &[];
    /// The mutant that is the model without its guard, for the control of a run that passes.
    const GUARD: Option<Self::Mutant> = None;

    /// The other side of every call.
    type World: World + Legible + Clone + Hash + Send + Sync;
    /// What a correct system may answer.
    type Spec: Spec<
            Op: Clone + Debug + Hash + Serialize + DeserializeOwned,
            Ret: Clone + Debug + Hash + Serialize + DeserializeOwned,
        >;

    /// The protocol, sized, and broken if `mutant` says so.
    fn new(params: Self::Params, mutant: Option<Self::Mutant>) -> Self;

    /// How many clients it has; 0 for a model that is all moves.
    fn clients(&self) -> u16 {
        0
    }

    /// The letter of a client's role: `w` for a writer.
    fn role(&self, _client: ClientId) -> char {
        'c'
    }

    /// The states it may begin in.
    fn worlds(&self) -> Vec<Self::World>;

    /// What the history is held to.
    fn spec(&self) -> Self::Spec;

    /// One client's program, as one would ship it. All it learns and does goes through `io`.
    fn client(self, _io: Io<Self>) -> impl Future<Output = ()> {
        async {}
    }

    /// What holds after every step. `before` is given where [`Model::COMPARES`] says so.
    fn invariant(
        &self,
        _before: Option<&Self::World>,
        _now: &Self::World,
    ) -> Result<(), Violation> {
        Ok(())
    }

    /// The parts of the invariant of a model of moves, each by itself, and what is not promised but
    /// may be asked: what a search can look for alone.
    fn always(&self) -> Vec<Always<Self::World>> {
        Vec::new()
    }

    /// What holds when faults have stopped and everybody is done.
    fn settled(&self, _world: &Self::World) -> Result<(), Violation> {
        Ok(())
    }

    /// What must come, in a model of moves, in every run that is fair. Give none at sizes at which
    /// it is not promised.
    fn comes(&self) -> Vec<Comes<Self::World>> {
        Vec::new()
    }

    /// What [`Model::comes`] counts on. Moves that are not named may never be made.
    fn fairness(&self) -> Vec<Fair> {
        Vec::new()
    }

    /// What must have happened at least once in a campaign for a pass to mean anything.
    fn sometimes(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Figures worth telling, such as `conflicts`, from what clients saw and what was counted.
    fn stats(&self, _history: &Seen<Self>, _marks: &Marks) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// How many steps a run may take before it is left to the fair schedule alone. One of moves
    /// alone ends there if it is settled: it may well go on for ever.
    fn steps_max(&self) -> usize {
        if self.clients() == 0 { 200 } else { 20_000 }
    }
}

/// What a model's clients ask.
pub type CallOf<M> = <<M as Model>::World as World>::Call;
/// What they hear.
pub type ReplyOf<M> = <<M as Model>::World as World>::Reply;
/// What the history records as asked.
pub type OpOf<M> = <<M as Model>::Spec as Spec>::Op;
/// What the history records as answered.
pub type RetOf<M> = <<M as Model>::Spec as Spec>::Ret;
/// The operations of a run, as the checker sees them.
pub type Seen<M> = [Operation<OpOf<M>, RetOf<M>>];
