//! Decides a lock: each acquire, by its token, and its release are stages of a chain.
//!
//! Exact if every acquire was answered. One that was not is left out; if there is then no order, the
//! search must look for one with it. Of several releases of one token that nobody answered, the one
//! called first leaves the most room.

use super::{Lock, Op, Ret};
use crate::monitor::chain::{Mark, Said, Stages, decide};
use crate::monitor::words;
use crate::{Monitored, Part, Property, Violation};

const NOBODY: u32 = u32::MAX;

/// Nobody gets it while another holds it.
const EXCLUSION: Property = Property::named("mutual-exclusion");
/// Each token is handed out once, and later ones are greater.
const TOKENS: Property = Property::named("token-reuse");

/// A token that somebody was told, and who let it go.
struct Tenure {
    token: u64,
    acquire: u32,
    release: u32,
    /// Who let it go and was not answered, if nobody was.
    silent: u32,
}

pub(super) fn monitor(part: Part<'_, Op, Ret>) -> Monitored {
    let is_silent =
        |it: &crate::Operation<Op, Ret>| it.ret().is_none() && matches!(it.op, Op::Acquire { .. });
    let silence = part.iter().any(|(_, it)| is_silent(it));
    match stages(part) {
        Ok((said, last, must)) => match decide(Stages { said, last, must }) {
            Ok(order) => part.pass(order),
            Err(_) if silence => Monitored::Declined,
            Err(broken) => Monitored::Fail(words::broken::<Lock>(part, broken)),
        },
        Err(violation) if violation.property == TOKENS || !silence => Monitored::Fail(violation),
        Err(_) => Monitored::Declined,
    }
}

fn stages(part: Part<'_, Op, Ret>) -> Result<(Vec<Said>, u32, u32), Violation> {
    let phrase = |it: u32| words::phrase::<Lock>(words::operation(part, it as usize));
    let wrong = |property: Property, why: String, who: &[u32]| {
        words::violation(part, property, why, who.iter().map(|&it| it as usize))
    };
    let mut tenures = tenures(part);
    tenures.sort_unstable_by_key(|it| it.token);
    if let Some(pair) = tenures.windows(2).find(|pair| pair[0].token == pair[1].token) {
        let (one, other) = (pair[0].acquire, pair[1].acquire);
        let why = format!("{} and {}: both got one token", phrase(one), phrase(other));
        return Err(wrong(TOKENS, why, &[one, other]));
    }
    let find = |token: u64| tenures.binary_search_by_key(&token, |it| it.token);
    let mut ends: Vec<(u32, u32)> = vec![(NOBODY, NOBODY); tenures.len()];
    let mut said = Vec::with_capacity(part.len());
    for (position, (_, operation)) in (0..).zip(part.iter()) {
        let mark = match (&operation.op, operation.ret()) {
            (Op::Acquire { .. }, Some(Ret::Token(Some(token)))) => {
                find(*token).map_or(Mark::Dropped, |it| Mark::Makes(2 * it as u32 + 1))
            }
            (Op::Acquire { .. }, Some(Ret::Token(None))) => Mark::SeesOdd,
            (Op::Acquire { .. }, None) => Mark::Dropped,
            (Op::Release { token, .. }, ret) => match (find(*token), ret) {
                (Ok(it), Some(Ret::Released(true))) => {
                    if ends[it].0 != NOBODY {
                        let why = format!("{} and {}", phrase(ends[it].0), phrase(position));
                        return Err(wrong(TOKENS, why, &[ends[it].0, position]));
                    }
                    ends[it].0 = position;
                    Mark::Makes(2 * it as u32 + 2)
                }
                (Err(_), Some(Ret::Released(true))) => {
                    let why = format!("{}, but nobody held it so", phrase(position));
                    return Err(wrong(EXCLUSION, why, &[position]));
                }
                (Ok(it), Some(Ret::Released(false))) => Mark::Avoids(2 * it as u32 + 1),
                (Err(_), Some(Ret::Released(false))) => Mark::Free,
                (found, None) => {
                    if let Ok(it) = found {
                        ends[it].1 = ends[it].1.min(position);
                    }
                    Mark::Dropped
                }
                (_, Some(Ret::Token(_))) => return Err(never(part, position)),
            },
            (Op::Acquire { .. }, Some(Ret::Released(_))) => return Err(never(part, position)),
        };
        said.push(Said::new(mark, operation));
    }
    for (k, (tenure, end)) in tenures.iter_mut().zip(&ends).enumerate() {
        (tenure.release, tenure.silent) = *end;
        if tenure.release == NOBODY && tenure.silent != NOBODY {
            said[tenure.silent as usize].mark = Mark::Makes(2 * k as u32 + 2);
        }
    }
    let held = |it: &Tenure| it.release == NOBODY && it.silent == NOBODY;
    if let Some(pair) = tenures.windows(2).find(|pair| held(&pair[0])) {
        let (one, other) = (pair[0].acquire, pair[1].acquire);
        let why = format!("{} although {} and nobody let it go", phrase(other), phrase(one));
        return Err(wrong(EXCLUSION, why, &[one, other]));
    }
    let stages = 2 * tenures.len() as u32;
    let Some(end) = tenures.last() else { return Ok((said, 0, 0)) };
    let must = if end.release == NOBODY { stages - 1 } else { stages };
    Ok((said, if held(end) { stages - 1 } else { stages }, must))
}

fn tenures(part: Part<'_, Op, Ret>) -> Vec<Tenure> {
    let tenure =
        |(acquire, (_, it)): (u32, (u32, &crate::Operation<Op, Ret>))| match (&it.op, it.ret()) {
            (Op::Acquire { .. }, Some(Ret::Token(Some(token)))) => {
                Some(Tenure { token: *token, acquire, release: NOBODY, silent: NOBODY })
            }
            _ => None,
        };
    (0..).zip(part.iter()).filter_map(tenure).collect()
}

fn never(part: Part<'_, Op, Ret>, position: u32) -> Violation {
    let what = words::phrase::<Lock>(words::operation(part, position as usize));
    let why = format!("{what}, which is right at no time");
    words::violation(part, Property::LINEARIZABLE, why, [position as usize])
}
