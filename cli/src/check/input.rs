//! Where a history comes from: a file, a pipe, or a file that is still being written.

use crate::interrupt;
use crate::out::Failure;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is read at one time: large enough to be fast, small enough to be nothing.
const BLOCK: usize = 1 << 20;
/// How long to wait for a file to grow.
const NAP: Duration = Duration::from_millis(50);

/// A history that is being read.
pub(super) struct Input {
    name: String,
    /// Where it can be read again.
    path: Option<PathBuf>,
    source: Box<dyn Read>,
    block: Vec<u8>,
    /// How much of `block` was read and not yet handed on.
    waiting: usize,
    pub(super) bytes: u64,
    /// Whether only its beginning is read: its last line may be cut.
    pub(super) is_cut: bool,
}

impl Input {
    /// Opens a file; standard input if it is `-` or none.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.filter(|it| it.as_os_str() != "-");
        let (name, source, path): (_, Box<dyn Read>, _) = match path {
            None if io::stdin().is_terminal() => {
                return Err(Failure::input("expected a history: a file, or - and a pipe"));
            }
            None => ("stdin".to_owned(), Box::new(io::stdin()), None),
            Some(path) => {
                let name = path.display().to_string();
                let failed = |error| Failure::input(format!("{name}: cannot be read: {error}"));
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    return Err(Failure::input(format!(
                        "{name}: expected a file, found a directory"
                    )));
                }
                (name, Box::new(file), metadata.is_file().then(|| path.to_owned()))
            }
        };
        let block = vec![0; BLOCK];
        Ok(Input { name, path, source, block, waiting: 0, bytes: 0, is_cut: false })
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it can be read again, if it is a file.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The first `bytes` of a file.
    pub(super) fn until(path: &Path, bytes: u64) -> Result<Self, Failure> {
        let input = Input::open(Some(path))?;
        let source = Box::new(input.source.take(bytes));
        Ok(Input { source, is_cut: true, ..input })
    }

    /// How it begins; at least its first line, if that fits a block.
    pub(super) fn begins(&mut self) -> Result<&[u8], Failure> {
        loop {
            let begins = &self.block[..self.waiting];
            let blank = begins.iter().all(u8::is_ascii_whitespace);
            let first = begins.iter().skip_while(|it| it.is_ascii_whitespace());
            let is_enough = !blank && first.clone().any(|byte| *byte == b'\n');
            if is_enough || self.waiting == BLOCK {
                break;
            }
            let from = self.waiting;
            match self.read(from)? {
                0 => break,
                count => self.waiting += count,
            }
        }
        Ok(&self.block[..self.waiting])
    }

    /// The next block; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        let count = match std::mem::take(&mut self.waiting) {
            0 => self.read(0)?,
            waiting => waiting,
        };
        self.bytes += count as u64;
        Ok((count > 0).then_some(&self.block[..count]))
    }

    /// As [`Input::next`], but a file has no end until `stop`: while nothing comes, there is an empty
    /// block now and then.
    pub(super) fn follow(&mut self, stop: impl Fn() -> bool) -> Result<Option<&[u8]>, Failure> {
        if self.waiting == 0 {
            self.waiting = self.read(0)?;
        }
        if self.waiting > 0 {
            return self.next();
        }
        if self.path.is_none() || stop() {
            return Ok(None);
        }
        std::thread::sleep(NAP);
        Ok(Some(&[]))
    }

    /// Reads into the block from there on.
    fn read(&mut self, from: usize) -> Result<usize, Failure> {
        loop {
            match self.source.read(&mut self.block[from..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if interrupt::was_interrupted() {
                        return Ok(0);
                    }
                }
                Err(error) => {
                    return Err(Failure::input(format!("{}: cannot be read: {error}", self.name)));
                }
                Ok(count) => return Ok(count),
            }
        }
    }
}
