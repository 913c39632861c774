//! JSON Lines: an operation a line, or an event a line.
//!
//! The hard part is speed without a second meaning: what a line says is what
//! [`line::from_value`](crate::line::from_value) says it says, and a test holds the two together.
//! So the fields that every line has are put in their slots as they are met, and only what a
//! datatype adds is kept by name.

use super::json::{Bad, Scanner};
use super::record::{Asked, Entry, Field, FormatError, Sink, Wrong, found_at};
use super::value::Value;
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

/// A value, and where it is.
#[derive(Clone)]
struct Spot<'a> {
    at: usize,
    value: Value<'a>,
}

/// The fields that have a meaning on every line.
#[derive(Default)]
struct Slots<'a> {
    format: Option<Spot<'a>>,
    event: Option<Spot<'a>>,
    id: Option<Spot<'a>>,
    at: Option<Spot<'a>>,
    client: Option<Spot<'a>>,
    f: Option<Spot<'a>>,
    call: Option<Spot<'a>>,
    returned: Option<Spot<'a>>,
    ret: Option<Spot<'a>>,
    outcome: Option<Spot<'a>>,
}

/// Reads lines.
#[derive(Clone, Default, Debug)]
pub(super) struct Jsonl {
    renames: Renames,
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
            let mut slots = Slots::default();
            let read = self.object(&mut scanner, &mut slots, &mut asked);
            read.map_err(|bad| within(bad.at, bad.expected.into(), found_at(text, bad.at)))?;
            self.entry(slots, &mut asked, sink).map_err(|wrong| {
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
        &self,
        scanner: &mut Scanner<'a>,
        slots: &mut Slots<'a>,
        asked: &mut Asked<'a>,
    ) -> Result<(), Bad> {
        scanner.byte(b'{', "an object such as {\"client\":0,\"f\":..}")?;
        asked.fields.clear();
        let mut first = true;
        while let Some(name) = scanner.name(first)? {
            first = false;
            let at = scanner.at;
            let spot = Spot { at, value: scanner.value()? };
            if self.renames.0.is_empty() {
                place(slots, asked, name, spot);
            } else if let Some(ours) = self.renames.ours(&name) {
                place(slots, asked, Cow::Owned(ours.to_owned()), spot);
            }
        }
        scanner.blanks();
        if matches!(scanner.peek(), None | Some(b'\n')) {
            return Ok(());
        }
        scanner.bad("the end of the line")
    }

    #[inline]
    fn entry<'a, K: Sink>(
        &mut self,
        slots: Slots<'a>,
        asked: &mut Asked<'a>,
        sink: &mut K,
    ) -> Result<(), Wrong> {
        let first = !std::mem::replace(&mut self.seen_any, true);
        if slots.format.is_some() && slots.f.is_none() {
            return header(&slots.format.expect("it was just seen").value, first);
        }
        if slots.event.is_some() {
            return self.event(slots, asked, sink);
        }
        let call = uint("call", slots.call)?.ok_or_else(|| Wrong::missing("call", ""))?;
        let returned = uint("return", slots.returned)?;
        let failed = failed(slots.outcome)?;
        let outcome = match returned {
            _ if failed => Outcome::Failed,
            None => match slots.ret {
                None | Some(Spot { value: Value::Null, .. }) => Outcome::Open,
                Some(spot) => return Err(answer_without_return(&spot.value)),
            },
            Some(at) if at < call => return Err(return_before_call(call, at)),
            Some(at) => {
                Outcome::Returned { at, ret: slots.ret.map_or(Value::Null, |spot| spot.value) }
            }
        };
        who(slots.client, slots.f, asked)?;
        sink.entry(Entry::Operation { asked, call, outcome })
    }

    fn event<'a, K: Sink>(
        &mut self,
        slots: Slots<'a>,
        asked: &mut Asked<'a>,
        sink: &mut K,
    ) -> Result<(), Wrong> {
        let kind = slots.event.map_or(Value::Null, |spot| spot.value);
        let is_return = match kind.as_text() {
            Some("call") => false,
            Some("return") => true,
            _ => return Err(Wrong::field("e", "\"call\" or \"return\"", &kind)),
        };
        let id = uint("id", slots.id)?.ok_or_else(|| Wrong::missing("id", ""))?;
        let own = if is_return { ("return", slots.returned) } else { ("call", slots.call) };
        let at = match uint("at", slots.at)? {
            Some(at) => Some(at),
            None => uint(own.0, own.1)?,
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
            who(slots.client, slots.f, asked)?;
            return sink.entry(Entry::Call { id, asked, at });
        }
        let outcome = if failed(slots.outcome)? {
            Outcome::Failed
        } else {
            Outcome::Returned { at, ret: slots.ret.map_or(Value::Null, |spot| spot.value) }
        };
        sink.entry(Entry::Return { id, outcome })
    }
}

/// Puts a value where it belongs. The last of several of one name counts.
#[inline]
fn place<'a>(slots: &mut Slots<'a>, asked: &mut Asked<'a>, name: Cow<'a, str>, spot: Spot<'a>) {
    let slot = match &*name {
        "client" => &mut slots.client,
        "f" => &mut slots.f,
        "call" => &mut slots.call,
        "return" => &mut slots.returned,
        "ret" => &mut slots.ret,
        "outcome" => &mut slots.outcome,
        "e" => &mut slots.event,
        "id" => &mut slots.id,
        "at" => &mut slots.at,
        "format" => &mut slots.format,
        _ => {
            asked.fields.push(Field { name, value: spot.value, at: spot.at });
            return;
        }
    };
    *slot = Some(spot);
}

fn header(format: &Value<'_>, first: bool) -> Result<(), Wrong> {
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
fn who<'a>(
    client: Option<Spot<'a>>,
    f: Option<Spot<'a>>,
    asked: &mut Asked<'a>,
) -> Result<(), Wrong> {
    let client = match client {
        None | Some(Spot { value: Value::Null, .. }) => return Err(Wrong::missing("client", "")),
        Some(spot) => spot.value,
    };
    let number = client.as_uint().and_then(|number| u16::try_from(number).ok());
    asked.client = match number {
        Some(number) => ClientId(number),
        None => return Err(Wrong::field("client", "a number from 0 to 65535", &client)),
    };
    asked.f = match f {
        Some(Spot { value: Value::Text(f), .. }) => f,
        Some(spot) => return Err(Wrong::field("f", "a text in quotes", &spot.value)),
        None => return Err(Wrong::missing("f", "")),
    };
    Ok(())
}

/// A field that holds a whole number, or null, or is not there.
#[inline]
fn uint(name: &'static str, spot: Option<Spot<'_>>) -> Result<Option<u64>, Wrong> {
    match spot {
        None | Some(Spot { value: Value::Null, .. }) => Ok(None),
        Some(Spot { value: Value::Uint(number), .. }) => Ok(Some(number)),
        Some(spot) => Err(Wrong::field(name, "a whole number from 0", &spot.value)),
    }
}

#[inline]
fn failed(outcome: Option<Spot<'_>>) -> Result<bool, Wrong> {
    match outcome {
        None => Ok(false),
        Some(spot) if spot.value.as_text() == Some("failed") => Ok(true),
        Some(spot) => Err(Wrong::field("outcome", "\"failed\"", &spot.value)),
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
fn answer_without_return(ret: &Value<'_>) -> Wrong {
    Wrong {
        field: Some("ret"),
        expected: String::from("a \"return\" beside the \"ret\": an answer has a time"),
        found: ret.quoted(),
    }
}
