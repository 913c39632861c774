//! The simulated table is the real one, page for page, on every kind of workload.

mod skip;

use heap::{Rules, Stream, WORKLOADS, Workload};
use real::RealError;
use real::heap::{Server, compare};
use real::service::ServiceError;

fn server() -> Option<Server> {
    match Server::start() {
        Ok(server) => Some(server),
        Err(RealError::Service(error @ ServiceError::NotFound { .. })) => {
            skip::skip("postgres", error);
            None
        }
        Err(error @ RealError::Unsuitable { .. }) => {
            skip::skip("postgres 15", error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_simulated_table_is_the_real_one() {
    let Some(server) = server() else { return };
    let only = std::env::var("ONLY").ok();
    let seed = std::env::var("SEED").map_or(1, |it| it.parse().unwrap());
    let ffs = std::env::var("FF").map_or(vec![70, 90, 100], |it| vec![it.parse().unwrap()]);
    let max = std::env::var("OPS").map_or(u32::MAX, |it| it.parse().unwrap());
    for how in WORKLOADS.iter().filter(|it| only.as_ref().is_none_or(|only| it.name == only)) {
        let how = Workload { ops: how.ops.min(max), ..*how };
        for ff in &ffs {
            let stream = Stream::new(&how, seed);
            let begin = std::time::Instant::now();
            let result = compare(&server, &stream, *ff, Rules::default());
            let secs = begin.elapsed().as_secs_f64();
            match result {
                Ok(Ok(done)) => eprintln!("{} {ff} {secs:.1}s EQUAL {done:?}", how.name),
                Ok(Err(mismatch)) => eprintln!("{} {ff} DIFFERENT {mismatch}", how.name),
                Err(error) => eprintln!("{} {ff} {error}", how.name),
            }
        }
    }
}
