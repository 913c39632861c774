//! `stop_all` ends what others still hold: what a Ctrl-C handler does before it exits.
//!
//! In a file, and so in a process, of its own: it would stop the servers of other tests too.

mod skip;

use real::service::{Embedded, Redis, ServiceError, redis, stop_all};
use skip::skip;

#[test]
fn every_server_stops_though_its_owner_still_holds_it() {
    let nodes = match Redis::start_many(2, &redis::Options::default()) {
        Ok(nodes) => nodes,
        Err(error @ ServiceError::NotFound { .. }) => {
            skip("redis", error);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let embedded = Embedded::start().expect("it needs nothing");
    stop_all();
    for node in &nodes {
        assert_eq!(node.pid(), None, "its process is gone");
        assert!(!node.directory().exists(), "its directory is gone");
        assert!(std::net::TcpStream::connect(("127.0.0.1", node.port())).is_err());
        let again = node.restart_empty();
        assert!(again.is_err(), "what was stopped for good does not come back");
    }
    stop_all();
    let later = Redis::start(&redis::Options::default());
    assert!(later.is_ok(), "a run may start servers again: {later:?}");
    drop(embedded);
}
