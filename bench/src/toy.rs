//! The toy that every engine is measured on: writers on few rows, read then compare-and-swap.
//!
//! Sixteen writers make 5,000 transitions each on four hot keys, with one scheduling point between
//! a read and its swap; which key a transition goes to is a hash of who makes it, so that every
//! engine does the same work. It is an ordinary model: nothing here is known to the engine.

use checker::hash::mix;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const KEYS: u64 = 4;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sizes {
    /// How many writers.
    pub(crate) writers: u16,
    /// How many transitions each of them makes.
    pub(crate) transitions: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { writers: 16, transitions: 5_000 }
    }
}

impl Params for Sizes {}

/// The rows: a number each.
#[derive(Clone, Hash, Default)]
pub(crate) struct Rows {
    numbers: [u64; KEYS as usize],
    /// Compare-and-swaps that changed a row.
    pub(crate) won: u64,
}

/// What is asked of them.
#[derive(Clone, Hash, Debug)]
pub(crate) enum Ask {
    /// The number of a key.
    Read(usize),
    /// One more, if it is still this.
    Cas(usize, u64),
}

impl World for Rows {
    type Call = Ask;
    /// The number, or 1 where the swap won and 0 where it lost.
    type Reply = u64;

    #[inline]
    fn apply(&mut self, _from: CallId, call: &Ask) -> Poll<u64> {
        Poll::Ready(match *call {
            Ask::Read(key) => self.numbers[key],
            Ask::Cas(key, seen) => {
                let number = &mut self.numbers[key];
                let won = u64::from(*number == seen);
                *number += won;
                self.won += won;
                won
            }
        })
    }
}

impl Legible for Rows {}

/// The model.
#[derive(Clone)]
pub(crate) struct Toy(Sizes);

impl Model for Toy {
    const NAME: &'static str = "toy";
    const ABOUT: &'static str = "what every engine is measured on";
    const VERSION: u32 = 1;
    type Params = Sizes;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Rows;
    type Spec = Nothing;

    fn new(sizes: Sizes, _mutant: Option<()>) -> Self {
        Toy(sizes)
    }

    fn clients(&self) -> u16 {
        self.0.writers
    }

    fn worlds(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    async fn client(self, io: Io<Self>) {
        let me = u64::from(io.me().0);
        for number in 0..self.0.transitions {
            let key = (mix(me, number.into()) % KEYS) as usize;
            loop {
                let Ok(seen) = io.call(Ask::Read(key)).await else { continue };
                if io.call(Ask::Cas(key, seen)).await == Ok(1) {
                    break;
                }
            }
        }
    }

    fn steps_max(&self) -> usize {
        100_000_000
    }
}
