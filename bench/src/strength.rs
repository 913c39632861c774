//! Which chooser finds which mutant: the share of schedules that hit, and what the first hit costs.
//!
//! Seeds are the same for every chooser, so the table is the same wherever it is made, but for the
//! processor's time.

use cpu_time::ProcessTime;
use serde_json::{Value, json};
use sim::registry::{AnyModel, MutantCard};
use sim::scenario::{Kind, Scenario};
use sim::session::Plan;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Schedules for each mutant and chooser.
const SCHEDULES: u64 = 4_000;

struct Row {
    mutant: String,
    cells: Vec<Cell>,
}

struct Cell {
    hits: u64,
    seconds: f64,
}

impl Cell {
    /// Schedules to the first hit at the median, if hits are as likely as they were.
    fn schedules(&self) -> Option<f64> {
        let share = self.hits as f64 / SCHEDULES as f64;
        (self.hits > 0)
            .then(|| if share == 1.0 { 1.0 } else { (0.5f64.ln() / (1.0 - share).ln()).ceil() })
    }

    fn seconds(&self) -> Option<f64> {
        Some(self.schedules()? * self.seconds / SCHEDULES as f64)
    }
}

/// Everybody who draws, and what seeds draw. Under `dfs` a seed is a number, and no sample.
fn choosers() -> Vec<(String, Option<Kind>)> {
    let drawing = Kind::ALL.iter().filter(|kind| **kind != Kind::Dfs);
    let all = drawing.map(|kind| (kind.to_string(), Some(*kind)));
    all.chain([("portfolio".to_owned(), None)]).collect()
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for model in models::ALL {
        let card = model.card();
        for mutant in &card.mutants {
            eprintln!("{} --mutant {}", card.name, mutant.name);
            let cells = choosers().into_iter().map(|(_, kind)| cell(*model, mutant, kind));
            let name = format!("{} {}", card.name, mutant.name);
            rows.push(Row { mutant: name, cells: cells.collect() });
        }
    }
    rows
}

fn cell(model: &dyn AnyModel, mutant: &MutantCard, chooser: Option<Kind>) -> Cell {
    let began = ProcessTime::now();
    let session = model.session(&serde_json::Map::new(), Some(&mutant.name));
    let mut session = session.expect("a mutant's own parameters are in range");
    let hit = |seed: &u64| {
        let scenario = Scenario { chooser, ..Scenario::of(*seed) };
        session.play(&Plan::Seed(scenario)).verdict.broken() == Some(&mutant.breaks)
    };
    let hits = (0..SCHEDULES).filter(hit).count() as u64;
    Cell { hits, seconds: began.elapsed().as_secs_f64() }
}

/// The half-open interval of Wilson (1927) at 95 %, in percent.
fn wilson(hits: u64) -> (f64, f64) {
    let (n, z) = (SCHEDULES as f64, 1.96f64);
    let share = hits as f64 / n;
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt() / (1.0 + z * z / n);
    (100.0 * (middle - half), 100.0 * (middle + half))
}

/// Prints the table, and writes it down.
pub(crate) fn strength(json: bool) -> ExitCode {
    let rows = rows();
    if json {
        println!("{}", as_json(&rows));
        return ExitCode::SUCCESS;
    }
    let table = table(&rows);
    print!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("strength.md");
    match std::fs::write(&path, table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

fn as_json(rows: &[Row]) -> Value {
    let cell = |(name, _): (String, Option<Kind>), cell: &Cell| {
        let (low, high) = wilson(cell.hits);
        json!({"chooser": name, "share": cell.hits as f64 / SCHEDULES as f64,
               "low": low / 100.0, "high": high / 100.0,
               "schedules": cell.schedules(), "cpu_s": cell.seconds()})
    };
    let mutants = rows.iter().map(|row| {
        let cells: Vec<Value> =
            choosers().into_iter().zip(&row.cells).map(|(name, it)| cell(name, it)).collect();
        json!({"mutant": row.mutant, "choosers": cells})
    });
    json!({"schedules": SCHEDULES, "mutants": mutants.collect::<Vec<_>>(), "peers": []})
}

fn table(rows: &[Row]) -> String {
    let mut out = format!(
        "# Which chooser finds which mutant\n\nBy `cargo run --release -p bench -- strength`: of \
         {SCHEDULES} schedules each, the share that hit in percent, with its 95 % interval; the \
         last columns are the portfolio's schedules and CPU time to a first hit, at the median.\n\n"
    );
    let names: Vec<String> = choosers().into_iter().map(|(name, _)| name).collect();
    let _ = writeln!(out, "| mutant | {} | schedules | CPU ms |", names.join(" | "));
    let _ = writeln!(out, "|---|{}", "---:|".repeat(names.len() + 2));
    for row in rows {
        let cells = row.cells.iter().map(|cell| {
            let (low, high) = wilson(cell.hits);
            format!("{:.2} ({low:.2}-{high:.2})", 100.0 * cell.hits as f64 / SCHEDULES as f64)
        });
        let cells: Vec<String> = cells.collect();
        let portfolio = row.cells.last().expect("the portfolio is the last");
        let schedules = portfolio.schedules().map_or("-".to_owned(), |it| format!("{it:.0}"));
        let seconds = portfolio.seconds().map_or("-".to_owned(), |it| format!("{:.2}", 1e3 * it));
        let _ =
            writeln!(out, "| {} | {} | {schedules} | {seconds} |", row.mutant, cells.join(" | "));
    }
    out
}
