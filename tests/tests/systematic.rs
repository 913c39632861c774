//! The chooser whose seeds count schedules: every schedule has its number, and none has two that
//! are used up.

use serde_json::{Map, Value};
use sim::scenario::{Kind, Scenario};
use sim::session::{Plan, Session};
use sim::step::Step;
use std::collections::BTreeSet;

fn session(model: &str, params: &[(&str, &str)]) -> Box<dyn Session> {
    let params: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let model = models::find(model).expect("a model on the list");
    model.session(&params, None).expect("its parameters")
}

fn play(session: &mut dyn Session, seed: u64, faults: u32) -> Vec<Step> {
    let (chooser, faults_max) = (Some(Kind::Dfs), Some(faults));
    session.play(&Plan::Seed(Scenario { seed, chooser, faults_max }));
    session.steps().to_vec()
}

const BARE: [(&str, &str); 5] = [
    ("writers", "2"),
    ("transitions", "1"),
    ("lock", "none"),
    ("conflict", "plain"),
    ("commit", "auto"),
];

#[test]
fn counting_up_plays_every_schedule() {
    let store = [("writers", "1"), ("readers", "1"), ("objects", "1")];
    for (model, params, seeds) in
        [("run_head", &BARE[..], 1 << 12), ("object_store", &store, 1 << 12)]
    {
        let all = session(model, params).enumerate(0, 1_000_000).schedules;
        let all = all.expect("they are few");
        let mut session = session(model, params);
        let played: BTreeSet<_> = (0..seeds).map(|it| play(session.as_mut(), it, 0)).collect();
        println!("{model}: {all} schedules, all among the first {seeds} seeds");
        assert_eq!(played.len() as u64, all, "{model}");
    }
}

#[test]
fn seed_0_is_the_fair_schedule_and_the_next_ones_deviate_at_once() {
    let mut session = session("run_head", &BARE);
    session.play(&Plan::Steps { steps: &[], faults_max: 2 });
    let fair = session.steps().to_vec();
    assert_eq!(play(session.as_mut(), 0, 2), fair);
    // Two writers: each may be applied, lost or crash.
    let firsts: BTreeSet<Step> = (0..6).map(|it| play(session.as_mut(), it, 2)[0]).collect();
    assert_eq!(firsts.len(), 6, "six first steps, six seeds: {firsts:?}");
    for seed in 1..36 {
        let steps = play(session.as_mut(), seed, 2);
        assert_ne!(steps, fair, "seed {seed}");
    }
}

#[test]
fn what_is_left_open_is_one_program_for_all_numbers() {
    let mut session = session("run_head", &[]);
    let mut drawn = BTreeSet::new();
    for seed in 0..50 {
        let scenario = Scenario { chooser: Some(Kind::Dfs), ..Scenario::of(seed) };
        let outcome = session.play(&Plan::Seed(scenario));
        drawn.insert((outcome.faults_max, Value::Object(session.params()).to_string()));
    }
    assert_eq!(drawn.len(), 1, "{drawn:?}");
    assert!(!Kind::PORTFOLIO.contains(&Kind::Dfs), "no seed is a number by chance");
}
