//! EDN written, so that reading it gives the same form again.

use super::Edn;
use std::fmt::{self, Display, Write};

impl Display for Edn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edn::Nil => f.write_str("nil"),
            Edn::Bool(it) => write!(f, "{it}"),
            Edn::Int(it) => write!(f, "{it}"),
            Edn::Float(it) if it.is_nan() => f.write_str("##NaN"),
            Edn::Float(it) if it.is_infinite() => {
                f.write_str(if *it > 0.0 { "##Inf" } else { "##-Inf" })
            }
            // With a point or an exponent, so that it is not read back as a whole number.
            Edn::Float(it) => write!(f, "{it:?}"),
            Edn::Exact(it) | Edn::Symbol(it) => f.write_str(it),
            Edn::Keyword(it) => write!(f, ":{it}"),
            Edn::Char(it) => character(*it, f),
            Edn::Text(it) => text(it, f),
            Edn::List(all) => sequence("(", all, ")", f),
            Edn::Vector(all) => sequence("[", all, "]", f),
            Edn::Set(all) => sequence("#{", all, "}", f),
            Edn::Map(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key} {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_char('}')
            }
            Edn::Tagged(tag, inner) => write!(f, "#{tag} {inner}"),
        }
    }
}

fn sequence(open: &str, all: &[Edn<'_>], close: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(open)?;
    for (index, one) in all.iter().enumerate() {
        write!(f, "{}{one}", if index == 0 { "" } else { " " })?;
    }
    f.write_str(close)
}

fn character(one: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match one {
        '\n' => f.write_str("\\newline"),
        '\r' => f.write_str("\\return"),
        ' ' => f.write_str("\\space"),
        '\t' => f.write_str("\\tab"),
        '\u{c}' => f.write_str("\\formfeed"),
        '\u{8}' => f.write_str("\\backspace"),
        _ if u32::from(one) < 0x1_0000 && (one.is_control() || one.is_whitespace()) => {
            write!(f, "\\u{:04x}", u32::from(one))
        }
        _ => write!(f, "\\{one}"),
    }
}

fn text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for one in text.chars() {
        match one {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            _ => f.write_char(one)?,
        }
    }
    f.write_char('"')
}
