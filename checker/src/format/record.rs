//! What every format is turned into: who asked what when, and what came of it.
//!
//! The hard part is that datatypes, formats and users each have their own names for things. A
//! reader puts a line into this form, under the contract's names; a datatype takes from it the
//! fields it knows ([`Written`](super::Written)). Neither knows of the other.

use super::raw::Raw;
use crate::{ClientId, Outcome};
use std::borrow::Cow;
use std::fmt;

/// What a client asked, as it was written.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Asked<'a> {
    /// Who.
    pub client: ClientId,
    /// The operation's name.
    pub f: Cow<'a, str>,
    pub(super) fields: Vec<Field<'a>>,
}

/// A field beside those that every operation has.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Raw<'a>,
}

impl<'a> Asked<'a> {
    /// A call of `f`, with nothing beside it yet.
    pub fn new(client: ClientId, f: impl Into<Cow<'a, str>>) -> Self {
        Asked { client, f: f.into(), fields: Vec::new() }
    }

    /// The same with one more field.
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: Raw<'a>) -> Self {
        self.fields.push(Field { name: name.into(), value });
        self
    }

    /// The field of this name. The last of several counts.
    pub fn get(&self, name: &str) -> Option<&Raw<'a>> {
        self.fields.iter().rev().find(|field| field.name == name).map(|field| &field.value)
    }

    fn is_not<T>(&self, name: &'static str, wanted: &'static str) -> Result<T, Wrong> {
        Err(match self.get(name) {
            Some(value) => Wrong::field(name, wanted, value),
            None => Wrong::missing(name, &self.f),
        })
    }

    /// A text that must be there.
    pub fn text(&self, name: &'static str) -> Result<&str, Wrong> {
        match self.get(name) {
            Some(Raw::Text(text)) => Ok(text),
            _ => self.is_not(name, "a text in quotes"),
        }
    }

    /// A name that must be there: a text, or a number, whose digits are its name.
    pub fn name(&self, name: &'static str) -> Result<Cow<'_, str>, Wrong> {
        match self.get(name) {
            Some(Raw::Text(text)) => Ok(Cow::Borrowed(text)),
            Some(Raw::Uint(number)) => Ok(Cow::Owned(number.to_string())),
            _ => self.is_not(name, "a text in quotes, or a whole number from 0"),
        }
    }

    /// A name that is empty if it is not there.
    pub fn name_or_empty(&self, name: &'static str) -> Result<Cow<'_, str>, Wrong> {
        if self.get(name).is_none() { Ok(Cow::Borrowed("")) } else { self.name(name) }
    }

    /// A text that is empty if it is not there.
    pub fn text_or_empty(&self, name: &'static str) -> Result<&str, Wrong> {
        if self.get(name).is_none() { Ok("") } else { self.text(name) }
    }

    /// A text, null, or nothing at all.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&str>, Wrong> {
        match self.get(name) {
            None | Some(Raw::Null) => Ok(None),
            Some(Raw::Text(text)) => Ok(Some(text)),
            Some(_) => self.is_not(name, "a text in quotes, or null"),
        }
    }

    /// A number from 0 that must be there.
    pub fn uint(&self, name: &'static str) -> Result<u64, Wrong> {
        match self.get(name) {
            Some(Raw::Uint(number)) => Ok(*number),
            _ => self.is_not(name, "a whole number from 0"),
        }
    }

    /// A number from 0, null, or nothing at all.
    pub fn optional_uint(&self, name: &'static str) -> Result<Option<u64>, Wrong> {
        match self.get(name) {
            None | Some(Raw::Null) => Ok(None),
            Some(Raw::Uint(number)) => Ok(Some(*number)),
            Some(_) => self.is_not(name, "a whole number from 0, or null"),
        }
    }

    /// True or false; false if it is not there.
    pub fn flag(&self, name: &'static str) -> Result<bool, Wrong> {
        match self.get(name) {
            None => Ok(false),
            Some(Raw::Bool(it)) => Ok(*it),
            Some(_) => self.is_not(name, "true or false"),
        }
    }

    /// No operation of the datatype has this name; these are its operations.
    pub fn unknown(&self, known: &str) -> Wrong {
        Wrong {
            field: Some("f"),
            expected: format!("\"f\" to be {known}"),
            found: format!("\"{}\"", super::raw::quoted(&self.f)),
        }
    }
}

/// What a reader hands on. Its parts live as long as the block it was read from.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry<'a> {
    /// A whole operation.
    Operation {
        /// Who asked what.
        asked: &'a Asked<'a>,
        /// When.
        call: u64,
        /// What came of it.
        outcome: Outcome<Raw<'a>>,
    },
    /// An operation begins.
    Call {
        /// What its return will be known by.
        id: u64,
        /// Who asked what.
        asked: &'a Asked<'a>,
        /// When.
        at: u64,
    },
    /// An operation ends.
    Return {
        /// Which.
        id: u64,
        /// How: open, if nobody will hear of it again.
        outcome: Outcome<Raw<'a>>,
    },
}

/// Whoever takes what a reader hands on.
pub trait Sink {
    /// One more, in the order of the file.
    fn entry(&mut self, entry: Entry<'_>) -> Result<(), Wrong>;
}

/// Why a line is not what it should be; the reader adds where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The field it is about, by the contract's name.
    pub field: Option<&'static str>,
    /// What would have been right.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl Wrong {
    /// A field holds what it cannot.
    pub fn field(name: &'static str, wanted: &str, found: &Raw<'_>) -> Self {
        Wrong {
            field: Some(name),
            expected: format!("\"{name}\" to be {wanted}"),
            found: found.quoted(),
        }
    }

    /// A field that `f` must have is not there.
    pub fn missing(name: &'static str, f: &str) -> Self {
        let beside = if f.is_empty() { String::new() } else { format!(" beside \"f\":\"{f}\"") };
        Wrong {
            field: None,
            expected: format!("a field \"{name}\"{beside}"),
            found: String::from("none"),
        }
    }

    /// An answer that the datatype never gives.
    pub fn answer(wanted: &str, found: &Raw<'_>) -> Self {
        Wrong::field("ret", wanted, found)
    }
}

/// Why a history cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormatError {
    /// The line, from 1.
    pub line: u64,
    /// The character in it, from 1.
    pub column: u64,
    /// What would have been right.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl FormatError {
    /// `at` is an offset into `text`, whose first line is number `line`.
    pub(super) fn within(
        text: &str,
        line: u64,
        at: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let newlines = before.bytes().filter(|byte| *byte == b'\n').count() as u64;
        FormatError {
            line: line + newlines,
            column: before[start..].chars().count() as u64 + 1,
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// What is in the text at `at`, in a few words.
pub(super) fn found_at(text: &str, at: usize) -> String {
    match text.get(at..).and_then(|rest| rest.chars().next()) {
        None => String::from("the end"),
        Some('\n') => String::from("the end of the line"),
        Some(one) if one.is_control() => format!("'{}'", one.escape_default()),
        Some(one) if one.is_alphanumeric() => {
            let word = text[at..].split(|it: char| !it.is_alphanumeric()).next().unwrap_or("");
            format!("'{}'", super::raw::quoted(word))
        }
        Some(one) => format!("'{one}'"),
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FormatError { line, column, expected, found } = self;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

impl std::error::Error for FormatError {}
