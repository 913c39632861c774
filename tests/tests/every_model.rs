//! What holds of every model, mutant and seed, including those not yet written.

use checker::{ClientId, Property, Verdict};
use proptest::prelude::*;
use sim::minimise::{Effort, minimise};
use sim::registry::{AnyModel, MutantCard};
use sim::session::Plan;
use sim::step::{CallId, Move, Step};
use unforked_tests::{
    Run, always, any_twin, called, play, play_seed, session, sized, sound_and_broken,
};

/// How many seeds of a sound model are run: fewer where a run is longer.
fn seeds_of(model: &dyn AnyModel) -> u64 {
    match model.card().name {
        "cluster" | "snapshot_log" => 3000,
        _ => 10_000,
    }
}

#[test]
fn a_sound_model_keeps_its_promises() {
    for model in models::ALL {
        let mut session = session(*model, None);
        for seed in 0..seeds_of(*model) {
            let (run, _) = play_seed(session.as_mut(), seed);
            assert_eq!(run.verdict, Verdict::Pass, "{} seed {seed}", called(*model, None));
        }
    }
}

/// Seeds until a mutant must have been caught.
const CAUGHT_WITHIN: u64 = 10_000;
/// Steps that a person reads without losing the thread.
const STEPS_TO_READ: usize = 15;

#[test]
fn every_mutant_is_caught_by_the_property_it_names() {
    for model in models::ALL {
        for mutant in model.card().mutants {
            catch(*model, &mutant);
        }
    }
}

fn catch(model: &dyn AnyModel, mutant: &MutantCard) {
    let name = called(model, Some(&mutant.name));
    let mut session = session(model, Some(&mutant.name));
    let mut runs = (0..CAUGHT_WITHIN).map(|seed| play_seed(session.as_mut(), seed));
    let Some((run, outcome)) = runs.find(|(run, _)| run.verdict.broken() == Some(&mutant.breaks))
    else {
        panic!("{name} survived: {}", mutant.how);
    };
    let cause = minimise(
        model,
        &run.params,
        Some(&mutant.name),
        &run.steps,
        outcome.faults_max,
        Effort::while_told(&mut || true),
    );
    let cause = cause.expect("it is set up as before").expect("what failed fails again");
    assert_eq!(cause.outcome.verdict.broken(), Some(&mutant.breaks), "{name}: another promise");
    assert!(
        cause.steps.len() <= STEPS_TO_READ,
        "{name}: {} steps do not fit in a head: {:?}",
        cause.steps.len(),
        cause.steps
    );
    let plan = Plan::Steps { steps: &cause.steps, faults_max: cause.outcome.faults_max };
    let control = sized(model, &cause.params, None).play(&plan);
    assert_eq!(control.verdict, Verdict::Pass, "{name}: the same steps, put right");
}

#[test]
fn a_seed_is_the_same_run_wherever_it_is_run() {
    const SEEDS: u64 = 40;
    for (model, mutant) in sound_and_broken() {
        let mutant = mutant.as_deref();
        let mut batch = session(model, mutant);
        let first: Vec<Run> = (0..SEEDS).map(|seed| play_seed(batch.as_mut(), seed).0).collect();
        let mut threaded: Vec<Run> = std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let mut session = session(model, mutant);
                (0..SEEDS).rev().map(|seed| play_seed(session.as_mut(), seed).0).collect()
            });
            there.join().expect("a run does not panic")
        });
        threaded.reverse();
        assert_eq!(threaded, first, "{}: on another thread", called(model, mutant));
        for (seed, run) in (0..SEEDS).rev().zip(first.iter().rev()) {
            let name = format!("{} seed {seed}", called(model, mutant));
            assert_eq!(play_seed(batch.as_mut(), seed).0, *run, "{name}, after others");
            assert_eq!(play_seed(session(model, mutant).as_mut(), seed).0, *run, "{name}, alone");
        }
    }
}

#[test]
fn a_run_replayed_from_its_steps_is_the_same_run() {
    for (model, mutant) in sound_and_broken() {
        let mutant = mutant.as_deref();
        let mut seeded = session(model, mutant);
        for seed in 0..60 {
            let name = format!("{} seed {seed}", called(model, mutant));
            let (run, outcome) = play_seed(seeded.as_mut(), seed);
            let (told, _) = seeded.tell(&run.steps, run.steps.len(), &outcome);
            let mut replayed = sized(model, &run.params, mutant);
            let plan = Plan::Steps { steps: &run.steps, faults_max: outcome.faults_max };
            let (again, again_outcome) = play(replayed.as_mut(), &plan);
            if run.verdict.broken() == Some(&Property::PROGRESS) {
                // What never ends has a tail as long as one looks at it.
                assert_eq!(again.verdict.broken(), run.verdict.broken(), "{name}");
                continue;
            }
            assert_eq!(again, run, "{name}");
            assert_eq!(again_outcome.skipped, 0, "{name}: every step was possible");
            let (retold, _) = replayed.tell(&run.steps, run.steps.len(), &again_outcome);
            assert_eq!(told.digest, run.digest, "{name}: what is told is what was run");
            assert_eq!(retold.history, told.history, "{name}");
            assert_eq!(retold.steps, told.steps, "{name}");
            assert_eq!(model.parse(&told.steps), Ok(run.steps), "{name}: steps are read back");
        }
    }
}

#[test]
fn the_first_steps_of_a_run_are_told_as_they_were() {
    for model in models::ALL {
        let mut session = session(*model, None);
        let (run, outcome) = play_seed(session.as_mut(), 3);
        let (whole, scenes) = session.tell(&run.steps, run.steps.len(), &outcome);
        assert_eq!(scenes.len(), run.steps.len());
        for count in [0, 1, run.steps.len() / 2] {
            let (part, _) = session.tell(&run.steps, count, &outcome);
            assert_eq!(part.steps, whole.steps[..count]);
        }
    }
}

/// Any subsequence of a schedule is a schedule, and a sound model holds in every schedule.
#[test]
fn any_part_of_a_runs_steps_replays_to_a_verdict() {
    let kept = proptest::collection::vec(any::<bool>(), 1..64);
    always((any_twin(), any::<u64>(), kept, 0..6u32), |((name, mutant), seed, kept, faults)| {
        let model = models::find(name).expect("it is listed");
        let mut session = session(model, mutant.as_deref());
        let (run, _) = play_seed(session.as_mut(), seed);
        let steps = run.steps.iter().zip(kept.iter().cycle()).filter(|(_, kept)| **kept);
        let steps: Vec<Step> = steps.map(|(step, _)| *step).collect();
        let mut session = sized(model, &run.params, mutant.as_deref());
        let plan = Plan::Steps { steps: &steps, faults_max: faults };
        judged(session.play(&plan).verdict, mutant.as_deref())
    });
}

#[test]
fn any_list_of_steps_replays_to_a_verdict() {
    let steps = proptest::collection::vec(any_step(), 0..200);
    always((any_twin(), steps, 0..6u32), |((name, mutant), steps, faults_max)| {
        let model = models::find(name).expect("it is listed");
        let mut session = session(model, mutant.as_deref());
        let (run, outcome) = play(session.as_mut(), &Plan::Steps { steps: &steps, faults_max });
        let faults = run.steps.iter().filter(|step| step.is_fault()).count();
        prop_assert!(faults <= faults_max as usize, "{faults} faults cost more than {faults_max}");
        prop_assert!(outcome.skipped <= steps.len());
        judged(run.verdict, mutant.as_deref())
    });
}

/// A sound model passes; a broken one may also fail, and nobody is left without an answer.
fn judged(verdict: Verdict, mutant: Option<&str>) -> Result<(), TestCaseError> {
    match mutant {
        None => prop_assert_eq!(verdict, Verdict::Pass),
        Some(_) => prop_assert!(!matches!(verdict, Verdict::Unknown { .. }), "{verdict:?}"),
    }
    Ok(())
}

/// Any value of the type, most of them impossible in most runs.
fn any_step() -> impl Strategy<Value = Step> {
    let client = || prop_oneof![8 => 0..5u16, 1 => any::<u16>()].prop_map(ClientId);
    let slot = prop_oneof![8 => Just(0u8), 2 => 128..130u8, 1 => any::<u8>()];
    let call = move || (client(), slot.clone()).prop_map(|(client, slot)| CallId { client, slot });
    let kind = prop_oneof![8 => 0..5u8, 1 => any::<u8>()];
    let arg = prop_oneof![8 => 0..4u16, 1 => any::<u16>()];
    prop_oneof![
        8 => call().prop_map(Step::Apply),
        1 => call().prop_map(Step::Reply),
        2 => call().prop_map(Step::Lose),
        2 => call().prop_map(Step::Late),
        1 => client().prop_map(Step::Crash),
        1 => client().prop_map(Step::Restart),
        4 => (kind, arg).prop_map(|(kind, arg)| Step::World(Move { kind, arg })),
    ]
}
