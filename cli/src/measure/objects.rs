//! Loads on an object store: simulated, or put on a real one and held to the simulation.
//!
//! A real run is compared with the simulated one, request for request, for what a load decides is
//! decided before it is sent. If a count differs, or a promise is not kept, that is the verdict,
//! and the times beside it are of a store that does not do what was asked.

use super::place::{self, Place};
use super::report::{Badge, Report};
use super::{Args, bar, drawn, objects_sweep, table, write};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use crate::setup;
use models::objects_load::{Counts, LOADS, Load, Simulated, Table, Workload, differences, joined};
use models::worlds::objects::Profile;
use real::targets::{Card, Targets};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Answers between two looks at the clock and the bar.
const LOOKS: u64 = 256;

pub(super) fn measure(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let workload = read(args, &args.setup.params()?)?;
    let place = Place::read(args.on.as_deref().unwrap_or("simulated"))?;
    if let Some(given) = &args.sweep {
        return objects_sweep::sweep(args, &place, given, out);
    }
    let targets = place.started()?;
    let ran = run(&workload, targets.as_ref(), out)?;
    out.say(title(&workload, &args.workload, &ran));
    let tables = ran.tables();
    for table in &tables {
        out.say(format!("\n{}", table.title));
        lines(table).iter().for_each(|line| out.say(line));
    }
    out.say("");
    ran.said().iter().for_each(|said| out.verdict(said));
    out.verdict(ran.speed());
    if let Some(path) = &args.csv {
        write(path, &joined(&tables).csv(), out)?;
    }
    args.write(|| report(args, &ran, &tables), out)?;
    out.object(ran.badge().outcome(), object(args, &ran, &tables));
    Ok(ran.badge().exit())
}

/// The load of that name with what was given.
pub(super) fn read(args: &Args, given: &Map<String, Value>) -> Result<Workload, Failure> {
    let read = Workload::read(&args.workload, given);
    read.expect("it was looked for among the loads")
        .map_err(|why| Failure::input(format!("-p {why}")))
}

/// A load that came to its end, or was stopped on the way.
pub(super) struct Ran {
    pub(super) workload: Workload,
    pub(super) load: Load,
    /// Who answered; none: simulated.
    pub(super) card: Option<Card>,
    /// Seconds that it took here.
    pub(super) seconds: f64,
    /// Whether it came to its end.
    pub(super) whole: bool,
    /// In what it is not as it was predicted.
    pub(super) differences: Vec<String>,
}

/// Puts a load on a store: a real one, if there is any.
pub(super) fn run(
    workload: &Workload,
    targets: Option<&Targets>,
    out: &Out,
) -> Result<Ran, Failure> {
    let began = Instant::now();
    let mut load = workload.load();
    let bar = bar(out, load.progress().1);
    let card = targets.and_then(|it| it.services().into_iter().next());
    bar.set_message(card.as_ref().map_or("simulated".to_owned(), place::who));
    let mut answers: u64 = 0;
    let mut goes_on = |load: &Load| {
        answers += 1;
        if answers.is_multiple_of(LOOKS) {
            bar.set_position(load.progress().0);
        }
        !was_interrupted()
    };
    match targets {
        None => {
            let mut store = Simulated::new(workload.store(), Profile::Strong);
            while store.go_on(&mut load) && goes_on(&load) {}
        }
        Some(targets) => {
            let seed = workload.store().seed;
            real::load::run(targets, &mut load, seed, &mut goes_on)
                .map_err(crate::confirm::failure)?;
        }
    }
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    let whole = load.is_over();
    let differences = match (&card, whole) {
        (Some(_), true) => differences(workload.predicted().tallies(), load.tallies()),
        _ => Vec::new(),
    };
    Ok(Ran { workload: workload.clone(), load, card, seconds, whole, differences })
}

impl Ran {
    /// How it came out.
    pub(super) fn badge(&self) -> Badge {
        Badge::of(self.whole, self.differences.is_empty())
    }

    pub(super) fn tables(&self) -> Vec<Table> {
        self.workload.tables(self.load.tallies())
    }

    /// What is to be said of it, and what its times are worth.
    fn said(&self) -> Vec<String> {
        let mut said = self.found();
        said.push(place::caution(self.card.as_ref()).to_owned());
        said
    }

    /// What was found, what differs first.
    pub(super) fn found(&self) -> Vec<String> {
        let mut said: Vec<String> =
            self.differences.iter().map(|it| format!("differs: {it}")).collect();
        said.extend(self.workload.verdict(self.load.tallies()));
        if self.card.is_some() && self.whole && self.differences.is_empty() {
            said.push(format!(
                "requests, pages, keys and bytes are what the simulation predicted ({} requests)",
                self.load.progress().0
            ));
        }
        said
    }

    /// What was done, and how long that took here.
    fn speed(&self) -> String {
        let (done, whole) = self.load.progress();
        let word = self.badge().painted();
        format!("{word} {done} of {whole} requests   {:.2} s", self.seconds)
    }

    /// Who answered, as `--json` has it.
    pub(super) fn on(&self) -> Value {
        match &self.card {
            None => json!({"service": "simulated", "real": false}),
            Some(card) => json!({
                "service": card.service, "version": card.version, "url": card.url, "real": card.real,
            }),
        }
    }
}

/// What is measured, in a line: what the load is, and who answers.
fn title(workload: &Workload, name: &str, ran: &Ran) -> String {
    let mut params = workload.params();
    let store = serde_json::to_value(workload.store()).unwrap_or_default();
    store.as_object().into_iter().flatten().for_each(|(name, _)| drop(params.shift_remove(name)));
    let on = match &ran.card {
        None => format!("simulated, seed {}", workload.store().seed),
        Some(card) => format!("on {} at {}", place::who(card), card.url),
    };
    format!("{name}: {}; {on}", setup::show(&params))
}

/// A table as lines of a terminal.
pub(super) fn lines(table: &Table) -> Vec<String> {
    let mut rows = vec![table.columns.clone()];
    rows.extend(table.texts());
    table::aligned(&rows)
}

fn report(args: &Args, ran: &Ran, tables: &[Table]) -> Report {
    Report {
        title: title(&ran.workload, &args.workload, ran),
        badge: ran.badge(),
        said: ran.said(),
        plots: drawn::plots(&ran.workload, ran.load.tallies(), tables),
        tables: tables.iter().map(drawn::table).collect(),
        command: args.command(),
        params: drawn::params(&ran.workload),
        notes: drawn::notes(ran.card.as_ref()),
    }
}

fn object(args: &Args, ran: &Ran, tables: &[Table]) -> Value {
    let rows = joined(tables).objects();
    let mut object = rows.last().cloned().unwrap_or_default();
    let more = json!({
        "workload": args.workload,
        "on": ran.on(),
        "params": ran.workload.params(),
        "rows": rows,
        "counts": counts(ran),
        "differences": ran.differences,
        "verdict": ran.said(),
        "seconds": ran.seconds,
    });
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object)
}

/// What the load decided, and what that costs.
fn counts(ran: &Ran) -> Map<String, Value> {
    let all = Counts::sum(ran.load.tallies());
    let mut counts: Map<String, Value> =
        all.named().into_iter().map(|(name, it)| (name.to_owned(), json!(it))).collect();
    counts.insert("requests".to_owned(), json!(all.requests()));
    let slowed: u64 = ran.load.tallies().iter().map(|it| it.slowed).sum();
    counts.insert("slowed".to_owned(), json!(slowed));
    counts.insert("nanodollars".to_owned(), json!(ran.workload.price(&all)));
    counts
}

/// The loads, as `list` shows them.
pub(super) fn cards() -> Vec<(&'static str, &'static str, Map<String, Value>)> {
    let card = |(name, about)| {
        let workload = Workload::read(name, &Map::new())?.ok()?;
        Some((name, about, workload.params()))
    };
    LOADS.into_iter().filter_map(card).collect()
}
