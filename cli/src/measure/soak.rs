//! Hours of load on a hot Postgres table, in simulated time: samples, a verdict, and the page.
//!
//! Every page of the table is exact, the order of who is served is drawn, and the verdict is read
//! off the samples.

use super::report::Badge;
use super::{Args, Card, bar, curves, on_postgres, sweep, table, typed, write};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use heap::soak::{LOADS, Params, Sample, Soak};
use serde_json::{Map, Value, json};
use std::time::Instant;

pub(super) fn measure(args: &Args, out: &Out) -> Result<Exit, Failure> {
    if args.on.is_some() {
        if args.sweep.is_some() {
            let why = "--sweep: there is none of a load beside a real server; expected no --on";
            return Err(Failure::input(why));
        }
        return on_postgres::on_postgres(args, out);
    }
    let params = params(args, &[])?;
    if let Some(given) = &args.sweep {
        return sweep::sweep(args, &params, given, out);
    }
    valid(&params)?;
    out.say(table::title(&args.workload, &params));
    let ran = run(&params, out)?;
    table::lines(&ran.soak).iter().for_each(|line| out.say(line));
    out.say("");
    for said in ran.soak.verdict() {
        out.verdict(said);
    }
    out.verdict(speed(&ran));
    if let Some(path) = &args.csv {
        let samples = ran.soak.samples().iter().map(|it| it.csv() + "\n");
        write(path, &(Sample::COLUMNS.join(",") + "\n" + &samples.collect::<String>()), out)?;
    }
    args.write(|| curves::report(args, &ran), out)?;
    out.object(ran.badge().outcome(), object(&args.workload, &ran));
    Ok(ran.badge().exit())
}

/// What the load is, with what a published row sets and then with what was given.
pub(super) fn params(args: &Args, row: &[(&str, &str)]) -> Result<Params, Failure> {
    let mut params = Params::of(&args.workload).expect("it was looked for among the loads");
    let given = args.setup.params()?;
    if given.contains_key("hours") && given.contains_key("duration") {
        return Err(Failure::input("-p hours and -p duration say the same: expected one of them"));
    }
    for (name, value) in row {
        params.set(name, value).map_err(Failure::input)?;
    }
    for (name, value) in given {
        let text = value.as_str().unwrap_or_default();
        params.set(&name, text).map_err(|why| Failure::input(format!("-p {why}")))?;
    }
    Ok(params)
}

pub(super) fn valid(params: &Params) -> Result<(), Failure> {
    params.check().map_err(|why| Failure::input(format!("-p {why}")))
}

/// A load that came to its end, or was stopped on the way.
pub(super) struct Ran {
    pub(super) soak: Soak,
    /// Seconds that it took here.
    pub(super) seconds: f64,
    /// Whether it came to its end.
    pub(super) whole: bool,
}

impl Ran {
    pub(super) fn badge(&self) -> Badge {
        Badge::of(self.whole, true)
    }

    /// Where it ended; the table as it was loaded if it was stopped before the first sample.
    pub(super) fn end(&self) -> &Sample {
        self.soak.samples().last().unwrap_or(self.soak.loaded())
    }
}

pub(super) fn run(params: &Params, out: &Out) -> Result<Ran, Failure> {
    let began = Instant::now();
    let bar = bar(out, params.duration);
    let mut soak = Soak::empty(params);
    let mut loads = true;
    while loads && !was_interrupted() {
        bar.set_message(soak.progress());
        loads = soak.load().map_err(Failure::input)?;
    }
    if !loads && !soak.has_work() {
        return Err(Failure::input(
            "every row sleeps: expected fewer sleepers or more active rows",
        ));
    }
    let mut goes_on = true;
    while goes_on && !was_interrupted() {
        goes_on = soak.go_on().map_err(Failure::input)?;
        bar.set_position(soak.seconds() as u64);
        bar.set_message(soak.progress());
    }
    bar.finish_and_clear();
    Ok(Ran { soak, seconds: began.elapsed().as_secs_f64(), whole: !goes_on })
}

/// What was done, and how long that took here.
fn speed(ran: &Ran) -> String {
    let (inserted, deleted) = ran.soak.inserted_and_deleted();
    let done = ran.badge().painted();
    format!(
        "{done} {} updates, {inserted} inserts, {deleted} deletes; {}   {:.2} s",
        ran.end().ops,
        ran.soak.progress(),
        ran.seconds,
    )
}

/// A sample, a field a column; what is shown rounded in CSV is given as it is.
pub(super) fn fields(sample: &Sample) -> Map<String, Value> {
    let texts = Sample::COLUMNS.into_iter().zip(sample.fields());
    let mut object: Map<String, Value> = texts
        .map(|(name, text)| (name.to_owned(), serde_json::from_str(&text).unwrap_or(json!(text))))
        .collect();
    object.insert("heap_pages".to_owned(), json!(sample.heap_pages));
    object.insert("heap_bytes".to_owned(), json!(sample.heap_bytes));
    object.insert("idx_bytes".to_owned(), json!(sample.index_bytes));
    object.insert("hot_pct".to_owned(), json!((sample.hot * 100.0).round() / 100.0));
    object
}

fn object(workload: &str, ran: &Ran) -> Value {
    let mut object = fields(ran.end());
    let (inserted, deleted) = ran.soak.inserted_and_deleted();
    let more = json!({
        "workload": workload,
        "params": shown(ran.soak.params()),
        "inserted": inserted,
        "deleted": deleted,
        "samples": ran.soak.samples().len(),
        "verdict": ran.soak.verdict(),
        "seconds": ran.seconds,
    });
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object)
}

/// Its parameters as they are in JSON.
pub(super) fn shown(params: &Params) -> Map<String, Value> {
    typed(params.shown())
}

/// The loads, as `list` shows them.
pub(super) fn cards() -> Vec<Card> {
    let card = |(name, about)| Some((name, about, shown(&Params::of(name)?)));
    LOADS.into_iter().filter_map(card).collect()
}
