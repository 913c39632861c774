//! What was found out about a history: as text, as one JSON object, and as a smaller history.

use super::Job;
use super::judge::header;
pub(super) use super::lanes::Row;
use super::lanes::lanes;
use crate::file;
use crate::out::{Exit, Failure, Out, paint};
use anstyle::AnsiColor;
use checker::Outcome;
use serde_json::{Value, json};
use std::time::Duration;

/// What there was.
#[derive(Default)]
pub(super) struct Count {
    pub(super) ops: usize,
    pub(super) open: usize,
    pub(super) failed: usize,
    pub(super) clients: usize,
    /// Those of operations that touch one; 0 if there are none.
    pub(super) keys: usize,
}

impl Count {
    pub(super) fn note<Ret>(&mut self, outcome: &Outcome<Ret>) {
        match outcome {
            Outcome::Open => self.open += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Returned { .. } => {}
        }
    }
}

/// What is wrong with a history.
pub(super) struct Found {
    pub(super) property: String,
    pub(super) why: String,
    pub(super) at: Option<u64>,
    /// Why whatever could come next cannot.
    pub(super) ways: Vec<String>,
    /// Where the few begin.
    pub(super) init: Option<Value>,
    /// Whether that is another beginning than the whole's.
    pub(super) begins_later: bool,
    pub(super) minimal: Vec<Row>,
    /// How many may have acted meanwhile: whatever became of them, it is broken.
    pub(super) beside: usize,
    /// All of these as a history: nothing is known of what became of those beside.
    pub(super) few: Vec<Value>,
}

/// What is known.
pub(super) enum Known {
    Pass { parts: usize, monitored: usize },
    Fail(Found),
    Unknown(String),
}

/// A judged history.
pub(super) struct Report {
    pub(super) name: String,
    /// The file, if it can be judged again.
    pub(super) file: Option<String>,
    pub(super) count: Count,
    pub(super) skipped: u64,
    pub(super) bytes: u64,
    pub(super) reading: Duration,
    pub(super) judging: Duration,
    /// Whether it was judged while it came: then nothing is known of its reading alone.
    pub(super) followed: bool,
    /// Whether there was too much to follow, so that all of it was judged again as it grew.
    pub(super) again: bool,
    pub(super) known: Known,
}

impl Report {
    pub(super) fn new(name: String) -> Self {
        Report {
            name,
            file: None,
            count: Count::default(),
            skipped: 0,
            bytes: 0,
            reading: Duration::ZERO,
            judging: Duration::ZERO,
            followed: false,
            again: false,
            known: Known::Unknown(String::new()),
        }
    }

    /// Says it all, and gives the exit status that the verdict is.
    pub(super) fn tell(&self, job: &Job, out: &Out) -> Result<Exit, Failure> {
        self.say_counts(job, out);
        let exit = match &self.known {
            Known::Pass { parts, monitored } => {
                self.say_how(*parts, *monitored, out);
                out.verdict(format!(
                    "{}     {} can have gone like this: an order explains every answer   {:.2} s",
                    paint(AnsiColor::Green, "PASS"),
                    counted(self.count.ops, "operation"),
                    self.judging.as_secs_f64()
                ));
                Exit::Holds
            }
            Known::Fail(found) => {
                found.say(self.count.ops, out);
                Exit::Violated
            }
            Known::Unknown(why) => {
                out.verdict(format!("{}  {why}", paint(AnsiColor::Yellow, "UNKNOWN")));
                if !self.followed {
                    out.say("next     more --time or --memory; this is no pass");
                }
                Exit::Unknown
            }
        };
        if let Known::Fail(found) = &self.known
            && let Some(path) = &job.output
        {
            let mut text = format!("{}\n", header(job.spec, found.init.as_ref()));
            found.few.iter().for_each(|line| text += &format!("{line}\n"));
            file::write(path, &text)?;
            out.say(format!("wrote    {}", path.display()));
        }
        out.object(self.outcome(), self.json(job));
        self.say_recipe(job, out);
        Ok(exit)
    }

    fn say_counts(&self, job: &Job, out: &Out) {
        let Count { ops, open, failed, clients, keys } = self.count;
        let on = if keys > 0 { format!(" on {}", counted(keys, "key")) } else { String::new() };
        let (ops, clients) = (counted(ops, "operation"), counted(clients, "client"));
        out.say(format!("{}: {}, {ops} of {clients}{on}", self.name, job.spec));
        if open > 0 {
            out.say(format!("  {open} nobody heard of again: each may have taken effect or not"));
        }
        if failed > 0 {
            out.say(format!("  {failed} certainly did nothing"));
        }
        if self.skipped > 0 {
            out.say(format!("  {} skipped: no client's", counted(self.skipped as usize, "line")));
        }
        if self.followed {
            return;
        }
        let (read, judged) = (self.reading.as_secs_f64(), self.judging.as_secs_f64());
        let megabytes = self.bytes as f64 / 1e6;
        let rate = if read > 0.05 { format!(", {:.0} MB/s", megabytes / read) } else { "".into() };
        out.say(format!(
            "  read in {read:.2} s ({megabytes:.1} MB of {}{rate}), judged in {judged:.2} s",
            job.format
        ));
    }

    fn say_how(&self, parts: usize, monitored: usize, out: &Out) {
        if self.again {
            out.say("  too much was possible to follow each way: all was judged again as it grew");
        } else if self.followed {
            out.say("  decided by search, as it came");
            out.say("");
            return;
        }
        let each = if parts == 1 { "as a whole".into() } else { format!("in {parts} parts") };
        let how = match (monitored, parts - monitored.min(parts)) {
            (_, 0) => "by the datatype's monitor".to_owned(),
            (0, _) => "by search".to_owned(),
            (monitored, searched) => {
                format!("{monitored} by the datatype's monitor, {searched} by search")
            }
        };
        out.say(format!(
            "  decided {each}, {how}; the order that explains it was played again by the spec"
        ));
        out.say("");
    }

    fn say_recipe(&self, job: &Job, out: &Out) {
        let Known::Fail(_) = self.known else { return };
        match (&job.output, &self.file) {
            (Some(path), _) => {
                let path = quoted(&path.display().to_string());
                out.reproduce(&format!("checker check {path} --spec {}", job.spec));
            }
            (None, Some(file)) => out.reproduce(&self.again(file, job)),
            (None, None) => out.aside("-o FILE keeps what breaks it"),
        }
    }

    /// The same command once more.
    fn again(&self, file: &str, job: &Job) -> String {
        let mut command = format!("checker check {} --spec {}", quoted(file), job.spec);
        for (ours, theirs) in job.renames.iter() {
            command += &format!(" --field {}", quoted(&format!("{ours}={theirs}")));
        }
        if let Some(init) = &job.given {
            command += &format!(" --init {}", quoted(&Value::from(init.clone()).to_string()));
        }
        command
    }

    fn outcome(&self) -> &'static str {
        match self.known {
            Known::Pass { .. } => "pass",
            Known::Fail(_) => "fail",
            Known::Unknown(_) => "unknown",
        }
    }

    fn json(&self, job: &Job) -> Value {
        let Count { ops, open, failed, clients, keys } = self.count;
        let mut object = json!({
            "spec": job.spec,
            "format": job.format.to_string(),
            "property": null,
            "why": null,
            "ops": ops,
            "open": open,
            "failed": failed,
            "clients": clients,
            "keys": keys,
            "skipped": self.skipped,
            "bytes": self.bytes,
            "seconds": self.judging.as_secs_f64(),
            "reading_seconds": self.reading.as_secs_f64(),
            "explanation": null,
            "minimal": [],
            "beside": 0,
        });
        match &self.known {
            Known::Pass { parts, monitored } => {
                object["parts"] = json!(parts);
                object["monitored"] = json!(monitored);
                object["validated"] = json!(!self.followed || self.again);
            }
            Known::Unknown(why) => object["why"] = json!(why),
            Known::Fail(found) => {
                object["property"] = json!(found.property);
                object["why"] = json!(found.why);
                object["at"] = json!(found.at);
                object["init"] = json!(found.init);
                object["explanation"] = json!(found.explanation().join("; "));
                object["minimal"] = found.minimal.iter().map(|row| row.line.clone()).collect();
                object["beside"] = json!(found.beside);
            }
        }
        object
    }
}

impl Found {
    fn explanation(&self) -> Vec<String> {
        [self.why.clone()].into_iter().chain(self.ways.iter().cloned()).collect()
    }

    fn say(&self, ops: usize, out: &Out) {
        out.say("");
        let few = self.minimal.len();
        if few > 0 {
            out.say(format!("evidence: {} cut to {few}", counted(ops, "operation")));
            if let (Some(init), true) = (&self.init, self.begins_later) {
                out.say(format!("  it begins at {init}: what led there is left out"));
            }
            lanes(&self.minimal).iter().for_each(|line| out.say(line));
            if self.beside > 0 {
                let others = counted(self.beside, "other");
                out.say(format!("  {others} of that time: whatever became of them, this is wrong"));
            }
            out.say("");
        }
        for (index, way) in self.ways.iter().enumerate() {
            out.say(format!("{}{way}", if index == 0 { "why      " } else { "         " }));
        }
        let fail = paint(AnsiColor::Red, "FAIL");
        out.verdict(format!("{fail} {}: {}", self.property, self.why));
    }
}

/// `1 key`, `2 keys`
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./=:,@%+".contains(it);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
