//! Each mutant's shortest failure as a person reads it, derived again from its trace and compared
//! with the snapshot that was reviewed.

use checker::Verdict;
use serde_json::Value;
use std::fmt::Write;
use unforked_tests::{Recorded, recorded};

#[test]
fn every_failing_history_reads_as_it_was_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for it in recorded().iter().filter(|it| it.trace.mutant.is_some()) {
        settings.bind(|| insta::assert_snapshot!(it.name.as_str(), page(it)));
    }
}

/// The setup, the steps with what came of them, the history, the verdict and the control.
fn page(it: &Recorded) -> String {
    let (trace, _) = it.again();
    let mut page = String::new();
    let params: Vec<String> =
        trace.params.iter().map(|(name, value)| format!("{name}={}", bare(value))).collect();
    let mutant = trace.mutant.as_deref().unwrap_or("none");
    let mut say = |line: String| writeln!(page, "{line}").expect("a string takes everything");
    say(format!("{} --mutant {mutant}: {}\n", trace.model, params.join(" ")));
    for (number, step) in (1..).zip(&trace.steps) {
        say(format!("{number:>4}  {step}"));
    }
    say(String::new());
    for operation in &trace.history {
        say(operation.to_string());
    }
    say(format!("\n{}", sentence(&trace.verdict)));
    say(format!("put right: {}", sentence(&it.control(None).verdict)));
    page
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn sentence(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "holds".to_owned(),
        Verdict::Fail(it) => format!("{}: {}", it.property, it.why),
        Verdict::Unknown { why } => format!("unknown: {why}"),
    }
}
