//! The order of appends to a text, recovered from what was read of it.
//!
//! If no value is the beginning of another, a text that was read falls apart in one way only: what
//! was put, and what was appended to it, in order. So each read tells the past of every value in
//! it, and the text after each is a value of its own, written once: an append that was read is a
//! compare-and-set from the text before it. One that nobody read can be nowhere between a put and
//! the last operation that read what came of it, or it would have been read; so it goes where a
//! write of something else could, and [zones] decide. (Elle calls such histories recoverable:
//! Kingsbury & Alvaro, "Elle: inferring isolation anomalies", 2020.)

use super::zones::{Touch, Touched, Zoned, zones};

/// What was asked of a text, and answered.
#[derive(Clone, Copy)]
pub(crate) enum Told<'a> {
    Dropped,
    Put(&'a str),
    Append(&'a str),
    Get(&'a str),
}

/// What the texts say, by positions.
pub(crate) enum Appended {
    /// Values do not tell one text from another.
    Declined,
    /// What the operations did to the text.
    Zoned(Zoned),
    /// It read what no order of the writes makes.
    Garbled(usize),
    /// They read the same value after different ones.
    Disorder(usize, usize),
}

/// A value that was put or appended.
struct Token<'a> {
    text: &'a str,
    is_put: bool,
    /// The number of the text before it, and who read that.
    after: Option<(u32, usize)>,
}

/// Decides what happened to a text that was empty at first. For each operation: what it was, its
/// call, and its return or `u64::MAX`.
pub(crate) fn appended(told: &[(Told<'_>, u64, u64)]) -> Appended {
    let Some((mut tokens, numbers)) = tokens(told) else { return Appended::Declined };
    let mut touched: Vec<Touched> = Vec::with_capacity(told.len());
    for (position, &(what, call, at)) in told.iter().enumerate() {
        let touch = match what {
            Told::Get(text) => match read(&mut tokens, text, position) {
                Ok(number) => Touch::Read(number),
                Err(wrong) => return wrong,
            },
            _ => Touch::Dropped,
        };
        touched.push(Touched { touch, call, at });
    }
    for ((it, &(what, ..)), &number) in touched.iter_mut().zip(told).zip(&numbers) {
        it.touch = match what {
            Told::Put(_) => Touch::Write(number),
            Told::Append(_) => match tokens[number as usize - 1].after {
                Some((before, _)) => Touch::Cas(before, number),
                None => Touch::Write(number),
            },
            Told::Get(_) | Told::Dropped => continue,
        };
    }
    Appended::Zoned(zones(&touched, tokens.len() + 1))
}

/// The values, sorted, and the number of the text that each write ends with: 0 is the empty one.
/// Nothing if one value is the beginning of another.
fn tokens<'a>(told: &[(Told<'a>, u64, u64)]) -> Option<(Vec<Token<'a>>, Vec<u32>)> {
    let writes = told.iter().enumerate().filter_map(|(position, (what, ..))| match what {
        Told::Put(text) => Some((*text, position, true)),
        Told::Append(text) => Some((*text, position, false)),
        Told::Get(_) | Told::Dropped => None,
    });
    let mut writes: Vec<(&str, usize, bool)> = writes.collect();
    writes.sort_unstable();
    if writes.first().is_some_and(|it| it.0.is_empty())
        || writes.windows(2).any(|pair| pair[1].0.starts_with(pair[0].0))
    {
        return None;
    }
    let mut numbers = vec![0; told.len()];
    for (number, &(_, position, _)) in (1..).zip(&writes) {
        numbers[position] = number;
    }
    let tokens = writes.into_iter().map(|(text, _, is_put)| Token { text, is_put, after: None });
    Some((tokens.collect(), numbers))
}

/// The number of a text that was read at `position`.
fn read(tokens: &mut [Token<'_>], text: &str, position: usize) -> Result<u32, Appended> {
    let mut rest = text;
    let mut now = 0;
    while !rest.is_empty() {
        let next = tokens.partition_point(|token| token.text <= rest);
        let token = tokens[..next].last_mut().filter(|token| rest.starts_with(token.text));
        let Some(token) = token else { return Err(Appended::Garbled(position)) };
        match token.after {
            _ if token.is_put && now == 0 => {}
            _ if token.is_put => return Err(Appended::Garbled(position)),
            None => token.after = Some((now, position)),
            Some((before, _)) if before == now => {}
            Some((_, reader)) => return Err(Appended::Disorder(reader, position)),
        }
        rest = &rest[token.text.len()..];
        now = next as u32;
    }
    Ok(now)
}
