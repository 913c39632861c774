//! The same clients on somebody else's runtime: tokio against real servers, turmoil, madsim.
//!
//! There the runtime owns the order, so there is no chooser and no exact replay; the programs, the
//! history and the verdict are the same. All clients of a run live on one thread, which is what
//! makes one counter a sound clock for their history.

use crate::client::{Client, Life, Starts};
use crate::desk::{News, Stage};
use crate::io::{Clock, Lost, Record};
use crate::model::{CallOf, Model, OpOf, ReplyOf, RetOf};
use crate::world::Marks;
use checker::{ClientId, History};
use std::cell::{Cell, Ref};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// One client's connections to a world that lives elsewhere.
#[allow(async_fn_in_trait, reason = "hosts run on one thread")]
pub trait Port<M: Model> {
    /// Sends a call; silence is an answer too.
    async fn call(&self, call: CallOf<M>) -> Result<ReplyOf<M>, Lost>;
}

/// What the clients of one hosted run write down.
pub struct Hosted<M: Model>(Rc<Record<M>>);

impl<M: Model> Default for Hosted<M> {
    fn default() -> Self {
        Hosted(Rc::new(Record::new(Clock::Events(Cell::new(0)))))
    }
}

impl<M: Model> Hosted<M> {
    /// A history whose times are what `shows` shows, in a unit of the host's.
    pub fn by_clock(shows: impl Fn() -> u64 + 'static) -> Self {
        let clock = Clock::Hosts { shows: Box::new(shows), last: Cell::new(0) };
        Hosted(Rc::new(Record::new(clock)))
    }

    /// What was asked and answered.
    pub fn history(&self) -> Ref<'_, History<OpOf<M>, RetOf<M>>> {
        self.0.history.borrow()
    }

    /// What the clients counted.
    pub fn marks(&self) -> Marks {
        self.0.marks.borrow().clone()
    }

    /// Runs client `me` to its end, its calls answered by `port`.
    pub async fn run(&self, model: &M, me: ClientId, port: &impl Port<M>) {
        let starts = |model: M, io| model.client(io);
        self.run_program(&starts, model, me, port).await;
    }

    async fn run_program<S: Starts<M>>(
        &self,
        starts: &S,
        model: &M,
        me: ClientId,
        port: &impl Port<M>,
    ) {
        let mut client = Client::<M, S::Program>::new(me, &self.0, false);
        client.start(starts, model);
        client.resume();
        let mut news = Vec::new();
        let mut flying: Vec<Flying<'_, M>> = Vec::new();
        while client.life == Life::Running {
            client.desk.take_news(&mut news);
            for item in news.drain(..) {
                match item {
                    News::Sent(slot) => {
                        let call = client.desk.slot(slot).take_call();
                        flying.push(Flying { slot, heard: true, call: Box::pin(port.call(call)) });
                    }
                    News::Dropped(slot) => {
                        flying
                            .iter_mut()
                            .filter(|it| it.slot == slot)
                            .for_each(|it| it.heard = false);
                    }
                }
            }
            assert!(!flying.is_empty(), "a client waits only on its own calls");
            let (Flying { slot, heard, .. }, result) = next(&mut flying).await;
            let slot = client.desk.slot(slot);
            if !heard {
                slot.stage.set(Stage::Free);
                continue;
            }
            client.desk.tell(slot, result);
            client.resume();
        }
    }
}

/// A call in flight. One that the client dropped runs on, unheard, until the client ends.
struct Flying<'a, M: Model> {
    slot: u8,
    heard: bool,
    call: Pin<Box<dyn Future<Output = Heard<M>> + 'a>>,
}

type Heard<M> = Result<ReplyOf<M>, Lost>;

/// The first call to be answered.
async fn next<'a, M: Model>(flying: &mut Vec<Flying<'a, M>>) -> (Flying<'a, M>, Heard<M>) {
    poll_fn(|context| {
        for index in 0..flying.len() {
            if let Poll::Ready(result) = flying[index].call.as_mut().poll(context) {
                return Poll::Ready((flying.swap_remove(index), result));
            }
        }
        Poll::Pending
    })
    .await
}

/// Runs all of `clients` together, on one thread, until each is done.
pub async fn all<F: Future<Output = ()>>(clients: impl Iterator<Item = F>) {
    let mut left: Vec<Pin<Box<F>>> = clients.map(Box::pin).collect();
    poll_fn(|context| {
        left.retain_mut(|client| client.as_mut().poll(context).is_pending());
        if left.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await
}
