//! The checker as its users see it: the search beside brute force, every named violation one by
//! one, and the lines of the history format.

mod brute;
mod format;
mod generate;
mod head;
mod kvs;
mod line;
mod locks;
mod logs;
mod monitors;
mod objects;
mod proof;
mod queues;
mod registers;
mod search;
mod stores;
mod strategy;
mod stream;

use checker::{ClientId, Operation, Outcome};

/// An operation that returned.
fn returned<Op, Ret>(client: u16, call: u64, at: u64, op: Op, ret: Ret) -> Operation<Op, Ret> {
    Operation { client: ClientId(client), op, call, outcome: Outcome::Returned { at, ret } }
}

/// An operation nobody heard of again.
fn open<Op, Ret>(client: u16, call: u64, op: Op) -> Operation<Op, Ret> {
    Operation { client: ClientId(client), op, call, outcome: Outcome::Open }
}

/// An operation that certainly did nothing.
fn failed<Op, Ret>(client: u16, call: u64, op: Op) -> Operation<Op, Ret> {
    Operation { client: ClientId(client), op, call, outcome: Outcome::Failed }
}
