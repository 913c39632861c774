//! `measure replay FILE`: recorded transitions, one after another, on the simulated table.
//!
//! One after another is what makes it exact: with `--on postgres` the same statements go to a real
//! server in the same order, and every page of it must be equal in the end.

use super::report::Badge;
use super::transitions::{self, Recorded};
use super::{Args, Card, on_postgres, plain, replay_page, table};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use heap::soak::{Sample, megabytes};
use heap::{Answer, Rules, Table};
use real::RealError;
use real::heap::{Checked, Compared, Mismatch, Server, compare};
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
    let real = match args.on.is_some() && played.whole {
        true => Some(Real::measure(&recorded, fillfactor)?),
        false => None,
    };
    let differs = matches!(&real, Some(Real { compared: Err(_), .. }));
    let badge = Badge::of(played.whole, !differs);
    args.write(
        || replay_page::report(args, (&recorded, fillfactor), &played, (real.as_ref(), badge)),
        out,
    )?;
    let painted = if real.is_some() { badge.painted_beside() } else { badge.painted() };
    let mut object = played.object(path, began);
    if let Some(real) = &real {
        real.say(out);
        real.tell(&mut object);
    }
    let seconds = began.elapsed().as_secs_f64();
    let said = played.verdict(real.as_ref());
    out.verdict(format!("{painted} {said}   {seconds:.2} s"));
    out.object(badge.outcome(), object);
    Ok(badge.exit())
}

/// What a server made of the same statements.
pub(super) struct Real {
    pub(super) version: String,
    pub(super) compared: Result<Compared, Mismatch>,
}

impl Real {
    fn measure(recorded: &Recorded, fillfactor: u8) -> Result<Self, Failure> {
        let server = Server::start_durable().map_err(Failure::service)?;
        let compared = compare(&server, &recorded.stream, fillfactor, Rules::default());
        let compared = compared.map_err(|error: RealError| Failure::service(error))?;
        Ok(Real { version: server.version().to_owned(), compared })
    }

    fn say(&self, out: &Out) {
        out.say("");
        let Ok(compared) = &self.compared else { return };
        let times = on_postgres::times(&compared.latencies);
        table::aligned(&times).iter().for_each(|line| out.say(line));
    }

    fn tell(&self, object: &mut Value) {
        match &self.compared {
            Ok(it) => object["latencies"] = json!(on_postgres::times_object(&it.latencies)),
            Err(mismatch) => object["why"] = json!(mismatch.to_string()),
        }
    }
}

/// What is to be known of it, for `list`.
pub(super) fn card() -> Card {
    let about = "recorded transitions from a FILE: what they leave of the table, exactly";
    (NAME, about, Map::from_iter([("fillfactor".to_owned(), json!(FILLFACTOR))]))
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
pub(super) struct Played {
    table: Table,
    /// What it was like on the way, and in the end.
    pub(super) course: Vec<Checked>,
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
    let course = vec![Checked::of(&table, 0)];
    let mut played = Played { table, course, statements: 0, missed: 0, duplicates: 0, whole: true };
    let mut checks = recorded.stream.checks.iter().peekable();
    for (at, step) in recorded.stream.steps.iter().enumerate() {
        if at % 4096 == 0 && was_interrupted() {
            played.whole = false;
            break;
        }
        let answer = played.table.apply(*step);
        let line = recorded.lines[at];
        let answer = answer.map_err(|error| {
            let line = line.map_or(String::new(), |it| format!(":{it}"));
            Failure::input(format!("{}{line}: {error}", path.display()))
        })?;
        played.statements += usize::from(line.is_some());
        played.duplicates += u64::from(answer == Answer::Duplicate);
        played.missed += u64::from(line.is_some() && answer == Answer::Rows(0) && finds(step.op));
        if checks.next_if(|it| **it == at + 1).is_some() {
            played.course.push(Checked::of(&played.table, at + 1));
        }
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
        let mut said = vec![format!("replay at fillfactor {fillfactor}   {seconds:.2} s\n")];
        said.extend(table::aligned(&self.rows()));
        said
    }

    /// What it left, under its titles.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let (sample, stats) = (Sample::of(&self.table), self.table.stats());
        let left = vec![
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
        ];
        vec![table::REPLAYED.map(str::to_owned).to_vec(), left]
    }

    /// What came of it, and whether a server agrees.
    pub(super) fn verdict(&self, real: Option<&Real>) -> String {
        let heap = self.table.heap_pages();
        let done = format!("{} statements replayed, {heap} heap pages", self.statements);
        match real {
            _ if !self.whole => format!("{done}: it was stopped on the way"),
            None => done,
            Some(Real { version, compared: Ok(it) }) => format!(
                "{done}: postgres {version} has {} heap and {} index pages, line pointer for line \
                 pointer equal, {} times",
                it.heap_pages,
                it.index_pages,
                it.course.len(),
            ),
            Some(Real { version, compared: Err(it) }) => {
                format!("{done}: postgres {version}, {it}")
            }
        }
    }

    fn object(&self, path: &Path, began: Instant) -> Value {
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
            "latencies": null,
            "seconds": began.elapsed().as_secs_f64(),
        });
        if let Value::Object(more) = more {
            object.extend(more);
        }
        Value::Object(object)
    }
}
