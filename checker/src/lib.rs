//! A history goes in, a verdict comes out.
//!
//! Reading order: [`history`] (what clients asked and heard), [`spec`] (what they may hear),
//! [`verdict`] (what is said of it), [`monitor`] (the fast decisions), `search` (the general
//! decision), [`check`](mod@check) (the decision with its proof), [`stream`] (the decision while the
//! history is made), [`specs`] (one datatype a file, each with the violations it can call by name),
//! [`value`](mod@value) (what is written and read), [`line`](mod@line) (the JSON Lines form),
//! [`mod@format`] (histories as others write them), [`text`] (what they repeat, kept once),
//! [`hash`] (hashes that never change).
//!
//! The crate stands alone: it knows nothing of simulation, time or input and output.

pub mod history;
pub mod spec;
pub mod verdict;
pub mod monitor;
pub mod budget;
mod parts;
mod search;
pub mod judge;
pub mod sync;
pub mod workers;
mod shrink;
pub mod ways;
pub mod check;
pub mod stream;
pub mod specs;
pub mod value;
pub mod line;
pub mod format;
pub mod text;
#[cfg(feature = "proptest")]
pub mod strategy;
pub mod hash;

pub use budget::{Budget, Reason};
pub use check::{Checked, check, check_on};
pub use history::{ClientId, History, Operation, Outcome, Seen};
pub use judge::{judge, prove};
pub use monitor::{Monitored, Part};
pub use spec::Spec;
pub use value::{Datum, Value};
pub use verdict::{Property, Verdict, Violation};
pub use workers::Workers;
