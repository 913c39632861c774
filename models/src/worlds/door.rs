//! A client's side of the services: the calls one would write, with their types.
//!
//! A connection that fell silent is not used again: whether its last statement ran is unknown, and
//! a transaction left open on it is the server's to roll back. That it was let go is told with the
//! next statement, again and again until one is answered.

use super::clock;
use super::leases::{self, Call as Redis};
use super::objects::{self, Body, Call as S3, When};
use super::rows::{self, Isolation, Row, Statement, Update};
use super::slow_down::SECOND_MS;
use super::{Call, Node, Reply, Run, Services};
use sim::io::Waiting;
use sim::prelude::*;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Context;

/// The services, as one client reaches them, with one connection to Postgres at a time. A client
/// that wants two opens two doors.
pub struct Door<'a, M: Model<World = Services>> {
    io: &'a Io<M>,
    line: Cell<Line>,
    /// Connections that were let go, and the server has yet to hear of it.
    gave_up: RefCell<Vec<u64>>,
}

/// The connection to Postgres.
#[derive(Clone, Copy)]
enum Line {
    /// None: the next statement opens one.
    None,
    /// Ready for a statement.
    Idle(u64),
    /// A statement is under way.
    Busy,
}

/// A statement on its way, and the connection it is on. Unless it is answered, the connection is
/// let go: by silence, by a server that closed it, and by a caller that stopped waiting.
///
/// A future by hand: every statement of every run passes here, and an `async fn` would keep a copy
/// of it to begin with, and another around this to make something of the answer.
struct OnLine<'d, 'a, M: Model<World = Services>, R> {
    door: &'d Door<'a, M>,
    session: u64,
    answered: bool,
    waiting: Waiting<'a, M>,
    /// What the caller makes of the answer.
    read: R,
}

impl<M: Model<World = Services>, T, R: Fn(rows::Reply) -> T + Unpin> Future
    for OnLine<'_, '_, M, R>
{
    type Output = Result<T, Lost>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(told) = Pin::new(&mut self.waiting).poll(context) else {
            return Poll::Pending;
        };
        Poll::Ready(match told? {
            Reply::Postgres(rows::Reply::Closed) => Err(Lost),
            Reply::Postgres(reply) => {
                self.answered = true;
                self.door.line.set(Line::Idle(self.session));
                self.door.gave_up.borrow_mut().clear();
                Ok((self.read)(reply))
            }
            other => unreachable!("Postgres answers as Postgres, not {other:?}"),
        })
    }
}

impl<M: Model<World = Services>, R> Drop for OnLine<'_, '_, M, R> {
    #[inline]
    fn drop(&mut self) {
        if !self.answered {
            self.door.line.set(Line::None);
            self.door.gave_up.borrow_mut().push(self.session);
        }
    }
}

/// The same for Redis, which has no connection to speak of.
struct OnWay<'a, M: Model<World = Services>>(Waiting<'a, M>);

impl<M: Model<World = Services>> Future for OnWay<'_, M> {
    type Output = Result<leases::Reply, Lost>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(told) = Pin::new(&mut self.0).poll(context) else { return Poll::Pending };
        Poll::Ready(match told? {
            Reply::Redis(reply) => Ok(reply),
            other => unreachable!("Redis answers as Redis, not {other:?}"),
        })
    }
}

impl<'a, M: Model<World = Services>> Door<'a, M> {
    /// Nothing is connected until it is used.
    pub fn new(io: &'a Io<M>) -> Self {
        Door { io, line: Cell::new(Line::None), gave_up: RefCell::default() }
    }

    /// Sends a statement there and then; what `read` makes of its answer.
    #[inline]
    fn postgres<T, R: Fn(rows::Reply) -> T + Unpin>(
        &self,
        statement: Statement,
        read: R,
    ) -> impl Future<Output = Result<T, Lost>> + use<'_, 'a, M, T, R> {
        let session = match self.line.replace(Line::Busy) {
            Line::Idle(session) => session,
            // Not even a client that crashed and begins anew gets a number twice.
            Line::None => self.io.unique(),
            Line::Busy => panic!("a connection has one statement at a time: open a second door"),
        };
        let gave_up = self.gave_up.borrow().clone();
        let call = rows::Call { session, gave_up, statement };
        let waiting = self.io.call(Call::Postgres(call));
        OnLine { door: self, session, answered: false, waiting, read }
    }

    /// A statement that has nothing to answer.
    #[inline]
    fn done(&self, statement: Statement) -> impl Future<Output = Result<(), Lost>> {
        self.postgres(statement, |reply| match reply {
            rows::Reply::Done => {}
            other => unreachable!("no transaction of a door fails, but it heard {other:?}"),
        })
    }

    /// `BEGIN`
    pub fn begin(&self, isolation: Isolation) -> impl Future<Output = Result<(), Lost>> {
        self.done(Statement::Begin(isolation))
    }

    /// `COMMIT`
    pub fn commit(&self) -> impl Future<Output = Result<(), Lost>> {
        self.done(Statement::Commit)
    }

    /// `SELECT .. WHERE run_id = ..`; nothing if the row cannot be seen.
    pub fn select(&self, run: Run) -> impl Future<Output = Result<Option<Row>, Lost>> {
        self.postgres(Statement::Select { run }, |reply| match reply {
            rows::Reply::Row(row) => row,
            other => unreachable!("a SELECT answers a row, not {other:?}"),
        })
    }

    /// `UPDATE .. RETURNING seq`; nothing: 0 rows.
    pub fn update(&self, update: Update) -> impl Future<Output = Result<Option<u64>, Lost>> {
        self.postgres(Statement::Update(update), |reply| match reply {
            rows::Reply::Updated(seq) => seq,
            other => unreachable!("an UPDATE at READ COMMITTED answers rows, not {other:?}"),
        })
    }

    /// Asks the one Redis server there is.
    pub fn redis(
        &self,
        call: Redis,
    ) -> impl Future<Output = Result<leases::Reply, Lost>> + use<'a, M> {
        OnWay(self.io.call(Call::Redis(call)))
    }

    /// Takes the lock if it is free; the fencing token.
    pub async fn lock(&self, run: Run, value: u64, ttl_ms: u32) -> Result<Option<u64>, Lost> {
        match self.redis(Redis::Acquire { run, value, ttl_ms }).await? {
            leases::Reply::Granted { token } => Ok(Some(token)),
            _ => Ok(None),
        }
    }

    /// Gives it back if it is still the caller's. Silence does not matter: it runs out by itself.
    pub async fn unlock(&self, run: Run, value: u64) {
        let _ = self.redis(Redis::Release { run, value }).await;
    }

    /// Gives the lock its full time again, if it is still the caller's; whether it was.
    pub async fn extend(&self, run: Run, value: u64, ttl_ms: u32) -> bool {
        let extended = self.redis(Redis::Extend { run, value, ttl_ms }).await;
        extended == Ok(leases::Reply::Held(true))
    }

    /// Asks the first `nodes` of several servers at once, and waits for each answer or silence.
    pub async fn on_all(&self, nodes: u8, call: Redis) -> Vec<Result<leases::Reply, Lost>> {
        let asked: Vec<_> = (0..nodes).map(|node| self.on(Node(node), call.clone())).collect();
        let mut told = Vec::new();
        for it in asked {
            told.push(it.await);
        }
        told
    }

    /// Asks one of several servers.
    pub fn on(
        &self,
        node: Node,
        call: Redis,
    ) -> impl Future<Output = Result<leases::Reply, Lost>> + use<'a, M> {
        OnWay(self.io.call(Call::Node(node, call)))
    }

    /// Asked to slow down it waits and asks again: a 503 did nothing.
    async fn s3(&self, call: S3) -> Result<objects::Reply, Lost> {
        loop {
            match self.s3_once(call.clone()).await? {
                objects::Reply::SlowDown => self.sleep(SECOND_MS).await,
                reply => return Ok(reply),
            }
        }
    }

    async fn s3_once(&self, call: S3) -> Result<objects::Reply, Lost> {
        match self.io.call(Call::S3(call)).await? {
            Reply::S3(reply) => Ok(reply),
            other => unreachable!("S3 answers as S3, not {other:?}"),
        }
    }

    /// Writes an object and does not care about a 503; whether it was refused by its condition.
    pub async fn put_hastily(&self, key: String, body: Body, when: When) -> Result<bool, Lost> {
        let reply = self.s3_once(S3::Put { key, body, when }).await?;
        Ok(reply != objects::Reply::PreconditionFailed)
    }

    /// Writes an object; whether it was written.
    pub async fn put(&self, key: String, body: Body, when: When) -> Result<bool, Lost> {
        Ok(self.s3(S3::Put { key, body, when }).await? == objects::Reply::Written)
    }

    /// Reads an object.
    pub async fn get(&self, key: String) -> Result<Option<Body>, Lost> {
        match self.s3(S3::Get { key }).await? {
            objects::Reply::Found(body) => Ok(body),
            other => unreachable!("a GET answers an object, not {other:?}"),
        }
    }

    /// One page of keys, and whether there are more.
    pub async fn list(
        &self,
        prefix: String,
        start_after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<String>, bool), Lost> {
        match self.s3(S3::List { prefix, start_after, limit }).await? {
            objects::Reply::Page { keys, truncated } => Ok((keys, truncated)),
            other => unreachable!("a LIST answers a page, not {other:?}"),
        }
    }

    /// Every key after `start_after`, page by page.
    pub async fn list_all(
        &self,
        prefix: &str,
        start_after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, Lost> {
        let (mut all, mut after) = (Vec::new(), start_after);
        loop {
            let (keys, truncated) = self.list(prefix.to_owned(), after, limit).await?;
            after = keys.last().cloned();
            all.extend(keys);
            if !truncated {
                return Ok(all);
            }
        }
    }

    /// Waits. Its answer cannot be lost in any way that matters.
    pub async fn sleep(&self, ms: u32) {
        let _ = self.io.call(Call::Clock(clock::Call::Sleep { ms })).await;
    }

    /// What the client's own clock shows, in milliseconds.
    pub async fn now(&self) -> Result<u64, Lost> {
        match self.io.call(Call::Clock(clock::Call::Now)).await? {
            Reply::Clock(clock::Reply::Now { ms }) => Ok(ms),
            other => unreachable!("a clock answers what it shows, not {other:?}"),
        }
    }

    /// From here on the client takes itself for the holder of the lock it took with `value`, until
    /// its clock shows `until_ms`; how long that is. 0: it is over, or nobody knows.
    pub async fn trust(&self, value: u64, until_ms: u64) -> u32 {
        match self.io.call(Call::Clock(clock::Call::Trust { value, until_ms })).await {
            Ok(Reply::Clock(clock::Reply::Left { ms })) => ms,
            _ => 0,
        }
    }
}

/// Whichever is done first, `one` where both are. The other is dropped where it stands: its calls
/// are adrift.
pub async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        done => done,
    })
    .await
}
