//! A run made into scenes: what a person reads of each step.
//!
//! Words are made while the run is made, because the calls and the answers are gone after it; so
//! telling is an observer of its own, and playing does without it.

use crate::model::{CallOf, Model, ReplyOf};
use crate::run::{Observer, Stop};
use crate::step::{CallId, Names, Step};
use crate::world::{Hit, Hold, Legible, World};
use checker::ClientId;

/// One step as a person reads it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The step.
    pub step: Step,
    /// Whose it is: a client's, or a move's that is one party's doing.
    pub who: Option<ClientId>,
    /// As the trace writes it.
    pub text: String,
    /// Whether a fair schedule would have taken it anyway.
    pub dull: bool,
    /// What took effect, whose it was, and what was answered.
    pub effects: Vec<(CallId, String)>,
    /// The world after it.
    pub columns: Vec<(&'static str, String)>,
    /// Who holds what after it.
    pub holds: Vec<Hold>,
    /// What happened that matters, and to whom.
    pub marks: Vec<Hit>,
}

/// Writes down what a person wants to read.
pub(crate) struct Teller<'a, M: Model> {
    model: &'a M,
    effects: Vec<(CallId, String)>,
    pub(crate) scenes: Vec<Scene>,
    /// How many of the world's hits are in a scene.
    hits: usize,
}

impl<'a, M: Model> Teller<'a, M> {
    pub(crate) fn new(model: &'a M) -> Self {
        Teller { model, effects: Vec::new(), scenes: Vec::new(), hits: 0 }
    }
}

impl<M: Model> Observer<M, M::World> for Teller<'_, M> {
    fn told(&mut self, from: CallId, call: &CallOf<M>, reply: Option<&ReplyOf<M>>) {
        let answer = reply.map_or("waits".to_owned(), |reply| M::World::answer(call, reply));
        self.effects.push((from, format!("{}: {answer}", M::World::ask(call))));
    }

    fn lost(&mut self, from: CallId, call: &CallOf<M>) {
        self.effects.push((from, format!("{}: ?", M::World::ask(call))));
    }

    fn stepped(&mut self, step: Step, world: &M::World) -> Result<(), Stop> {
        let role = |client| self.model.role(client);
        let names = Names { role: &role, moves: <M::World as World>::MOVES };
        let mut marks = Vec::new();
        if let Some(all) = world.marks() {
            marks.extend_from_slice(&all.hits()[self.hits..]);
            self.hits = all.hits().len();
            all.sort_hits(&mut marks);
        }
        let who = match step {
            Step::World(chosen) => M::World::party(chosen),
            _ => step.client(),
        };
        self.scenes.push(Scene {
            step,
            who,
            text: step.text(&names),
            dull: false,
            effects: std::mem::take(&mut self.effects),
            columns: world.columns(),
            holds: world.holds(),
            marks,
        });
        Ok(())
    }
}
