//! Ctrl-C: a summary first, and no server left behind.
//!
//! Commands that take long look at the flag and stop by themselves. The second Ctrl-C, or one
//! that nobody looks at within two seconds, ends the process at once, services first. Who has a
//! server to stop, or things to take away from somebody else's, may ask for longer.

use checker::workers::Stop;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static STOP: LazyLock<Stop> = LazyLock::new(Stop::default);

/// How many seconds a command gets to print its summary.
static GRACE: AtomicU64 = AtomicU64::new(2);

pub(crate) fn install() {
    let installed = ctrlc::set_handler(|| {
        if !STOP.ask() {
            end();
        }
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_secs(GRACE.load(Ordering::SeqCst)));
            end();
        });
    });
    if let Err(error) = installed {
        anstream::eprintln!("warning: Ctrl-C will not print a summary: {error}");
    }
}

fn end() {
    real::service::stop_all();
    anstream::eprintln!("interrupted: services are stopped, nothing was decided");
    std::process::exit(130);
}

/// Gives the command so many seconds from Ctrl-C on.
pub(crate) fn give(seconds: u64) {
    GRACE.store(seconds, Ordering::SeqCst);
}

pub(crate) fn was_interrupted() -> bool {
    STOP.is_asked()
}
