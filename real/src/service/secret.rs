//! Passwords and keys of one run, from the system's own source.
//!
//! They are random so that a run can only ever talk to the servers that it started: another
//! server on the same port does not know them.

use std::fs::File;
use std::io::Read;

use super::ServiceError;

/// `bytes` random bytes in hex.
pub(crate) fn hex(bytes: usize) -> Result<String, ServiceError> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(ServiceError::io("read /dev/urandom"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
