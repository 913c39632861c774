//! The loop: what can happen, which of it does, what comes of it.
//!
//! It is one loop for every engine: random search, replay, exhaustive search and a gate in front
//! of real servers differ only in the chooser and the world they bring. It allocates nothing for a
//! step: clients, menu and history keep their memory from run to run.

use crate::agenda::{Agenda, Section};
use crate::chooser::Chooser;
use crate::client::{Adrift, Client, Life};
use crate::hash::{Fixed, mix};
use crate::io::{Clock, Lost, News, Record, Slot};
use crate::model::{CallOf, Model, OpOf, ReplyOf, RetOf};
use crate::step::{CallId, Step};
use crate::world::{Marks, World};
use checker::{ClientId, History, Violation};
use std::cell::{Ref, RefCell};
use std::mem;
use std::rc::Rc;
use std::task::Poll;

pub use crate::client::Starts;

/// Faults that a run may have at most: each may leave a call adrift, and a client can keep only so
/// many of those.
pub const FAULTS_MAX: u32 = 64;

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
}

/// Looks on. Nothing here may change what happens, except by ending the run.
pub trait Observer<M: Model, W> {
    /// A call took effect and was answered, or must wait (`None`).
    fn told(&mut self, _from: CallId, _call: &CallOf<M>, _reply: Option<&ReplyOf<M>>) {}

    /// A call in flight was lost; it may take effect yet.
    fn lost(&mut self, _from: CallId, _call: &CallOf<M>) {}

    /// A step was taken, and this is the world after it.
    fn stepped(&mut self, _step: Step, _world: &W) -> Result<(), Violation> {
        Ok(())
    }
}

impl<M: Model, W> Observer<M, W> for () {}

/// A model's clients and all the memory a run needs, used again for the next run.
pub struct Engine<M: Model, S: Starts<M>> {
    starts: S,
    clients: Vec<Client<M, S::Program>>,
    agenda: Agenda,
    record: Rc<RefCell<Record<M>>>,
    steps: Vec<Step>,
    digest: u64,
    faults_left: u32,
    running: usize,
}

/// An engine for models of type `M`.
pub fn engine<M: Model>() -> Engine<M, impl Starts<M>> {
    Engine {
        starts: |model: M, io| model.client(io),
        clients: Vec::new(),
        agenda: Agenda::default(),
        record: Rc::default(),
        steps: Vec::new(),
        digest: 0,
        faults_left: 0,
        running: 0,
    }
}

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
        assert!(bounds.faults_max <= FAULTS_MAX, "a run has {FAULTS_MAX} faults at most");
        self.begin(model, bounds.faults_max);
        self.agenda.refresh(world);
        let all_moves = self.clients.is_empty();
        loop {
            if self.running == 0 && (!all_moves || self.agenda.menu().is_empty()) {
                return Ended::Done;
            }
            if self.agenda.is_stuck() {
                return Ended::Stuck { waiting: self.waiting() };
            }
            let menu = self.agenda.menu();
            let index = match self.steps.len() {
                taken if taken < bounds.steps_max => chooser.choose(menu),
                taken if taken < bounds.steps_max + bounds.tail_max => 0,
                _ => return Ended::Livelock,
            };
            let step = menu[index];
            self.take(model, world, step, observer);
            self.agenda.refresh(world);
            if let Err(violation) = observer.stepped(step, world) {
                return Ended::Broken(violation);
            }
        }
    }

    /// The steps taken.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What was asked and answered.
    pub fn history(&self) -> Ref<'_, History<OpOf<M>, RetOf<M>>> {
        Ref::map(self.record.borrow(), |record| &record.history)
    }

    /// What the clients counted.
    pub fn marks(&self) -> Ref<'_, Marks> {
        Ref::map(self.record.borrow(), |record| &record.marks)
    }

    /// The digest, chained over every step's effect so far.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    fn waiting(&self) -> Vec<ClientId> {
        let running = self.clients.iter().filter(|client| client.life == Life::Running);
        running.map(Client::me).collect()
    }

    fn begin(&mut self, model: &M, faults_max: u32) {
        self.agenda.clear();
        self.steps.clear();
        self.digest = 0;
        self.faults_left = faults_max;
        self.running = 0;
        {
            let mut record = self.record.borrow_mut();
            record.history.clear();
            record.marks.clear();
            record.clock = Clock::Steps(0);
        }
        let count = usize::from(model.clients());
        self.clients.truncate(count);
        for client in &mut self.clients {
            client.reset();
        }
        while self.clients.len() < count {
            let me = ClientId(self.clients.len() as u16);
            self.clients.push(Client::new(me, &self.record));
        }
        for index in 0..count {
            self.start(model, index);
        }
    }

    fn start(&mut self, model: &M, index: usize) {
        let client = &mut self.clients[index];
        client.start(&self.starts, model);
        self.running += 1;
        self.fault(Step::Crash(ClientId(index as u16)));
        self.resume(index);
    }

    fn take<W, O>(&mut self, model: &M, world: &mut W, step: Step, observer: &mut O)
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        self.steps.push(step);
        self.record.borrow_mut().clock = Clock::Steps(self.steps.len() as u64);
        self.digest = mix(self.digest, step.code());
        if step.is_fault() {
            self.faults_left -= 1;
            if self.faults_left == 0 {
                self.agenda.end_faults();
            }
        }
        match step {
            Step::Apply(id) => {
                self.agenda.remove(Section::Fair, step);
                self.apply(world, id, observer);
            }
            Step::Late(id) => {
                self.agenda.remove(Section::Rare, step);
                self.apply(world, id, observer);
            }
            Step::Reply(id) => {
                self.agenda.remove(Section::Fair, step);
                match self.take_slot(id) {
                    Slot::Answered(reply) => self.tell(id, Ok(reply)),
                    _ => unreachable!("only an answer can arrive"),
                }
            }
            Step::Lose(id) => self.lose(id, observer),
            Step::Crash(client) => self.crash(world, client),
            Step::Restart(client) => {
                self.agenda.remove(Section::Rare, step);
                let index = usize::from(client.0);
                self.start(model, index);
            }
            Step::World(chosen) => {
                self.agenda.made(chosen);
                world.advance(chosen);
            }
        }
        while let Some(id) = world.freed() {
            self.apply(world, id, observer);
        }
    }

    /// Lets a call take effect, whether it was just sent, was parked, or is adrift.
    fn apply<W, O>(&mut self, world: &mut W, id: CallId, observer: &mut O)
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        if id.slot >= CallId::ADRIFT {
            return self.apply_adrift(world, id, observer);
        }
        let (call, deaf) = match self.take_slot(id) {
            Slot::Sent(call) | Slot::Parked(call) => (call, None),
            Slot::Deaf { call, told } => (call, Some(told)),
            _ => unreachable!("only a call that was sent can apply"),
        };
        let answer = world.apply(id, &call);
        let heard = match &answer {
            Poll::Ready(reply) => Some(reply),
            Poll::Pending => None,
        };
        observer.told(id, &call, heard);
        match (answer, deaf) {
            (Poll::Pending, None) => self.put_slot(id, Slot::Parked(call)),
            (Poll::Pending, Some(told)) => self.put_slot(id, Slot::Deaf { call, told }),
            (Poll::Ready(reply), Some(told)) => {
                self.digest = mix(self.digest, Fixed::of(&reply).wide() as u64);
                if !told {
                    self.put_slot(id, Slot::Told(Err(Lost)));
                }
            }
            (Poll::Ready(reply), None) if M::ANSWERS_TRAVEL => {
                self.put_slot(id, Slot::Answered(reply));
                self.agenda.add(Section::Fair, Step::Reply(id));
            }
            (Poll::Ready(reply), None) => self.tell(id, Ok(reply)),
        }
    }

    /// Nobody waits for this answer, but it happened, so the digest has it.
    fn apply_adrift<W, O>(&mut self, world: &mut W, id: CallId, observer: &mut O)
    where
        W: World<Call = CallOf<M>, Reply = ReplyOf<M>>,
        O: Observer<M, W>,
    {
        let slot = &mut self.clients[usize::from(id.client.0)].adrift
            [usize::from(id.slot - CallId::ADRIFT)];
        let call = match mem::replace(slot, Adrift::Free) {
            Adrift::Sent(call) | Adrift::Parked(call) => call,
            Adrift::Free => unreachable!("only a call adrift can land late"),
        };
        match world.apply(id, &call) {
            Poll::Ready(reply) => {
                observer.told(id, &call, Some(&reply));
                self.digest = mix(self.digest, Fixed::of(&reply).wide() as u64);
            }
            Poll::Pending => {
                observer.told(id, &call, None);
                *slot = Adrift::Parked(call);
            }
        }
    }

    fn lose<W, O: Observer<M, W>>(&mut self, id: CallId, observer: &mut O) {
        self.agenda.remove(Section::Fault, Step::Lose(id));
        match self.take_slot(id) {
            Slot::Sent(call) => {
                observer.lost(id, &call);
                self.agenda.remove(Section::Fair, Step::Apply(id));
                self.set_adrift(id.client, call);
                self.tell(id, Err(Lost));
            }
            Slot::Parked(call) => {
                observer.lost(id, &call);
                self.put_slot(id, Slot::Deaf { call, told: false });
                self.hear(id, Fixed::of(&Lost));
                self.resume(usize::from(id.client.0));
            }
            Slot::Answered(_) => {
                self.agenda.remove(Section::Fair, Step::Reply(id));
                self.tell(id, Err(Lost));
            }
            _ => unreachable!("only a call in flight can be lost"),
        }
    }

    fn crash<W: World>(&mut self, world: &mut W, client: ClientId) {
        let index = usize::from(client.0);
        self.clients[index].stop(Life::Crashed);
        self.running -= 1;
        self.agenda.remove(Section::Fault, Step::Crash(client));
        self.read_news(index);
        world.gone(client);
        self.agenda.add(Section::Rare, Step::Restart(client));
    }

    /// Hands the client its answer, or silence, and lets it run to its next call.
    fn tell(&mut self, id: CallId, result: Result<ReplyOf<M>, Lost>) {
        self.agenda_forget_loss(id);
        let heard = Fixed::of(&result);
        self.digest = mix(self.digest, heard.wide() as u64);
        self.put_slot(id, Slot::Told(result));
        self.hear(id, heard);
        self.resume(usize::from(id.client.0));
    }

    fn hear(&mut self, id: CallId, heard: Fixed) {
        let client = &self.clients[usize::from(id.client.0)];
        client.desk.mail.borrow_mut().hear(id.slot, heard);
    }

    fn resume(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.resume();
        if client.life == Life::Finished {
            self.running -= 1;
            let crash = Step::Crash(ClientId(index as u16));
            self.agenda.remove(Section::Fault, crash);
        }
        self.read_news(index);
    }

    /// Puts what the client just did on the agenda.
    fn read_news(&mut self, index: usize) {
        let desk = Rc::clone(&self.clients[index].desk);
        let mut news = mem::take(&mut desk.mail.borrow_mut().news);
        for item in news.drain(..) {
            match item {
                News::Sent(slot) => {
                    let id = CallId { client: desk.me, slot };
                    self.agenda.add(Section::Fair, Step::Apply(id));
                    self.fault(Step::Lose(id));
                }
                News::Dropped(slot) => self.drop_call(CallId { client: desk.me, slot }),
            }
        }
        desk.mail.borrow_mut().news = news;
    }

    /// The client stopped waiting for a call of its own accord.
    fn drop_call(&mut self, id: CallId) {
        self.agenda_forget_loss(id);
        match self.take_slot(id) {
            Slot::Sent(call) => {
                self.agenda.remove(Section::Fair, Step::Apply(id));
                self.set_adrift(id.client, call);
            }
            Slot::Parked(call) => self.put_slot(id, Slot::Deaf { call, told: true }),
            Slot::Answered(_) => self.agenda.remove(Section::Fair, Step::Reply(id)),
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
        self.agenda.add(Section::Rare, Step::Late(id));
    }

    fn fault(&mut self, step: Step) {
        if self.faults_left > 0 {
            self.agenda.add(Section::Fault, step);
        }
    }

    fn agenda_forget_loss(&mut self, id: CallId) {
        if self.faults_left > 0 {
            self.agenda.remove(Section::Fault, Step::Lose(id));
        }
    }

    fn take_slot(&mut self, id: CallId) -> Slot<CallOf<M>, ReplyOf<M>> {
        self.swap_slot(id, Slot::Free)
    }

    fn put_slot(&mut self, id: CallId, slot: Slot<CallOf<M>, ReplyOf<M>>) {
        self.swap_slot(id, slot);
    }

    fn swap_slot(
        &mut self,
        id: CallId,
        slot: Slot<CallOf<M>, ReplyOf<M>>,
    ) -> Slot<CallOf<M>, ReplyOf<M>> {
        let client = &self.clients[usize::from(id.client.0)];
        let mut mail = client.desk.mail.borrow_mut();
        mem::replace(&mut mail.slots[usize::from(id.slot)], slot)
    }
}
