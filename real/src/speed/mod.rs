//! Real services at full speed: every client has connections of its own, and real time runs.
//!
//! Two things are hard. A lock that runs out at the wrong moment is rare when all is well, so now
//! and then a client is held back between its read and its write, as by a long pause of its
//! runtime: where it is a process of its own, the system stops it. And whether the lock was then
//! somebody else's must be known before the write is sent, for afterwards it proves nothing.

mod holders;
pub(crate) mod lines;
mod restarts;
mod simulated;

use models::served::{Reached, Remote};
use models::worlds::rows::{Set, Statement};
use models::worlds::{Call, Reply, Run};
use sim::io::Lost;
use sim::prelude::ClientId;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::AddAssign;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

use self::holders::{Held, Holders};
use self::lines::{Lines, Watch};
use self::restarts::Restarts;
use self::simulated::Simulated;
use crate::client::{Addresses, Process, Program};
use crate::targets::Targets;

/// So many lost calls in a row are not a hiccup: the service is gone.
const LOST_MAX: u32 = 100;

/// How long it takes at least to hear nothing.
const LOST_NAP: Duration = Duration::from_millis(1);

/// How long a client is held back at most, for somebody else to come by and take its lock.
const TAKE_TIME_MAX: Duration = Duration::from_secs(3);

/// How a run at full speed is disturbed and bounded.
#[derive(Clone, Debug)]
pub struct Options {
    /// With a real lock, one UPDATE in so many is held back until the lock has run out; 0: none.
    pub pause_every: u32,
    /// Where the counting of those begins.
    pub seed: u64,
    /// When the run is given up.
    pub time_max: Duration,
    /// How often each promise of an object store is raced, at most.
    pub races: u32,
    /// With a real lock, what starts each client as a process of its own; none: all live in this
    /// process, and one that is held back sleeps.
    pub client: Option<Program>,
    /// Where there are several Redis nodes of ours, how long after one another they crash and come
    /// back empty; none: they do not.
    pub restart_every: Option<Duration>,
    /// Whether somebody wants the run to end now.
    pub is_over: fn() -> bool,
}

impl Default for Options {
    fn default() -> Self {
        let time_max = Duration::from_secs(240);
        let (client, restart_every) = (None, None);
        let is_over = || false;
        Options { pause_every: 20, seed: 0, time_max, races: 200, client, restart_every, is_over }
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
    /// How often a client's process was really stopped.
    pub stops: u64,
    /// How often a node of Redis crashed and came back empty.
    pub restarts: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in self.answers.iter_mut().zip(other.answers) {
            *sum += more;
        }
        self.lost += other.lost;
        self.pauses += other.pauses;
        self.expiries += other.expiries;
        self.stops += other.stops;
        self.restarts += other.restarts;
    }
}

/// Services for all clients of one run.
pub struct Speed {
    lines: Lines,
    addresses: Addresses,
    /// The clients that are processes of their own.
    clients: RefCell<HashMap<ClientId, Rc<Process>>>,
    restarts: Option<Restarts>,
    aside: Simulated,
    options: Options,
    watch: Watch,
    holders: RefCell<Holders>,
    updates: Cell<u64>,
    lost_in_a_row: Cell<u32>,
    counts: Cell<Counts>,
    error: RefCell<Option<String>>,
    broken: Notify,
}

impl Speed {
    /// Services for one run over so many rows, which are at 0, and locks on so many Redis nodes;
    /// its keys are those of `epoch`.
    pub fn new(
        targets: &Targets,
        epoch: u32,
        (runs, nodes): (u16, usize),
        options: Options,
    ) -> Self {
        let lines = targets.lines(epoch);
        let several = Some(targets.redis_servers()).filter(|it| it.len() > 1);
        let restarts = options.restart_every.zip(several);
        Speed {
            lines,
            addresses: targets.addresses(epoch),
            clients: RefCell::default(),
            restarts: restarts.map(|(pause, nodes)| Restarts::every(pause, nodes)),
            aside: Simulated::new(runs),
            options,
            watch: Watch::started(),
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
        let restarts = self.restarts.as_ref().map_or(0, Restarts::count);
        Counts { restarts, ..self.counts.get() }
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
        let process = self.process(from)?;
        if let Call::Clock(call) = call {
            return match process {
                Some(process) => answered(process.ask(Some(Call::Clock(call))).await?),
                None => Ok(Reply::Clock(self.watch.tell(call).await)),
            };
        }
        if let Some(run) = moves_head(&call) {
            self.hold_back(from, run, process.as_deref()).await?;
        }
        let asked = lock_call(&call).cloned();
        if let Some(asked) = &asked {
            self.holders.borrow_mut().asks(from, asked);
        }
        let reply = match self.lines.serves(&call) {
            Some(service) => {
                let reply = match process {
                    Some(process) => answered(process.ask(Some(call)).await?)?,
                    None => self.lines.send(from, call).await?,
                };
                self.count(|counts| counts.answers[service] += 1);
                reply
            }
            None => {
                if let Some(process) = process {
                    process.ask(None).await?;
                }
                self.aside.call(from, call).await
            }
        };
        if let (Some(asked), Reply::Redis(reply)) = (&asked, &reply) {
            self.holders.borrow_mut().heard(from, asked, reply);
        }
        Ok(reply)
    }

    /// The client's own process, if it has one.
    fn process(&self, client: ClientId) -> Result<Option<Rc<Process>>, String> {
        let Some(program) = self.options.client.as_ref().filter(|_| self.lines.has_locks()) else {
            return Ok(None);
        };
        if let Some(process) = self.clients.borrow().get(&client) {
            return Ok(Some(Rc::clone(process)));
        }
        let addresses = Addresses { client: client.0, ..self.addresses.clone() };
        let process = Process::start(program, &addresses).map_err(|error| error.to_string())?;
        let process = Rc::new(process);
        self.clients.borrow_mut().insert(client, Rc::clone(&process));
        Ok(Some(process))
    }

    /// Between a client's read and its write: holds it back now and then until its lock has run
    /// out, and asks whose the lock is.
    async fn hold_back(
        &self,
        from: ClientId,
        run: Run,
        process: Option<&Process>,
    ) -> Result<(), String> {
        let own = self.holders.borrow().own(from, run);
        let (Some(own), true) = (own, self.lines.has_locks()) else { return Ok(()) };
        self.updates.set(self.updates.get() + 1);
        let every = u64::from(self.options.pause_every);
        if every > 0 && (self.updates.get() + self.options.seed).is_multiple_of(every) {
            self.count(|counts| counts.pauses += 1);
            if let Some(process) = process {
                process.stop().await?;
                self.count(|counts| counts.stops += 1);
            }
            self.let_it_run_out(run, own).await;
            if let Some(process) = process {
                process.go_on();
            }
        }
        if self.holders.borrow().was_taken(run, own) {
            self.count(|counts| counts.expiries += 1);
        }
        Ok(())
    }

    /// Waits until a lock has run out, and somebody else has it; not for ever, for there may be
    /// nobody left who wants it.
    async fn let_it_run_out(&self, run: Run, own: Held) {
        let ttl = Duration::from_millis(u64::from(own.ttl_ms));
        tokio::time::sleep(ttl).await;
        let mut left = (ttl * 2).max(TAKE_TIME_MAX);
        while left > Duration::ZERO && !self.holders.borrow().was_taken(run, own) {
            let nap = Duration::from_millis(5);
            tokio::time::sleep(nap).await;
            left = left.saturating_sub(nap);
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

/// What a process says to a call.
fn answered(reply: Option<Reply>) -> Result<Reply, String> {
    reply.ok_or_else(|| "a client's process forgot what it was asked".to_owned())
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
                Err(why) => {
                    // A client that tries again at once must not keep all others from their turn.
                    tokio::time::sleep(LOST_NAP).await;
                    Err(self.lose(from, why))
                }
            }
        })
    }

    fn now_ns(&self) -> u64 {
        self.watch.ns()
    }
}
