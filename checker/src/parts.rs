//! A history in parts that know nothing of one another: one a key.
//!
//! Whether each part is linearizable decides whether the whole is (Herlihy & Wing, 1990), and a
//! small part is far easier than a large whole.

use crate::{Operation, Outcome, Spec};

/// Splits the history by key, unless some operation touches all keys: indices, by call, of what can
/// have taken effect and of what was answered, in the order of the parts' first calls.
pub(crate) fn split<S: Spec>(operations: &[Operation<S::Op, S::Ret>]) -> Vec<Vec<u32>> {
    let mut all: Vec<u32> = Vec::with_capacity(operations.len());
    let (mut first, mut is_one) = (None, true);
    let (mut latest, mut is_sorted) = (0, true);
    for (index, operation) in operations.iter().enumerate() {
        if matters::<S>(operation) {
            if is_one {
                let key = S::key(&operation.op);
                is_one = key == *first.get_or_insert(key);
            }
            is_sorted &= operation.call >= latest;
            latest = operation.call;
            all.push(u32::try_from(index).expect("fewer than four thousand million"));
        }
    }
    if !is_sorted {
        all.sort_by_key(|&index| operations[index as usize].call);
    }
    if is_one {
        return vec![all];
    }
    let keys = all.iter().map(|&index| S::key(&operations[index as usize].op));
    match keys.collect::<Option<Vec<u64>>>() {
        Some(keys) => by_key(&all, &keys),
        None => vec![all],
    }
}

fn matters<S: Spec>(operation: &Operation<S::Op, S::Ret>) -> bool {
    match operation.outcome {
        Outcome::Failed => false,
        // Whatever it would have heard, nobody will miss it.
        Outcome::Open => !S::reads(&operation.op, None),
        Outcome::Returned { .. } => true,
    }
}

/// Parts in the order of their first calls.
fn by_key(all: &[u32], keys: &[u64]) -> Vec<Vec<u32>> {
    let mut sorted: Vec<(u64, u32)> = keys.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let part = |group: &[(u64, u32)]| -> Vec<u32> {
        group.iter().map(|&(_, position)| all[position as usize]).collect()
    };
    let mut groups: Vec<&[(u64, u32)]> = sorted.chunk_by(|a, b| a.0 == b.0).collect();
    groups.sort_unstable_by_key(|group| group[0].1);
    groups.into_iter().map(part).collect()
}
