//! The toy that every peer plays: writers count up a few hot keys by compare-and-set, and try again
//! when another was faster.

pub(crate) const WRITERS: u64 = 16;
/// Successful compare-and-sets of each writer in one round.
pub(crate) const TRANSITIONS: u64 = 5_000;
pub(crate) const KEYS: usize = 4;

/// The key of a writer's `n`th transition: the same in every program, so that all do the same work.
pub(crate) fn key_of(writer: u64, n: u64) -> usize {
    (splitmix64(writer << 32 | n) % KEYS as u64) as usize
}

fn splitmix64(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
