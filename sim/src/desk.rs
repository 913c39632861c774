//! One client's place at the counter: what it has sent, and what lies there for it.
//!
//! Client and engine take turns, so neither ever looks while the other writes, and what it is lies
//! in cells: a door that every step passes twice is no place to count who has borrowed what. Only
//! the call itself is lent, to the world, because it may be long.

use crate::io::{Lost, Record};
use crate::model::{CallOf, Model, ReplyOf};
use crate::step::CallId;
use checker::ClientId;
use checker::hash::{Fingerprint, mix};
use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::iter::successors;
use std::rc::Rc;

/// No slot at all.
pub(crate) const NONE: u8 = u8::MAX;
/// More than one slot.
pub(crate) const MUCH: u8 = u8::MAX - 1;

/// All that the two sides of the door share.
pub(crate) struct Desk<M: Model> {
    pub(crate) me: ClientId,
    /// The slot of the one call it sent since the engine last looked, which is most often all
    /// there is to know; [`NONE`]; or [`MUCH`]: look at the news.
    pub(crate) sent: Cell<u8>,
    /// Whether anybody asks for `heard`: an exhaustive search does.
    pub(crate) hears: Cell<bool>,
    pub(crate) uniques: Cell<u32>,
    /// A fingerprint of all it was told. Its program is a function of that and of `uniques`, so
    /// the two are its state.
    pub(crate) heard: Cell<u128>,
    /// Most clients have one call in flight and never another.
    first: SlotOf<M>,
    /// What it did since the engine last looked, in order, where that was much.
    news: RefCell<Vec<News>>,
    pub(crate) record: Rc<Record<M>>,
}

type SlotOf<M> = Slot<CallOf<M>, ReplyOf<M>>;

impl<M: Model> Desk<M> {
    pub(crate) fn new(me: ClientId, record: &Rc<Record<M>>) -> Self {
        Desk {
            me,
            sent: Cell::new(NONE),
            hears: Cell::new(false),
            uniques: Cell::new(0),
            heard: Cell::new(0),
            first: Slot::new(0),
            news: RefCell::default(),
            record: Rc::clone(record),
        }
    }

    /// Forgets the last run.
    pub(crate) fn clear(&self, hears: bool) {
        self.sent.set(NONE);
        self.hears.set(hears);
        self.uniques.set(0);
        self.heard.set(0);
        self.news.borrow_mut().clear();
        self.slots().for_each(|slot| slot.stage.set(Stage::Free));
    }

    /// All that the client did since somebody last looked, in order, into `news`.
    pub(crate) fn take_news(&self, news: &mut Vec<News>) {
        match self.sent.replace(NONE) {
            NONE => {}
            MUCH => news.append(&mut self.news.borrow_mut()),
            slot => news.push(News::Sent(slot)),
        }
    }

    #[inline(always)]
    pub(crate) fn send(&self, call: CallOf<M>) -> u8 {
        let (index, slot) = match self.first.stage.get() {
            Stage::Free => (0, &self.first),
            _ => self.free_slot(),
        };
        slot.stage.set(Stage::Sent);
        *slot.call.borrow_mut() = Some(call);
        match self.sent.get() {
            NONE => self.sent.set(index),
            _ => self.note(News::Sent(index)),
        }
        index
    }

    #[cold]
    fn free_slot(&self) -> (u8, &SlotOf<M>) {
        let mut slot = &self.first;
        while slot.stage.get() != Stage::Free {
            slot = slot.next.get_or_init(|| Box::new(Slot::new(slot.index + 1)));
        }
        assert!(slot.index < CallId::ADRIFT, "a client has 128 calls in flight at most");
        (slot.index, slot)
    }

    #[cold]
    pub(crate) fn note(&self, item: News) {
        let mut news = self.news.borrow_mut();
        let before = self.sent.replace(MUCH);
        if before < MUCH {
            news.push(News::Sent(before));
        }
        news.push(item);
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &SlotOf<M>> {
        successors(Some(&self.first), |slot| slot.next.get().map(Box::as_ref))
    }

    #[inline]
    pub(crate) fn slot(&self, index: u8) -> &SlotOf<M> {
        if index == 0 { &self.first } else { self.slot_after_first(index) }
    }

    #[cold]
    fn slot_after_first(&self, index: u8) -> &SlotOf<M> {
        self.slots().nth(usize::from(index)).expect("a call has a slot until it is answered")
    }

    /// Tells the client what came of the call on `slot`.
    #[inline(always)]
    pub(crate) fn tell(&self, slot: &SlotOf<M>, result: Result<ReplyOf<M>, Lost>) {
        self.hear(slot.index, &result);
        slot.told.set(Some(result));
        slot.stage.set(Stage::Told);
    }

    /// Notes that the client learns `result`, if anybody asks.
    #[inline(always)]
    pub(crate) fn hear(&self, slot: u8, result: &Result<ReplyOf<M>, Lost>) {
        if self.hears.get() {
            self.take_in(slot, result);
        }
    }

    fn take_in(&self, slot: u8, result: &Result<ReplyOf<M>, Lost>) {
        let (heard, wide) = (self.heard.get(), Fingerprint::of(result).wide());
        let low = mix(heard as u64 ^ u64::from(slot), wide as u64);
        let high = mix((heard >> 64) as u64 ^ low, (wide >> 64) as u64);
        self.heard.set(u128::from(high) << 64 | u128::from(low));
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    Sent(u8),
    Dropped(u8),
}

const IN_FLIGHT: &str = "a call in flight lies in its slot";

/// One call and where it has got to. What lies in `call` and `told` beyond that means nothing.
pub(crate) struct Slot<C, R> {
    index: u8,
    pub(crate) stage: Cell<Stage>,
    pub(crate) call: RefCell<Option<C>>,
    pub(crate) told: Cell<Option<Result<R, Lost>>>,
    /// A chain, because a slot that is there stays where it is.
    next: OnceCell<Box<Slot<C, R>>>,
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
    fn new(index: u8) -> Self {
        let (stage, call) = (Cell::new(Stage::Free), RefCell::new(None));
        Slot { index, stage, call, told: Cell::new(None), next: OnceCell::new() }
    }

    /// The call, while it matters. Lent to one at a time, because that is asked faster.
    #[inline]
    pub(crate) fn call(&self) -> RefMut<'_, C> {
        RefMut::map(self.call.borrow_mut(), |call| call.as_mut().expect(IN_FLIGHT))
    }

    /// The call, which from here on lies elsewhere.
    pub(crate) fn take_call(&self) -> C {
        self.call.take().expect(IN_FLIGHT)
    }

    /// The call took effect, and its client does not wait for the answer.
    #[cold]
    pub(crate) fn answered_to_nobody(&self) {
        match self.stage.get() {
            Stage::Deaf => {
                self.stage.set(Stage::Told);
                self.told.set(Some(Err(Lost)));
            }
            Stage::Forgotten => self.stage.set(Stage::Free),
            _ => unreachable!("only a call can apply"),
        }
    }
}
