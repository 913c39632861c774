//! An S3 server on a thread of this process, for an implementation of the trait `S3`.
//!
//! It must not outlive its owner, and neither may its connections: they are tasks of the thread's
//! own runtime, which goes when the thread does. Signatures are checked, as by any other S3.

use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::S3;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::sync::oneshot;

use super::{ServiceError, secret};

const REGION: &str = "us-east-1";

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct InProcess {
    port: u16,
    access_key: String,
    secret_key: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl InProcess {
    /// Serves `s3` on a thread of that name.
    pub fn start(name: &'static str, s3: impl S3) -> Result<Self, ServiceError> {
        let (access_key, secret_key) = (secret::hex(10)?, secret::hex(20)?);
        let mut builder = S3ServiceBuilder::new(s3);
        builder.set_auth(SimpleAuth::from_single(access_key.clone(), secret_key.clone()));
        let service = builder.build();

        // Listening before the thread runs: a request may be sent at once, and waits.
        let doing = || ServiceError::io(format!("listen on 127.0.0.1 for {name}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(doing())?;
        listener.set_nonblocking(true).map_err(doing())?;
        let port = listener.local_addr().map_err(doing())?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServiceError::io("make a tokio runtime"))?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(serve(listener, service));
                    // Ends by the drop of its sender; the runtime then drops what it serves.
                    let _ = stopped.await;
                });
            })
            .map_err(ServiceError::io("start a thread"))?;
        let (stop, thread) = (Some(stop), Some(thread));
        Ok(Self { port, access_key, secret_key, stop, thread })
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
}

impl Drop for InProcess {
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
            tracing::error!(%error, "an S3 in this process cannot listen");
            return;
        }
    };
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: others may give theirs back.
                tracing::warn!(%error, "an S3 in this process cannot accept");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an S3 in this process broke");
            }
        });
    }
}
