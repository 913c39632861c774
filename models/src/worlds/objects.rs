//! An object store: PUT, conditional PUT, GET, and LIST in pages.
//!
//! Since December 2020 S3 promises that a listing which begins after a PUT was acknowledged
//! contains its key, so the sound profile is one ordered map. The others are what stores did before
//! that, or still do when they have a bug, and are surroundings for a model to be broken by. Only
//! being asked to slow down is no fault: a 503 did nothing, and every store may say it.

use super::slow_down::{Rate, Spent};
use sim::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};

/// How many keys a page holds at most, whoever asks (S3: 1,000).
pub const PAGE_MAX: u32 = 1000;

/// What the store may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum When {
    /// None: the last writer wins.
    Always,
    /// `If-None-Match: *`: only if there is no such object.
    Absent,
    /// `If-Match: etag`: only if it still says this.
    Is(u64),
}

/// What an object says: which transition wrote it, and which came before that one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Body {
    /// The transition.
    pub by: u64,
    /// The one it follows; 0: none.
    pub after: u64,
}

/// What the store answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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
    /// 503: too many requests of this second under one prefix. Nothing was done.
    SlowDown,
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
    /// That there is no such object is remembered, also after it was put: a GET before the PUT
    /// voids read-after-write (S3 before December 2020).
    NegativeCache,
    /// A page that is full says that it is the last (MinIO #19257, SeaweedFS #10652).
    EndsEarly,
    /// A page that goes on after a key is empty (SeaweedFS #8287, MinIO #6032).
    OnePage,
    /// A page that goes on after a key begins with it (SeaweedFS #3166, #3436).
    RepeatsAtBorder,
    /// Pages that go on come from what an earlier listing cached (MinIO #16520, #12587).
    CachedListing,
    /// Listings leave out what lies on a disk that is bad now and then (MinIO #14635, #20558).
    FlappingKeys,
    /// A conditional PUT checks, and writes some time after (rustfs #1659 on one node).
    ChecksThenWrites,
    /// The condition of a PUT is not looked at (mountx #19).
    IgnoresCondition,
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
    /// Requests of this second, where there is a limit.
    spent: Option<Spent>,
    fault: Fault,
}

/// What only one of the profiles has to remember.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Fault {
    /// Keys that were asked for before they were there.
    missed: BTreeSet<String>,
    /// What the last listing that began saw.
    cached: BTreeSet<String>,
    /// The object on the disk that is bad now.
    hidden: Option<String>,
    /// The object that was put last.
    newest: Option<String>,
    /// Conditional PUTs that have checked and not yet written.
    checked: Vec<CallId>,
    writing: Option<CallId>,
}

impl Objects {
    /// An empty store.
    pub fn new(profile: Profile) -> Self {
        Objects { profile, ..Objects::default() }
    }

    /// The same store, asked to slow down by whoever asks it too much.
    pub fn limited(self, rate: Rate) -> Self {
        Objects { spent: Some(Spent::new(rate)), ..self }
    }

    /// Whether it does nothing later than it says, nor anything unasked.
    pub(super) fn is_sound(&self) -> bool {
        self.profile == Profile::Strong
    }

    /// Whether it answers 503 to whoever asks it too much.
    pub fn is_limited(&self) -> bool {
        self.spent.is_some()
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

    pub(crate) fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let goes_on = self.fault.writing == Some(from);
        if !goes_on && self.spent.as_mut().is_some_and(|spent| !spent.admits(call)) {
            return Poll::Ready(Reply::SlowDown);
        }
        Poll::Ready(match call {
            Call::Put { key, body, when } => return self.put(from, key, *body, *when),
            Call::Get { key } => Reply::Found(self.read(key)),
            Call::List { prefix, start_after, limit } => {
                self.list(prefix, start_after.as_deref(), (*limit).min(PAGE_MAX) as usize)
            }
        })
    }

    fn read(&mut self, key: &str) -> Option<Body> {
        match self.profile {
            Profile::StaleGet => self.seen(key),
            Profile::NegativeCache => {
                let found = self.seen(key);
                if found.is_none() {
                    self.fault.missed.insert(key.to_owned());
                }
                found
            }
            _ => self.get(key),
        }
    }

    fn put(&mut self, from: CallId, key: &str, body: Body, when: When) -> Poll<Reply> {
        let now = match self.profile {
            Profile::SplitCondition => self.seen(key),
            _ => self.get(key),
        };
        let refused = match when {
            _ if self.profile == Profile::IgnoresCondition => false,
            When::Always => false,
            When::Absent => now.is_some(),
            When::Is(by) => now.map(|it| it.by) != Some(by),
        };
        if self.fault.writing.take_if(|id| *id == from).is_none() {
            if refused {
                return Poll::Ready(Reply::PreconditionFailed);
            }
            if self.profile == Profile::ChecksThenWrites && when != When::Always {
                self.fault.checked.push(from);
                return Poll::Pending;
            }
        }
        if self.is_late(key) && self.get(key).is_none() {
            self.unseen.push_back(key.to_owned());
        }
        if self.profile == Profile::FlappingKeys {
            self.fault.newest = Some(key.to_owned());
        }
        let before = self.objects.insert(key.to_owned(), body);
        self.replaced |= before.is_some_and(|it| it != body);
        Poll::Ready(Reply::Written)
    }

    /// Whether somebody has yet to hear of `key` after its PUT.
    fn is_late(&self, key: &str) -> bool {
        match self.profile {
            Profile::EventualList
            | Profile::StaleReplica
            | Profile::StaleGet
            | Profile::SplitCondition => true,
            Profile::NegativeCache => self.fault.missed.contains(key),
            _ => false,
        }
    }

    /// Whether two clients' calls may change places.
    pub(super) fn commute(&self, one: &Call, other: &Call) -> bool {
        // A store with a limit or a fault remembers who came first.
        if self.is_limited() || !matches!(self.profile, Profile::Strong | Profile::SkipsAtBorder) {
            return false;
        }
        match (one, other) {
            (Call::Put { key: first, .. }, Call::Put { key: second, .. }) => first != second,
            (Call::Put { key: put, .. }, Call::Get { key })
            | (Call::Get { key }, Call::Put { key: put, .. }) => put != key,
            (Call::Put { key, .. }, Call::List { prefix, start_after, .. })
            | (Call::List { prefix, start_after, .. }, Call::Put { key, .. }) => {
                !key.starts_with(prefix) || start_after.as_ref().is_some_and(|after| key <= after)
            }
            _ => true,
        }
    }

    /// What a replica says that has yet to hear of new keys.
    fn seen(&self, key: &str) -> Option<Body> {
        self.get(key).filter(|_| !self.unseen.iter().any(|it| it == key))
    }

    fn list(&mut self, prefix: &str, start_after: Option<&str>, limit: usize) -> Reply {
        let profile = self.profile;
        if start_after.is_none() && profile == Profile::CachedListing {
            self.fault.cached = self.objects.keys().cloned().collect();
        }
        let from = match start_after {
            Some(key) if key >= prefix && profile == Profile::RepeatsAtBorder => Included(key),
            Some(key) if key >= prefix => Excluded(key),
            _ if prefix.is_empty() => Unbounded,
            _ => Included(prefix),
        };
        let goes_on = start_after.is_some();
        let skipped = match profile {
            Profile::SkipsAtBorder if goes_on => 1,
            Profile::OnePage if goes_on => usize::MAX,
            _ => 0,
        };
        let mut keys = (self.objects.range::<str, _>((from, Unbounded)))
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .filter(|key| self.lists(key, goes_on))
            .skip(skipped);
        let page: Vec<String> = keys.by_ref().take(limit).cloned().collect();
        let truncated = keys.next().is_some() && profile != Profile::EndsEarly;
        Reply::Page { keys: page, truncated }
    }

    /// Whether a listing that has come to `key` names it.
    fn lists(&self, key: &String, goes_on: bool) -> bool {
        match self.profile {
            Profile::EventualList | Profile::StaleReplica => !self.unseen.contains(key),
            Profile::CachedListing => !goes_on || self.fault.cached.contains(key),
            Profile::FlappingKeys => self.fault.hidden.as_ref() != Some(key),
            _ => true,
        }
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

    /// Whether there is a disk to fail, or to come back.
    pub(super) fn may_flap(&self) -> bool {
        self.fault.newest.is_some() || self.fault.hidden.is_some()
    }

    /// The disk with the newest object fails, once for each, or the one that did comes back.
    pub(super) fn flap(&mut self) {
        if self.fault.hidden.take().is_none() {
            self.fault.hidden = self.fault.newest.take();
        }
    }

    /// How many conditional PUTs have checked and not yet written.
    pub(super) fn checked(&self) -> usize {
        self.fault.checked.len()
    }

    pub(super) fn write(&mut self, index: usize) {
        self.fault.writing = Some(self.fault.checked.remove(index));
    }

    pub(super) fn freed(&mut self) -> Option<CallId> {
        self.fault.writing
    }

    /// Time passes, and with each second come new requests.
    pub(crate) fn pass(&mut self, ms: u32) {
        self.spent.iter_mut().for_each(|spent| spent.pass(ms));
    }

    /// What a client had checked when it crashed is not written.
    pub(super) fn gone(&mut self, client: ClientId) {
        self.fault.checked.retain(|id| id.client != client);
    }
}
