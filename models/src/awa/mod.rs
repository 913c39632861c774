//! The designs of awa, a queue on Postgres: models of moves alone, counted as its own
//! specifications are.

pub mod deferred_materialise;
