//! The one door between a client and everything else.
//!
//! The hard part is silence. A call that was lost may have taken effect or may do so later, so it
//! stays in the books as adrift; and a call whose future is dropped, because its client stopped
//! waiting, is adrift in just the same way.

use crate::hash::{Fixed, mix};
use crate::model::{CallOf, Model, OpOf, ReplyOf, RetOf};
use crate::step::CallId;
use crate::world::Marks;
use checker::{ClientId, History};
use std::cell::RefCell;
use std::fmt;
use std::hash::Hash;
use std::mem;
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

    /// Sends one call and waits for its fate. Dropping the future sets the call adrift.
    pub fn call(&self, call: CallOf<M>) -> Waiting<'_, M> {
        Waiting { desk: &self.desk, state: Stage::Unsent(Some(call)) }
    }

    /// Begins an operation of the history: what the checker will judge. Dropped without an end,
    /// it stays open: it may have taken effect or not.
    pub fn begin(&self, op: OpOf<M>) -> Asked<'_, M> {
        let mut record = self.desk.record.borrow_mut();
        let at = record.clock.called();
        let index = record.history.invoke(self.desk.me, op, at);
        Asked { record: &self.desk.record, index }
    }

    /// From here on this client is a function of `state` and of what it hears next, so that
    /// retries of a loop meet again in an exhaustive search. Said at a loop's head.
    pub fn at<T: Hash>(&self, state: &T) {
        self.desk.mail.borrow_mut().heard = Fixed::of(state).wide();
    }

    /// Counts something that matters.
    pub fn mark(&self, name: &'static str) {
        self.desk.record.borrow_mut().marks.hit(name);
    }
}

/// An operation that was asked and not yet answered.
#[must_use = "an operation that never ends stays open"]
pub struct Asked<'a, M: Model> {
    record: &'a Rc<RefCell<Record<M>>>,
    index: usize,
}

impl<M: Model> Asked<'_, M> {
    /// The client now knows the answer.
    pub fn end(self, ret: RetOf<M>) {
        let mut record = self.record.borrow_mut();
        let call = record.history.operations()[self.index].call;
        let at = record.clock.returned().max(call);
        record.history.finish(self.index, ret, at);
    }
}

/// What a whole run writes down, shared by its clients.
pub(crate) struct Record<M: Model> {
    pub(crate) history: History<OpOf<M>, RetOf<M>>,
    pub(crate) marks: Marks,
    pub(crate) clock: Clock,
}

impl<M: Model> Default for Record<M> {
    fn default() -> Self {
        Record { history: History::default(), marks: Marks::default(), clock: Clock::Steps(0) }
    }
}

/// The history's clock.
pub(crate) enum Clock {
    /// In a simulated run, step `s` returns at `2 s` and calls at `2 s + 1`: half of a time is the
    /// step it happened in, and a client's next operation begins after its last one ended.
    Steps(u64),
    /// On a foreign runtime with one thread, every event is later than the one before.
    Events(u64),
}

impl Clock {
    fn called(&mut self) -> u64 {
        match self {
            Clock::Steps(step) => *step * 2 + 1,
            Clock::Events(events) => {
                *events += 1;
                *events
            }
        }
    }

    fn returned(&mut self) -> u64 {
        match self {
            Clock::Steps(step) => *step * 2,
            Clock::Events(_) => self.called(),
        }
    }
}

/// One client's place at the counter: what it has sent, and what lies there for it.
pub(crate) struct Desk<M: Model> {
    pub(crate) me: ClientId,
    pub(crate) mail: RefCell<Mail<CallOf<M>, ReplyOf<M>>>,
    pub(crate) record: Rc<RefCell<Record<M>>>,
}

pub(crate) struct Mail<C, R> {
    pub(crate) slots: Vec<Slot<C, R>>,
    /// What the client did since the engine last looked, in order.
    pub(crate) news: Vec<News>,
    /// A digest of all it was told. Its program is a function of that, so this is its state.
    pub(crate) heard: u128,
    pub(crate) uniques: u32,
}

impl<C, R> Default for Mail<C, R> {
    fn default() -> Self {
        Mail { slots: Vec::new(), news: Vec::new(), heard: 0, uniques: 0 }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    Sent(u8),
    Dropped(u8),
}

/// Where one call has got to.
#[derive(Debug)]
pub(crate) enum Slot<C, R> {
    Free,
    /// Sent, and not yet taken effect.
    Sent(C),
    /// Waiting in the world, as for a row lock.
    Parked(C),
    /// Answered; the answer is still on its way.
    Answered(R),
    /// The answer, or silence, lies here until the client looks.
    Told(Result<R, Lost>),
    /// Waiting in the world for nobody: the client has been, or is to be, told of silence.
    Deaf {
        call: C,
        told: bool,
    },
}

impl<C, R> Mail<C, R> {
    fn send(&mut self, call: C) -> u8 {
        let free = self.slots.iter().position(|slot| matches!(slot, Slot::Free));
        let slot = free.unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            self.slots.len() - 1
        });
        assert!(slot < usize::from(CallId::ADRIFT), "a client has 128 calls in flight at most");
        self.slots[slot] = Slot::Sent(call);
        self.news.push(News::Sent(slot as u8));
        slot as u8
    }

    /// Notes that the client was told `result` on `slot`; `digest` stands for the result.
    pub(crate) fn hear(&mut self, slot: u8, digest: Fixed) {
        let wide = digest.wide();
        let low = mix(self.heard as u64 ^ u64::from(slot), wide as u64);
        let high = mix((self.heard >> 64) as u64 ^ low, (wide >> 64) as u64);
        self.heard = u128::from(high) << 64 | u128::from(low);
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.news.clear();
        self.heard = 0;
        self.uniques = 0;
    }
}

/// A call on its way; resolves to the answer, or to silence.
#[must_use = "a call is sent when it is awaited"]
pub struct Waiting<'a, M: Model> {
    desk: &'a Desk<M>,
    state: Stage<CallOf<M>>,
}

// Nothing in it is pinned: the call is a plain value until it is sent.
impl<M: Model> Unpin for Waiting<'_, M> {}

enum Stage<C> {
    Unsent(Option<C>),
    Sent(u8),
    Done,
}

impl<M: Model> Future for Waiting<'_, M> {
    type Output = Result<ReplyOf<M>, Lost>;

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut mail = self.desk.mail.borrow_mut();
        match &mut self.state {
            Stage::Unsent(call) => {
                let slot = mail.send(call.take().expect("a call is sent once"));
                drop(mail);
                self.state = Stage::Sent(slot);
                Poll::Pending
            }
            Stage::Sent(slot) => {
                let slot = &mut mail.slots[usize::from(*slot)];
                let told = match slot {
                    Slot::Told(_) => match mem::replace(slot, Slot::Free) {
                        Slot::Told(told) => told,
                        _ => unreachable!("it was told a moment ago"),
                    },
                    Slot::Deaf { told, .. } if !*told => {
                        *told = true;
                        Err(Lost)
                    }
                    _ => return Poll::Pending,
                };
                drop(mail);
                self.state = Stage::Done;
                Poll::Ready(told)
            }
            Stage::Done => panic!("a call is answered once"),
        }
    }
}

impl<M: Model> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        let Stage::Sent(slot) = self.state else { return };
        let mut mail = self.desk.mail.borrow_mut();
        match &mut mail.slots[usize::from(slot)] {
            told @ Slot::Told(_) => *told = Slot::Free,
            Slot::Deaf { told, .. } => *told = true,
            Slot::Sent(_) | Slot::Parked(_) | Slot::Answered(_) => {
                mail.news.push(News::Dropped(slot))
            }
            Slot::Free => unreachable!("a call in flight has its slot"),
        }
    }
}
