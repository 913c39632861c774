//! `checker measure backends`: one store after the other, in the other order every second time.
//!
//! What they promise and what was counted stand in one table, times in another that is labelled as
//! this machine's; and beside them the control: stores that break one promise each, which the same
//! requests must convict. Each store is started for its turn alone and stopped after it, so that
//! none has another beside it.

use super::objects::{Ran, lines, read, run};
use super::place::{self, Place};
use super::report::{Badge, Report};
use super::{Args, drawn, write};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out, paint};
use anstyle::AnsiColor;
use models::objects_load::params::Backends;
use models::objects_load::{Table, Turn, Workload, compared, control, promises, times};
use serde_json::{Value, json};

/// What came of all turns.
struct Compared {
    params: Backends,
    turns: Vec<Turn>,
    /// What each turn was, for its load and who answered.
    ran: Vec<Ran>,
    /// Stores that are not installed here, and why.
    skipped: Vec<String>,
    whole: bool,
}

pub(super) fn measure(args: &Args, out: &Out) -> Result<Exit, Failure> {
    if args.sweep.is_some() {
        return Err(Failure::input("--sweep is for one store: backends goes through several"));
    }
    let Workload::Backends(params) = read(args, &args.setup.params()?)? else {
        unreachable!("it is read by its name")
    };
    let places = place::places(args.on.as_deref().unwrap_or("simulated"))?;
    let compared = go_round(params, &places, out)?;
    let (tables, said) = (compared.tables(), compared.said());
    out.say(format!("{}\n", compared.title()));
    for (table, under) in &tables {
        out.say(format!("{}{under}", table.title));
        lines(table).iter().for_each(|line| out.say(line));
        out.say("");
    }
    compared.skipped.iter().for_each(|it| out.verdict(format!("SKIPPED  {it}")));
    said.iter().for_each(|it| out.verdict(it));
    let label = paint(AnsiColor::Cyan, "CONTROL");
    compared.control().iter().for_each(|it| out.verdict(format!("{label}  {it}")));
    out.verdict(compared.done());
    if let Some(path) = &args.csv {
        write(path, &tables[1].0.csv(), out)?;
    }
    args.write(|| compared.report(args), out)?;
    out.object(compared.badge().outcome(), compared.object(args));
    Ok(compared.badge().exit())
}

/// Every store's turns.
fn go_round(params: Backends, places: &[Place], out: &Out) -> Result<Compared, Failure> {
    let (mut turns, mut all, mut skipped) = (Vec::new(), Vec::new(), Vec::<String>::new());
    let mut left: Vec<&Place> = places.iter().collect();
    for repeat in 1..=params.repeats {
        let mut order = left.clone();
        if repeat % 2 == 0 {
            order.reverse();
        }
        for place in order {
            let targets = match place.start() {
                Ok(targets) => targets,
                Err(error) => {
                    let why = place::missing(&error).ok_or_else(|| place.failure(error))?;
                    skipped.push(why);
                    left.retain(|it| *it != place);
                    continue;
                }
            };
            // Simulated repeats differ in what is drawn, as real ones do by themselves.
            let mut own = params.clone();
            own.store.seed = own.store.seed.wrapping_add(repeat - 1);
            let ran = run(&Workload::Backends(own), targets.as_ref(), out)?;
            // A turn that was cut short is compared with nothing.
            if was_interrupted() && turns.is_empty() {
                let why = "stopped before the first store had had its turn".to_owned();
                return Err(Failure { exit: Exit::Interrupted, why });
            }
            if was_interrupted() {
                return Ok(Compared { params, turns, ran: all, skipped, whole: false });
            }
            let (store, tallies) = (place.name().to_owned(), ran.load.tallies().to_vec());
            turns.push(Turn { store, repeat, real: ran.card.is_some(), tallies });
            all.push(ran);
        }
    }
    if turns.is_empty() {
        return Err(Failure::service(skipped.join("; ")));
    }
    Ok(Compared { params, turns, ran: all, skipped, whole: true })
}

impl Compared {
    /// Who had a turn, with its version.
    fn title(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        for ran in &self.ran {
            let who = ran.card.as_ref().map_or("simulated".to_owned(), place::who);
            if !all.contains(&who) {
                all.push(who);
            }
        }
        format!(
            "backends: {}; {} repeats, every second one in the other order",
            all.join(", "),
            self.params.repeats
        )
    }

    fn is_real(&self) -> bool {
        self.ran.iter().any(|it| it.card.is_some())
    }

    /// How it came out; a control that is not caught decides nothing.
    fn badge(&self) -> Badge {
        let caught = control(&self.params).iter().all(|it| it.2);
        let same = self.ran.iter().all(|it| it.differences.is_empty());
        Badge::of(self.whole && caught, same)
    }

    /// What was promised and counted, and the times, each with what it is worth.
    fn tables(&self) -> [(Table, &'static str); 2] {
        let workload = Workload::Backends(self.params.clone());
        let predicted = workload.predicted();
        let worth = match self.is_real() {
            true if self.ran.iter().any(|it| it.card.is_none()) => {
                ": of this machine, at this moment, and of no other; simulated ones are drawn"
            }
            true => ": of this machine, at this moment, and of no other",
            false => ": simulated, drawn from -p put_p50_ms and its like",
        };
        [
            (promises(&self.turns, predicted.tallies()), ": holds wherever it was measured"),
            (times(&self.params, &self.turns), worth),
        ]
    }

    fn said(&self) -> Vec<String> {
        let workload = Workload::Backends(self.params.clone());
        let mut said = match self.whole {
            true => compared(&self.params, &self.turns, workload.predicted().tallies()),
            false => vec![format!("stopped after {} turns", self.turns.len())],
        };
        if self.ran.iter().any(|it| it.card.as_ref().is_some_and(|card| !card.real)) {
            said.push("the embedded server is ours: no evidence of how an S3 behaves".to_owned());
        }
        said
    }

    /// Stores that break a promise, and whether the same requests say so.
    fn control(&self) -> Vec<String> {
        let said = control(&self.params).into_iter().map(|(profile, promise, caught)| {
            let caught = if caught { "is caught" } else { "is NOT caught" };
            format!(
                "the same requests on a store that breaks {} ({profile:?}): it {caught}",
                promise.name()
            )
        });
        said.collect()
    }

    fn done(&self) -> String {
        let word = self.badge().painted();
        let seconds: f64 = self.ran.iter().map(|it| it.seconds).sum();
        let requests: u64 = self.ran.iter().map(|it| it.load.progress().0).sum();
        format!("{word} {} turns, {requests} requests   {seconds:.2} s", self.turns.len())
    }

    fn report(&self, args: &Args) -> Report {
        let mut said = self.said();
        said.extend(self.skipped.iter().map(|it| format!("skipped: {it}")));
        said.extend(self.control().into_iter().map(|it| format!("control: {it}")));
        let tables = self.tables().map(|(table, under)| {
            let page = drawn::table(&table);
            super::report::Table { title: format!("{}{under}", page.title), ..page }
        });
        let card = self.ran.iter().find_map(|it| it.card.as_ref());
        Report {
            title: self.title(),
            badge: self.badge(),
            said,
            plots: vec![
                drawn::turns("PUTs that took at most so long, by turn", &self.turns, "put"),
                drawn::turns("GETs that took at most so long, by turn", &self.turns, "get"),
                drawn::turns(
                    "Listings that took at most so long, by turn",
                    &self.turns,
                    "list all",
                ),
            ],
            tables: tables.into(),
            command: args.command(),
            params: drawn::params(&Workload::Backends(self.params.clone())),
            notes: drawn::notes(card),
        }
    }

    fn object(&self, args: &Args) -> Value {
        let [(promises, _), (times, _)] = self.tables();
        let control: Vec<Value> = control(&self.params)
            .into_iter()
            .map(|(profile, promise, caught)| {
                json!({"store": format!("{profile:?}"), "breaks": promise.name(), "caught": caught})
            })
            .collect();
        json!({
            "workload": args.workload,
            "params": Workload::Backends(self.params.clone()).params(),
            "on": self.ran.iter().map(Ran::on).collect::<Vec<_>>(),
            "promises": promises.objects(),
            "rows": times.objects(),
            "skipped": self.skipped,
            "differences": self.ran.iter().flat_map(|it| it.differences.clone()).collect::<Vec<_>>(),
            "control": control,
            "verdict": self.said(),
            "seconds": self.ran.iter().map(|it| it.seconds).sum::<f64>(),
        })
    }
}
