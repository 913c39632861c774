//! What may be left out of a schedule: a party, a kind of fault, a run of steps, any two of them.

use super::Pass;
use super::search::Search;
use crate::step::{Move, Step};
use std::collections::BTreeSet;

/// Runs and pairs of steps are tried in causes up to this length; there are about as many as half
/// its square.
const SHORT: usize = 40;

impl Search<'_> {
    /// Leaves out everything that one party does: a client, or what a move happens to.
    pub(super) fn leave_out_clients(&mut self) {
        let party = |step: &Step| match step {
            Step::World(Move { arg, .. }) => (None, *arg),
            _ => (step.client(), 0),
        };
        self.leave_out_all(Pass::Clients, party);
    }

    /// Leaves out faults and the world's own moves, all of a kind at once; then each fault with
    /// what follows from it, which is no step at all without the fault.
    pub(super) fn leave_out_faults(&mut self) {
        let kind = |step: &Step| match step {
            Step::Apply(_) | Step::Reply(_) => None,
            Step::Lose(_) => Some((0, 0)),
            Step::Late(_) => Some((1, 0)),
            Step::Crash(_) => Some((2, 0)),
            Step::Restart(_) => Some((3, 0)),
            Step::World(Move { kind, .. }) => Some((4, *kind)),
        };
        self.leave_out_all(Pass::Faults, kind);
        let mut at = 0;
        while at < self.cause.steps.len() {
            let steps = &self.cause.steps;
            if !steps[at].is_fault() {
                at += 1;
                continue;
            }
            let client = steps[at].client();
            let follows = |step: &Step| {
                matches!(step, Step::Late(_) | Step::Restart(_)) && step.client() == client
            };
            let after = steps[at..].iter().position(follows).map(|it| at + it);
            let without = without(steps, |index| index == at || Some(index) == after);
            if !self.goes_on() {
                return;
            }
            if !self.try_steps(Pass::Faults, &without) {
                at += 1;
            }
        }
    }

    /// Leaves out the steps that `group` puts together, one group after another.
    fn leave_out_all<G: Ord>(&mut self, pass: Pass, group: impl Fn(&Step) -> G) {
        let groups: BTreeSet<G> = self.cause.steps.iter().map(&group).collect();
        for gone in groups.iter().filter(|_| groups.len() > 1) {
            let kept = self.cause.steps.iter().filter(|step| group(step) != *gone);
            let kept: Vec<Step> = kept.copied().collect();
            if kept.len() == self.cause.steps.len() {
                continue;
            }
            if !self.goes_on() {
                return;
            }
            self.try_steps(pass, &kept);
        }
    }

    /// Leaves out ever smaller chunks (Zeller and Hildebrandt's ddmin, complements only: a subset
    /// alone hardly ever fails here).
    pub(super) fn leave_out_steps(&mut self) {
        let mut chunk = self.cause.steps.len().div_ceil(2);
        while chunk > 0 {
            let mut start = 0;
            while start < self.cause.steps.len() {
                if !self.goes_on() {
                    return;
                }
                let kept = without(&self.cause.steps, |at| (start..start + chunk).contains(&at));
                if !self.try_steps(Pass::Steps, &kept) {
                    start += chunk;
                }
            }
            chunk /= 2;
        }
    }

    /// Leaves out any run of steps, of everybody's and of one client's: a round that begins where
    /// it ends is as long as it is, and no power of two.
    pub(super) fn leave_out_runs(&mut self) {
        let clients: BTreeSet<_> = self.cause.steps.iter().map(|step| step.client()).collect();
        let only = clients.into_iter().filter(|it| it.is_some());
        for whose in std::iter::once(None).chain(only) {
            let (mut first, mut length) = (0, 2);
            while self.is_short() {
                let steps = self.cause.steps.iter().enumerate();
                let theirs = steps.filter(|(_, it)| whose.is_none() || it.client() == whose);
                let theirs: Vec<usize> = theirs.map(|(at, _)| at).collect();
                if length > theirs.len() {
                    break;
                }
                let Some(run) = theirs.get(first..first + length) else {
                    (first, length) = (0, length + 1);
                    continue;
                };
                let kept = without(&self.cause.steps, |at| run.contains(&at));
                if !self.goes_on() {
                    return;
                }
                if !self.try_steps(Pass::Runs, &kept) {
                    first += 1;
                }
            }
        }
    }

    /// Leaves out any two steps: one that makes room for a lapse, say, and the lapse.
    pub(super) fn leave_out_pairs(&mut self) {
        let mut first = 0;
        while self.is_short() && first < self.cause.steps.len() {
            let mut second = first + 1;
            while second < self.cause.steps.len() {
                if !self.goes_on() {
                    return;
                }
                let kept = without(&self.cause.steps, |at| at == first || at == second);
                if !self.try_steps(Pass::Pairs, &kept) {
                    second += 1;
                }
            }
            first += 1;
        }
    }

    fn is_short(&self) -> bool {
        self.cause.steps.len() <= SHORT
    }
}

pub(super) fn without(steps: &[Step], gone: impl Fn(usize) -> bool) -> Vec<Step> {
    steps.iter().enumerate().filter(|(at, _)| !gone(*at)).map(|(_, step)| *step).collect()
}
