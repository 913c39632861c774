//! `checker digests`: one digest a seed, from a process of its own, for `doctor`.

use crate::out::{Exit, Failure, Out, print};
use crate::setup;
use clap::Args as ClapArgs;
use serde_json::Map;
use sim::scenario::Scenario;
use sim::session::{Plan, Session};

#[derive(ClapArgs)]
pub(crate) struct Args {
    model: String,
    from: u64,
    to: u64,
}

pub(crate) fn digests(args: &Args, _out: &Out) -> Result<Exit, Failure> {
    let mut session = setup::session(setup::model(&args.model)?, &Map::new(), None)?;
    for seed in args.from..args.to {
        print(format_args!("{:016x}", digest(session.as_mut(), seed)));
    }
    Ok(Exit::Holds)
}

/// What a seed does, as one number.
pub(crate) fn digest(session: &mut dyn Session, seed: u64) -> u64 {
    session.play(&Plan::Seed(Scenario::of(seed))).digest
}
