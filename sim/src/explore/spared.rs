//! Steps that commute, of which one order is enough: what a search need not do twice.
//!
//! Where two steps lead to one state in either order, a search that has taken the first of them
//! tells the states behind the second to leave the first alone: it sleeps there, until something is
//! done that it does not commute with. These are the sleep sets of Godefroid, "Partial-Order Methods
//! for the Verification of Concurrent Systems" (1996), chapter 5. They spare steps, never a state.
//!
//! He looks at a state again if it is reached once more with less asleep. Here that is done before
//! it is looked at, and never after. A search level by level that takes steps in one order
//! everywhere finds every state by the least of its shortest paths. No step of that path sleeps when
//! its turn comes: it fell asleep at a state further up, because a lesser step before it commutes
//! with all that was done since, and moving it up to there would give a lesser path, as short. All
//! arrivals by shortest paths come before a state is looked at, so what is asleep in all of them may
//! stay so. The states, their numbers and the first failure are then those of a search that spares
//! nothing.
//!
//! The hard part is what commutes. The state of a run is more than its world: faults are paid from
//! one purse, the history knows what was over before what began, and a run may be over with steps
//! still possible, which are then not taken. While a call is under way it is not over, so of two
//! steps that commute at least one is about such a call and the other leaves it there. What steps do
//! to the world must commute too, and that the world itself must say.

use crate::model::{CallOf, Model, ReplyOf};
use crate::run::{Engine, Observer, Starts};
use crate::step::{CallId, Step};
use crate::world::{Act, World};
use checker::ClientId;

/// A step and what it did. Whatever commutes with it leaves all of this as it is.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) step: Step,
    did: Did,
}

/// What a step did to others than the world.
#[derive(Clone, Copy, Default)]
struct Did {
    /// A bit for each client that learned something; more than 64 share them.
    clients: u64,
    /// It ended an operation.
    ended: bool,
    /// It began one.
    began: bool,
    /// Fewer calls were under way after it than before.
    fewer: bool,
}

impl Did {
    fn touch(&mut self, client: ClientId) {
        self.clients |= 1 << (client.0 % 64);
    }
}

/// What is asleep in a state.
pub(super) type Asleep = Vec<Taken>;

/// Keeps of `asleep` what sleeps in `other` too.
pub(super) fn wake(asleep: &mut Asleep, other: &[Taken]) {
    asleep.retain(|it| other.iter().any(|also| also.step == it.step));
}

/// What can be done in a state, in the order that is the same in all states: each step, where it
/// lies on the menu, and the call that it would let take effect.
pub(super) struct Possible<M: Model>(Vec<(Step, usize, Option<CallOf<M>>)>);

impl<M: Model> Possible<M> {
    pub(super) fn of<S: Starts<M>>(engine: &Engine<M, S>) -> Self {
        let call = |step| match step {
            Step::Apply(id) | Step::Late(id) => engine.call(id),
            _ => None,
        };
        let steps = engine.menu().iter().enumerate();
        let mut all: Vec<_> = steps.map(|(index, step)| (step, index)).collect();
        all.sort_unstable();
        Possible(all.into_iter().map(|(step, index)| (step, index, call(step))).collect())
    }

    /// Each step, and where it lies on the menu.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Step, usize)> + '_ {
        self.0.iter().map(|(step, index, _)| (*step, *index))
    }

    /// What the step does to the world; none: nothing.
    fn act(&self, step: Step) -> Result<Option<Act<'_, CallOf<M>>>, Unsaid> {
        match step {
            Step::Apply(id) | Step::Late(id) => {
                let found = self.0.iter().find(|(it, ..)| *it == step);
                let call = found.and_then(|(_, _, call)| call.as_ref()).ok_or(Unsaid)?;
                Ok(Some(Act::Call(id, call)))
            }
            Step::World(chosen) => Ok(Some(Act::Move(chosen))),
            Step::Reply(_) | Step::Lose(_) | Step::Restart(_) => Ok(None),
            Step::Crash(_) => Err(Unsaid),
        }
    }

    /// Whether the step is about a call that is under way, and so cannot be taken in a run that is
    /// over.
    fn is_under_way(&self, step: Step) -> bool {
        match step {
            Step::Apply(_) | Step::Reply(_) => true,
            Step::Lose(id) => {
                let under_way = |it: &Step| *it == Step::Apply(id) || *it == Step::Reply(id);
                self.0.iter().any(|(it, ..)| under_way(it))
            }
            Step::Late(_) | Step::Crash(_) | Step::Restart(_) | Step::World(_) => false,
        }
    }

    /// Whether two steps that are possible in `world` come to the same in either order.
    pub(super) fn commute(&self, world: &M::World, one: &Taken, other: &Taken) -> bool {
        let (first, second) = (&one.did, &other.did);
        let apart = first.clients & second.clients == 0
            && !(first.ended && second.began)
            && !(first.began && second.ended)
            && !(one.step.is_fault() && other.step.is_fault());
        apart
            && match (self.is_under_way(one.step), self.is_under_way(other.step)) {
                (true, true) => true,
                (true, false) => !first.fewer,
                (false, true) => !second.fewer,
                (false, false) => false,
            }
            && match (self.act(one.step), self.act(other.step)) {
                (Ok(Some(one)), Ok(Some(other))) => world.commute(one, other),
                (Ok(_), Ok(_)) => true,
                _ => false,
            }
    }
}

/// A step of which nobody says what it does to the world.
struct Unsaid;

/// Notes what a step does.
pub(super) struct Doing {
    did: Did,
    ended: usize,
    began: usize,
    calls: usize,
}

impl Doing {
    /// Before the step.
    pub(super) fn begin<M: Model, S: Starts<M>>(engine: &Engine<M, S>) -> Self {
        let (began, ended) = operations(engine);
        Doing { did: Did::default(), ended, began, calls: calls(engine) }
    }

    /// How many operations were over before it.
    pub(super) fn ended_before(&self) -> usize {
        self.ended
    }

    /// After it.
    pub(super) fn done<M: Model, S: Starts<M>>(
        mut self,
        engine: &Engine<M, S>,
        step: Step,
    ) -> Taken {
        let (began, ended) = operations(engine);
        step.client().into_iter().for_each(|client| self.did.touch(client));
        let (ended, began) = (ended > self.ended, began > self.began);
        let fewer = calls(engine) < self.calls;
        Taken { step, did: Did { ended, began, fewer, ..self.did } }
    }
}

impl<M: Model> Observer<M, M::World> for Doing {
    fn told(&mut self, from: CallId, _call: &CallOf<M>, _reply: Option<&ReplyOf<M>>) {
        self.did.touch(from.client);
    }
}

/// How many operations were begun, and how many of them are over.
pub(super) fn operations<M: Model, S: Starts<M>>(engine: &Engine<M, S>) -> (usize, usize) {
    let history = engine.history();
    let operations = history.operations();
    (operations.len(), operations.iter().filter(|it| it.ret().is_some()).count())
}

/// How many calls are under way.
fn calls<M: Model, S: Starts<M>>(engine: &Engine<M, S>) -> usize {
    let is_call = |step: &Step| matches!(step, Step::Apply(_) | Step::Reply(_));
    engine.menu().iter().filter(is_call).count()
}
