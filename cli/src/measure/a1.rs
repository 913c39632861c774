//! `measure a1`: what it costs to get rid of old runs, by dropped partitions or by DELETE.
//!
//! Both ways are shown side by side with what they are said to cost: space, locks, runs carried
//! forward, and statements that had to wait. With `--on postgres` the same statements go to a real
//! server; which runs go and which are carried is then equal, and who waits is seen in `pg_locks`.

use super::report::Badge;
use super::{Args, Card, on_postgres, plain, retention_page, table, typed};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use heap::retention::locks::{Held, Mode};
use heap::retention::{Outcome, Params, Retention, Way};
use heap::soak::megabytes;
use real::heap::retention::{self, Retired};
use serde_json::{Value, json};
use std::time::Instant;

pub(super) const NAME: &str = "a1";

/// A way on the simulated side, and on the real one if it was asked for.
pub(super) struct Measured {
    pub(super) way: Way,
    pub(super) simulated: Outcome,
    pub(super) real: Option<Retired>,
    /// What differs that must not.
    differs: Vec<String>,
    whole: bool,
}

/// What is to be known of it, for `list`.
pub(super) fn card() -> Card {
    let about = "old runs: partitions that are dropped, or detached, beside DELETE and VACUUM";
    (NAME, about, typed(Params::default().shown()))
}

pub(super) fn a1(args: &Args, out: &Out) -> Result<Exit, Failure> {
    plain(args)?;
    let params = params(args)?;
    let began = Instant::now();
    out.say(title(&params));
    let mut all = Vec::new();
    for way in params.by.all() {
        let measured = Measured::of(way, &params, args.on.is_some(), out)?;
        let whole = measured.whole;
        all.push(measured);
        if !whole {
            break;
        }
    }
    table::aligned(&rows(&all)).iter().for_each(|line| out.say(line));
    out.say("");
    for it in all.iter().filter_map(|it| it.real.as_ref().map(|real| (it.way, real))) {
        out.say(format!("by {}", it.0.name()));
        let times = on_postgres::times(&it.1.latencies);
        table::aligned(&times).iter().for_each(|line| out.say(line));
        out.say("");
    }
    let whole = all.iter().all(|it| it.whole);
    let badge = Badge::of(whole, all.iter().all(|it| it.differs.is_empty()));
    args.write(|| retention_page::report(args, &params, &all, badge), out)?;
    Ok(conclude(&params, &all, badge, began, out))
}

fn params(args: &Args) -> Result<Params, Failure> {
    let mut params = Params::default();
    for (name, value) in args.setup.params()? {
        let text = value.as_str().unwrap_or_default();
        params.set(&name, text).map_err(|why| Failure::input(format!("-p {why}")))?;
    }
    params.check().map_err(|why| Failure::input(format!("-p {why}")))?;
    Ok(params)
}

pub(super) fn title(params: &Params) -> String {
    let Params { rate, duration, range, keep, sleepers, reader, .. } = params;
    let read = match reader {
        0 => "no reader".to_owned(),
        seconds => format!("a reader for {seconds} s across each"),
    };
    format!(
        "a1: {rate} runs a second for {duration} s, retired every {range} s, {keep} kept, \
         {sleepers}% sleep, {read}\n"
    )
}

impl Measured {
    fn of(way: Way, params: &Params, on: bool, out: &Out) -> Result<Self, Failure> {
        let real = if on { Some(Self::real(way, params, out)?) } else { None };
        let mut retention = Retention::new(params, way);
        let mut goes_on = true;
        while goes_on && !was_interrupted() {
            goes_on = retention.go_on().map_err(Failure::input)?;
        }
        let whole = !goes_on && real.as_ref().is_none_or(|it| it.whole);
        let simulated = retention.outcome().clone();
        let differs = match &real {
            Some(real) if whole => simulated.differences(&real.outcome),
            _ => Vec::new(),
        };
        Ok(Measured { way, simulated, real, differs, whole })
    }

    fn real(way: Way, params: &Params, out: &Out) -> Result<Retired, Failure> {
        let bar = super::bar(out, params.duration);
        let real = retention::measure(params, way, &mut |seconds| {
            bar.set_position(seconds as u64);
            let (name, duration) = (way.name(), params.duration);
            bar.set_message(format!("by {name}: {seconds:.0} of {duration} s on postgres"));
            !was_interrupted()
        });
        bar.finish_and_clear();
        real.map_err(Failure::service)
    }
}

const TITLES: [&str; 12] = [
    "by",
    "side",
    "moved",
    "gone",
    "runs",
    "dead",
    "freed MB",
    "most MB",
    "end MB",
    "slowest s",
    "waits",
    "longest s",
];

pub(super) fn rows(all: &[Measured]) -> Vec<Vec<String>> {
    let mut rows = vec![TITLES.map(str::to_owned).to_vec()];
    for it in all {
        rows.push(row(it.way, "simulated", &it.simulated));
        rows.extend(it.real.as_ref().map(|real| row(it.way, "postgres", &real.outcome)));
    }
    rows
}

fn row(way: Way, side: &str, it: &Outcome) -> Vec<String> {
    let size = |bytes: u64| format!("{:.2}", megabytes(bytes));
    let seconds = |milliseconds: u64| format!("{:.2}", milliseconds as f64 / 1e3);
    vec![
        way.name().to_owned(),
        side.to_owned(),
        it.moved.to_string(),
        it.gone.to_string(),
        it.runs.to_string(),
        it.dead.to_string(),
        size(it.freed),
        size(it.bytes_max),
        size(it.bytes),
        seconds(it.longest),
        it.waits.to_string(),
        seconds(it.wait_max),
    ]
}

/// The strongest lock that a way takes on the table that all use, in words.
fn locks(it: &Measured) -> String {
    let outcome = it.real.as_ref().map_or(&it.simulated, |real| &real.outcome);
    let (way, runs) = (it.way.name(), outcome.waits);
    let strongest = it.simulated.strongest().map_or("no lock", Mode::name);
    let kept_out = match runs {
        0 => "nobody waited for it".to_owned(),
        1 => "one statement waited".to_owned(),
        many => format!("{many} statements waited"),
    };
    format!("by {way}: {strongest} on the table that everybody uses; {kept_out}")
}

/// What is to be said of all that were measured to their end, a sentence each.
pub(super) fn said(all: &[Measured]) -> Vec<String> {
    let mut said: Vec<String> = all.iter().filter(|it| it.whole).map(locks).collect();
    for it in all {
        said.extend(it.differs.iter().map(|why| format!("by {}: {why}", it.way.name())));
    }
    said
}

fn conclude(params: &Params, all: &[Measured], badge: Badge, began: Instant, out: &Out) -> Exit {
    said(all).iter().for_each(|it| out.verdict(it));
    let on = all.iter().any(|it| it.real.is_some());
    let said = if on { badge.painted_beside() } else { badge.painted() };
    let seconds = began.elapsed().as_secs_f64();
    let ways: Vec<&str> = all.iter().map(|it| it.way.name()).collect();
    out.verdict(format!("{said} {}   {seconds:.2} s", ways.join(", ")));
    let object = json!({
        "workload": NAME,
        "params": typed(params.shown()),
        "ways": all.iter().map(object).collect::<Vec<_>>(),
        "seconds": seconds,
    });
    out.object(badge.outcome(), object);
    badge.exit()
}

fn object(it: &Measured) -> Value {
    json!({
        "by": it.way.name(),
        "simulated": figures(&it.simulated),
        "postgres": it.real.as_ref().map(|real| figures(&real.outcome)),
        "latencies": it.real.as_ref().map(|real| on_postgres::times_object(&real.latencies)),
        "differs": it.differs,
    })
}

fn lock(it: &Held) -> Value {
    json!({"mode": it.mode.name(), "on": it.on.name(), "waited_ms": it.waited})
}

fn figures(it: &Outcome) -> Value {
    let locks: Vec<Value> = it.locks.iter().map(lock).collect();
    json!({
        "retired": it.retired, "moved": it.moved, "gone": it.gone, "runs": it.runs, "dead": it.dead,
        "bytes": it.bytes, "bytes_max": it.bytes_max, "freed": it.freed, "longest_ms": it.longest,
        "waits": it.waits, "wait_max_ms": it.wait_max,
        "locks": locks,
    })
}
