//! The toy over a network: sixteen clients and one server, 1 to 10 ms each way as world time.
//!
//! A call is a message: it arrives after a while, is answered there, and the answer takes a while
//! too. Nothing here is known to the engine: a call on its way waits in the world as one for a row
//! lock does, and the next arrival is a move that comes in due course.

use checker::hash::mix;
use checker::specs::nothing::Nothing;
use sim::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const KEYS: usize = 4;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sizes {
    clients: u16,
    transitions: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { clients: 16, transitions: 2_000 }
    }
}

impl Params for Sizes {}

/// What is asked of the server.
#[derive(Clone, Copy, Hash, Debug)]
pub(crate) enum Ask {
    Read(usize),
    Cas(usize, u64),
}

/// A message on its way: when it arrives, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Message {
    at_us: u64,
    /// In the order they were sent, so that no two are alike.
    number: u64,
    client: u16,
    answer: bool,
}

/// The network and the server behind it.
#[derive(Clone, Default)]
pub(crate) struct Network {
    flying: BinaryHeap<Reverse<Message>>,
    sent: u64,
    now_us: u64,
    numbers: [u64; KEYS],
    /// What each client asked, and what it is answered.
    asked: Vec<Option<(Ask, u64)>>,
    arrived: Option<CallId>,
    pub(crate) trips: u64,
    pub(crate) won: u64,
}

impl std::hash::Hash for Network {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.now_us, self.sent, self.trips).hash(state);
    }
}

impl Network {
    fn send(&mut self, client: u16, answer: bool) {
        self.sent += 1;
        let latency_us = 1_000 + mix(self.sent, 7) % 9_001;
        let at_us = self.now_us + latency_us;
        self.flying.push(Reverse(Message { at_us, number: self.sent, client, answer }));
    }

    fn serve(&mut self, ask: Ask) -> u64 {
        match ask {
            Ask::Read(key) => self.numbers[key],
            Ask::Cas(key, seen) => {
                let won = u64::from(self.numbers[key] == seen);
                self.numbers[key] += won;
                self.won += won;
                won
            }
        }
    }
}

impl World for Network {
    type Call = Ask;
    type Reply = u64;
    const MOVES: &'static [&'static str] = &["arrive"];

    fn apply(&mut self, from: CallId, call: &Ask) -> Poll<u64> {
        let index = usize::from(from.client.0);
        if self.asked.len() <= index {
            self.asked.resize(index + 1, None);
        }
        match self.asked[index].take() {
            Some((_, answer)) => {
                self.trips += 1;
                Poll::Ready(answer)
            }
            None => {
                self.asked[index] = Some((*call, 0));
                self.send(from.client.0, false);
                Poll::Pending
            }
        }
    }

    fn freed(&mut self) -> Option<CallId> {
        self.arrived.take()
    }

    fn moves(&self, moves: &mut Moves) {
        if !self.flying.is_empty() {
            moves.due(0, 0);
        }
    }

    fn advance(&mut self, _chosen: Move) {
        let Some(Reverse(message)) = self.flying.pop() else { return };
        self.now_us = message.at_us;
        if message.answer {
            self.arrived = Some(CallId { client: ClientId(message.client), slot: 0 });
            return;
        }
        let index = usize::from(message.client);
        let (ask, _) = self.asked[index].expect("who sent a message asked something");
        let answer = self.serve(ask);
        self.asked[index] = Some((ask, answer));
        self.send(message.client, true);
    }
}

impl Legible for Network {}

/// The model.
#[derive(Clone)]
pub(crate) struct Trips(Sizes);

impl Model for Trips {
    const NAME: &'static str = "trips";
    const ABOUT: &'static str = "round trips over a network";
    const VERSION: u32 = 1;
    type Params = Sizes;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Network;
    type Spec = Nothing;

    fn new(sizes: Sizes, _mutant: Option<()>) -> Self {
        Trips(sizes)
    }

    fn clients(&self) -> u16 {
        self.0.clients
    }

    fn worlds(&self) -> Vec<Network> {
        vec![Network::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    async fn client(self, io: Io<Self>) {
        let me = u64::from(io.me().0);
        for number in 0..self.0.transitions {
            let key = mix(me, number.into()) as usize % KEYS;
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
