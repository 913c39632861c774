//! An S3 of our own in this process, for where no other is installed.
//!
//! It is never evidence for how S3 behaves, since we wrote it; it is there so that the same
//! clients, signatures and requests run everywhere. The store itself is `objects`.

mod objects;

use std::sync::Arc;

use self::objects::Objects;
use super::{Found, InProcess, ServiceError};

/// The service's name.
pub const NAME: &str = "embedded";

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Embedded {
    server: InProcess,
    objects: Arc<Objects>,
}

/// It is always there.
pub(crate) fn found() -> Found {
    let version = env!("CARGO_PKG_VERSION").to_string();
    Found { name: NAME, path: None, version }
}

/// An empty store like its own, for whoever serves it with a difference.
pub fn store() -> impl s3s::S3 {
    objects::Shared(Arc::default())
}

impl Embedded {
    /// Starts a server on a thread of its own.
    pub fn start() -> Result<Self, ServiceError> {
        let objects = Arc::new(Objects::default());
        let server = InProcess::start("embedded-s3", objects::Shared(Arc::clone(&objects)))?;
        Ok(Self { server, objects })
    }

    /// Makes an empty bucket, without a client; one that is there stays as it is.
    pub fn make_bucket(&self, name: &str) {
        self.objects.make_bucket(name);
    }

    /// Stops the server and forgets its objects.
    pub fn stop(self) {
        drop(self);
    }
}

impl std::ops::Deref for Embedded {
    type Target = InProcess;

    fn deref(&self) -> &InProcess {
        &self.server
    }
}
