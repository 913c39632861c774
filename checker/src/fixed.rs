//! A hash that is the same in every process, on every machine, for ever.
//!
//! The standard one draws a key at start, so whatever depends on it cannot be replayed. This one
//! mixes whole words, the same on any machine. It resists no adversary: histories are not hostile.

use std::hash::{Hash, Hasher};

/// A hasher with neither key nor state of the machine.
#[derive(Clone, Copy, Default, Debug)]
pub struct Fixed(u64);

/// Hashes one value.
pub fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = Fixed::default();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Fixed {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Fixed {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        // The length tells "a" from "a\0".
        self.word(bytes.len() as u64);
    }

    fn write_u8(&mut self, word: u8) {
        self.word(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.word(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.word(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.word(word);
    }

    fn write_u128(&mut self, word: u128) {
        self.word(word as u64);
        self.word((word >> 64) as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.word(word as u64);
    }

    // Signed words come here too: the standard library casts them to unsigned ones.
    fn finish(&self) -> u64 {
        // Multiplication moves knowledge upwards only; the low bits index tables.
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash_of("run-1"), hash_of(&String::from("run-1")));
        assert_ne!(hash_of("a"), hash_of("a\0"));
        assert_eq!(hash_of(&1_u64), hash_of(&1_u32), "words of any width are one word");
        assert_eq!(hash_of(&7_u64), GOLDEN, "fixed is what it says");
    }

    const GOLDEN: u64 = 3_207_296_026_000_306_913;
}
