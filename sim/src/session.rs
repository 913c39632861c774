//! A model that is set up, and the memory of its last run: what plays schedules and tells them.
//!
//! Playing is the hot path of every campaign, so it writes down nothing but what the verdict needs;
//! telling plays the same steps once more and writes down what a person wants to read.

mod params;
mod watch;

use crate::chooser::{Chooser, Random, Replay, Then};
use crate::determinism::{Recording, Scribe};
use crate::explore::{
    Doubt, Enumerated, Explored, Limits, Look, NotAlone, NotLive, doubt, enumerate, explore,
    explore_alone, explore_on, live,
};
use crate::model::{Model, Params};
use crate::registry::{mutant_name, to_map};
use crate::rng::Rng;
use crate::run::{Bounds, Ended, Engine, Observer, Starts, engine};
use crate::scenario::Scenario;
use crate::step::Step;
pub use crate::teller::Scene;
use crate::teller::Teller;
use crate::trace::{self, Origin, Trace};
use crate::verdict::{name_of, verdict};
use crate::world::{Legible, Marks, World};
use checker::{ClientId, Property, Verdict, Workers, line};
use serde_json::{Map, Value};
use std::ops::Range;
use watch::{Noting, Watch};

/// Which schedule to play.
#[derive(Clone, Copy, Debug)]
pub enum Plan<'a> {
    /// The seed's.
    Seed(Scenario),
    /// These steps, then dull ones.
    Steps {
        /// What to play.
        steps: &'a [Step],
        /// How many faults may be spent.
        faults_max: u32,
    },
    /// These steps, then a uniform random walk with the faults that are left.
    Walk {
        /// What to play first.
        steps: &'a [Step],
        /// How many faults may be spent, those among `steps` included.
        faults_max: u32,
        /// What the walk is drawn from.
        seed: u64,
    },
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether the promises were kept.
    pub verdict: Verdict,
    /// Chained over every step's effect.
    pub digest: u64,
    /// How many steps of the schedule were not possible.
    pub skipped: usize,
    /// How many operations clients began.
    pub ops: usize,
    /// What happened that matters, counted.
    pub marks: Marks,
    /// Faults that could be spent.
    pub faults_max: u32,
}

/// The figures of a run, or of the part of it that was told.
#[derive(Clone, Default, Debug)]
pub struct Figures {
    /// How many operations clients began.
    pub ops: usize,
    /// What happened that matters, counted.
    pub marks: Marks,
    /// Figures worth telling.
    pub stats: Vec<(&'static str, u64)>,
}

/// A model, set up, with the memory of its last run.
pub trait Session {
    /// How many initial worlds there are.
    fn starts(&self) -> usize;
    /// The initial world that runs begin in: the first, unless another was chosen.
    fn start(&self) -> usize;
    /// Lets runs begin in another initial world. False: there is none of that number.
    #[must_use]
    fn begin_in(&mut self, start: usize) -> bool;
    /// Plays a schedule to the end of the run.
    fn play(&mut self, plan: &Plan<'_>) -> Outcome;
    /// Plays a seed and writes down all that came of it, to be compared.
    fn record(&mut self, scenario: Scenario) -> Recording;
    /// The steps that the last run took.
    fn steps(&self) -> &[Step];
    /// Plays the first `count` of `steps` and tells all of it. The verdict is `outcome`'s: what is
    /// told may be the part of a run that decided it.
    fn tell(&mut self, steps: &[Step], count: usize, outcome: &Outcome) -> (Trace, Vec<Scene>);
    /// The columns of the world before the first step of the last run.
    fn begins(&self) -> Vec<(&'static str, String)>;
    /// Tells moves that begin in initial world `start`, whatever they break.
    fn scenes(&self, start: usize, steps: &[Step]) -> Vec<Scene>;
    /// The figures of what was told last.
    fn told(&self) -> &Figures;
    /// The figures of the run that was made last and came to `outcome`. A campaign has no use for
    /// them.
    fn figures(&self, outcome: &Outcome) -> Figures;
    /// The parameters of the last run, with nothing left open.
    fn params(&self) -> Map<String, Value>;
    /// The parameters that were left to the seed, each with what it may draw.
    fn left_open(&self) -> Vec<(String, Vec<Value>)>;
    /// Searches every schedule within `limits`.
    fn explore(&mut self, limits: &Limits, watch: Look<'_>) -> Explored;
    /// [`explore`](Session::explore) by several workers.
    fn explore_on(&mut self, workers: &dyn Workers, limits: &Limits, watch: Look<'_>) -> Explored;
    /// The same in both orders of steps that commute: for whoever doubts that they do.
    fn explore_unspared(&mut self, limits: &Limits, watch: Look<'_>) -> Explored;
    /// Searches for a state in which `property` does not hold, past whatever else is broken.
    fn explore_alone(
        &mut self,
        limits: &Limits,
        property: &str,
        watch: Look<'_>,
    ) -> Result<Explored, NotAlone>;
    /// What can be looked for so, and whether it is promised.
    fn always(&self) -> Vec<(Property, bool)>;
    /// Tries both orders of all that is said to commute, on a random walk for each seed; how many
    /// pairs it tried.
    fn doubt(&mut self, faults_max: u32, seeds: Range<u64>) -> Result<u64, Doubt>;
    /// Looks for a fair run in which what must come does not. `unfair`: the fairness that is not
    /// counted on.
    fn live(
        &mut self,
        limits: &Limits,
        unfair: Option<&str>,
        watch: Look<'_>,
    ) -> Result<Explored, NotLive>;
    /// What it counts on for that, by name.
    fn fairness(&self) -> Vec<&'static str>;
    /// Plays every schedule with at most `faults_max` faults, `schedules_max` of them at most.
    fn enumerate(&mut self, faults_max: u32, schedules_max: u64) -> Enumerated;
    /// Whether the world can rename its parties, so that symmetry can be used.
    fn has_symmetry(&self) -> bool;
    /// Parameters under which a failure is easier to read, simplest first.
    fn simpler(&self) -> Vec<Map<String, Value>>;
    /// What a campaign must have seen for its pass to mean anything.
    fn sometimes(&self) -> Vec<&'static str>;
    /// A client's name: `w3`.
    fn name_of(&self, client: ClientId) -> String;
}

/// Opens a session.
pub(crate) fn open<M: Model>(params: M::Params, mutant: Option<M::Mutant>) -> Box<dyn Session> {
    let model = M::new(params.clone(), mutant);
    assert!(M::ASKS || model.clients() == 0, "clients need a world that can be asked something");
    let engine = engine::<M>();
    let origin = Origin::Steps;
    let told = Figures::default();
    let given = params.clone();
    Box::new(Running { given, params, mutant, model, engine, start: 0, origin, told })
}

struct Running<M: Model, S: Starts<M>> {
    /// As given: some may be open.
    given: M::Params,
    /// As drawn for the last run.
    params: M::Params,
    mutant: Option<M::Mutant>,
    model: M,
    engine: Engine<M, S>,
    start: usize,
    origin: Origin,
    told: Figures,
}

/// How many steps the fair schedule may need to drain what a chooser left.
const TAIL_MAX: usize = 20_000;

impl<M: Model, S: Starts<M>> Running<M, S> {
    fn world(&self) -> M::World {
        let mut worlds = self.model.worlds();
        assert!(self.start < worlds.len(), "a model begins somewhere");
        worlds.swap_remove(self.start)
    }

    /// Sets the model up as the scenario's seed says; how many faults it may spend.
    fn draw(&mut self, scenario: Scenario) -> u32 {
        self.params = self.given.clone();
        self.params.draw(&mut scenario.params());
        self.model = M::new(self.params.clone(), self.mutant);
        self.origin = Origin::Seed { seed: scenario.seed, chooser: scenario.kind() };
        scenario.faults()
    }

    /// Plays a run: `steps_max` steps are the chooser's, before only the fair schedule decides.
    fn run(&mut self, chooser: &mut impl Chooser, faults_max: u32, steps_max: usize) -> Outcome {
        let mut world = self.world();
        let bounds = self.bounds(faults_max, steps_max);
        let mut watch = Watch::of(&self.model, &world, steps_max);
        let ended = self.engine.run(&self.model, &mut world, chooser, bounds, &mut watch);
        self.outcome(&ended, &world, bounds)
    }

    /// The same for those to whom a call more for every step is nothing; and `also` looks on.
    fn run_seen(
        &mut self,
        chooser: &mut dyn Chooser,
        faults_max: u32,
        steps_max: usize,
        also: &mut dyn Observer<M, M::World>,
    ) -> Outcome {
        let mut world = self.world();
        let bounds = self.bounds(faults_max, steps_max);
        let mut watch = (also, Watch::of(&self.model, &world, steps_max));
        let ended = run_dyn(&mut self.engine, &self.model, &mut world, chooser, bounds, &mut watch);
        self.outcome(&ended, &world, bounds)
    }

    fn bounds(&self, faults_max: u32, steps_max: usize) -> Bounds {
        Bounds { faults_max, steps_max, tail_max: TAIL_MAX.max(self.model.steps_max()) }
    }

    /// What the engine's last run came to, which left `world` behind.
    fn outcome(&self, ended: &Ended, world: &M::World, bounds: Bounds) -> Outcome {
        let Bounds { faults_max, steps_max, .. } = bounds;
        let history = self.engine.history();
        let taken = self.engine.steps().len();
        let steps = if *ended == Ended::Livelock { taken.min(steps_max) } else { taken };
        let verdict = verdict(&self.model, ended, world, history.operations(), steps);
        let (marks, ops) = (self.counted(world), history.operations().len());
        Outcome { verdict, digest: self.engine.digest(), skipped: 0, ops, marks, faults_max }
    }

    /// What happened that matters in the engine's last run, which left `world` behind.
    fn counted(&self, world: &M::World) -> Marks {
        let mut marks = Marks::with_room();
        self.engine.each_mark(world, |name, count| marks.add(name, count));
        marks
    }

    /// The figures of the engine's last run.
    fn figures_of(&self, marks: Marks) -> Figures {
        let history = self.engine.history();
        let stats = self.model.stats(history.operations(), &marks);
        Figures { ops: history.operations().len(), marks, stats }
    }
}

/// The engine's loop, made once for a model, whoever chooses and whoever looks on.
#[inline(never)]
fn run_dyn<M: Model, S: Starts<M>>(
    engine: &mut Engine<M, S>,
    model: &M,
    world: &mut M::World,
    chooser: &mut dyn Chooser,
    bounds: Bounds,
    mut observer: &mut dyn Observer<M, M::World>,
) -> Ended {
    engine.run(model, world, chooser, bounds, &mut observer)
}

impl<M: Model, S: Starts<M>> Session for Running<M, S> {
    fn starts(&self) -> usize {
        self.model.worlds().len()
    }

    fn start(&self) -> usize {
        self.start
    }

    fn begin_in(&mut self, start: usize) -> bool {
        let exists = start < self.starts();
        if exists {
            self.start = start;
        }
        exists
    }

    fn play(&mut self, plan: &Plan<'_>) -> Outcome {
        match *plan {
            Plan::Seed(scenario) => {
                let faults_max = self.draw(scenario);
                let steps_max = self.model.steps_max();
                self.run(&mut scenario.chooser(), faults_max, steps_max)
            }
            Plan::Steps { steps, faults_max } => {
                self.origin = Origin::Steps;
                let mut replay = Replay::new(steps);
                let outcome = self.run_seen(&mut replay, faults_max, steps.len(), &mut ());
                Outcome { skipped: replay.skipped(), ..outcome }
            }
            Plan::Walk { steps, faults_max, seed } => {
                self.origin = Origin::Steps;
                let mut chooser = Then::new(Replay::new(steps), Random::new(Rng::new(seed)));
                let steps_max = self.model.steps_max().max(steps.len());
                let outcome = self.run_seen(&mut chooser, faults_max, steps_max, &mut ());
                Outcome { skipped: chooser.skipped(), ..outcome }
            }
        }
    }

    fn record(&mut self, scenario: Scenario) -> Recording {
        let faults_max = self.draw(scenario);
        let model = self.model.clone();
        let mut scribe = Scribe::new(&model);
        let steps_max = model.steps_max();
        let outcome = self.run_seen(&mut scenario.chooser(), faults_max, steps_max, &mut scribe);
        let history = self.engine.history();
        scribe.recording(&outcome, history.operations(), &self.params(), &|id| self.name_of(id))
    }

    fn steps(&self) -> &[Step] {
        self.engine.steps()
    }

    fn tell(&mut self, steps: &[Step], count: usize, outcome: &Outcome) -> (Trace, Vec<Scene>) {
        let bounds = Bounds { faults_max: outcome.faults_max, steps_max: count, tail_max: 0 };
        let mut world = self.world();
        world.listen();
        let mut chooser = Noting { chooser: Replay::new(steps), dull: Vec::new() };
        let mut teller = Teller::new(&self.model);
        run_dyn(&mut self.engine, &self.model, &mut world, &mut chooser, bounds, &mut teller);
        let mut scenes = teller.scenes;
        for (scene, dull) in scenes.iter_mut().zip(chooser.dull) {
            scene.dull = dull;
        }
        let history = self.engine.history();
        let trace = Trace {
            model: M::NAME.to_owned(),
            mutant: self.mutant.map(|it| mutant_name(&it)),
            params: self.params(),
            model_version: M::VERSION,
            start: self.start,
            origin: self.origin,
            faults_max: outcome.faults_max,
            verdict: outcome.verdict.clone(),
            digest: self.engine.digest(),
            steps: scenes
                .iter()
                .map(|scene| {
                    trace::line_of(scene, &|id| self.name_of(id), <M::World as Legible>::SAID)
                })
                .collect(),
            history: history.operations().iter().map(line::to_value).collect(),
        };
        drop(history);
        self.told = self.figures_of(self.counted(&world));
        (trace, scenes)
    }

    fn begins(&self) -> Vec<(&'static str, String)> {
        self.world().columns()
    }

    fn told(&self) -> &Figures {
        &self.told
    }

    fn figures(&self, outcome: &Outcome) -> Figures {
        self.figures_of(outcome.marks.clone())
    }

    fn explore(&mut self, limits: &Limits, watch: Look<'_>) -> Explored {
        explore(&self.model, &mut self.engine, limits, true, watch)
    }

    fn explore_unspared(&mut self, limits: &Limits, watch: Look<'_>) -> Explored {
        explore(&self.model, &mut self.engine, limits, false, watch)
    }

    fn explore_alone(
        &mut self,
        limits: &Limits,
        property: &str,
        watch: Look<'_>,
    ) -> Result<Explored, NotAlone> {
        explore_alone(&self.model, limits, property, watch)
    }

    fn always(&self) -> Vec<(Property, bool)> {
        self.model.always().into_iter().map(|it| (it.property, it.promised)).collect()
    }

    fn doubt(&mut self, faults_max: u32, seeds: Range<u64>) -> Result<u64, Doubt> {
        doubt(&self.model, &mut self.engine, faults_max, seeds)
    }

    fn explore_on(&mut self, workers: &dyn Workers, limits: &Limits, watch: Look<'_>) -> Explored {
        explore_on(workers, &self.model, &mut self.engine, limits, watch)
    }

    fn live(
        &mut self,
        limits: &Limits,
        unfair: Option<&str>,
        watch: Look<'_>,
    ) -> Result<Explored, NotLive> {
        live(&self.model, limits, unfair, watch)
    }

    fn fairness(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.model.fairness().iter().map(|it| it.name).collect();
        names.dedup();
        names
    }

    fn scenes(&self, start: usize, steps: &[Step]) -> Vec<Scene> {
        let mut world = self.model.worlds().swap_remove(start);
        let mut teller = Teller::new(&self.model);
        world.listen();
        for step in steps {
            let Step::World(chosen) = *step else { unreachable!("a move, not {step:?}") };
            world.advance(chosen);
            teller.stepped(*step, &world).expect("a teller stops nobody");
        }
        teller.scenes
    }

    fn enumerate(&mut self, faults_max: u32, schedules_max: u64) -> Enumerated {
        enumerate(&self.model, &mut self.engine, faults_max, schedules_max)
    }

    fn has_symmetry(&self) -> bool {
        self.model.worlds().first().is_some_and(|world| world.parties() > 0)
    }

    fn params(&self) -> Map<String, Value> {
        to_map(&self.params)
    }

    fn left_open(&self) -> Vec<(String, Vec<Value>)> {
        params::left_open(&to_map(&self.given), &|rng| {
            let mut params = self.given.clone();
            params.draw(rng);
            to_map(&params)
        })
    }

    fn simpler(&self) -> Vec<Map<String, Value>> {
        let now = self.params();
        let mut simpler = params::smaller(&now, M::Params::SIZES);
        simpler.extend(self.params.simpler().iter().map(to_map).filter(|params| *params != now));
        simpler
    }

    fn sometimes(&self) -> Vec<&'static str> {
        self.model.sometimes()
    }

    fn name_of(&self, client: ClientId) -> String {
        name_of(&self.model, client)
    }
}
