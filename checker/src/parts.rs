//! A history in parts that know nothing of one another: one a key.
//!
//! Whether each part is linearizable decides whether the whole is (Herlihy & Wing, 1990), and a
//! small part is far easier than a large whole.

use crate::{Operation, Outcome, Spec};

/// The parts of a history.
pub(crate) struct Parts {
    /// Of each operation; none if it touches all keys.
    pub(crate) keys: Vec<Option<u64>>,
    /// Indices, by call, of what can have taken effect and of what was answered.
    pub(crate) members: Vec<Vec<u32>>,
}

/// Splits the history by key, unless some operation touches all keys.
pub(crate) fn split<S: Spec>(operations: &[Operation<S::Op, S::Ret>]) -> Parts {
    let keys: Vec<Option<u64>> = operations.iter().map(|one| S::key(&one.op)).collect();
    let matters = |one: &Operation<S::Op, S::Ret>| match one.outcome {
        Outcome::Failed => false,
        // Whatever it would have heard, nobody will miss it.
        Outcome::Open => !S::reads(&one.op, None),
        Outcome::Returned { .. } => true,
    };
    let number = |index| u32::try_from(index).expect("fewer than four thousand million");
    let mut all: Vec<u32> =
        (0..operations.len()).filter(|&index| matters(&operations[index])).map(number).collect();
    let call = |index: &u32| operations[*index as usize].call;
    if !all.is_sorted_by_key(call) {
        all.sort_by_key(call);
    }
    let key = |index: &u32| keys[*index as usize];
    let first = all.first().and_then(key);
    let is_whole = all.iter().any(|index| key(index).is_none());
    let members = if is_whole || all.iter().all(|index| key(index) == first) {
        vec![all]
    } else {
        by_key(&all, &keys)
    };
    Parts { keys, members }
}

/// Parts in the order of their first calls.
fn by_key(all: &[u32], keys: &[Option<u64>]) -> Vec<Vec<u32>> {
    let mut sorted: Vec<(u64, u32)> = Vec::with_capacity(all.len());
    sorted.extend(
        all.iter()
            .zip(0..)
            .filter_map(|(&index, position)| keys[index as usize].map(|key| (key, position))),
    );
    sorted.sort_unstable();
    let part = |group: &[(u64, u32)]| -> Vec<u32> {
        group.iter().map(|&(_, position)| all[position as usize]).collect()
    };
    let mut groups: Vec<&[(u64, u32)]> = sorted.chunk_by(|a, b| a.0 == b.0).collect();
    groups.sort_unstable_by_key(|group| group[0].1);
    groups.into_iter().map(part).collect()
}
