//! The museum keeps what it says: each bug is found soon and told shortly, and put right it is gone.

use checker::{Property, Verdict};
use models::museum::{EXHIBITS, Exhibit};
use sim::explore::Limits;
use sim::minimise::{Effort, minimise};
use sim::registry::{AnyModel, MutantCard};
use unforked_tests::{MUSEUM, play_seed, recorded_in, repository, session};

/// Schedules until a bug must have been found.
const FOUND_WITHIN: u64 = 10_000;
/// Steps of a bug's shortest schedule.
const STEPS_MAX: usize = 12;
/// Schedules that what is put right survives.
const SURVIVES: u64 = 100_000;

/// The model, and its one mutant.
fn of(exhibit: &Exhibit) -> (&'static dyn AnyModel, MutantCard) {
    let model = models::find(exhibit.name).expect("an exhibit is a model");
    let mutants = model.card().mutants;
    let [bug] = <[_; 1]>::try_from(mutants).unwrap_or_else(|_| panic!("{}: one bug", exhibit.name));
    (model, bug)
}

#[test]
fn every_model_of_the_museum_is_an_exhibit() {
    let names = models::ALL.iter().map(|model| model.card().name);
    let shown: Vec<_> = names.filter(|name| name.starts_with("museum/")).collect();
    let listed: Vec<_> = EXHIBITS.iter().map(|it| it.name).collect();
    assert_eq!(shown, listed);
    assert!(listed.len() >= 18, "{listed:?}");
    assert_eq!(recorded_in(MUSEUM).len(), listed.len(), "{MUSEUM}: one trace each");
}

#[test]
fn every_bug_is_found_soon_and_told_in_a_few_steps() {
    for exhibit in EXHIBITS {
        let (model, bug) = of(exhibit);
        let mut twin = session(model, Some(&bug.name));
        let mut runs = (0..FOUND_WITHIN).map(|seed| play_seed(twin.as_mut(), seed));
        let found = runs.find(|(run, _)| run.verdict.broken() == Some(&bug.breaks));
        let (run, outcome) = found.unwrap_or_else(|| panic!("{} survived", exhibit.name));
        let mut always = || true;
        let effort = Effort::while_told(&mut always);
        let faults = outcome.faults_max;
        let cause = minimise(model, &run.params, Some(&bug.name), &run.steps, faults, effort);
        let cause = cause.expect("it is set up as before").expect("what failed fails again");
        assert!(cause.steps.len() <= STEPS_MAX, "{}: {:?}", exhibit.name, cause.steps);
    }
}

#[test]
fn put_right_every_schedule_holds() {
    std::thread::scope(|scope| {
        EXHIBITS.iter().for_each(|exhibit| _ = scope.spawn(|| holds(exhibit)));
    });
}

fn holds(exhibit: &Exhibit) {
    let (model, _) = of(exhibit);
    let mut sound = session(model, None);
    for seed in 0..SURVIVES {
        let (run, _) = play_seed(sound.as_mut(), seed);
        assert_eq!(run.verdict, Verdict::Pass, "{} seed {seed}", exhibit.name);
    }
    let limits = Limits { faults_max: 1, states_max: 200_000, symmetry: false };
    let all = session(model, None).explore(&limits, &mut |_, _| true);
    assert_eq!(all.verdict, Verdict::Pass, "{}", exhibit.name);
    assert!(all.complete, "{}: {} states", exhibit.name, all.distinct);
}

/// A row of the page: the exhibit, its link, the mechanism, the promise, the steps, the command.
#[test]
fn the_page_shows_what_is_there() {
    let page = std::fs::read_to_string(repository().join("docs/museum.md")).expect("the page");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `museum/"))
        .map(|line| line.trim_matches(['|', ' ']).split(" | ").collect())
        .collect();
    let traces = recorded_in(MUSEUM);
    assert_eq!(rows.len(), EXHIBITS.len());
    for (row, exhibit) in rows.iter().zip(EXHIBITS) {
        let (model, bug) = of(exhibit);
        let [name, link, _, promise, steps, command] = row[..] else { panic!("{row:?}") };
        assert_eq!(name, format!("`{}`", exhibit.name));
        assert!(link.ends_with(&format!("({})", exhibit.link)), "{name}: {link}");
        let file = model.card().trace_name(&bug.name);
        let trace = traces.iter().find(|it| it.name == file).expect("its trace");
        assert_eq!(trace.trace.verdict.broken().map(Property::name), Some(bug.breaks.name()));
        assert_eq!(promise, format!("`{}`", bug.breaks.name()));
        assert_eq!(steps, trace.steps.len().to_string(), "{name}");
        assert!(trace.steps.len() <= STEPS_MAX, "{name}");
        assert_eq!(command, format!("`checker replay {MUSEUM}/{file}.json`"));
    }
}
