//! The datatypes that can be judged, one a file.

pub mod head;
pub mod objects;
