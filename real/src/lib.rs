//! The same calls as in simulation, answered by Postgres, Redis and S3.
//!
//! What is hard here is that nothing is ours: a server may be missing, start slowly, lose its port
//! to somebody else or outlive us. `service` owns that trouble, so that the rest may ask questions.

pub mod service;
