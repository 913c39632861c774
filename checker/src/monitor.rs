//! A decision faster than the search's, for the histories it knows.
//!
//! The hard part is being right: monitors have been published with wrong proofs. So a monitor says
//! how the operations can have gone, the spec plays that again, and what a monitor cannot decide it
//! declines; and every one is held to brute force on random histories.

pub(crate) mod append;
pub(crate) mod chain;
pub(crate) mod names;
pub(crate) mod precedence;
pub(crate) mod words;
pub(crate) mod zones;

use crate::{Operation, Spec, Violation};

/// Operations that touch one another's state: those of one key, or the whole history.
///
/// Sorted by call; what certainly failed is left out.
#[derive(Debug)]
pub struct Part<'a, Op, Ret> {
    operations: &'a [Operation<Op, Ret>],
    members: &'a [u32],
}

impl<Op, Ret> Clone for Part<'_, Op, Ret> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Op, Ret> Copy for Part<'_, Op, Ret> {}

impl<'a, Op, Ret> Part<'a, Op, Ret> {
    /// Those of `operations` that `members` names, which are sorted by call.
    pub fn new(operations: &'a [Operation<Op, Ret>], members: &'a [u32]) -> Self {
        debug_assert!(members.is_sorted_by_key(|&it| operations[it as usize].call));
        Part { operations, members }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The indices of its operations in the whole history, by call.
    pub fn members(&self) -> &'a [u32] {
        self.members
    }

    /// Other operations of the same history.
    pub(crate) fn of<'b>(self, members: &'b [u32]) -> Part<'b, Op, Ret>
    where
        'a: 'b,
    {
        Part { operations: self.operations, members }
    }

    /// A pass with this order of positions in the part.
    pub(crate) fn pass(self, mut order: Vec<u32>) -> Monitored {
        order.iter_mut().for_each(|position| *position = self.members[*position as usize]);
        Monitored::Pass(order)
    }

    /// Operation `index` of the whole history.
    pub fn get(&self, index: u32) -> &'a Operation<Op, Ret> {
        &self.operations[index as usize]
    }

    /// Its operations, by call, each under its index in the whole history.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'a Operation<Op, Ret>)> + use<'a, Op, Ret> {
        let Part { operations, members } = *self;
        members.iter().map(|&index| (index, &operations[index as usize]))
    }
}

/// What a monitor says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Monitored {
    /// It does not know how to decide this history: the search must.
    Declined,
    /// It can have gone in this order: every operation that returned, and those that nobody heard
    /// of and that took effect, by their indices in the whole history.
    Pass(Vec<u32>),
    /// It cannot have gone in any order.
    Fail(Violation),
}

/// Whether the operations can have gone in this order, as the spec and the clock see it: the proof
/// that a pass is one, in one pass over it.
pub fn validate<S: Spec>(
    init: &S,
    part: Part<'_, S::Op, S::Ret>,
    order: &[u32],
) -> Result<(), Invalid> {
    let (mut states, mut next) = (vec![init.clone()], Vec::<S>::new());
    let mut latest_call = 0;
    let mut returned = 0;
    for &index in order {
        let operation = part.get(index);
        if operation.returned_at().is_some_and(|at| at < latest_call) {
            return Err(Invalid::TooLate { index });
        }
        latest_call = latest_call.max(operation.call);
        returned += usize::from(operation.ret().is_some());
        if let [_] = states[..] {
            // Mostly there is one, and then nothing to compare what follows with.
            let only = states.pop().expect("there is one");
            states.extend(only.advance(&operation.op, operation.ret()));
        } else {
            let follow = |it: S| it.advance(&operation.op, operation.ret());
            for state in states.drain(..).flat_map(follow) {
                if !next.contains(&state) {
                    next.push(state);
                }
            }
            std::mem::swap(&mut states, &mut next);
        }
        if states.is_empty() {
            return Err(Invalid::WrongAnswer { index });
        }
    }
    let answered = || part.iter().filter(|(_, operation)| operation.ret().is_some()).count();
    // An order of all of them has all that were answered.
    let wanted = if order.len() == part.len() { returned } else { answered() };
    if returned != wanted || has_twins(order) {
        return Err(Invalid::NotAll { returned, wanted });
    }
    Ok(())
}

fn has_twins(order: &[u32]) -> bool {
    let (least, most) = (order.iter().min(), order.iter().max());
    let (Some(&least), Some(&most)) = (least, most) else { return false };
    // A table where they are dense, as they are where all operations are one part.
    if (most - least) as usize / 8 > order.len() {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        return sorted.windows(2).any(|pair| pair[0] == pair[1]);
    }
    let mut seen = vec![false; (most - least) as usize + 1];
    order.iter().any(|index| std::mem::replace(&mut seen[(index - least) as usize], true))
}

/// Why an order is no proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// It had returned before one that is placed ahead of it was called.
    TooLate {
        /// Which operation.
        index: u32,
    },
    /// Its answer is not right there.
    WrongAnswer {
        /// Which operation.
        index: u32,
    },
    /// An operation that returned is not in it, or one is in it twice.
    NotAll {
        /// How many that returned are in it.
        returned: usize,
        /// How many returned.
        wanted: usize,
    },
}
