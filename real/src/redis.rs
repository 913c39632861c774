//! The lock of `leases` on a real Redis: each operation one script, so that it is one step there.
//!
//! A key belongs to one trace: its name carries a number that no other trace of this run has, so
//! that nothing has to be flushed on a server that is not ours.

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisError, Script};
use models::worlds::leases::{Call, Reply};
use models::worlds::{Node, Run};
use std::fmt;
use std::time::Duration;

use crate::error::RealError;

/// `SET NX PX`, then the next fencing token; 0: somebody else has it.
const ACQUIRE: &str = "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) \
     then return redis.call('INCR', KEYS[2]) else return 0 end";

/// Deletes the key if it still has this value.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] \
     then return redis.call('DEL', KEYS[1]) else return 0 end";

/// Whether the key still has this value.
const EXTEND: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
     return redis.call('PEXPIRE', KEYS[1], ARGV[2]) else return 0 end";

/// Deletes the key, whatever its value.
const DELETE: &str = "return redis.call('DEL', KEYS[1])";

/// Whether there is a key to give more time.
const EXPIRE: &str = "return redis.call('PEXPIRE', KEYS[1], ARGV[1])";

/// How long an answer may take. A client of a lock that waits longer has lost it.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Where a lock is kept: which trace it belongs to, and which node where there are several. All
/// of them live on one server here, each with keys of its own.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) epoch: u32,
    pub(crate) node: Option<Node>,
}

/// A Redis to connect to, and the keys on it that are ours.
#[derive(Clone)]
pub struct Locks {
    client: Client,
    prefix: String,
    shown: String,
    acquire: Script,
    release: Script,
    extend: Script,
    delete: Script,
    expire: Script,
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}*)", self.shown, self.prefix)
    }
}

impl Locks {
    /// Where `url` leads; `shown` is the same without a password.
    pub(crate) fn new(url: &str, shown: &str, prefix: &str) -> Result<Self, RealError> {
        let client = Client::open(url).map_err(|error| refused(shown, &error))?;
        Ok(Self {
            client,
            prefix: prefix.to_owned(),
            shown: shown.to_owned(),
            acquire: Script::new(ACQUIRE),
            release: Script::new(RELEASE),
            extend: Script::new(EXTEND),
            delete: Script::new(DELETE),
            expire: Script::new(EXPIRE),
        })
    }

    /// One more connection.
    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection, RealError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_MAX))
            .set_response_timeout(Some(ANSWER_MAX));
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        connected.map_err(|error| refused(&self.shown, &error))
    }

    /// Whether the server answers, and its version.
    pub(crate) async fn prepare(&self) -> Result<String, RealError> {
        let mut connection = self.connect().await?;
        let about: String = ::redis::cmd("INFO")
            .arg("server")
            .query_async(&mut connection)
            .await
            .map_err(|error| refused(&self.shown, &error))?;
        let version = about.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.unwrap_or("unknown").to_owned())
    }

    /// Removes every key of ours.
    pub(crate) async fn remove(&self) -> Result<(), RealError> {
        let mut connection = self.connect().await?;
        let mut cursor = 0u64;
        loop {
            let (next, keys): (u64, Vec<String>) = ::redis::cmd("SCAN")
                .arg(cursor)
                .arg(("MATCH", format!("{}*", self.prefix), "COUNT", 1000))
                .query_async(&mut connection)
                .await
                .map_err(|error| refused(&self.shown, &error))?;
            if !keys.is_empty() {
                let deleted = ::redis::cmd("DEL").arg(keys).exec_async(&mut connection).await;
                deleted.map_err(|error| refused(&self.shown, &error))?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Sends a call; `ttl_ms` is how long a lock lasts, whatever the call says.
    pub(crate) async fn send(
        &self,
        connection: &mut MultiplexedConnection,
        place: Place,
        call: &Call,
        ttl_ms: u32,
    ) -> Result<Reply, String> {
        let answer = match *call {
            Call::Acquire { run, value, .. } => {
                let mut script = self.acquire.prepare_invoke();
                script.key(self.lock(place, run)).key(self.token(place, run));
                script.arg(value).arg(ttl_ms);
                script.invoke_async::<u64>(connection).await.map(|token| match token {
                    0 => Reply::Busy,
                    token => Reply::Granted { token },
                })
            }
            Call::Release { run, value } => {
                self.by_value(connection, &self.release, self.lock(place, run), value).await
            }
            Call::Extend { run, value, .. } => {
                let mut script = self.extend.prepare_invoke();
                script.key(self.lock(place, run)).arg(value).arg(ttl_ms);
                script.invoke_async::<u64>(connection).await.map(|held| Reply::Held(held == 1))
            }
            Call::Delete { run } => {
                let script = &mut self.delete.key(self.lock(place, run));
                script.invoke_async::<u64>(connection).await.map(|held| Reply::Held(held == 1))
            }
            Call::Expire { run, .. } => {
                self.by_value(connection, &self.expire, self.lock(place, run), ttl_ms.into()).await
            }
        };
        answer.map_err(|error| format!("redis: {error}"))
    }

    async fn by_value(
        &self,
        connection: &mut MultiplexedConnection,
        script: &Script,
        key: String,
        value: u64,
    ) -> Result<Reply, RedisError> {
        let held: u64 = script.key(key).arg(value).invoke_async(connection).await?;
        Ok(Reply::Held(held == 1))
    }

    /// Makes a lock run out now.
    pub(crate) async fn lapse(
        &self,
        connection: &mut MultiplexedConnection,
        place: Place,
        run: Run,
    ) -> Result<(), String> {
        let lapse = ::redis::cmd("PEXPIRE").arg(self.lock(place, run)).arg(0).clone();
        lapse.exec_async(connection).await.map_err(|error| format!("redis: {error}"))
    }

    /// Makes a node forget a lock and all there was of it.
    pub(crate) async fn forget(
        &self,
        connection: &mut MultiplexedConnection,
        place: Place,
        run: Run,
    ) -> Result<(), String> {
        let keys = [self.lock(place, run), self.token(place, run)];
        let forget = ::redis::cmd("DEL").arg(&keys).clone();
        forget.exec_async(connection).await.map_err(|error| format!("redis: {error}"))
    }

    /// The last token that was handed out.
    pub(crate) async fn token_last(
        &self,
        connection: &mut MultiplexedConnection,
        place: Place,
        run: Run,
    ) -> Result<u64, String> {
        let get = ::redis::cmd("GET").arg(self.token(place, run)).clone();
        let token: Option<u64> =
            get.query_async(connection).await.map_err(|error| format!("redis: {error}"))?;
        Ok(token.unwrap_or(0))
    }

    /// In braces is what decides on a cluster's node: a lock and its counter live together.
    fn lock(&self, Place { epoch, node }: Place, run: Run) -> String {
        let node = node.map_or(String::new(), |node| format!("{node}:"));
        format!("{}{epoch}:{node}lock:{{{run}}}", self.prefix)
    }

    fn token(&self, place: Place, run: Run) -> String {
        format!("{}:token", self.lock(place, run))
    }
}

fn refused(shown: &str, error: &RedisError) -> RealError {
    RealError::Connect { service: format!("redis at {shown}"), why: error.to_string() }
}
