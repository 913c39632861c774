//! A queue that hands out each value at least once: again and again until somebody acknowledged it.
//!
//! The promises, one value by one: what is handed out was put in; nothing is handed out after an
//! `ack` of it; an `ack` answered yes found it there, one answered no did not, and one answered
//! neither says nothing. An empty answer is always right, because a value in somebody's hands is
//! hidden for a while. There is no order between values, so each is a [chain](crate::monitor) of
//! its own: not there, there, acknowledged.

use super::queue::{Op, Ret, phrase};
use crate::hash::Chain;
use crate::monitor::chain::{Broken, Mark, Said, Stages, decide};
use crate::monitor::names::Names;
use crate::monitor::words;
use crate::value::{Datum, Value};
use crate::{Monitored, Part, Property, Spec};

/// What is handed out was put in, and not acknowledged.
const DELIVERY: Property = Property::named("delivery");
const NOBODY: u32 = u32::MAX;

/// The values that are there, sorted; as often as they were put in. Every key starts with none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Redelivery<V = Value> {
    values: Vec<V>,
}

impl<V> Default for Redelivery<V> {
    fn default() -> Self {
        Redelivery { values: Vec::new() }
    }
}

impl<V: Ord> FromIterator<V> for Redelivery<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut values: Vec<V> = values.into_iter().collect();
        values.sort_unstable();
        Redelivery { values }
    }
}

impl<V> Redelivery<V> {
    /// The values, sorted.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }
}

impl<V: Datum> Spec for Redelivery<V> {
    type Op = Op<V>;
    type Ret = Ret<V>;

    fn step(&self, op: &Op<V>, ret: Option<&Ret<V>>) -> impl IntoIterator<Item = Self> {
        let find = |value: &V| self.values.binary_search(value);
        let yes = ret.map(Ret::yes);
        match (op, ret) {
            (Op::Enqueue { .. }, _) if yes == Some(Some(false)) => None,
            (Op::Enqueue { value, .. }, _) => {
                let mut next = self.clone();
                next.values.insert(find(value).unwrap_or_else(|place| place), value.clone());
                Some(next)
            }
            (Op::Dequeue { .. }, Some(Ret::Value(Some(value)))) => {
                find(value).is_ok().then(|| self.clone())
            }
            (Op::Dequeue { .. }, None | Some(Ret::Value(None))) => Some(self.clone()),
            (Op::Dequeue { .. }, Some(Ret::Done(_))) => None,
            (Op::Ack { value, .. }, _) => match (find(value), yes) {
                (Ok(_), Some(Some(false))) | (Err(_), Some(Some(true))) => None,
                (Err(_), _) => Some(self.clone()),
                (Ok(place), _) => {
                    let mut next = self.clone();
                    next.values.remove(place);
                    Some(next)
                }
            },
        }
    }

    fn reads(op: &Op<V>, ret: Option<&Ret<V>>) -> bool {
        match op {
            Op::Dequeue { .. } => true,
            Op::Ack { .. } => ret.is_some_and(|ret| ret.yes() == Some(false)),
            Op::Enqueue { .. } => false,
        }
    }

    fn spent(&self, op: &Op<V>) -> bool {
        matches!(op, Op::Dequeue { .. })
    }

    fn phrase(op: &Op<V>, ret: &Ret<V>) -> String {
        phrase(op, ret)
    }

    fn key(op: &Op<V>) -> Option<u64> {
        Some(Chain::of(op.key()))
    }

    fn monitor(&self, part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
        if self.values.is_empty() { monitor(part) } else { Monitored::Declined }
    }
}

/// What was asked of each value, by positions. Nothing if one was put in twice.
fn by_value<V: Datum>(part: Part<'_, Op<V>, Ret<V>>) -> Option<(Vec<Vec<u32>>, Vec<u32>)> {
    let mut names: Names<&V> = Names::new();
    let mut values: Vec<Vec<u32>> = Vec::new();
    let mut enqueues: Vec<u32> = Vec::new();
    let mut others = Vec::new();
    for (position, (_, operation)) in (0..).zip(part.iter()) {
        let value = match (&operation.op, operation.ret()) {
            (Op::Enqueue { value, .. } | Op::Ack { value, .. }, _)
            | (Op::Dequeue { .. }, Some(Ret::Value(Some(value)))) => names.of(value) as usize,
            (Op::Dequeue { .. }, None) => continue,
            (Op::Dequeue { .. }, Some(_)) => {
                others.push(position);
                continue;
            }
        };
        if values.len() <= value {
            values.push(Vec::new());
            enqueues.push(NOBODY);
        }
        values[value].push(position);
        if matches!(operation.op, Op::Enqueue { .. }) {
            if enqueues[value] != NOBODY {
                return None;
            }
            enqueues[value] = position;
        }
    }
    Some((values, others))
}

fn monitor<V: Datum>(part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
    let Some((values, others)) = by_value(part) else { return Monitored::Declined };
    let at = |position: u32| words::operation(part, position as usize);
    let mut timed: Vec<(u64, u32, u32)> = Vec::with_capacity(part.len());
    for position in others {
        if matches!(at(position).ret(), Some(Ret::Done(_))) {
            return words::never::<Redelivery<V>>(part, position as usize);
        }
        timed.push((at(position).call, 0, position));
    }
    for positions in values {
        let order = match value(part, &positions) {
            Ok(order) => order,
            Err(monitored) => return monitored,
        };
        let mut time = 0;
        for (number, it) in (0..).zip(order) {
            let position = positions[it as usize];
            time = at(position).call.max(time);
            timed.push((time, number, position));
        }
    }
    timed.sort_unstable();
    part.pass(timed.into_iter().map(|it| it.2).collect())
}

/// The order of what was asked of one value.
fn value<V: Datum>(
    part: Part<'_, Op<V>, Ret<V>>,
    positions: &[u32],
) -> Result<Vec<u32>, Monitored> {
    let at = |position: u32| words::operation(part, position as usize);
    let fail = |why: &str, who: &[u32]| fail(part, why, who);
    let (mut said, mut acks, mut silent) = (Vec::new(), Vec::new(), None);
    let (mut enqueue, mut must) = (None, 0);
    for (number, &position) in positions.iter().enumerate() {
        let operation = at(position);
        let yes = operation.ret().map(Ret::yes);
        let mark = match (&operation.op, yes) {
            (Op::Enqueue { .. }, Some(Some(false))) => {
                return Err(words::never::<Redelivery<V>>(part, position as usize));
            }
            (Op::Enqueue { .. }, _) => {
                enqueue = Some((number, position));
                must = must.max(u32::from(yes.is_some()));
                Mark::Makes(1)
            }
            (Op::Dequeue { .. }, _) => {
                must = must.max(1);
                Mark::Sees(1)
            }
            (Op::Ack { .. }, Some(Some(true))) => {
                acks.push(position);
                must = 2;
                Mark::Makes(2)
            }
            (Op::Ack { .. }, Some(Some(false))) => Mark::Avoids(1),
            // It may have been the one that took it away, or not.
            (Op::Ack { .. }, Some(None)) => return Err(Monitored::Declined),
            (Op::Ack { .. }, None) => {
                silent = silent.or(Some(number));
                Mark::Dropped
            }
        };
        said.push(Said::new(mark, operation));
    }
    if let [one, other, ..] = acks[..] {
        return Err(fail("both took it away", &[one, other]));
    }
    let mut last = 2;
    if acks.is_empty() {
        match silent {
            Some(number) => said[number].mark = Mark::Makes(2),
            None => last = 1,
        }
    }
    match enqueue {
        None if must > 0 => return Err(unput(part, positions)),
        None => {
            // Nothing is there, and nothing is asked but in vain.
            last = 0;
            said.iter_mut().for_each(|it| {
                it.mark = match it.mark {
                    Mark::Avoids(_) => Mark::Free,
                    _ => Mark::Dropped,
                };
            });
        }
        Some(_) => {}
    }
    let stages = Stages { said, last, must: must.min(last) };
    decide(stages).map_err(|broken| contradiction(part, positions, broken))
}

/// Somebody got, or took away, what was never there.
fn unput<V: Datum>(part: Part<'_, Op<V>, Ret<V>>, positions: &[u32]) -> Monitored {
    let at = |position: u32| words::operation(part, position as usize);
    let shows = |it: &u32| {
        matches!(at(*it).op, Op::Dequeue { .. })
            || at(*it).ret().is_some_and(|ret| ret.yes() == Some(true))
    };
    let first = positions.iter().copied().filter(shows).min_by_key(|&it| at(it).returned_at());
    fail(part, "nobody had put that in", &first.into_iter().collect::<Vec<_>>())
}

/// What contradicts itself, by operations of the part.
fn fail<V: Datum>(part: Part<'_, Op<V>, Ret<V>>, why: &str, who: &[u32]) -> Monitored {
    let whose = |&it: &u32| words::whose::<Redelivery<V>>(words::operation(part, it as usize));
    let said: Vec<String> = who.iter().map(whose).collect();
    let why = format!("{}: {why}", said.join(", "));
    let who = who.iter().map(|&it| it as usize);
    Monitored::Fail(words::violation(part, DELIVERY, why, who))
}

fn contradiction<V: Datum>(
    part: Part<'_, Op<V>, Ret<V>>,
    positions: &[u32],
    broken: Broken,
) -> Monitored {
    match broken {
        Broken::Late { first, second } => {
            let who = [positions[first], positions[second]];
            let why = "the second has to come before the first, and began after it had returned";
            fail(part, why, &who)
        }
        Broken::Throughout { refused, since, until, .. } => {
            let who = since.into_iter().chain(until).chain([refused]);
            let who: Vec<u32> = who.map(|it| positions[it]).collect();
            fail(part, "it was there all the time", &who)
        }
        Broken::Tangled { .. } => Monitored::Declined,
    }
}
