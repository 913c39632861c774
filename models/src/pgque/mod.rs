//! The designs of PgQue, a queue on Postgres whose metadata lies in tables that rotate.

pub mod next_batch;
pub mod rotation;
