//! A store of small things under keys: conditional writes, deletes, and an entry that runs out.
//!
//! The S3 of `worlds` keeps to what all real servers have in common, for it is confirmed on them.
//! Exhibits need a DELETE and a time to live as well, and a head that names a file. What is hard is
//! that a writer that is refused cannot tell its own earlier write from another's: values are
//! numbers that nobody gets twice, so that the store can.

use crate::worlds::objects::When;
use checker::ClientId;
use sim::prelude::*;
use std::collections::BTreeMap;
use std::fmt;

/// What a thing is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    /// What names the file that counts.
    Head,
    /// What says who writes a file; it may run out.
    Entry,
    /// A file that several want to write.
    Version,
    /// A file of a name that nobody else gives.
    File(u64),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Head => f.write_str("head"),
            Key::Entry => f.write_str("entry"),
            Key::Version => f.write_str("version"),
            Key::File(number) => write!(f, "file {}", Value(*number)),
        }
    }
}

/// A number that nobody gets twice, as people read it: which client's, and its how manieth.
struct Value(u64);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Reads it.
    Get(Key),
    /// Writes it, under a condition.
    Put {
        /// What.
        key: Key,
        /// What it is to say.
        value: u64,
        /// The condition.
        when: When,
        /// Whether it runs out from now on.
        lapses: bool,
    },
    /// Removes it.
    Delete(Key),
    /// The client gives up for good, because somebody else wrote `key`, and not it, as `own`.
    GiveUp {
        /// What.
        key: Key,
        /// What the client would have written.
        own: u64,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// What it says; nothing: there is no such thing.
    Found(Option<u64>),
    /// Whether the condition held, and it is written.
    Written(bool),
    /// It is done.
    Done,
}

/// An entry runs out.
const LAPSE: u8 = 0;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Thing {
    value: u64,
    lapses: bool,
}

/// The store, and what was done to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Store {
    things: BTreeMap<Key, Thing>,
    /// What the version said, and what it says instead.
    replaced: Option<(u64, u64)>,
    /// Who gave up although what it saw was its own.
    gave_up: Option<ClientId>,
}

impl Store {
    /// What `key` says.
    pub fn get(&self, key: Key) -> Option<u64> {
        self.things.get(&key).map(|it| it.value)
    }

    fn put(&mut self, key: Key, value: u64, when: When, lapses: bool) -> bool {
        let now = self.get(key);
        let holds = match when {
            When::Always => true,
            When::Absent => now.is_none(),
            When::Is(value) => now == Some(value),
        };
        if holds {
            let before = now.filter(|it| *it != value && key == Key::Version);
            self.replaced = self.replaced.or(before.map(|before| (before, value)));
            self.things.insert(key, Thing { value, lapses });
        }
        holds
    }

    /// The version, once written, says the same for ever.
    pub fn writes_once(&self) -> Result<(), String> {
        self.replaced.map_or(Ok(()), |(before, now)| {
            Err(format!("the version said {}, and says {} now", Value(before), Value(now)))
        })
    }

    /// What the head names can be read.
    pub fn head_readable(&self) -> Result<(), String> {
        let gone = self.get(Key::Head).map(Key::File).filter(|file| self.get(*file).is_none());
        gone.map_or(Ok(()), |file| Err(format!("the head names {file}, which was deleted")))
    }

    /// Nobody gives way to itself.
    pub fn gives_way_to_others(&self) -> Result<(), String> {
        self.gave_up.map_or(Ok(()), |it| Err(format!("c{} was fenced off by its own write", it.0)))
    }
}

impl World for Store {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] = &["lapse"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        Poll::Ready(match *call {
            Call::Get(key) => Reply::Found(self.get(key)),
            Call::Put { key, value, when, lapses } => {
                Reply::Written(self.put(key, value, when, lapses))
            }
            Call::Delete(key) => {
                self.things.remove(&key);
                Reply::Done
            }
            Call::GiveUp { key, own } => {
                if self.get(key) == Some(own) {
                    self.gave_up = Some(from.client);
                }
                Reply::Done
            }
        })
    }

    fn moves(&self, moves: &mut Moves) {
        if self.things.get(&Key::Entry).is_some_and(|it| it.lapses) {
            moves.may(LAPSE, 0);
        }
    }

    fn advance(&mut self, _chosen: Move) {
        self.things.remove(&Key::Entry);
    }
}

impl Legible for Store {
    fn ask(call: &Call) -> String {
        match *call {
            Call::Get(key) => format!("GET {key}"),
            Call::Put { key, value, when, .. } => {
                let when = match when {
                    When::Always => String::new(),
                    When::Absent => " if there is none".to_owned(),
                    When::Is(seen) => format!(" if it says {}", Value(seen)),
                };
                format!("PUT {key} = {}{when}", Value(value))
            }
            Call::Delete(key) => format!("DELETE {key}"),
            Call::GiveUp { key, .. } => format!("give up: {key} is another's"),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Found(Some(value)) => Value(*value).to_string(),
            Reply::Found(None) => "none".to_owned(),
            Reply::Written(true) => "written".to_owned(),
            Reply::Written(false) => "refused".to_owned(),
            Reply::Done => "done".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |key| self.get(key).map_or("-".to_owned(), |it| Value(it).to_string());
        let named = [("head", Key::Head), ("entry", Key::Entry), ("version", Key::Version)];
        let files = self.things.keys().filter(|key| matches!(key, Key::File(_)));
        let files = files.map(|key| said(*key)).collect::<Vec<_>>().join(", ");
        named.into_iter().map(|(name, key)| (name, said(key))).chain([("files", files)]).collect()
    }
}

/// A client's side of the store.
pub struct Door<'a, M: Model<World = Store>>(pub &'a Io<M>);

impl<M: Model<World = Store>> Door<'_, M> {
    /// What it says.
    pub async fn get(&self, key: Key) -> Result<Option<u64>, Lost> {
        match self.0.call(Call::Get(key)).await? {
            Reply::Found(value) => Ok(value),
            other => unreachable!("a GET answers what it found, not {other:?}"),
        }
    }

    /// Writes it for good; whether the condition held.
    pub async fn put(&self, key: Key, value: u64, when: When) -> Result<bool, Lost> {
        self.write(Call::Put { key, value, when, lapses: false }).await
    }

    /// Writes it, to run out at some time.
    pub async fn put_to_lapse(&self, key: Key, value: u64) -> Result<bool, Lost> {
        self.write(Call::Put { key, value, when: When::Always, lapses: true }).await
    }

    async fn write(&self, call: Call) -> Result<bool, Lost> {
        match self.0.call(call).await? {
            Reply::Written(held) => Ok(held),
            other => unreachable!("a PUT answers whether it wrote, not {other:?}"),
        }
    }

    /// Removes it.
    pub async fn delete(&self, key: Key) -> Result<(), Lost> {
        self.0.call(Call::Delete(key)).await.map(|_| ())
    }

    /// Gives up for good.
    pub async fn give_up(&self, key: Key, own: u64) -> Result<(), Lost> {
        self.0.call(Call::GiveUp { key, own }).await.map(|_| ())
    }
}
