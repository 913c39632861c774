//! The objects of `objects` in a real bucket.
//!
//! On the wire a call is one request: `PUT` with `If-None-Match: *` or `If-Match`, `GET`, and
//! `GET ?list-type=2` with `prefix`, `start-after` and `max-keys`, so that a page's border is the
//! server's. Nothing is sent twice: a conditional put that is retried in silence answers for its
//! own first try.

use futures_util::stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use models::worlds::objects::{Body, Call, PAGE_MAX, Reply, When};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpConnector, HttpRequestBody, ReqwestConnector};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload, RetryConfig,
    UpdateVersion,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::error::RealError;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A bucket, and the keys in it that are ours.
#[derive(Clone)]
pub struct Bucket {
    store: AmazonS3,
    /// How it was configured, for one more client of it.
    settings: Vec<(&'static str, String)>,
    prefix: String,
    shown: String,
}

/// What leads to a bucket, by the names that object_store has for it.
const SETTINGS: [&str; 6] = [
    "aws_endpoint_url",
    "aws_bucket_name",
    "aws_region",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.shown, self.prefix)
    }
}

/// What leads to a bucket, where it is as it may be shown, and what our keys begin with.
pub(crate) type Address = (Vec<(String, String)>, String, String);

/// The etags of what was written or read, by key and transition: what `If-Match` needs.
pub(crate) type Etags = RefCell<HashMap<(String, u64), String>>;

impl Bucket {
    /// The bucket that `builder` leads to; `shown` says where that is.
    pub(crate) fn new(
        builder: AmazonS3Builder,
        shown: &str,
        prefix: &str,
    ) -> Result<Self, RealError> {
        let value =
            |name: &'static str| Some((name, builder.get_config_value(&name.parse().ok()?)?));
        let settings = SETTINGS.iter().filter_map(|name| value(name)).collect();
        let store = builder
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_client_options(options())
            .build()
            .map_err(|error| refused(shown, error))?;
        Ok(Self { store, settings, prefix: prefix.to_owned(), shown: shown.to_owned() })
    }

    /// What [`Bucket::at_address`] takes.
    pub(crate) fn address(&self) -> Address {
        let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        (self.settings.iter().map(owned).collect(), self.shown.clone(), self.prefix.clone())
    }

    /// One more client of a bucket.
    pub(crate) fn at_address((settings, shown, prefix): &Address) -> Result<Self, RealError> {
        let mut builder = AmazonS3Builder::new();
        for (name, value) in settings {
            let key = name.parse().map_err(|error: Error| refused(shown, error))?;
            builder = builder.with_config(key, value);
        }
        Self::new(builder, shown, prefix)
    }

    /// Where it is, as it may be shown.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Makes the bucket; one that is there and ours stays as it is. A server that says 503 is busy
    /// starting, or asks us to slow down: it is asked again for a while.
    pub(crate) async fn make(&self) -> Result<(), RealError> {
        let mut patience = 100;
        loop {
            match self.ask_bucket(hyper::Method::PUT).await? {
                200..=299 | 409 => return Ok(()),
                503 if patience > 0 => patience -= 1,
                status => {
                    let why = format!("making a bucket is answered by {status}");
                    return Err(refused(&self.shown, why));
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Removes every object of ours, and the bucket too if `whole` and nothing else is in it.
    pub(crate) async fn remove(&self, whole: bool) -> Result<(), RealError> {
        loop {
            let options =
                PaginatedListOptions { max_keys: Some(1000), ..PaginatedListOptions::default() };
            let page = self.store.list_paginated(Some(&self.prefix), options).await;
            let objects = page.map_err(|error| refused(&self.shown, error))?.result.objects;
            if objects.is_empty() {
                break;
            }
            let locations: Vec<Path> = objects.into_iter().map(|it| it.location).collect();
            self.delete(locations).await.map_err(|error| refused(&self.shown, error))?;
        }
        if whole {
            self.ask_bucket(hyper::Method::DELETE).await?;
        }
        Ok(())
    }

    /// Deletes a page of objects at once, or one by one where the server knows no such request.
    async fn delete(&self, locations: Vec<Path>) -> Result<(), Error> {
        let all = stream::iter(locations.clone()).map(Ok).boxed();
        let at_once: Result<Vec<Path>, Error> = self.store.delete_stream(all).try_collect().await;
        if at_once.is_err() {
            for location in &locations {
                self.store.delete(location).await?;
            }
        }
        Ok(())
    }

    /// A request to the bucket itself, which the client knows no call for.
    async fn ask_bucket(&self, method: hyper::Method) -> Result<u16, RealError> {
        let root = Path::default();
        let url = self.store.signed_url(method.clone(), &root, Duration::from_secs(60)).await;
        let url = url.map_err(|error| refused(&self.shown, error))?;
        let request = hyper::Request::builder()
            .method(method)
            .uri(url.as_str())
            .body(HttpRequestBody::empty())
            .map_err(|error| refused(&self.shown, error))?;
        let client = ReqwestConnector::default().connect(&options());
        let client = client.map_err(|error| refused(&self.shown, error))?;
        let answer = client.execute(request).await.map_err(|error| refused(&self.shown, error))?;
        Ok(answer.status().as_u16())
    }

    /// Sends a call of trace `epoch`; an error is one that no model knows.
    pub(crate) async fn send(
        &self,
        etags: &Etags,
        epoch: u32,
        call: &Call,
    ) -> Result<Reply, String> {
        let answer = self.answered(etags, epoch, call, 0).await;
        answer.map_err(|error| format!("s3: {error}"))
    }

    /// Sends a call whose object has so many bytes, if it has not more by itself. That the store
    /// asks to slow down is an answer, and that an object is shorter than it was put an error.
    pub(crate) async fn ask(
        &self,
        etags: &Etags,
        epoch: u32,
        call: &Call,
        bytes: u64,
    ) -> Result<Reply, Error> {
        match self.answered(etags, epoch, call, bytes).await {
            Err(error) if is_slow_down(&error) => Ok(Reply::SlowDown),
            answer => answer,
        }
    }

    async fn answered(
        &self,
        etags: &Etags,
        epoch: u32,
        call: &Call,
        bytes: u64,
    ) -> Result<Reply, Error> {
        match call {
            Call::Put { key, body, when } => {
                let mut payload = format!("{} {}", body.by, body.after).into_bytes();
                payload.resize(payload.len().max(bytes as usize), b' ');
                self.put(etags, epoch, (key, body.by), payload, *when).await
            }
            Call::Get { key } => self.get(etags, epoch, key, bytes).await,
            Call::List { prefix, start_after, limit } => {
                self.list(epoch, prefix, start_after.as_deref(), *limit).await
            }
        }
    }

    async fn put(
        &self,
        etags: &Etags,
        epoch: u32,
        (key, by): (&str, u64),
        payload: Vec<u8>,
        when: When,
    ) -> Result<Reply, Error> {
        let mode = match when {
            When::Always => PutMode::Overwrite,
            When::Absent => PutMode::Create,
            When::Is(by) => {
                let known = etags.borrow().get(&(key.to_owned(), by)).cloned();
                // Of what was never written there is no etag; this is nobody's.
                let e_tag = Some(known.unwrap_or_else(|| format!("\"{:032x}\"", 0)));
                PutMode::Update(UpdateVersion { e_tag, version: None })
            }
        };
        let at = self.at(epoch, key)?;
        match self.store.put_opts(&at, PutPayload::from(payload), mode.into()).await {
            Ok(put) => {
                let e_tag = put.e_tag.unwrap_or_default();
                etags.borrow_mut().insert((key.to_owned(), by), e_tag);
                Ok(Reply::Written)
            }
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                Ok(Reply::PreconditionFailed)
            }
            // S3 answers 404, not 412, to `If-Match` on a key that is not there.
            Err(Error::NotFound { .. }) if matches!(when, When::Is(_)) => {
                Ok(Reply::PreconditionFailed)
            }
            Err(error) => Err(error),
        }
    }

    async fn get(&self, etags: &Etags, epoch: u32, key: &str, bytes: u64) -> Result<Reply, Error> {
        let (found, e_tag) = match self.store.get(&self.at(epoch, key)?).await {
            Ok(found) => {
                let e_tag = found.meta.e_tag.clone();
                (found.bytes().await?, e_tag)
            }
            Err(Error::NotFound { .. }) => return Ok(Reply::Found(None)),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&found);
        let whole = (found.len() as u64 >= bytes).then(|| text.trim_end());
        let body = whole.and_then(|it| it.split_once(' ')).and_then(|(by, after)| {
            Some(Body { by: by.parse().ok()?, after: after.parse().ok()? })
        });
        // It may be read before its writer has heard that it is written.
        if let (Some(body), Some(e_tag)) = (body, e_tag) {
            etags.borrow_mut().entry((key.to_owned(), body.by)).or_insert(e_tag);
        }
        body.map(|body| Reply::Found(Some(body))).ok_or_else(|| Error::Generic {
            store: "S3",
            source: format!(
                "{key} has {} bytes and says '{:.40}', which nobody of us wrote",
                found.len(),
                text.trim_end()
            )
            .into(),
        })
    }

    async fn list(
        &self,
        epoch: u32,
        prefix: &str,
        start_after: Option<&str>,
        limit: u32,
    ) -> Result<Reply, Error> {
        let ours = format!("{}{epoch}/", self.prefix);
        let options = PaginatedListOptions {
            offset: start_after.map(|after| format!("{ours}{after}")),
            max_keys: Some(limit.min(PAGE_MAX) as usize),
            ..PaginatedListOptions::default()
        };
        let page = self.store.list_paginated(Some(&format!("{ours}{prefix}")), options).await?;
        let bare = |key: &str| key.strip_prefix(&ours).unwrap_or(key).to_owned();
        let keys = page.result.objects.iter().map(|it| bare(it.location.as_ref())).collect();
        Ok(Reply::Page { keys, truncated: page.page_token.is_some() })
    }

    fn at(&self, epoch: u32, key: &str) -> Result<Path, Error> {
        Ok(Path::parse(format!("{}{epoch}/{key}", self.prefix))?)
    }
}

/// Whether a store asks to slow down: 503, or the code in what it says. The library has the status,
/// and shows it in words only.
fn is_slow_down(error: &Error) -> bool {
    let said = error.to_string();
    said.contains("503 Service Unavailable") || said.contains("<Code>SlowDown</Code>")
}

fn options() -> ClientOptions {
    ClientOptions::new().with_allow_http(true).with_timeout(ANSWER_MAX)
}

fn refused(shown: &str, error: impl fmt::Display) -> RealError {
    RealError::Connect { service: format!("s3 at {shown}"), why: error.to_string() }
}
