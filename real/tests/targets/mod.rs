//! The services that a test asks for, or none where it is to be skipped.

use crate::skip::skip;
use real::service::ServiceError;
use real::{Given, RealError, Targets, Wanted};

/// What `--on` would start, with so many servers for Redis, if it is among them.
pub(crate) fn targets(on: &str, redis_nodes: usize) -> Option<Targets> {
    let wanted: Wanted = on.parse().expect("a test knows what --on takes");
    match Targets::start(&Wanted { redis_nodes, ..wanted }, &Given::default()) {
        Ok(targets) => Some(targets),
        Err(RealError::Service(error @ ServiceError::NotFound { .. })) => {
            skip(on, error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}
