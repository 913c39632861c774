//! How far a failing history can be explained, and what is wrong with whatever could come next.

use crate::{Operation, Spec};

/// One way the operations can have gone, until none of them could come next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way<S> {
    /// The operations that took effect, in order, as indices into the history.
    pub order: Vec<usize>,
    /// The state they led to.
    pub state: S,
    /// Each operation that could have come next, and what is wrong with it there.
    pub candidates: Vec<Candidate>,
}

/// An operation that could have come next, and is not right there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its index in the history.
    pub operation: usize,
    /// Why.
    pub wrong: String,
}

/// Ways shown.
const WAYS_MAX: usize = 8;
/// Operations looked at on all ways that are tried.
const WORK_MAX: usize = 5_000_000;
/// Operations on a way, at most: nobody reads a longer one.
const LENGTH_MAX: usize = 256;
/// What one is charged at least: it is compared with all that were found.
const WORK_MIN: usize = 250;

/// The ways through the operations that `kept` names that explain most of them, each with as few as
/// can be of those `beside` them, of which nobody heard.
///
/// They are few, so this is a plain search in depth, over orders and not over events: it goes on
/// past the failing return, and knows for each dead end what stood in the way.
pub(crate) fn ways<S: Spec>(
    start: &S,
    operations: &[Operation<S::Op, S::Ret>],
    kept: &[usize],
    beside: &[usize],
) -> Vec<Way<S>> {
    let mut taken = vec![Taken::Aside; operations.len()];
    beside.iter().chain(kept).for_each(|&it| taken[it] = Taken::Left);
    let mut walk = Walk { operations, kept, beside, taken, found: Vec::new(), work: WORK_MAX };
    walk.walk(start, &mut Vec::new());
    let mut is_kept = vec![false; operations.len()];
    kept.iter().for_each(|&it| is_kept[it] = true);
    let explained = |way: &Way<S>| way.order.iter().filter(|&&it| is_kept[it]).count();
    let most = walk.found.iter().map(explained).max().unwrap_or(0);
    walk.found.retain(|way| explained(way) == most);
    walk.found.sort_by_key(|way| way.order.len());
    walk.found.truncate(WAYS_MAX);
    walk.found
}

/// Whether an operation is on the way.
#[derive(Clone, Copy, PartialEq)]
enum Taken {
    /// It is none of those that are walked.
    Aside,
    /// Not yet.
    Left,
    /// It is.
    Now,
}

struct Walk<'a, S: Spec> {
    operations: &'a [Operation<S::Op, S::Ret>],
    kept: &'a [usize],
    beside: &'a [usize],
    taken: Vec<Taken>,
    found: Vec<Way<S>>,
    /// What is left of it.
    work: usize,
}

impl<S: Spec> Walk<'_, S> {
    fn walk(&mut self, state: &S, order: &mut Vec<usize>) {
        let work = self.kept.len() + self.beside.len();
        self.work = self.work.saturating_sub(work.max(WORK_MIN));
        let left = |it: &&usize| self.taken[**it] == Taken::Left;
        let returned = |it: &usize| self.operations[*it].returned_at();
        let until = self.kept.iter().filter(left).filter_map(returned).min().unwrap_or(u64::MAX);
        let in_time = |it: &&usize| self.operations[**it].call <= until;
        let kept = self.kept.iter().filter(left).filter(in_time).map(|it| (*it, true));
        let beside = self.beside.iter().filter(left).filter(in_time).map(|it| (*it, false));
        let next: Vec<(usize, bool)> = kept.chain(beside).collect();
        let (mut candidates, mut goes_on) = (Vec::new(), false);
        for (one, is_kept) in next {
            let Operation { op, .. } = &self.operations[one];
            let ret = self.operations[one].ret().filter(|_| is_kept);
            let states: Vec<S> = state.step(op, ret).into_iter().collect();
            match (states.is_empty(), ret) {
                (true, Some(ret)) => {
                    let wrong = state.wrong(op, ret);
                    candidates.push(Candidate { operation: one, wrong });
                }
                (true, None) => {}
                (false, _) => goes_on |= ret.is_some(),
            }
            for state in states {
                if self.work > 0 && order.len() < LENGTH_MAX {
                    order.push(one);
                    self.taken[one] = Taken::Now;
                    self.walk(&state, order);
                    self.taken[one] = Taken::Left;
                    order.pop();
                }
            }
        }
        if !goes_on && !candidates.is_empty() {
            let way = Way { order: order.clone(), state: state.clone(), candidates };
            let is_same =
                |it: &&mut Way<S>| it.state == way.state && it.candidates == way.candidates;
            match self.found.iter_mut().find(is_same) {
                Some(known) if known.order.len() <= way.order.len() => {}
                Some(known) => *known = way,
                None => self.found.push(way),
            }
        }
    }
}
