//! A MinIO of our own: the S3 that is nearest to the real one and can run here.
//!
//! It is the one object store of ours that is evidence: a conditional put, a listing after a
//! write and a start-after behave as S3 documents them, under concurrency too.

use std::path::{Path, PathBuf};

use super::child::{Launch, Server};
use super::directory::Directory;
use super::{Found, ServiceError, port, secret};

/// The service's name.
pub const NAME: &str = "minio";

const HOW_TO_INSTALL: &str =
    "run `make deps`, which builds it where Go is found, or give a running S3 by --s3-endpoint";

/// The region that requests are to be signed for.
const REGION: &str = "us-east-1";

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Minio {
    server: Server,
    access_key: String,
    secret_key: String,
}

/// Finds the server's program.
pub fn find() -> Result<Found, ServiceError> {
    super::version_of(NAME, program()?, "--version")
}

fn program() -> Result<PathBuf, ServiceError> {
    super::find_program(NAME, "minio", &go_directories(), HOW_TO_INSTALL)
}

/// Where `go install` puts a program, and where `make deps` does.
fn go_directories() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let home = variable("HOME");
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(home.as_ref()?.join(".cache")));
    let all = [
        variable("GOBIN"),
        home.as_ref().map(|home| home.join("go/bin")),
        cache.map(|cache| cache.join("unforked/bin")),
    ];
    all.into_iter().flatten().collect()
}

impl Minio {
    /// Starts a server and waits until it answers.
    pub fn start() -> Result<Self, ServiceError> {
        let program = program()?;
        port::with_retry(|| {
            let directory = Directory::fresh()?;
            let (access_key, secret_key) = (secret::hex(10)?, secret::hex(20)?);
            let port = port::free()?;
            let at = directory.path();
            let launch = Launch {
                service: NAME,
                program: program.clone(),
                arguments: vec![
                    "server".into(),
                    at.join("data").into(),
                    "--address".into(),
                    format!("127.0.0.1:{port}").into(),
                    "--certs-dir".into(),
                    at.join("certs").into(),
                    "--quiet".into(),
                ],
                environment: vec![
                    ("MINIO_ROOT_USER", access_key.clone()),
                    ("MINIO_ROOT_PASSWORD", secret_key.clone()),
                    ("MINIO_SITE_REGION", REGION.into()),
                    // Nobody looks at the console, and it would want a second port.
                    ("MINIO_BROWSER", "off".into()),
                    // It is not to call home from a test.
                    ("MINIO_UPDATE", "off".into()),
                ],
                user: None,
                stop_signal: "TERM",
                port,
            };
            // It says that it is live before it has read its disks; this it says afterwards.
            let ready = || port::http_status(port, "/minio/health/cluster") == Some(200);
            let server = Server::start(launch, directory, |_| ready())?;
            Ok(Self { server, access_key, secret_key })
        })
    }

    /// Makes an empty bucket, without a client: a directory is one.
    pub fn make_bucket(&self, name: &str) -> Result<(), ServiceError> {
        std::fs::create_dir(self.directory().join("data").join(name))
            .map_err(ServiceError::io(format!("make the bucket {name}")))
    }

    /// Where it answers, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The access key id of its only user.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret of its only user.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The region that requests are to be signed for.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The process; none once it was stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The temporary directory with the data and the log.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// Stops the server and removes its data.
    pub fn stop(self) {
        drop(self);
    }
}
