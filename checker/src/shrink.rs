//! Cuts a failing history down to the few operations that cause it.
//!
//! The hard part is that less is not always a reason: a read of 241 fails at once when the write of
//! 241 is left out. So what is left begins in a state in which it may have begun
//! ([`Spec::resume`]), and the same promise must still be broken.
//!
//! What is tried: the evidence alone; else the prefix up to the failing return, its key, and then
//! delta debugging (Zeller & Hildebrandt, 2002).

use crate::budget::Budget;
use crate::judge::{Decision, decide};
use crate::{Operation, Outcome, Property, Spec, Violation};

/// What one attempt may cost: more than that, and it counts as failed.
const TRY_MAX: usize = 20_000;
/// What all attempts may cost together, in operations judged.
const ALL_MAX: usize = 20_000_000;

/// The operations left, by call, and where they begin.
pub(crate) fn shrink<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    violation: &Violation,
    budget: &Budget<'_>,
) -> (S, Vec<usize>)
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let budget = Budget { configurations_max: TRY_MAX, ..*budget };
    let mut cut = Cut { init, operations, property: &violation.property, budget, left: ALL_MAX };
    let mut evidence = violation.operations.clone();
    evidence.sort_unstable_by_key(|&index| (operations[index].call, index));
    if let Some(start) = cut.fails(&evidence) {
        return cut.down(start, evidence);
    }
    let mut whole: Vec<usize> =
        (0..operations.len()).filter(|&it| matters(&operations[it])).collect();
    whole.sort_by_key(|&index| operations[index].call);
    let mut best = (init.clone(), whole);
    if let Some(at) = violation.at {
        let prefix = best.1.iter().copied().filter(|&it| operations[it].call <= at).collect();
        cut.adopt(&mut best, prefix);
    }
    if let Some(key) = violation.operations.last().and_then(|&it| S::key(&operations[it].op)) {
        let is_same = |&it: &usize| S::key(&operations[it].op) == Some(key);
        let same = best.1.iter().copied().filter(is_same).collect();
        cut.adopt(&mut best, same);
    }
    cut.down(best.0, best.1)
}

fn matters<Op, Ret>(operation: &Operation<Op, Ret>) -> bool {
    !matches!(operation.outcome, Outcome::Failed)
}

struct Cut<'a, S: Spec> {
    init: &'a S,
    operations: &'a [Operation<S::Op, S::Ret>],
    property: &'a Property,
    budget: Budget<'a>,
    left: usize,
}

impl<S: Spec> Cut<'_, S>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    /// Where these operations may have begun, if they still break the same promise.
    fn fails(&mut self, kept: &[usize]) -> Option<S> {
        let over = self.budget.stop.is_some_and(|stop| stop());
        if kept.is_empty() || kept.len() > self.left || over {
            return None;
        }
        self.left -= kept.len();
        let seen: Vec<_> = kept.iter().map(|&index| &self.operations[index]).collect();
        let resumed = self.init.resume(&seen);
        let few: Vec<_> = seen.into_iter().cloned().collect();
        let breaks = |start: &S| {
            let decision = decide(start, &few, &self.budget, false);
            matches!(decision, Decision::Fail(found) if found.property == *self.property)
        };
        if let Some(start) = resumed.filter(|start| breaks(start)) {
            return Some(start);
        }
        // A promise with a name of its own is not broken by what is left out alone.
        let is_named = *self.property != Property::LINEARIZABLE;
        (is_named && breaks(self.init)).then(|| self.init.clone())
    }

    fn adopt(&mut self, best: &mut (S, Vec<usize>), kept: Vec<usize>) {
        if kept.len() < best.1.len()
            && let Some(start) = self.fails(&kept)
        {
            *best = (start, kept);
        }
    }

    /// Leaves out whatever can be left out, large pieces first.
    fn down(mut self, start: S, kept: Vec<usize>) -> (S, Vec<usize>) {
        let mut best = (start, kept);
        let mut size = best.1.len().div_ceil(2);
        while size > 0 {
            let before = best.1.len();
            let mut end = before;
            // From the back, so that what a reason rests on goes after what rests on it.
            while end > 0 {
                let start = end.saturating_sub(size);
                let rest = [&best.1[..start], &best.1[end.min(best.1.len())..]].concat();
                self.adopt(&mut best, rest);
                end = start;
            }
            if size == 1 && best.1.len() == before {
                break;
            }
            size = if size == 1 { 1 } else { size.div_ceil(2).min(best.1.len().max(1)) };
        }
        best
    }
}
