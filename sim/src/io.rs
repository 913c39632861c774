//! The one door between a client and everything else.
//!
//! The hard part is silence. A call that was lost may have taken effect or may do so later, so it
//! stays in the books as adrift; and a call whose future is dropped, because its client stopped
//! waiting, is adrift in just the same way.

use crate::model::{CallOf, Model, OpOf, ReplyOf, RetOf};
use crate::step::CallId;
use crate::world::Marks;
use checker::hash::{Fingerprint, mix};
use checker::{ClientId, History};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Nobody answered. The call may have taken effect, may yet, or never will.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody answered")
    }
}

/// A client's side of the door.
pub struct Io<M: Model> {
    desk: Rc<Desk<M>>,
}

impl<M: Model> Clone for Io<M> {
    fn clone(&self) -> Self {
        Io { desk: Rc::clone(&self.desk) }
    }
}

impl<M: Model> Io<M> {
    pub(crate) fn new(desk: Rc<Desk<M>>) -> Self {
        Io { desk }
    }

    /// Which client this is.
    pub fn me(&self) -> ClientId {
        self.desk.me
    }

    /// A number no other client gets, and this one never again: an idempotency key.
    pub fn unique(&self) -> u64 {
        let mut mail = self.desk.mail.borrow_mut();
        mail.uniques += 1;
        u64::from(self.desk.me.0) << 32 | u64::from(mail.uniques)
    }

    /// Sends one call; the future waits for its fate. It is sent there and then, so several can be
    /// in flight before the first is awaited. Dropping the future sets the call adrift.
    #[inline(always)]
    pub fn call(&self, call: CallOf<M>) -> Waiting<'_, M> {
        Waiting { desk: &self.desk, slot: self.desk.send(call) }
    }

    /// Begins an operation of the history: what the checker will judge. Dropped without an end,
    /// it stays open: it may have taken effect or not.
    pub fn begin(&self, op: OpOf<M>) -> Asked<'_, M> {
        let record = &*self.desk.record;
        let at = record.clock.called();
        let index = record.history.borrow_mut().invoke(self.desk.me, op, at);
        Asked { record, index }
    }

    /// From here on this client is a function of `state` and of what it hears next, so that
    /// retries of a loop meet again in an exhaustive search. Said at a loop's head.
    pub fn at<T: Hash>(&self, state: &T) {
        let mut mail = self.desk.mail.borrow_mut();
        if mail.hears {
            mail.heard = Fingerprint::of(state).wide();
        }
    }

    /// Counts something that matters.
    pub fn mark(&self, name: &'static str) {
        self.desk.record.marks.borrow_mut().hit(name);
    }
}

/// An operation that was asked and not yet answered.
#[must_use = "an operation that never ends stays open"]
pub struct Asked<'a, M: Model> {
    record: &'a Record<M>,
    index: usize,
}

impl<M: Model> Asked<'_, M> {
    /// The client now knows the answer.
    pub fn end(self, ret: RetOf<M>) {
        let mut history = self.record.history.borrow_mut();
        let call = history.operations()[self.index].call;
        let at = self.record.clock.returned().max(call);
        history.finish(self.index, ret, at);
    }
}

/// What a whole run writes down, shared by its clients.
pub(crate) struct Record<M: Model> {
    pub(crate) history: RefCell<History<OpOf<M>, RetOf<M>>>,
    pub(crate) marks: RefCell<Marks>,
    pub(crate) clock: Clock,
}

impl<M: Model> Record<M> {
    pub(crate) fn new(clock: Clock) -> Self {
        Record { history: RefCell::default(), marks: RefCell::default(), clock }
    }
}

/// The history's clock.
pub(crate) enum Clock {
    /// In a simulated run, step `s` returns at `2 s` and calls at `2 s + 1`: half of a time is the
    /// step it happened in, and a client's next operation begins after its last one ended.
    Steps(Cell<u64>),
    /// On a foreign runtime with one thread, every event is later than the one before.
    Events(Cell<u64>),
}

impl Clock {
    pub(crate) fn set(&self, now: u64) {
        let (Clock::Steps(time) | Clock::Events(time)) = self;
        time.set(now);
    }

    fn called(&self) -> u64 {
        match self {
            Clock::Steps(step) => step.get() * 2 + 1,
            Clock::Events(events) => {
                events.set(events.get() + 1);
                events.get()
            }
        }
    }

    fn returned(&self) -> u64 {
        match self {
            Clock::Steps(step) => step.get() * 2,
            Clock::Events(_) => self.called(),
        }
    }
}

/// One client's place at the counter: what it has sent, and what lies there for it.
pub(crate) struct Desk<M: Model> {
    pub(crate) me: ClientId,
    /// The slot of the one call it sent since the engine last looked, which is most often all
    /// there is to know; [`NONE`]; or [`MUCH`]: look at the news.
    pub(crate) sent: Cell<u8>,
    pub(crate) mail: RefCell<Mail<CallOf<M>, ReplyOf<M>>>,
    pub(crate) record: Rc<Record<M>>,
}

/// No slot at all.
pub(crate) const NONE: u8 = u8::MAX;
/// More than one slot.
pub(crate) const MUCH: u8 = u8::MAX - 1;

impl<M: Model> Desk<M> {
    pub(crate) fn new(me: ClientId, record: &Rc<Record<M>>) -> Self {
        let (sent, mail) = (Cell::new(NONE), RefCell::default());
        Desk { me, sent, mail, record: Rc::clone(record) }
    }

    /// Forgets the last run.
    pub(crate) fn clear(&self, hears: bool) {
        self.sent.set(NONE);
        self.mail.borrow_mut().clear(hears);
    }

    /// All that the client did since somebody last looked, in order, into `news`.
    pub(crate) fn take_news(&self, news: &mut Vec<News>) {
        match self.sent.replace(NONE) {
            NONE => {}
            MUCH => news.append(&mut self.mail.borrow_mut().news),
            slot => news.push(News::Sent(slot)),
        }
    }

    #[inline(always)]
    fn send(&self, call: CallOf<M>) -> u8 {
        let mut mail = self.mail.borrow_mut();
        let slot = mail.send(call);
        match self.sent.get() {
            NONE => self.sent.set(slot),
            _ => self.note(&mut mail, News::Sent(slot)),
        }
        slot
    }

    #[cold]
    fn note(&self, mail: &mut Mail<CallOf<M>, ReplyOf<M>>, item: News) {
        let before = self.sent.replace(MUCH);
        if before < MUCH {
            mail.news.push(News::Sent(before));
        }
        mail.news.push(item);
    }
}

pub(crate) struct Mail<C, R> {
    /// Most clients have one call in flight and never another.
    first: Slot<C, R>,
    more: Vec<Slot<C, R>>,
    /// What it did since the engine last looked, in order, where that was much.
    news: Vec<News>,
    /// Whether anybody asks for `heard`: an exhaustive search does.
    pub(crate) hears: bool,
    /// A fingerprint of all it was told. Its program is a function of that and of `uniques`, so
    /// the two are its state.
    pub(crate) heard: u128,
    pub(crate) uniques: u32,
}

impl<C, R> Default for Mail<C, R> {
    fn default() -> Self {
        let (more, news) = (Vec::new(), Vec::new());
        Mail { first: Slot::FREE, more, news, hears: false, heard: 0, uniques: 0 }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    Sent(u8),
    Dropped(u8),
}

/// One call and where it has got to. What is left in `call` and `told` beyond that means nothing.
#[derive(Debug)]
pub(crate) struct Slot<C, R> {
    pub(crate) stage: Stage,
    pub(crate) call: Option<C>,
    pub(crate) told: Option<Result<R, Lost>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Stage {
    Free,
    /// Sent, and not yet taken effect.
    Sent,
    /// Waiting in the world, as for a row lock.
    Parked,
    /// Answered; the answer is still on its way.
    Answered,
    /// The answer, or silence, lies here until the client looks.
    Told,
    /// Waiting in the world for nobody: the client is to be told of silence.
    Deaf,
    /// The same, and it has been told, or does not want to know.
    Forgotten,
}

impl<C, R> Slot<C, R> {
    const FREE: Self = Slot { stage: Stage::Free, call: None, told: None };

    /// The call took effect, and its client does not wait for the answer.
    #[cold]
    pub(crate) fn answered_to_nobody(&mut self) {
        match self.stage {
            Stage::Deaf => {
                self.stage = Stage::Told;
                self.told = Some(Err(Lost));
            }
            Stage::Forgotten => self.stage = Stage::Free,
            _ => unreachable!("only a call can apply"),
        }
    }

    /// The call, while it matters.
    pub(crate) fn call(&self) -> &C {
        self.call.as_ref().expect("a call in flight lies in its slot")
    }
}

impl<C, R> Mail<C, R> {
    #[inline]
    fn send(&mut self, call: C) -> u8 {
        let index = if self.first.stage == Stage::Free { 0 } else { self.free_slot() };
        let slot = self.slot(index);
        slot.stage = Stage::Sent;
        slot.call = Some(call);
        index
    }

    #[cold]
    fn free_slot(&mut self) -> u8 {
        let free = self.more.iter().position(|slot| slot.stage == Stage::Free);
        let index = free.unwrap_or_else(|| {
            self.more.push(Slot::FREE);
            self.more.len() - 1
        });
        let index = index + 1;
        assert!(index < usize::from(CallId::ADRIFT), "a client has 128 calls in flight at most");
        index as u8
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot<C, R>> {
        std::iter::once(&self.first).chain(&self.more)
    }

    #[inline]
    pub(crate) fn slot(&mut self, slot: u8) -> &mut Slot<C, R> {
        match slot {
            0 => &mut self.first,
            _ => &mut self.more[usize::from(slot - 1)],
        }
    }

    /// Tells the client what came of the call on `slot`.
    #[inline]
    pub(crate) fn tell(&mut self, slot: u8, result: Result<R, Lost>)
    where
        R: Hash,
    {
        self.hear_if_asked(slot, &result);
        let slot = self.slot(slot);
        slot.told = Some(result);
        slot.stage = Stage::Told;
    }

    /// Notes that the client learns `result`.
    #[inline]
    pub(crate) fn hear_if_asked(&mut self, slot: u8, result: &Result<R, Lost>)
    where
        R: Hash,
    {
        if self.hears {
            self.hear(slot, result);
        }
    }

    fn hear(&mut self, slot: u8, result: &Result<R, Lost>)
    where
        R: Hash,
    {
        let wide = Fingerprint::of(result).wide();
        let low = mix(self.heard as u64 ^ u64::from(slot), wide as u64);
        let high = mix((self.heard >> 64) as u64 ^ low, (wide >> 64) as u64);
        self.heard = u128::from(high) << 64 | u128::from(low);
    }

    fn clear(&mut self, hears: bool) {
        self.first = Slot::FREE;
        self.more.clear();
        self.news.clear();
        self.hears = hears;
        self.heard = 0;
        self.uniques = 0;
    }
}

/// A call on its way; resolves to the answer, or to silence.
#[must_use = "a call that nobody waits for is adrift"]
pub struct Waiting<'a, M: Model> {
    desk: &'a Desk<M>,
    /// Where the call lies; none once it is answered.
    slot: u8,
}

impl<M: Model> Future for Waiting<'_, M> {
    type Output = Result<ReplyOf<M>, Lost>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut mail = self.desk.mail.borrow_mut();
        assert!(self.slot != NONE, "a call is answered once");
        let slot = mail.slot(self.slot);
        let told = match slot.stage {
            Stage::Told => {
                slot.stage = Stage::Free;
                slot.told.take().expect("what was told lies in the slot")
            }
            Stage::Deaf => {
                slot.stage = Stage::Forgotten;
                Err(Lost)
            }
            _ => return Poll::Pending,
        };
        drop(mail);
        self.slot = NONE;
        Poll::Ready(told)
    }
}

impl<M: Model> Drop for Waiting<'_, M> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.slot != NONE {
            give_up(self.desk, self.slot);
        }
    }
}

/// The client does not want to know any more.
#[cold]
fn give_up<M: Model>(desk: &Desk<M>, index: u8) {
    let mut mail = desk.mail.borrow_mut();
    let slot = mail.slot(index);
    match slot.stage {
        Stage::Told => slot.stage = Stage::Free,
        Stage::Deaf => slot.stage = Stage::Forgotten,
        Stage::Sent | Stage::Parked | Stage::Answered => {
            desk.note(&mut mail, News::Dropped(index));
        }
        Stage::Free | Stage::Forgotten => unreachable!("a call in flight has its slot"),
    }
}
