//! The lock with an expiry and a compare-and-set under it (`../tlc/LockCas.tla`), and how many
//! states it has.

/// Each of `writers` makes `transitions`: takes the lock or, when it is taken, skips this one;
/// reads; compares and sets; gives the lock back if it is still its own. The lock may expire
/// `expiries` times. What is promised: the number is the sum of what was acknowledged.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) writers: usize,
    pub(crate) transitions: u8,
    pub(crate) expiries: u8,
    /// Distinct states: a program that finds another number explores another model.
    pub(crate) states: u64,
    /// The same, where writers that could swap places count as one.
    pub(crate) symmetric: u64,
}

pub(crate) const SHAPES: [Shape; 3] = [
    Shape {
        name: "3x2",
        writers: 3,
        transitions: 2,
        expiries: 2,
        states: 27_231,
        symmetric: 4_831,
    },
    Shape {
        name: "3x3",
        writers: 3,
        transitions: 3,
        expiries: 3,
        states: 389_367,
        symmetric: 66_964,
    },
    Shape {
        name: "4x2",
        writers: 4,
        transitions: 2,
        expiries: 2,
        states: 474_538,
        symmetric: 23_212,
    },
];
