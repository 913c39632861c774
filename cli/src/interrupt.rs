//! Ctrl-C: a summary first, and no server left behind.
//!
//! Commands that take long look at the flag and stop by themselves. The second Ctrl-C, or one
//! that nobody looks at within two seconds, ends the process at once, services first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How long a command gets to print its summary.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) fn install() {
    let installed = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            end();
        }
        std::thread::spawn(|| {
            std::thread::sleep(GRACE);
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

pub(crate) fn was_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}
