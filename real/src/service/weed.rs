//! A SeaweedFS of our own: a second, independent S3, where `weed` is installed.
//!
//! It is four servers in one process, each with a gRPC port 10,000 above its own, and it reports
//! home, opens more ports and drops sockets in /tmp unless told otherwise; so it is told.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::{Launch, Server};
use super::directory::Directory;
use super::{Found, ServiceError, port, secret};

/// The service's name.
pub const NAME: &str = "weed";

const HOW_TO_INSTALL: &str = "put the program `weed` of SeaweedFS on PATH, or give a running S3 \
                              by --s3-endpoint";

const REGION: &str = "us-east-1";

/// How far above each port its gRPC twin lies.
const GRPC_OFFSET: u16 = 10_000;

/// The servers that `weed mini` is made of; the last is the one we talk to.
const ROLES: [&str; 4] = ["master", "volume", "filer", "s3"];

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Weed {
    server: Server,
    access_key: String,
    secret_key: String,
}

/// Finds the program.
pub fn find() -> Result<Found, ServiceError> {
    super::version_of(NAME, program()?, "version")
}

fn program() -> Result<PathBuf, ServiceError> {
    super::find_program(NAME, "weed", &[], HOW_TO_INSTALL)
}

impl Weed {
    /// Starts `weed mini` and waits until its S3 answers.
    pub fn start() -> Result<Self, ServiceError> {
        let program = program()?;
        let known_flags = help(&program)?;
        port::with_retry(|| {
            let directory = Directory::fresh()?;
            let (access_key, secret_key) = (secret::hex(10)?, secret::hex(20)?);
            let ports = free_ports()?;
            let port = ports[ROLES.len() - 1];
            let launch = Launch {
                service: NAME,
                program: program.clone(),
                arguments: arguments(directory.path(), ports, &known_flags)
                    .into_iter()
                    .map(Into::into)
                    .collect(),
                environment: vec![
                    ("AWS_ACCESS_KEY_ID", access_key.clone()),
                    ("AWS_SECRET_ACCESS_KEY", secret_key.clone()),
                ],
                user: None,
                stop_signal: "TERM",
                port,
            };
            let live = || port::http_status(port, "/healthz") == Some(200);
            let server = Server::start(launch, directory, |_| live())?;
            Ok(Self { server, access_key, secret_key })
        })
    }

    /// Where it answers, as a URL. Buckets are made by a signed `PUT /name`.
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

    /// The port of its S3 on 127.0.0.1.
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

/// What `weed help mini` says, for its flags differ from version to version.
fn help(program: &Path) -> Result<String, ServiceError> {
    let output = Command::new(program)
        .args(["help", "mini"])
        .output()
        .map_err(ServiceError::io("run weed help mini"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn arguments(at: &Path, ports: [u16; ROLES.len()], known_flags: &str) -> Vec<String> {
    let at = at.display();
    let mut arguments = vec![
        "mini".to_string(),
        format!("-dir={at}/data"),
        "-ip=127.0.0.1".into(),
        "-ip.bind=127.0.0.1".into(),
        "-webdav=false".into(),
        "-admin.ui=false".into(),
    ];
    arguments.extend(ROLES.iter().zip(ports).map(|(role, port)| format!("-{role}.port={port}")));
    let optional = [
        ("master.telemetry", "false".to_string()),
        ("s3.port.iceberg", "0".to_string()),
        ("s3.port.lance", "0".to_string()),
        ("filer.localSocket", format!("{at}/filer.sock")),
        ("s3.localSocket", format!("{at}/s3.sock")),
    ];
    for (flag, value) in optional {
        if known_flags.contains(&format!("-{flag}")) {
            arguments.push(format!("-{flag}={value}"));
        }
    }
    arguments
}

/// Ports of which each has a free gRPC twin, all of them distinct.
fn free_ports() -> Result<[u16; ROLES.len()], ServiceError> {
    const TRIES_MAX: u32 = 1_000;
    let mut ports = Vec::new();
    let mut taken = Vec::new();
    for _ in 0..TRIES_MAX {
        let port = port::free()?;
        let Some(twin) = port.checked_add(GRPC_OFFSET) else { continue };
        let fresh = !taken.contains(&port) && !taken.contains(&twin);
        if fresh && port::is_free(twin) {
            ports.push(port);
            taken.extend([port, twin]);
        }
        if let Ok(ports) = <[u16; ROLES.len()]>::try_from(&ports[..]) {
            return Ok(ports);
        }
    }
    Err(ServiceError::Start {
        service: NAME,
        what: format!("no four ports with a free one {GRPC_OFFSET} above were found"),
        log_tail: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_or_grpc_twin_is_given_out_twice() {
        let ports = free_ports().expect("a machine has eight ports");
        let mut all: Vec<_> = ports.iter().flat_map(|port| [*port, port + GRPC_OFFSET]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2 * ROLES.len());
    }

    #[test]
    fn a_flag_that_this_version_lacks_is_not_given() {
        let given = arguments(Path::new("/d"), [1, 2, 3, 4], "  -s3.port.iceberg int");
        assert!(given.contains(&"-s3.port=4".to_string()));
        assert!(given.contains(&"-s3.port.iceberg=0".to_string()));
        assert!(!given.iter().any(|it| it.contains("lance")));
    }
}
