//! The states that were seen, by their fingerprints.
//!
//! Nothing but fingerprints is kept, in one open table: a search asks it far more often than
//! anything else, and each question should cost one look at memory.

/// How many bits of a fingerprint are kept.
pub(super) const BITS: i32 = 128;

#[derive(Default)]
pub(super) struct Table {
    /// A power of two of them; 0: none here.
    slots: Vec<u128>,
    len: usize,
}

impl Table {
    /// Notes a fingerprint; whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, fingerprint: u128) -> bool {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let new = place(&mut self.slots, fingerprint.max(1));
        self.len += usize::from(new);
        new
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = vec![0; (self.slots.len() * 4).max(1 << 12)];
        for fingerprint in self.slots.iter().filter(|it| **it != 0) {
            place(&mut slots, *fingerprint);
        }
        self.slots = slots;
    }
}

#[inline]
fn place(slots: &mut [u128], fingerprint: u128) -> bool {
    let mask = slots.len() - 1;
    let mut at = fingerprint as usize & mask;
    loop {
        match slots[at] {
            0 => {
                slots[at] = fingerprint;
                return true;
            }
            there if there == fingerprint => return false,
            _ => at = (at + 1) & mask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checker::hash::Fingerprint;

    #[test]
    fn what_was_seen_is_not_new() {
        let mut table = Table::default();
        let all = || (0..20_000u64).map(|it| Fingerprint::of(&it).wide());
        assert!(all().all(|it| table.insert(it)));
        assert!(all().all(|it| !table.insert(it)));
        assert!(table.insert(0) && !table.insert(0), "nothing is not no state");
    }
}
