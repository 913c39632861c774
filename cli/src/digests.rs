//! `checker digests`: what each seed does, step by step, from a process of its own, for `doctor`.

use crate::out::{Exit, Failure, Out, print};
use crate::setup;
use clap::Args as ClapArgs;
use serde_json::{Map, json};
use sim::determinism::record;

#[derive(ClapArgs)]
pub(crate) struct Args {
    model: String,
    from: u64,
    to: u64,
}

pub(crate) fn digests(args: &Args, _out: &Out) -> Result<Exit, Failure> {
    let mut session = setup::session(setup::model(&args.model)?, &Map::new(), None)?;
    for recording in record(session.as_mut(), args.from..args.to) {
        print(json!(recording));
    }
    Ok(Exit::Holds)
}
