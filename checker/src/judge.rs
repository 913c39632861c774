//! The decision: a datatype's own names first, then its monitor, then the search, part by part.
//!
//! The hard part is being fair: one part may take for ever while another is wrong for all to see.
//! So parts take turns, each turn longer than the one before, and all are heard in every turn.

use crate::budget::{Budget, Meter, Out, Reason};
use crate::check::Unknown;
use crate::monitor::{Monitored, Part, validate};
use crate::parts::split;
use crate::search::{End, Event, Search, Tabled, events};
use crate::workers::{Workers, each};
use crate::{Operation, Property, Spec, Verdict, Violation};

/// What each part gets in the first turn, if there are several.
const TURN_FIRST: usize = 1 << 14;

/// Judges a history: by an order that is plain to see, by the datatype's own named violations, then
/// each part by the datatype's monitor, and by search where that declines.
///
/// Times need not be distinct and the slice need not be sorted. Indices in the verdict are into
/// `operations`.
pub fn judge<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Verdict {
    if init.is_plain(operations) {
        return Verdict::Pass;
    }
    decide(init, operations, budget, false).into()
}

/// [`judge`] with a proof: passes nothing whose order the spec has not played again.
pub fn prove<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Verdict {
    decide(init, operations, budget, true).into()
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Pass(_) => Verdict::Pass,
            Decision::Fail(violation) => Verdict::Fail(violation),
            Decision::Unknown(unknown) => Verdict::Unknown { why: unknown.to_string() },
        }
    }
}

/// What was found.
pub(crate) enum Decision {
    Pass(Passed),
    Fail(Violation),
    Unknown(Unknown),
}

/// How a history passed.
#[derive(Default)]
pub(crate) struct Passed {
    /// One for each part, if orders were asked for.
    pub(crate) orders: Vec<Vec<u32>>,
    /// How many parts the monitors decided.
    pub(crate) monitored: usize,
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
    let members = split::<S>(operations);
    let case = Case { init, operations, budget, proves };
    let said = members.iter().map(|it| case.monitor(it)).collect();
    let mut search = None;
    case.decide(members, said, &mut |waiting, allowance| {
        let search = search.get_or_insert_with(|| Search::new(operations, proves));
        waiting.iter().map(|it| case.search(search, it, allowance)).collect()
    })
}

/// [`decide`] on several workers, with orders: the same answer, unless a budget runs out.
pub(crate) fn decide_on<S: Spec + Sync>(
    workers: &dyn Workers,
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    budget: &Budget<'_>,
) -> Decision
where
    S::Op: Sync,
    S::Ret: Sync,
{
    if let Some(violation) = init.diagnose(operations) {
        return Decision::Fail(violation);
    }
    let members = split::<S>(operations);
    let budget = &Budget { bytes_max: budget.bytes_max / workers.count().max(1), ..*budget };
    let case = Case { init, operations, budget, proves: true };
    let said = each(workers, members.len(), |number| case.monitor(&members[number]));
    case.decide(members, said, &mut |waiting, allowance| {
        each(workers, waiting.len(), |number| {
            let mut search = Search::new(operations, true);
            case.search(&mut search, &waiting[number], allowance)
        })
    })
}

/// A part that no monitor decided.
struct Waiting {
    number: usize,
    members: Vec<u32>,
    way: Way,
    judged: usize,
    /// Whether it has had its turn of looking in depth.
    is_known: bool,
}

/// What it is searched by.
enum Way {
    Events(Vec<Event>),
    Table(Tabled),
}

/// What came of a turn, and the ways it took.
type Turn = (End, usize);

/// One turn of everybody that waits.
type Turns<'a> = dyn FnMut(&[Waiting], usize) -> Vec<Turn> + 'a;

struct Case<'a, S: Spec> {
    init: &'a S,
    operations: &'a [Operation<S::Op, S::Ret>],
    budget: &'a Budget<'a>,
    proves: bool,
}

impl<S: Spec> Case<'_, S> {
    fn monitor(&self, members: &[u32]) -> Monitored {
        let part = Part::new(self.operations, members);
        match self.init.monitor(part) {
            // An order that is no proof is a monitor's mistake, and the search is asked instead.
            Monitored::Pass(order) if self.proves => match validate(self.init, part, &order) {
                Ok(()) => Monitored::Pass(order),
                Err(_) => Monitored::Declined,
            },
            said => said,
        }
    }

    fn search(&self, search: &mut Search<'_, S>, it: &Waiting, allowance: usize) -> Turn {
        let mut meter = Meter::new(self.budget, allowance);
        let end = match &it.way {
            Way::Events(events) => search.run(self.init, events, !it.is_known, &mut meter),
            Way::Table(tabled) => {
                tabled.run(self.proves, !it.is_known, &mut meter).of_whole(&it.members)
            }
        };
        if let (End::Explained(order), true) = (&end, self.proves) {
            let valid = validate(self.init, Part::new(self.operations, &it.members), order);
            assert_eq!(valid, Ok(()), "the search gives an order that explains");
        }
        (end, meter.spent())
    }

    /// What the monitors said, and turns of whoever they declined.
    fn decide(
        &self,
        members: Vec<Vec<u32>>,
        said: Vec<Monitored>,
        turns: &mut Turns<'_>,
    ) -> Decision {
        let mut passed = Passed { orders: Vec::with_capacity(members.len()), monitored: 0 };
        let mut wrong: Option<Violation> = None;
        let mut waiting = Vec::new();
        for (number, (members, said)) in members.into_iter().zip(said).enumerate() {
            passed.orders.push(Vec::new());
            match said {
                Monitored::Pass(order) => {
                    passed.orders[number] = order;
                    passed.monitored += 1;
                }
                Monitored::Fail(found) => {
                    if wrong.as_ref().is_none_or(|first| goes_before(&found, first)) {
                        wrong = Some(found);
                    }
                }
                Monitored::Declined => {
                    let part = Part::new(self.operations, &members);
                    let way = Tabled::of(self.init, part).map(Way::Table);
                    let way = way.unwrap_or_else(|| Way::Events(events(part)));
                    waiting.push(Waiting { number, members, way, judged: 0, is_known: false });
                }
            }
        }
        match wrong {
            Some(violation) => Decision::Fail(violation),
            None => self.take_turns(waiting, passed, turns),
        }
    }

    fn take_turns(
        &self,
        mut waiting: Vec<Waiting>,
        mut passed: Passed,
        turns: &mut Turns<'_>,
    ) -> Decision {
        let answers: usize = waiting.iter().map(|it| self.answers(&it.members)).sum();
        let (mut judged, mut crowded) = (answers, None);
        let mut left = self.budget.configurations_max;
        let mut turn = if waiting.len() == 1 { left } else { TURN_FIRST };
        while !waiting.is_empty() {
            let mut wrong: Option<(u64, usize)> = None;
            let mut out = None;
            let ends = turns(&waiting, turn.min(left));
            let mut still = Vec::new();
            for (mut it, (end, spent)) in waiting.into_iter().zip(ends) {
                left = left.saturating_sub(spent);
                match end {
                    End::Explained(order) => passed.orders[it.number] = order,
                    End::Contradicted(event) => {
                        let found = (event.time, event.index);
                        wrong = Some(wrong.map_or(found, |earliest| earliest.min(found)));
                    }
                    End::Poor(so_far, Out::Budget(reason @ Reason::Crowded { .. })) => {
                        crowded = crowded.or(Some(reason));
                        judged -= self.answers(&it.members) - so_far;
                    }
                    End::Poor(so_far, why) => {
                        if let Out::Budget(reason) = why {
                            out = Some(reason);
                        }
                        it.judged = so_far;
                        it.is_known = true;
                        still.push(it);
                    }
                }
            }
            waiting = still;
            if let Some((at, index)) = wrong {
                return Decision::Fail(contradiction::<S>(&self.operations[index], index, at));
            }
            if left == 0 && !waiting.is_empty() {
                out = out.or(Some(Reason::Configurations(self.budget.configurations_max)));
            }
            if let Some(reason) = out {
                for it in &waiting {
                    judged -= self.answers(&it.members) - it.judged;
                }
                return Decision::Unknown(Unknown { reason, judged, answers });
            }
            turn = turn.saturating_mul(8);
        }
        match crowded {
            None => Decision::Pass(passed),
            Some(reason) => Decision::Unknown(Unknown { reason, judged, answers }),
        }
    }

    fn answers(&self, members: &[u32]) -> usize {
        members.iter().filter(|&&it| self.operations[it as usize].ret().is_some()).count()
    }
}

/// The earliest is told; but a gap gives way to a fork at any time, because it may be the fork's
/// shadow: a number that nobody owns up to yet.
fn goes_before(found: &Violation, first: &Violation) -> bool {
    let key = |it: &Violation| (it.property != Property::FORK, it.at);
    match [&found.property, &first.property].contains(&&Property::GAP) {
        true => key(found) < key(first),
        false => found.at < first.at,
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
