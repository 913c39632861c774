//! Every state of the lock, each packed by hand into a word.
//!
//! From the low end: eleven bits a writer, then four of the number, two of the expiries left, and
//! the top bit, which is always set, so that no state is the empty slot of the set.

use crate::figure::Work;
use crate::shapes::Shape;

const LANE: u32 = 11;
const SEQ: u32 = 4 * LANE;
const LEFT: u32 = SEQ + 4;
const TOP: u64 = 1 << 63;

/// Where a writer's fields lie in its eleven bits.
mod lane {
    pub(super) const AT: u32 = 0;
    pub(super) const TRIED: u32 = 2;
    pub(super) const SEEN: u32 = 4;
    pub(super) const OK: u32 = 8;
    /// The lock is kept with its holder, so that writers can swap places by swapping lanes.
    pub(super) const HOLDS: u64 = 1 << 10;
    pub(super) const MASK: u64 = (1 << super::LANE) - 1;
}

/// Breadth first from the initial state; panics when the count or the promise is off.
pub(crate) fn explore(shape: Shape, symmetry: bool) -> Work {
    let first = TOP | u64::from(shape.expiries) << LEFT;
    let mut known = Known::new();
    let mut queue = vec![first];
    known.insert(first);
    let mut next = 0;
    while next < queue.len() {
        let state = queue[next];
        next += 1;
        assert!(promise(state, shape.writers), "a number was lost");
        let moves = (0..shape.writers).filter_map(|writer| step(state, writer, shape.transitions));
        for to in moves.chain(expire(state)) {
            let to = if symmetry { sorted(to, shape.writers) } else { to };
            if known.insert(to) {
                queue.push(to);
            }
        }
    }
    let states = queue.len() as u64;
    assert_eq!(states, if symmetry { shape.symmetric } else { shape.states });
    vec![("distinct_states", states)]
}

fn holders() -> u64 {
    (0..4).map(|writer| lane::HOLDS << (writer * LANE)).sum()
}

fn expire(state: u64) -> Option<u64> {
    let left = state >> LEFT & 3;
    (left > 0).then(|| (state & !holders()) - (1 << LEFT))
}

/// A writer's one possible move: take the lock or skip, read, compare and set, give back.
fn step(state: u64, writer: usize, transitions: u8) -> Option<u64> {
    let shift = writer as u32 * LANE;
    let mut this = state >> shift & lane::MASK;
    let mut seq = state >> SEQ & 15;
    match this >> lane::AT & 3 {
        0 if this >> lane::TRIED & 3 == u64::from(transitions) => return None,
        0 if state & holders() == 0 => this += lane::HOLDS + (1 << lane::AT),
        0 => this += 1 << lane::TRIED,
        1 => this += (seq << lane::SEEN) + (1 << lane::AT),
        2 => {
            let same = u64::from(this >> lane::SEEN & 15 == seq);
            seq += same;
            this = (this & !(15 << lane::SEEN)) + (same << lane::OK) + (1 << lane::AT);
        }
        _ => this = (this & !lane::HOLDS & !(3 << lane::AT)) + (1 << lane::TRIED),
    }
    let rest = state & !(lane::MASK << shift) & !(15 << SEQ);
    Some(rest | this << shift | seq << SEQ)
}

fn promise(state: u64, writers: usize) -> bool {
    let ok = (0..writers).map(|writer| state >> (writer as u32 * LANE + lane::OK) & 3).sum::<u64>();
    ok == state >> SEQ & 15
}

/// The writers in ascending order: one state for all that are the same but for their names.
fn sorted(state: u64, writers: usize) -> u64 {
    let mut lanes = [0; 4];
    for (writer, slot) in lanes.iter_mut().enumerate().take(writers) {
        *slot = state >> (writer as u32 * LANE) & lane::MASK;
    }
    lanes[..writers].sort_unstable();
    let low = lanes.iter().rev().fold(0, |word, lane| word << LANE | lane);
    state >> SEQ << SEQ | low
}

/// A set of words by open addressing, at most half full.
struct Known {
    slots: Vec<u64>,
    len: usize,
}

impl Known {
    fn new() -> Self {
        Known { slots: vec![0; 1 << 12], len: 0 }
    }

    fn insert(&mut self, state: u64) -> bool {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let hash = state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = (hash >> 32) as usize & mask;
        while self.slots[at] != 0 {
            if self.slots[at] == state {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = state;
        self.len += 1;
        true
    }

    fn grow(&mut self) {
        let doubled = vec![0; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, doubled);
        self.len = 0;
        for state in old.into_iter().filter(|state| *state != 0) {
            self.insert(state);
        }
    }
}
