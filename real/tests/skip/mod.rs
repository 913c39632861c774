//! Skipping, aloud: a test that cannot find its service says so past the test runner's capture, and
//! leaves a line for whoever counts.
//!
//! `UNFORKED_REQUIRE_SERVICES=1` makes it a failure, except for SeaweedFS, which no registry has:
//! `make deps` cannot install it.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{Write, stderr};

/// Skips what needs `service`, or fails where services are required.
pub(crate) fn skip(service: &str, why: impl Display) {
    let required = std::env::var_os("UNFORKED_REQUIRE_SERVICES").is_some_and(|it| it == "1");
    assert!(!required || service.contains("weed"), "{service} is required: {why}");
    let line = format!("SKIPPED {service}: {why}");
    let _ = writeln!(stderr(), "{line}");
    if let Some(path) = std::env::var_os("UNFORKED_SKIPPED") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}
