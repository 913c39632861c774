//! What several workers may share: std's primitives, or loom's in a build with `--cfg loom`.
//!
//! A test of threads sees a few of the orders in which they can touch shared memory; loom sees all
//! of them, and so it must be asked wherever it is touched. `tests/loom` does.

#[cfg(loom)]
pub use loom::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
#[cfg(not(loom))]
pub use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
