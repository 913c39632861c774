//! What may be left out of a schedule: a party, a kind of fault, a chunk of steps, any two of them.

use super::Pass;
use super::search::Search;
use crate::step::{Move, Step};
use std::collections::BTreeSet;

/// Pairs of steps are tried in causes up to this length; there are about half its square.
const PAIRED_MAX: usize = 40;

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

    /// Leaves out any two steps: one that makes room for a lapse, say, and the lapse.
    pub(super) fn leave_out_pairs(&mut self) {
        if self.cause.steps.len() > PAIRED_MAX {
            return;
        }
        let mut first = 0;
        while first < self.cause.steps.len() {
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
}

fn without(steps: &[Step], gone: impl Fn(usize) -> bool) -> Vec<Step> {
    steps.iter().enumerate().filter(|(at, _)| !gone(*at)).map(|(_, step)| *step).collect()
}
