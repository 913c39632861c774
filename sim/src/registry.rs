//! Models as data: the one place where their types are erased, for everything that means all of
//! them (the command, tests, fuzzing, pages).

use crate::chooser::{Chooser, Replay};
use crate::model::{CallOf, Model, Mutation, Params, ReplyOf};
use crate::run::{Bounds, Ended, Engine, Observer, Starts, engine};
use crate::scenario::Scenario;
use crate::step::{CallId, Names, Step, StepError};
use crate::trace::{self, Origin, Trace};
use crate::world::{Legible, Marks, World};
use checker::{Budget, ClientId, Property, Verdict, Violation, judge, line};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// What `checker list` says of a model.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its version.
    pub version: u32,
    /// Its parameters with their defaults.
    pub params: Map<String, Value>,
    /// The ways it can be broken on purpose.
    pub mutants: Vec<MutantCard>,
    /// Mutants that must survive, with the reason.
    pub equivalent: Vec<(String, &'static str)>,
    /// The mutant that is the model without its guard.
    pub guard: Option<String>,
}

/// What `checker list` says of a mutant.
#[derive(Clone, Debug)]
pub struct MutantCard {
    /// Its name.
    pub name: String,
    /// The promise it breaks.
    pub breaks: Property,
    /// How.
    pub how: &'static str,
    /// What it fixes, as `name=value`.
    pub params: &'static [(&'static str, &'static str)],
}

/// Why a model cannot be set up as asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetupError {
    /// No model has that name.
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The model has no such parameter.
    UnknownParam {
        /// The model.
        model: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A parameter's value is not of its kind, or out of range.
    BadParam {
        /// The model.
        model: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The model has no such mutant.
    UnknownMutant {
        /// The model.
        model: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel { name, known } => {
                write!(f, "no model is called '{name}'; there are: {known}")
            }
            Self::UnknownParam { model, name, known } => {
                write!(f, "{model} has no parameter '{name}'; there are: {known}")
            }
            Self::BadParam { model, why } => write!(f, "{model}: {why}"),
            Self::UnknownMutant { model, name, known } => {
                write!(f, "{model} has no mutant '{name}'; there are: {known}")
            }
        }
    }
}

impl std::error::Error for SetupError {}

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
    /// Figures worth telling.
    pub stats: Vec<(&'static str, u64)>,
    /// Faults that could be spent.
    pub faults_max: u32,
}

/// One step as a person reads it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The step.
    pub step: Step,
    /// As the trace writes it.
    pub text: String,
    /// Whether a fair schedule would have taken it anyway.
    pub dull: bool,
    /// What took effect, whose it was, and what was answered.
    pub effects: Vec<(CallId, String)>,
    /// The world after it.
    pub columns: Vec<(&'static str, String)>,
    /// What happened that matters.
    pub marks: Vec<&'static str>,
}

/// A model, set up, with the memory of its last run.
pub trait Session {
    /// Plays a schedule to the end of the run.
    fn play(&mut self, plan: &Plan<'_>) -> Outcome;
    /// The steps that the last run took.
    fn steps(&self) -> &[Step];
    /// Plays the first `count` of `steps` and tells all of it. The verdict is `outcome`'s: what is
    /// told may be the part of a run that decided it.
    fn tell(&mut self, steps: &[Step], count: usize, outcome: &Outcome) -> (Trace, Vec<Scene>);
    /// The parameters of the last run, with nothing left open.
    fn params(&self) -> Map<String, Value>;
    /// Parameters under which a failure is easier to read, simplest first.
    fn simpler(&self) -> Vec<Map<String, Value>>;
    /// What a campaign must have seen for its pass to mean anything.
    fn sometimes(&self) -> Vec<&'static str>;
    /// A client's name: `w3`.
    fn name_of(&self, client: ClientId) -> String;
}

/// A model whose type is forgotten.
pub trait AnyModel: Sync {
    /// What it is called and can be.
    fn card(&self) -> Card;
    /// Sets it up: `params` override the defaults, and a mutant's own.
    fn session(
        &self,
        params: &Map<String, Value>,
        mutant: Option<&str>,
    ) -> Result<Box<dyn Session>, SetupError>;
    /// Reads a trace's steps; the index of the line that is none.
    fn parse(&self, steps: &[String]) -> Result<Vec<Step>, (usize, StepError)>;
}

/// A model on the list.
pub struct Registered<M>(PhantomData<fn() -> M>);

impl<M: Model> Registered<M> {
    /// Lists it.
    #[allow(clippy::new_without_default, reason = "used in a constant")]
    pub const fn new() -> Self {
        Registered(PhantomData)
    }
}

/// `NoCas` as people type it: `no_cas`.
pub fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

fn mutant_name<T: fmt::Debug>(mutant: &T) -> String {
    snake_case(&format!("{mutant:?}"))
}

fn find_mutation<M: Model>(name: &str) -> Result<&'static Mutation<M::Mutant>, SetupError> {
    M::MUTANTS.iter().find(|it| mutant_name(&it.mutant) == name).ok_or_else(|| {
        let known = M::MUTANTS.iter().map(|it| mutant_name(&it.mutant)).collect::<Vec<_>>();
        SetupError::UnknownMutant { model: M::NAME, name: name.to_owned(), known: known.join(", ") }
    })
}

/// The defaults as JSON.
fn defaults<M: Model>() -> Map<String, Value> {
    to_map(&M::Params::default())
}

fn to_map(params: &impl Params) -> Map<String, Value> {
    match serde_json::to_value(params) {
        Ok(Value::Object(map)) => map,
        other => unreachable!("parameters are one flat object, not {other:?}"),
    }
}

/// Reads a parameter's text as the kind of value its default is.
pub fn read_param(default: &Value, text: &str) -> Result<Value, String> {
    match default {
        Value::Number(_) => text
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| format!("a whole number, not '{text}'")),
        Value::Bool(_) => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| format!("true or false, not '{text}'")),
        _ => Ok(Value::from(text)),
    }
}

/// A model, sized by `params` over its defaults and its mutant's own.
pub fn set_up<M: Model>(
    params: &Map<String, Value>,
    mutant: Option<&str>,
) -> Result<M, SetupError> {
    let mutation = mutant.map(find_mutation::<M>).transpose()?;
    let params = read_params::<M>(params, mutation.map_or(&[], |it| it.params))?;
    Ok(M::new(params, mutation.map(|it| it.mutant)))
}

fn read_params<M: Model>(
    params: &Map<String, Value>,
    fixed: &[(&str, &str)],
) -> Result<M::Params, SetupError> {
    let bad = |why: String| SetupError::BadParam { model: M::NAME, why };
    let mut all = defaults::<M>();
    for (name, text) in fixed {
        let value = read_param(&all[*name], text)
            .map_err(|wanted| bad(format!("{name} takes {wanted}")))?;
        all[*name] = value;
    }
    for (name, value) in params {
        let Some(slot) = all.get_mut(name) else {
            let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(SetupError::UnknownParam { model: M::NAME, name: name.clone(), known });
        };
        *slot = match value {
            Value::String(text) => {
                read_param(slot, text).map_err(|wanted| bad(format!("{name} takes {wanted}")))?
            }
            other => other.clone(),
        };
        // One at a time, so that the message names the parameter that is wrong.
        serde_json::from_value::<M::Params>(Value::Object(all.clone()))
            .map_err(|error| bad(format!("{name}={value}: {error}")))?;
    }
    let params: M::Params =
        serde_json::from_value(Value::Object(all)).map_err(|error| bad(error.to_string()))?;
    params.check().map_err(bad)?;
    Ok(params)
}

impl<M: Model> AnyModel for Registered<M> {
    fn card(&self) -> Card {
        Card {
            name: M::NAME,
            about: M::ABOUT,
            version: M::VERSION,
            params: defaults::<M>(),
            mutants: (M::MUTANTS.iter())
                .map(|it| MutantCard {
                    name: mutant_name(&it.mutant),
                    breaks: it.breaks.clone(),
                    how: it.how,
                    params: it.params,
                })
                .collect(),
            equivalent: M::EQUIVALENT.iter().map(|(it, why)| (mutant_name(it), *why)).collect(),
            guard: M::GUARD.map(|it| mutant_name(&it)),
        }
    }

    fn session(
        &self,
        params: &Map<String, Value>,
        mutant: Option<&str>,
    ) -> Result<Box<dyn Session>, SetupError> {
        let mutation = mutant.map(find_mutation::<M>).transpose()?;
        let params = read_params::<M>(params, mutation.map_or(&[], |it| it.params))?;
        let mutant = mutation.map(|it| it.mutant);
        let model = M::new(params.clone(), mutant);
        Ok(Box::new(Running {
            given: params.clone(),
            params,
            mutant,
            model,
            engine: engine::<M>(),
            origin: Origin::Steps,
        }))
    }

    fn parse(&self, steps: &[String]) -> Result<Vec<Step>, (usize, StepError)> {
        let moves = <M::World as World>::MOVES;
        let parse = |(index, line): (usize, &String)| {
            Step::parse(line, moves).map_err(|error| (index, error))
        };
        steps.iter().enumerate().map(parse).collect()
    }
}

struct Running<M: Model, S: Starts<M>> {
    /// As given: some may be open.
    given: M::Params,
    /// As drawn for the last run.
    params: M::Params,
    mutant: Option<M::Mutant>,
    model: M,
    engine: Engine<M, S>,
    origin: Origin,
}

/// How many steps the fair schedule may need to drain what a chooser left.
const TAIL_MAX: usize = 20_000;

impl<M: Model, S: Starts<M>> Running<M, S> {
    fn world(&self) -> M::World {
        let mut worlds = self.model.worlds();
        assert!(!worlds.is_empty(), "a model begins somewhere");
        worlds.swap_remove(0)
    }

    fn run(&mut self, chooser: &mut impl Chooser, faults_max: u32) -> Outcome {
        let steps_max = self.model.steps_max();
        let bounds = Bounds { faults_max, steps_max, tail_max: TAIL_MAX.max(steps_max) };
        let mut world = self.world();
        let mut watch = Watch { model: &self.model, before: M::COMPARES.then(|| world.clone()) };
        let ended = self.engine.run(&self.model, &mut world, chooser, bounds, &mut watch);
        let history = self.engine.history();
        let verdict =
            verdict(&self.model, &ended, &world, history.operations(), self.engine.steps().len());
        let mut marks = self.engine.marks().clone();
        for (name, count) in world.marks().into_iter().flat_map(Marks::iter) {
            marks.add(name, count);
        }
        count_steps(&mut marks, self.engine.steps(), <M::World as World>::MOVES);
        Outcome {
            verdict,
            digest: self.engine.digest(),
            skipped: 0,
            ops: history.operations().len(),
            stats: self.model.stats(history.operations(), &marks),
            marks,
            faults_max,
        }
    }
}

/// What a run's end and its history say together. The history comes first: a schedule that forked
/// and then got stuck is told as a fork.
fn verdict<M: Model>(
    model: &M,
    ended: &Ended,
    world: &M::World,
    history: &crate::model::Seen<M>,
    steps: usize,
) -> Verdict {
    let at_end = |violation: Violation| {
        let at = violation.at.or(Some(2 * steps as u64));
        Verdict::Fail(Violation { at, ..violation })
    };
    if let Ended::Broken(violation) = ended {
        return at_end(violation.clone());
    }
    let judged = judge_history(model, history);
    if judged != Verdict::Pass {
        return judged;
    }
    match ended {
        Ended::Done => model.settled(world).map_or_else(at_end, |()| Verdict::Pass),
        Ended::Stuck { waiting } => {
            let who = waiting.iter().map(|it| name_of(model, *it)).collect::<Vec<_>>();
            let why = format!("nobody can go on: {} wait for ever", who.join(", "));
            at_end(Violation::new(Property::PROGRESS, why))
        }
        Ended::Livelock => {
            let why = format!(
                "after {steps} steps, the last of them fair and without a fault, it had not come to an end"
            );
            Verdict::Fail(Violation::new(Property::PROGRESS, why))
        }
        Ended::Broken(_) => unreachable!("told above"),
    }
}

/// Holds a history to the model's spec, and says what is wrong with the model's own names.
pub fn judge_history<M: Model>(model: &M, history: &crate::model::Seen<M>) -> Verdict {
    match judge(&model.spec(), history, &Budget::default()) {
        Verdict::Fail(it) => {
            let why = rename(&it.why, &|client| name_of(model, client));
            Verdict::Fail(Violation { why, ..it })
        }
        other => other,
    }
}

/// `w3`
fn name_of<M: Model>(model: &M, client: ClientId) -> String {
    format!("{}{}", model.role(client), client.0)
}

/// The checker knows clients by number only; a person knows `c3` as the writer `w3`.
fn rename(why: &str, name: &dyn Fn(ClientId) -> String) -> String {
    let word = |word: &str| {
        let end = word[1..].find(|it: char| !it.is_ascii_digit()).map_or(word.len(), |it| it + 1);
        let client = word[1..end].parse().ok().map(ClientId)?;
        Some(format!("{}{}", name(client), &word[end..]))
    };
    let words = why.split(' ').map(|it| match it.starts_with('c') {
        true => word(it).unwrap_or_else(|| it.to_owned()),
        false => it.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn count_steps(marks: &mut Marks, steps: &[Step], moves: &'static [&'static str]) {
    let mut kinds = [0u64; 256];
    let (mut lose, mut late, mut crash, mut restart) = (0, 0, 0, 0);
    for step in steps {
        match step {
            Step::World(chosen) => kinds[usize::from(chosen.kind)] += 1,
            Step::Lose(_) => lose += 1,
            Step::Late(_) => late += 1,
            Step::Crash(_) => crash += 1,
            Step::Restart(_) => restart += 1,
            Step::Apply(_) | Step::Reply(_) => {}
        }
    }
    let named =
        [("lost replies", lose), ("late effects", late), ("crashes", crash), ("restarts", restart)];
    for (name, count) in named.into_iter().chain(moves.iter().copied().zip(kinds)) {
        if count > 0 {
            marks.add(name, count);
        }
    }
}

/// Holds every step to the model's invariant.
struct Watch<'a, M: Model> {
    model: &'a M,
    before: Option<M::World>,
}

impl<M: Model> Observer<M, M::World> for Watch<'_, M> {
    fn stepped(&mut self, _step: Step, world: &M::World) -> Result<(), Violation> {
        let result = self.model.invariant(self.before.as_ref(), world);
        if let Some(before) = &mut self.before {
            before.clone_from(world);
        }
        result
    }
}

/// Writes down what a person wants to read.
struct Teller<'a, M: Model> {
    model: &'a M,
    effects: Vec<(CallId, String)>,
    scenes: Vec<Scene>,
    marks: Marks,
}

impl<M: Model> Observer<M, M::World> for Teller<'_, M> {
    fn told(&mut self, from: CallId, call: &CallOf<M>, reply: Option<&ReplyOf<M>>) {
        let answer = reply.map_or("waits".to_owned(), |reply| M::World::answer(call, reply));
        self.effects.push((from, format!("{}: {answer}", M::World::ask(call))));
    }

    fn lost(&mut self, from: CallId, call: &CallOf<M>) {
        self.effects.push((from, format!("{}: ?", M::World::ask(call))));
    }

    fn stepped(&mut self, step: Step, world: &M::World) -> Result<(), Violation> {
        let role = |client| self.model.role(client);
        let names = Names { role: &role, moves: <M::World as World>::MOVES };
        let mut hit = Vec::new();
        for (name, count) in world.marks().into_iter().flat_map(Marks::iter) {
            let new = count - self.marks.count(name);
            self.marks.add(name, new);
            hit.extend((0..new).map(|_| name));
        }
        self.scenes.push(Scene {
            step,
            text: step.text(&names),
            dull: false,
            effects: std::mem::take(&mut self.effects),
            columns: world.columns(),
            marks: hit,
        });
        Ok(())
    }
}

/// Notes which choices were the dull ones.
struct Noting<C> {
    chooser: C,
    dull: Vec<bool>,
}

impl<C: Chooser> Chooser for Noting<C> {
    fn choose(&mut self, menu: &[Step]) -> usize {
        let index = self.chooser.choose(menu);
        self.dull.push(index == 0);
        index
    }
}

impl<M: Model, S: Starts<M>> Session for Running<M, S> {
    fn play(&mut self, plan: &Plan<'_>) -> Outcome {
        match *plan {
            Plan::Seed(scenario) => {
                self.params = self.given.clone();
                self.params.draw(&mut scenario.params());
                self.model = M::new(self.params.clone(), self.mutant);
                let faults_max = scenario.faults();
                self.origin = Origin::Seed { seed: scenario.seed, chooser: scenario.kind() };
                self.run(&mut scenario.chooser(), faults_max)
            }
            Plan::Steps { steps, faults_max } => {
                self.origin = Origin::Steps;
                let mut replay = Replay::new(steps);
                let outcome = self.run(&mut replay, faults_max);
                Outcome { skipped: replay.skipped(), ..outcome }
            }
        }
    }

    fn steps(&self) -> &[Step] {
        self.engine.steps()
    }

    fn tell(&mut self, steps: &[Step], count: usize, outcome: &Outcome) -> (Trace, Vec<Scene>) {
        let bounds = Bounds { faults_max: outcome.faults_max, steps_max: count, tail_max: 0 };
        let mut world = self.world();
        let mut chooser = Noting { chooser: Replay::new(steps), dull: Vec::new() };
        let mut teller = Teller {
            model: &self.model,
            effects: Vec::new(),
            scenes: Vec::new(),
            marks: Marks::default(),
        };
        self.engine.run(&self.model, &mut world, &mut chooser, bounds, &mut teller);
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
            origin: self.origin,
            faults_max: outcome.faults_max,
            verdict: outcome.verdict.clone(),
            digest: self.engine.digest(),
            steps: scenes
                .iter()
                .map(|scene| trace::line_of(scene, &|id| self.name_of(id)))
                .collect(),
            history: history.operations().iter().map(line::to_value).collect(),
        };
        (trace, scenes)
    }

    fn params(&self) -> Map<String, Value> {
        to_map(&self.params)
    }

    fn simpler(&self) -> Vec<Map<String, Value>> {
        let now = self.params();
        let mut simpler = Vec::new();
        for name in M::Params::SIZES {
            let value = now[*name].as_u64().unwrap_or(0);
            for smaller in (1..value).take(8) {
                let mut params = now.clone();
                params[*name] = Value::from(smaller);
                simpler.push(params);
            }
        }
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
