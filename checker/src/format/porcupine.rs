//! The etcd logs that Porcupine is tested on: a line of Jepsen's log an event.
//!
//! What differs from Jepsen's own files is what a compare-and-set means that failed: here it found
//! another value, which is an answer. A read that failed was not heard, and tells nothing.

use super::edn::{Edn, EdnError, Forms};
use super::jepsen::{Half, Jepsen};
use super::record::{FormatError, Sink, Wrong};

/// What every line of ours holds.
pub(super) const LOGGER: &str = "jepsen.util";

/// Reads whole lines, the first of which is number `line`. Lines of other loggers are skipped.
pub(super) fn lines<K: Sink>(
    jepsen: &mut Jepsen,
    text: &str,
    first: u64,
    sink: &mut K,
) -> Result<(), FormatError> {
    for (line, event) in (first..).zip(text.lines()) {
        let Some((level, rest)) = event.split_once(LOGGER) else {
            jepsen.skipped += u64::from(!event.trim().is_empty());
            continue;
        };
        let start = level.len() + LOGGER.len();
        one(jepsen, rest, line, sink).map_err(|(at, wrong)| {
            let within = FormatError::within(event, line, start + at, wrong.expected, wrong.found);
            FormatError { line, ..within }
        })?;
    }
    Ok(())
}

/// The event behind the logger's name, and where in it something is wrong.
fn one<K: Sink>(
    jepsen: &mut Jepsen,
    event: &str,
    line: u64,
    sink: &mut K,
) -> Result<(), (usize, Wrong)> {
    let mut forms = Forms::new(event);
    let mut next = |expected: &str| {
        let at = forms.at();
        let wrong =
            |found: String| (at, Wrong { field: None, expected: expected.to_owned(), found });
        match forms.next_form() {
            Ok(Some(form)) => Ok((at, form)),
            Ok(None) => Err(wrong("the end of the line".into())),
            Err(EdnError::Incomplete { expected }) => Err((
                event.len(),
                Wrong {
                    field: None,
                    expected: expected.into(),
                    found: "the end of the line".into(),
                },
            )),
            Err(EdnError::Wrong { at, expected }) => Err((
                at,
                Wrong {
                    field: None,
                    expected: expected.into(),
                    found: super::record::found_at(event, at),
                },
            )),
        }
    };
    let not = |(at, form): (usize, Edn<'_>), expected: &str| {
        let found = super::raw::quoted(&form.to_string());
        (at + 1, Wrong { field: None, expected: expected.into(), found })
    };
    next("'-' before the process")?;
    let process = match next("a process")? {
        (_, Edn::Int(process)) => process,
        (_, Edn::Keyword(_)) => {
            jepsen.skipped += 1;
            return Ok(());
        }
        other => return Err(not(other, "a process, a number")),
    };
    let kind = match next("a type")? {
        (_, Edn::Keyword(kind @ ("invoke" | "ok" | "fail" | "info"))) => kind,
        other => return Err(not(other, ":invoke, :ok, :fail or :info")),
    };
    let f = match next("an operation")? {
        (_, Edn::Keyword(f)) => f,
        other => return Err(not(other, "an operation such as :read")),
    };
    let (at, value) = next("a value")?;
    let half = Half { process, f, line, at: jepsen.tick() };
    let result = match (kind, f, &value) {
        ("invoke", ..) => jepsen.invoke(half, None, value, sink),
        ("fail", "cas", Edn::Vector(_)) => jepsen.complete(half, "no", value, sink),
        _ => jepsen.complete(half, kind, value, sink),
    };
    result.map_err(|wrong| (at, wrong))
}
