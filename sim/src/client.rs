//! One client: its program, its place at the counter, and its calls adrift.

use crate::desk::{Desk, Stage};
use crate::io::{Io, Record};
use crate::model::{CallOf, Model};
use checker::ClientId;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Begins a client's program. The type of the program has no name, so it travels as this.
pub trait Starts<M: Model>: Copy {
    /// The program.
    type Program: Future<Output = ()>;
    /// Begins it.
    fn start(&self, model: M, io: Io<M>) -> Self::Program;
}

impl<M: Model, F: Future<Output = ()>, S: Fn(M, Io<M>) -> F + Copy> Starts<M> for S {
    type Program = F;
    fn start(&self, model: M, io: Io<M>) -> F {
        self(model, io)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Life {
    Running,
    Finished,
    Crashed,
}

/// A call that nobody waits for.
#[derive(Hash)]
pub(crate) enum Adrift<C> {
    Free,
    /// Not yet taken effect.
    Sent(C),
    /// Landed late, and waits in the world.
    Parked(C),
}

#[repr(align(64))]
pub(crate) struct Client<M: Model, F> {
    pub(crate) desk: Rc<Desk<M>>,
    /// Boxed once; the next run's program takes the same place.
    program: Pin<Box<Option<F>>>,
    pub(crate) adrift: Vec<Adrift<CallOf<M>>>,
    pub(crate) life: Life,
}

impl<M: Model, F: Future<Output = ()>> Client<M, F> {
    pub(crate) fn new(me: ClientId, record: &Rc<Record<M>>, hears: bool) -> Self {
        let desk = Desk::new(me, record);
        desk.clear(hears);
        Client {
            desk: Rc::new(desk),
            program: Box::pin(None),
            adrift: Vec::new(),
            life: Life::Finished,
        }
    }

    pub(crate) fn me(&self) -> ClientId {
        self.desk.me
    }

    /// Forgets the last run. `hears`: somebody will ask what it was told.
    pub(crate) fn reset(&mut self, hears: bool) {
        self.program.as_mut().set(None);
        self.adrift.clear();
        self.desk.clear(hears);
    }

    pub(crate) fn start<S: Starts<M, Program = F>>(&mut self, starts: &S, model: &M) {
        let io = Io::new(Rc::clone(&self.desk));
        self.desk.heard.set(0);
        self.program.as_mut().set(Some(starts.start(model.clone(), io)));
        self.life = Life::Running;
    }

    /// Runs the program until it waits again or ends.
    #[inline]
    pub(crate) fn resume(&mut self) {
        let Some(program) = self.program.as_mut().as_pin_mut() else {
            panic!("only a running client can be told something")
        };
        if let Poll::Ready(()) = program.poll(&mut Context::from_waker(Waker::noop())) {
            self.stop(Life::Finished);
        }
    }

    /// Drops the program: calls still in flight are news.
    pub(crate) fn stop(&mut self, life: Life) {
        self.program.as_mut().set(None);
        self.life = life;
    }
}

/// All that what it does next depends on: a program is a function of what it was told.
impl<M: Model, F> Hash for Client<M, F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.life.hash(state);
        self.desk.heard.get().hash(state);
        self.desk.uniques.get().hash(state);
        for (slot, index) in self.desk.slots().zip(0u8..) {
            let stage = slot.stage.get();
            match stage {
                Stage::Free => {}
                Stage::Sent | Stage::Parked | Stage::Deaf | Stage::Forgotten => {
                    (index, stage, &*slot.call()).hash(state);
                }
                Stage::Answered | Stage::Told => {
                    let told = slot.told.take();
                    (index, stage, &told).hash(state);
                    slot.told.set(told);
                }
            }
        }
        for (adrift, index) in self.adrift.iter().zip(0u8..) {
            match adrift {
                Adrift::Free => {}
                adrift => (index, adrift).hash(state),
            }
        }
    }
}
