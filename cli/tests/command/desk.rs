//! A directory of a test's own, and what the command comes to there.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) const CHECKER: &str = env!("CARGO_BIN_EXE_checker");

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn complains(self, says: &[&str]) -> Self {
        for part in says {
            assert!(self.err.contains(part), "expected '{part}' in: {}", self.err);
        }
        self
    }

    #[track_caller]
    pub(crate) fn tells(self, says: &[&str]) -> Self {
        for part in says {
            assert!(self.out.contains(part), "expected '{part}' in: {}", self.out);
        }
        self
    }

    /// The one JSON object on stdout.
    #[track_caller]
    pub(crate) fn object(&self, command: &str, outcome: &str) -> Value {
        let object: Value = serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("stdout is not one JSON value: {error}: {}", self.out));
        assert_eq!((&object["command"], &object["outcome"]), (&command.into(), &outcome.into()));
        object
    }
}

/// A directory of the test's own, empty.
pub(crate) struct Desk(pub(crate) PathBuf);

impl Desk {
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("command-{test}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the target directory can be written");
        Desk(path)
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.0);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command
    }

    /// `checker` with these arguments, told apart by spaces.
    pub(crate) fn checker(&self, line: &str) -> Ran {
        ran(self.command(CHECKER).args(line.split_whitespace()))
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("the desk can be written");
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("it was written")
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).expect("the desk is there");
        let name = |file: fs::DirEntry| file.file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = files.filter_map(Result::ok).map(name).collect();
        names.sort();
        names
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    Ran {
        code: status.code(),
        out: String::from_utf8(stdout).expect("stdout is text"),
        err: String::from_utf8(stderr).expect("stderr is text"),
    }
}

pub(crate) fn recorded(name: &str) -> String {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    fs::read_to_string(traces.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `text` with the first `from` made `to`.
#[track_caller]
pub(crate) fn altered(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "there is no '{from}' to alter");
    text.replacen(from, to, 1)
}
