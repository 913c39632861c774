//! Real services at full speed: every client has connections of its own, and real time runs.
//!
//! Two things are hard. A lock that runs out at the wrong moment is rare when all is well, so now
//! and then a client is held back between its read and its write, as by a long pause of its
//! runtime. And whether the lock was then somebody else's must be known before the write is sent,
//! for afterwards it proves nothing.

mod holders;
pub(crate) mod lines;
mod simulated;

use models::served::{Reached, Remote};
use models::worlds::rows::{Set, Statement};
use models::worlds::{Call, Reply, Run};
use sim::io::Lost;
use sim::prelude::ClientId;
use std::cell::{Cell, RefCell};
use std::ops::AddAssign;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

use self::holders::Holders;
use self::lines::{Lines, Watch};
use self::simulated::Simulated;
use crate::error::RealError;
use crate::targets::Targets;

/// So many lost calls in a row are not a hiccup: the service is gone.
const LOST_MAX: u32 = 100;

/// How a run at full speed is disturbed and bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// With a real lock, one UPDATE in so many is held back until the lock has run out; 0: none.
    pub pause_every: u32,
    /// Where the counting of those begins.
    pub seed: u64,
    /// When the run is given up.
    pub time_max: Duration,
    /// How often each promise of an object store is raced, at most.
    pub races: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { pause_every: 20, seed: 0, time_max: Duration::from_secs(240), races: 200 }
    }
}

/// What a run did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Answers of Postgres, of Redis and of S3.
    pub answers: [u64; 3],
    /// Calls that nobody answered.
    pub lost: u64,
    /// UPDATEs that were held back.
    pub pauses: u64,
    /// UPDATEs before which Redis had given the lock to somebody else.
    pub expiries: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in self.answers.iter_mut().zip(other.answers) {
            *sum += more;
        }
        self.lost += other.lost;
        self.pauses += other.pauses;
        self.expiries += other.expiries;
    }
}

/// Services for all clients of one run.
pub struct Speed {
    lines: Lines,
    aside: Simulated,
    options: Options,
    watch: Watch,
    /// Where one call is made at a time: whose turn it is.
    turn: Option<Mutex<()>>,
    holders: RefCell<Holders>,
    updates: Cell<u64>,
    lost_in_a_row: Cell<u32>,
    counts: Cell<Counts>,
    error: RefCell<Option<String>>,
    broken: Notify,
}

impl Speed {
    /// Services for one run over `runs` rows, which are at 0, and locks on so many Redis nodes.
    pub fn new(
        targets: &Targets,
        runs: u16,
        nodes: usize,
        options: Options,
        in_turn: bool,
    ) -> Self {
        Speed {
            lines: targets.lines(),
            aside: Simulated::new(runs),
            options,
            watch: Watch::started(),
            turn: in_turn.then(Mutex::default),
            holders: RefCell::new(Holders::on(nodes)),
            updates: Cell::default(),
            lost_in_a_row: Cell::default(),
            counts: Cell::default(),
            error: RefCell::default(),
            broken: Notify::default(),
        }
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Removes the objects of this run, so that a store that walks all it has stays quick.
    pub async fn sweep(&self) -> Result<(), RealError> {
        self.lines.sweep().await
    }

    /// What the first call that was lost died of.
    pub fn error(&self) -> Option<String> {
        self.error.borrow().clone()
    }

    /// Resolves when a service is gone for good.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    async fn send(&self, from: ClientId, call: Call) -> Result<Reply, String> {
        if let Call::Clock(call) = call {
            return Ok(Reply::Clock(self.watch.tell(call).await));
        }
        let _turn = match &self.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        if let Some(run) = moves_head(&call) {
            self.hold_back(from, run).await;
        }
        let asked = lock_call(&call).cloned();
        if let Some(asked) = &asked {
            self.holders.borrow_mut().asks(from, asked);
        }
        let reply = match self.lines.serves(&call) {
            Some(service) => {
                let reply = self.lines.send(from, call).await?;
                self.count(|counts| counts.answers[service] += 1);
                reply
            }
            None => self.aside.call(from, call).await,
        };
        if let (Some(asked), Reply::Redis(reply)) = (&asked, &reply) {
            self.holders.borrow_mut().heard(from, asked, reply);
        }
        Ok(reply)
    }

    /// Between a client's read and its write: pauses it now and then, and asks whose the lock is.
    async fn hold_back(&self, from: ClientId, run: Run) {
        let own = self.holders.borrow().own(from, run);
        let (Some(own), true) = (own, self.lines.has_locks()) else { return };
        self.updates.set(self.updates.get() + 1);
        let every = u64::from(self.options.pause_every);
        if every > 0 && (self.updates.get() + self.options.seed).is_multiple_of(every) {
            self.count(|counts| counts.pauses += 1);
            // Long enough for the lock to run out, and for others to come by and take it.
            let pause = u64::from(own.ttl_ms) * 5 / 2 + 5;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        if self.holders.borrow().was_taken(run, own) {
            self.count(|counts| counts.expiries += 1);
        }
    }

    fn lose(&self, from: ClientId, why: String) -> Lost {
        tracing::debug!(client = from.0, %why, "a call is lost");
        self.count(|counts| counts.lost += 1);
        self.error.borrow_mut().get_or_insert(why);
        self.lost_in_a_row.set(self.lost_in_a_row.get() + 1);
        if self.lost_in_a_row.get() == LOST_MAX {
            self.broken.notify_one();
        }
        Lost
    }
}

/// The run whose head a call is to move.
fn moves_head(call: &Call) -> Option<Run> {
    let Call::Postgres(call) = call else { return None };
    match &call.statement {
        Statement::Update(update) if !matches!(update.set, Set::Same | Set::Token) => {
            Some(update.run)
        }
        _ => None,
    }
}

fn lock_call(call: &Call) -> Option<&models::worlds::leases::Call> {
    match call {
        Call::Redis(call) | Call::Node(_, call) => Some(call),
        _ => None,
    }
}

impl Remote for Speed {
    fn call(&self, from: ClientId, call: Call) -> Reached<'_> {
        Box::pin(async move {
            let asleep = matches!(call, Call::Clock(_));
            match self.send(from, call).await {
                Ok(reply) => {
                    if !asleep {
                        self.lost_in_a_row.set(0);
                    }
                    Ok(reply)
                }
                Err(why) => Err(self.lose(from, why)),
            }
        })
    }

    fn now_ns(&self) -> u64 {
        self.watch.ns()
    }
}
