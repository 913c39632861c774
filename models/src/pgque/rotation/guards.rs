//! How PgQue's rotation is sized, and which of its guards there are.
//!
//! Each guard can be left out, so that what it is for can be asked apart: the counts of the published
//! specification are of some guards with some out.

use sim::prelude::*;

/// Ticks that a state has room for.
pub(super) const TICKS: usize = 8;

/// How it is sized, and which guards there are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many ticks there are.
    pub max_tick: u8,
    /// How often the metadata rotates.
    pub max_rot: u8,
    /// Whether the queue has a consumer.
    pub consumer: bool,
    /// What the caller who acknowledges runs under.
    pub iso: Isolation,
    /// Whether ticks stay where they are while a consumer stands at one in the next table.
    pub tick_gate: bool,
    /// Whether a rotation waits for the second step of the one before.
    pub step2_gate: bool,
    /// Whether a rotation gives way to readers at once, and does not wait for them in TRUNCATE.
    pub convoy_fix: bool,
}

/// What a transaction sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// READ COMMITTED: what was committed before the statement.
    Rc,
    /// REPEATABLE READ: what was committed before the transaction's first statement.
    Rr,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            max_tick: 4,
            max_rot: 5,
            consumer: true,
            iso: Isolation::Rc,
            tick_gate: true,
            step2_gate: true,
            convoy_fix: true,
        }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["max_tick", "max_rot"];

    fn check(&self) -> Result<(), String> {
        within("max_tick", self.max_tick, 1..=TICKS as u8)?;
        within("max_rot", self.max_rot, 1..=100)
    }
}
