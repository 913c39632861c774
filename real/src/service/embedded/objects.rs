//! The objects of the embedded S3: one map behind one lock.
//!
//! The lock is the point. A conditional put looks at what is there and replaces it; s3s-fs does
//! the two apart, and in 128 of 150 races two writers created the same object. Here both happen
//! under the lock, which is never held across an await.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use s3s::crypto::{Checksum, Md5};
use s3s::dto::*;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

/// What one put may carry. Ours are small; a loop gone wild is to fail, not to fill the memory.
const OBJECT_BYTES_MAX: usize = 64 << 20;

/// What one page of a listing may hold, as at S3.
const PAGE_KEYS_MAX: i32 = 1_000;

type Bucket = BTreeMap<String, Stored>;

/// Every bucket with its objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// The same objects, as the server holds them.
pub(super) struct Shared(pub(super) Arc<Objects>);

#[derive(Clone, Debug)]
struct Stored {
    bytes: Arc<[u8]>,
    etag: ETag,
    modified: SystemTime,
}

impl Stored {
    fn new(bytes: &[u8]) -> Self {
        // The content's MD5, as S3 has it: equal contents have equal etags, so an If-Match does
        // not see that an object went from A to B and back. A counter would hide such a bug.
        let digest = Md5::checksum(bytes);
        let etag = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: bytes.into(), etag: ETag::Strong(etag), modified: SystemTime::now() }
    }

    fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).expect("an object is at most 64 MiB")
    }
}

impl Objects {
    /// Makes a bucket; false where it was there.
    pub(super) fn make_bucket(&self, name: &str) -> bool {
        let mut buckets = self.buckets.lock();
        let fresh = !buckets.contains_key(name);
        buckets.entry(name.to_string()).or_default();
        fresh
    }

    fn bucket(&self, name: &str) -> S3Result<MappedMutexGuard<'_, Bucket>> {
        MutexGuard::try_map(self.buckets.lock(), |buckets| buckets.get_mut(name))
            .map_err(|_| s3_error!(NoSuchBucket))
    }

    fn get(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        self.bucket(bucket)?.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }
}

/// Whether `condition` holds of an object that is there.
fn matches(condition: &ETagCondition, stored: &Stored) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => *etag == stored.etag,
    }
}

/// Whether an object may be replaced or deleted.
fn check_write(
    there: Option<&Stored>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    match (if_match, there) {
        (None, _) => {}
        (Some(_), None) => return Err(s3_error!(NoSuchKey)),
        (Some(condition), Some(stored)) if matches(condition, stored) => {}
        (Some(_), Some(_)) => return Err(s3_error!(PreconditionFailed)),
    }
    match (if_none_match, there) {
        (None, _) | (Some(_), None) => Ok(()),
        (Some(condition), Some(stored)) if !matches(condition, stored) => Ok(()),
        (Some(_), Some(_)) => Err(s3_error!(PreconditionFailed)),
    }
}

/// Whether an object is to be sent.
fn check_read(
    stored: &Stored,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    if if_match.is_some_and(|condition| !matches(condition, stored)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(|condition| matches(condition, stored)) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// The page of keys that a listing asks for, and whether more follow.
fn page(bucket: &Bucket, input: &ListObjectsV2Input) -> S3Result<(Vec<Object>, bool)> {
    if input.delimiter.as_ref().is_some_and(|it| !it.is_empty()) {
        return Err(s3_error!(NotImplemented, "the embedded S3 lists keys, not directories"));
    }
    let count = input.max_keys.unwrap_or(PAGE_KEYS_MAX).min(PAGE_KEYS_MAX);
    let count = usize::try_from(count)
        .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    // Our token is the last key of the page before; it outranks where the listing started.
    let after = input.continuation_token.as_deref().or(input.start_after.as_deref());
    let from = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    let mut rest = bucket
        .range::<str, _>((from, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix));
    let object = |(key, stored): (&String, &Stored)| Object {
        key: Some(key.clone()),
        e_tag: Some(stored.etag.clone()),
        size: Some(stored.size()),
        last_modified: Some(stored.modified.into()),
        ..Default::default()
    };
    let keys: Vec<_> = rest.by_ref().take(count).map(object).collect();
    let truncated = count > 0 && rest.next().is_some();
    Ok((keys, truncated))
}

#[async_trait::async_trait]
impl S3 for Shared {
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        if self.0.make_bucket(&request.input.bucket) {
            Ok(S3Response::new(CreateBucketOutput::default()))
        } else {
            Err(s3_error!(BucketAlreadyOwnedByYou))
        }
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        drop(self.0.bucket(&request.input.bucket)?);
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let PutObjectInput { bucket, key, body, content_length, .. } = request.input;
        let PutObjectInput { if_match, if_none_match, .. } = request.input;
        if content_length.is_some_and(|length| length > OBJECT_BYTES_MAX as i64) {
            return Err(s3_error!(EntityTooLarge));
        }
        let mut body = body.map_or_else(Body::empty, Body::from);
        // A wrong checksum, or a wrong signature of a chunk, ends here too: nothing is stored.
        let bytes = body.store_all_limited(OBJECT_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
        let stored = Stored::new(&bytes);
        let etag = stored.etag.clone();
        let mut bucket = self.0.bucket(&bucket)?;
        check_write(bucket.get(&key), if_match.as_ref(), if_none_match.as_ref())?;
        bucket.insert(key, stored);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(etag), ..Default::default() }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let GetObjectInput { bucket, key, range, if_match, if_none_match, .. } = request.input;
        let stored = self.0.get(&bucket, &key)?;
        check_read(&stored, if_match.as_ref(), if_none_match.as_ref())?;
        let whole = stored.bytes.len();
        let (bytes, content_range) = match range {
            None => (&stored.bytes[..], None),
            Some(range) => {
                let part = range.check(whole as u64).map_err(|_| s3_error!(InvalidRange))?;
                let text = format!("bytes {}-{}/{whole}", part.start, part.end - 1);
                (&stored.bytes[part.start as usize..part.end as usize], Some(text))
            }
        };
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(bytes.len() as i64),
            content_range,
            body: Some(Body::from(bytes.to_vec()).into()),
            e_tag: Some(stored.etag),
            last_modified: Some(stored.modified.into()),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let HeadObjectInput { bucket, key, if_match, if_none_match, .. } = request.input;
        let stored = self.0.get(&bucket, &key)?;
        check_read(&stored, if_match.as_ref(), if_none_match.as_ref())?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(stored.size()),
            e_tag: Some(stored.etag),
            last_modified: Some(stored.modified.into()),
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { bucket, key, if_match, .. } = request.input;
        let mut bucket = self.0.bucket(&bucket)?;
        check_write(bucket.get(&key), if_match.as_ref(), None)?;
        bucket.remove(&key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        if delete.objects.iter().any(|object| object.e_tag.is_some()) {
            return Err(s3_error!(NotImplemented, "one condition, one object: use DeleteObject"));
        }
        let mut bucket = self.0.bucket(&bucket)?;
        let remove = |object: ObjectIdentifier| {
            bucket.remove(&object.key);
            DeletedObject { key: Some(object.key), ..Default::default() }
        };
        let deleted = Some(delete.objects.into_iter().map(remove).collect());
        Ok(S3Response::new(DeleteObjectsOutput { deleted, ..Default::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let (keys, truncated) = page(&*self.0.bucket(&input.bucket)?, &input)?;
        let last = keys.last().and_then(|object| object.key.clone());
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(keys.len()).ok(),
            contents: Some(keys),
            is_truncated: Some(truncated),
            next_continuation_token: last.filter(|_| truncated),
            max_keys: Some(input.max_keys.unwrap_or(PAGE_KEYS_MAX).min(PAGE_KEYS_MAX)),
            name: Some(input.bucket),
            prefix: input.prefix,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            ..Default::default()
        }))
    }
}
