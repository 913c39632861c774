//! Decides a queue whose values are each put in once.
//!
//! The values came in and went out in one order, so of two either both ends allow the one first, or
//! both the other. Take any value next that both ends allow to be the next, after bringing each
//! dequeue behind its enqueue: if there is none, then the one whose enqueue returned first and the
//! one whose dequeue did are in each other's way, so there is no order. (Abdulla et al., "Efficient
//! linearizability monitoring", 2025, prove the like for queues; the argument here needs only the
//! two values.) A value that was never taken out goes out after all others.
//!
//! An empty answer is right at a moment when no value is certainly in the queue: from the return of
//! its enqueue to the call of its dequeue. At such a moment everything can be either over or yet to
//! come (Henzinger, Sezgin & Vafeiadis, "Aspect-oriented linearizability proofs", 2013), and one
//! moment does not disturb another.
//!
//! A dequeue that nobody answered may have taken any value: it is left out, and if there is then no
//! order, the search must look for one with it.

use super::{Op, Queue, Ret};
use crate::monitor::names::Names;
use crate::monitor::words;
use crate::value::Datum;
use crate::{Monitored, Operation, Part, Property};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const NOBODY: u32 = u32::MAX;

/// No value is handed out twice.
const DUPLICATE: Property = Property::named("duplicate-delivery");
/// What is handed out was put in.
const UNWRITTEN: Property = Property::named("unwritten");
/// Values go out in the order they came in.
const FIFO: Property = Property::named("fifo");
/// There is none only when there is none.
const EMPTY: Property = Property::named("false-empty");

/// An end of a value's way: who, from when to when. In thirds of the clock's units: a call is the
/// first third of its moment and a return the last, so that an empty answer, in the middle, has
/// what is over at its moment before it and what is to come after it.
#[derive(Clone, Copy)]
struct End {
    position: u32,
    call: u64,
    at: u64,
}

impl End {
    fn new<Op, Ret>(position: u32, operation: &Operation<Op, Ret>) -> Self {
        let at = operation.returned_at().map_or(u64::MAX, |at| at.saturating_mul(3) + 2);
        End { position, call: operation.call.saturating_mul(3), at }
    }
}

const NEVER: End = End { position: NOBODY, call: u64::MAX, at: u64::MAX };

/// A value's way through the queue.
#[derive(Clone, Copy)]
struct Way {
    enqueue: End,
    dequeue: End,
}

/// Why there is no order.
struct Wrong {
    property: Property,
    why: &'static str,
    who: Vec<u32>,
}

/// All that matters, taken from the operations.
struct Reading {
    ways: Vec<Way>,
    /// Answers that there is none.
    empties: Vec<End>,
    /// Right at any time.
    free: Vec<End>,
    /// Whether a dequeue was never answered.
    silence: bool,
}

pub(super) fn monitor<V: Datum>(part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
    let mut reading = match read(part) {
        Ok(Some(reading)) => reading,
        Ok(None) => return Monitored::Declined,
        Err(Wrong { why: "", who, .. }) => {
            return words::never::<Queue<V>>(part, who[0] as usize);
        }
        Err(wrong) => return fail(part, wrong),
    };
    let silence = reading.silence;
    match order(&mut reading) {
        Ok(order) => part.pass(order),
        Err(_) if silence => Monitored::Declined,
        Err(wrong) => fail(part, wrong),
    }
}

fn fail<V: Datum>(part: Part<'_, Op<V>, Ret<V>>, wrong: Wrong) -> Monitored {
    let Wrong { property, why, who } = wrong;
    let said: Vec<String> = who
        .iter()
        .map(|&it| words::whose::<Queue<V>>(words::operation(part, it as usize)))
        .collect();
    let why = format!("{}: {why}", said.join(", "));
    let who = who.into_iter().map(|it| it as usize);
    Monitored::Fail(words::violation(part, property, why, who))
}

fn read<V: Datum>(part: Part<'_, Op<V>, Ret<V>>) -> Result<Option<Reading>, Wrong> {
    let mut names: Names<&V> = Names::new();
    let mut ways: Vec<Way> = Vec::new();
    let (mut empties, mut free, mut silence) = (Vec::new(), Vec::new(), false);
    let mut entry = |value, ways: &mut Vec<Way>| {
        let value = names.of(value) as usize;
        if ways.len() <= value {
            ways.push(Way { enqueue: NEVER, dequeue: NEVER });
        }
        value
    };
    for (position, (_, operation)) in (0..).zip(part.iter()) {
        let end = End::new(position, operation);
        let never = || Wrong { property: Property::LINEARIZABLE, why: "", who: vec![position] };
        match (&operation.op, operation.ret()) {
            (Op::Enqueue { value, .. }, ret) => {
                if ret.is_some_and(|ret| ret.yes() == Some(false)) {
                    return Err(never());
                }
                let value = entry(value, &mut ways);
                if ways[value].enqueue.position != NOBODY {
                    return Ok(None);
                }
                ways[value].enqueue = end;
            }
            (Op::Dequeue { .. }, None) => silence = true,
            (Op::Dequeue { .. }, Some(Ret::Value(Some(value)))) => {
                let value = entry(value, &mut ways);
                let other = ways[value].dequeue.position;
                if other != NOBODY {
                    let who = vec![other, position];
                    let why = "one value was handed out twice";
                    // Unless it was put in twice, which is seen later.
                    let twice = part.iter().filter(|(_, it)| {
                        matches!(&it.op, Op::Enqueue { value: again, .. }
                            if names_same(again, operation.ret()))
                    });
                    if twice.count() > 1 {
                        return Ok(None);
                    }
                    return Err(Wrong { property: DUPLICATE, why, who });
                }
                ways[value].dequeue = end;
            }
            (Op::Dequeue { .. }, Some(Ret::Value(None))) => empties.push(end),
            (Op::Dequeue { .. }, Some(Ret::Done(_))) => return Err(never()),
            (Op::Ack { .. }, Some(_)) => free.push(end),
            (Op::Ack { .. }, None) => {}
        }
    }
    Ok(Some(Reading { ways, empties, free, silence }))
}

fn names_same<V: Datum>(value: &V, ret: Option<&Ret<V>>) -> bool {
    matches!(ret, Some(Ret::Value(Some(told))) if told == value)
}

fn order(reading: &mut Reading) -> Result<Vec<u32>, Wrong> {
    let ways = &mut reading.ways;
    for way in ways.iter() {
        if way.enqueue.position == NOBODY || way.dequeue.at < way.enqueue.call {
            let why = "nobody had put that in by then";
            let who = [way.enqueue.position, way.dequeue.position];
            let who = who.into_iter().filter(|it| *it != NOBODY).collect();
            return Err(Wrong { property: UNWRITTEN, why, who });
        }
    }
    // Put in by somebody who heard nothing, and not seen again: it did not happen.
    ways.retain(|way| way.enqueue.at < u64::MAX || way.dequeue.position != NOBODY);
    for way in ways.iter_mut() {
        way.enqueue.at = way.enqueue.at.min(way.dequeue.at);
        if way.dequeue.position != NOBODY {
            way.dequeue.call = way.dequeue.call.max(way.enqueue.call);
        }
    }
    let moments = moments(ways, &reading.empties)?;
    let mut cuts: Vec<u64> = moments.clone();
    cuts.sort_unstable();
    cuts.dedup();
    split(ways, &cuts);
    let values = values(ways)?;
    Ok(merge(reading, &values, &moments))
}

/// A moment for each empty answer, at which nothing is certainly in the queue.
fn moments(ways: &[Way], empties: &[End]) -> Result<Vec<u64>, Wrong> {
    let mut inside: Vec<(u64, u64, u32)> = ways
        .iter()
        .filter(|way| way.enqueue.at < way.dequeue.call)
        .map(|way| (way.enqueue.at, way.dequeue.call, way.enqueue.position))
        .collect();
    inside.sort_unstable();
    // Where it is certainly not empty, one stretch after another; their ends do not belong to them.
    let mut stretches: Vec<(u64, u64, u32)> = Vec::new();
    for (from, to, who) in inside {
        match stretches.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => stretches.push((from, to, who)),
        }
    }
    let moment = |empty: &End| {
        let first = empty.call + 1;
        let before = stretches.partition_point(|it| it.0 < first);
        let stretch = stretches[..before].last().filter(|it| first < it.1);
        let moment = stretch.map_or(first, |it| it.1.saturating_add(1));
        if moment <= empty.at && moment < u64::MAX {
            return Ok(moment);
        }
        let who = vec![stretch.map_or(empty.position, |it| it.2), empty.position];
        Err(Wrong { property: EMPTY, why: "something was in it all the time", who })
    };
    empties.iter().map(moment).collect()
}

/// Brings everything to one side of each moment when it is empty.
fn split(ways: &mut [Way], cuts: &[u64]) {
    if cuts.is_empty() {
        return;
    }
    for way in ways {
        // What must be over by then is over by the first moment that comes after it has begun to
        // be in, or to go out.
        let over = cuts.partition_point(|&cut| cut <= way.enqueue.at);
        if let Some(&cut) = cuts.get(over) {
            way.dequeue.at = way.dequeue.at.min(cut - 1);
            way.enqueue.at = way.enqueue.at.min(cut - 1);
        }
        if let Some(&cut) = over.checked_sub(1).and_then(|last| cuts.get(last)) {
            way.enqueue.call = way.enqueue.call.max(cut + 1);
            way.dequeue.call = way.dequeue.call.max(cut + 1);
        }
    }
}

/// The values in an order that both ends allow.
fn values(ways: &[Way]) -> Result<Vec<u32>, Wrong> {
    let sorted = |key: &dyn Fn(&Way) -> u64| {
        let mut all: Vec<u32> = (0..ways.len() as u32).collect();
        all.sort_unstable_by_key(|&it| key(&ways[it as usize]));
        all
    };
    let in_at = sorted(&|way| way.enqueue.at);
    let in_call = sorted(&|way| way.enqueue.call);
    let out_at = sorted(&|way| way.dequeue.at);
    let mut is_done = vec![false; ways.len()];
    let (mut next_in, mut next_out, mut called) = (0, 0, 0);
    // Those whose enqueue may be next, by when their dequeue can be.
    let mut ready: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut order = Vec::with_capacity(ways.len());
    while order.len() < ways.len() {
        while is_done[in_at[next_in] as usize] {
            next_in += 1;
        }
        while is_done[out_at[next_out] as usize] {
            next_out += 1;
        }
        let (one, other) = (in_at[next_in], out_at[next_out]);
        let in_by = ways[one as usize].enqueue.at;
        let out_by = ways[other as usize].dequeue.at;
        while called < in_call.len() && ways[in_call[called] as usize].enqueue.call <= in_by {
            let it = in_call[called];
            ready.push(Reverse((ways[it as usize].dequeue.call, it)));
            called += 1;
        }
        match ready.pop() {
            Some(Reverse((call, it))) if call <= out_by => {
                is_done[it as usize] = true;
                order.push(it);
            }
            _ => {
                let (one, other) = (&ways[one as usize], &ways[other as usize]);
                let who = [one.enqueue, other.enqueue, other.dequeue, one.dequeue];
                let who = who.iter().map(|it| it.position).filter(|it| *it != NOBODY).collect();
                let why = "the first was put in before the second, and not taken out before it";
                return Err(Wrong { property: FIFO, why, who });
            }
        }
    }
    Ok(order)
}

/// All operations by the moments at which they can have been.
fn merge(reading: &Reading, values: &[u32], moments: &[u64]) -> Vec<u32> {
    let mut timed: Vec<(u64, u32, u32)> = Vec::new();
    let (mut entered, mut left) = (0, 0);
    for (number, &value) in (0..).zip(values) {
        let Way { enqueue, dequeue } = reading.ways[value as usize];
        entered = enqueue.call.max(entered);
        timed.push((entered, 2 * number, enqueue.position));
        if dequeue.position != NOBODY {
            left = dequeue.call.max(left).max(entered);
            timed.push((left, 2 * number + 1, dequeue.position));
        }
    }
    let empties = reading.empties.iter().zip(moments);
    timed.extend(empties.map(|(empty, &moment)| (moment, 0, empty.position)));
    timed.extend(reading.free.iter().map(|it| (it.call, 0, it.position)));
    timed.sort_unstable();
    timed.into_iter().map(|it| it.2).collect()
}
