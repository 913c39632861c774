//! `measure .. --on postgres`: the same connections' statements on a real server, beside simulation.
//!
//! The server goes first, because it decides how fast it goes; what is simulated then is as fast.
//! Real connections overlap, so the verdict is not equality but a band, which is said for every
//! figure; a figure outside of it is a disagreement and exits 1.

use super::soak::{Ran, fields, params, run, shown, valid};
use super::{Args, bar, table};
use crate::file;
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out, paint};
use anstyle::AnsiColor;
use heap::soak::{Account, Band, Params, Published, Sample, bands, published};
use real::heap::Latencies;
use real::heap::load::{self, Loaded};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Instant;

/// A server that did this share of the updates that were asked for kept up.
const KEPT_UP: f64 = 0.98;

/// A load on both sides.
struct Both {
    row: Option<&'static Published>,
    /// Updates a second that were asked for.
    asked: u64,
    /// Whether the server kept up with that.
    kept_up: bool,
    simulated: Ran,
    real: Loaded,
    bands: Vec<Band>,
    seconds: f64,
}

/// Only Postgres can be measured on.
pub(super) fn wanted(on: &str) -> Result<(), Failure> {
    match on {
        "postgres" => Ok(()),
        _ => Err(Failure::input(format!("--on {on}: a load on a table runs on postgres alone"))),
    }
}

pub(super) fn on_postgres(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let rows: Vec<Option<&'static Published>> = match args.published {
        false => vec![None],
        true => published(&args.workload).iter().map(Some).collect(),
    };
    if rows.is_empty() {
        let load = &args.workload;
        return Err(Failure::input(format!("nothing of {load} is published; of a0 and held-xmin")));
    }
    let mut loads = Vec::new();
    for row in rows {
        let params = params(args, row.map_or(&[], |it| it.set))?;
        valid(&params)?;
        loads.push((row, params));
    }
    let mut all = Vec::new();
    for (row, params) in loads {
        row.iter().for_each(|row| out.say(row.name));
        out.say(table::title(&args.workload, &params));
        let both = Both::measure(row, &params, out)?;
        both.say(out);
        let whole = both.is_whole();
        all.push(both);
        if !whole {
            break;
        }
    }
    if let Some(path) = &args.csv {
        write(path, &all, out)?;
    }
    Ok(conclude(&args.workload, &all, out))
}

impl Both {
    fn measure(
        row: Option<&'static Published>,
        params: &Params,
        out: &Out,
    ) -> Result<Self, Failure> {
        let began = Instant::now();
        let asked = params.rate;
        let real = real(params, out)?;
        let duration = real.samples.last().map_or(0, |it| it.t_s).max(1);
        let kept_up = real.rate() >= asked as f64 * KEPT_UP;
        let rate = if kept_up { asked } else { (real.rate().round() as u64).max(1) };
        // A connection that waits for its commit holds the horizon back for as long.
        let waits = params.commit_batch == 1 && params.synchronous_commit;
        let updates = real.latencies.of("update");
        let mean = updates.filter(|_| waits && params.commit == 0.0).map(|it| it.mean);
        let commit = mean.unwrap_or(params.commit);
        // Of connections that are done before their next statement is due, few are at it at once.
        let pause = params.concurrency as f64 / rate as f64 * 1e3;
        let paced = kept_up && updates.is_some_and(|it| it.p99 < pause);
        let params = Params { rate, duration, commit, ..params.clone() };
        let simulated = run(&params, out)?;
        // What was stopped has not been simulated to where the server came.
        let whole = real.whole && simulated.whole;
        let bands = match whole {
            true => bands(&params, simulated.soak.course(), real.course(), paced),
            false => Vec::new(),
        };
        let seconds = began.elapsed().as_secs_f64();
        Ok(Both { row, asked, kept_up, simulated, real, bands, seconds })
    }

    fn is_whole(&self) -> bool {
        self.real.whole && self.simulated.whole
    }

    fn outside(&self) -> impl Iterator<Item = &Band> {
        self.bands.iter().filter(|it| !it.holds())
    }

    fn published(&self, it: &Band) -> Option<(f64, f64)> {
        self.row?.figures?.of(it.what)
    }

    /// Figures of the row that are outside a band that the server is in.
    fn odd(&self) -> impl Iterator<Item = (&Band, f64)> {
        let all = self.bands.iter().filter(|it| it.holds());
        all.filter_map(|it| {
            let (value, off) = self.published(it)?;
            (value + off < it.low || value - off > it.high).then_some((it, value))
        })
    }

    fn verdict(&self) -> Vec<String> {
        let params = self.simulated.soak.params();
        let Loaded { samples, reindexed, .. } = &self.real;
        Account { params, samples, reindexed }.verdict()
    }

    fn say(&self, out: &Out) {
        if !self.kept_up {
            let (rate, asked) = (self.simulated.soak.params().rate, self.asked);
            out.say(format!(
                "postgres did {rate} updates a second of {asked}: so does what is simulated\n"
            ));
        }
        if !self.bands.is_empty() {
            let lines = self.bands.iter().map(|it| self.line(it));
            let titles = ["", "simulated", "postgres", "band", "published"].map(str::to_owned);
            let rows: Vec<Vec<String>> = [titles.to_vec()].into_iter().chain(lines).collect();
            table::aligned(&rows).iter().for_each(|line| out.say(line));
            out.say("");
        }
        times(&self.real.latencies).iter().for_each(|line| out.say(line));
        out.say("");
        self.verdict().iter().for_each(|said| out.say(format!("postgres: {said}")));
        for (it, value) in self.odd() {
            let (what, ours, theirs) = (it.what, figure(it.simulated), figure(it.real));
            out.say(format!(
                "the odd one out is the published {what}, {}: {ours} simulated, {theirs} real",
                figure(value),
            ));
        }
        if let Some(row) = self.row.filter(|it| !it.remark.is_empty()) {
            out.say(format!("published: {}", row.remark));
        }
        out.say("");
    }

    fn line(&self, it: &Band) -> Vec<String> {
        let band = match it.low == it.high {
            true => "equal".to_owned(),
            false => format!("{} .. {}", figure(it.low), figure(it.high)),
        };
        let mark = if it.holds() { "" } else { "OUTSIDE " };
        let published = self.published(it).map_or("-".to_owned(), |it| figure(it.0));
        let (ours, theirs) = (figure(it.simulated), figure(it.real));
        vec![it.what.to_owned(), ours, format!("{mark}{theirs}"), band, published]
    }

    fn object(&self) -> Value {
        let band = |it: &Band| {
            json!({
                "what": it.what, "simulated": it.simulated, "real": it.real, "low": it.low,
                "high": it.high, "holds": it.holds(),
                "published": self.published(it).map(|it| it.0),
            })
        };
        let end = self.real.samples.last().unwrap_or(&self.real.loaded);
        json!({
            "row": self.row.map(|it| it.name),
            "params": shown(self.simulated.soak.params()),
            "rate_asked": self.asked,
            "postgres_version": self.real.version,
            "simulated": fields(self.simulated.end()),
            "postgres": fields(end),
            "bands": self.bands.iter().map(band).collect::<Vec<_>>(),
            "latencies": times_object(&self.real.latencies),
            "verdict": self.verdict(),
            "seconds": self.seconds,
        })
    }
}

fn real(params: &Params, out: &Out) -> Result<Loaded, Failure> {
    let bar = bar(out, params.duration);
    let real = load::measure(params, &mut |seconds| {
        match seconds {
            None => bar.set_message(format!("loading {} rows into postgres", params.active)),
            Some(seconds) => {
                bar.set_position(seconds as u64);
                bar.set_message(format!("{seconds:.0} of {} s on postgres", params.duration));
            }
        }
        !was_interrupted()
    });
    bar.finish_and_clear();
    real.map_err(Failure::service)
}

/// What is said of all loads together.
fn conclude(workload: &str, all: &[Both], out: &Out) -> Exit {
    let (mut held, mut figures) = (0, 0);
    for both in all {
        held += both.bands.len() - both.outside().count();
        figures += both.bands.len();
        for it in both.outside() {
            let (what, theirs) = (it.what, figure(it.real));
            let (ours, low, high) = (figure(it.simulated), figure(it.low), figure(it.high));
            let row = both.row.map_or(String::new(), |it| format!("{}: ", it.name));
            out.verdict(format!(
                "{row}{what} is {theirs} on postgres and {ours} simulated, expected {low} to {high}"
            ));
        }
    }
    let whole = all.iter().all(Both::is_whole);
    let (color, said, exit, outcome) = match (whole, held == figures) {
        (_, false) => (AnsiColor::Red, "DISAGREES", Exit::Violated, "fail"),
        (true, true) => (AnsiColor::Green, "AGREES", Exit::Holds, "pass"),
        (false, true) => (AnsiColor::Yellow, "STOPPED", Exit::Unknown, "unknown"),
    };
    let seconds: f64 = all.iter().map(|it| it.seconds).sum();
    let version = all.first().map_or("", |it| &it.real.version);
    let compared = match figures {
        0 => "nothing was compared".to_owned(),
        _ => format!("{held} of {figures} figures of postgres {version} are within their bands"),
    };
    out.verdict(format!("{} {compared}   {seconds:.1} s", paint(color, said)));
    let loads: Vec<Value> = all.iter().map(Both::object).collect();
    out.object(outcome, json!({"workload": workload, "loads": loads, "seconds": seconds}));
    exit
}

/// Every sample of both sides, the side and the row before the columns of a load alone.
fn write(path: &Path, all: &[Both], out: &Out) -> Result<(), Failure> {
    let mut text = format!("side,row,{}\n", Sample::COLUMNS.join(","));
    for both in all {
        let row = both.row.map_or(String::new(), |it| it.name.replace(',', ""));
        let sides =
            [("simulated", both.simulated.soak.samples()), ("postgres", &both.real.samples)];
        for (side, samples) in sides {
            let lines = samples.iter().map(|it| format!("{side},{row},{}\n", it.csv()));
            text.extend(lines);
        }
    }
    file::write(path, &text)?;
    out.verdict(format!("wrote    {}", path.display()));
    Ok(())
}

/// How long statements took on the server, a line a kind.
pub(super) fn times(latencies: &Latencies) -> Vec<String> {
    let titles = ["on postgres", "count", "p50 ms", "p99 ms", "p999 ms", "max ms"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for (kind, it) in latencies.all() {
        let times = [it.p50, it.p99, it.p999, it.max].map(|it| format!("{it:.2}"));
        rows.push([kind.to_owned(), it.count.to_string()].into_iter().chain(times).collect());
    }
    table::aligned(&rows)
}

/// The same, for `--json`.
pub(super) fn times_object(latencies: &Latencies) -> Map<String, Value> {
    let kind = |(kind, it): (&str, real::heap::Quantiles)| {
        let times = json!({
            "count": it.count, "p50_ms": it.p50, "p99_ms": it.p99, "p999_ms": it.p999,
            "max_ms": it.max,
        });
        (kind.to_owned(), times)
    };
    latencies.all().map(kind).collect()
}

/// A figure to two places, and whole ones to none.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
