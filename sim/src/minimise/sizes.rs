//! Settings in which the same failure is easier to read: fewer clients, fewer keys, no lock.
//!
//! Clients are numbered, and those of one role follow those of another, so with fewer of them the
//! steps are somebody else's. Hence each smaller size is also tried with one client's steps left
//! out and those of the clients behind it moved up.

use super::search::Search;
use crate::step::Step;
use checker::ClientId;
use serde_json::{Map, Value};

impl Search<'_> {
    /// Tries settings that are easier to read.
    pub(super) fn simplify(&mut self) {
        let mut next = 0;
        while let Some(params) = self.session.simpler().into_iter().nth(next) {
            // What was simplified has other, simpler settings: begin again.
            next = if self.try_simpler(&params) { 0 } else { next + 1 };
            if !self.cause.complete {
                return;
            }
        }
    }

    fn try_simpler(&mut self, params: &Map<String, Value>) -> bool {
        let steps = self.cause.steps.clone();
        let fewer = fewer(&self.session.params(), params);
        let moved_up = gone(&steps, fewer).into_iter().map(|gone| moved_up(&steps, &gone));
        for steps in std::iter::once(steps.clone()).chain(moved_up) {
            if !self.goes_on() {
                return false;
            }
            if self.try_params(params, &steps) {
                return true;
            }
        }
        false
    }
}

/// By how much the one size that differs is smaller; 0 where anything else differs.
fn fewer(now: &Map<String, Value>, then: &Map<String, Value>) -> usize {
    let mut differing = now.iter().filter(|(name, value)| then.get(*name) != Some(value));
    let (Some((name, value)), None) = (differing.next(), differing.next()) else { return 0 };
    let (now, then) = (value.as_u64(), then.get(name).and_then(Value::as_u64));
    now.zip(then).map_or(0, |(now, then)| now.saturating_sub(then) as usize)
}

/// Which clients there may be `fewer` of: those that do nothing, and where it is only one, any.
fn gone(steps: &[Step], fewer: usize) -> Vec<Vec<ClientId>> {
    let Some(last) = steps.iter().filter_map(|step| step.client()).max() else { return vec![] };
    if fewer == 0 {
        return vec![];
    }
    let busy = |client: ClientId| steps.iter().any(|step| step.client() == Some(client));
    // Behind the last that does something there may be others that do nothing.
    let beyond = last.0.saturating_add(fewer.min(usize::from(u16::MAX)) as u16);
    let (some, idle): (Vec<_>, Vec<_>) = (0..=beyond).map(ClientId).partition(|it| busy(*it));
    let mut gone: Vec<Vec<ClientId>> = idle.windows(fewer).map(<[_]>::to_vec).collect();
    if fewer == 1 {
        gone.extend(some.into_iter().map(|it| vec![it]));
    }
    gone.retain(|gone| gone.iter().any(|it| *it <= last));
    gone
}

/// Without the steps of those who are `gone`, and those behind them moved up.
fn moved_up(steps: &[Step], gone: &[ClientId]) -> Vec<Step> {
    let stays = |step: &&Step| step.client().is_none_or(|client| !gone.contains(&client));
    let up = |client: ClientId| {
        ClientId(client.0 - gone.iter().filter(|it| **it < client).count() as u16)
    };
    steps.iter().filter(stays).map(|step| step.of_client(up)).collect()
}
