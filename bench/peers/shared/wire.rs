//! The toy as messages: what a client asks of the server, and what it is told.

use crate::keys::Keys;

/// Transitions of each client in one round: networks are slow, and the rate is the same.
pub(crate) const FEW_TRANSITIONS: u64 = 250;

const READ: u64 = u64::MAX;

/// A question is a key and what was seen there, or `READ` to be told what is there.
pub(crate) type Question = [u8; 16];
pub(crate) type Answer = [u8; 8];

pub(crate) fn ask_read(key: usize) -> Question {
    ask_cas(key, READ)
}

pub(crate) fn ask_cas(key: usize, seen: u64) -> Question {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(key as u64).to_le_bytes());
    bytes[8..].copy_from_slice(&seen.to_le_bytes());
    bytes
}

/// What the server says: the value that was read, or whether the compare-and-set went through.
pub(crate) fn reply(keys: &Keys, question: &Question) -> Answer {
    let (key, seen) = question.split_at(8);
    let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("eight bytes"));
    let (key, seen) = (word(key) as usize, word(seen));
    if seen == READ { keys.read(key).to_le_bytes() } else { truth(keys.cas(key, seen)) }
}

fn truth(done: bool) -> Answer {
    u64::from(done).to_le_bytes()
}
