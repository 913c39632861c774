//! A hot Postgres table, simulated page for page.

mod ahead;
mod btree;
mod fsm;
mod heap;
mod horizon;
mod keys;
pub mod layout;
mod line;
mod op;
mod page;
mod prune;
mod random;
mod rules;
mod scan;
mod session;
mod state;
mod statement;
mod stats;
mod stream;
mod table;
mod tid;
mod vacuum;

pub use keys::{Key, Keys};
pub use layout::Row;
pub use op::{Answer, Op, Refused, Step};
pub use rules::{Rule, Rules};
pub use session::{Isolation, SessionId};
pub use state::{Difference, HeapPage, IndexPage, Kind, LinePointer, State};
pub use stats::{Events, Stats};
pub use stream::{Holder, KeyKind, Stream, WORKLOADS, Workload};
pub use table::Table;
pub(crate) use tid::Tid;

/// A transaction's number. Real ones wrap; these do not, and are refused before they would.
pub(crate) type Xid = u32;
