//! The minimiser held to exhaustive search: never shorter than can be, and hardly ever longer.

use sim::explore::Limits;
use sim::minimise::{Cause, Effort, minimise};
use sim::registry::{AnyModel, MutantCard};
use sim::session::Plan;
use sim::step::Step;
use unforked_tests::{Run, called, play_seed, session, sized};

/// States after which the fewest steps stay unknown.
const STATES_MAX: u64 = 200_000;

fn faults(steps: &[Step]) -> u32 {
    steps.iter().filter(|step| step.is_fault()).count() as u32
}

/// The first seed's run that breaks the promise which `mutant` names, and its faults.
fn failure(model: &dyn AnyModel, mutant: &MutantCard) -> (Run, u32) {
    let mut session = session(model, Some(&mutant.name));
    let mut runs = (0..10_000).map(|seed| play_seed(session.as_mut(), seed));
    let found = runs.find(|(run, _)| run.verdict.broken() == Some(&mutant.breaks));
    let (run, outcome) = found.unwrap_or_else(|| panic!("{} survived", mutant.name));
    (run, outcome.faults_max)
}

fn shortest<'a>(
    model: &'a dyn AnyModel,
    mutant: &'a str,
    run: &'a Run,
    faults: u32,
    effort: Effort<'a>,
) -> Cause {
    let cause = minimise(model, &run.params, Some(mutant), &run.steps, faults, effort);
    cause.expect("it is set up as before").expect("what failed fails again")
}

/// The fewest steps that break the same promise with the parameters of the cause and its faults;
/// `None` where another promise is broken sooner, or it takes too many states to know.
fn fewest(model: &dyn AnyModel, mutant: &MutantCard, cause: &Cause) -> Option<usize> {
    let limits =
        Limits { faults_max: faults(&cause.steps), states_max: STATES_MAX, symmetry: false };
    let mut session = sized(model, &cause.params, Some(&mutant.name));
    let found = session.explore(&limits, &mut |_, _| true);
    let same = found.verdict.broken() == Some(&mutant.breaks);
    found.counterexample.filter(|it| same && it.start == 0).map(|it| it.steps.len())
}

/// The mutants whose failures are short enough to be found by exhaustive search in a test.
fn searched() -> impl Iterator<Item = (&'static dyn AnyModel, MutantCard)> {
    let of = |model: &&'static dyn AnyModel| {
        let model = *model;
        model.card().mutants.into_iter().map(move |mutant| (model, mutant))
    };
    let small = |(model, mutant): &(&dyn AnyModel, MutantCard)| match model.card().name {
        "run_head" => ["no_cas", "no_cas_increment", "fence_at_write", "trust_silence"]
            .contains(&mutant.name.as_str()),
        name => name.starts_with("spec/") || name.starts_with("awa/"),
    };
    models::ALL.iter().flat_map(of).filter(small)
}

#[test]
fn a_minimised_failure_is_as_short_as_exhaustive_search_says() {
    let (mut equal, mut compared) = (0, 0);
    for (model, mutant) in searched() {
        let name = called(model, Some(&mutant.name));
        let (run, budget) = failure(model, &mutant);
        let cause = shortest(model, &mutant.name, &run, budget, Effort::while_told(&mut || true));
        let (from, to) = (run.steps.len(), cause.steps.len());
        let fewest = fewest(model, &mutant, &cause);
        println!("{name}: {from} steps, minimised to {to}, at least {fewest:?}");
        let Some(fewest) = fewest else { continue };
        assert!(to >= fewest, "{name}: {to} steps are fewer than the fewest, {fewest}");
        compared += 1;
        equal += usize::from(to == fewest);
    }
    println!("{equal} of {compared} are as short as can be");
    assert!(compared >= 12, "exhaustive search finds them: {compared}");
    assert!(equal * 4 >= compared * 3, "{equal} of {compared} are as short as can be");
}

#[test]
fn what_is_minimised_is_never_longer_and_fails_by_itself() {
    for model in models::ALL {
        for mutant in model.card().mutants {
            let name = called(*model, Some(&mutant.name));
            let (run, budget) = failure(*model, &mutant);
            let again = || {
                let mut effort = || true;
                let effort = Effort::while_told(&mut effort);
                shortest(*model, &mutant.name, &run, budget, effort)
            };
            let cause = again();
            assert!(cause.complete, "{name}");
            assert!(cause.steps.len() <= run.steps.len(), "{name}");
            assert!(faults(&cause.steps) <= faults(&run.steps), "{name}: more faults");
            let mut session = sized(*model, &cause.params, Some(&mutant.name));
            let plan = Plan::Steps { steps: &cause.steps, faults_max: faults(&cause.steps) };
            assert_eq!(session.play(&plan).verdict, cause.outcome.verdict, "{name}");
            let second = again();
            assert_eq!((second.steps, second.params), (cause.steps, cause.params), "{name}");
            assert_eq!(second.tried, cause.tried, "{name}");
        }
    }
}

#[test]
fn a_minimiser_that_is_stopped_keeps_the_best_so_far_and_says_so() {
    let model = models::find("run_head").expect("a model on the list");
    let mutant = model.card().mutants.into_iter().find(|it| it.name == "lock_only");
    let mutant = mutant.expect("its mutant");
    let (run, budget) = failure(model, &mutant);
    let mut lengths = Vec::new();
    for tries in [0, 20, 100] {
        let mut left = tries;
        let mut keep_going = || {
            left -= 1;
            left >= 0
        };
        let effort = Effort::while_told(&mut keep_going);
        let cause = shortest(model, &mutant.name, &run, budget, effort);
        assert!(!cause.complete, "after {tries} tries");
        assert_eq!(cause.outcome.verdict.broken(), Some(&mutant.breaks));
        assert!(cause.tried.total() <= tries as usize + 1, "{:?}", cause.tried);
        lengths.push(cause.steps.len());
    }
    assert!(lengths.is_sorted_by(|one, other| one >= other), "{lengths:?}");
    let effort = Effort { played_max: 2_000, keep_going: &mut || true };
    let cause = shortest(model, &mutant.name, &run, budget, effort);
    assert!(!cause.complete, "2000 steps are soon played");
    let whole = shortest(model, &mutant.name, &run, budget, Effort::while_told(&mut || true));
    assert!(whole.complete && whole.steps.len() <= cause.steps.len());
    assert!(whole.steps.len() < run.steps.len());
}
