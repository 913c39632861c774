//! The promises of an object store that have names of their own.
//!
//! One winner, read after write and list after write are weaker than linearizability, so whoever
//! breaks them breaks it too, and hears a better sentence. Since-complete stands alone: a reading
//! of several pages is no moment, but what was there before it began and stayed must be in it.

use super::there::{There, rank_of};
use super::{Objects, Op, Ret};
use crate::value::Datum;
use crate::{ClientId, Outcome, Property, Seen, Violation};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The first promise that was broken, by the time of the return that broke it.
pub fn diagnose<'a, V: Datum>(
    init: &'a Objects<V>,
    seen: impl IntoIterator<Item = Seen<'a, Op<V>, Ret<V>>>,
) -> Option<Violation> {
    let mut logs: BTreeMap<&str, Log<'_, V>> = BTreeMap::new();
    let mut listings = Vec::new();
    for one in seen {
        match one.op {
            Op::Put { key, .. } | Op::Get { key } | Op::Delete { key } => {
                logs.entry(key).or_insert_with(|| Log::new(init.at(key))).note(&one);
            }
            Op::List { .. } | Op::Since { .. } => listings.extend(Listing::of(&one)),
        }
    }
    let mut earliest: Option<Violation> = None;
    let mut found = |violation: Option<Violation>| {
        if let Some(violation) = violation
            && earliest.as_ref().is_none_or(|other| violation.at < other.at)
        {
            earliest = Some(violation);
        }
    };
    let mut logs: Logs<'_, V> = logs.into_iter().collect();
    for (key, log) in &mut logs {
        log.sort();
        found(log.one_winner(key));
        found(log.read_after_write(key));
    }
    listings.iter().for_each(|listing| found(listing.twice()));
    for suspect in suspects(&listings, &logs) {
        found(listings[suspect].incomplete(&logs));
    }
    earliest
}

/// What was heard of each object, by name.
type Logs<'a, V> = Vec<(&'a str, Log<'a, V>)>;

/// The listings that may be incomplete: all others tell as many names as were there when they were
/// called, each of them one that was. So nobody walks through names that came years later.
fn suspects<V: Datum>(listings: &[Listing<'_>], logs: &Logs<'_, V>) -> Vec<usize> {
    let mut changes: Vec<(u64, usize, bool)> = Vec::new();
    for (rank, (_, log)) in logs.iter().enumerate() {
        if let Some(put) = log.puts.first().filter(|put| !log.deleted_by(put.at)) {
            changes.push((put.at + 1, rank, true));
            changes.extend(log.delete_call.map(|call| (call, rank, false)));
        }
    }
    changes.sort_unstable();
    let mut changes = changes.into_iter().peekable();
    let mut there = There::new(logs.len());
    let mut by_call: Vec<usize> = (0..listings.len()).collect();
    by_call.sort_unstable_by_key(|&it| listings[it].call);
    by_call.retain(|&it| {
        while let Some((_, rank, comes)) =
            changes.next_if(|(since, ..)| *since <= listings[it].call)
        {
            if comes { there.add(rank) } else { there.remove(rank) }
        }
        !listings[it].tells_all(logs, &there)
    });
    by_call.sort_unstable();
    by_call
}

/// An acknowledged put.
struct Put<'a, V> {
    at: u64,
    call: u64,
    index: usize,
    client: ClientId,
    value: &'a V,
    if_none_match: bool,
}

impl<V> Clone for Put<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Put<'_, V> {}

/// A get that was answered.
struct Get<'a, V> {
    at: u64,
    call: u64,
    index: usize,
    client: ClientId,
    value: Option<&'a V>,
}

/// The writes of one value that took effect or may have.
#[derive(Default)]
struct Writes {
    count: u32,
    /// When the latest of them was acknowledged; 0 for what was there at the start.
    over: Option<u64>,
}

/// What was heard of one object.
struct Log<'a, V> {
    puts: Vec<Put<'a, V>>,
    gets: Vec<Get<'a, V>>,
    /// The writes of each value.
    writes: BTreeMap<&'a V, Writes>,
    /// The earliest call of a delete that may have taken effect.
    delete_call: Option<u64>,
}

impl<'a, V: Datum> Log<'a, V> {
    fn new(init: Option<&'a V>) -> Self {
        let there = |value| (value, Writes { count: 1, over: Some(0) });
        let writes = init.map(there).into_iter().collect();
        Log { puts: Vec::new(), gets: Vec::new(), writes, delete_call: None }
    }

    fn note(&mut self, one: &Seen<'a, Op<V>, Ret<V>>) {
        let &Seen { index, client, op, call, outcome } = one;
        match (op, outcome) {
            (_, Outcome::Failed) => {}
            (Op::Put { .. }, Outcome::Returned { ret, .. }) if ret.yes() == Some(false) => {}
            (Op::Put { value, if_none_match, .. }, _) => {
                let if_none_match = *if_none_match;
                let writes = self.writes.entry(value).or_default();
                writes.count += 1;
                if let Outcome::Returned { at, ret } = outcome
                    && ret.yes() == Some(true)
                {
                    writes.over = Some(at);
                    self.puts.push(Put { at, call, index, client, value, if_none_match });
                }
            }
            (Op::Get { .. }, Outcome::Returned { at, ret: Ret::Value(value) }) => {
                self.gets.push(Get { at, call, index, client, value: value.as_ref() });
            }
            (Op::Delete { .. }, _) => {
                self.delete_call = Some(self.delete_call.map_or(call, |first| first.min(call)));
            }
            _ => {}
        }
    }

    fn sort(&mut self) {
        self.puts.sort_unstable_by_key(|put| (put.at, put.index));
        self.gets.sort_unstable_by_key(|get| (get.at, get.index));
    }

    /// Whether a delete may have taken effect by `time`.
    fn deleted_by(&self, time: u64) -> bool {
        self.delete_call.is_some_and(|call| call <= time)
    }

    /// Of the puts acknowledged before `time`, the one that began last.
    fn latest_before(&self, time: u64, latest: &[Put<'a, V>]) -> Option<Put<'a, V>> {
        let acknowledged = self.puts.partition_point(|put| put.at < time);
        latest[..acknowledged].last().copied()
    }

    fn one_winner(&self, key: &str) -> Option<Violation> {
        let mut winners = self.puts.iter().filter(|put| put.if_none_match);
        let (first, second) = (winners.next()?, winners.next()?);
        if self.deleted_by(second.at) {
            return None;
        }
        let why = format!(
            "{} and {} both put {key} if absent, both were told it was done",
            first.client, second.client
        );
        Some(Violation {
            at: Some(second.at),
            operations: vec![first.index, second.index],
            ..Violation::new(Property::ONE_WINNER, why)
        })
    }

    fn read_after_write(&self, key: &str) -> Option<Violation> {
        let mut latest: Vec<Put<'a, V>> = Vec::with_capacity(self.puts.len());
        for put in &self.puts {
            latest
                .push(latest.last().filter(|other| other.call > put.call).copied().unwrap_or(*put));
        }
        self.gets.iter().find_map(|get| {
            let put = self.latest_before(get.call, &latest)?;
            let why = match get.value {
                None if !self.deleted_by(get.at) => format!(
                    "{} found no {key} although {}'s put of {} had been acknowledged before",
                    get.client, put.client, put.value
                ),
                Some(value) if self.overwritten(value, &put) => format!(
                    "{} read {value} from {key} although {}'s put of {} had replaced it before",
                    get.client, put.client, put.value
                ),
                _ => return None,
            };
            Some(Violation {
                at: Some(get.at),
                operations: vec![put.index, get.index],
                ..Violation::new(Property::READ_AFTER_WRITE, why)
            })
        })
    }

    /// Whether the only write of `value` was over before `put` began.
    fn overwritten(&self, value: &V, put: &Put<'_, V>) -> bool {
        self.writes.get(value).is_some_and(|writes| {
            writes.count == 1 && writes.over.is_some_and(|over| over < put.call)
        })
    }
}

/// An answered list or since.
struct Listing<'a> {
    at: u64,
    call: u64,
    index: usize,
    client: ClientId,
    prefix: &'a str,
    start_after: Option<&'a str>,
    keys: &'a [String],
    /// Whether there may be more names after the last one answered.
    is_cut: bool,
    is_since: bool,
}

impl<'a> Listing<'a> {
    fn of<V: Datum>(one: &Seen<'a, Op<V>, Ret<V>>) -> Option<Self> {
        let &Seen { index, client, op, call, outcome } = one;
        let Outcome::Returned { at, ret: Ret::Keys { keys, truncated } } = outcome else {
            return None;
        };
        let (prefix, start_after, limit, is_since) = match op {
            Op::List { prefix, start_after, limit } => (prefix, start_after, *limit, false),
            Op::Since { prefix, start_after } => (prefix, start_after, None, true),
            Op::Put { .. } | Op::Get { .. } | Op::Delete { .. } => return None,
        };
        let is_full = limit.is_some_and(|limit| keys.len() == limit as usize);
        let is_cut = limit == Some(0) || truncated.unwrap_or(is_full);
        let start_after = start_after.as_deref();
        Some(Listing { at, call, index, client, prefix, start_after, keys, is_cut, is_since })
    }

    fn violation<V>(&self, put: Option<&Put<'_, V>>, why: String) -> Violation {
        let property =
            if self.is_since { Property::SINCE_COMPLETE } else { Property::LIST_AFTER_WRITE };
        let operations = put.map(|put| put.index).into_iter().chain([self.index]).collect();
        Violation { at: Some(self.at), operations, ..Violation::new(property, why) }
    }

    fn twice(&self) -> Option<Violation> {
        let mut told = BTreeSet::new();
        let key = self.keys.iter().find(|key| self.is_since && !told.insert(*key))?;
        Some(self.violation::<()>(None, format!("{} was told {key} twice", self.client)))
    }

    /// The names that it tells of, in or out, by rank.
    fn window<V>(&self, logs: &Logs<'_, V>) -> Range<usize> {
        let start = logs.partition_point(|(key, _)| {
            *key < self.prefix || self.start_after.is_some_and(|after| *key <= after)
        });
        let rest = &logs[start..];
        let rest = &rest[..rest.partition_point(|(key, _)| key.starts_with(self.prefix))];
        let last = self.keys.iter().max().map(String::as_str);
        let end = match self.is_cut {
            true => rest.partition_point(|(key, _)| Some(*key) <= last),
            false => rest.len(),
        };
        start..start + end
    }

    /// Whether it tells of as many names as are `there`, and of these only once and in order.
    fn tells_all<V: Datum>(&self, logs: &Logs<'_, V>, there: &There) -> bool {
        let window = self.window(logs);
        let (mut told, mut next) = (0, window.start);
        for key in self.keys {
            next = rank_of(&logs[..window.end], next, key, |it| it.0);
            let Some((_, log)) = logs[..window.end].get(next).filter(|(name, _)| name == key)
            else {
                return false;
            };
            next += 1;
            let put = log.puts.first().filter(|put| put.at < self.call);
            told += u32::from(put.is_some() && !log.deleted_by(self.call));
        }
        told == there.within(&window)
    }

    /// A name that must be in the answer and is not.
    fn incomplete<V: Datum>(&self, logs: &Logs<'_, V>) -> Option<Violation> {
        let mut told: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        told.sort_unstable();
        let mut told = told.into_iter().peekable();
        for (key, log) in &logs[self.window(logs)] {
            while told.next_if(|one| one < key).is_some() {}
            if told.peek() == Some(key) || log.deleted_by(self.at) {
                continue;
            }
            let Some(put) = log.puts.first().filter(|put| put.at < self.call) else { continue };
            let verb = if self.is_since { "read all pages of" } else { "listed" };
            let why = format!(
                "{} {verb} '{}' and was not told {key}, \
                 although {}'s put had been acknowledged before",
                self.client, self.prefix, put.client
            );
            return Some(self.violation(Some(put), why));
        }
        None
    }
}
