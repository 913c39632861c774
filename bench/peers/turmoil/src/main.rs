//! The toys on turmoil, and the writers on tokio without it.

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
        Figure::new("steps", "tokio current_thread", |_| steps::tokio()),
        Figure::new("steps", "turmoil, 16 tasks on a host", steps::one_host),
        Figure::new("steps", "turmoil, 16 hosts, sleep 1 ms", steps::many_hosts),
        Figure::new("round-trips", "turmoil TCP, 1-10 ms", messages::round),
    ])
}
