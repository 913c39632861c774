//! Parameters as data: which of them a seed fills in, and which smaller ones are worth trying.
//!
//! None of it knows the model's types, so it is made once for all of them.

use crate::rng::Rng;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Enough draws to see all that a parameter may become.
const DRAWS: u64 = 64;

/// What `draw` changes of `given` was open; each with what it may become.
pub(super) fn left_open(
    given: &Map<String, Value>,
    draw: &dyn Fn(&mut Rng) -> Map<String, Value>,
) -> Vec<(String, Vec<Value>)> {
    let mut open = BTreeMap::<String, Vec<Value>>::new();
    for seed in 0..DRAWS {
        for (name, drawn) in draw(&mut Rng::new(seed)) {
            let choices = open.entry(name.clone()).or_default();
            if drawn != given[&name] && !choices.contains(&drawn) {
                choices.push(drawn);
            }
        }
    }
    open.retain(|_, choices| !choices.is_empty());
    open.values_mut().for_each(|choices| choices.sort_by_key(Value::to_string));
    open.into_iter().collect()
}

/// `now` with one of its `sizes` smaller, smallest first.
pub(super) fn smaller(now: &Map<String, Value>, sizes: &[&str]) -> Vec<Map<String, Value>> {
    let mut simpler = Vec::new();
    for name in sizes {
        let value = now[*name].as_u64().unwrap_or(0);
        // Where few are not enough, half of them may be, or one less.
        let few = (1..value).take(8);
        let many = [value / 2, value.saturating_sub(1)];
        for smaller in few.chain(many.into_iter().filter(|it| *it > 8)) {
            let mut params = now.clone();
            params[*name] = Value::from(smaller);
            simpler.push(params);
        }
    }
    simpler
}
