//! Sentences for contradictions that every datatype can have.

use super::chain::Broken;
use super::zones::Zoned;
use super::{Monitored, Part};
use crate::{Operation, Property, Spec, Violation};

/// A read that begins after something was replaced does not find it.
const STALE_READ: Property = Property::named("stale-read");
/// A client reads what it wrote, or something later: a promise to each session, and so a weaker one.
const READ_YOUR_WRITES: Property = Property::named("read-your-writes");
/// What a client reads is no older than what it read before.
const MONOTONIC_READS: Property = Property::named("monotonic-reads");
/// What is read was written.
const UNWRITTEN: Property = Property::named("unwritten");

/// A violation by the operations at these positions, which is known once all of them returned.
pub(crate) fn violation<Op, Ret>(
    part: Part<'_, Op, Ret>,
    property: Property,
    why: String,
    positions: impl IntoIterator<Item = usize>,
) -> Violation {
    let mut operations: Vec<usize> =
        positions.into_iter().map(|position| part.members()[position] as usize).collect();
    operations.sort_by_key(|&index| (part.get(index as u32).returned_at(), index));
    operations.dedup();
    let at = operations.last().and_then(|&index| part.get(index as u32).returned_at());
    Violation { at, operations, ..Violation::new(property, why) }
}

/// The operation at a position of a part.
pub(crate) fn operation<'a, Op, Ret>(
    part: Part<'a, Op, Ret>,
    position: usize,
) -> &'a Operation<Op, Ret> {
    part.get(part.members()[position])
}

/// The operation in a few words: `c3's read, told 241`.
pub(crate) fn phrase<S: Spec>(operation: &Operation<S::Op, S::Ret>) -> String {
    let Operation { client, op, .. } = operation;
    match operation.ret() {
        Some(ret) => format!("{client}'s {}", S::phrase(op, ret)),
        None => format!("{client}'s operation that was never answered"),
    }
}

fn is_read<S: Spec>(operation: &Operation<S::Op, S::Ret>) -> bool {
    operation.ret().is_some_and(|ret| S::reads(&operation.op, Some(ret)))
}

/// The promise that is broken when `second` tells what was so before `first`, which had returned.
fn stale<S: Spec>(first: &Operation<S::Op, S::Ret>, second: &Operation<S::Op, S::Ret>) -> Property {
    match (is_read::<S>(first), is_read::<S>(second)) {
        (_, false) => Property::LINEARIZABLE,
        (false, true) if first.client == second.client => READ_YOUR_WRITES,
        (true, true) if first.client == second.client => MONOTONIC_READS,
        _ => STALE_READ,
    }
}

/// The operation in a few words, and when: `c3's read, told 241 (1897..1901)`.
pub(crate) fn whose<S: Spec>(operation: &Operation<S::Op, S::Ret>) -> String {
    let at = operation.returned_at().map_or(String::new(), |at| at.to_string());
    format!("{} ({}..{at})", phrase::<S>(operation), operation.call)
}

/// `second` came too late for `first`.
pub(crate) fn late<S: Spec>(
    part: Part<'_, S::Op, S::Ret>,
    first: usize,
    second: usize,
) -> Violation {
    let (one, other) = (operation(part, first), operation(part, second));
    let property = stale::<S>(one, other);
    let why = format!(
        "{} although {} had returned at {}, before {}'s began at {}",
        phrase::<S>(other),
        phrase::<S>(one),
        one.returned_at().unwrap_or_default(),
        other.client,
        other.call,
    );
    violation(part, property, why, [first, second])
}

/// What a chain found, where the datatype has no better name for it.
pub(crate) fn broken<S: Spec>(part: Part<'_, S::Op, S::Ret>, broken: Broken) -> Violation {
    match broken {
        Broken::Late { first, second } => late::<S>(part, first, second),
        Broken::Throughout { refused, since, until, .. } => {
            let mut why = whose::<S>(operation(part, refused));
            why += " although what it denies was so all that time";
            if let Some(since) = since {
                why += &format!(", since {}", whose::<S>(operation(part, since)));
            }
            if let Some(until) = until {
                why += &format!(", until {}", whose::<S>(operation(part, until)));
            }
            let positions = since.into_iter().chain(until).chain([refused]);
            violation(part, Property::LINEARIZABLE, why, positions)
        }
        Broken::Tangled { .. } => tangled::<S>(part),
    }
}

/// What zones found, where the datatype has no better name for it. Not for what they passed or
/// declined.
pub(crate) fn zoned<S: Spec>(part: Part<'_, S::Op, S::Ret>, zoned: &Zoned) -> Violation {
    let at = |position: usize| operation(part, position);
    match zoned {
        &Zoned::Unwritten(position) => {
            let why = format!("{}, but nobody wrote that by then", phrase::<S>(at(position)));
            violation(part, UNWRITTEN, why, [position])
        }
        &Zoned::Fork(first, second, ref seen) => {
            let why = format!(
                "{} and {}: both found one value and replaced it",
                phrase::<S>(at(first)),
                phrase::<S>(at(second))
            );
            violation(
                part,
                Property::FORK,
                why,
                [first, second].into_iter().chain(seen.iter().copied()),
            )
        }
        &Zoned::Late { first, second } => late::<S>(part, first, second),
        &Zoned::Split { first, between, until, last } => {
            let why = format!(
                "{} although {} had returned before, and {} began after {} had returned",
                whose::<S>(at(last)),
                whose::<S>(at(until)),
                if between == until { String::from("that") } else { whose::<S>(at(between)) },
                whose::<S>(at(first)),
            );
            let property = stale::<S>(at(until), at(last));
            violation(part, property, why, [first, between, until, last])
        }
        &Zoned::Denied { since, refused, until } => {
            broken::<S>(part, Broken::Throughout { stage: 0, refused, since, until })
        }
        Zoned::Pass(_) | Zoned::Declined => unreachable!("it is no violation"),
    }
}

/// No few operations are to blame.
pub(crate) fn tangled<S: Spec>(part: Part<'_, S::Op, S::Ret>) -> Violation {
    let returned = (0..part.len()).filter(|&it| operation(part, it).ret().is_some());
    let last = returned.max_by_key(|&it| operation(part, it).returned_at());
    let what = last.map_or(String::new(), |it| whose::<S>(operation(part, it)));
    let why = format!("no order of the operations explains all answers up to {what}");
    violation(part, Property::LINEARIZABLE, why, last)
}

/// An answer that no state gives.
pub(crate) fn never<S: Spec>(part: Part<'_, S::Op, S::Ret>, position: usize) -> Monitored {
    let what = phrase::<S>(operation(part, position));
    let why = format!("{what}, which is right at no time");
    Monitored::Fail(violation(part, Property::LINEARIZABLE, why, [position]))
}
