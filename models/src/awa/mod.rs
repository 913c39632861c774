//! The designs of awa, a queue on Postgres: models of moves alone, counted as its own specifications
//! are, and one of clients.

pub mod deadline_rescue;
pub mod deferred_materialise;
pub mod done_entries;
pub mod lock_convoy;
pub mod lock_order;
pub mod partitioned_routing;
pub mod rescue;
pub mod segmented_storage;
pub mod segmented_storage_races;
pub mod sharded_prune;
pub mod storage_transition;

mod ring;
