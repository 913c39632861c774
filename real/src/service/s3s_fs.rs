//! `s3s-fs`, a published S3 server on a directory, in this process: a server to be tested.
//!
//! It is never a reference for what S3 does. Its conditional put looks at what is there and writes
//! some time later, as the mutant `checks_then_writes` of `object_store` has it; the file it writes
//! appears at once, so what is read and listed is sound.

use std::ops::Deref;

use s3s_fs::FileSystem;

use super::child::Kept;
use super::directory::Directory;
use super::{Found, InProcess, ServiceError};

/// The service's name.
pub const NAME: &str = "s3s-fs";

/// The version we are built with, which the crate does not tell; a test holds it to `Cargo.lock`.
pub const VERSION: &str = "0.14.1";

/// A running server; dropping it stops it and removes its data.
#[derive(Debug)]
pub struct S3sFs {
    // Stopped before its directory goes.
    server: InProcess,
    _data: Kept,
}

/// It is always there.
pub(crate) fn found() -> Found {
    Found { name: NAME, path: None, version: VERSION.to_owned() }
}

impl S3sFs {
    /// Starts a server on a thread of its own, in a temporary directory.
    pub fn start() -> Result<Self, ServiceError> {
        let directory = Directory::fresh()?;
        let data = directory.path().join("data");
        std::fs::create_dir(&data).map_err(ServiceError::io(format!("make {}", data.display())))?;
        let store = FileSystem::new(&data).map_err(|error| ServiceError::Start {
            service: NAME,
            what: format!("it does not take {}: {error:?}", data.display()),
            log_tail: String::new(),
        })?;
        let data = Kept::directory(directory);
        Ok(Self { server: InProcess::start(NAME, store)?, _data: data })
    }
}

impl Deref for S3sFs {
    type Target = InProcess;

    fn deref(&self) -> &InProcess {
        &self.server
    }
}
