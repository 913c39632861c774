//! A hot Postgres table, simulated page for page.
//!
//! The hard part is that nothing here is a matter of taste. How large a table is tomorrow is decided
//! by which page takes the next row and by who may tidy up behind whom, in a hundred small rules, and
//! one of them off by a byte shows a thousand operations later. So the rules are the server's, those
//! of PostgreSQL 15 with 8 kB pages, and `unforked-real` holds them to the server, line pointer by
//! line pointer.
//!
//! ```
//! use heap::{Answer, Op, Row, Step, Table};
//!
//! let mut table = Table::new(90, 1);
//! let key = table.add_key(b"run-1");
//! let row = Row { status: 7, run_status: 7, attempt: false };
//! let mut apply = |op| table.apply(Step { session: 0, op });
//! assert_eq!(apply(Op::Insert { key, row }), Ok(Answer::Rows(1)));
//! assert_eq!(apply(Op::Update { key, seen: 0, row }), Ok(Answer::Rows(1)));
//! assert_eq!(apply(Op::Update { key, seen: 0, row }), Ok(Answer::Rows(0)), "it is at 1 by now");
//! assert_eq!(table.stats().hot_updated, 1);
//! ```
//!
//! # What is exact
//!
//! Pages, line pointers, free space, both maps, every index page and the statistics, if:
//!
//! - the only index is the primary key's, ordered by bytes (collation C);
//! - statements do not overlap. Transactions may, and may hold snapshots and numbers, roll back,
//!   and belong to any number of connections; connections may come and go, and the server may be
//!   restarted in good order;
//! - rows are found by their key through the index, or by a [sequential scan](Op::SeqScan) that is
//!   said to be one: which plan is taken matters, because it decides which pages are pruned;
//! - VACUUM and ANALYZE are run where the stream says, and autovacuum is off;
//! - `synchronous_commit` is on;
//! - statistics are read after every session has [told](Op::Flush) its own.
//!
//! # What is not, and what becomes of it
//!
//! Refused, by an error that says why:
//!
//! - rows over [2,032 bytes](layout::TOAST_THRESHOLD), which are compressed or moved
//!   ([`Refused::TooLong`]);
//! - statements that wait for another transaction ([`Refused::WouldWait`]);
//! - writes in REPEATABLE READ of what was changed since ([`Refused::WouldConflict`]);
//! - what comes after two billion transactions, when freezing matters ([`Refused::OutOfXids`]).
//!
//! Not to be said in operations, and so not simulated:
//!
//! - a crash, which loses what was not logged;
//! - `synchronous_commit` off, by which marks and bits come later;
//! - other majors: 16 extends tables, and 17 vacuums them, in another way;
//! - secondary indexes, foreign keys, COPY, prepared transactions, replication slots.
//!
//! Simulated, and not exact: ANALYZE of over 30,000 pages, which reads a sample, as if all were
//! read; a row locked by another session, as if it were not; writers in other databases, who hold
//! the horizon back, by a session that [holds](Op::TakeXid) a number in their place.
//!
//! Hours of load, with autovacuum and open transactions in simulated time, are in [`soak`], which
//! says what of that is exact and what a band. What it costs to get rid of old rows, by partitions or
//! by DELETE, is in [`retention`]; what it costs to take the next job off a queue, in [`claims`].

mod ahead;
mod btree;
mod claim;
pub mod claims;
mod fsm;
mod heap;
mod horizon;
mod keys;
pub mod layout;
mod line;
mod op;
mod page;
mod param;
mod prune;
mod random;
pub mod retention;
mod rules;
mod scan;
mod session;
pub mod soak;
mod state;
mod statement;
mod stats;
mod stream;
mod table;
mod tally;
mod tid;
mod vacuum;

pub use claim::Reads;
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
