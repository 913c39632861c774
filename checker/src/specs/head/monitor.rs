//! Decides any history of one head: its numbers are the stages of a chain.
//!
//! Exact, and `O(n log n)` at worst: every transition says where it came from, so the order of the
//! transitions is known, and what is left is when. An open transition took effect if and only if
//! the next number was seen or left by somebody and nobody else owns up to it; of several that may
//! have, the one called first leaves the most room. One beyond all that was seen may end the run
//! early for a loser's sake, who says that the head was not where he looked for it.

use super::{Head, Key, Op, Ret, diagnose, name};
use crate::monitor::chain::{Broken, Mark, Said, Stages, decide};
use crate::monitor::words;
use crate::{Monitored, Operation, Outcome, Part, Property, Violation};

const NOBODY: u32 = u32::MAX;

/// What may begin a stage.
#[derive(Clone, Copy)]
struct Maker {
    /// Who was told it won.
    winner: u32,
    /// Who was told nothing, and asked first.
    silent: u32,
}

pub(super) fn monitor<K: Key>(init: u64, part: Part<'_, Op<K>, Ret>) -> Monitored {
    match read(init, part) {
        Ok((said, last, must)) => match decide(Stages { said, last, must }) {
            Ok(order) => part.pass(order),
            Err(broken) => fail(init, part, broken),
        },
        Err(wrong) => {
            let seen = part.iter().map(|(index, it)| it.seen(index as usize));
            Monitored::Fail(diagnose(init, seen).unwrap_or_else(|| wrong.violation(init, part)))
        }
    }
}

/// What contradicts itself before any question of time.
enum Wrong {
    /// Two were told that they moved it from one number.
    Fork(usize, usize),
    /// An answer that is never right.
    Answer(usize),
    /// The head was here, and nobody moved it there.
    Gap(u64),
}

impl Wrong {
    fn violation<K: Key>(self, init: u64, part: Part<'_, Op<K>, Ret>) -> Violation {
        match self {
            Wrong::Fork(first, second) => {
                let why = String::from("both moved the head from one number, both were told so");
                words::violation(part, Property::FORK, why, [first, second])
            }
            Wrong::Answer(position) => {
                let what = words::whose::<Head<K>>(words::operation(part, position));
                let why = format!("{what} is right at no time: it started at {init}");
                words::violation(part, Property::LINEARIZABLE, why, [position])
            }
            Wrong::Gap(head) => gap(head, part),
        }
    }
}

/// Somebody was beyond a number that nobody moved it to.
fn gap<K: Key>(head: u64, part: Part<'_, Op<K>, Ret>) -> Violation {
    let beyond = (0..part.len()).filter_map(|position| {
        let it = words::operation(part, position);
        let (seen, verb) = match (&it.op, it.ret()?) {
            (_, Ret::Head(seen) | Ret::Saw { head: seen }) => (*seen, "seen at"),
            (Op::Cas { from, .. }, Ret::Won { .. }) => (*from, "moved from"),
            _ => return None,
        };
        (seen >= head).then_some((it.returned_at(), position, seen, verb))
    });
    let Some((_, position, seen, verb)) = beyond.min() else {
        return words::tangled::<Head<K>>(part);
    };
    let (key, parent) = (name(words::operation(part, position).op.key()), head - 1);
    let why = format!("{key} was {verb} {seen}, but nobody moved it from {parent}");
    words::violation(part, Property::GAP, why, [position])
}

fn fail<K: Key>(init: u64, part: Part<'_, Op<K>, Ret>, broken: Broken) -> Monitored {
    let seen = part.iter().map(|(index, it)| it.seen(index as usize));
    let named = diagnose(init, seen);
    Monitored::Fail(named.unwrap_or_else(|| words::broken::<Head<K>>(part, broken)))
}

/// What each operation says of the numbers, counted from `init`; the last stage, and the last that
/// must have been.
fn read<K: Key>(init: u64, part: Part<'_, Op<K>, Ret>) -> Result<(Vec<Said>, u32, u32), Wrong> {
    let mut said = Vec::with_capacity(part.len());
    let mut makers: Vec<Maker> = Vec::with_capacity(part.len() / 2 + 2);
    // There are no more stages than operations: what is further has a gap before it.
    let most = part.len() as u64;
    let (mut must, mut farthest) = (0_u64, 0);
    for (position, (_, operation)) in part.iter().enumerate() {
        let heard = Heard::of(operation);
        let stage = heard.number.wrapping_sub(init);
        let mark = if heard.what != What::Other && stage < most {
            // What the next one says is as good as random: a branch would be guessed wrong.
            let stage = stage as u32;
            let (reached, made, mark) = match heard.what {
                What::Sees => (stage, 0, Mark::Sees(stage)),
                What::Makes => (stage + 1, stage + 1, Mark::Makes(stage + 1)),
                What::Avoids | What::Other => (0, 0, Mark::Avoids(stage)),
            };
            must = must.max(u64::from(reached));
            // Nobody makes the first stage: who makes none is noted there.
            let maker = entry(&mut makers, u64::from(made));
            let before = std::mem::replace(&mut maker.winner, position as u32);
            if made > 0 && before != NOBODY {
                return Err(Wrong::Fork(before as usize, position));
            }
            mark
        } else {
            rare(init, most, position, operation, &mut makers, &mut farthest)?
        };
        said.push(Said::new(mark, operation));
    }
    must = must.max(farthest.min(most));
    let last = choose(init, &mut said, &makers, must)?;
    if farthest > must { Err(Wrong::Gap(init + must + 1)) } else { Ok((said, last, must as u32)) }
}

/// What most operations say, and of which number.
#[derive(Clone, Copy)]
struct Heard {
    what: What,
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The head was there.
    Sees,
    /// It was there and went one up.
    Makes,
    /// It was not there.
    Avoids,
    /// Something else, or nothing.
    Other,
}

impl Heard {
    fn of<K>(operation: &Operation<Op<K>, Ret>) -> Self {
        let (from, row) = match operation.op {
            Op::Read { .. } => (0, &READ),
            Op::Cas { from, .. } => (from, &CAS),
        };
        let (seen, column) = match operation.outcome {
            Outcome::Returned { ret: Ret::Head(head), .. } => (head, 0),
            Outcome::Returned { ret: Ret::Won { .. }, .. } => (0, 1),
            Outcome::Returned { ret: Ret::Lost, .. } => (0, 2),
            Outcome::Returned { ret: Ret::Saw { head }, .. } => (head, 3),
            Outcome::Open | Outcome::Failed => (0, 4),
        };
        let what = row[column];
        Heard { what, number: if what == What::Sees { seen } else { from } }
    }
}

/// What a read says that answers a head, that it won, that it lost, what it saw, nothing.
const READ: [What; 5] = [What::Sees, What::Other, What::Other, What::Other, What::Other];
/// What a compare-and-set says.
const CAS: [What; 5] = [What::Other, What::Makes, What::Avoids, What::Other, What::Other];

/// What an operation says that few do.
fn rare<K: Key>(
    init: u64,
    most: u64,
    position: usize,
    operation: &Operation<Op<K>, Ret>,
    makers: &mut Vec<Maker>,
    farthest: &mut u64,
) -> Result<Mark, Wrong> {
    let mut sees = |head: u64| match head.checked_sub(init) {
        None => Err(Wrong::Answer(position)),
        Some(stage) => {
            *farthest = (*farthest).max(stage);
            Ok(Mark::Sees(stage.min(most) as u32))
        }
    };
    Ok(match (&operation.op, &operation.outcome) {
        (Op::Read { .. }, Outcome::Returned { ret: Ret::Head(head), .. }) => sees(*head)?,
        (Op::Cas { from, .. }, Outcome::Returned { ret: Ret::Saw { head }, .. })
            if head != from =>
        {
            sees(*head)?
        }
        (Op::Cas { from, .. }, Outcome::Returned { ret: Ret::Lost, .. }) => {
            let stage = from.checked_sub(init).filter(|stage| *stage <= most);
            stage.map_or(Mark::Free, |stage| Mark::Avoids(stage as u32))
        }
        (Op::Cas { from, .. }, Outcome::Returned { ret: Ret::Won { .. }, .. }) => {
            // It left a number beyond all that can have been, or one that never was.
            sees(from.checked_add(1).ok_or(Wrong::Answer(position))?)?;
            from.checked_sub(init).ok_or(Wrong::Answer(position))?;
            Mark::Makes(most as u32 + 1)
        }
        (Op::Cas { from, .. }, Outcome::Open) => {
            if let Some(stage) = from.checked_sub(init).filter(|stage| *stage < most) {
                let maker = entry(makers, stage + 1);
                maker.silent = maker.silent.min(position as u32);
            }
            Mark::Dropped
        }
        (_, Outcome::Open | Outcome::Failed) => Mark::Dropped,
        (_, Outcome::Returned { .. }) => return Err(Wrong::Answer(position)),
    })
}

fn entry(makers: &mut Vec<Maker>, stage: u64) -> &mut Maker {
    let stage = stage as usize;
    if makers.len() <= stage {
        makers.resize((2 * makers.len()).max(stage + 1), Maker { winner: NOBODY, silent: NOBODY });
    }
    &mut makers[stage]
}

/// Picks who made each stage that nobody owns up to, up to the last one that can be.
fn choose(init: u64, said: &mut [Said], makers: &[Maker], must: u64) -> Result<u32, Wrong> {
    let mut stage = 0;
    loop {
        let next = makers.get(stage as usize + 1);
        match next {
            Some(maker) if maker.winner != NOBODY => {}
            Some(maker) if maker.silent != NOBODY => {
                said[maker.silent as usize].mark = Mark::Makes(stage + 1);
            }
            _ if u64::from(stage) < must => return Err(Wrong::Gap(init + u64::from(stage) + 1)),
            _ => return Ok(stage),
        }
        stage += 1;
    }
}
