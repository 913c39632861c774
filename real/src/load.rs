//! A load on a real bucket: as many requests at once as it asks for, each of them timed.
//!
//! The requests are those that the simulated store gets, in the same order, so what may differ is
//! what the store answers and when. All of them are sent from one thread, as an event loop would:
//! what it takes to sign and to parse is part of the time, and with many in flight so is the wait
//! for that thread.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use models::objects_load::{Load, Request, wait};
use models::worlds::objects::Reply;
use object_store::Error;
use sim::rng::Rng;
use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::error::RealError;
use crate::s3::{Bucket, Etags};
use crate::targets::{Targets, runtime};

/// A store that says 503 to one request so many times in a row will not take it.
const SLOWED_MAX: u32 = 30;

/// A request that was answered.
struct Answered {
    request: Request,
    began: u64,
    ended: u64,
    slowed: u32,
    reply: Result<Reply, Error>,
}

/// Where requests are sent.
struct Line<'a> {
    bucket: &'a Bucket,
    epoch: u32,
    etags: Etags,
    began: Instant,
    /// Draws how long to wait before a request is sent again.
    rng: RefCell<Rng>,
}

impl Line<'_> {
    /// Microseconds since the load began.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    async fn send(&self, request: Request) -> Answered {
        let began = self.now();
        let mut slowed = 0;
        loop {
            let reply =
                self.bucket.ask(&self.etags, self.epoch, &request.call, request.bytes).await;
            let again = matches!(reply, Ok(Reply::SlowDown)) && slowed < SLOWED_MAX;
            if !again {
                return Answered { request, began, ended: self.now(), slowed, reply };
            }
            slowed += 1;
            let wait = wait(slowed, &mut self.rng.borrow_mut());
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
    }
}

/// Puts a load on the S3 of these targets, until it is over or `goes_on` says no, which is asked
/// after every answer. What was put is removed with the targets. A request that is refused for
/// any other reason than being one too many ends it.
pub fn run(
    targets: &Targets,
    load: &mut Load,
    seed: u64,
    goes_on: &mut dyn FnMut(&Load) -> bool,
) -> Result<(), RealError> {
    let Some((card, bucket)) = &targets.s3 else {
        return Err(RealError::Wanted { text: "a load without s3".to_owned() });
    };
    let line = Line {
        bucket,
        epoch: targets.next_epoch(),
        etags: Etags::default(),
        began: Instant::now(),
        rng: RefCell::new(Rng::new(seed)),
    };
    let broke = |why: String| RealError::Broke { why: format!("{}: {why}", card.service) };
    runtime()?.block_on(async {
        let mut sent = FuturesUnordered::new();
        loop {
            while let Some(request) = load.next(line.now()) {
                sent.push(line.send(request));
            }
            let Some(Answered { request, began, ended, slowed, reply }) = sent.next().await else {
                return Ok(());
            };
            (0..slowed).for_each(|_| load.slowed());
            match reply {
                Ok(Reply::SlowDown) => {
                    return Err(broke(format!("asks to slow down {SLOWED_MAX} times in a row")));
                }
                Ok(reply) => load.answer(&request, &reply, began, ended),
                Err(error) => return Err(broke(error.to_string())),
            }
            if !goes_on(load) {
                return Ok(());
            }
        }
    })
}
