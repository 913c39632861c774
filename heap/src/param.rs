//! A parameter: what it may be, read from what was typed and shown as one would type it.
//!
//! Loads differ in what they are sized by and not in how that is said, so a wrong value is refused
//! in the same words everywhere.

use std::ops::RangeInclusive;

/// Where a parameter is, and what it may be.
pub(crate) enum Field<'a> {
    Whole(&'a mut u64, RangeInclusive<u64>),
    Real(&'a mut f64, RangeInclusive<f64>),
    Switch(&'a mut bool),
    Named(&'a mut dyn Named),
}

/// A parameter that is one of a few names.
pub(crate) trait Named {
    fn name(&self) -> &'static str;
    fn names(&self) -> Vec<&'static str>;
    /// Becomes the one of this name, if there is one.
    fn take(&mut self, name: &str) -> bool;
}

impl Field<'_> {
    /// Sets it as it was typed, or says what was expected.
    pub(crate) fn set(self, name: &str, value: &str) -> Result<(), String> {
        let wanted = |what: String| Err(format!("{name}={value}: expected {what}"));
        match self {
            Field::Whole(at, range) => match value.parse() {
                Ok(number) if range.contains(&number) => *at = number,
                _ => return wanted(format!("a number from {} to {}", range.start(), range.end())),
            },
            Field::Real(at, range) => match value.parse() {
                Ok(number) if range.contains(&number) => *at = number,
                _ => return wanted(format!("a number from {} to {}", range.start(), range.end())),
            },
            Field::Switch(at) => match value {
                "on" => *at = true,
                "off" => *at = false,
                _ => return wanted("on or off".to_owned()),
            },
            Field::Named(at) => {
                if !at.take(value) {
                    return wanted(at.names().join(", "));
                }
            }
        }
        Ok(())
    }

    /// As one would type it.
    pub(crate) fn show(self) -> String {
        match self {
            Field::Whole(it, _) => it.to_string(),
            Field::Real(it, _) => it.to_string(),
            Field::Switch(it) => if *it { "on" } else { "off" }.to_owned(),
            Field::Named(it) => it.name().to_owned(),
        }
    }
}

/// That no parameter has this name.
pub(crate) fn unknown(name: &str, names: &[&str]) -> String {
    format!("there is no parameter {name}; there are {}", names.join(", "))
}
