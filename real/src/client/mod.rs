//! A client as a process of its own, so that it can be stopped as a whole, in the middle of a turn.
//!
//! A client is a function of what it is told, and it is told everything by this process: its
//! connections, its clock and its sleeps live here, and nowhere else. While the system has it
//! stopped, the client is stopped, whatever it was about; its locks run out meanwhile. What it
//! asks of services that are not real goes through here too, and comes back to be answered.

mod process;

use models::worlds::{Call, Reply};
use serde::{Deserialize, Serialize};
use sim::prelude::ClientId;
use std::io::{BufRead, Write, stdin, stdout};
use std::rc::Rc;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::LocalSet;

pub(crate) use self::process::Process;

use crate::error::RealError;
use crate::postgres::Database;
use crate::redis::Locks;
use crate::s3::{self, Bucket};
use crate::speed::lines::{Lines, Watch};
use crate::targets::runtime;

pub use self::process::Program;

/// Where real services are: the first thing a client is told. It holds passwords, and so goes
/// through a pipe, not by the command line, which is everybody's to read.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) client: u16,
    pub(crate) epoch: u32,
    pub(crate) postgres: Option<[String; 3]>,
    pub(crate) redis: Option<(Vec<(String, String)>, String)>,
    pub(crate) s3: Option<s3::Address>,
}

impl Addresses {
    fn lines(&self) -> Result<Lines, RealError> {
        let postgres = self.postgres.as_ref();
        let database = postgres.map(|[url, shown, schema]| Database::new(url, shown, schema));
        let locks = self.redis.as_ref().map(|(urls, prefix)| Locks::new(urls, prefix));
        let bucket = self.s3.as_ref().map(Bucket::at_address);
        let (database, locks) = (database.transpose()?, locks.transpose()?);
        Ok(Lines::new(database, locks, bucket.transpose()?, self.epoch))
    }
}

/// A call to be made; none: nothing but to come by, on the way to a service that is not real.
#[derive(Serialize, Deserialize)]
struct Ask {
    id: u64,
    call: Option<Call>,
}

/// What came of it; an error is silence, and why.
#[derive(Serialize, Deserialize)]
struct Told {
    id: u64,
    told: Result<Option<Reply>, String>,
}

/// What every line of ours begins with, for a client may share its output with a test runner.
const MARK: &str = "client: ";

/// Is a client: makes the calls that standard input asks for, until it ends, and says on standard
/// output what came of each.
pub fn be() -> Result<(), RealError> {
    let (asks, mut inbox) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if asks.send(line).is_err() {
                return;
            }
        }
    });
    runtime()?.block_on(LocalSet::new().run_until(async {
        let Some(first) = inbox.recv().await else { return Ok(()) };
        let addresses: Addresses = read(&first)?;
        let lines = Rc::new(addresses.lines()?);
        serve(&mut inbox, ClientId(addresses.client), &lines).await
    }))
}

async fn serve(
    inbox: &mut UnboundedReceiver<String>,
    me: ClientId,
    lines: &Rc<Lines>,
) -> Result<(), RealError> {
    let watch = Rc::new(Watch::started());
    while let Some(line) = inbox.recv().await {
        let Ask { id, call } = read(&line)?;
        let (lines, watch) = (Rc::clone(lines), Rc::clone(&watch));
        tokio::task::spawn_local(async move {
            let told = match call {
                None => Ok(None),
                Some(Call::Clock(call)) => Ok(Some(Reply::Clock(watch.tell(call).await))),
                Some(call) => lines.send(me, call).await.map(Some),
            };
            let told = serde_json::to_string(&Told { id, told }).expect("keys are names");
            // Nobody listens any more: the end of the input is near.
            let _ = writeln!(stdout(), "\n{MARK}{told}");
        });
    }
    Ok(())
}

fn read<T: for<'a> Deserialize<'a>>(line: &str) -> Result<T, RealError> {
    let wrong = |error| RealError::Client { why: format!("it was told '{line}': {error}") };
    serde_json::from_str(line).map_err(wrong)
}
