//! What was measured, as a table, as JSON, or as `bench/results.md`.

use crate::ours::BENCHES;
use crate::peers::{Figures, measure};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Ours beside the peers.
pub(crate) fn print(bench: &str, json: bool) {
    let rows = measure(bench);
    if !json {
        return print!("{}", table(bench, &rows));
    }
    let (ours, peers): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(name, _)| is_ours(name));
    let mut object = ours.first().map_or(Map::new(), |(_, figures)| figures.clone());
    object.insert("ours".to_owned(), ours.into_iter().map(flat).collect());
    object.insert("peers".to_owned(), peers.into_iter().map(flat).collect());
    println!("{}", Value::Object(object));
}

fn is_ours(name: &str) -> bool {
    name.starts_with("unforked")
}

/// A row as it stands in `peers: [{name, ..}]`.
fn flat((name, figures): (String, Figures)) -> Value {
    let name = ("name".to_owned(), Value::String(name));
    Value::Object(std::iter::once(name).chain(figures).collect())
}

/// A table in Markdown that can be read as it is; how many times a row is ours stands beside it.
fn table(bench: &str, rows: &[(String, Figures)]) -> String {
    let units: Vec<&String> = rows
        .iter()
        .find(|(name, _)| is_ours(name))
        .map_or(Vec::new(), |it| it.1.keys().filter(|unit| unit.ends_with("_s")).collect());
    let head = units.last().copied();
    let figure = |name: &str| {
        let (_, figures) = rows.iter().find(|(it, _)| it == name)?;
        figures.get(head?)?.as_f64()
    };
    let mut out = format!("| {bench:<36} |");
    for unit in &units {
        let _ =
            write!(out, " {:>22} |", unit.replace("_per_cpu_s", "/CPU-s").replace("_per_s", "/s"));
    }
    let _ = writeln!(out, " ours is |");
    let _ = writeln!(
        out,
        "|{}|{}--------:|",
        "-".repeat(38),
        "-----------------------:|".repeat(units.len())
    );
    for (name, figures) in rows {
        if let Some(why) = figures.get("skipped").and_then(Value::as_str) {
            let _ = writeln!(out, "| {name:<36} | skipped: {why} |");
            continue;
        }
        let _ = write!(out, "| {name:<36} |");
        for unit in &units {
            let figure = figures.get(*unit).and_then(Value::as_f64);
            let _ = write!(out, " {:>22} |", figure.map_or("-".to_owned(), thousands));
        }
        let ours = figure(&rival(name, rows)).filter(|_| !is_ours(name));
        let ratio = ours.zip(figure(name));
        let ratio = ratio.map_or(String::new(), |(ours, theirs)| format!("{:.1}x", ours / theirs));
        let _ = writeln!(out, " {ratio:>7} |");
    }
    out
}

/// The one of ours that a peer is compared with: of the same size and kind where there are several.
fn rival(peer: &str, rows: &[(String, Figures)]) -> String {
    let size = |name: &str| name.rsplit(", ").next().unwrap_or_default().to_owned();
    let symmetric = |name: &str| name.contains("symmetry");
    let mut ours = rows.iter().map(|(name, _)| name).filter(|name| is_ours(name));
    let alike = |name: &&String| size(name) == size(peer) && symmetric(name) == symmetric(peer);
    let first = ours.clone().next();
    ours.find(alike).or(first).cloned().unwrap_or_default()
}

/// `1234567.0` as `1,234,567`.
fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Measures everything and writes it down.
pub(crate) fn write() -> ExitCode {
    let mut out = String::from("# What was measured\n\nBy `make bench`");
    let _ = writeln!(
        out,
        " on {}: per CPU-second, medians of several rounds, ours and theirs in turns.\n\
         \"Ours is\" compares the last column.\n",
        machine()
    );
    for bench in BENCHES {
        out.push_str(&table(bench, &measure(bench)));
        out.push('\n');
    }
    match crate::checker::table(|line| eprintln!("{line}")) {
        Ok((table, _)) => {
            out.push_str(
                "## Judging a history, beside Porcupine\n\nParsing apart; least of five.\n\n",
            );
            out.push_str(&table);
        }
        Err(error) => eprintln!("the checker was not measured: {error}"),
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results.md");
    print!("{out}");
    match std::fs::write(&path, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// The processor, as the system calls it, and how many there are.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} CPUs ({}), {}", name.unwrap_or("unknown").trim(), std::env::consts::OS)
}
