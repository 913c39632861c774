//! A proxy that counts what is asked of an S3, on the wire, where nobody of ours can miscount.
//!
//! It forwards bytes as they are and reads only the first lines of requests. A body of ours has no
//! line of its own, so a request's line begins where its method is found, and ends with the version.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const VERSION: &[u8] = b" HTTP/1.1\r\n";
/// A request's line is shorter.
const LINE_MAX: usize = 4096;

/// The lines of all requests so far.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

/// What a load asked for: objects put and got, and pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) puts: u64,
    pub(crate) gets: u64,
    pub(crate) lists: u64,
}

/// What a connection that comes with an object is answered instead of being forwarded.
#[derive(Clone, Copy)]
pub(crate) enum Instead {
    /// 503, as S3 says it to who asks too much.
    SlowDown,
    /// 200, and the object is gone.
    Lost,
}

/// Forwards to that port, for as long as the test runs: where it listens, and what it counts. So
/// many connections, the first that come with an object, are answered otherwise.
pub(crate) fn proxy(upstream: u16, otherwise: usize, instead: Instead) -> (u16, Lines) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let lines = Lines::default();
    let counted = lines.clone();
    thread::spawn(move || {
        let mut left = otherwise;
        for client in listener.incoming().flatten() {
            if left > 0 && brings_an_object(&client) {
                left -= 1;
                thread::spawn(move || answer(client, instead));
                continue;
            }
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)) else { continue };
            let (answers, to) = (server.try_clone(), client.try_clone());
            if let (Ok(answers), Ok(to)) = (answers, to) {
                thread::spawn(move || forward(answers, to, |_| {}));
            }
            let counted = counted.clone();
            thread::spawn(move || {
                let mut seen = Vec::new();
                forward(client, server, |bytes| counted.read(&mut seen, bytes));
            });
        }
    });
    (port, lines)
}

/// Whether the first request of a connection puts an object of a load.
fn brings_an_object(client: &TcpStream) -> bool {
    let mut line = [0; 512];
    // One that was opened ahead of its request may wait for long.
    let _ = client.set_read_timeout(Some(Duration::from_secs(2)));
    let count = client.peek(&mut line).unwrap_or(0);
    let _ = client.set_read_timeout(None);
    let line = String::from_utf8_lossy(&line[..count]).into_owned();
    line.starts_with("PUT /") && line.split(' ').nth(1).is_some_and(|it| it.contains("/1/"))
}

/// Answers one request, and closes.
fn answer(mut client: TcpStream, instead: Instead) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        request.extend(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        if body.len() >= length.and_then(|it| it.parse().ok()).unwrap_or(0) {
            break;
        }
    }
    let (status, body) = match instead {
        Instead::SlowDown => ("503 Slow Down", "<Error><Code>SlowDown</Code></Error>"),
        Instead::Lost => ("200 OK\r\nETag: \"0\"", ""),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}");
    let _ = client.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
}

/// Copies until one side closes.
fn forward(mut from: TcpStream, mut to: TcpStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = [0; 16384];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        see(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

impl Lines {
    fn read(&self, seen: &mut Vec<u8>, bytes: &[u8]) {
        seen.extend(bytes);
        while let Some(at) = seen.windows(VERSION.len()).position(|it| it == VERSION) {
            let before = String::from_utf8_lossy(&seen[..at]).into_owned();
            let methods = ["PUT /", "GET /", "POST /", "DELETE /", "HEAD /"];
            let from = methods.iter().filter_map(|it| before.rfind(it)).max();
            let line = &before[from.expect("a request has a method")..];
            self.0.lock().expect("nobody panics").push(line.to_owned());
            seen.drain(..at + VERSION.len());
        }
        let keep = seen.len().saturating_sub(LINE_MAX);
        seen.drain(..keep);
    }

    /// The last request: its method, and whether it was for a whole bucket.
    pub(crate) fn last(&self) -> (String, bool) {
        let lines = self.0.lock().expect("nobody panics");
        let (method, target) = lines.last().and_then(|it| it.split_once(' ')).expect("a request");
        let path = target.split('?').next().unwrap_or_default();
        (method.to_owned(), path.trim_matches('/').split('/').count() == 1)
    }

    /// What was asked for under the load's own prefix; making the bucket and clearing it is apart.
    pub(crate) fn asked(&self) -> Asked {
        let mut asked = Asked::default();
        for line in self.0.lock().expect("nobody panics").iter() {
            let (method, target) = line.split_once(' ').expect("a line has a target");
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let lists = query.contains("list-type=2");
            let ours = if lists { query.contains("%2F1%2F") } else { path.contains("/1/") };
            match method {
                "PUT" if ours => asked.puts += 1,
                "GET" if ours && lists => asked.lists += 1,
                "GET" if ours => asked.gets += 1,
                _ => {}
            }
        }
        asked
    }
}
