//! Hashers of our own: the same number for the same value, in every process and for ever.
//!
//! A digest in a committed trace must mean the same next year, so nothing here depends on the
//! standard library's hasher, on the width of `usize`, or on a random key. Integers enter by value,
//! so the byte order of the machine does not matter; the one exception is a *slice* of integers
//! wider than a byte, which the standard library feeds to a hasher as raw memory: worlds hold
//! structs and enums, not such slices. They resist no adversary: histories are not hostile.

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

/// 64 bits, each value chained to all before it: what digests and tables need.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Chain(u64);

impl Chain {
    /// Goes on from what [`Hasher::finish`] gave.
    pub fn new(digest: u64) -> Self {
        Chain(digest)
    }

    /// The hash of one value.
    pub fn of<T: Hash + ?Sized>(value: &T) -> u64 {
        let mut hasher = Chain::default();
        value.hash(&mut hasher);
        hasher.finish()
    }

    fn take(&mut self, value: u64) {
        self.0 = mix(self.0, value);
    }
}

/// 128 bits of a value, as two lanes that share nothing but the input: what stands for a whole
/// state in a table of states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    low: u64,
    high: u64,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint { low: K1, high: K2 }
    }
}

impl Fingerprint {
    /// The fingerprint of one value.
    pub fn of<T: Hash + ?Sized>(value: &T) -> Self {
        let mut hasher = Fingerprint::default();
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

/// Fewer than eight bytes, at least one, as the low end of a word.
#[inline]
fn padded(bytes: &[u8]) -> u64 {
    // Two loads that may overlap: quicker than to copy any number of bytes.
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(low), Some(high)) => {
            let shift = 8 * (bytes.len() - 4);
            u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << shift
        }
        _ => bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// Integers of any width are taken as one word each, so that a width is no part of a value.
macro_rules! takes_words {
    () => {
        #[inline]
        fn write(&mut self, bytes: &[u8]) {
            let mut words = bytes.chunks_exact(8);
            for word in &mut words {
                self.take(u64::from_le_bytes(word.try_into().expect("eight bytes")));
            }
            if !words.remainder().is_empty() {
                self.take(padded(words.remainder()));
            }
            // The length tells "a" from "a\0".
            self.take(bytes.len() as u64);
        }
        takes_words! {
            write_u8(u8) write_u16(u16) write_u32(u32) write_u64(u64) write_usize(usize)
            write_i8(i8) write_i16(i16) write_i32(i32) write_i64(i64) write_isize(isize)
        }
        fn write_u128(&mut self, value: u128) {
            self.take(value as u64);
            self.take((value >> 64) as u64);
        }
        fn write_i128(&mut self, value: i128) {
            self.write_u128(value as u128);
        }
    };
    ($($write:ident($width:ty))*) => {
        $(
            #[inline]
            fn $write(&mut self, value: $width) {
                self.take(value as u64);
            }
        )*
    };
}

impl Hasher for Chain {
    takes_words!();

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

impl Hasher for Fingerprint {
    takes_words!();

    fn finish(&self) -> u64 {
        mix(self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_same_hash_for_ever() {
        let value = (1u8, "run-1", Some(7u64));
        assert_eq!(Fingerprint::of(&value).wide(), 0xc72d_f70f_0942_be6b_ff5b_d0a2_6daa_8447);
        assert_eq!(Chain::of(&value), DIGEST);
    }

    /// Changing this number changes the digest of every committed trace.
    const DIGEST: u64 = 14_545_079_289_970_102_982;

    #[test]
    fn the_width_of_an_integer_is_no_part_of_it() {
        assert_eq!(Chain::of(&1_u64), Chain::of(&1_u8));
        assert_eq!(Chain::of("run-1"), Chain::of(&String::from("run-1")));
        assert_ne!(Chain::of("a"), Chain::of("a\0"));
    }

    #[test]
    fn bytes_of_any_length_are_words_padded_with_zeros() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (1..=length).map(|byte| byte.wrapping_mul(37)).collect();
            let mut slowly = Chain::default();
            for chunk in bytes.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                slowly.take(u64::from_le_bytes(word));
            }
            slowly.take(u64::from(length));
            let mut hasher = Chain::default();
            hasher.write(&bytes);
            assert_eq!(hasher, slowly, "{length} bytes");
        }
    }

    #[test]
    fn the_order_of_joins_matters() {
        assert_ne!(mix(mix(0, 1), 2), mix(mix(0, 2), 1));
    }

    #[test]
    fn small_values_do_not_collide() {
        let mut all: Vec<u128> = (0..300u64)
            .flat_map(|a| (0..300u64).map(move |b| Fingerprint::of(&(a, b)).wide()))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 90_000);
    }
}
