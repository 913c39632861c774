//! An object store: PUT, conditional PUT, GET, and LIST in pages.
//!
//! Since December 2020 S3 promises that a listing which begins after a PUT was acknowledged
//! contains its key, so the sound profile is one ordered map. The others are what stores did before
//! that, or still do when they have a bug, and are surroundings for a model to be broken by.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::ops::Bound::{Excluded, Included, Unbounded};

/// How many keys a page holds at most, whoever asks (S3: 1,000).
pub const PAGE_MAX: u32 = 1000;

/// What the store may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Writes an object.
    Put {
        /// Its key.
        key: String,
        /// What it says.
        body: Body,
        /// Under which condition.
        when: When,
    },
    /// Reads an object.
    Get {
        /// Its key.
        key: String,
    },
    /// Names the keys with a prefix, in order, from the first after `start_after`.
    List {
        /// What they begin with.
        prefix: String,
        /// Where to go on.
        start_after: Option<String>,
        /// How many at most.
        limit: u32,
    },
}

/// The condition of a PUT.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum When {
    /// None: the last writer wins.
    Always,
    /// `If-None-Match: *`: only if there is no such object.
    Absent,
    /// `If-Match: etag`: only if it still says this.
    Is(u64),
}

/// What an object says: which transition wrote it, and which came before that one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Body {
    /// The transition.
    pub by: u64,
    /// The one it follows; 0: none.
    pub after: u64,
}

/// What the store answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// 200: written.
    Written,
    /// 412: the condition does not hold.
    PreconditionFailed,
    /// The object; nothing: 404.
    Found(Option<Body>),
    /// A page of keys.
    Page {
        /// In order.
        keys: Vec<String>,
        /// Whether there are more.
        truncated: bool,
    },
}

/// Which store it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Profile {
    /// Listings and reads see every acknowledged write (S3 since December 2020).
    #[default]
    Strong,
    /// A new key appears in listings some time after its PUT (S3 before that).
    EventualList,
    /// A page that goes on after a key skips the first one it should name (MinIO #21463).
    SkipsAtBorder,
    /// Listings come from a replica that lags.
    StaleReplica,
    /// Reads come from a replica that lags.
    StaleGet,
    /// The condition of a PUT is checked on a replica that lags (rustfs #1659).
    SplitCondition,
}

/// The objects.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Objects {
    profile: Profile,
    objects: BTreeMap<String, Body>,
    /// New keys that a replica has yet to hear of, in the order of their PUTs.
    unseen: VecDeque<String>,
    /// Whether an object's body ever gave way to another.
    replaced: bool,
}

impl Objects {
    /// An empty store.
    pub fn new(profile: Profile) -> Self {
        Objects { profile, ..Objects::default() }
    }

    /// What `key` says now.
    pub fn get(&self, key: &str) -> Option<Body> {
        self.objects.get(key).copied()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether an object's body ever gave way to another. Until then, what was once there is there
    /// still, for nothing is deleted.
    pub fn has_replaced(&self) -> bool {
        self.replaced
    }

    pub(super) fn apply(&mut self, call: &Call) -> Reply {
        match call {
            Call::Put { key, body, when } => self.put(key, *body, *when),
            Call::Get { key } if self.profile == Profile::StaleGet => Reply::Found(self.seen(key)),
            Call::Get { key } => Reply::Found(self.get(key)),
            Call::List { prefix, start_after, limit } => {
                self.list(prefix, start_after.as_deref(), (*limit).min(PAGE_MAX) as usize)
            }
        }
    }

    fn put(&mut self, key: &str, body: Body, when: When) -> Reply {
        let now = match self.profile {
            Profile::SplitCondition => self.seen(key),
            _ => self.get(key),
        };
        let refused = match when {
            When::Always => false,
            When::Absent => now.is_some(),
            When::Is(by) => now.map(|it| it.by) != Some(by),
        };
        if refused {
            return Reply::PreconditionFailed;
        }
        if !self.is_seen_at_once() && self.get(key).is_none() {
            self.unseen.push_back(key.to_owned());
        }
        let before = self.objects.insert(key.to_owned(), body);
        self.replaced |= before.is_some_and(|it| it != body);
        Reply::Written
    }

    /// Whether two clients' calls may change places.
    pub(super) fn commute(&self, one: &Call, other: &Call) -> bool {
        match (one, other) {
            // A replica hears of new keys in the order of their PUTs.
            (Call::Put { key: first, .. }, Call::Put { key: second, .. }) => {
                first != second && self.is_seen_at_once()
            }
            (Call::Put { key: put, .. }, Call::Get { key })
            | (Call::Get { key }, Call::Put { key: put, .. }) => put != key,
            (Call::Put { key, .. }, Call::List { prefix, start_after, .. })
            | (Call::List { prefix, start_after, .. }, Call::Put { key, .. }) => {
                !key.starts_with(prefix) || start_after.as_ref().is_some_and(|after| key <= after)
            }
            _ => true,
        }
    }

    fn is_seen_at_once(&self) -> bool {
        matches!(self.profile, Profile::Strong | Profile::SkipsAtBorder)
    }

    /// What a replica says that has yet to hear of new keys.
    fn seen(&self, key: &str) -> Option<Body> {
        self.get(key).filter(|_| !self.unseen.iter().any(|it| it == key))
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Reply {
        let from = match start_after {
            Some(key) if key >= prefix => Excluded(key),
            _ if prefix.is_empty() => Unbounded,
            _ => Included(prefix),
        };
        let lags = matches!(self.profile, Profile::EventualList | Profile::StaleReplica);
        let skipped = usize::from(start_after.is_some() && self.profile == Profile::SkipsAtBorder);
        let mut keys = (self.objects.range::<str, _>((from, Unbounded)))
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .filter(|key| !lags || !self.unseen.contains(key))
            .skip(skipped);
        let page: Vec<String> = keys.by_ref().take(limit).cloned().collect();
        Reply::Page { keys: page, truncated: keys.next().is_some() }
    }

    /// How many keys may be heard of next: any of the new ones, or the oldest only where a replica
    /// applies writes in order.
    pub(super) fn unseen(&self) -> usize {
        match self.profile {
            Profile::EventualList => self.unseen.len(),
            _ => self.unseen.len().min(1),
        }
    }

    pub(super) fn appear(&mut self, index: usize) {
        self.unseen.remove(index);
    }
}
