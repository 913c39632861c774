//! JSON Lines: an operation a line, or an event a line.
//!
//! The hard part is speed without a second meaning: what a line says is what
//! [`line::from_value`](crate::line::from_value) says it says, and a test holds the two together.
//! So the fields that every line has are put in their slots as they are met, and only what a
//! datatype adds is kept by name.

use super::json::{Bad, Scanner};
use super::raw::Raw;
use super::record::{Asked, Entry, Field, FormatError, Sink, Wrong, found_at};
use super::slots::{Layout, Slot, Slots};
use crate::line::FORMAT;
use crate::{ClientId, Outcome};
use std::borrow::Cow;

/// How the fields of a file are called that are called something else: theirs, ours.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Renames(Vec<(String, String)>);

impl Renames {
    /// What they call `theirs` is our `ours`.
    pub fn add(&mut self, ours: &str, theirs: &str) {
        self.0.push((theirs.to_owned(), ours.to_owned()));
    }

    /// Each as ours, theirs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(theirs, ours)| (ours.as_str(), theirs.as_str()))
    }

    /// Our name for a field; `None` if it is another thing that happens to have a name of ours.
    fn ours<'a>(&'a self, theirs: &'a str) -> Option<&'a str> {
        match self.0.iter().find(|(it, _)| it == theirs) {
            Some((_, ours)) => Some(ours),
            None if self.0.iter().any(|(_, ours)| ours == theirs) => None,
            None => Some(theirs),
        }
    }
}

/// What comes next in an object.
enum Next<'a> {
    End,
    /// A field, by our name for it.
    Field(Cow<'a, str>, Option<Slot>),
    /// One that only happens to have a name of ours.
    Other,
}

/// Reads lines.
#[derive(Clone, Default, Debug)]
pub(super) struct Jsonl {
    renames: Renames,
    layout: Layout,
    /// How many events there were: the clock of those that have none.
    events: u64,
    /// Whether events have times of their own; known from the first.
    timed: Option<bool>,
    seen_any: bool,
}

impl Jsonl {
    pub(super) fn new(renames: Renames) -> Self {
        Jsonl { renames, ..Jsonl::default() }
    }

    /// Reads whole lines, the first of which is number `line`.
    pub(super) fn lines<K: Sink>(
        &mut self,
        text: &str,
        line: u64,
        sink: &mut K,
    ) -> Result<u64, FormatError> {
        let mut scanner = Scanner::new(text);
        let mut asked = Asked::default();
        let mut slots = Slots::default();
        let mut lines = 0;
        loop {
            scanner.blanks();
            match scanner.peek() {
                None => return Ok(lines),
                Some(b'\n') => {
                    scanner.at += 1;
                    lines += 1;
                    continue;
                }
                Some(_) => {}
            }
            let start = scanner.at;
            let within =
                |at, expected: String, found| FormatError::within(text, line, at, expected, found);
            slots.clear();
            asked.fields.clear();
            let read = self.object(&mut scanner, &mut slots, &mut asked);
            read.map_err(|bad| within(bad.at, bad.expected.into(), found_at(text, bad.at)))?;
            self.entry(&mut slots, &mut asked, sink).map_err(|wrong| {
                let at = wrong.field.and_then(|name| self.place_of(name, text, start));
                within(at.unwrap_or(start), wrong.expected, wrong.found)
            })?;
        }
    }

    /// Where the value of a field is, in the line that begins at `start`: asked when something is
    /// wrong with it, so that lines that are right need not know.
    #[cold]
    fn place_of(&self, field: &str, text: &str, start: usize) -> Option<usize> {
        let mut scanner = Scanner::new(text);
        scanner.at = start;
        scanner.byte(b'{', "an object").ok()?;
        let mut place = None;
        let mut first = true;
        while let Some(name) = scanner.name(first).ok()? {
            first = false;
            if self.renames.ours(&name) == Some(field) {
                place = Some(scanner.at);
            }
            scanner.value().ok()?;
        }
        place
    }

    /// One object, and the line's end behind it, which is left there.
    #[inline]
    fn object<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        slots: &mut Slots<'a>,
        asked: &mut Asked<'a>,
    ) -> Result<(), Bad> {
        scanner.byte(b'{', "an object such as {\"client\":0,\"f\":..}")?;
        let mut position = 0;
        let mut first = true;
        loop {
            let (name, slot) = match self.layout.next(scanner, &mut position) {
                Some(known) => known,
                None => match self.field(scanner, first, &mut position)? {
                    Next::End => break,
                    Next::Field(name, slot) => (name, slot),
                    Next::Other => {
                        first = false;
                        scanner.value()?;
                        continue;
                    }
                },
            };
            first = false;
            match slot {
                Some(slot) => match scanner.uint() {
                    Some(number) => slots.set_number(slot, number),
                    None => slots.set(slot, scanner.value()?),
                },
                None => match scanner.uint() {
                    Some(number) => asked.fields.push(Field { name, value: Raw::Uint(number) }),
                    None => asked.fields.push(Field { name, value: scanner.value()? }),
                },
            }
        }
        scanner.blanks();
        if matches!(scanner.peek(), None | Some(b'\n')) {
            return Ok(());
        }
        scanner.bad("the end of the line")
    }

    /// The next field of a line that is not written as those before it were.
    #[cold]
    fn field<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        first: bool,
        position: &mut usize,
    ) -> Result<Next<'a>, Bad> {
        let start = scanner.at;
        let Some(theirs) = scanner.name(first)? else { return Ok(Next::End) };
        if self.renames.0.is_empty() {
            self.layout.note(scanner, start, &theirs, position);
            let slot = Slot::of(&theirs);
            return Ok(Next::Field(theirs, slot));
        }
        let Some(ours) = self.renames.ours(&theirs) else { return Ok(Next::Other) };
        Ok(Next::Field(Cow::Owned(ours.to_owned()), Slot::of(ours)))
    }

    #[inline]
    fn entry<'a, K: Sink>(
        &mut self,
        slots: &mut Slots<'a>,
        asked: &mut Asked<'a>,
        sink: &mut K,
    ) -> Result<(), Wrong> {
        let first = !std::mem::replace(&mut self.seen_any, true);
        if slots.has(Slot::Format) && !slots.has(Slot::F) {
            return header(&slots.take(Slot::Format).unwrap_or(Raw::Null), first);
        }
        if slots.has(Slot::Event) {
            return self.event(slots, asked, sink);
        }
        let call = slots.uint(Slot::Call)?.ok_or_else(|| Wrong::missing("call", ""))?;
        let returned = slots.uint(Slot::Return)?;
        let failed = failed(slots)?;
        let outcome = match returned {
            _ if failed => Outcome::Failed,
            None => match slots.take(Slot::Ret) {
                None | Some(Raw::Null) => Outcome::Open,
                Some(ret) => return Err(answer_without_return(&ret)),
            },
            Some(at) if at < call => return Err(return_before_call(call, at)),
            Some(at) => Outcome::Returned { at, ret: slots.take(Slot::Ret).unwrap_or(Raw::Null) },
        };
        who(slots, asked)?;
        sink.entry(Entry::Operation { asked, call, outcome })
    }

    fn event<'a, K: Sink>(
        &mut self,
        slots: &mut Slots<'a>,
        asked: &mut Asked<'a>,
        sink: &mut K,
    ) -> Result<(), Wrong> {
        let kind = slots.take(Slot::Event).unwrap_or(Raw::Null);
        let is_return = match kind.as_text() {
            Some("call") => false,
            Some("return") => true,
            _ => return Err(Wrong::field("e", "\"call\" or \"return\"", &kind)),
        };
        let id = slots.uint(Slot::Id)?.ok_or_else(|| Wrong::missing("id", ""))?;
        let own = if is_return { Slot::Return } else { Slot::Call };
        let at = match slots.uint(Slot::At)? {
            Some(at) => Some(at),
            None => slots.uint(own)?,
        };
        if *self.timed.get_or_insert(at.is_some()) != at.is_some() {
            let expected = if at.is_some() { "no \"at\"" } else { "a field \"at\"" };
            return Err(Wrong {
                field: Some("at"),
                expected: format!("{expected}, as in the first event: all have one or none"),
                found: at.map_or(String::from("none"), |at| at.to_string()),
            });
        }
        self.events += 1;
        let at = at.unwrap_or(self.events);
        if !is_return {
            who(slots, asked)?;
            return sink.entry(Entry::Call { id, asked, at });
        }
        let outcome = if failed(slots)? {
            Outcome::Failed
        } else {
            Outcome::Returned { at, ret: slots.take(Slot::Ret).unwrap_or(Raw::Null) }
        };
        sink.entry(Entry::Return { id, outcome })
    }
}

fn header(format: &Raw<'_>, first: bool) -> Result<(), Wrong> {
    let mut wrong = Wrong::field("format", &format!("\"{FORMAT}\""), format);
    if format.as_text() != Some(FORMAT) {
        if format.as_text().is_some_and(|it| it.starts_with("unforked-history/")) {
            wrong.expected += ", which is what this checker reads";
        }
        return Err(wrong);
    }
    if first {
        return Ok(());
    }
    wrong.expected = String::from("an operation: the header is the first line");
    Err(wrong)
}

#[inline]
fn who<'a>(slots: &mut Slots<'a>, asked: &mut Asked<'a>) -> Result<(), Wrong> {
    let client = slots.uint(Slot::Client)?.ok_or_else(|| Wrong::missing("client", ""))?;
    asked.client = u16::try_from(client)
        .map(ClientId)
        .map_err(|_| Wrong::field("client", "a number from 0 to 65535", &Raw::Uint(client)))?;
    asked.f = match slots.take(Slot::F) {
        Some(Raw::Text(f)) => f,
        Some(f) => return Err(Wrong::field("f", "a text in quotes", &f)),
        None => return Err(Wrong::missing("f", "")),
    };
    Ok(())
}

#[inline]
fn failed(slots: &mut Slots<'_>) -> Result<bool, Wrong> {
    match slots.take(Slot::Outcome) {
        None => Ok(false),
        Some(outcome) if outcome.as_text() == Some("failed") => Ok(true),
        Some(outcome) => Err(Wrong::field("outcome", "\"failed\"", &outcome)),
    }
}

#[cold]
fn return_before_call(call: u64, at: u64) -> Wrong {
    Wrong {
        field: Some("return"),
        expected: format!("a \"return\" not before the \"call\" at {call}"),
        found: at.to_string(),
    }
}

#[cold]
fn answer_without_return(ret: &Raw<'_>) -> Wrong {
    Wrong {
        field: Some("ret"),
        expected: String::from("a \"return\" beside the \"ret\": an answer has a time"),
        found: ret.quoted(),
    }
}
