//! JSON scanned in place: one value after another, texts borrowed unless they hold an escape.
//!
//! The hard part is speed: a history is gigabytes of short lines, and a parser that builds a tree
//! of each costs more than judging it. So there is one pass over the bytes, a line's end is met and
//! not looked for, and nothing is allocated for numbers, words and plain texts.

use super::raw::Raw;
use std::borrow::Cow;

/// What was expected, and where in the text something else was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bad {
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

/// The bytes that end a plain text: a quote, an escape, and what may not be in one.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

/// Deeper than this nobody means it.
const DEPTH_MAX: u32 = 120;

/// A walk over a text. A line's end ends a value.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner { text, bytes: text.as_bytes(), at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn bad<T>(&self, expected: &'static str) -> Result<T, Bad> {
        Err(Bad { at: self.at, expected })
    }

    /// What is between two places, of which both are where characters begin.
    #[inline]
    pub(super) fn between(&self, start: usize, end: usize) -> &'a str {
        &self.text[start..end]
    }

    /// Goes past blanks on this line.
    #[inline]
    pub(super) fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes past this byte, or says what was expected.
    #[inline]
    pub(super) fn byte(&mut self, byte: u8, expected: &'static str) -> Result<(), Bad> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.bad(expected)
    }

    /// Goes on to the next entry of an object whose brace was passed: its name, and blanks and
    /// colon behind it. `None`: the object has ended.
    #[inline]
    pub(super) fn name(&mut self, first: bool) -> Result<Option<Cow<'a, str>>, Bad> {
        self.blanks();
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.blanks();
            }
            _ if !first => return self.bad("',' or '}'"),
            _ => {}
        }
        if self.peek() != Some(b'"') {
            return self.bad(if first { "a name in quotes, or '}'" } else { "a name in quotes" });
        }
        let name = self.string()?;
        self.blanks();
        self.byte(b':', "':'")?;
        self.blanks();
        Ok(Some(name))
    }

    /// A value, from its first byte to behind its last.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Raw<'a>, Bad> {
        let rest = self.rest();
        match rest.first() {
            Some(b'"') => self.string().map(Raw::Text),
            Some(b't') if rest.starts_with(b"true") => {
                self.at += 4;
                Ok(Raw::Bool(true))
            }
            Some(b'f') if rest.starts_with(b"false") => {
                self.at += 5;
                Ok(Raw::Bool(false))
            }
            _ => self.nested(0),
        }
    }

    /// What is still to come.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// A whole number of at most nineteen digits; nothing is passed if it is another.
    #[inline]
    pub(super) fn uint(&mut self) -> Option<u64> {
        let (mut digits, mut number) = (0, 0_u64);
        for byte in self.rest() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        let end = self.at + digits;
        let is_plain = digits == 1 || (2..=19).contains(&digits) && self.bytes[self.at] != b'0';
        if !is_plain || matches!(self.bytes.get(end), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at = end;
        Some(number)
    }

    /// A text without an escape; nothing is passed if it is another.
    #[inline]
    fn plain(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let length = self.bytes[start..].iter().position(|it| ENDS[usize::from(*it)])?;
        if self.bytes[start + length] != b'"' {
            return None;
        }
        self.at = start + length + 1;
        Some(&self.text[start..start + length])
    }

    fn nested(&mut self, depth: u32) -> Result<Raw<'a>, Bad> {
        match self.peek() {
            Some(b'"') => self.string().map(Raw::Text),
            Some(b'0'..=b'9') => self.number(),
            Some(b'-') => self.signed(),
            Some(b't') => self.word("true", Raw::Bool(true)),
            Some(b'f') => self.word("false", Raw::Bool(false)),
            Some(b'n') => self.word("null", Raw::Null),
            Some(b'[' | b'{') if depth == DEPTH_MAX => self.bad("fewer brackets in one another"),
            Some(b'[') => self.list(depth + 1),
            Some(b'{') => self.map(depth + 1),
            _ => self.bad("a value"),
        }
    }

    fn word(&mut self, word: &'static str, value: Raw<'a>) -> Result<Raw<'a>, Bad> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        self.bad("true, false, null, a number, a text in quotes, '[' or '{'")
    }

    fn list(&mut self, depth: u32) -> Result<Raw<'a>, Bad> {
        self.at += 1;
        let mut all = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Raw::List(all));
        }
        loop {
            self.blanks();
            all.push(self.nested(depth)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Raw::List(all));
                }
                _ => return self.bad("',' or ']'"),
            }
        }
    }

    fn map(&mut self, depth: u32) -> Result<Raw<'a>, Bad> {
        self.at += 1;
        let mut entries = Vec::new();
        while let Some(name) = self.name(entries.is_empty())? {
            entries.push((name, self.nested(depth)?));
        }
        Ok(Raw::Map(entries))
    }

    /// A text, from its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, Bad> {
        match self.plain() {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.escaped().map(Cow::Owned),
        }
    }

    /// A text that holds escapes, or has no end.
    #[cold]
    fn escaped(&mut self) -> Result<String, Bad> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let from = self.at;
            while !matches!(self.peek(), Some(b'"' | b'\\' | 0..=0x1f) | None) {
                self.at += 1;
            }
            text.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return self.bad("'\"' at the end of the text"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Bad> {
        let start = self.at;
        self.at += 1;
        let one = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    let lone = Bad { at: start, expected: "a character that can stand alone" };
                    return char::from_u32(high).ok_or(lone);
                }
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return self.bad("the second half of a pair, \\uDC00 to \\uDFFF");
                }
                self.at += 2;
                let low = self.hex()?;
                let pair = Bad { at: self.at, expected: "a second half from \\uDC00 to \\uDFFF" };
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or(pair)?;
                return char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low).ok_or(pair);
            }
            _ => return self.bad("one of \" \\ / b f n r t u behind '\\'"),
        };
        self.at += 1;
        Ok(one)
    }

    fn hex(&mut self) -> Result<u32, Bad> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return self.bad("four digits 0-9 a-f") };
            number = 16 * number + digit;
            self.at += 1;
        }
        Ok(number)
    }

    #[inline]
    fn number(&mut self) -> Result<Raw<'a>, Bad> {
        if let Some(number) = self.uint() {
            return Ok(Raw::Uint(number));
        }
        let start = self.at;
        self.digits()?;
        if self.bytes[start] == b'0' && self.at > start + 1 {
            self.at = start + 1;
            return self.bad("a number without leading zeros");
        }
        self.long_number(start)
    }

    /// A number from `start` that has a sign, a fraction or too many digits for a word.
    #[cold]
    fn long_number(&mut self, start: usize) -> Result<Raw<'a>, Bad> {
        let whole = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if self.at == whole {
            if let Ok(number) = text.parse() {
                return Ok(Raw::Uint(number));
            }
            // Minus nought is no whole number: it could not be written back.
            match text.parse() {
                Ok(0) | Err(_) => {}
                Ok(number) => return Ok(Raw::Int(number)),
            }
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Raw::Float(number)),
            _ => Err(Bad { at: start, expected: "a number that is not so large" }),
        }
    }

    fn digits(&mut self) -> Result<(), Bad> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.bad("a digit");
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    #[cold]
    fn signed(&mut self) -> Result<Raw<'a>, Bad> {
        let start = self.at;
        self.at += 1;
        let first = self.peek();
        self.digits()?;
        if first == Some(b'0') && self.at > start + 2 {
            self.at = start + 2;
            return self.bad("a number without leading zeros");
        }
        self.long_number(start)
    }
}
