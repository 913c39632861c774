//! What `--on` says: which services are to answer, and where they are.
//!
//! A server that is started here is ours and dies with the run. A user's server is somebody's
//! home: we work in a schema, under key names and in a bucket or prefix of our own, named at
//! random, and take them away again.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::capability::{self, Capability, Lack};
use crate::client::Addresses;
use crate::error::RealError;
use crate::exact::Exact;
use crate::postgres::Database;
use crate::redis::Locks;
use crate::s3::Bucket;
use crate::service::{self, ServiceError, embedded, minio, s3s_fs, weed};
use crate::speed::lines::Lines;

/// Which services are to be real.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Postgres.
    pub postgres: bool,
    /// Redis.
    pub redis: bool,
    /// How many Redis servers, for a model that wants several; 0 is one. A user's own server stands
    /// for all of them, with keys of its own for each.
    pub redis_nodes: usize,
    /// S3, and which.
    pub s3: Option<S3>,
}

/// Which S3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum S3 {
    /// The first that is there: MinIO, SeaweedFS, the embedded one.
    Any,
    /// MinIO.
    Minio,
    /// SeaweedFS.
    Weed,
    /// Our own, in this process.
    Embedded,
    /// The published server `s3s-fs`, which is under test and no reference.
    S3sFs,
}

impl S3 {
    const NAMES: [(&str, S3); 5] = [
        ("s3", S3::Any),
        (minio::NAME, S3::Minio),
        (weed::NAME, S3::Weed),
        (embedded::NAME, S3::Embedded),
        (s3s_fs::NAME, S3::S3sFs),
    ];

    /// As `--on` takes it.
    pub fn name(self) -> &'static str {
        let found = S3::NAMES.iter().find(|it| it.1 == self);
        found.expect("each of them has a name").0
    }
}

/// `s3=minio` and `minio` are the same.
impl FromStr for S3 {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let name = text.strip_prefix("s3=").unwrap_or(text);
        let found = S3::NAMES.iter().find(|it| it.0 == name);
        found.map(|it| it.1).ok_or(())
    }
}

impl FromStr for Wanted {
    type Err = RealError;

    fn from_str(text: &str) -> Result<Self, RealError> {
        let wrong = |part: &str| RealError::Wanted { text: part.to_owned() };
        let mut wanted = Wanted::default();
        for part in text.split(',').map(str::trim) {
            let twice = match part {
                "postgres" => std::mem::replace(&mut wanted.postgres, true),
                "redis" => std::mem::replace(&mut wanted.redis, true),
                _ => wanted.s3.replace(part.parse().map_err(|()| wrong(part))?).is_some(),
            };
            if twice {
                return Err(wrong(text));
            }
        }
        Ok(wanted)
    }
}

/// Where a user's own servers are. What is not given is started here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Given {
    /// `postgres://user:password@host:port/database`
    pub postgres_url: Option<String>,
    /// `redis://:password@host:port/`
    pub redis_url: Option<String>,
    /// `http://host:port`; keys, region and bucket come from the usual `AWS_*` variables.
    pub s3_endpoint: Option<String>,
    /// Its access key and the secret to it, instead of those in the variables.
    pub s3_keys: Option<(String, String)>,
}

/// A service that answers in this run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Card {
    /// As `--on` has it: `postgres`, `redis`, `s3=minio`; a user's S3 is `s3`.
    pub service: String,
    /// The version, as the service tells it.
    pub version: String,
    /// Whether its answers are evidence. Those of the embedded server, which is ours, are not; nor
    /// are those of `s3s-fs`, which is under test.
    pub real: bool,
    /// Where it is, without a password.
    pub url: String,
}

/// Services that answer, until this is dropped.
#[derive(Debug)]
pub struct Targets {
    pub(crate) postgres: Option<(Card, Database)>,
    pub(crate) redis: Option<(Card, Locks)>,
    pub(crate) s3: Option<(Card, Bucket)>,
    /// What the S3 lacks.
    lacking: Vec<Lack>,
    /// Connections, kept from trace to trace.
    pub(crate) exact: RefCell<Option<Exact>>,
    epoch: Cell<u32>,
    cleanup: Vec<Cleanup>,
    servers: Servers,
}

/// What a user's server has to be rid of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cleanup {
    Schema,
    Keys,
    Objects { whole: bool },
}

/// Servers of ours; dropped last, and stopped by it.
#[derive(Debug, Default)]
struct Servers {
    _postgres: Option<service::Postgres>,
    redis: Arc<Vec<service::Redis>>,
    _s3: Option<Box<dyn Reach>>,
}

impl Targets {
    /// Starts what is wanted, or connects to what is given.
    pub fn start(wanted: &Wanted, given: &Given) -> Result<Self, RealError> {
        if *wanted == Wanted::default() {
            return Err(RealError::Wanted { text: String::new() });
        }
        let mut targets = Targets {
            postgres: None,
            redis: None,
            s3: None,
            lacking: Vec::new(),
            exact: RefCell::new(None),
            epoch: Cell::new(0),
            cleanup: Vec::new(),
            servers: Servers::default(),
        };
        let name = format!("unforked_{}", service::secret::hex(6)?);
        let runtime = runtime()?;
        if wanted.postgres {
            runtime.block_on(targets.start_postgres(given, &name))?;
        }
        if wanted.redis {
            runtime.block_on(targets.start_redis(given, wanted.redis_nodes, &name))?;
        }
        if let Some(s3) = wanted.s3 {
            runtime.block_on(targets.start_s3(s3, given, &name))?;
        }
        if let Some((_, bucket)) = &targets.s3 {
            targets.lacking = runtime.block_on(capability::probe(bucket))?;
        }
        Ok(targets)
    }

    /// What answers in this run.
    pub fn services(&self) -> Vec<Card> {
        let postgres = self.postgres.iter().map(|(card, _)| card);
        let redis = self.redis.iter().map(|(card, _)| card);
        let s3 = self.s3.iter().map(|(card, _)| card);
        postgres.chain(redis).chain(s3).cloned().collect()
    }

    /// What the S3 lacks.
    pub fn lacking(&self) -> &[Lack] {
        &self.lacking
    }

    /// What it lacks of this, in a sentence.
    pub(crate) fn lacks(&self, capability: Capability) -> Option<String> {
        self.lacking.iter().find(|it| it.capability == capability).map(Lack::to_string)
    }

    /// Lines for the run of that number.
    pub(crate) fn lines(&self, epoch: u32) -> Lines {
        let database = self.postgres.as_ref().map(|(_, it)| it.clone());
        let locks = self.redis.as_ref().map(|(_, it)| it.clone());
        let bucket = self.s3.as_ref().map(|(_, it)| it.clone());
        Lines::new(database, locks, bucket, epoch)
    }

    /// What a client in a process of its own needs for such lines.
    pub(crate) fn addresses(&self, epoch: u32) -> Addresses {
        Addresses {
            client: 0,
            epoch,
            postgres: self.postgres.as_ref().map(|(_, it)| it.address()),
            redis: self.redis.as_ref().map(|(_, it)| it.address()),
            s3: self.s3.as_ref().map(|(_, it)| it.address()),
        }
    }

    /// The Redis servers of ours.
    pub(crate) fn redis_servers(&self) -> Arc<Vec<service::Redis>> {
        Arc::clone(&self.servers.redis)
    }

    /// A number for one more trace or run, which keeps its keys apart from all others'.
    pub(crate) fn next_epoch(&self) -> u32 {
        self.epoch.set(self.epoch.get() + 1);
        self.epoch.get()
    }

    async fn start_postgres(&mut self, given: &Given, name: &str) -> Result<(), RealError> {
        let (url, shown) = match &given.postgres_url {
            Some(url) => (url.clone(), redacted(url)),
            None => {
                // Explicit runs keep a connection for each transaction that fell silent.
                let extra = vec![("max_connections".to_owned(), "400".to_owned())];
                let options = service::postgres::Options { extra, ..Default::default() };
                let server = service::Postgres::start(&options)?;
                let at = (server.url(), server.redacted_url());
                self.servers._postgres = Some(server);
                at
            }
        };
        let database = Database::new(&url, &shown, name)?;
        let version = database.prepare().await?;
        let service = service::postgres::NAME.to_owned();
        self.postgres = Some((Card { service, version, real: true, url: shown }, database));
        if given.postgres_url.is_some() {
            self.cleanup.push(Cleanup::Schema);
        }
        Ok(())
    }

    async fn start_redis(
        &mut self,
        given: &Given,
        nodes: usize,
        name: &str,
    ) -> Result<(), RealError> {
        let urls = match &given.redis_url {
            Some(url) => vec![(url.clone(), redacted(url))],
            None => {
                let options = service::redis::Options::default();
                let servers = service::Redis::start_many(nodes.max(1), &options)?;
                self.servers.redis = Arc::new(servers);
                let at = |it: &service::Redis| (it.url(), it.redacted_url());
                self.servers.redis.iter().map(at).collect()
            }
        };
        let shown = urls.iter().map(|(_, shown)| shown.as_str()).collect::<Vec<_>>().join(", ");
        let locks = Locks::new(&urls, &format!("{name}:"))?;
        let version = locks.prepare().await?;
        let service = service::redis::NAME.to_owned();
        self.redis = Some((Card { service, version, real: true, url: shown }, locks));
        if given.redis_url.is_some() {
            self.cleanup.push(Cleanup::Keys);
        }
        Ok(())
    }

    async fn start_s3(&mut self, s3: S3, given: &Given, name: &str) -> Result<(), RealError> {
        if let Some(endpoint) = &given.s3_endpoint {
            return self.connect_s3(endpoint, given, name).await;
        }
        let (service, builder, url, version) = self.servers.start_s3(s3)?;
        let bucket = Bucket::new(builder.with_bucket_name("unforked"), &url, &format!("{name}/"))?;
        bucket.make().await?;
        let real = ![embedded::NAME, s3s_fs::NAME].contains(&service);
        let service = format!("s3={service}");
        self.s3 = Some((Card { service, version, real, url }, bucket));
        Ok(())
    }

    /// A user's S3: in the bucket that `AWS_BUCKET` names, or in one of our own.
    async fn connect_s3(
        &mut self,
        endpoint: &str,
        given: &Given,
        name: &str,
    ) -> Result<(), RealError> {
        let mut builder = AmazonS3Builder::from_env().with_endpoint(endpoint);
        if let Some((id, secret)) = &given.s3_keys {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        let whole = builder.get_config_value(&AmazonS3ConfigKey::Bucket).is_none();
        if whole {
            builder = builder.with_bucket_name(name.replace('_', "-"));
        }
        if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
            builder = builder.with_region("us-east-1");
        }
        let url = redacted(endpoint);
        let bucket = Bucket::new(builder, &url, &format!("{name}/"))?;
        if whole {
            bucket.make().await?;
        }
        let (service, version) = ("s3".to_owned(), "unknown".to_owned());
        self.s3 = Some((Card { service, version, real: true, url }, bucket));
        self.cleanup.push(Cleanup::Objects { whole });
        Ok(())
    }

    async fn clean(&self, what: Cleanup) -> Result<(), RealError> {
        match (what, &self.postgres, &self.redis, &self.s3) {
            (Cleanup::Schema, Some((_, database)), _, _) => database.remove().await,
            (Cleanup::Keys, _, Some((_, locks)), _) => locks.remove().await,
            (Cleanup::Objects { whole }, _, _, Some((_, bucket))) => bucket.remove(whole).await,
            _ => Ok(()),
        }
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        // First the connections, whose open transactions would keep the schema from going.
        self.exact.take();
        let Ok(runtime) = runtime() else { return };
        for what in std::mem::take(&mut self.cleanup) {
            if let Err(error) = runtime.block_on(self.clean(what)) {
                tracing::warn!(%error, ?what, "something of ours is left on a user's server");
            }
        }
    }
}

impl Servers {
    /// Starts an S3: its name, how to reach it, where it is and its version.
    fn start_s3(
        &mut self,
        s3: S3,
    ) -> Result<(&'static str, AmazonS3Builder, String, String), RealError> {
        let (name, version, server): (_, _, Box<dyn Reach>) = match s3 {
            S3::Minio => (minio::NAME, minio::find()?.version, Box::new(service::Minio::start()?)),
            S3::Weed => (weed::NAME, weed::find()?.version, Box::new(service::Weed::start()?)),
            S3::Embedded => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                (embedded::NAME, version, Box::new(service::Embedded::start()?))
            }
            S3::S3sFs => {
                let version = s3s_fs::VERSION.to_owned();
                (s3s_fs::NAME, version, Box::new(service::S3sFs::start()?))
            }
            S3::Any => {
                for named in [S3::Minio, S3::Weed] {
                    match self.start_s3(named) {
                        Err(RealError::Service(ServiceError::NotFound { .. })) => {}
                        started => return started,
                    }
                }
                return self.start_s3(S3::Embedded);
            }
        };
        let (url, reach) = server.reach();
        self._s3 = Some(server);
        Ok((name, reach, url, version))
    }
}

/// An S3 server of ours: where it is, and how a client reaches it.
trait Reach: fmt::Debug {
    fn reach(&self) -> (String, AmazonS3Builder);
}

macro_rules! reach {
    ($($server:ty),*) => {$(
        impl Reach for $server {
            fn reach(&self) -> (String, AmazonS3Builder) {
                let url = self.endpoint();
                let builder = AmazonS3Builder::new()
                    .with_endpoint(&url)
                    .with_access_key_id(self.access_key())
                    .with_secret_access_key(self.secret_key())
                    .with_region(self.region());
                (url, builder)
            }
        }
    )*};
}

reach!(service::Minio, service::Weed, service::Embedded, service::S3sFs);

/// A runtime for one thread: clients of a run live together, as in simulation.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, RealError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RealError::Runtime)
}

/// A URL without its password.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // What follows a question mark may hold a password too.
    let path = path.split('?').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}{path}")
        }
        None => format!("{scheme}://{authority}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_on_says_is_read() {
        let wanted = |text: &str| Wanted::from_str(text).map_err(|error| error.to_string());
        let both = Wanted { postgres: true, redis: true, ..Wanted::default() };
        assert_eq!(wanted("postgres,redis"), Ok(both));
        assert_eq!(wanted("postgres, redis, s3"), Ok(Wanted { s3: Some(S3::Any), ..both }));
        for (text, s3) in [
            ("s3=weed", S3::Weed),
            ("minio", S3::Minio),
            ("s3=minio", S3::Minio),
            ("s3s-fs", S3::S3sFs),
        ] {
            assert_eq!(wanted(text), Ok(Wanted { s3: Some(s3), ..Wanted::default() }));
        }
        for wrong in
            ["", "mysql", "s3=", "s3=postgres", "postgres,postgres", "s3,minio", "postgres;redis"]
        {
            let error = wanted(wrong).expect_err(wrong);
            assert!(error.contains("s3=embedded"), "it says what there is: {error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let all = [
            ("postgres://me:secret@host:5432/db?password=secret", "postgres://me:***@host:5432/db"),
            ("redis://:secret@host/", "redis://:***@host/"),
            ("http://host:9000", "http://host:9000"),
        ];
        for (url, shown) in all {
            assert_eq!(redacted(url), shown);
        }
    }
}
