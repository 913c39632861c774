//! TLC on the same lock, where `UNFORKED_TLC_JAR` says where its jar is: it comes with Java, and is
//! in no registry of packages.

use super::{Entrant, Figures, run};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

const JAR: &str = "UNFORKED_TLC_JAR";

/// Writers, transitions and expiries, as in `bench/peers/shared/shapes.rs`, and the states that
/// have to be found: all of them, and by symmetry.
const SHAPES: [([usize; 3], u64, u64); 3] =
    [([3, 2, 2], 27_231, 4_831), ([3, 3, 3], 389_367, 66_964), ([4, 2, 2], 474_538, 23_212)];

pub(super) fn entrants(spec: &Path, scratch: &Path) -> Result<Vec<Entrant>, String> {
    let jar = std::env::var_os(JAR).ok_or_else(|| format!("no TLC jar ({JAR} is not set)"))?;
    let jar = PathBuf::from(jar);
    if !jar.exists() {
        return Err(format!("no TLC jar at {}", jar.display()));
    }
    std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
    let mut entrants = Vec::new();
    for (shape, states, symmetric) in SHAPES {
        for (symmetry, states) in [(false, states), (true, symmetric)] {
            let [writers, transitions, _] = shape;
            let name = format!(
                "TLC{}, {writers}x{transitions}",
                if symmetry { " + symmetry" } else { "" }
            );
            let config = scratch.join(format!("{name}.cfg"));
            std::fs::write(&config, words(shape, symmetry)).map_err(|error| error.to_string())?;
            let (jar, spec) = (jar.clone(), spec.join("LockCas.tla"));
            let scratch = scratch.join("states");
            let measure = move || measure(&jar, &spec, &config, &scratch, states);
            entrants.push(Entrant { name, measure: Box::new(measure) });
        }
    }
    Ok(entrants)
}

/// The `.cfg` of a shape.
fn words([writers, transitions, expiries]: [usize; 3], symmetry: bool) -> String {
    let names: Vec<String> = (1..=writers).map(|writer| format!("w{writer}")).collect();
    let values: String = names.iter().map(|name| format!("  {name} = {name}\n")).collect();
    let symmetry = if symmetry { "SYMMETRY Names\n" } else { "" };
    format!(
        "INIT Init\nNEXT Next\nINVARIANT NothingLost\nCHECK_DEADLOCK FALSE\n{symmetry}CONSTANTS\n  \
         Writers = {{{}}}\n  Transitions = {transitions}\n  Expiries = {expiries}\n  \
         Nobody = Nobody\n{values}",
        names.join(", ")
    )
}

/// One whole run, the start of the Java machine included.
fn measure(
    jar: &Path,
    spec: &Path,
    config: &Path,
    scratch: &Path,
    expected: u64,
) -> Result<Figures, String> {
    // The shell's `times` is the portable way to the CPU time of a child; one thread collects, so
    // that none is spent on waiting for others.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$@" || exit; times"#, "sh", "java", "-XX:+UseSerialGC", "-cp"]).arg(jar);
    shell.args(["tlc2.TLC", "-workers", "1", "-nowarning", "-metadir"]).arg(scratch);
    let said = run(shell.arg("-config").arg(config).arg(spec))?;
    let found = said.lines().find_map(|line| {
        let (before, _) = line.split_once(" distinct states found, 0 states left")?;
        before.rsplit(' ').next()?.replace(',', "").parse::<u64>().ok()
    });
    let states = found.ok_or("TLC did not finish")?;
    if states != expected {
        return Err(format!("{states} distinct states, not {expected}"));
    }
    let seconds = said.lines().last().and_then(cpu_seconds).ok_or("the shell says no times")?;
    let rate = (states as f64 / seconds).round() as u64;
    let figures = [("distinct_states_per_cpu_s", rate), ("distinct_states", states)];
    Ok(figures.map(|(unit, value)| (unit.to_owned(), json!(value))).into_iter().collect())
}

/// Of the children: `0m4.210s 0m0.330s`, of the user and of the system.
fn cpu_seconds(line: &str) -> Option<f64> {
    let one = |time: &str| {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    let (user, system) = line.split_once(' ')?;
    Some(one(user)? + one(system)?)
}
