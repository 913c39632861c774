//! The decision: a datatype's own names first, then its monitor, then the search, part by part.

use crate::budget::{Budget, Meter, Reason};
use crate::check::Unknown;
use crate::monitor::{Monitored, Part, validate};
use crate::parts::{Parts, split};
use crate::search::{End, Event, Search, events};
use crate::{Operation, Property, Spec, Verdict, Violation};

/// What each part gets in the first of several rounds: an easy violation need not wait for a hard
/// part.
const ROUND_FIRST: usize = 1 << 14;

/// Judges a history: by the datatype's own named violations first, then each part by the
/// datatype's monitor, and by search where that declines.
///
/// Times need not be distinct and the slice need not be sorted. Indices in the verdict are into
/// `operations`.
pub fn judge<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Verdict {
    match decide(init, operations, budget, false) {
        Decision::Pass(_) => Verdict::Pass,
        Decision::Fail(violation) => Verdict::Fail(violation),
        Decision::Unknown(unknown) => Verdict::Unknown { why: unknown.to_string() },
    }
}

/// What was found.
pub(crate) enum Decision {
    /// The parts, each with its order if orders were asked for, and how many of them the monitors
    /// decided.
    Pass(Passed),
    Fail(Violation),
    Unknown(Unknown),
}

/// How a history passed.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) orders: Vec<Vec<u32>>,
    pub(crate) monitored: usize,
}

/// A part that no monitor decided.
struct Waiting<'a> {
    /// Its number.
    part: usize,
    members: &'a [u32],
    events: Vec<Event>,
    judged: usize,
}

/// Decides; with `proves`, it also says in which order, each order validated by the spec.
pub(crate) fn decide<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
    proves: bool,
) -> Decision {
    if let Some(violation) = init.diagnose(operations) {
        return Decision::Fail(violation);
    }
    let Parts { keys, members } = split::<S>(operations);
    let mut passed = Passed { orders: vec![Vec::new(); members.len()], monitored: 0 };
    let mut wrong: Option<Violation> = None;
    let mut waiting = Vec::new();
    for (number, members) in members.iter().enumerate() {
        let part = Part::new(operations, members);
        match init.monitor(part) {
            // An order that is no proof is a monitor's mistake, and the search is asked instead.
            Monitored::Pass(order) if !proves || validate(init, part, &order).is_ok() => {
                passed.orders[number] = order;
                passed.monitored += 1;
            }
            Monitored::Fail(found) => {
                if wrong.as_ref().is_none_or(|first| found.at < first.at) {
                    wrong = Some(found);
                }
            }
            Monitored::Pass(_) | Monitored::Declined => {
                let events = events(part);
                waiting.push(Waiting { part: number, members, events, judged: 0 });
            }
        }
    }
    if let Some(violation) = wrong {
        return Decision::Fail(violation);
    }
    if waiting.is_empty() {
        return Decision::Pass(passed);
    }
    rounds(init, operations, (&keys, proves), waiting, budget, passed)
}

/// Searches the parts in turns, each turn longer than the one before.
fn rounds<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    (keys, proves): (&[Option<u64>], bool),
    mut waiting: Vec<Waiting<'_>>,
    budget: &Budget<'_>,
    mut passed: Passed,
) -> Decision {
    let mut search = Search::<S>::new(operations, keys, proves);
    let mut meter = Meter::new(budget);
    let mut round = if waiting.len() == 1 { usize::MAX } else { ROUND_FIRST };
    let answers = |members: &[u32]| {
        members.iter().filter(|&&it| operations[it as usize].ret().is_some()).count()
    };
    let total = waiting.iter().map(|it| answers(it.members)).sum::<usize>();
    let mut missing = 0;
    let mut crowded = None;
    while !waiting.is_empty() {
        let mut wrong: Option<(u64, usize)> = None;
        let mut out: Option<Reason> = None;
        waiting.retain_mut(|it| {
            if out.is_some() {
                return true;
            }
            meter.begin(round);
            match search.run(init, &it.events, &mut meter) {
                End::Explained(order) => {
                    if proves {
                        let valid = validate(init, Part::new(operations, it.members), &order);
                        assert_eq!(valid, Ok(()), "the search gives an order that explains");
                    }
                    passed.orders[it.part] = order;
                    return false;
                }
                End::Contradicted(event) => {
                    let found = (event.time, event.index);
                    wrong = Some(wrong.map_or(found, |earliest| earliest.min(found)));
                    return false;
                }
                End::Poor(judged, Some(reason @ Reason::Crowded { .. })) => {
                    crowded = crowded.or(Some(reason));
                    missing += answers(it.members) - judged;
                    return false;
                }
                End::Poor(judged, reason) => {
                    it.judged = judged;
                    out = reason;
                }
            }
            true
        });
        if let Some((at, index)) = wrong {
            return Decision::Fail(contradiction::<S>(&operations[index], index, at));
        }
        if let Some(reason) = out {
            missing += waiting.iter().map(|it| answers(it.members) - it.judged).sum::<usize>();
            return Decision::Unknown(Unknown { reason, judged: total - missing, answers: total });
        }
        round = round.saturating_mul(8);
    }
    match crowded {
        None => Decision::Pass(passed),
        Some(reason) => {
            Decision::Unknown(Unknown { reason, judged: total - missing, answers: total })
        }
    }
}

fn contradiction<S: Spec>(
    operation: &Operation<S::Op, S::Ret>,
    index: usize,
    at: u64,
) -> Violation {
    let what = match operation.ret() {
        Some(ret) => S::phrase(&operation.op, ret),
        None => unreachable!("only a return can contradict"),
    };
    let Operation { client, call, .. } = operation;
    let why = format!("no order of the operations explains {client}'s {what} ({call}..{at})");
    Violation {
        at: Some(at),
        operations: vec![index],
        ..Violation::new(Property::LINEARIZABLE, why)
    }
}
