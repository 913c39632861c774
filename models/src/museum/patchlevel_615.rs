//! A subscription skips an event that was committed late (patchlevel/event-sourcing, issue 615).
//!
//! Events are numbered by a sequence when they are inserted, and can be read when they are
//! committed. Two transactions take numbers 1 and 2, and the second commits first. The subscription
//! reads 2, goes on after 2, and never reads 1.
//!
//! Put right by reading no further than the oldest transaction that is open. The hard part is that
//! a sequence takes no part in transactions, so that a hole in its numbers has two reasons, and
//! looks the same: somebody rolled back, or somebody has yet to commit.

use super::AsReported;
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/patchlevel/event-sourcing/issues/615";

const PROMISE: &str = "every-event-read";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Reads whatever is committed behind its cursor, as published.
    ReadsBeyondOpen,
}

/// The model.
#[derive(Clone)]
pub struct Patchlevel {
    mutant: Option<Mutant>,
}

impl Model for Patchlevel {
    const NAME: &'static str = "museum/patchlevel_615";
    const ABOUT: &'static str =
        "a subscription to numbered events, beside the transactions that write them";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::ReadsBeyondOpen,
        PROMISE,
        "reads an event whose number is behind one of a transaction that is open, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::ReadsBeyondOpen);

    type World = Events;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        Patchlevel { mutant }
    }

    fn clients(&self) -> u16 {
        3
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 2 { 'r' } else { 'w' }
    }

    fn worlds(&self) -> Vec<Events> {
        vec![Events::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Events>, now: &Events) -> Result<(), Violation> {
        now.all_read().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        match io.me() {
            ClientId(2) => self.subscribe(&io).await,
            // What silence hides, the server rolls back.
            _ => {
                if io.call(Call::Insert).await.is_ok() {
                    _ = io.call(Call::Commit).await
                }
            }
        }
    }
}

/// How often the subscription reads.
const READS: u8 = 3;

impl Patchlevel {
    async fn subscribe(&self, io: &Io<Self>) {
        let beyond_open = self.mutant == Some(Mutant::ReadsBeyondOpen);
        let mut after = 0;
        for _ in 0..READS {
            if let Ok(Reply::Events(read)) = io.call(Call::Read { after, beyond_open }).await {
                after = read.last().copied().unwrap_or(after);
            }
        }
    }
}

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Begins a transaction, and inserts an event.
    Insert,
    /// Commits it.
    Commit,
    /// The events whose numbers are greater.
    Read {
        /// Than this.
        after: u8,
        /// Also those behind one of a transaction that is open.
        beyond_open: bool,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It was done.
    Done,
    /// The numbers of events, in order.
    Events(Vec<u8>),
}

/// The events, in the order of their numbers, from 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Events {
    all: Vec<Event>,
    /// The greatest number behind which the subscription has read.
    after: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Event {
    /// Its transaction is open.
    Open(ClientId),
    Committed,
    RolledBack,
    Read,
}

impl Events {
    fn read(&mut self, after: u8, beyond_open: bool) -> Vec<u8> {
        self.after = self.after.max(after);
        let mut read = Vec::new();
        for (event, number) in self.all.iter_mut().zip(1..) {
            match event {
                Event::Open(_) if !beyond_open => break,
                Event::Committed | Event::Read if number > after => {
                    *event = Event::Read;
                    read.push(number);
                }
                _ => {}
            }
        }
        read
    }

    fn end(&mut self, client: ClientId, end: Event) {
        let open = |it: &&mut Event| **it == Event::Open(client);
        self.all.iter_mut().filter(open).for_each(|it| *it = end.clone());
    }

    fn all_read(&self) -> Result<(), String> {
        let behind = &self.all[..usize::from(self.after)];
        let skipped = behind.iter().position(|it| *it == Event::Committed);
        skipped.map_or(Ok(()), |it| {
            let (number, after) = (it + 1, self.after);
            Err(format!("event {number} was never read, and the subscription is behind {after}"))
        })
    }
}

impl World for Events {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        match *call {
            Call::Insert => self.all.push(Event::Open(from.client)),
            Call::Commit => self.end(from.client, Event::Committed),
            Call::Read { after, beyond_open } => {
                return Poll::Ready(Reply::Events(self.read(after, beyond_open)));
            }
        }
        Poll::Ready(Reply::Done)
    }

    fn gone(&mut self, client: ClientId) {
        self.end(client, Event::RolledBack);
    }
}

impl Legible for Events {
    fn ask(call: &Call) -> String {
        match call {
            Call::Insert => "BEGIN; INSERT".to_owned(),
            Call::Commit => "COMMIT".to_owned(),
            Call::Read { after, beyond_open: true } => format!("SELECT WHERE id > {after}"),
            Call::Read { after, beyond_open: false } => {
                format!("SELECT WHERE id > {after} AND older than what is open")
            }
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Done => "done".to_owned(),
            Reply::Events(events) => format!("{events:?}"),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |(event, number): (&Event, usize)| format!("{number} {event:?}");
        let all = self.all.iter().zip(1..).map(said).collect::<Vec<_>>().join(", ");
        vec![("events", all.to_lowercase()), ("read behind", self.after.to_string())]
    }
}
