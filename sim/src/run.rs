//! The loop: what can happen, which of it does, what comes of it.
//!
//! It is one loop for every engine: random search, replay, exhaustive search and a gate in front
//! of real servers differ only in the chooser and the world they bring. It allocates nothing for a
//! step: clients, menu and history keep their memory from run to run.

mod fingerprint;
mod tally;

use crate::chooser::Chooser;
use crate::client::{Adrift, Client, Life};
use crate::desk::{MUCH, NONE, News, Stage};
use crate::io::{Clock, Lost, Record};
use crate::menu::Menu;
use crate::model::{CallOf, Model, OpOf, ReplyOf, RetOf};
use crate::step::{CallId, Step};
use crate::world::{Legible, Marks, World};
use checker::hash::{Chain, mix};
use checker::{ClientId, History, Violation};
use std::cell::{Cell, Ref};
use std::hash::{Hash, Hasher};
use std::mem;
use std::rc::Rc;
use std::task::Poll;
use tally::Tally;

pub use crate::client::Starts;
pub use crate::observer::{Observer, Stop};

/// Faults that a run may have at most: each may leave a call adrift, and a client can keep only so
/// many of those.
pub const FAULTS_MAX: u32 = 64;

/// In a fair schedule time passes even for those who spin: after so many steps without it, a lapse
/// is taken. Rare enough that whoever is at work is done long before.
const LAPSE_EVERY: usize = 1024;

/// How long a run may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Faults the chooser may spend.
    pub faults_max: u32,
    /// Steps it may choose; after that the fair schedule alone decides.
    pub steps_max: usize,
    /// Steps the fair schedule gets after that, before the run is called a livelock.
    pub tail_max: usize,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Every client is done.
    Done,
    /// Nobody can go on: every client waits, and the world has nothing to do.
    Stuck {
        /// The clients that wait.
        waiting: Vec<ClientId>,
    },
    /// The fair schedule did not come to an end.
    Livelock,
    /// An observer refused a step.
    Broken(Violation),
    /// An observer has seen enough.
    Stopped,
}

/// A model's clients and all the memory a run needs, used again for the next run.
pub struct Engine<M: Model, S: Starts<M>> {
    starts: S,
    clients: Vec<Client<M, S::Program>>,
    menu: Menu,
    record: Rc<Record<M>>,
    steps: Vec<Step>,
    tally: Tally,
    digest: u64,
    news: Vec<News>,
    /// Whether somebody will ask for fingerprints.
    pub(crate) hears: bool,
}

/// An engine for models of type `M`.
pub fn engine<M: Model>() -> Engine<M, impl Starts<M>> {
    Engine {
        starts: |model: M, io| model.client(io),
        clients: Vec::new(),
        menu: Menu::default(),
        record: Rc::new(Record::new(Clock::Steps(Cell::new(0)))),
        steps: Vec::new(),
        tally: Tally::default(),
        digest: 0,
        news: Vec::new(),
        hears: false,
    }
}

/// What it says of a call that must wait.
const PARKED: u64 = 8 << 32;
/// What it says of a call that was let through by somebody else's step, before naming it.
const FREED: u64 = 9 << 32;

impl<M: Model, S: Starts<M>> Engine<M, S> {
    /// Runs `model` in `world`: its own, or any that speaks its language.
    pub fn run<W, C, O>(
        &mut self,
        model: &M,
        world: &mut W,
        chooser: &mut C,
        bounds: Bounds,
        observer: &mut O,
    ) -> Ended
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        C: Chooser + ?Sized,
        O: Observer<M, W>,
    {
        self.begin(model, world, bounds.faults_max);
        let mut unchosen = 0;
        loop {
            let taken = self.steps.len();
            if let Some(ended) = self.ended(taken < bounds.steps_max) {
                return ended;
            }
            let chosen = match taken < bounds.steps_max {
                true => chooser.choose(&self.menu),
                false if taken < bounds.steps_max + bounds.tail_max => None,
                false => return Ended::Livelock,
            };
            let index = match chosen {
                Some(index) => index,
                None if self.ended(false) == Some(Ended::Done) => return Ended::Done,
                None => {
                    unchosen += 1;
                    self.fair(unchosen)
                }
            };
            match self.step(model, world, index, observer) {
                Ok(_) => {}
                Err(Stop::Broken(violation)) => return Ended::Broken(violation),
                Err(Stop::Enough) => return Ended::Stopped,
            }
        }
    }

    /// Puts every client before its first call.
    pub fn begin<W: World>(&mut self, model: &M, world: &W, faults_max: u32) {
        assert!(faults_max <= FAULTS_MAX, "a run has {FAULTS_MAX} faults at most");
        self.menu.clear(faults_max);
        self.steps.clear();
        self.tally = Tally::default();
        self.digest = 0;
        self.record.history.borrow_mut().clear();
        self.record.marks.borrow_mut().clear();
        self.record.clock.set(0);
        let count = usize::from(model.clients());
        self.clients.truncate(count);
        for client in &mut self.clients {
            client.reset(self.hears);
        }
        while self.clients.len() < count {
            let me = ClientId(self.clients.len() as u16);
            self.clients.push(Client::new(me, &self.record, self.hears));
        }
        for index in 0..count {
            self.start(model, index);
        }
        self.menu.refresh(world);
    }

    /// Whether the run is over. `chooses`: somebody may yet choose that a client comes back.
    #[inline]
    pub(crate) fn ended(&self, chooses: bool) -> Option<Ended> {
        if self.menu.has_calls() { None } else { self.ended_without_calls(chooses) }
    }

    fn ended_without_calls(&self, chooses: bool) -> Option<Ended> {
        if self.menu.running().is_empty() {
            let goes_on = match self.clients.is_empty() {
                true => !self.menu.is_stuck(),
                false => chooses && self.menu.may_restart(),
            };
            return (!goes_on).then_some(Ended::Done);
        }
        if self.menu.is_stuck() {
            let mut waiting = self.menu.running().to_vec();
            waiting.sort_unstable();
            return Some(Ended::Stuck { waiting });
        }
        None
    }

    /// The step that a fair schedule takes, after `unchosen` of its own.
    fn fair(&self, unchosen: usize) -> usize {
        let (dull, lapse) = (self.menu.dull(), self.menu.oldest_lapse());
        let first =
            if unchosen.is_multiple_of(LAPSE_EVERY) { lapse.or(dull) } else { dull.or(lapse) };
        first.expect("a run that is not over has a step to take")
    }

    /// What can happen next.
    pub fn menu(&self) -> &Menu {
        &self.menu
    }

    /// Takes the step at `index` of the menu. It is the body of the loop, so it is inlined there.
    #[inline(always)]
    pub fn step<W, O>(
        &mut self,
        model: &M,
        world: &mut W,
        index: usize,
        observer: &mut O,
    ) -> Result<Step, Stop>
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        // The common step has a way of its own, so that nobody asks twice which one it is.
        let step = if let Some(id) = self.menu.take_call(index) {
            let step = Step::Apply(id);
            self.note(step);
            self.apply(world, id, observer);
            step
        } else {
            let step = self.menu.take(index);
            self.note(step);
            self.take(model, world, step, observer);
            step
        };
        while let Some(id) = world.freed() {
            self.digest = mix(self.digest, FREED | id.code());
            self.menu.unpark(id);
            self.apply(world, id, observer);
        }
        self.menu.refresh(world);
        observer.stepped(step, world)?;
        Ok(step)
    }

    /// [`step`](Engine::step) for those to whom a call more is nothing: made once for a model, where
    /// the loop is made anew for everybody who runs it.
    #[inline(never)]
    pub(crate) fn take_step<W>(
        &mut self,
        model: &M,
        world: &mut W,
        index: usize,
        mut observer: &mut dyn Observer<M, W>,
    ) -> Result<Step, Stop>
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
    {
        self.step(model, world, index, &mut observer)
    }

    #[inline]
    fn note(&mut self, step: Step) {
        self.steps.push(step);
        self.record.clock.set(self.steps.len() as u64);
        self.digest = mix(self.digest, step.code());
    }

    /// The steps taken.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// All that happened and matters, counted: by the clients, by `world`, and as steps.
    pub(crate) fn each_mark<W: Legible>(&self, world: &W, mut tell: impl FnMut(&'static str, u64)) {
        let (clients, worlds) = (self.marks(), world.marks());
        let marks = clients.iter().chain(worlds.into_iter().flat_map(Marks::iter));
        marks.chain(self.tally.iter(W::MOVES)).for_each(|(name, count)| tell(name, count));
    }

    /// What was asked and answered.
    pub fn history(&self) -> Ref<'_, History<OpOf<M>, RetOf<M>>> {
        self.record.history.borrow()
    }

    /// What the clients counted.
    pub fn marks(&self) -> Ref<'_, Marks> {
        self.record.marks.borrow()
    }

    /// The digest, chained over every step's effect so far.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    fn start(&mut self, model: &M, index: usize) {
        let client = ClientId(index as u16);
        self.clients[index].start(&self.starts, model);
        self.menu.start(client);
        self.resume(client);
    }

    /// Every step but the common one.
    fn take<W, O>(&mut self, model: &M, world: &mut W, step: Step, observer: &mut O)
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        self.tally.note(step);
        match step {
            Step::Apply(_) => unreachable!("the common step has a way of its own"),
            Step::Late(id) => self.apply_adrift(world, id, observer),
            Step::Reply(id) => self.arrive(id),
            Step::Lose(id) => self.lose(id, observer),
            Step::Crash(client) => {
                let index = usize::from(client.0);
                self.clients[index].stop(Life::Crashed);
                self.read_much(client);
                world.gone(client);
                self.menu.add_after(Step::Restart(client));
            }
            Step::Restart(client) => self.start(model, usize::from(client.0)),
            Step::World(chosen) => world.advance(chosen),
        }
    }

    /// Lets a call take effect, whether it was just sent, was parked, or is adrift.
    #[inline]
    fn apply<W, O>(&mut self, world: &mut W, id: CallId, observer: &mut O)
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        if id.slot >= CallId::ADRIFT {
            return self.apply_adrift(world, id, observer);
        }
        let client = &mut self.clients[usize::from(id.client.0)];
        let slot = client.desk.slot(id.slot);
        let call = slot.call();
        // It is moved once, when all have looked at it: answers may be long.
        let answer = world.apply(id, &call);
        let Poll::Ready(reply) = &answer else {
            observer.told(id, &call, None);
            self.digest = mix(self.digest, PARKED);
            if slot.stage.get() == Stage::Sent {
                slot.stage.set(Stage::Parked);
            }
            if slot.stage.get() == Stage::Parked {
                self.menu.park(id);
            }
            return;
        };
        observer.told(id, &call, Some(reply));
        drop(call);
        self.digest = chain(self.digest, reply);
        let Poll::Ready(reply) = answer else { unreachable!("it was answered") };
        if !matches!(slot.stage.get(), Stage::Sent | Stage::Parked) {
            return slot.answered_to_nobody();
        }
        if M::ANSWERS_TRAVEL {
            slot.stage.set(Stage::Answered);
            slot.told.set(Some(Ok(reply)));
            return self.menu.add_reply(id);
        }
        client.desk.tell(slot, Ok(reply));
        if go_on(client, &mut self.menu) == MUCH {
            self.read_much(id.client);
        }
    }

    /// The same for a call that nobody waits for.
    fn apply_adrift<W, O>(&mut self, world: &mut W, id: CallId, observer: &mut O)
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        let client = &mut self.clients[usize::from(id.client.0)];
        let slot = &mut client.adrift[usize::from(id.slot - CallId::ADRIFT)];
        let call = match mem::replace(slot, Adrift::Free) {
            Adrift::Sent(call) | Adrift::Parked(call) => call,
            Adrift::Free => unreachable!("only a call adrift can land late"),
        };
        match world.apply(id, &call) {
            Poll::Ready(reply) => {
                observer.told(id, &call, Some(&reply));
                self.digest = chain(self.digest, &reply);
            }
            Poll::Pending => {
                observer.told(id, &call, None);
                self.digest = mix(self.digest, PARKED);
                *slot = Adrift::Parked(call);
            }
        }
    }

    /// An answer that was on its way is there.
    fn arrive(&mut self, id: CallId) {
        let index = usize::from(id.client.0);
        let desk = &*self.clients[index].desk;
        let slot = desk.slot(id.slot);
        desk.tell(slot, slot.told.take().expect("only an answer can arrive"));
        self.resume(id.client);
    }

    fn lose<W, O: Observer<M, W>>(&mut self, id: CallId, observer: &mut O) {
        let index = usize::from(id.client.0);
        let desk = &*self.clients[index].desk;
        let slot = desk.slot(id.slot);
        match slot.stage.get() {
            Stage::Parked => {
                observer.lost(id, &slot.call());
                slot.stage.set(Stage::Deaf);
                desk.hear(id.slot, &Err(Lost));
            }
            Stage::Answered => desk.tell(slot, Err(Lost)),
            _ => {
                let call = slot.take_call();
                observer.lost(id, &call);
                desk.tell(slot, Err(Lost));
                self.set_adrift(id.client, call);
            }
        }
        self.resume(id.client);
    }

    /// Lets a client go on after a step that is rare.
    #[inline(never)]
    fn resume(&mut self, client: ClientId) {
        if go_on(&mut self.clients[usize::from(client.0)], &mut self.menu) == MUCH {
            self.read_much(client);
        }
    }

    #[cold]
    fn read_much(&mut self, client: ClientId) {
        let mut news = mem::take(&mut self.news);
        self.clients[usize::from(client.0)].desk.take_news(&mut news);
        for item in news.drain(..) {
            match item {
                News::Sent(slot) => self.menu.add_call(CallId { client, slot }),
                News::Dropped(slot) => self.drop_call(CallId { client, slot }),
            }
        }
        self.news = news;
    }

    /// The client stopped waiting for a call of its own accord.
    fn drop_call(&mut self, id: CallId) {
        let slot = self.clients[usize::from(id.client.0)].desk.slot(id.slot);
        match slot.stage.get() {
            Stage::Sent => {
                slot.stage.set(Stage::Free);
                let call = slot.take_call();
                self.menu.forget_call(id);
                self.set_adrift(id.client, call);
            }
            Stage::Parked => {
                slot.stage.set(Stage::Forgotten);
                self.menu.unpark(id);
            }
            Stage::Answered => {
                slot.stage.set(Stage::Free);
                self.menu.forget_call(id);
            }
            _ => unreachable!("only a call in flight can be dropped"),
        }
    }

    fn set_adrift(&mut self, client: ClientId, call: CallOf<M>) {
        let adrift = &mut self.clients[usize::from(client.0)].adrift;
        let free = adrift.iter().position(|it| matches!(it, Adrift::Free));
        let index = free.unwrap_or_else(|| {
            adrift.push(Adrift::Free);
            adrift.len() - 1
        });
        if index >= usize::from(CallId::ADRIFT) {
            // One more than can be kept in mind: of the two ends it may come to, it never lands.
            adrift.pop();
            return;
        }
        adrift[index] = Adrift::Sent(call);
        let id = CallId { client, slot: CallId::ADRIFT + index as u8 };
        self.menu.add_after(Step::Late(id));
    }
}

/// Lets a client go on, and puts what it did on the menu. [`MUCH`]: that is still to be read.
#[inline(always)]
fn go_on<M: Model, F: Future<Output = ()>>(client: &mut Client<M, F>, menu: &mut Menu) -> u8 {
    client.resume();
    if client.life == Life::Finished {
        menu.finish(client.me());
    }
    let desk = &*client.desk;
    let sent = desk.sent.get();
    if sent < MUCH {
        desk.sent.set(NONE);
        menu.add_call(CallId { client: desk.me, slot: sent });
    }
    sent
}

fn chain<T: Hash>(digest: u64, value: &T) -> u64 {
    let mut chain = Chain::new(digest);
    value.hash(&mut chain);
    chain.finish()
}
