//! Why a question could not be put to real services.
//!
//! None of these is an answer: a service that is missing or broke must never read as one that
//! agrees or disagrees.

use crate::service::ServiceError;
use sim::registry::SetupError;
use std::{fmt, io};

/// Why there is no answer, and what to do about it.
#[derive(Debug)]
pub enum RealError {
    /// What `--on` says cannot be read.
    Wanted {
        /// The part that cannot be read.
        text: String,
    },
    /// A service of ours could not be had.
    Service(ServiceError),
    /// The model cannot be set up as asked.
    Setup(SetupError),
    /// A service does not take us.
    Connect {
        /// Which, and where, without a password.
        service: String,
        /// What it said.
        why: String,
    },
    /// A service that took us broke in the middle.
    Broke {
        /// What happened.
        why: String,
    },
    /// A service answers, and is not the one that is simulated, or lacks what is asked of it.
    Unsuitable {
        /// Which.
        service: &'static str,
        /// What it lacks, and what to do about it.
        why: String,
    },
    /// A client's own process failed.
    Client {
        /// How.
        why: String,
    },
    /// The system refused a runtime.
    Runtime(io::Error),
}

impl fmt::Display for RealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted { text } => write!(
                f,
                "--on takes postgres, redis, s3, s3=minio, s3=weed, s3=embedded and s3s-fs, \
                 separated by commas, each service once, not '{text}'"
            ),
            Self::Service(error) => error.fmt(f),
            Self::Setup(error) => error.fmt(f),
            Self::Connect { service, why } => {
                write!(f, "{service} does not take us: {why}; check its address and its rights")
            }
            Self::Unsuitable { service, why } => write!(f, "this {service} will not do: {why}"),
            Self::Client { why } => write!(f, "a client's process failed: {why}"),
            Self::Broke { why } => write!(f, "a real service broke: {why}"),
            Self::Runtime(error) => write!(f, "could not make a tokio runtime: {error}"),
        }
    }
}

impl std::error::Error for RealError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Service(error) => Some(error),
            Self::Setup(error) => Some(error),
            Self::Runtime(error) => Some(error),
            Self::Wanted { .. }
            | Self::Connect { .. }
            | Self::Broke { .. }
            | Self::Client { .. }
            | Self::Unsuitable { .. } => None,
        }
    }
}

impl From<ServiceError> for RealError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<SetupError> for RealError {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}
