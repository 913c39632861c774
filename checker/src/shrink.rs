//! Cuts a failing history down to the few operations that cause it.
//!
//! The hard part is that less is not always a reason: a read of 241 fails at once when the write of
//! 241 is left out, and a compare-and-set may have lost to the very write that is not shown. So who
//! is left out is not forgotten: if it may have acted while the few ran, then it stands beside them
//! as an operation of which nobody heard again ([`Few::beside`]), to be taken wherever it helps, or
//! not at all. If there is still no order, then the few are a reason, whatever the others did.
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

/// What is left of a history.
#[derive(Clone)]
pub(crate) struct Few<S> {
    /// Where it begins.
    pub(crate) start: S,
    /// Its operations, by call.
    pub(crate) kept: Vec<usize>,
    /// Who may have acted meanwhile, by call.
    pub(crate) beside: Vec<usize>,
}

/// The operations that cause it.
pub(crate) fn shrink<S: Spec>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    violation: &Violation,
    budget: &Budget<'_>,
) -> Few<S>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let budget = Budget { configurations_max: TRY_MAX, ..*budget };
    let property = &violation.property;
    let mut cut = Cut { init, operations, property, budget, left: ALL_MAX, is_told: false };
    let mut evidence = violation.operations.clone();
    evidence.sort_unstable_by_key(|&index| (operations[index].call, index));
    if let Some(few) = cut.fails(&evidence) {
        return cut.down(few);
    }
    // A promise with a name of its own comes with its evidence, and that is enough.
    if *property != Property::LINEARIZABLE {
        cut.is_told = true;
        if let Some(few) = cut.fails(&evidence) {
            return cut.down(few);
        }
        cut.is_told = false;
    }
    let mut whole: Vec<usize> =
        (0..operations.len()).filter(|&it| matters(&operations[it])).collect();
    whole.sort_by_key(|&index| operations[index].call);
    let mut best = Few { start: init.clone(), kept: whole, beside: Vec::new() };
    if let Some(at) = violation.at {
        let prefix = best.kept.iter().copied().filter(|&it| operations[it].call <= at).collect();
        cut.adopt(&mut best, prefix);
    }
    if let Some(key) = violation.operations.last().and_then(|&it| S::key(&operations[it].op)) {
        let is_same = |&it: &usize| S::key(&operations[it].op) == Some(key);
        let same = best.kept.iter().copied().filter(is_same).collect();
        cut.adopt(&mut best, same);
    }
    cut.down(best)
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
    /// Whether the evidence needs nobody beside it: it was found in the whole history.
    is_told: bool,
}

impl<S: Spec> Cut<'_, S>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    /// These operations, if they still break the same promise.
    fn fails(&mut self, kept: &[usize]) -> Option<Few<S>> {
        let seen: Vec<_> = kept.iter().map(|&index| &self.operations[index]).collect();
        let resumed = self.init.resume(&seen);
        let first = seen.first()?.call;
        let later = resumed.and_then(|start| self.tried(kept, start, first));
        later.or_else(|| self.tried(kept, self.init.clone(), 0))
    }

    /// These operations, if they still break the same promise when they begin like this, with
    /// whoever was under way at time `from` or later beside them.
    fn tried(&mut self, kept: &[usize], start: S, from: u64) -> Option<Few<S>> {
        let over = self.budget.stop.is_some_and(|stop| stop());
        if over || self.left == 0 {
            return None;
        }
        let beside = if self.is_told { Vec::new() } else { self.beside(kept, from) };
        let operations = few(self.operations, kept, &beside);
        self.left = self.left.saturating_sub(operations.len());
        let decision = decide(&start, &operations, &self.budget, false);
        matches!(decision, Decision::Fail(found) if found.property == *self.property).then(|| Few {
            start,
            kept: kept.to_vec(),
            beside,
        })
    }

    /// Who else may have changed what these operations saw, from time `from` on.
    fn beside(&mut self, kept: &[usize], from: u64) -> Vec<usize> {
        let until = kept.iter().filter_map(|&it| self.operations[it].returned_at()).max();
        let key_of = |it: &usize| S::key(&self.operations[*it].op);
        let keys: Option<Vec<u64>> = kept.iter().map(key_of).collect();
        self.left = self.left.saturating_sub(self.operations.len() / 8);
        let mut is_kept = vec![false; self.operations.len()];
        kept.iter().for_each(|&index| is_kept[index] = true);
        let acts = |&index: &usize| {
            let one = &self.operations[index];
            Some(one.call) <= until
                && one.returned_at().is_none_or(|at| at >= from)
                && matters(one)
                && !S::reads(&one.op, one.ret())
                && keys
                    .as_ref()
                    .is_none_or(|keys| S::key(&one.op).is_none_or(|key| keys.contains(&key)))
                && !is_kept[index]
        };
        let mut beside: Vec<usize> = (0..self.operations.len()).filter(acts).collect();
        beside.sort_by_key(|&index| self.operations[index].call);
        beside
    }

    fn adopt(&mut self, best: &mut Few<S>, kept: Vec<usize>) {
        if kept.len() < best.kept.len()
            && let Some(few) = self.fails(&kept)
        {
            *best = few;
        }
    }

    /// Leaves out whatever can be left out, large pieces first.
    fn down(mut self, mut best: Few<S>) -> Few<S> {
        let mut size = best.kept.len().div_ceil(2);
        while size > 0 {
            let before = best.kept.len();
            let mut end = before;
            // From the back, so that what a reason rests on goes after what rests on it.
            while end > 0 {
                let start = end.saturating_sub(size);
                let rest = [&best.kept[..start], &best.kept[end.min(best.kept.len())..]].concat();
                self.adopt(&mut best, rest);
                end = start;
            }
            if size == 1 && best.kept.len() == before {
                break;
            }
            size = if size == 1 { 1 } else { size.div_ceil(2).min(best.kept.len().max(1)) };
        }
        best
    }
}

/// A history of those that were kept as they are, and of those beside them as operations of which
/// nobody heard again.
pub(crate) fn few<Op: Clone, Ret: Clone>(
    operations: &[Operation<Op, Ret>],
    kept: &[usize],
    beside: &[usize],
) -> Vec<Operation<Op, Ret>> {
    let known = kept.iter().map(|&index| operations[index].clone());
    let open = beside
        .iter()
        .map(|&index| Operation { outcome: Outcome::Open, ..operations[index].clone() });
    let mut all: Vec<_> = known.chain(open).collect();
    all.sort_by_key(|one| one.call);
    all
}
