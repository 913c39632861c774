//! A hasher of our own: the same number for the same value, in every process and for ever.
//!
//! A digest in a committed trace must mean the same next year, so nothing here depends on the
//! standard library's hasher, on the width of `usize`, or on a random key. Integers enter by value,
//! so the byte order of the machine does not matter; the one exception is a *slice* of integers
//! wider than a byte, which the standard library feeds to a hasher as raw memory: worlds hold
//! structs and enums, not such slices.

use std::hash::{Hash, Hasher};

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xbf58_476d_1ce4_e5b9;
const K2: u64 = 0x94d0_49bb_1331_11eb;

/// Multiplies to 128 bits and folds the halves together: every input bit reaches every output bit.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Joins `value` to a running digest; the order of joins matters.
pub const fn mix(digest: u64, value: u64) -> u64 {
    fold(digest ^ K0, value.rotate_left(32) ^ K1).wrapping_add(K2 ^ value)
}

/// 128 bits of a value, as two lanes that share nothing but the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fixed {
    low: u64,
    high: u64,
}

impl Default for Fixed {
    fn default() -> Self {
        Fixed { low: K1, high: K2 }
    }
}

impl Fixed {
    /// The fingerprint of one value.
    pub fn of<T: Hash + ?Sized>(value: &T) -> Self {
        let mut hasher = Fixed::default();
        value.hash(&mut hasher);
        hasher
    }

    /// All 128 bits.
    pub fn wide(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    fn take(&mut self, value: u64) {
        self.low = mix(self.low, value);
        self.high =
            fold(self.high ^ value ^ K2, K0 ^ value.rotate_left(17)) ^ self.high.rotate_left(23);
    }
}

impl Hasher for Fixed {
    fn finish(&self) -> u64 {
        mix(self.low, self.high)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.take(u64::from_le_bytes(word));
        }
        self.take(bytes.len() as u64);
    }

    fn write_u8(&mut self, value: u8) {
        self.take(value.into());
    }
    fn write_u16(&mut self, value: u16) {
        self.take(value.into());
    }
    fn write_u32(&mut self, value: u32) {
        self.take(value.into());
    }
    fn write_u64(&mut self, value: u64) {
        self.take(value);
    }
    fn write_u128(&mut self, value: u128) {
        self.take(value as u64);
        self.take((value >> 64) as u64);
    }
    fn write_usize(&mut self, value: usize) {
        self.take(value as u64);
    }
    fn write_i8(&mut self, value: i8) {
        self.take(value as i64 as u64);
    }
    fn write_i16(&mut self, value: i16) {
        self.take(value as i64 as u64);
    }
    fn write_i32(&mut self, value: i32) {
        self.take(value as i64 as u64);
    }
    fn write_i64(&mut self, value: i64) {
        self.take(value as u64);
    }
    fn write_i128(&mut self, value: i128) {
        self.write_u128(value as u128);
    }
    fn write_isize(&mut self, value: isize) {
        self.take(value as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_same_hash_for_ever() {
        assert_eq!(Fixed::of(&(1u8, "run-1", Some(7u64))).wide(), GOLDEN);
    }

    /// Changing this number changes the digest of every committed trace.
    const GOLDEN: u128 = 0xc72d_f70f_0942_be6b_ff5b_d0a2_6daa_8447;

    #[test]
    fn the_order_of_joins_matters() {
        assert_ne!(mix(mix(0, 1), 2), mix(mix(0, 2), 1));
    }

    #[test]
    fn small_values_do_not_collide() {
        let mut all: Vec<u128> =
            (0..300u64).flat_map(|a| (0..300u64).map(move |b| Fixed::of(&(a, b)).wide())).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 90_000);
    }
}
