//! The peers that our figures stand beside: built where they lie, run in turns with ours, medians
//! taken.
//!
//! A folder of `bench/peers` with a `Cargo.toml` is a program of its own, with a lock file of its
//! own, so that none of what it needs is needed by us. It lists its figures, and measures one of
//! them a process (`bench/peers/shared/figure.rs`).

mod tlc;

use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What was measured, by unit: `steps_per_cpu_s`, and `steps` for what one round of it was.
/// A peer that could not be measured has `skipped` instead, and says why.
pub(crate) type Figures = Map<String, Value>;

const ROUNDS: usize = 5;

/// A figure that is yet to be measured.
struct Entrant {
    name: String,
    measure: Box<dyn Fn() -> Result<Figures, String>>,
}

/// Builds every peer and measures ours and theirs of this bench. In turns, so that a busy minute of the
/// machine falls on all of them.
pub(crate) fn measure(bench: &str) -> Vec<(String, Figures)> {
    let (entrants, mut skipped) = enter(bench);
    let mut taken: Vec<Result<Vec<Figures>, String>> =
        entrants.iter().map(|_| Ok(Vec::new())).collect();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}, {} figures", entrants.len());
        for (entrant, taken) in entrants.iter().zip(&mut taken) {
            let Ok(samples) = taken else { continue };
            match (entrant.measure)() {
                Ok(figures) => samples.push(figures),
                Err(why) => *taken = Err(why),
            }
        }
    }
    let mut rows = Vec::new();
    for (Entrant { name, .. }, taken) in entrants.into_iter().zip(taken) {
        match taken {
            Ok(samples) => rows.push((name, medians(&samples))),
            Err(why) => skipped.push((name, why)),
        }
    }
    for (name, why) in skipped {
        eprintln!("skipped: {name}: {why}");
        rows.push((name, Map::from_iter([("skipped".to_owned(), json!(why))])));
    }
    rows
}

/// Who takes part, and who does not and why.
fn enter(bench: &str) -> (Vec<Entrant>, Vec<(String, String)>) {
    let ours = std::env::current_exe().map_err(|error| error.to_string());
    let ours = ours.and_then(|program| figures_of(&program, &["ours"], bench));
    let (mut entrants, mut skipped) = (ours.expect("we know our own figures"), Vec::new());
    for folder in folders() {
        let peer = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        eprintln!("building {peer}");
        match build(&folder, &peer).and_then(|program| figures_of(&program, &[], bench)) {
            Ok(more) => entrants.extend(more),
            Err(why) => skipped.push((peer, why)),
        }
    }
    if bench == "heap" {
        entrants.extend(crate::heap::SHAPES.into_iter().map(|(shape, ..)| Entrant {
            name: format!("PostgreSQL, {shape}"),
            measure: Box::new(move || {
                let program = std::env::current_exe().map_err(|error| error.to_string())?;
                let line = run(Command::new(program).args(["heap-real", shape]))?;
                serde_json::from_str(&line).map_err(|error| format!("says no JSON: {error}"))
            }),
        }));
    }
    if bench == "states" {
        match tlc::entrants(&home().join("tlc"), &target().join("tlc")) {
            Ok(more) => entrants.extend(more),
            Err(why) => skipped.push(("TLC".to_owned(), why)),
        }
    }
    (entrants, skipped)
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

pub(crate) fn target() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or(ours, PathBuf::from).join("peers")
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home()).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").exists()).collect();
    folders.sort();
    folders
}

/// The program, or the line of cargo's that says why there is none.
fn build(folder: &Path, peer: &str) -> Result<PathBuf, String> {
    // Made absolute, for cargo runs in the peer's folder.
    let target = std::path::absolute(target().join(peer)).map_err(|error| error.to_string())?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--release", "--locked", "--quiet", "--target-dir"]).arg(&target);
    cargo.current_dir(folder);
    if peer == "madsim" {
        // A flag of the whole build: it puts the simulation in the place of the real sockets.
        let mut flags = std::env::var_os("RUSTFLAGS").unwrap_or_default();
        flags.push(" --cfg madsim");
        cargo.env("RUSTFLAGS", flags);
    }
    match cargo.output() {
        Ok(output) if output.status.success() => {
            Ok(target.join("release").join(format!("{peer}-peer")))
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let error = said.lines().find(|line| line.starts_with("error"));
            let what = error.unwrap_or("error: cargo does not say why");
            Err(format!("cannot be built (is there a network?), {what}"))
        }
        Err(error) => Err(format!("no cargo: {error}")),
    }
}

/// Porcupine, if there is a Go to build it with.
pub(crate) fn porcupine() -> Result<PathBuf, String> {
    let target = std::path::absolute(target().join("porcupine")).map_err(|it| it.to_string())?;
    let program = target.join("porcupine-peer");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg(".").current_dir(home().join("porcupine"));
    run(&mut go).map(|_| program)
}

fn figures_of(program: &Path, args: &[&str], bench: &str) -> Result<Vec<Entrant>, String> {
    let list = run(Command::new(program).args(args))?;
    let ours = list.lines().filter_map(|line| line.strip_prefix(bench)?.strip_prefix('\t'));
    let entrant = |name: &str| {
        let mut words: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        words.extend([bench.to_owned(), name.to_owned()]);
        let program = program.to_owned();
        let measure = move || {
            let line = run(Command::new(&program).args(&words))?;
            serde_json::from_str(&line).map_err(|error| format!("says no JSON: {error}"))
        };
        Entrant { name: name.to_owned(), measure: Box::new(measure) }
    };
    Ok(ours.map(entrant).collect())
}

/// What a command printed, or why it did not end well.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("does not start: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("failed with {}: {}", output.status, said.lines().take(3).collect::<String>()))
}

/// The median of every figure over the rounds; what says how the measuring went is left out.
fn medians(samples: &[Figures]) -> Figures {
    let measured = |name: &&String| {
        samples[0][*name].is_number() && !["rounds", "cpu_s"].contains(&name.as_str())
    };
    let median = |name: &String| {
        let mut values: Vec<&Value> = samples.iter().map(|sample| &sample[name]).collect();
        let number = |value: &Value| value.as_f64().unwrap_or_default();
        values.sort_by(|left, right| number(left).total_cmp(&number(right)));
        (name.clone(), values[values.len() / 2].clone())
    };
    samples[0].keys().filter(measured).map(median).collect()
}
