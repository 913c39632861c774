//! Loopback ports: one that is free, whose it is, and whether somebody answers.
//!
//! A free port cannot be reserved, only guessed: we bind it, let it go and tell the server its
//! number. Whoever binds it in between would be taken for our server, so the owner is checked.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{fs, io};

use super::ServiceError;

/// How often a start is repeated on another port before the machine is to blame.
const ATTEMPTS_MAX: u32 = 5;

/// One answer on loopback takes no longer, or the server is not ready.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// A port of 127.0.0.1 that nobody had a moment ago.
pub(crate) fn free() -> Result<u16, ServiceError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServiceError::io("bind a free port of 127.0.0.1"))
}

/// Whether nobody has this port of 127.0.0.1 now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Repeats `attempt`, which chooses its own ports, while it loses them to others.
pub(crate) fn with_retry<T>(
    mut attempt: impl FnMut() -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt() {
            Err(ServiceError::PortTaken { service, port }) => {
                tracing::debug!(service, port, "the port was taken: trying another");
            }
            other => return other,
        }
    }
    attempt()
}

/// Connects to a port of 127.0.0.1, with every later answer limited in time.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, ANSWER_TIME_MAX)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    Ok(stream)
}

/// The status of `GET path`, or none where nobody speaks HTTP yet.
pub(crate) fn http_status(port: u16, path: &str) -> Option<u16> {
    let mut stream = connect(port).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    // "HTTP/1.1 200": all that is asked for.
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(&head).ok()?.rsplit(' ').next()?.parse().ok()
}

/// Whether every listener on `port` is `pid`'s; none where the system does not tell (no /proc).
pub(crate) fn is_owned_by(port: u16, pid: u32) -> Option<bool> {
    let listening = listeners(port)?;
    let held = sockets_of(pid)?;
    Some(!listening.is_empty() && listening.is_subset(&held))
}

/// The socket inodes that listen on `port`, on whatever address.
fn listeners(port: u16) -> Option<BTreeSet<u64>> {
    const LISTEN: &str = "0A";
    let tables = fs::read_to_string("/proc/net/tcp").ok()?
        + &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let wanted = format!(":{port:04X}");
    let inode = |row: &str| {
        let columns: Vec<_> = row.split_whitespace().collect();
        let [_, local, _, state, ..] = columns[..] else { return None };
        if state != LISTEN || !local.ends_with(&wanted) {
            return None;
        }
        columns.get(9)?.parse().ok()
    };
    Some(tables.lines().filter_map(inode).collect())
}

/// The socket inodes that a process holds open.
fn sockets_of(pid: u32) -> Option<BTreeSet<u64>> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    Some(open.flatten().filter_map(inode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_ours_is_ours_and_of_nobody_else() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is there");
        let port = listener.local_addr().expect("it is bound").port();
        assert_eq!(is_owned_by(port, std::process::id()), Some(true));
        assert_ne!(is_owned_by(port, std::os::unix::process::parent_id()), Some(true));
        drop(listener);
        assert_eq!(is_owned_by(port, std::process::id()), Some(false));
    }
}
