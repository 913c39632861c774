//! What stands for the whole state of a run, so that a search knows when it has been here before.
//!
//! A program cannot be looked into, but it is a function of what it was told. What is left is the
//! world, the calls in flight and adrift, and of the history what a verdict depends on.

use super::{Engine, Starts};
use crate::client::Adrift;
use crate::model::{CallOf, Model};
use crate::step::CallId;
use checker::Operation;
use checker::hash::{Chain, Fingerprint};
use std::hash::{Hash, Hasher};

impl<M: Model, S: Starts<M>> Engine<M, S> {
    /// Equal, and all that can follow is equal, verdicts included.
    pub(crate) fn fingerprint<W: Hash>(&self, world: &W) -> u128 {
        let mut state = Fingerprint::default();
        world.hash(&mut state);
        self.menu.faults_left().hash(&mut state);
        for client in &self.clients {
            client.hash(&mut state);
        }
        precedence(self.record.history.borrow().operations(), self.clients.len(), &mut state);
        state.wide()
    }

    /// The call that lies on this slot and has yet to take effect.
    pub(crate) fn call(&self, id: CallId) -> Option<CallOf<M>> {
        let client = &self.clients[usize::from(id.client.0)];
        match id.slot.checked_sub(CallId::ADRIFT) {
            None => client.desk.slot(id.slot).call.borrow().clone(),
            Some(slot) => match client.adrift.get(usize::from(slot))? {
                Adrift::Sent(call) => Some(call.clone()),
                _ => None,
            },
        }
    }
}

/// What a verdict depends on in a history: what each client asked and was answered, in its order,
/// and how many operations of each client were over before each began.
fn precedence<Op: Hash, Ret: Hash>(
    history: &[Operation<Op, Ret>],
    clients: usize,
    state: &mut Fingerprint,
) {
    let mut chains = vec![Chain::default(); clients];
    let mut before = vec![0u32; clients];
    for it in history {
        before.fill(0);
        for other in history.iter().filter(|other| other.precedes(it)) {
            before[usize::from(other.client.0)] += 1;
        }
        let chain = &mut chains[usize::from(it.client.0)];
        it.op.hash(chain);
        before.iter().for_each(|count| count.hash(chain));
        it.ret().hash(chain);
    }
    for chain in chains {
        chain.finish().hash(state);
    }
}
