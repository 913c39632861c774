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

/// Where a lock is kept: which trace it belongs to, and which node where there are several.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) epoch: u32,
    pub(crate) node: Option<Node>,
}

/// Redis servers to connect to, and the keys on them that are ours. Nodes without a server of their
/// own live on another's, each with keys of its own.
#[derive(Clone)]
pub struct Locks {
    servers: Vec<(Client, String)>,
    urls: Vec<(String, String)>,
    prefix: String,
    acquire: Script,
    release: Script,
    extend: Script,
    delete: Script,
    expire: Script,
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<&str> = self.servers.iter().map(|(_, shown)| shown.as_str()).collect();
        write!(f, "{} ({}*)", shown.join(", "), self.prefix)
    }
}

impl Locks {
    /// Where each of `urls` leads; beside it is the same without a password.
    pub(crate) fn new(urls: &[(String, String)], prefix: &str) -> Result<Self, RealError> {
        let server = |(url, shown): &(String, String)| {
            let client = Client::open(url.as_str()).map_err(|error| refused(shown, &error))?;
            Ok((client, shown.clone()))
        };
        Ok(Self {
            servers: urls.iter().map(server).collect::<Result<_, RealError>>()?,
            urls: urls.to_vec(),
            prefix: prefix.to_owned(),
            acquire: Script::new(ACQUIRE),
            release: Script::new(RELEASE),
            extend: Script::new(EXTEND),
            delete: Script::new(DELETE),
            expire: Script::new(EXPIRE),
        })
    }

    /// What [`Locks::new`] takes.
    pub(crate) fn address(&self) -> (Vec<(String, String)>, String) {
        (self.urls.clone(), self.prefix.clone())
    }

    /// One more connection, to the server of that node.
    pub(crate) async fn connect(
        &self,
        node: Option<Node>,
    ) -> Result<MultiplexedConnection, RealError> {
        let index = usize::from(node.map_or(0, |node| node.0)) % self.servers.len();
        connect(&self.servers[index]).await
    }

    /// Whether every server answers, and the first one's version.
    pub(crate) async fn prepare(&self) -> Result<String, RealError> {
        let mut versions = Vec::new();
        for server in &self.servers {
            let mut connection = connect(server).await?;
            let about: String = ::redis::cmd("INFO")
                .arg("server")
                .query_async(&mut connection)
                .await
                .map_err(|error| refused(&server.1, &error))?;
            let version = about.lines().find_map(|line| line.strip_prefix("redis_version:"));
            versions.push(version.unwrap_or("unknown").to_owned());
        }
        Ok(versions.swap_remove(0))
    }

    /// Removes every key of ours.
    pub(crate) async fn remove(&self) -> Result<(), RealError> {
        for server in &self.servers {
            self.remove_from(server).await?;
        }
        Ok(())
    }

    async fn remove_from(&self, server: &(Client, String)) -> Result<(), RealError> {
        let mut connection = connect(server).await?;
        let mut cursor = 0u64;
        loop {
            let (next, keys): (u64, Vec<String>) = ::redis::cmd("SCAN")
                .arg(cursor)
                .arg(("MATCH", format!("{}*", self.prefix), "COUNT", 1000))
                .query_async(&mut connection)
                .await
                .map_err(|error| refused(&server.1, &error))?;
            if !keys.is_empty() {
                let deleted = ::redis::cmd("DEL").arg(keys).exec_async(&mut connection).await;
                deleted.map_err(|error| refused(&server.1, &error))?;
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

    /// In braces is what decides on a cluster's node: a lock and its counter live together.
    fn lock(&self, Place { epoch, node }: Place, run: Run) -> String {
        let node = node.map_or(String::new(), |node| format!("{node}:"));
        format!("{}{epoch}:{node}lock:{{{run}}}", self.prefix)
    }

    fn token(&self, place: Place, run: Run) -> String {
        format!("{}:token", self.lock(place, run))
    }
}

async fn connect((client, shown): &(Client, String)) -> Result<MultiplexedConnection, RealError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_MAX))
        .set_response_timeout(Some(ANSWER_MAX));
    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
    connected.map_err(|error| refused(shown, &error))
}

fn refused(shown: &str, error: &RedisError) -> RealError {
    RealError::Connect { service: format!("redis at {shown}"), why: error.to_string() }
}
