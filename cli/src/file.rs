//! Files: read with an error that names them, written whole or not at all.

use crate::out::Failure;
use serde_json::Value;
use sim::registry::{AnyModel, SetupError};
use sim::step::Step;
use sim::trace::{Trace, TraceError};
use std::fs;
use std::io::Write;
use std::path::Path;

/// A trace and all that is needed to play it.
pub(crate) struct Loaded {
    pub(crate) trace: Trace,
    pub(crate) model: &'static dyn AnyModel,
    pub(crate) steps: Vec<Step>,
}

pub(crate) fn load(path: &Path) -> Result<Loaded, Failure> {
    let at = |why: String| Failure::input(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| at(format!("cannot be read: {error}")))?;
    let on = |field: &str, why: String| {
        at(format!("line {}: {why}", line_of(&text, &format!("\"{field}\""))))
    };
    let trace = Trace::from_json(&text).map_err(|error| match error {
        TraceError::Field { name, .. } => on(name, error.to_string()),
        TraceError::NewerFormat { .. } => on("format", error.to_string()),
        TraceError::NotJson { .. } => at(error.to_string()),
    })?;
    let model = models::of_trace(&trace.model).map_err(|error| on("model", error.to_string()))?;
    if let Some(missing) = model.card().params.keys().find(|it| !trace.params.contains_key(*it)) {
        return Err(on(
            "params",
            format!("'{missing}' is missing: a trace records every parameter"),
        ));
    }
    let steps = model.parse(&trace.steps).map_err(|(index, error)| {
        let line = line_of(&text, &Value::from(trace.steps[index].as_str()).to_string());
        at(format!("line {line}: {error}"))
    })?;
    let session = model.session(&trace.params, trace.mutant.as_deref());
    let session = session.map_err(|error| match error {
        SetupError::UnknownMutant { .. } => on("mutant", error.to_string()),
        _ => on("params", error.to_string()),
    })?;
    if trace.start >= session.starts() {
        let last = session.starts() - 1;
        let why = format!("'start' is {}: expected an initial world, 0 to {last}", trace.start);
        return Err(on("start", why));
    }
    if let Some((name, choices)) = session.left_open().first() {
        return Err(on(name, left_open(name, &trace.params[name], choices)));
    }
    Ok(Loaded { trace, model, steps })
}

/// A parameter that some seed would draw: without the seed, nobody knows what it was.
fn left_open(name: &str, value: &Value, choices: &[Value]) -> String {
    let shown: Vec<String> = choices.iter().map(Value::to_string).collect();
    format!(
        "'{name}' is {value}, which leaves it open: a trace records what was drawn, \
         expected {}",
        shown.join(" or ")
    )
}

/// The first line of the file that holds this: a person looks there.
fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.contains(needle)).map_or(1, |index| index + 1)
}

/// Writes to a temporary name beside `path`, then renames: never half a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::input(format!("{}: cannot be written: {error}", path.display()))
    };
    // A rename would put a file in the place of a device or a pipe.
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return Err(failed(std::io::Error::other("it is there, and is no regular file")));
    }
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(failed)?;
    let name = path
        .file_name()
        .ok_or_else(|| Failure::input(format!("{}: not a file's name", path.display())))?;
    let temporary = directory.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}
