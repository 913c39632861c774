//! The one door between a client and everything else.
//!
//! The hard part is silence. A call that was lost may have taken effect or may do so later, so it
//! stays in the books as adrift; and a call whose future is dropped, because its client stopped
//! waiting, is adrift in just the same way.

use crate::desk::{Desk, NONE, News, Stage};
use crate::model::{CallOf, Model, OpOf, ReplyOf, RetOf};
use crate::world::Marks;
use checker::hash::Fingerprint;
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
        let number = self.desk.uniques.get() + 1;
        self.desk.uniques.set(number);
        u64::from(self.desk.me.0) << 32 | u64::from(number)
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
        if self.desk.hears.get() {
            self.desk.heard.set(Fingerprint::of(state).wide());
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
    /// The same by a clock of the host's, which gives the history its unit. What it shows twice is
    /// told apart, in the order in which it was asked.
    Hosts {
        /// What it shows.
        shows: Box<dyn Fn() -> u64>,
        /// What it was taken to show last.
        last: Cell<u64>,
    },
}

impl Clock {
    pub(crate) fn set(&self, now: u64) {
        let (Clock::Steps(time) | Clock::Events(time) | Clock::Hosts { last: time, .. }) = self;
        time.set(now);
    }

    fn called(&self) -> u64 {
        match self {
            Clock::Steps(step) => step.get() * 2 + 1,
            Clock::Events(events) => {
                events.set(events.get() + 1);
                events.get()
            }
            Clock::Hosts { shows, last } => {
                last.set(shows().max(last.get() + 1));
                last.get()
            }
        }
    }

    fn returned(&self) -> u64 {
        match self {
            Clock::Steps(step) => step.get() * 2,
            Clock::Events(_) | Clock::Hosts { .. } => self.called(),
        }
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
        let slot = self.desk.slot(self.slot);
        let told = match slot.stage.get() {
            Stage::Told => {
                slot.stage.set(Stage::Free);
                slot.told.take().expect("what was told lies in the slot")
            }
            Stage::Deaf => {
                slot.stage.set(Stage::Forgotten);
                Err(Lost)
            }
            _ => return Poll::Pending,
        };
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
    let slot = desk.slot(index);
    match slot.stage.get() {
        Stage::Told => slot.stage.set(Stage::Free),
        Stage::Deaf => slot.stage.set(Stage::Forgotten),
        Stage::Sent | Stage::Parked | Stage::Answered => desk.note(News::Dropped(index)),
        Stage::Free | Stage::Forgotten => unreachable!("a call in flight has its slot"),
    }
}
