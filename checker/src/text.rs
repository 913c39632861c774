//! Texts that a history repeats, kept once.
//!
//! The hard part is that a history names the same few keys a million times: a `String` each would
//! cost more than all the rest. Clones share, and [`Names`] finds the one that is there already.

use crate::hash::Chain;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A text that is shared by all who hold it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text(Arc<str>);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.as_str().hash(hasher);
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Text> for Arc<str> {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(text.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    /// A text, or a number, whose digits are its name.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text in quotes, or a whole number from 0")]
        enum Name {
            Text(String),
            Number(u64),
        }
        Ok(match Name::deserialize(deserializer)? {
            Name::Text(text) => Text::from(text),
            Name::Number(number) => Text::from(number.to_string()),
        })
    }
}

/// The texts met so far.
#[derive(Clone, Default, Debug)]
pub struct Names {
    /// Open addressing by hash; less than half of it is in use.
    table: Vec<Option<(u64, Text)>>,
    count: usize,
    bytes: usize,
}

/// Beyond so many different ones a history does not repeat them, and looking them up is in vain.
const NAMES_MAX: usize = 1 << 20;

impl Names {
    /// The text, shared with whoever was given it before.
    pub fn get(&mut self, text: &str) -> Text {
        if 2 * (self.count + 1) > self.table.len() {
            self.grow();
        }
        let hash = Chain::of(text);
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        while let Some((other, known)) = &self.table[place] {
            if *other == hash && known.as_str() == text {
                return known.clone();
            }
            place = (place + 1) & mask;
        }
        let new = Text::from(text);
        self.bytes += text.len() + 2 * size_of::<usize>();
        if self.count < NAMES_MAX {
            self.table[place] = Some((hash, new.clone()));
            self.count += 1;
        }
        new
    }

    /// What is held for them, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes + self.table.len() * size_of::<Option<(u64, Text)>>()
    }

    fn grow(&mut self) {
        let larger = vec![None; (2 * self.table.len()).max(64)];
        let mask = larger.len() - 1;
        let old = std::mem::replace(&mut self.table, larger);
        for (hash, text) in old.into_iter().flatten() {
            let mut place = hash as usize & mask;
            while self.table[place].is_some() {
                place = (place + 1) & mask;
            }
            self.table[place] = Some((hash, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_kept_once() {
        let mut names = Names::default();
        let first: Vec<Text> = (0..1000).map(|it| names.get(&format!("run-{it}"))).collect();
        for (number, first) in first.iter().enumerate() {
            let again = names.get(&format!("run-{number}"));
            assert!(Arc::ptr_eq(&first.0, &again.0), "{again}");
        }
        assert_eq!(names.count, 1000);
    }
}
