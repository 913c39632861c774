//! The checker beside Porcupine, on the same histories: milliseconds, parsing apart.
//!
//! Each history is generated once from its seed, written down, and read by both. Each side measures
//! itself in a process of its own; the least of several repeats is shown, because whatever else the
//! machine does can only add to it.

use crate::histories::{self, FAMILIES, Shape};
use checker::format::{Collector, Format, Reader, Renames, Start, Written};
use checker::specs::{head::Head, kv::Kv, objects::Objects, register::Register};
use checker::text::Text;
use checker::{Budget, Verdict, prove};
use cpu_time::ProcessTime;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A row of the table: which history, and how long it may take us, in ms.
pub(crate) struct Row {
    family: &'static str,
    ops: u64,
    clients: usize,
    bad: bool,
    unheard: u64,
    most: f64,
}

impl Row {
    /// One that holds, to no bound.
    pub(crate) fn plain(family: &'static str, ops: u64, clients: usize) -> Self {
        row(family, ops, clients, false, f64::INFINITY)
    }
}

const fn row(family: &'static str, ops: u64, clients: usize, bad: bool, most: f64) -> Row {
    Row { family, ops, clients, bad, unheard: 0, most }
}

const ROWS: &[Row] = &[
    row("head", 1_000, 64, false, 0.05),
    row("head", 1_000, 64, true, 0.05),
    row("head", 1_000_000, 4, false, 60.0),
    row("head", 1_000_000, 64, false, 60.0),
    Row { unheard: 10, ..row("head", 100_000, 16, false, 60.0) },
    Row { unheard: 100, ..row("head", 100_000, 16, false, 60.0) },
    row("unique", 100_000, 64, false, 150.0),
    row("unique", 100_000, 64, true, 150.0),
    Row { unheard: 10, ..row("unique", 10_000, 16, false, 150.0) },
    Row { unheard: 100, ..row("unique", 10_000, 16, false, 150.0) },
    row("values5", 10_000, 16, false, 5.0),
    row("values5", 10_000, 16, true, 100.0),
    Row { unheard: 10, ..row("values5", 10_000, 16, false, 100.0) },
    row("kv", 2_000, 50, false, 20.0),
    row("kv", 2_000, 50, true, 1.0),
    Row { unheard: 10, ..row("kv", 2_000, 50, false, 20.0) },
    Row { unheard: 100, ..row("kv", 2_000, 50, false, 20.0) },
    row("list", 10_000, 16, false, 100.0),
    row("list", 10_000, 16, true, 100.0),
    Row { unheard: 10, ..row("list", 10_000, 16, false, 100.0) },
];

/// Seconds that each side has for a history.
const SECONDS: u64 = 10;

/// Histories that are measured together.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) spec: &'static str,
    /// Each with its verdict, `pass` or `fail`.
    pub(crate) files: Vec<(PathBuf, &'static str)>,
    /// The milliseconds that all of them may take us.
    pub(crate) most: f64,
}

/// What one side needed for a case.
struct Side {
    /// As far as it came.
    ms: f64,
    /// What else there is to say, if it did not say what it should.
    but: Option<String>,
}

impl Side {
    fn of(case: &Case, judge: &dyn Fn(&str, &Path) -> Value) -> Self {
        let mut side = Side { ms: 0.0, but: None };
        for (path, wanted) in &case.files {
            let said = judge(case.spec, path);
            side.ms += said["ms"].as_f64().unwrap_or_default();
            let verdict = said["verdict"].as_str().unwrap_or("?");
            if verdict != *wanted {
                side.but = Some(verdict.to_owned());
            }
        }
        side
    }

    fn cell(&self) -> String {
        match &self.but {
            None => format!("{:.3}", self.ms),
            Some(but) if self.ms > 0.0 => format!("{but} at {:.0}", self.ms),
            Some(but) => but.clone(),
        }
    }
}

/// Measures every case, tells each row as it comes, and gives the table and the same as JSON.
pub(crate) fn table(tell: impl Fn(&str)) -> std::io::Result<(String, Value)> {
    let porcupine = crate::peers::porcupine();
    if let Err(why) = &porcupine {
        eprintln!("skipped: Porcupine: {why}");
    }
    let mut cases = crate::logs::cases()?;
    for row in ROWS {
        let (path, spec) = written(row)?;
        let files = vec![(path, if row.bad { "fail" } else { "pass" })];
        cases.push(Case { name: shape(row).name(row.family), spec, files, most: row.most });
    }
    let mut table = String::new();
    let mut out = |line: String| {
        tell(&line);
        table += &line;
        table.push('\n');
    };
    out("| history | ours, ms | at most | Porcupine, ms | ours is |".to_owned());
    out("|---|--:|--:|--:|--:|".to_owned());
    let mut rows = Vec::new();
    for case in &cases {
        let we = Side::of(case, &ours);
        let they = match &porcupine {
            Ok(program) => Side::of(case, &|spec, path| theirs(program, spec, path)),
            Err(_) => Side { ms: 0.0, but: Some("not measured".to_owned()) },
        };
        let both = we.but.is_none() && they.but.is_none();
        let ratio = if both { format!("{:.0}x", they.ms / we.ms) } else { String::new() };
        let (name, most) = (&case.name, case.most);
        out(format!("| {name} | {} | {most} | {} | {ratio} |", we.cell(), they.cell()));
        let told = |side: &Side| json!({"ms": side.ms, "but": side.but});
        rows.push(json!({"history": name, "ours": told(&we), "porcupine": told(&they),
            "at_most_ms": most}));
    }
    Ok((table, json!({ "rows": rows })))
}

fn shape(row: &Row) -> Shape {
    let &Row { ops, clients, bad, unheard, .. } = row;
    Shape { ops, clients, is_bad: bad, unheard, seed: 1 }
}

/// What we say of a history.
pub(crate) fn ours(spec: &str, path: &Path) -> Value {
    let mut ours = Command::new(std::env::current_exe().expect("we run"));
    said(ours.args(["check", spec]).arg(path))
}

/// What Porcupine says of it.
pub(crate) fn theirs(program: &Path, spec: &str, path: &Path) -> Value {
    let mut peer = Command::new(program);
    said(peer.arg(spec).arg(path).arg(SECONDS.to_string()).arg("5"))
}

/// The history's file, and the spec it is for.
pub(crate) fn written(row: &Row) -> std::io::Result<(PathBuf, &'static str)> {
    let folder = crate::peers::target().join("histories");
    let family = FAMILIES.iter().find(|it| it.name == row.family).expect("a family");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.jsonl", shape(row).name(row.family)));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    histories::write(family, shape(row), &mut file)?;
    std::io::Write::flush(&mut file)?;
    Ok((path, family.spec))
}

/// The line of JSON that a command prints.
fn said(command: &mut Command) -> Value {
    let output = command.output().map_err(|error| error.to_string());
    let line = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    line.and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()))
        .unwrap_or_else(|why| json!({ "verdict": why }))
}

/// Judges one history several times and prints the least milliseconds.
pub(crate) fn measure(spec: &str, path: &str) -> ExitCode {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::from(2);
        }
    };
    let found = match spec {
        "head" => judged::<Head<Text>>(&bytes, &Start::Usual),
        "register" | "cas-register" => judged::<Register>(&bytes, &Start::Usual),
        "cas-register-null" => judged::<Register>(&bytes, &Start::Nothing),
        "kv" => judged::<Kv>(&bytes, &Start::Usual),
        "object-store" => judged::<Objects<checker::value::Value>>(&bytes, &Start::Usual),
        _ => json!({"verdict": "no such spec"}),
    };
    println!("{found}");
    ExitCode::SUCCESS
}

fn judged<S: Written>(bytes: &[u8], start: &Start) -> Value
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let format = Format::detect(bytes).expect("a history");
    let mut reader = Reader::new(format, Renames::default());
    let mut collector = Collector::<S>::new(usize::MAX);
    let began = ProcessTime::now();
    reader.feed(bytes, &mut collector).expect("a history");
    reader.end(&mut collector).expect("a history");
    let reading = began.elapsed().as_secs_f64();
    let operations = collector.finish().expect("a history");
    let init = S::start(start).expect("where they all begin");
    let mut least = f64::INFINITY;
    let mut verdict = "unknown";
    for _ in 0..5 {
        let began = ProcessTime::now();
        let is_over = || began.elapsed().as_secs() >= SECONDS;
        let budget =
            Budget { configurations_max: usize::MAX, bytes_max: 4 << 30, stop: Some(&is_over) };
        // A pass with its proof; a failure as soon as it is known, as Porcupine's is.
        verdict = match prove(&init, &operations, &budget) {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Unknown { .. } => "unknown",
        };
        least = least.min(began.elapsed().as_secs_f64() * 1e3);
        if least > 1000.0 {
            break;
        }
    }
    let rate = bytes.len() as f64 / reading / 1e6;
    json!({"verdict": verdict, "ms": least, "ops": operations.len(), "read_mb_per_s": rate})
}
