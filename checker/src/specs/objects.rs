//! A store of objects by name: conditional puts, and listings in pages.
//!
//! The hard part is the listing. It looks at every key at one moment, so it ties all objects
//! together: a history with one in it cannot be judged object by object. `since`, a reading of
//! several pages, is no moment at all; it is held to a weak promise of its own, by name.

mod diagnose;
mod monitor;
mod pages;
mod there;

pub use diagnose::diagnose;

use crate::hash::Chain;
use crate::value::Datum;
use crate::{Monitored, Operation, Part, Spec, Violation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", bound = "V: Datum")]
pub enum Op<V = u64> {
    /// Write an object, if the conditions hold.
    Put {
        /// Its name.
        key: String,
        /// Its content.
        value: V,
        /// Only if there is none of that name.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        if_none_match: bool,
        /// Only if it holds this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_match: Option<V>,
    },
    /// What does it hold?
    Get {
        /// Its name.
        key: String,
    },
    /// Remove it, if it is there.
    Delete {
        /// Its name.
        key: String,
    },
    /// Which names are there? One page, at one moment.
    List {
        /// Names that begin like this.
        #[serde(default)]
        prefix: String,
        /// Names after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_after: Option<String>,
        /// So many at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    },
    /// Which names are there? All pages, one after another, so at no one moment.
    Since {
        /// Names that begin like this.
        #[serde(default)]
        prefix: String,
        /// Names after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_after: Option<String>,
    },
}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "Answer<V>", from = "Answer<V>", bound = "V: Datum")]
pub enum Ret<V = u64> {
    /// Done.
    Done,
    /// A condition of the put did not hold, so nothing was written.
    Refused,
    /// What the object holds; nothing if it is not there.
    Value(Option<V>),
    /// Names.
    Keys {
        /// In order.
        keys: Vec<String>,
        /// Whether there are more, if the store said.
        truncated: Option<bool>,
    },
}

/// An answer as JSON: `true`, `false`, `4`, `null`, `{"keys":["a"],"truncated":false}`.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    bound = "V: Datum",
    expecting = "expected true, false, a value, null or {\"keys\": [..], \"truncated\": bool}"
)]
enum Answer<V> {
    Keys {
        keys: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        truncated: Option<bool>,
    },
    Value(Option<V>),
    Done(bool),
}

impl<V> From<Ret<V>> for Answer<V> {
    fn from(ret: Ret<V>) -> Self {
        match ret {
            Ret::Done => Answer::Done(true),
            Ret::Refused => Answer::Done(false),
            Ret::Value(value) => Answer::Value(value),
            Ret::Keys { keys, truncated } => Answer::Keys { keys, truncated },
        }
    }
}

impl<V> From<Answer<V>> for Ret<V> {
    fn from(answer: Answer<V>) -> Self {
        match answer {
            Answer::Done(true) => Ret::Done,
            Answer::Done(false) => Ret::Refused,
            Answer::Value(value) => Ret::Value(value),
            Answer::Keys { keys, truncated } => Ret::Keys { keys, truncated },
        }
    }
}

impl<V: Datum> Ret<V> {
    /// Whether it says yes, or no.
    fn yes(&self) -> Option<bool> {
        match self {
            Ret::Done => Some(true),
            Ret::Refused => Some(false),
            Ret::Value(value) => value.as_ref().and_then(V::as_bool),
            Ret::Keys { .. } => None,
        }
    }
}

/// What the store holds. Clones share it.
#[derive(Clone, Debug)]
pub struct Objects<V = u64> {
    objects: Arc<BTreeMap<Arc<str>, V>>,
    /// The exclusive or of its entries' hashes: the same whatever the order of the writes.
    hash: u64,
}

impl<V> Default for Objects<V> {
    fn default() -> Self {
        Objects { objects: Arc::default(), hash: 0 }
    }
}

impl<V: Eq> PartialEq for Objects<V> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && (Arc::ptr_eq(&self.objects, &other.objects) || self.objects == other.objects)
    }
}

impl<V: Eq> Eq for Objects<V> {}

impl<V> Hash for Objects<V> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

impl<K: AsRef<str>, V: Datum> FromIterator<(K, V)> for Objects<V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(objects: I) -> Self {
        objects
            .into_iter()
            .fold(Objects::default(), |all, (key, value)| all.with(key.as_ref(), Some(&value)))
    }
}

impl<V: Datum> Objects<V> {
    /// What an object holds.
    pub fn get(&self, key: &str) -> Option<V> {
        self.at(key).cloned()
    }

    fn at(&self, key: &str) -> Option<&V> {
        self.objects.get(key)
    }

    /// What is there, by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &V)> {
        self.objects.iter().map(|(key, value)| (&**key, value))
    }

    /// Whether the conditions of a put hold.
    fn admits(&self, key: &str, if_none_match: bool, if_match: Option<&V>) -> bool {
        let now = self.at(key);
        !(if_none_match && now.is_some()) && (if_match.is_none() || if_match == now)
    }

    /// The store with one object written, or removed.
    fn with(mut self, key: &str, value: Option<&V>) -> Self {
        let entry = |value: Option<&V>| value.map_or(0, |value| Chain::of(&(key, value)));
        let before = self.at(key);
        if before != value {
            self.hash ^= entry(before) ^ entry(value);
            // A copy only where somebody else looks on.
            let objects = Arc::make_mut(&mut self.objects);
            match value {
                Some(value) => objects.insert(key.into(), value.clone()),
                None => objects.remove(key),
            };
        }
        self
    }

    /// What follows when `op` answers `ret`, if that is right.
    fn next(self, op: &Op<V>, ret: Option<&Ret<V>>) -> Option<Self> {
        match (op, ret) {
            (Op::Put { key, value, if_none_match, if_match }, _) => {
                match (self.admits(key, *if_none_match, if_match.as_ref()), ret.map(Ret::yes)) {
                    (true, None | Some(Some(true))) => Some(self.with(key, Some(value))),
                    (false, None | Some(Some(false))) => Some(self),
                    _ => None,
                }
            }
            (Op::Get { key }, Some(Ret::Value(value))) => {
                (self.at(key) == value.as_ref()).then_some(self)
            }
            (Op::Delete { key }, None | Some(Ret::Done | Ret::Value(None))) => {
                Some(self.with(key, None))
            }
            (Op::Delete { key }, Some(ret)) if ret.yes() == Some(true) => {
                Some(self.with(key, None))
            }
            (Op::List { prefix, start_after, limit }, Some(Ret::Keys { keys, truncated })) => self
                .lists((prefix, start_after.as_deref()), *limit, (keys, *truncated))
                .then_some(self),
            (Op::Since { .. }, _) | (Op::Get { .. } | Op::List { .. }, None) => Some(self),
            (Op::Get { .. } | Op::Delete { .. } | Op::List { .. }, Some(_)) => None,
        }
    }

    /// Whether a page is right: the first names of those asked for, as many as may be, and a true
    /// word on whether there are more.
    fn lists(
        &self,
        (prefix, start_after): (&str, Option<&str>),
        limit: Option<u32>,
        (keys, truncated): (&[String], Option<bool>),
    ) -> bool {
        let mut names = range(&self.objects, prefix, start_after).map(|(key, _)| &**key);
        if !keys.iter().all(|key| names.next() == Some(key)) {
            return false;
        }
        let more = names.next().is_some();
        let full = limit.is_some_and(|limit| keys.len() == limit as usize);
        let within = limit.is_none_or(|limit| keys.len() <= limit as usize);
        // A store may have a limit of its own, if it says that it stopped; stores differ on
        // whether a page of none is cut.
        let ends = !more || full || (limit.is_none() && truncated == Some(true));
        let said = truncated.is_none_or(|said| said == more || limit == Some(0));
        within && ends && said
    }
}

/// The entries whose names begin with `prefix` and come after `start_after`.
fn range<'a, V>(
    entries: &'a BTreeMap<Arc<str>, V>,
    prefix: &'a str,
    start_after: Option<&'a str>,
) -> impl Iterator<Item = (&'a Arc<str>, &'a V)> {
    let start = match start_after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    let from: (Bound<&str>, Bound<&str>) = (start, Bound::Unbounded);
    entries.range::<str, _>(from).take_while(move |(key, _)| key.starts_with(prefix))
}

impl<V: Datum> Spec for Objects<V> {
    type Op = Op<V>;
    type Ret = Ret<V>;

    fn step(&self, op: &Op<V>, ret: Option<&Ret<V>>) -> impl IntoIterator<Item = Self> {
        self.clone().next(op, ret)
    }

    fn advance(self, op: &Op<V>, ret: Option<&Ret<V>>) -> impl IntoIterator<Item = Self> {
        self.next(op, ret)
    }

    fn reads(op: &Op<V>, ret: Option<&Ret<V>>) -> bool {
        match op {
            Op::Get { .. } | Op::List { .. } | Op::Since { .. } => true,
            Op::Put { .. } => ret.is_some_and(|ret| ret.yes() == Some(false)),
            Op::Delete { .. } => false,
        }
    }

    fn phrase(op: &Op<V>, ret: &Ret<V>) -> String {
        let asked = match op {
            Op::Put { key, value, if_none_match: true, .. } => {
                format!("put of {value} to {key} if absent")
            }
            Op::Put { key, value, if_match: Some(old), .. } => {
                format!("put of {value} to {key} if it holds {old}")
            }
            Op::Put { key, value, .. } => format!("put of {value} to {key}"),
            Op::Get { key } => format!("get of {key}"),
            Op::Delete { key } => format!("delete of {key}"),
            Op::List { prefix, .. } => format!("list of '{prefix}'"),
            Op::Since { prefix, .. } => format!("reading of all pages of '{prefix}'"),
        };
        match ret {
            Ret::Done => format!("{asked}, told it was done"),
            Ret::Refused => format!("{asked}, told it was refused"),
            Ret::Value(Some(value)) => format!("{asked}, told {value}"),
            Ret::Value(None) => format!("{asked}, told there is none"),
            Ret::Keys { keys, .. } => format!("{asked}, told {} names", keys.len()),
        }
    }

    fn words(&self) -> String {
        const SHOWN: usize = 6;
        let held = self.objects.iter().take(SHOWN).map(|(key, value)| format!("{key}={value}"));
        let mut words = held.collect::<Vec<_>>().join(" ");
        match self.objects.len() {
            0 => words.push_str("empty"),
            many if many > SHOWN => words.push_str(&format!(" and {} more", many - SHOWN)),
            _ => {}
        }
        words
    }

    fn key(op: &Op<V>) -> Option<u64> {
        match op {
            Op::Put { key, .. } | Op::Get { key } | Op::Delete { key } => Some(Chain::of(key)),
            Op::List { .. } => None,
            // It is right in any state, so it may be judged anywhere.
            Op::Since { .. } => Some(0),
        }
    }

    fn monitor(&self, part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
        monitor::monitor(self, part)
    }

    fn diagnose(&self, operations: &[Operation<Op<V>, Ret<V>>]) -> Option<Violation> {
        diagnose(self, operations.iter().enumerate().map(|(index, one)| one.seen(index)))
    }
}
