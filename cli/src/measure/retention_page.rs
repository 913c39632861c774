//! The page of `a1`: how large all tables are and who has waited, second by second, way by way.
//!
//! Simulated alone, the ways are there to be compared, and share their plots; beside a real server
//! each way has plots of its own, with both sides in them. Whoever reads across a retirement is
//! drawn behind: space comes back when he goes, and waits end.

use super::a1::{Measured, rows, said, title};
use super::plot::{Axis, Band, Line, Plot, Scale};
use super::report::{Badge, Report, Table};
use super::{Args, beside, typed};
use crate::setup;
use heap::retention::{Moment, Outcome, Params, READER_BEFORE};
use heap::soak::megabytes;

/// A title, a unit, and what is drawn of a moment.
type Shown = (&'static str, &'static str, fn(&Moment) -> f64);

const SHOWN: [Shown; 2] = [
    ("Tables and indexes", "MB", |it| megabytes(it.bytes)),
    ("Statements that have waited for a lock", "", |it| it.waits as f64),
];

const NOTES: [&str; 3] = [
    "drop is DETACH PARTITION CONCURRENTLY and DROP TABLE, after the runs that still sleep were \
     carried forward; detach the same with a plain DETACH; delete a DELETE and VACUUM on one table.",
    "Pages are exact for the order in which runs come, under the rules of Postgres 15; locks are \
     those that the manual has for each statement, and a statement that waits for none takes no time. \
     Equal on a real server: which runs go, which are carried, which stay, and whether anybody waits.",
    "Sizes are of tables and their indexes, without maps, in megabytes of 1,000,000 bytes. Slowest is \
     the longest from the beginning of a retirement until its space could be used again.",
];

/// The page of all ways that were measured.
pub(super) fn report(args: &Args, params: &Params, all: &[Measured], badge: Badge) -> Report {
    let real = all.iter().any(|it| it.real.is_some());
    let groups: Vec<(String, Vec<(String, &Outcome)>)> = match real {
        false => {
            let ways = all.iter().map(|it| (it.way.name().to_owned(), &it.simulated));
            vec![(String::new(), ways.collect())]
        }
        true => all.iter().map(sides).collect(),
    };
    let mut plots = Vec::new();
    for (name, lines) in &groups {
        plots.extend(SHOWN.iter().map(|shown| plot(params, name, lines, shown)));
    }
    let mut tables = vec![Table::of("Ways".to_owned(), rows(all), "")];
    for it in all {
        let latencies = it.real.iter().map(|real| &real.latencies);
        tables.extend(latencies.map(|took| beside::took(&format!("{}: ", it.way.name()), took)));
    }
    Report {
        title: title(params).trim_end().to_owned(),
        badge,
        said: said(all),
        plots,
        tables,
        command: args.command(),
        params: typed(params.shown())
            .iter()
            .map(|(name, it)| (name.clone(), setup::show_value(it)))
            .collect(),
        notes: NOTES.map(str::to_owned).to_vec(),
    }
}

fn sides(it: &Measured) -> (String, Vec<(String, &Outcome)>) {
    let simulated = ("simulated".to_owned(), &it.simulated);
    let real = it.real.as_ref().map(|real| ("postgres".to_owned(), &real.outcome));
    (format!("by {}: ", it.way.name()), [simulated].into_iter().chain(real).collect())
}

fn plot(
    params: &Params,
    name: &str,
    lines: &[(String, &Outcome)],
    (title, unit, of): &Shown,
) -> Plot {
    let line = |(name, outcome): &(String, &Outcome)| {
        let points = outcome.course.iter().map(|it| (it.t_s as f64, of(it))).collect();
        Line { name: name.clone(), points, steps: true }
    };
    Plot {
        title: format!("{name}{title}"),
        x: Axis { unit: "", scale: Scale::Clock },
        y: Axis { unit, scale: Scale::Linear },
        lines: lines.iter().map(line).collect(),
        bands: readers(params),
    }
}

/// While somebody read what was to go; the first is named.
fn readers(params: &Params) -> Vec<Band> {
    if params.reader == 0 {
        return Vec::new();
    }
    let mut name = "a reader".to_owned();
    let band = |(second, _): (u64, u64)| {
        let from = (second * 1000 - READER_BEFORE) as f64 / 1e3;
        let to = (from + params.reader as f64).min(params.duration as f64);
        Band { from, to, within: None, name: std::mem::take(&mut name) }
    };
    params.retirements().map(band).collect()
}
