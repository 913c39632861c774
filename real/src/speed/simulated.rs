//! Services that are not real in a run at full speed: the simulation, with nobody to drive it.
//!
//! Calls take effect in the order they arrive, and one that waits for a row is answered when the
//! row is free. Nothing else moves: no lock runs out, and nothing is vacuumed.

use models::worlds::clock::Rate;
use models::worlds::objects::Profile;
use models::worlds::rows::Vacuum;
use models::worlds::{Call, Reply, Services};
use sim::prelude::{CallId, ClientId, Poll, World};
use std::cell::RefCell;
use std::collections::HashMap;
use tokio::sync::oneshot;

/// More Redis servers than any model has.
const NODES_MAX: usize = 16;

pub(super) struct Simulated {
    inner: RefCell<Inner>,
}

struct Inner {
    services: Services,
    parked: HashMap<CallId, (Call, oneshot::Sender<Reply>)>,
    calls: u8,
}

impl Simulated {
    pub(super) fn new(runs: u16) -> Self {
        let services = Services::new(runs, false, Vacuum::AtOnce, Profile::Strong)
            .with_nodes([Rate::default(); NODES_MAX].into_iter());
        Simulated { inner: RefCell::new(Inner { services, parked: HashMap::new(), calls: 0 }) }
    }

    pub(super) async fn call(&self, client: ClientId, call: Call) -> Reply {
        let answer = self.inner.borrow_mut().call(client, call);
        answer.await.expect("a call that is parked is kept until it is answered")
    }
}

impl Inner {
    fn call(&mut self, client: ClientId, call: Call) -> oneshot::Receiver<Reply> {
        self.calls = (self.calls + 1) % CallId::ADRIFT;
        let (answer, heard) = oneshot::channel();
        self.apply(CallId { client, slot: self.calls }, call, answer);
        while let Some(freed) = self.services.freed() {
            let (call, answer) = self.parked.remove(&freed).expect("only a parked call is freed");
            self.apply(freed, call, answer);
        }
        heard
    }

    fn apply(&mut self, id: CallId, call: Call, answer: oneshot::Sender<Reply>) {
        match self.services.apply(id, &call) {
            // Whoever no longer listens has given up, which is no concern of the services.
            Poll::Ready(reply) => drop(answer.send(reply)),
            Poll::Pending => drop(self.parked.insert(id, (call, answer))),
        }
    }
}
