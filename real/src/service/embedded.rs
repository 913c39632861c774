//! An S3 of our own in this process, for where no other is installed.
//!
//! It is never evidence for how S3 behaves, since we wrote it; it is there so that the same
//! clients, signatures and requests run everywhere. The store itself is `objects`.

mod objects;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::sync::oneshot;

use self::objects::Objects;
use super::{Found, ServiceError, secret};

/// The service's name.
pub const NAME: &str = "embedded";

const REGION: &str = "us-east-1";

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Embedded {
    port: u16,
    access_key: String,
    secret_key: String,
    objects: Arc<Objects>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// It is always there.
pub(crate) fn found() -> Found {
    let version = env!("CARGO_PKG_VERSION").to_string();
    Found { name: NAME, path: None, version }
}

impl Embedded {
    /// Starts a server on a thread of its own.
    pub fn start() -> Result<Self, ServiceError> {
        let (access_key, secret_key) = (secret::hex(10)?, secret::hex(20)?);
        let objects = Arc::new(Objects::default());
        let mut builder = S3ServiceBuilder::new(objects::Shared(Arc::clone(&objects)));
        builder.set_auth(SimpleAuth::from_single(access_key.clone(), secret_key.clone()));
        let service = builder.build();

        // Listening before the thread runs: a request may be sent at once, and waits.
        let doing = || ServiceError::io("listen on 127.0.0.1 for the embedded S3");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(doing())?;
        listener.set_nonblocking(true).map_err(doing())?;
        let port = listener.local_addr().map_err(doing())?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServiceError::io("make a tokio runtime"))?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("embedded-s3".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(serve(listener, service));
                    // Ends by the drop of its sender; the runtime then drops what it serves.
                    let _ = stopped.await;
                });
            })
            .map_err(ServiceError::io("start a thread"))?;
        let (stop, thread) = (Some(stop), Some(thread));
        Ok(Self { port, access_key, secret_key, objects, stop, thread })
    }

    /// Makes an empty bucket, without a client; one that is there stays as it is.
    pub fn make_bucket(&self, name: &str) {
        self.objects.make_bucket(name);
    }

    /// Where it answers, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The access key id of its only user.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret of its only user.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The region that requests are to be signed for; it takes any.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server and forgets its objects.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and a drop is no place for a second one.
            let _ = thread.join();
        }
    }
}

/// Serves connections until the future is dropped, and every connection with its runtime.
async fn serve(listener: TcpListener, service: S3Service) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the embedded S3 cannot listen");
            return;
        }
    };
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: others may give theirs back.
                tracing::warn!(%error, "the embedded S3 cannot accept");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the embedded S3 broke");
            }
        });
    }
}
