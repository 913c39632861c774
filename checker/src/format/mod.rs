//! Histories as others write them: JSON Lines, Jepsen's EDN, Porcupine's logs.
//!
//! The hard part is that a file is larger than one would hold, and may still be growing. So nobody
//! here opens one: a [`Reader`] is fed blocks as they come, hands on what is whole
//! ([`Sink`]), and says of the first thing that is wrong its line, its column and what was
//! expected. A [`Collector`] makes it operations of a datatype.

mod collect;
pub mod edn;
mod jepsen;
mod json;
mod jsonl;
mod porcupine;
mod record;
mod slots;
mod raw;
mod written;

pub use collect::{Collector, Operations};
pub use jsonl::Renames;
pub use raw::Raw;
pub use record::{Asked, Entry, FormatError, Sink, Wrong};
pub use written::{Start, Written};

use jepsen::Jepsen;
use jsonl::Jsonl;
use std::fmt;

/// How a history is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Ours: an object a line.
    Jsonl,
    /// Jepsen's: a map an event. Porcupine's key-value logs are that, too.
    Edn,
    /// Jepsen's log as Porcupine keeps it for etcd.
    Porcupine,
}

impl Format {
    /// What a file is that begins like this, if that can be told.
    pub fn detect(begins: &[u8]) -> Option<Format> {
        let text = String::from_utf8_lossy(begins);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let inside = text.strip_prefix(['{', '[', '(']).map(str::trim_start);
        match text.chars().next()? {
            '{' if inside.is_some_and(|it| it.starts_with([':', '#'])) => Some(Format::Edn),
            '{' => Some(Format::Jsonl),
            '#' | ';' | '(' => Some(Format::Edn),
            '[' if inside.is_some_and(|it| it.starts_with(['#', ';']) || it.starts_with("{:")) => {
                Some(Format::Edn)
            }
            _ if text.contains(porcupine::LOGGER) => Some(Format::Porcupine),
            _ => None,
        }
    }

    /// Where its histories begin, unless they say so.
    pub fn start(self) -> Start {
        match self {
            Format::Jsonl => Start::Usual,
            Format::Edn | Format::Porcupine => Start::Nothing,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Jsonl => "jsonl",
            Format::Edn => "edn",
            Format::Porcupine => "porcupine",
        })
    }
}

/// What the first line of a history of ours may say.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Header {
    /// The datatype, by name.
    pub spec: Option<String>,
    /// Where it begins.
    pub init: Option<Raw<'static>>,
}

impl Header {
    /// The header of a file that begins like this; nothing is said if it has none.
    pub fn of(begins: &[u8]) -> Header {
        let text = String::from_utf8_lossy(begins);
        let first = text.trim_start_matches('\u{feff}').trim_start().lines().next();
        let line = first.and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let Some(line) = line.filter(|line| line.get("format").is_some()) else {
            return Header::default();
        };
        let spec = line.get("spec").and_then(|it| it.as_str()).map(str::to_owned);
        Header { spec, init: line.get("init").cloned().map(Raw::from) }
    }
}

/// A line longer than this is none.
const LINE_MAX: usize = 64 << 20;
/// What a form that is not over is tried again after, whatever has come since.
const RETRY_MAX: usize = 64 << 10;

#[derive(Clone, Debug)]
enum Kind {
    Jsonl(Jsonl),
    Edn(Jepsen),
    Porcupine(Jepsen),
}

/// Reads a history that comes in blocks.
#[derive(Clone, Debug)]
pub struct Reader {
    kind: Kind,
    /// What has come and is not over.
    rest: Vec<u8>,
    /// Not before so much of it is there is it tried again.
    retry_at: usize,
    /// The line on which `rest` begins.
    line: u64,
}

impl Reader {
    /// A reader of this format. `renames` are for JSON Lines.
    pub fn new(format: Format, renames: Renames) -> Self {
        let kind = match format {
            Format::Jsonl => Kind::Jsonl(Jsonl::new(renames)),
            Format::Edn => Kind::Edn(Jepsen::default()),
            Format::Porcupine => Kind::Porcupine(Jepsen::default()),
        };
        Reader { kind, rest: Vec::new(), retry_at: 0, line: 1 }
    }

    /// How many events were skipped because no client had a part in them.
    pub fn skipped(&self) -> u64 {
        match &self.kind {
            Kind::Jsonl(_) => 0,
            Kind::Edn(jepsen) | Kind::Porcupine(jepsen) => jepsen.skipped,
        }
    }

    /// How many bytes are held until a line is whole.
    pub fn bytes(&self) -> usize {
        self.rest.capacity()
    }

    /// Takes the next block of the file, cut anywhere.
    pub fn feed<K: Sink>(&mut self, block: &[u8], sink: &mut K) -> Result<(), FormatError> {
        let mut block = block;
        while !self.rest.is_empty() {
            let Some(end) = block.iter().position(|byte| *byte == b'\n') else { break };
            self.rest.extend_from_slice(&block[..=end]);
            block = &block[end + 1..];
            if self.rest.len() >= self.retry_at {
                let mut rest = std::mem::take(&mut self.rest);
                let done = self.lines(&rest, false, sink)?;
                rest.drain(..done);
                self.retry_at = if rest.len() < RETRY_MAX { 0 } else { 2 * rest.len() };
                self.rest = rest;
            }
        }
        let end = block.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let end = if self.rest.is_empty() { end } else { 0 };
        let done = self.lines(&block[..end], false, sink)?;
        self.rest.extend_from_slice(&block[done..]);
        if self.rest.len() <= LINE_MAX {
            return Ok(());
        }
        Err(FormatError {
            line: self.line,
            column: 1,
            expected: format!("a line of at most {} MiB", LINE_MAX >> 20),
            found: String::from("no end"),
        })
    }

    /// Says that no more will come.
    pub fn end<K: Sink>(&mut self, sink: &mut K) -> Result<(), FormatError> {
        let rest = std::mem::take(&mut self.rest);
        self.lines(&rest, true, sink).map(|_| ())
    }

    /// Reads what is whole, and says how many bytes that was.
    fn lines<K: Sink>(
        &mut self,
        bytes: &[u8],
        last: bool,
        sink: &mut K,
    ) -> Result<usize, FormatError> {
        let mut skipped = 0;
        if self.line == 1 && bytes.starts_with("\u{feff}".as_bytes()) {
            skipped = '\u{feff}'.len_utf8();
        }
        let bytes = &bytes[skipped..];
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                // What is before it is looked at first: it may be wrong as well.
                let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or("");
                let start = valid.rfind('\n').map_or(0, |end| end + 1);
                let line = self.line;
                self.text(&valid[..start], false, sink)?;
                let found = format!("the byte 0x{:02x}", bytes[valid.len()]);
                let expected = "text in UTF-8";
                return Err(FormatError::within(valid, line, valid.len(), expected, found));
            }
        };
        self.text(text, last, sink).map(|done| skipped + done)
    }

    fn text<K: Sink>(
        &mut self,
        text: &str,
        last: bool,
        sink: &mut K,
    ) -> Result<usize, FormatError> {
        let newlines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let line = self.line;
        match &mut self.kind {
            Kind::Jsonl(jsonl) => {
                self.line += jsonl.lines(text, line, sink)?;
                Ok(text.len())
            }
            Kind::Porcupine(jepsen) => {
                porcupine::lines(jepsen, text, line, sink)?;
                self.line += newlines(text);
                Ok(text.len())
            }
            Kind::Edn(jepsen) => {
                let done = jepsen.forms(text, line, last, sink)?;
                self.line += newlines(&text[..done]);
                Ok(done)
            }
        }
    }
}
