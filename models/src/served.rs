//! Models whose world is the services: the ones that real services can confirm.
//!
//! The seam is two small traits, so that the crate with the real clients knows no model and no
//! model knows a socket: [`Backend`] is driven one step at a time, [`Remote`] at full speed.

use crate::worlds::gate::{Backend, Gate, Parted};
use crate::worlds::{Call, Reply, Services};
use checker::{ClientId, Verdict, Violation, line};
use serde_json::{Map, Value};
use sim::chooser::Replay;
use sim::host::{Hosted, Port};
use sim::io::Lost;
use sim::model::{CallOf, Model, ReplyOf};
use sim::registry::{Registered, SetupError, set_up};
use sim::run::{Bounds, Ended, Observer, Stop, engine};
use sim::step::{CallId, Step};
use sim::verdict::judge_history;
use sim::world::{Legible, Marks};
use std::pin::Pin;
use std::rc::Rc;

/// Services that answer as fast as they can.
pub trait Remote {
    /// Sends a call of `from`; silence is an answer too.
    fn call(&self, from: ClientId, call: Call) -> Reached<'_>;

    /// Nanoseconds since the run began, by the one clock that its history has.
    fn now_ns(&self) -> u64;
}

/// A call on its way to a real service.
pub type Reached<'a> = Pin<Box<dyn Future<Output = Result<Reply, Lost>> + 'a>>;

/// When clients at full speed begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// All at once.
    Together,
    /// Each when the one before is done.
    InTurn,
}

/// What came of a trace on real services.
#[derive(Debug)]
pub struct Replayed {
    /// Why it ended early, if it did.
    pub parted: Option<Parted>,
    /// The step it ended at, counted from 1, with what it was.
    pub at: Option<(usize, String)>,
    /// What the model's spec says of the history on the real services.
    pub verdict: Verdict,
    /// How many steps were taken.
    pub steps: usize,
    /// How many steps of the trace were not possible.
    pub skipped: usize,
    /// How many answers were compared.
    pub compared: u64,
    /// How many calls waited in both.
    pub waits: u64,
    /// The figures.
    pub stats: Vec<(&'static str, u64)>,
    /// The recorded history.
    pub history: Vec<Value>,
}

/// What came of a run at full speed.
#[derive(Debug)]
pub struct Spoken {
    /// What the model's spec says of the history.
    pub verdict: Verdict,
    /// How many operations clients began.
    pub ops: usize,
    /// The figures.
    pub stats: Vec<(&'static str, u64)>,
    /// What the clients counted.
    pub marks: Marks,
    /// The recorded history.
    pub history: Vec<Value>,
}

/// A model that real services can confirm.
pub trait Served: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Whether the mutant breaks the services and not their clients, or they are limited: no real
    /// server can be told to be like that.
    fn breaks_services(&self, setup: &Setup<'_>) -> Result<bool, SetupError>;

    /// How many Redis servers it wants that know nothing of each other; 0: the one there is.
    fn redis_nodes(&self, setup: &Setup<'_>) -> Result<usize, SetupError>;

    /// Plays the first `count` of a trace's steps, the real services held to the simulated ones.
    fn replay_on(
        &self,
        setup: &Setup<'_>,
        steps: &[Step],
        count: usize,
        backend: &mut dyn Backend,
    ) -> Result<Replayed, SetupError>;

    /// Runs the clients against `remote`, on the runtime that polls the future.
    fn speak_on(
        &self,
        setup: &Setup<'_>,
        remote: Rc<dyn Remote>,
        pace: Pace,
    ) -> Result<Pin<Box<dyn Future<Output = Spoken>>>, SetupError>;
}

/// How a model is to be set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Its parameters.
    pub params: &'a Map<String, Value>,
    /// How it is broken, if it is.
    pub mutant: Option<&'a str>,
}

impl<M: Model<World = Services>> Served for Registered<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn breaks_services(&self, setup: &Setup<'_>) -> Result<bool, SetupError> {
        let broken = set_up::<M>(setup.params, setup.mutant)?.worlds();
        let limited = broken.iter().any(|it| it.objects.is_limited());
        Ok(limited || broken != set_up::<M>(setup.params, None)?.worlds())
    }

    fn redis_nodes(&self, setup: &Setup<'_>) -> Result<usize, SetupError> {
        let worlds = set_up::<M>(setup.params, setup.mutant)?.worlds();
        Ok(worlds.iter().map(|it| it.nodes.len()).max().unwrap_or(0))
    }

    fn replay_on(
        &self,
        setup: &Setup<'_>,
        steps: &[Step],
        count: usize,
        backend: &mut dyn Backend,
    ) -> Result<Replayed, SetupError> {
        let model = set_up::<M>(setup.params, setup.mutant)?;
        let world = model.worlds().swap_remove(0);
        let mut gate = Gate::new(world, backend);
        let mut chooser = Replay::new(steps);
        let faults_max = steps.iter().filter(|step| step.is_fault()).count() as u32;
        let bounds = Bounds { faults_max, steps_max: count, tail_max: 0 };
        let mut engine = engine::<M>();
        let mut watch = Watch { model: &model, last: None };
        let ended = engine.run(&model, &mut gate, &mut chooser, bounds, &mut watch);
        let taken = engine.steps().len();
        let history = engine.history();
        let marks = gate.simulated().marks().cloned().unwrap_or_default();
        let stats = model.stats(history.operations(), &marks);
        let names = |client| model.role(client);
        let names =
            sim::step::Names { role: &names, moves: <Services as sim::world::World>::MOVES };
        let last = engine.steps().last().map(|step| step.text(&names)).unwrap_or_default();
        Ok(Replayed {
            at: gate.parted.is_some().then(|| {
                (taken, watch.last.take().map_or(last.clone(), |note| format!("{last} | {note}")))
            }),
            verdict: match ended {
                // The real services have been held to the simulated ones: what the model's promises
                // say of these is true of those.
                Ended::Broken(violation) => {
                    let at = Some(2 * taken as u64);
                    Verdict::Fail(Violation { at, ..violation })
                }
                _ => judge_history(&model, history.operations()),
            },
            parted: gate.parted,
            steps: taken,
            skipped: chooser.skipped(),
            compared: gate.compared,
            waits: gate.waits,
            stats,
            history: history.operations().iter().map(line::to_value).collect(),
        })
    }

    fn speak_on(
        &self,
        setup: &Setup<'_>,
        remote: Rc<dyn Remote>,
        pace: Pace,
    ) -> Result<Pin<Box<dyn Future<Output = Spoken>>>, SetupError> {
        let model = set_up::<M>(setup.params, setup.mutant)?;
        Ok(Box::pin(speak(model, remote, pace)))
    }
}

async fn speak<M: Model<World = Services>>(model: M, remote: Rc<dyn Remote>, pace: Pace) -> Spoken {
    let clock = Rc::clone(&remote);
    let hosted = Hosted::<M>::by_clock(move || clock.now_ns());
    let ports: Vec<Line> = (0..model.clients())
        .map(|it| Line { me: ClientId(it), remote: Rc::clone(&remote) })
        .collect();
    let clients = ports.iter().map(|port| hosted.run(&model, port.me, port));
    match pace {
        Pace::Together => sim::host::all(clients).await,
        Pace::InTurn => {
            for client in clients {
                client.await;
            }
        }
    }
    let history = hosted.history();
    let marks = hosted.marks();
    Spoken {
        verdict: judge_history(&model, history.operations()),
        ops: history.operations().len(),
        stats: model.stats(history.operations(), &marks),
        marks,
        history: history.operations().iter().map(line::to_value).collect(),
    }
}

/// One client's line to the services.
struct Line {
    me: ClientId,
    remote: Rc<dyn Remote>,
}

impl<M: Model<World = Services>> Port<M> for Line {
    async fn call(&self, call: CallOf<M>) -> Result<ReplyOf<M>, Lost> {
        self.remote.call(self.me, call).await
    }
}

/// Ends the run when the two sides part, and remembers the last call.
struct Watch<'a, M> {
    model: &'a M,
    last: Option<String>,
}

impl<M: Model<World = Services>> Observer<M, Gate<'_>> for Watch<'_, M> {
    fn told(&mut self, _from: CallId, call: &Call, reply: Option<&Reply>) {
        let answer = reply.map_or("waits".to_owned(), |reply| Services::answer(call, reply));
        self.last = Some(format!("{}: {answer}", Services::ask(call)));
    }

    fn stepped(&mut self, _step: Step, gate: &Gate<'_>) -> Result<(), Stop> {
        if gate.parted.is_some() {
            return Err(Stop::Enough);
        }
        Ok(self.model.invariant(None, gate.simulated())?)
    }
}
