//! Sentences for contradictions that every datatype can have.

use super::{Part, chain::Broken};
use crate::{Operation, Property, Spec, Violation};

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

/// The operation in a few words: `c3's read, told 241 (1897..1901)`.
pub(crate) fn whose<S: Spec>(operation: &Operation<S::Op, S::Ret>) -> String {
    let Operation { client, op, call, .. } = operation;
    match (operation.ret(), operation.returned_at()) {
        (Some(ret), Some(at)) => format!("{client}'s {} ({call}..{at})", S::phrase(op, ret)),
        _ => format!("{client}'s operation that was never answered ({call}..)"),
    }
}

/// `second` came too late for `first`.
pub(crate) fn late<S: Spec>(
    part: Part<'_, S::Op, S::Ret>,
    first: usize,
    second: usize,
) -> Violation {
    let (one, other) = (operation(part, first), operation(part, second));
    let why = format!(
        "{} began after {} had returned, but has to come before it",
        whose::<S>(other),
        whose::<S>(one),
    );
    violation(part, Property::LINEARIZABLE, why, [first, second])
}

/// What a chain found, where the datatype has no better name for it.
pub(crate) fn broken<S: Spec>(part: Part<'_, S::Op, S::Ret>, broken: Broken) -> Violation {
    match broken {
        Broken::Late { first, second } => late::<S>(part, first, second),
        Broken::Throughout { refused, since, until, .. } => {
            let mut why = format!(
                "{} denies what was so all the time",
                whose::<S>(operation(part, refused))
            );
            if let Some(since) = since {
                why += &format!(", since before {} had returned", whose::<S>(operation(part, since)));
            }
            if let Some(until) = until {
                why += &format!(", until after {} began", whose::<S>(operation(part, until)));
            }
            let positions = since.into_iter().chain(until).chain([refused]);
            violation(part, Property::LINEARIZABLE, why, positions)
        }
        Broken::Tangled { .. } => tangled::<S>(part),
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
