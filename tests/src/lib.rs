//! What the suites over every model, mutant and trace share; the suites are in `tests/`.

use checker::Verdict;
use proptest::strategy::{Just, Strategy};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use serde_json::{Map, Value};
use sim::registry::AnyModel;
use sim::scenario::Scenario;
use sim::session::{Outcome, Plan, Session};
use sim::step::Step;
use sim::trace::Trace;
use std::path::{Path, PathBuf};

/// Where the repository is.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The words of a model's name, mutant and parameters, for a failure's message.
pub fn called(model: &dyn AnyModel, mutant: Option<&str>) -> String {
    let name = model.card().name;
    mutant.map_or(name.to_owned(), |mutant| format!("{name} --mutant {mutant}"))
}

/// Every model, sound and then broken in each way.
pub fn sound_and_broken() -> Vec<(&'static dyn AnyModel, Option<String>)> {
    let mut all = Vec::new();
    for model in models::ALL {
        all.push((*model, None));
        all.extend(model.card().mutants.into_iter().map(|mutant| (*model, Some(mutant.name))));
    }
    all
}

/// A session with the defaults.
pub fn session(model: &dyn AnyModel, mutant: Option<&str>) -> Box<dyn Session> {
    sized(model, &Map::new(), mutant)
}

/// A session with `params`, which are right.
pub fn sized(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
) -> Box<dyn Session> {
    let session = model.session(params, mutant);
    session.unwrap_or_else(|error| panic!("{}: {error}", called(model, mutant)))
}

/// All that a run is, to be compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// What was decided.
    pub steps: Vec<Step>,
    /// What came of it.
    pub digest: u64,
    /// Whether the promises were kept.
    pub verdict: Verdict,
    /// How many operations clients began.
    pub ops: usize,
    /// Figures worth telling.
    pub stats: Vec<(&'static str, u64)>,
    /// What happened that matters, counted.
    pub marks: Vec<(&'static str, u64)>,
    /// With nothing left open.
    pub params: Map<String, Value>,
}

/// The run that `plan` means in `session`.
pub fn play(session: &mut dyn Session, plan: &Plan<'_>) -> (Run, Outcome) {
    let outcome = session.play(plan);
    let run = Run {
        steps: session.steps().to_vec(),
        digest: outcome.digest,
        verdict: outcome.verdict.clone(),
        ops: outcome.ops,
        stats: session.figures(&outcome).stats,
        marks: outcome.marks.iter().collect(),
        params: session.params(),
    };
    (run, outcome)
}

/// The run of a seed that decides everything.
pub fn play_seed(session: &mut dyn Session, seed: u64) -> (Run, Outcome) {
    play(session, &Plan::Seed(Scenario::of(seed)))
}

/// A committed trace, read.
pub struct Recorded {
    /// The file's name without its ending.
    pub name: String,
    /// What it holds.
    pub trace: Trace,
    /// The model it is of.
    pub model: &'static dyn AnyModel,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// Where the shortest failures of the museum's bugs are.
pub const MUSEUM: &str = "traces/museum";

/// Every trace under `traces/` and in the museum, by name.
pub fn recorded() -> Vec<Recorded> {
    let mut all = recorded_in("traces");
    all.extend(recorded_in(MUSEUM));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// Every trace of a directory, by name.
pub fn recorded_in(directory: &str) -> Vec<Recorded> {
    let directory = repository().join(directory);
    let files = std::fs::read_dir(&directory).expect("the repository has traces");
    let paths = files.map(|file| file.expect("traces can be listed").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Recorded {
    let shown = path.display();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let trace = Trace::from_json(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let model = models::of_trace(&trace.model).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let steps = model.parse(&trace.steps);
    let steps = steps.unwrap_or_else(|(index, error)| panic!("{shown}: step {index}: {error}"));
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Recorded { name, trace, model, steps }
}

impl Recorded {
    /// The trace that its steps make today, and what came of them.
    pub fn again(&self) -> (Trace, Outcome) {
        let mut session = sized(self.model, &self.trace.params, self.trace.mutant.as_deref());
        assert!(session.begin_in(self.trace.start), "{}: it begins nowhere", self.name);
        let plan = Plan::Steps { steps: &self.steps, faults_max: self.trace.faults_max };
        let outcome = session.play(&plan);
        let (trace, _) = session.tell(&self.steps, self.steps.len(), &outcome);
        (trace, outcome)
    }

    /// What the same steps come to with another mutant, or with none.
    pub fn control(&self, mutant: Option<&str>) -> Outcome {
        let mut session = sized(self.model, &self.trace.params, mutant);
        assert!(session.begin_in(self.trace.start), "{}: it begins nowhere", self.name);
        session.play(&Plan::Steps { steps: &self.steps, faults_max: self.trace.faults_max })
    }
}

/// How many values a property is checked for, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 256;

/// Checks `property` for many values, the same ones on every machine.
pub fn always<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = Config {
        cases: asked.unwrap_or(CASES),
        rng_seed: RngSeed::Fixed(42),
        failure_persistence: None,
        ..Config::default()
    };
    if let Err(failure) = TestRunner::new(config).run(&strategy, property) {
        panic!("{failure}");
    }
}

/// Any model, sound or broken.
pub fn any_twin() -> impl Strategy<Value = (&'static str, Option<String>)> {
    let all = sound_and_broken().into_iter().map(|(model, mutant)| (model.card().name, mutant));
    let all: Vec<_> = all.map(Just).collect();
    proptest::strategy::Union::new(all)
}
