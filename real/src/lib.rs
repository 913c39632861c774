//! The same calls as in simulation, answered by Postgres, Redis and S3.
//!
//! What is hard here is that nothing is ours: a server may be missing, start slowly, lose its port
//! to somebody else or outlive us. `service` owns that trouble, so that the rest may ask questions.

pub mod capability;
pub mod client;
pub mod confirm;
pub mod error;
pub mod exact;
pub mod heap;
pub mod load;
pub mod postgres;
pub mod redis;
pub mod s3;
pub mod service;
pub mod speed;
pub mod tables;
pub mod targets;

pub use confirm::{
    Confirmation, Outcome, Promises, Row, confirm_model, confirm_promises, confirm_trace,
};
pub use error::RealError;
pub use targets::{Given, Targets, Wanted};
