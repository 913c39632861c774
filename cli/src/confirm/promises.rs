//! `checker confirm object_store`: which of an object store's promises a server keeps in a race.
//!
//! That a promise held is half of an answer. So the same clients are played in simulation too: a
//! sound store never breaks it, and one with the bug in question does.

use super::{Args, Subject, failure};
use crate::check::lanes::{Lane, draw};
use crate::file;
use crate::interrupt;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup;
use anstyle::AnsiColor;
use checker::Verdict;
use checker::line;
use indicatif::{ProgressBar, ProgressStyle};
use models::object_store::About;
use models::served::Setup;
use real::confirm::{Evidence, Options, Outcome, Promises, Tally, Trial, confirm_promises};
use real::targets::Targets;
use serde_json::{Map, Value, json};
use sim::scenario::Scenario;
use sim::session::Plan;
use std::path::{Path, PathBuf};

/// How many clients race, unless told.
pub(super) const CLIENTS: u64 = 16;

/// Where histories are written, unless told.
const FOUND: &str = "found";

/// How many clients the simulated store has, and in how many schedules.
const SIMULATED: (u64, u64) = (3, 200);

pub(super) fn confirm(
    args: &Args,
    subject: &Subject,
    targets: &Targets,
    options: Options,
    out: &Out,
) -> Result<Exit, Failure> {
    let setup = Setup { params: &subject.params, mutant: None };
    let bar = Bar::new(out);
    let found = confirm_promises(subject.served, &setup, targets, options, &|promise, number| {
        bar.tell(promise, number);
        !interrupt::was_interrupted()
    });
    bar.end();
    let found = found.map_err(failure)?;
    let page = Page { found: &found, out };
    page.say(args);
    let mut written = Vec::new();
    for trial in &found.trials {
        let Some(evidence) = &trial.evidence else { continue };
        page.say_evidence(trial, evidence);
        let path = page.path(args.output.as_deref(), trial);
        write(&path, evidence)?;
        written.push((trial.about, path));
    }
    let controls = controls(&found)?;
    page.say_verdict(&controls);
    for (_, path) in &written {
        out.say(format!("wrote      {}", path.display()));
    }
    let exit = exit(&found);
    out.object(super::outcome_name(exit), page.object(&controls, &written));
    for (_, path) in &written {
        out.reproduce(&format!("checker check {} --spec object-store", path.display()));
    }
    Ok(exit)
}

fn exit(found: &Promises) -> Exit {
    let any = |outcome| found.trials.iter().any(|it| it.outcome() == outcome);
    match () {
        () if any(Outcome::Breaks) => Exit::Violated,
        () if any(Outcome::Inconclusive) => Exit::Unknown,
        () => Exit::Holds,
    }
}

fn write(path: &Path, evidence: &Evidence) -> Result<(), Failure> {
    let mut text = format!("{}\n", line::header("object-store"));
    evidence.history.iter().for_each(|it| text += &format!("{it}\n"));
    file::write(path, &text)
}

/// What a file with the evidence is called.
fn name(about: About) -> &'static str {
    match about {
        About::All => "all",
        About::ReadAfterWrite => "read",
        About::ListAfterWrite => "list",
        About::IfNoneMatch => "create",
        About::IfMatch => "replace",
    }
}

/// The same clients in simulation.
struct Control {
    promise: &'static str,
    /// In how many schedules a sound store kept it.
    held: u64,
    /// The bug that breaks it, and the first seed at which it does.
    mutant: &'static str,
    broken: Option<u64>,
}

fn controls(found: &Promises) -> Result<Vec<Control>, Failure> {
    let goes_on = |_: &&Trial| !interrupt::was_interrupted();
    let tried = found.trials.iter().filter(|it| it.racing.tried > 0).take_while(goes_on);
    tried.map(|it| control(it.about, it.promise)).collect()
}

fn control(about: About, promise: &'static str) -> Result<Control, Failure> {
    let mutant = match about {
        About::ReadAfterWrite | About::All => "stale_get",
        About::ListAfterWrite => "eventual_list",
        About::IfNoneMatch | About::IfMatch => "checks_then_writes",
    };
    let (clients, schedules) = SIMULATED;
    let mut params = Map::new();
    params.insert("about".to_owned(), json!(about));
    params.insert("writers".to_owned(), json!(clients));
    params.insert("objects".to_owned(), json!(1));
    let model = setup::model("object_store")?;
    let broken = |mutant: Option<&str>| -> Result<Option<u64>, Failure> {
        let mut session = setup::session(model, &params, mutant)?;
        Ok((0..schedules).find(|seed| {
            let verdict = session.play(&Plan::Seed(Scenario::of(*seed))).verdict;
            matches!(verdict, Verdict::Fail(_))
        }))
    };
    let held = broken(None)?.unwrap_or(schedules);
    Ok(Control { promise, held, mutant, broken: broken(Some(mutant))? })
}

/// How far it is, where somebody sees it.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new(out: &Out) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("a template of ours");
        Bar(out.shows_progress().then(|| ProgressBar::new_spinner().with_style(style)))
    }

    fn tell(&self, promise: &str, number: u32) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{promise}: race {number}"));
            bar.tick();
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// What is said of it.
struct Page<'a> {
    found: &'a Promises,
    out: &'a Out,
}

impl Page<'_> {
    /// The server's name, as in `--on`.
    fn server(&self) -> &str {
        let service = &self.found.card.service;
        service.strip_prefix("s3=").unwrap_or(service)
    }

    fn path(&self, directory: Option<&Path>, trial: &Trial) -> PathBuf {
        let directory = directory.unwrap_or(Path::new(FOUND));
        directory.join(format!("{}-{}.jsonl", self.server(), name(trial.about)))
    }

    fn say(&self, args: &Args) {
        let Promises { clients, card, trials, answers, seconds, .. } = self.found;
        let kind = if card.real { "" } else { " (in this process)" };
        let server = self.server();
        self.out.say(format!(
            "{}, at speed, {clients} clients, {server} {}{kind}",
            args.what, card.version
        ));
        self.out.say("");
        self.out.say(format!("  {:<25}  one at a time   racing (broken/tried)", "promise"));
        for trial in trials {
            let (in_turn, racing) = (kept(&trial.in_turn, "holds"), kept(&trial.racing, ""));
            let label = match trial.outcome() {
                Outcome::Breaks => paint(AnsiColor::Red, "BROKEN"),
                Outcome::Inconclusive => paint(AnsiColor::Yellow, "INCONCLUSIVE"),
                Outcome::Agrees | Outcome::Disagrees => String::new(),
            };
            let line = format!("  {:<25}  {in_turn:<13}  {racing:>8}  {label}", trial.promise);
            self.out.say(line.trim_end());
        }
        self.out.say("");
        let met: Vec<String> = trials
            .iter()
            .map(|it| format!("{}/{}", it.racing.overlapping, it.racing.tried))
            .collect();
        self.out.say(format!(
            "  {answers} answers in {seconds:.1} s; races in which puts overlapped: {}",
            met.join(" ")
        ));
        for trial in trials.iter().filter(|it| it.outcome() == Outcome::Inconclusive) {
            self.out.say(format!("  {}: {}", trial.promise, trial.why()));
        }
        self.found.notes.iter().for_each(|note| self.out.say(format!("  {note}")));
        self.out.say("");
    }

    fn say_evidence(&self, trial: &Trial, evidence: &Evidence) {
        let Evidence { number, in_turn, history, minimal, why } = evidence;
        let few: Vec<&Value> = minimal.iter().filter_map(|it| history.get(*it)).collect();
        let key = few.iter().find_map(|it| it["key"].as_str()).unwrap_or_default();
        let race = if *in_turn { "try" } else { "race" };
        self.out.say(format!(
            "evidence: {}, {race} {number}, key {key}, {} operations cut to {} (us)",
            trial.promise,
            history.len(),
            few.len()
        ));
        let lanes: Vec<Lane> = few.iter().map(|it| lane(it)).collect();
        draw(&lanes).iter().for_each(|line| self.out.say(line));
        let mut words = why.chars();
        let first = words.next().map(|it| it.to_uppercase().to_string()).unwrap_or_default();
        self.out.say(format!("  {first}{}.", words.as_str()));
        self.out.say("");
    }

    fn say_verdict(&self, controls: &[Control]) {
        let Promises { trials, card, .. } = self.found;
        let count = |outcome| trials.iter().filter(|it| it.outcome() == outcome).count();
        let (server, all) = (self.server(), trials.len());
        let races: u32 = trials.iter().map(|it| it.racing.tried).sum();
        let (broken, open) = (count(Outcome::Breaks), count(Outcome::Inconclusive));
        let (label, color, words) = match (broken, open) {
            (0, 0) if card.real => (
                "PASS",
                AnsiColor::Green,
                format!("{server} kept all {all} promises in {races} races"),
            ),
            (0, 0) => (
                "PASS",
                AnsiColor::Green,
                format!(
                    "{server} kept all {all} promises in {races} races; it is no evidence for S3"
                ),
            ),
            (0, _) => (
                "UNKNOWN",
                AnsiColor::Yellow,
                format!("{open} of {all} promises could not be tried to the end"),
            ),
            _ => ("FAIL", AnsiColor::Red, format!("{server} breaks {broken} of {all} promises")),
        };
        self.out.verdict(format!("{}{words}", label_of(label, color)));
        self.say_controls(controls);
        let (label, color, words) = match (broken, open) {
            (0, 0) => ("AGREES", AnsiColor::Green, ""),
            (0, _) => ("INCONCLUSIVE", AnsiColor::Yellow, ""),
            _ => {
                ("DISAGREES", AnsiColor::Red, "the sound model never does this: the server's fault")
            }
        };
        self.out.verdict(format!("{}{words}", label_of(label, color)).trim_end());
    }

    /// What the same clients come to in simulation.
    fn say_controls(&self, controls: &[Control]) {
        if controls.is_empty() {
            return;
        }
        let (clients, schedules) = SIMULATED;
        let unsound = controls.iter().find(|it| it.held < schedules);
        let sound = match unsound {
            None => "a sound store keeps each".to_owned(),
            Some(it) => format!("a SOUND store breaks {} at seed {}", it.promise, it.held),
        };
        let broken: Vec<String> = controls
            .iter()
            .map(|it| match it.broken {
                Some(seed) => format!("{} breaks {} at seed {seed}", it.mutant, it.promise),
                None => format!("{} never breaks {}", it.mutant, it.promise),
            })
            .collect();
        let label = label_of("CONTROL", AnsiColor::Cyan);
        self.out
            .say(format!("{label}{clients} clients, {schedules} simulated schedules: {sound};"));
        broken.iter().for_each(|line| self.out.say(format!("{:11}{line}", "")));
    }

    fn object(&self, controls: &[Control], written: &[(About, PathBuf)]) -> Value {
        let Promises { card, clients, trials, lost, answers, seconds, notes } = self.found;
        let row = |it: &Trial| {
            let path = written.iter().find(|(about, _)| *about == it.about);
            let control = controls.iter().find(|control| control.promise == it.promise);
            json!({
                "model": "object_store",
                "mode": "at-speed",
                "service": card.service,
                "real": card.real,
                "outcome": it.outcome().to_string(),
                "why": it.why(),
                "promise": it.about,
                "one_at_a_time": tally(&it.in_turn),
                "racing": tally(&it.racing),
                "operations": it.evidence.as_ref().map(|it| {
                    it.minimal.iter().filter_map(|at| it.history.get(*at)).collect::<Vec<_>>()
                }),
                "history": path.map(|(_, path)| path.display().to_string()),
                "control": control.map(|it| json!({
                    "mutant": it.mutant, "broken_at_seed": it.broken, "sound_held": it.held,
                })),
            })
        };
        let first = trials.iter().find(|it| it.outcome() != Outcome::Agrees);
        json!({
            "rows": trials.iter().map(row).collect::<Vec<_>>(),
            "stats": {
                "clients": clients,
                "races": trials.iter().map(|it| it.racing.tried).sum::<u32>(),
                "broken": trials.iter().map(|it| it.racing.broken).sum::<u32>(),
                "answers": answers,
                "lost_calls": lost,
            },
            "why": first.map(Trial::why),
            "notes": notes,
            "seconds": seconds,
        })
    }
}

/// `FAIL       `
fn label_of(label: &str, color: AnsiColor) -> String {
    let space = " ".repeat(11usize.saturating_sub(label.len()).max(1));
    format!("{}{space}", paint(color, label))
}

/// `holds`, `3/10`, or that it was not tried.
fn kept(tally: &Tally, holds: &str) -> String {
    match tally {
        Tally { tried: 0, .. } => "not tried".to_owned(),
        Tally { broken: 0, undecided: 0, .. } if !holds.is_empty() => holds.to_owned(),
        Tally { broken, tried, .. } => format!("{broken}/{tried}"),
    }
}

fn tally(it: &Tally) -> Value {
    json!({
        "tried": it.tried,
        "broken": it.broken,
        "undecided": it.undecided,
        "overlapping": it.overlapping,
    })
}

/// One operation, as what was on the wire.
fn lane(operation: &Value) -> Lane {
    let asked = match operation["f"].as_str().unwrap_or_default() {
        "put" if operation["if_none_match"] == true => "PUT If-None-Match: *".to_owned(),
        "put" if !operation["if_match"].is_null() => {
            format!("PUT If-Match: {}", operation["if_match"])
        }
        "put" => format!("PUT {}", operation["value"]),
        "list" => "LIST".to_owned(),
        other => other.to_uppercase(),
    };
    let answer = match (&operation["f"], operation.get("ret")) {
        (_, None) => "nobody heard".to_owned(),
        (_, Some(Value::Bool(true))) => "200".to_owned(),
        (_, Some(Value::Bool(false))) => "412".to_owned(),
        (_, Some(Value::Null)) => "404".to_owned(),
        (_, Some(other)) => format!("200 {other}"),
    };
    let us = |name: &str| operation[name].as_u64().map(|ns| ns / 1000);
    Lane {
        who: format!("c{}", operation["client"]),
        asked,
        call: us("call").unwrap_or(0),
        until: us("return"),
        answer,
    }
}
