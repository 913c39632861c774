//! The fields that have a meaning on every line, and the order in which a file writes its fields.
//!
//! Both are for speed. Most values are numbers, so those are kept as numbers; and a program that
//! writes a history writes every line with the same names in the same order, so what stands before
//! a value is compared with what stood there on an earlier line, and read only where it differs.

use super::json::Scanner;
use super::raw::Raw;
use super::record::Wrong;
use std::borrow::Cow;
use std::ops::Range;

/// A field that has a meaning on every line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Client,
    F,
    Call,
    Return,
    Ret,
    Outcome,
    Event,
    Id,
    At,
    Format,
}

const NAMES: [(&str, Slot); 10] = [
    ("client", Slot::Client),
    ("f", Slot::F),
    ("call", Slot::Call),
    ("return", Slot::Return),
    ("ret", Slot::Ret),
    ("outcome", Slot::Outcome),
    ("e", Slot::Event),
    ("id", Slot::Id),
    ("at", Slot::At),
    ("format", Slot::Format),
];

impl Slot {
    /// The slot of this name, if it is one's.
    pub(super) fn of(name: &str) -> Option<Slot> {
        NAMES.iter().find(|(it, _)| *it == name).map(|(_, slot)| *slot)
    }

    fn name(self) -> &'static str {
        NAMES[self as usize].0
    }
}

/// What a line has in these fields.
#[derive(Default)]
pub(super) struct Slots<'a> {
    numbers: [u64; NAMES.len()],
    /// One bit for each slot.
    is_number: u16,
    others: Vec<(Slot, Raw<'a>)>,
}

impl<'a> Slots<'a> {
    #[inline]
    pub(super) fn clear(&mut self) {
        self.is_number = 0;
        self.others.clear();
    }

    // The last of several of one name counts.
    #[inline]
    pub(super) fn set_number(&mut self, slot: Slot, number: u64) {
        self.numbers[slot as usize] = number;
        self.is_number |= 1 << slot as u16;
    }

    #[inline]
    pub(super) fn set(&mut self, slot: Slot, value: Raw<'a>) {
        self.is_number &= !(1 << slot as u16);
        self.others.push((slot, value));
    }

    #[inline]
    fn is_number(&self, slot: Slot) -> bool {
        self.is_number & 1 << slot as u16 != 0
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.is_number(slot) || self.others.iter().any(|(it, _)| *it == slot)
    }

    /// The value, which is gone then.
    #[inline]
    pub(super) fn take(&mut self, slot: Slot) -> Option<Raw<'a>> {
        if self.is_number(slot) {
            return Some(Raw::Uint(self.numbers[slot as usize]));
        }
        let other = self.others.iter_mut().rev().find(|(it, _)| *it == slot);
        other.map(|(_, value)| std::mem::replace(value, Raw::Null))
    }

    /// A field that holds a whole number, or null, or is not there.
    #[inline]
    pub(super) fn uint(&self, slot: Slot) -> Result<Option<u64>, Wrong> {
        if self.is_number(slot) {
            return Ok(Some(self.numbers[slot as usize]));
        }
        match self.others.iter().rev().find(|(it, _)| *it == slot) {
            None | Some((_, Raw::Null)) => Ok(None),
            Some((_, value)) => Err(Wrong::field(slot.name(), "a whole number from 0", value)),
        }
    }
}

/// What stood before a value.
#[derive(Clone, Debug)]
struct Before {
    bytes: Box<[u8]>,
    /// Its first bytes, and which of a word they are.
    word: u128,
    mask: u128,
    /// The name in it.
    name: Range<usize>,
    slot: Option<Slot>,
}

/// The bytes of a word.
const WORD: usize = 16;

impl Before {
    fn new(bytes: &[u8], name: Range<usize>, slot: Option<Slot>) -> Self {
        let mut word = [0; WORD];
        let length = bytes.len().min(WORD);
        word[..length].copy_from_slice(&bytes[..length]);
        let mask = if length == WORD { u128::MAX } else { (1 << (8 * length)) - 1 };
        Before { bytes: bytes.into(), word: u128::from_le_bytes(word), mask, name, slot }
    }

    /// Whether a text goes on like this whose first bytes are `word`.
    #[inline]
    fn is_next(&self, word: u128, rest: &[u8]) -> bool {
        word & self.mask == self.word && (self.bytes.len() <= WORD || rest.starts_with(&self.bytes))
    }
}

/// How the lines so far were written, field by field.
#[derive(Clone, Default, Debug)]
pub(super) struct Layout(Vec<Before>);

/// So many fields are remembered.
const FIELDS_MAX: usize = 32;
/// So many of them may be left out at a time.
const SKIPPED_MAX: usize = 4;

impl Layout {
    /// The next field, if it is written as on an earlier line; its value is next then.
    #[inline]
    pub(super) fn next<'a>(
        &self,
        scanner: &mut Scanner<'a>,
        position: &mut usize,
    ) -> Option<(Cow<'a, str>, Option<Slot>)> {
        let from = (*position).min(self.0.len());
        let until = (from + SKIPPED_MAX).min(self.0.len());
        let rest = scanner.rest();
        // The end of a block is read the slow way.
        let word = u128::from_le_bytes(*rest.first_chunk::<WORD>()?);
        let skipped = self.0[from..until].iter().position(|it| it.is_next(word, rest))?;
        let before = &self.0[from + skipped];
        *position = from + skipped + 1;
        let (start, end) = (scanner.at + before.name.start, scanner.at + before.name.end);
        scanner.at += before.bytes.len();
        Some((Cow::Borrowed(scanner.between(start, end)), before.slot))
    }

    /// Remembers how a field is written whose value is next, and whose comma is at `start`.
    pub(super) fn note(
        &mut self,
        scanner: &Scanner<'_>,
        start: usize,
        name: &str,
        position: &mut usize,
    ) {
        let text = scanner.between(start, scanner.at);
        let is_known = self.0.iter().any(|it| *it.bytes == *text.as_bytes());
        if is_known || self.0.len() == FIELDS_MAX {
            return;
        }
        // Where it holds an escape, it is no part of what is written.
        let Some(at) = text.find(name).filter(|_| !text.contains('\\')) else { return };
        let name = at..at + name.len();
        let slot = Slot::of(&text[name.clone()]);
        let position_now = (*position).min(self.0.len());
        self.0.insert(position_now, Before::new(text.as_bytes(), name, slot));
        *position = position_now + 1;
    }
}
