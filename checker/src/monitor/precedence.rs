//! The earliest order in which some operations come before others, all of them or one of several.
//!
//! Each operation has a time: no earlier than its call, than all it must follow, and than one of
//! each group of which it must follow any. These bounds only ever push times up, so there are
//! earliest ones, and taking the operation with the earliest time next finds them: whoever must
//! follow it is not before it. If an earliest time is after its operation's return, or nothing can
//! be taken, there is no order (AND/OR precedence constraints: Möhring, Skutella & Stork,
//! "Scheduling with AND/OR precedence constraints", 2004).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

const NOBODY: u32 = u32::MAX;

/// What must come before what, by positions.
#[derive(Default)]
pub(crate) struct Precedence {
    /// Call and return of each operation; `u64::MAX` if it never returned.
    pub(crate) times: Vec<(u64, u64)>,
    /// Whether it is in the order at all.
    pub(crate) is_in: Vec<bool>,
    /// The first before the second.
    pub(crate) pairs: Vec<(u32, u32)>,
    /// At least one of these before the other.
    pub(crate) groups: Vec<(Vec<u32>, u32)>,
}

/// Why there is no order: operations each of which must come before the next, but the last one had
/// returned when the first was called; or that wait for one another, in a circle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoOrder {
    Late(Vec<usize>),
    Circle(Vec<usize>),
}

struct Run<'a> {
    given: &'a Precedence,
    /// For each operation, how many pairs and groups it waits for.
    waits: Vec<u32>,
    /// Whom it had to wait for last.
    because: Vec<u32>,
    starts: Vec<u32>,
    /// Who waits for each operation: an operation, or a group by its number plus `times.len()`.
    waiters: Vec<u32>,
    is_met: Vec<bool>,
    ready: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Precedence {
    /// One of the orders that there are, or why there is none.
    pub(crate) fn order(&self) -> Result<Vec<u32>, NoOrder> {
        let mut run = Run::new(self);
        let mut order = Vec::with_capacity(self.times.len());
        while let Some(Reverse((time, position))) = run.ready.pop() {
            if time > self.times[position as usize].1 {
                return Err(NoOrder::Late(run.chain(time, position)));
            }
            order.push(position);
            run.take(time, position);
        }
        let wanted = self.is_in.iter().filter(|is_in| **is_in).count();
        if order.len() == wanted { Ok(order) } else { Err(NoOrder::Circle(run.circle(&order))) }
    }
}

impl<'a> Run<'a> {
    fn new(given: &'a Precedence) -> Self {
        let count = given.times.len();
        let mut waits = vec![0; count];
        let mut starts = vec![0_u32; count + 1];
        let members = || {
            let groups = given.groups.iter().zip(count as u32..);
            groups.flat_map(|((group, _), number)| group.iter().map(move |&it| (it, number)))
        };
        given.pairs.iter().copied().chain(members()).for_each(|(first, _)| {
            starts[first as usize + 1] += 1;
        });
        given.pairs.iter().for_each(|&(_, then)| waits[then as usize] += 1);
        given.groups.iter().for_each(|&(_, then)| waits[then as usize] += 1);
        for k in 0..count {
            starts[k + 1] += starts[k];
        }
        let mut fills = starts.clone();
        let mut waiters = vec![NOBODY; starts[count] as usize];
        given.pairs.iter().copied().chain(members()).for_each(|(first, then)| {
            let place = &mut fills[first as usize];
            waiters[*place as usize] = then;
            *place += 1;
        });
        let free = |it: &u32| given.is_in[*it as usize] && waits[*it as usize] == 0;
        let free = (0..count as u32).filter(free);
        let ready = free.map(|it| Reverse((given.times[it as usize].0, it))).collect();
        let (because, is_met) = (vec![NOBODY; count], vec![false; given.groups.len()]);
        Run { given, waits, because, starts, waiters, is_met, ready }
    }

    /// Lets go on whoever waited for this one only.
    fn take(&mut self, time: u64, position: u32) {
        let count = self.given.times.len();
        let range =
            self.starts[position as usize] as usize..self.starts[position as usize + 1] as usize;
        for waiter in range {
            let mut then = self.waiters[waiter] as usize;
            if then >= count {
                let group = then - count;
                if std::mem::replace(&mut self.is_met[group], true) {
                    continue;
                }
                then = self.given.groups[group].1 as usize;
            }
            self.waits[then] -= 1;
            self.because[then] = position;
            if self.waits[then] == 0 && self.given.is_in[then] {
                let time = time.max(self.given.times[then].0);
                self.ready.push(Reverse((time, then as u32)));
            }
        }
    }

    /// From the operation that was called at this time to the one that has to wait for it.
    fn chain(&self, time: u64, position: u32) -> Vec<usize> {
        let mut chain = vec![position as usize];
        let mut now = position;
        while self.given.times[now as usize].0 < time && self.because[now as usize] != NOBODY {
            now = self.because[now as usize];
            chain.push(now as usize);
        }
        chain.reverse();
        chain
    }

    /// Some who wait for one another.
    fn circle(&self, order: &[u32]) -> Vec<usize> {
        let count = self.given.times.len();
        let mut is_left = self.given.is_in.clone();
        order.iter().for_each(|&it| is_left[it as usize] = false);
        // Whom each one that is left waits for.
        let mut before = vec![NOBODY; count];
        let groups = self.given.groups.iter().zip(&self.is_met).filter(|(_, met)| !**met);
        let groups = groups.flat_map(|((group, then), _)| group.iter().map(|&it| (it, *then)));
        for (first, then) in self.given.pairs.iter().copied().chain(groups) {
            if is_left[first as usize] && is_left[then as usize] {
                before[then as usize] = first;
            }
        }
        let Some(start) = (0..count).find(|&it| is_left[it] && before[it] != NOBODY) else {
            return (0..count).filter(|&it| is_left[it]).take(1).collect();
        };
        let mut seen = vec![false; count];
        let mut now = start;
        while before[now] != NOBODY && !std::mem::replace(&mut seen[now], true) {
            now = before[now] as usize;
        }
        let mut circle = vec![now];
        let mut next = before[now] as usize;
        while next != now && before.get(next).is_some_and(|it| *it != NOBODY) {
            circle.push(next);
            next = before[next] as usize;
        }
        circle.reverse();
        circle
    }
}
