//! The datatypes that can be judged, one a file.

pub mod head;
pub mod nothing;
pub mod objects;
pub mod register;
pub mod kv;
pub mod log;
pub mod lease;
pub mod lock;
pub mod queue;
pub mod redelivery;
