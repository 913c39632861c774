//! Recorded transitions, JSON Lines: one statement a line, in the order in which they were done.
//!
//! ```text
//! {"format":"unforked-transitions/1"}
//! {"op":"insert","run":"r1","status":"RUN_CREATED","run_status":"PENDING"}
//! {"op":"update","run":"r1","seq":0,"status":"EXECUTING","run_status":"EXECUTING","attempt":1}
//! {"op":"delete","run":"r1","by":3,"at":17.25}
//! ```
//!
//! The first line may be left out. `by` is the connection, 0 if it is not said; `at` is when it was,
//! which is for the reader alone, because they are replayed as fast as they go. Without `seq` an
//! update is of the row as it is. Beside `insert`, `update`, `delete` and `select` there are
//! `begin` (with `"isolation":"repeatable read"` if it is), `commit` and `rollback`, and `vacuum` and
//! `analyze`. What a column holds is not kept, only how long it is: that is all that a page knows.

use crate::out::Failure;
use heap::{Isolation, Key, Keys, Op, Row, Step, Stream};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

const FORMAT: &str = "unforked-transitions/1";
const OPS: &str = "insert, update, delete, select, begin, commit, rollback, vacuum or analyze";
/// Connections that a file may name.
const CONNECTIONS: u16 = 200;
/// How often all pages are compared with a server's, if there is one.
const CHECKS: usize = 50;
/// Bytes of the longest key, and of the longest column: a longer row would be compressed.
const LONGEST: (usize, usize) = (1000, 2000);

/// A file, read.
pub(super) struct Recorded {
    /// Its statements, and what ends every connection.
    pub(super) stream: Stream,
    /// The line of each step that is a statement of the file.
    pub(super) lines: Vec<Option<usize>>,
}

impl Recorded {
    /// How many of the file's statements are among so many steps.
    pub(super) fn statements(&self, steps: usize) -> usize {
        self.lines[..steps].iter().flatten().count()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    op: String,
    run: Option<String>,
    seq: Option<u32>,
    status: Option<String>,
    run_status: Option<String>,
    attempt: Option<i32>,
    isolation: Option<String>,
    #[serde(default)]
    by: u16,
    #[serde(rename = "at")]
    _at: Option<serde_json::Value>,
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    names: Keys,
    keys: BTreeMap<String, Key>,
    bytes: Vec<Vec<u8>>,
    /// `seq` of each row that is there, as the file's statements leave it if all are committed.
    seq: Vec<Option<u32>>,
    steps: Vec<Step>,
    lines: Vec<usize>,
    sessions: u16,
}

pub(super) fn read(path: &Path) -> Result<Recorded, Failure> {
    let cannot = |error: std::io::Error| Failure::input(format!("{}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut reader = Reader::default();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(cannot)?;
        let wrong = |why: String| Failure::input(format!("{}:{}: {why}", path.display(), at + 1));
        if line.trim().is_empty() {
            continue;
        }
        if at == 0
            && let Ok(Header { format }) = serde_json::from_str(&line)
        {
            if format != FORMAT {
                return Err(wrong(format!("the format is {format}: expected {FORMAT}")));
            }
            continue;
        }
        let parsed = serde_json::from_str(&line).map_err(|error| {
            wrong(format!("{error}; expected {{\"op\":\"update\",\"run\":\"r1\",..}}"))
        })?;
        reader.take(at + 1, parsed).map_err(wrong)?;
    }
    if reader.lines.is_empty() {
        return Err(Failure::input(format!("{}: it has no transitions", path.display())));
    }
    Ok(reader.finish())
}

impl Reader {
    fn take(&mut self, at: usize, line: Line) -> Result<(), String> {
        if line.by >= CONNECTIONS {
            return Err(format!(
                "by {}: expected a connection from 0 to {}",
                line.by,
                CONNECTIONS - 1
            ));
        }
        self.sessions = self.sessions.max(line.by + 1);
        let op = self.op(&line)?;
        self.steps.push(Step { session: line.by, op });
        self.lines.push(at);
        Ok(())
    }

    fn op(&mut self, line: &Line) -> Result<Op, String> {
        Ok(match &*line.op {
            "insert" => {
                let (key, row) = (self.key(line)?, row(line)?);
                // Of a row that is there already an insert is refused.
                self.seq[key.number()].get_or_insert(0);
                Op::Insert { key, row }
            }
            "update" => {
                let (key, row) = (self.key(line)?, row(line)?);
                let now = &mut self.seq[key.number()];
                let seen = line.seq.or(*now).unwrap_or(0);
                // One that names another number than the row has changes nothing.
                if *now == Some(seen) {
                    let next = seen.checked_add(1);
                    *now =
                        Some(next.ok_or(format!("seq {seen}: expected less than {}", u32::MAX))?);
                }
                Op::Update { key, seen, row }
            }
            "delete" => {
                let key = self.key(line)?;
                self.seq[key.number()] = None;
                Op::Delete { key }
            }
            "select" => Op::Select { key: self.key(line)? },
            "begin" => Op::Begin(match line.isolation.as_deref() {
                None | Some("read committed") => Isolation::ReadCommitted,
                Some("repeatable read") => Isolation::RepeatableRead,
                Some(other) => {
                    return Err(format!(
                        "isolation {other}: expected read committed or repeatable read"
                    ));
                }
            }),
            "commit" => Op::Commit,
            "rollback" => Op::Rollback,
            "vacuum" => Op::Vacuum,
            "analyze" => Op::Analyze,
            other => return Err(format!("op {other}: expected {OPS}")),
        })
    }

    fn key(&mut self, line: &Line) -> Result<Key, String> {
        let Some(run) = &line.run else {
            return Err(format!("{}: expected the run it is about, \"run\":\"r1\"", line.op));
        };
        if run.len() > LONGEST.0 || run.contains('\0') {
            return Err(format!("run: expected up to {} bytes of text, none of them 0", LONGEST.0));
        }
        if let Some(key) = self.keys.get(run) {
            return Ok(*key);
        }
        let key = self.names.add(run.as_bytes());
        self.keys.insert(run.clone(), key);
        self.bytes.push(run.as_bytes().to_vec());
        self.seq.push(None);
        Ok(key)
    }

    /// Every connection ends what it left open. Wherever none has a transaction open, and not too
    /// often, all tell their statistics, so that everything can be compared.
    fn finish(self) -> Recorded {
        let Reader { bytes: keys, steps: stated, sessions, lines: stated_at, .. } = self;
        let every = stated.len().div_ceil(CHECKS);
        let (mut steps, mut lines, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        let (mut open, mut since) = (BTreeSet::new(), 0);
        for (step, line) in stated.into_iter().zip(stated_at) {
            match step.op {
                Op::Begin(_) => drop(open.insert(step.session)),
                Op::Commit | Op::Rollback => drop(open.remove(&step.session)),
                _ => {}
            }
            steps.push(step);
            lines.push(Some(line));
            since += 1;
            if since >= every && open.is_empty() {
                since = 0;
                steps.extend((0..sessions).map(|session| Step { session, op: Op::Flush }));
                checks.push(steps.len());
                lines.resize(steps.len(), None);
            }
        }
        if since > 0 {
            for op in [Op::Rollback, Op::Flush] {
                steps.extend((0..sessions).map(|session| Step { session, op }));
            }
            checks.push(steps.len());
            lines.resize(steps.len(), None);
        }
        Recorded { stream: Stream { keys, steps, checks, sessions }, lines }
    }
}

fn row(line: &Line) -> Result<Row, String> {
    let length = |name: &str, text: &Option<String>| match text {
        Some(text) if text.len() <= LONGEST.1 => Ok(text.len() as u16),
        Some(text) => Err(format!(
            "{name} of {} bytes: expected up to {}, as longer rows are compressed",
            text.len(),
            LONGEST.1,
        )),
        None => Err(format!("{}: expected what the row then has, \"{name}\":\"..\"", line.op)),
    };
    Ok(Row {
        status: length("status", &line.status)?,
        run_status: length("run_status", &line.run_status)?,
        attempt: line.attempt.is_some(),
    })
}
