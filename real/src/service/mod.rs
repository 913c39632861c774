//! Real servers, started for one run on free loopback ports and always stopped again.
//!
//! The hard part is not to start them but to leave nothing behind: after a panic, a Ctrl-C and a
//! SIGKILL alike no process may be left, and no directory that the next run does not remove. And
//! never to talk to a stranger: a port that was free a moment ago may have another owner by now.

pub(crate) mod child;
mod directory;
pub mod embedded;
mod in_process;
pub mod minio;
mod port;
pub mod postgres;
pub mod redis;
pub mod s3s_fs;
pub(crate) mod secret;
pub mod weed;

use std::path::{Path, PathBuf};
use std::{fmt, io};

pub use child::stop_all;
pub use embedded::Embedded;
pub use in_process::InProcess;
pub use minio::Minio;
pub use postgres::Postgres;
pub use redis::Redis;
pub use s3s_fs::S3sFs;
pub use weed::Weed;

/// Why a server could not be had, and what to do about it.
#[derive(Debug)]
pub enum ServiceError {
    /// The program is not installed where it was looked for.
    NotFound {
        /// The service's name, as `find_all` has it.
        service: &'static str,
        /// Every directory that was searched, in order.
        looked_in: Vec<PathBuf>,
        /// What a user can do about it.
        how_to_install: &'static str,
    },
    /// The program is there, and did not become ready.
    Start {
        /// The service's name, as `find_all` has it.
        service: &'static str,
        /// What happened instead.
        what: String,
        /// The last lines that the server wrote; may be empty.
        log_tail: String,
    },
    /// Somebody else took the port between our looking and the server's binding it.
    PortTaken {
        /// The service's name, as `find_all` has it.
        service: &'static str,
        /// The port that was lost.
        port: u16,
    },
    /// The system refused something that every start needs.
    Io {
        /// What was being done, to be read after "could not".
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { service, looked_in, how_to_install } => {
                let places: Vec<_> = looked_in.iter().map(|at| at.display().to_string()).collect();
                write!(f, "{service} was not found in {}; {how_to_install}", places.join(", "))
            }
            Self::Start { service, what, log_tail } if log_tail.is_empty() => {
                write!(f, "{service} did not start: {what}")
            }
            Self::Start { service, what, log_tail } => {
                write!(f, "{service} did not start: {what}; its last words:\n{log_tail}")
            }
            Self::PortTaken { service, port } => {
                write!(
                    f,
                    "{service} lost port {port} of 127.0.0.1 to another process; run it again"
                )
            }
            Self::Io { doing, source } => write!(f, "could not {doing}: {source}"),
        }
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::NotFound { .. } | Self::Start { .. } | Self::PortTaken { .. } => None,
        }
    }
}

impl ServiceError {
    /// Turns the system's answer into ours, for `map_err`.
    pub(crate) fn io(doing: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.to_string();
        move |source| Self::Io { doing, source }
    }
}

/// A service that can be started here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The service's name: what `--on` takes, or what follows `s3=`.
    pub name: &'static str,
    /// The program; none for a server that runs in this process.
    pub path: Option<PathBuf>,
    /// The version, as the program tells it.
    pub version: String,
}

/// Looks for every service, and starts none.
pub fn find_all() -> Vec<(&'static str, Result<Found, ServiceError>)> {
    vec![
        (postgres::NAME, postgres::find()),
        (redis::NAME, redis::find()),
        (minio::NAME, minio::find()),
        (weed::NAME, weed::find()),
        (embedded::NAME, Ok(embedded::found())),
        (s3s_fs::NAME, Ok(s3s_fs::found())),
    ]
}

/// Finds `program` on PATH, then in `others`.
fn find_program(
    service: &'static str,
    program: &str,
    others: &[PathBuf],
    how_to_install: &'static str,
) -> Result<PathBuf, ServiceError> {
    let mut looked_in = path_directories();
    looked_in.extend_from_slice(others);
    match looked_in.iter().map(|at| at.join(program)).find(|path| is_program(path)) {
        Some(path) => Ok(path),
        None => Err(ServiceError::NotFound { service, looked_in, how_to_install }),
    }
}

/// The directories of PATH, each once.
fn path_directories() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut once = Vec::new();
    for at in std::env::split_paths(&path).filter(|at| at.is_absolute()) {
        if !once.contains(&at) {
            once.push(at);
        }
    }
    once
}

/// Whether `path` is a file that somebody may execute.
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// Asks a program for its version and keeps the number; where there is none, the word after
/// `version`, or the whole line.
fn version_of(name: &'static str, path: PathBuf, argument: &str) -> Result<Found, ServiceError> {
    let output = std::process::Command::new(&path)
        .arg(argument)
        .output()
        .map_err(ServiceError::io(format!("run {} {argument}", path.display())))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next().unwrap_or("unknown").trim();
    let number = line
        .split_whitespace()
        .map(|word| word.trim_start_matches("v="))
        .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
    let named = || line.split_once(" version ")?.1.split_whitespace().next();
    let version = number.or_else(named).unwrap_or(line).to_string();
    Ok(Found { name, version, path: Some(path) })
}
