//! The toys on madsim. Built with `RUSTFLAGS="--cfg madsim"`: without it these are real sockets.

#[path = "../../shared/figure.rs"]
mod figure;
#[path = "../../shared/keys.rs"]
mod keys;
#[path = "../../shared/toy.rs"]
mod toy;
#[path = "../../shared/wire.rs"]
mod wire;
mod messages;
mod steps;

use figure::Figure;
use std::process::ExitCode;

fn main() -> ExitCode {
    figure::answer(&[
        Figure::new("steps", "madsim, 16 tasks on a node", steps::round),
        Figure::new("round-trips", "madsim TCP, 1-10 ms", messages::tcp),
        Figure::new("round-trips", "madsim Endpoint RPC, 1-10 ms", messages::rpc),
    ])
}
