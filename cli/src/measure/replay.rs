//! `measure replay FILE`: recorded transitions, one after another, on the simulated table.
//!
//! One after another is what makes it exact: with `--on postgres` the same statements go to a real
//! server in the same order, and every page of it must be equal in the end.

use super::transitions::{self, Recorded};
use super::{Args, Card, on_postgres, plain, table};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out, paint};
use anstyle::AnsiColor;
use heap::soak::{Sample, megabytes};
use heap::{Answer, Rules, Table};
use real::RealError;
use real::heap::{Compared, Mismatch, Server, compare};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Instant;

pub(super) const NAME: &str = "replay";
/// Percent of a page that fresh rows fill, unless it is given.
const FILLFACTOR: u8 = 90;

pub(super) fn replay(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let path = args.file.as_deref().ok_or_else(|| {
        Failure::input("measure replay: expected a FILE of recorded transitions, JSON Lines")
    })?;
    plain(args)?;
    let fillfactor = fillfactor(args)?;
    let recorded = transitions::read(path)?;
    let began = Instant::now();
    let played = play(path, &recorded, fillfactor)?;
    let said = played.said(fillfactor, began.elapsed().as_secs_f64());
    said.iter().for_each(|line| out.say(line));
    if !played.whole {
        out.verdict("STOPPED  what is said above is of what was replayed until then");
        out.object("unknown", played.object(path, began, None));
        return Ok(Exit::Unknown);
    }
    if args.on.is_none() {
        out.verdict(played.verdict());
        out.object("pass", played.object(path, began, None));
        return Ok(Exit::Holds);
    }
    let server = Server::start_durable().map_err(Failure::service)?;
    let real = compare(&server, &recorded.stream, fillfactor, Rules::default());
    let real = real.map_err(|error: RealError| Failure::service(error))?;
    out.say("");
    Ok(judge(path, &played, began, (real, server.version()), out))
}

/// What is to be known of it, for `list`.
pub(super) fn card() -> Card {
    let about = "recorded transitions from a FILE: what they leave of the table, exactly";
    (NAME, about, Map::from_iter([("fillfactor".to_owned(), json!(FILLFACTOR))]))
}

fn judge(
    path: &Path,
    played: &Played,
    began: Instant,
    (real, version): (Result<Compared, Mismatch>, &str),
    out: &Out,
) -> Exit {
    match real {
        Ok(compared) => {
            on_postgres::times(&compared.latencies).iter().for_each(|line| out.say(line));
            out.verdict(format!(
                "{} {}: postgres {version} has {} heap and {} index pages, line pointer for line \
                 pointer equal   {:.2} s",
                paint(AnsiColor::Green, "AGREES"),
                played.verdict(),
                compared.heap_pages,
                compared.index_pages,
                began.elapsed().as_secs_f64(),
            ));
            let times = on_postgres::times_object(&compared.latencies);
            out.object("pass", played.object(path, began, Some(json!(times))));
            Exit::Holds
        }
        Err(mismatch) => {
            out.verdict(format!(
                "{} postgres {version}, {mismatch}",
                paint(AnsiColor::Red, "DISAGREES")
            ));
            let mut object = played.object(path, began, None);
            object["why"] = json!(mismatch.to_string());
            out.object("fail", object);
            Exit::Violated
        }
    }
}

fn fillfactor(args: &Args) -> Result<u8, Failure> {
    let mut fillfactor = FILLFACTOR;
    for (name, value) in args.setup.params()? {
        let text = value.as_str().unwrap_or_default();
        if name != "fillfactor" {
            return Err(Failure::input(format!("-p {name}: a replay has fillfactor alone")));
        }
        fillfactor = text.parse().ok().filter(|it| (10..=100).contains(it)).ok_or_else(|| {
            Failure::input(format!("-p fillfactor={text}: expected a number from 10 to 100"))
        })?;
    }
    Ok(fillfactor)
}

/// The simulated table when the file was through, or Ctrl-C came.
struct Played {
    table: Table,
    /// Statements of the file that were done.
    statements: usize,
    /// Updates and deletes that found no row, or not as they had seen it.
    missed: u64,
    /// Rows that were there already.
    duplicates: u64,
    whole: bool,
}

fn play(path: &Path, recorded: &Recorded, fillfactor: u8) -> Result<Played, Failure> {
    let table = recorded.stream.table(fillfactor, Rules::default());
    let mut played = Played { table, statements: 0, missed: 0, duplicates: 0, whole: true };
    for (at, step) in recorded.stream.steps.iter().enumerate() {
        if at % 4096 == 0 && was_interrupted() {
            played.whole = false;
            break;
        }
        let answer = played.table.apply(*step);
        let line = recorded.lines.get(at);
        let answer = answer.map_err(|error| {
            let line = line.map_or(String::new(), |it| format!(":{it}"));
            Failure::input(format!("{}{line}: {error}", path.display()))
        })?;
        played.statements += usize::from(line.is_some());
        played.duplicates += u64::from(answer == Answer::Duplicate);
        played.missed += u64::from(line.is_some() && answer == Answer::Rows(0) && finds(step.op));
    }
    Ok(played)
}

/// Whether a statement is about a row that is there.
fn finds(op: heap::Op) -> bool {
    use heap::Op::{Delete, Lock, Select, Update};
    matches!(op, Update { .. } | Delete { .. } | Select { .. } | Lock { .. })
}

impl Played {
    fn said(&self, fillfactor: u8, seconds: f64) -> Vec<String> {
        let (sample, stats) = (Sample::of(&self.table), self.table.stats());
        let mut rows = vec![table::REPLAYED.map(str::to_owned).to_vec()];
        rows.push(vec![
            self.statements.to_string(),
            stats.inserted.to_string(),
            stats.updated.to_string(),
            stats.deleted.to_string(),
            self.missed.to_string(),
            self.duplicates.to_string(),
            format!("{:.2}", sample.hot),
            format!("{:.2}", sample.dead_pct),
            format!("{:.3}", megabytes(sample.heap_bytes)),
            format!("{:.3}", megabytes(sample.index_bytes)),
            stats.dead.to_string(),
        ]);
        let mut said = vec![format!("replay at fillfactor {fillfactor}   {seconds:.2} s\n")];
        said.extend(table::aligned(&rows));
        said
    }

    fn verdict(&self) -> String {
        let heap = self.table.heap_pages();
        format!("{} statements replayed, {heap} heap pages", self.statements)
    }

    fn object(&self, path: &Path, began: Instant, latencies: Option<Value>) -> Value {
        let sample = Sample::of(&self.table);
        let stats = self.table.stats();
        let mut object = super::soak::fields(&sample);
        object.insert("workload".to_owned(), json!("replay"));
        let more = json!({
            "file": path.display().to_string(),
            "statements": self.statements,
            "inserted": stats.inserted,
            "updated": stats.updated,
            "deleted": stats.deleted,
            "missed": self.missed,
            "duplicates": self.duplicates,
            "index_pages": self.table.index_pages(),
            "latencies": latencies,
            "seconds": began.elapsed().as_secs_f64(),
        });
        if let Value::Object(more) = more {
            object.extend(more);
        }
        Value::Object(object)
    }
}
