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
/// Operations that ways are told of, at most.
const FEW_MAX: usize = 256;
/// Ways tried.
const TRIED_MAX: usize = 20_000;

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
    // More than that nobody reads, and to walk them takes the cube of their number.
    if kept.len() > FEW_MAX {
        return Vec::new();
    }
    let mut walk = Walk { operations, kept, beside, found: Vec::new(), tried: 0 };
    walk.walk(start, &mut Vec::new());
    let explained = |way: &Way<S>| way.order.iter().filter(|it| kept.contains(it)).count();
    let most = walk.found.iter().map(explained).max().unwrap_or(0);
    walk.found.retain(|way| explained(way) == most);
    walk.found.sort_by_key(|way| way.order.len());
    walk.found.truncate(WAYS_MAX);
    walk.found
}

struct Walk<'a, S: Spec> {
    operations: &'a [Operation<S::Op, S::Ret>],
    kept: &'a [usize],
    beside: &'a [usize],
    found: Vec<Way<S>>,
    tried: usize,
}

impl<S: Spec> Walk<'_, S> {
    fn walk(&mut self, state: &S, order: &mut Vec<usize>) {
        let is_left = |it: &usize| !order.contains(it);
        let left: Vec<usize> = self.kept.iter().copied().filter(is_left).collect();
        let others = self.beside.iter().copied().filter(is_left);
        let may_be_next = |one: &usize| {
            let call = self.operations[*one].call;
            left.iter().all(|&it| self.operations[it].returned_at().is_none_or(|at| at >= call))
        };
        let next: Vec<usize> = left.iter().copied().chain(others).filter(may_be_next).collect();
        let (mut candidates, mut goes_on) = (Vec::new(), false);
        for one in next {
            let Operation { op, .. } = &self.operations[one];
            let ret = self.operations[one].ret().filter(|_| left.contains(&one));
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
                self.tried += 1;
                if self.tried < TRIED_MAX {
                    order.push(one);
                    self.walk(&state, order);
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
