//! `measure .. --on postgres`: the same connections' statements on a real server, beside simulation.
//!
//! The server goes first, because it decides how fast it goes; what is simulated then is as fast.
//! Real connections overlap, so the verdict is not equality but a band, which is said for every
//! figure; a figure outside of it is a disagreement and exits 1.

use super::report::Badge;
use super::soak::{Ran, fields, params, run, shown, valid};
use super::{Args, bar, beside, table};
use crate::file;
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use heap::soak::{Account, Band, Params, Published, Sample, bands, published};
use real::heap::Latencies;
use real::heap::load::{self, Loaded};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Instant;

/// A server that did this share of the updates that were asked for kept up.
const KEPT_UP: f64 = 0.98;

/// A load on both sides.
pub(super) struct Both {
    pub(super) row: Option<&'static Published>,
    /// Updates a second that were asked for.
    asked: u64,
    /// Whether the server kept up with that.
    kept_up: bool,
    pub(super) simulated: Ran,
    pub(super) real: Loaded,
    pub(super) bands: Vec<Band>,
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
    let verdict = Verdict::of(&all);
    args.write(|| beside::report(args, &all, &verdict), out)?;
    Ok(conclude(&args.workload, &all, &verdict, out))
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

    /// What is to be said of it, a sentence each.
    pub(super) fn said(&self) -> Vec<String> {
        let mut said: Vec<String> =
            self.verdict().into_iter().map(|said| format!("postgres: {said}")).collect();
        if !self.kept_up {
            let (rate, asked) = (self.simulated.soak.params().rate, self.asked);
            said.push(format!(
                "postgres did {rate} updates a second of {asked}: so does what is simulated"
            ));
        }
        for (it, value) in self.odd() {
            let (what, ours, theirs) = (it.what, figure(it.simulated), figure(it.real));
            said.push(format!(
                "the odd one out is the published {what}, {}: {ours} simulated, {theirs} real",
                figure(value),
            ));
        }
        if let Some(row) = self.row.filter(|it| !it.remark.is_empty()) {
            said.push(format!("published: {}", row.remark));
        }
        said
    }

    fn say(&self, out: &Out) {
        if !self.bands.is_empty() {
            table::aligned(&self.figures()).iter().for_each(|line| out.say(line));
            out.say("");
        }
        table::aligned(&times(&self.real.latencies)).iter().for_each(|line| out.say(line));
        out.say("");
        self.said().iter().for_each(|said| out.say(said));
        out.say("");
    }

    /// Every figure with its band, under their titles.
    pub(super) fn figures(&self) -> Vec<Vec<String>> {
        let titles = ["", "simulated", "postgres", "band", "published"].map(str::to_owned);
        [titles.to_vec()].into_iter().chain(self.bands.iter().map(|it| self.line(it))).collect()
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
pub(super) struct Verdict {
    pub(super) badge: Badge,
    /// Each figure that is outside its band.
    pub(super) outside: Vec<String>,
    /// How many are within.
    pub(super) compared: String,
}

impl Verdict {
    fn of(all: &[Both]) -> Self {
        let outside: Vec<String> = all.iter().flat_map(Both::disagreements).collect();
        let figures: usize = all.iter().map(|it| it.bands.len()).sum();
        let held = figures - outside.len();
        let version = all.first().map_or("", |it| &it.real.version);
        let compared = match figures {
            0 => "nothing was compared".to_owned(),
            _ => {
                format!("{held} of {figures} figures of postgres {version} are within their bands")
            }
        };
        let badge = Badge::of(all.iter().all(Both::is_whole), outside.is_empty());
        Verdict { badge, outside, compared }
    }
}

impl Both {
    fn disagreements(&self) -> impl Iterator<Item = String> {
        let row = self.row.map_or(String::new(), |it| format!("{}: ", it.name));
        self.bands.iter().filter(|it| !it.holds()).map(move |it| {
            let (what, theirs) = (it.what, figure(it.real));
            let (ours, low, high) = (figure(it.simulated), figure(it.low), figure(it.high));
            format!(
                "{row}{what} is {theirs} on postgres and {ours} simulated, expected {low} to {high}"
            )
        })
    }
}

fn conclude(workload: &str, all: &[Both], verdict: &Verdict, out: &Out) -> Exit {
    let Verdict { badge, outside, compared } = verdict;
    outside.iter().for_each(|it| out.verdict(it));
    let seconds: f64 = all.iter().map(|it| it.seconds).sum();
    out.verdict(format!("{} {compared}   {seconds:.1} s", badge.painted_beside()));
    let loads: Vec<Value> = all.iter().map(Both::object).collect();
    let object = json!({"workload": workload, "loads": loads, "seconds": seconds});
    out.object(badge.outcome(), object);
    badge.exit()
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

/// How long statements took on the server, a row a kind, under their titles.
pub(super) fn times(latencies: &Latencies) -> Vec<Vec<String>> {
    let titles = ["on postgres", "count", "p50 ms", "p99 ms", "p999 ms", "max ms"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for (kind, it) in latencies.all() {
        let times = [it.p50, it.p99, it.p999, it.max].map(|it| format!("{it:.2}"));
        rows.push([kind.to_owned(), it.count.to_string()].into_iter().chain(times).collect());
    }
    rows
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
