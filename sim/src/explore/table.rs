//! The states that were seen, by their fingerprints.
//!
//! Nothing but fingerprints is kept, in one open table: a search asks it far more often than
//! anything else, and each question should cost one look at memory.

/// What a state is known by; 0 is none.
pub(super) trait Print: Copy + PartialEq {
    const NONE: Self;
    const ONE: Self;
    const BITS: i32;
    fn low(self) -> usize;
}

impl Print for u64 {
    const NONE: Self = 0;
    const ONE: Self = 1;
    const BITS: i32 = 64;
    fn low(self) -> usize {
        self as usize
    }
}

impl Print for u128 {
    const NONE: Self = 0;
    const ONE: Self = 1;
    const BITS: i32 = 128;
    fn low(self) -> usize {
        self as usize
    }
}

pub(super) struct Table<P> {
    /// A power of two of them.
    slots: Vec<P>,
    len: usize,
}

impl<P: Print> Default for Table<P> {
    fn default() -> Self {
        Table { slots: vec![P::NONE; 1 << 12], len: 0 }
    }
}

impl<P: Print> Table<P> {
    /// Notes a fingerprint; whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, print: P) -> bool {
        if self.len * 3 >= self.slots.len() * 2 {
            self.grow();
        }
        let print = if print == P::NONE { P::ONE } else { print };
        let new = place(&mut self.slots, print);
        self.len += usize::from(new);
        new
    }

    /// Brings what will be asked for nearer, all of it at once.
    #[inline]
    pub(super) fn approach(&self, prints: impl Iterator<Item = P>) {
        let mask = self.slots.len() - 1;
        let near = prints.filter(|print| self.slots[print.low() & mask] == *print).count();
        std::hint::black_box(near);
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = vec![P::NONE; self.slots.len() * 4];
        for print in self.slots.iter().filter(|it| **it != P::NONE) {
            place(&mut slots, *print);
        }
        self.slots = slots;
    }
}

#[inline]
fn place<P: Print>(slots: &mut [P], print: P) -> bool {
    let mask = slots.len() - 1;
    let mut at = print.low() & mask;
    loop {
        let there = slots[at];
        if there == print {
            return false;
        }
        if there == P::NONE {
            slots[at] = print;
            return true;
        }
        at = (at + 1) & mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checker::hash::Fingerprint;

    #[test]
    fn what_was_seen_is_not_new() {
        let mut table = Table::<u128>::default();
        let all = || (0..20_000u64).map(|it| Fingerprint::of(&it).wide());
        assert!(all().all(|it| table.insert(it)));
        assert!(all().all(|it| !table.insert(it)));
        assert!(table.insert(0) && !table.insert(0), "nothing is not no state");
    }
}
