//! Decides a store: object by object, or all of them with their listings.
//!
//! One object is a register of which nothing is a value too: [zones] decide it, if each value is
//! put once. A delete writes nothing again; several can be told apart only while nobody asks
//! whether there is nothing. Listings are for [`super::pages`].

use super::{Objects, Op, Ret, pages};
use crate::monitor::names::Names;
use crate::monitor::words;
use crate::monitor::zones::{Touch, Touched, Zoned, zones};
use crate::value::Datum;
use crate::{Monitored, Operation, Part};

/// The operations of a part.
pub(super) type Stored<'a, V> = Part<'a, Op<V>, Ret<V>>;

pub(super) fn monitor<V: Datum>(init: &Objects<V>, part: Stored<'_, V>) -> Monitored {
    if part.iter().any(|(_, it)| matches!(it.op, Op::List { .. })) {
        return pages::monitor(init, part);
    }
    let positions: Vec<u32> = (0..part.len() as u32).collect();
    match object(init, part, &positions) {
        Ok(Zoned::Declined) => Monitored::Declined,
        Ok(Zoned::Pass(order)) => part.pass(order),
        Ok(wrong) => Monitored::Fail(words::zoned::<Objects<V>>(part, &wrong)),
        Err(position) => words::never::<Objects<V>>(part, position as usize),
    }
}

/// The name of the object it is about, if it is about one.
pub(super) fn name<V>(op: &Op<V>) -> Option<&str> {
    match op {
        Op::Put { key, .. } | Op::Get { key } | Op::Delete { key } => Some(key),
        Op::List { .. } | Op::Since { .. } => None,
    }
}

/// What the operations at these positions did to the one object they are about; their numbers in
/// what is said are into `positions`. Or one whose answer is right at no time.
pub(super) fn object<V: Datum>(
    init: &Objects<V>,
    part: Stored<'_, V>,
    positions: &[u32],
) -> Result<Zoned, u32> {
    let at = |position: u32| words::operation(part, position as usize);
    let mut all = positions.iter().filter_map(|&it| name(&at(it).op));
    let Some(key) = all.next() else {
        return Ok(Zoned::Pass((0..positions.len() as u32).collect()));
    };
    if all.any(|other| other != key) {
        return Ok(Zoned::Declined);
    }
    let asks = positions.iter().any(|&it| asks_for_nothing(at(it)));
    let mut names: Names<Option<&V>> = Names::new();
    let init = init.at(key);
    names.of(init);
    let mut deletes = 0;
    let mut touched = Vec::with_capacity(positions.len());
    for &position in positions {
        let operation = at(position);
        let touch = touch(operation, &mut names).ok_or(position)?;
        let is_delete = matches!(operation.op, Op::Delete { .. });
        let touch = if is_delete && !asks {
            deletes += 1;
            // A nothing of its own; its number is given when the others are known.
            Touch::Write(u32::MAX - deletes)
        } else {
            touch
        };
        let returned = operation.returned_at().unwrap_or(u64::MAX);
        touched.push(Touched { touch, call: operation.call, at: returned });
    }
    let count = names.len() as u32;
    for it in &mut touched {
        if let Touch::Write(value) = &mut it.touch
            && *value >= u32::MAX - deletes
        {
            *value = count + (u32::MAX - *value) - 1;
        }
    }
    Ok(zones(&touched, (count + deletes) as usize))
}

/// Whether its answer depends on there being nothing.
fn asks_for_nothing<V>(operation: &Operation<Op<V>, Ret<V>>) -> bool {
    match &operation.op {
        Op::Get { .. } => matches!(operation.ret(), Some(Ret::Value(None))),
        Op::Put { if_none_match, .. } => *if_none_match,
        _ => false,
    }
}

/// What an operation did to its object; nothing if its answer is right at no time.
fn touch<'a, V: Datum>(
    operation: &'a Operation<Op<V>, Ret<V>>,
    names: &mut Names<Option<&'a V>>,
) -> Option<Touch> {
    let ret = operation.ret();
    Some(match (&operation.op, ret) {
        (Op::Get { .. }, None) => Touch::Dropped,
        (Op::Get { .. }, Some(Ret::Value(value))) => Touch::Read(names.of(value.as_ref())),
        (Op::Put { value, if_none_match, if_match, .. }, _) => {
            let found = match (if_none_match, if_match) {
                (false, None) => None,
                (true, None) => Some(None),
                (false, Some(old)) => Some(Some(old)),
                // Both conditions never hold.
                (true, Some(_)) => {
                    return match ret.map(Ret::yes) {
                        None => Some(Touch::Dropped),
                        Some(Some(false)) => Some(Touch::Free),
                        Some(_) => None,
                    };
                }
            };
            let found = found.map(|found| names.of(found));
            match (ret.map(Ret::yes), found) {
                (None | Some(Some(true)), None) => Touch::Write(names.of(Some(value))),
                (None | Some(Some(true)), Some(found)) => Touch::Cas(found, names.of(Some(value))),
                (Some(Some(false)), Some(found)) => Touch::Avoid(found),
                _ => return None,
            }
        }
        (Op::Delete { .. }, None | Some(Ret::Done | Ret::Value(None))) => {
            Touch::Write(names.of(None))
        }
        (Op::Delete { .. }, Some(ret)) if ret.yes() == Some(true) => Touch::Write(names.of(None)),
        (Op::Since { .. } | Op::List { .. }, None) => Touch::Dropped,
        (Op::Since { .. }, Some(_)) => Touch::Free,
        _ => return None,
    })
}
