//! The order of appends to a text, recovered from what was read of it.
//!
//! If no value is the beginning of another, a text that was read falls apart in one way only: what
//! was put, and what was appended to it, in order. So each read tells the past of every value in
//! it, and the text after each is a value of its own, written once: an append that was read is a
//! compare-and-set from the text before it. One that nobody read can be nowhere between a put and
//! the last operation that read what came of it, or it would have been read; so it goes where a
//! write of something else could, and [zones](super::zones) decide. (Elle calls such histories
//! recoverable: Kingsbury & Alvaro, "Elle: inferring isolation anomalies", 2020.)
//!
//! The hard part is a value that was written twice: which of its writes led to which text is a
//! choice. A contradiction rests on the choices for a few values, and whatever choice is right
//! differs from the wrong one in one of those; so the choices are tried from contradiction to
//! contradiction, and when none is left the history fails.

mod texts;

use super::zones::{Touch, Touched, Zoned, zones};
use std::collections::BTreeSet;
use texts::Texts;

/// Choices tried before the search is asked.
const TRIES_MAX: usize = 256;

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

/// Decides what happened to a text that was empty at first. For each operation: what it was, its
/// call, and its return or `u64::MAX`.
pub(crate) fn appended(told: &[(Told<'_>, u64, u64)]) -> Appended {
    let Some(mut texts) = Texts::new(told) else { return Appended::Declined };
    let mut reads = Vec::new();
    for (position, (what, ..)) in told.iter().enumerate() {
        if let Told::Get(text) = what {
            match texts.read(text, position) {
                Ok(state) => reads.push((position, state)),
                Err(wrong) => return wrong,
            }
        }
    }
    let choices = match texts.choices() {
        Ok(choices) => choices,
        Err(wrong) => return wrong,
    };
    let first = vec![0; choices.len()];
    let mut seen = BTreeSet::from([first.clone()]);
    let mut waiting = vec![first];
    while let Some(choice) = waiting.pop() {
        let (touched, count) = touch(told, &texts, &reads, &choices, &choice);
        let wrong = match zones(&touched, count) {
            pass @ Zoned::Pass(_) => return Appended::Zoned(pass),
            Zoned::Declined => return Appended::Declined,
            wrong => wrong,
        };
        let doubtful: Vec<usize> = evidence(&wrong)
            .into_iter()
            .filter_map(|position| choices.iter().position(|it| it.writes.contains(&position)))
            .collect();
        if !texts.repeats && doubtful.is_empty() {
            return Appended::Zoned(wrong);
        }
        for one in doubtful {
            for other in 0..choices[one].ways.len() {
                let mut next = choice.clone();
                next[one] = other;
                if seen.len() < TRIES_MAX && seen.insert(next.clone()) {
                    waiting.push(next);
                }
            }
        }
        if waiting.is_empty() {
            let certain = seen.len() < TRIES_MAX && !texts.repeats;
            return if certain { Appended::Zoned(wrong) } else { Appended::Declined };
        }
    }
    Appended::Declined
}

/// A value that was written several times, and what its writes can have led to.
struct Choice {
    writes: Vec<usize>,
    /// For each way, the write of each text that ends with the value: text and position.
    ways: Vec<Vec<(u32, usize)>>,
}

/// What each operation did, by one choice; and how many texts there are.
fn touch(
    told: &[(Told<'_>, u64, u64)],
    texts: &Texts<'_>,
    reads: &[(usize, u32)],
    choices: &[Choice],
    choice: &[usize],
) -> (Vec<Touched>, usize) {
    let none = |&(_, call, at): &(Told<'_>, u64, u64)| Touched { touch: Touch::Dropped, call, at };
    let mut touched: Vec<Touched> = told.iter().map(none).collect();
    for &(position, state) in reads {
        touched[position].touch = Touch::Read(state);
    }
    let chosen = choices.iter().zip(choice).flat_map(|(it, &way)| &it.ways[way]);
    for &(state, position) in texts.certain().iter().chain(chosen) {
        touched[position].touch = match told[position].0 {
            Told::Append(_) => Touch::Cas(texts.before(state), state),
            _ => Touch::Write(state),
        };
    }
    // What nobody read is a text of its own.
    let mut count = texts.count() as u32;
    for (it, (what, ..)) in touched.iter_mut().zip(told) {
        if matches!(what, Told::Put(_) | Told::Append(_)) && it.touch == Touch::Dropped {
            it.touch = Touch::Write(count);
            count += 1;
        }
    }
    (touched, count as usize)
}

/// The operations that a contradiction rests on.
fn evidence(wrong: &Zoned) -> Vec<usize> {
    match wrong {
        Zoned::Declined | Zoned::Pass(_) => Vec::new(),
        &Zoned::Unwritten(position) => vec![position],
        Zoned::Fork(one, other, seen) => [*one, *other].iter().chain(seen).copied().collect(),
        &Zoned::Late { first, second } => vec![first, second],
        &Zoned::Split { first, between, until, last } => vec![first, between, until, last],
        &Zoned::Denied { since, refused, until } => {
            since.into_iter().chain(until).chain([refused]).collect()
        }
    }
}
