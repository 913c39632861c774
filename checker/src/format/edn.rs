//! EDN, Clojure's notation, in which Jepsen writes its histories.
//!
//! The hard part is that it has no lines: a form may go on behind the end of what was read so far.
//! So reading says apart that a form is wrong and that it is not over yet.

mod write;

use super::raw::Raw;
use std::borrow::Cow;

/// A form.
#[derive(Clone, PartialEq, Debug)]
pub enum Edn<'a> {
    /// `nil`
    Nil,
    /// `true`
    Bool(bool),
    /// `-7`
    Int(i64),
    /// `1.5`
    Float(f64),
    /// A number of any length as it is written: `7N` beyond a word, `1.50M`.
    Exact(&'a str),
    /// `\a`
    Char(char),
    /// `"a"`
    Text(Cow<'a, str>),
    /// `a/b`
    Symbol(&'a str),
    /// `:a`, without the colon
    Keyword(&'a str),
    /// `(1 2)`
    List(Vec<Edn<'a>>),
    /// `[1 2]`
    Vector(Vec<Edn<'a>>),
    /// `{:a 1}`
    Map(Vec<(Edn<'a>, Edn<'a>)>),
    /// `#{1 2}`
    Set(Vec<Edn<'a>>),
    /// `#inst "2026"`
    Tagged(&'a str, Box<Edn<'a>>),
}

/// Why there is no form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EdnError {
    /// The text is over and the form is not.
    Incomplete {
        /// What would end it.
        expected: &'static str,
    },
    /// It is none.
    Wrong {
        /// Where, as an offset into the text.
        at: usize,
        /// What would have been right.
        expected: &'static str,
    },
}

/// Deeper than this nobody means it.
const DEPTH_MAX: u32 = 120;

/// A walk over a text, form by form.
#[derive(Clone, Debug)]
pub struct Forms<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Forms<'a> {
    /// Begins at the front of a text.
    pub fn new(text: &'a str) -> Self {
        Forms { text, at: 0 }
    }

    /// How far it has come: behind the last form.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next form; `None` at the end of the text. What is behind it is left there.
    pub fn next_form(&mut self) -> Result<Option<Edn<'a>>, EdnError> {
        self.blanks(0)?;
        if self.peek().is_none() {
            return Ok(None);
        }
        self.form(0).map(Some)
    }

    /// Goes past blanks, comments and what is discarded, and one of these bytes if it is next.
    pub fn take(&mut self, bytes: &[u8]) -> Result<bool, EdnError> {
        self.blanks(0)?;
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(found);
        Ok(found)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong<T>(&self, at: usize, expected: &'static str) -> Result<T, EdnError> {
        Err(EdnError::Wrong { at, expected })
    }

    fn blanks(&mut self, depth: u32) -> Result<(), EdnError> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at..).unwrap_or_default() {
                [b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xc, ..] => self.at += 1,
                [b';', ..] => {
                    while !matches!(self.peek(), None | Some(b'\n')) {
                        self.at += 1;
                    }
                }
                [b'#', b'_', ..] => {
                    let start = self.at;
                    self.at += 2;
                    let discarded = self.inner(depth);
                    if let Err(EdnError::Incomplete { .. }) = discarded {
                        self.at = start;
                    }
                    discarded?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// A form that must be there.
    fn inner(&mut self, depth: u32) -> Result<Edn<'a>, EdnError> {
        if depth == DEPTH_MAX {
            return self.wrong(self.at, "fewer brackets in one another");
        }
        self.blanks(depth + 1)?;
        self.form(depth + 1)
    }

    fn form(&mut self, depth: u32) -> Result<Edn<'a>, EdnError> {
        let start = self.at;
        match self.peek() {
            None => Err(EdnError::Incomplete { expected: "a form" }),
            Some(b'(') => self.sequence(b')', "')'", depth).map(Edn::List),
            Some(b'[') => self.sequence(b']', "']'", depth).map(Edn::Vector),
            Some(b'{') => {
                let all = self.sequence(b'}', "'}'", depth)?;
                self.pairs(all, start)
            }
            Some(b'"') => self.string(),
            Some(b'\\') => self.character(),
            Some(b'#') => self.dispatched(depth),
            Some(b')' | b']' | b'}') => self.wrong(start, "a form"),
            Some(_) => self.token(),
        }
    }

    fn sequence(
        &mut self,
        close: u8,
        expected: &'static str,
        depth: u32,
    ) -> Result<Vec<Edn<'a>>, EdnError> {
        self.at += 1;
        let mut all = Vec::new();
        loop {
            self.blanks(depth)?;
            match self.peek() {
                None => return Err(EdnError::Incomplete { expected }),
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(all);
                }
                Some(b')' | b']' | b'}') => return self.wrong(self.at, expected),
                Some(_) => all.push(self.inner(depth)?),
            }
        }
    }

    fn pairs(&self, all: Vec<Edn<'a>>, start: usize) -> Result<Edn<'a>, EdnError> {
        if !all.len().is_multiple_of(2) {
            return self.wrong(start, "a map with a value for each key");
        }
        let mut entries = Vec::with_capacity(all.len() / 2);
        let mut all = all.into_iter();
        while let (Some(key), Some(value)) = (all.next(), all.next()) {
            entries.push((key, value));
        }
        Ok(Edn::Map(entries))
    }

    fn dispatched(&mut self, depth: u32) -> Result<Edn<'a>, EdnError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'{') => self.sequence(b'}', "'}'", depth).map(Edn::Set),
            Some(b'#') => {
                self.at += 1;
                match self.word() {
                    "Inf" => Ok(Edn::Float(f64::INFINITY)),
                    "-Inf" => Ok(Edn::Float(f64::NEG_INFINITY)),
                    "NaN" => Ok(Edn::Float(f64::NAN)),
                    _ => self.wrong(start, "##Inf, ##-Inf or ##NaN"),
                }
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                let tag = self.word();
                Ok(Edn::Tagged(tag, Box::new(self.inner(depth)?)))
            }
            None => Err(EdnError::Incomplete { expected: "a set or a tag" }),
            Some(_) => self.wrong(self.at, "'{', '_' or the name of a tag behind '#'"),
        }
    }

    fn string(&mut self) -> Result<Edn<'a>, EdnError> {
        const END: EdnError = EdnError::Incomplete { expected: "'\"' at the end of the text" };
        let rest = &self.text[self.at + 1..];
        let length = rest.find(['"', '\\']).ok_or(END)?;
        if rest.as_bytes()[length] == b'"' {
            self.at += length + 2;
            return Ok(Edn::Text(Cow::Borrowed(&rest[..length])));
        }
        let mut text = String::from(&rest[..length]);
        self.at += 1 + length;
        loop {
            let rest = &self.text[self.at..];
            let length = rest.find(['"', '\\']).ok_or(END)?;
            text.push_str(&rest[..length]);
            self.at += length;
            if rest.as_bytes()[length] == b'"' {
                self.at += 1;
                return Ok(Edn::Text(Cow::Owned(text)));
            }
            let start = self.at;
            self.at += 2;
            let escape = self.text.as_bytes().get(start + 1).ok_or(END)?;
            text.push(match escape {
                b'"' => '"',
                b'\\' => '\\',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => self.unicode(start)?,
                _ => return self.wrong(start + 1, "one of \" \\ n r t b f u behind '\\'"),
            });
        }
    }

    /// The character whose escape began at `start`, from behind its `u`.
    fn unicode(&mut self, start: usize) -> Result<char, EdnError> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return match char::from_u32(high) {
                Some(one) => Ok(one),
                None => self.wrong(start, "a character that can stand alone"),
            };
        }
        if !self.text[self.at..].starts_with("\\u") {
            return self.wrong(self.at, "the second half of a pair, \\uDC00 to \\uDFFF");
        }
        self.at += 2;
        let low = self.hex()?.checked_sub(0xdc00).filter(|low| *low < 0x400);
        match low.and_then(|low| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)) {
            Some(one) => Ok(one),
            None => self.wrong(start, "a second half from \\uDC00 to \\uDFFF"),
        }
    }

    fn hex(&mut self) -> Result<u32, EdnError> {
        let mut number = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else {
                return Err(EdnError::Incomplete { expected: "four digits 0-9 a-f" });
            };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return self.wrong(self.at, "four digits 0-9 a-f");
            };
            number = 16 * number + digit;
            self.at += 1;
        }
        Ok(number)
    }

    fn character(&mut self) -> Result<Edn<'a>, EdnError> {
        let start = self.at;
        self.at += 1;
        let Some(first) = self.text[self.at..].chars().next() else {
            return Err(EdnError::Incomplete { expected: "a character" });
        };
        self.at += first.len_utf8();
        // A delimiter is one whatever follows it; a letter may begin a name.
        let rest = if first.is_alphanumeric() { self.word() } else { "" };
        let one = match (first, rest) {
            (one, "") if !one.is_whitespace() => Some(one),
            ('n', "ewline") => Some('\n'),
            ('r', "eturn") => Some('\r'),
            ('s', "pace") => Some(' '),
            ('t', "ab") => Some('\t'),
            ('f', "ormfeed") => Some('\u{c}'),
            ('b', "ackspace") => Some('\u{8}'),
            ('u', hex) if hex.len() == 4 && hex.bytes().all(|it| it.is_ascii_hexdigit()) => {
                u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)
            }
            _ => None,
        };
        match one {
            Some(one) => Ok(Edn::Char(one)),
            None => self.wrong(start, "a character such as \\a, \\newline or \\u0041"),
        }
    }

    /// What is left of a word, up to whatever ends one.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let ends = |it: char| it.is_whitespace() || ",;\"()[]{}\\".contains(it);
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn token(&mut self) -> Result<Edn<'a>, EdnError> {
        let start = self.at;
        let word = self.word();
        let signless = word.strip_prefix(['+', '-']).unwrap_or(word);
        if signless.starts_with(|it: char| it.is_ascii_digit()) {
            return match number(word) {
                Some(number) => Ok(number),
                None => self.wrong(start, "a number such as -7, 7N, 1.5, 1e9 or 1.5M"),
            };
        }
        Ok(match word {
            "nil" => Edn::Nil,
            "true" => Edn::Bool(true),
            "false" => Edn::Bool(false),
            _ => match word.strip_prefix(':') {
                Some("") => return self.wrong(start, "a name behind ':'"),
                Some(name) => Edn::Keyword(name),
                None if word.is_empty() || word.starts_with(|it: char| it.is_control()) => {
                    return self.wrong(start, "a form");
                }
                None => Edn::Symbol(word),
            },
        })
    }
}

fn number(word: &str) -> Option<Edn<'_>> {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let signless = word.strip_prefix(['+', '-']).unwrap_or(word);
    let whole = word.strip_suffix('N').unwrap_or(word);
    if digits(whole.strip_prefix(['+', '-']).unwrap_or(whole)) {
        return Some(whole.parse().map_or(Edn::Exact(word), Edn::Int));
    }
    let plain = signless.strip_suffix('M').unwrap_or(signless);
    let (mantissa, exponent) = plain.split_once(['e', 'E']).unwrap_or((plain, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if !(digits(integer) && (fraction.is_empty() || digits(fraction)) && digits(exponent)) {
        return None;
    }
    if plain.len() < signless.len() {
        return Some(Edn::Exact(word));
    }
    word.parse().ok().map(Edn::Float)
}

impl<'a> Edn<'a> {
    /// What a map holds under a keyword.
    pub fn get(&self, name: &str) -> Option<&Edn<'a>> {
        match self {
            Edn::Map(entries) => {
                entries.iter().rev().find(|(key, _)| *key == Edn::Keyword(name)).map(|it| &it.1)
            }
            Edn::Tagged(_, inner) => inner.get(name),
            _ => None,
        }
    }

    /// The elements, if it is a vector or a list.
    pub fn elements(&self) -> Option<&[Edn<'a>]> {
        match self {
            Edn::Vector(all) | Edn::List(all) => Some(all),
            Edn::Tagged(_, inner) => inner.elements(),
            _ => None,
        }
    }

    /// As a datatype sees it: names are texts, tags are gone.
    pub fn into_raw(self) -> Raw<'a> {
        match self {
            Edn::Nil => Raw::Null,
            Edn::Bool(it) => Raw::Bool(it),
            Edn::Int(it) => u64::try_from(it).map_or(Raw::Int(it), Raw::Uint),
            Edn::Float(it) => Raw::Float(it),
            Edn::Exact(it) | Edn::Symbol(it) | Edn::Keyword(it) => Raw::Text(it.into()),
            Edn::Char(it) => Raw::Text(it.to_string().into()),
            Edn::Text(it) => Raw::Text(it),
            Edn::List(all) | Edn::Vector(all) | Edn::Set(all) => {
                Raw::List(all.into_iter().map(Edn::into_raw).collect())
            }
            Edn::Map(entries) => Raw::Map(
                entries.into_iter().map(|(key, value)| (key.name(), value.into_raw())).collect(),
            ),
            Edn::Tagged(_, inner) => inner.into_raw(),
        }
    }

    /// As a name: a keyword or a text is one, anything else is named as it is written.
    pub fn name(self) -> Cow<'a, str> {
        match self {
            Edn::Keyword(it) | Edn::Symbol(it) => it.into(),
            Edn::Text(it) => it,
            other => other.to_string().into(),
        }
    }
}
