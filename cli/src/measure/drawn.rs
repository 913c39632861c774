//! How loads on an object store are drawn: times by how many took at most that, and what grows.
//!
//! A mean would hide what hurts, so times are drawn whole: how many of all requests took at most so
//! long. What grows with a size or a factor is drawn over it.

use super::plot::{Axis, Line, Plot, Scale};
use super::report;
use crate::setup;
use models::objects_load::{Table, Tally, Turn, Workload};
use real::targets::Card;

const MS: Axis = log("ms");
const SHARE: Axis = linear("%");
/// Points of a distribution.
const POINTS: usize = 200;

const fn log(unit: &'static str) -> Axis {
    Axis { unit, scale: Scale::Log }
}

const fn linear(unit: &'static str) -> Axis {
    Axis { unit, scale: Scale::Linear }
}

/// Columns of a table over its first: which table, what is shown, its axis, and each line's name and
/// column.
type Over = (usize, &'static str, Axis, &'static [(&'static str, &'static str)]);

const BATCHING: [Over; 4] = [
    (1, "The monthly bill for PUTs, by snapshots an object", log("USD"), &[("", "monthly_usd")]),
    (
        1,
        "What a snapshot waits in the buffer",
        linear("ms"),
        &[("p50", "wait_p50_ms"), ("p99", "wait_p99_ms"), ("longest", "wait_max_ms")],
    ),
    (
        0,
        "What a PUT takes",
        linear("ms"),
        &[("p50", "put_p50_ms"), ("p99", "put_p99_ms"), ("p999", "put_p999_ms")],
    ),
    (0, "Snapshots a second", linear("/s"), &[("", "snapshots_per_s")]),
];

const COLD_READS: [Over; 4] = [
    (
        0,
        "What a listing takes (p50), by states of the run",
        MS,
        &[("all", "list_p50_ms"), ("since the middle", "since_p50_ms")],
    ),
    (
        0,
        "Pages of a listing",
        linear("pages"),
        &[("all", "pages"), ("since the middle", "since_pages")],
    ),
    (1, "GETs of all states", log("s"), &[("", "fan_out_s")]),
    (
        1,
        "What a GET takes",
        linear("ms"),
        &[("p50", "get_p50_ms"), ("p99", "get_p99_ms"), ("p999", "get_p999_ms")],
    ),
];

/// What is drawn of a load: `tables` are its own.
pub(super) fn plots(workload: &Workload, tallies: &[Tally], tables: &[Table]) -> Vec<Plot> {
    let over = |x: Axis, all: &[Over]| {
        let one = |(table, title, y, columns): &Over| {
            let line = |(name, column): &(&str, &str)| over_first(&tables[*table], name, column);
            plot(title, x, *y, columns.iter().map(line).collect())
        };
        all.iter().map(one).collect()
    };
    match workload {
        Workload::Puts(_) => {
            let named = |tally: &Tally| {
                let row = &tables[0].rows[tally.row];
                format!("{} KiB, {} in flight", row[0].text(), row[1].text())
            };
            let rows = tallies.iter().filter(|it| it.row < tables[0].rows.len());
            let lines = rows.map(|it| distribution(named(it), it)).collect();
            let by_size = throughput(&tables[0]);
            vec![
                plot("PUTs that took at most so long", MS, SHARE, lines),
                plot("PUTs a second, by size", log("KiB"), linear("/s"), by_size),
            ]
        }
        Workload::Batching(_) => over(log("an object"), &BATCHING),
        Workload::ColdReads(_) => over(log("states"), &COLD_READS),
        // Those are drawn turn by turn.
        Workload::Backends(_) => Vec::new(),
    }
}

/// Times of each turn of several stores: how many requests of a phase took at most so long.
pub(super) fn turns(title: &str, turns: &[Turn], phase: &str) -> Plot {
    let of = |turn: &Turn| {
        let tally = turn.tallies.iter().find(|it| it.name == phase)?;
        Some(distribution(format!("{}, {}", turn.store, turn.repeat), tally))
    };
    plot(title, MS, SHARE, turns.iter().filter_map(of).collect())
}

pub(super) fn plot(title: &str, x: Axis, y: Axis, lines: Vec<Line>) -> Plot {
    Plot { title: title.to_owned(), x, y, lines, bands: Vec::new() }
}

/// A column over the table's first.
fn over_first(table: &Table, name: &str, column: &str) -> Line {
    let x = table.column(&table.columns[0]);
    let points = x.into_iter().zip(table.column(column)).collect();
    Line { name: name.to_owned(), points, steps: false }
}

/// PUTs a second by size, a line for each number of requests in flight.
fn throughput(table: &Table) -> Vec<Line> {
    let [size, flight, rate] = ["size_kib", "concurrency", "put_per_s"].map(|it| table.column(it));
    let mut flights = flight.clone();
    flights.sort_by(f64::total_cmp);
    flights.dedup();
    let line = |of: f64| {
        let rows = size.iter().zip(&rate).zip(&flight).filter(|(_, it)| **it == of);
        let points = rows.map(|((size, rate), _)| (*size, *rate)).collect();
        Line { name: format!("{of} in flight"), points, steps: false }
    };
    flights.into_iter().map(line).collect()
}

/// How many percent took at most so many milliseconds.
fn distribution(name: String, tally: &Tally) -> Line {
    let took = tally.sorted();
    let last = took.len().saturating_sub(1);
    let point = |at: usize| {
        let share = (at + 1) as f64 * 100.0 / took.len() as f64;
        (took[at] as f64 / 1000.0, share)
    };
    let mut places: Vec<usize> = (0..POINTS).map(|it| it * last / (POINTS - 1)).collect();
    places.dedup();
    let points = if took.is_empty() { Vec::new() } else { places.into_iter().map(point).collect() };
    Line { name, points, steps: true }
}

/// A table, as the page has it.
pub(super) fn table(table: &Table) -> report::Table {
    report::Table {
        title: table.title.to_owned(),
        head: table.columns.clone(),
        rows: table.texts(),
        under: String::new(),
    }
}

/// Every parameter, as one would type it.
pub(super) fn params(workload: &Workload) -> Vec<(String, String)> {
    let all = workload.params();
    all.iter().map(|(name, it)| (name.clone(), setup::show_value(it))).collect()
}

/// What is to be known before a figure is believed.
pub(super) fn notes(card: Option<&Card>) -> Vec<String> {
    let exact = "Exact wherever a store keeps its promises: requests, pages, keys, bytes, batches, waits in \
                 the buffer, and costs. A real run is compared with the simulated one for equality.";
    let times = match card {
        None => {
            "Times are simulated: below the median evenly down to half of it, above it an exponential \
             tail through p99, and a connection carries so many megabytes a second. AWS publishes no \
             distribution; 30 ms and 200 ms are taken from its words, a median in the tens of \
             milliseconds for requests under 512 KB (\"Timeouts and retries for latency-sensitive \
             applications\") and roughly 100-200 ms for small objects (\"Performance design patterns \
             for Amazon S3\"). A prefix takes 3,500 PUTs and 5,500 GETs or LISTs a second, from the \
             first second on, and answers 503 beyond; who is asked to slow down waits as AWS's SDKs do."
        }
        Some(_) => {
            "Times are from the call to its answer, signing and parsing included, all of them made \
             from one thread of this machine: they compare stores on it, and promise nothing of another."
        }
    };
    let not = "Not modelled: queues in the client, the network and the server, connections and TLS, \
               time-outs, and that S3 splits a busy prefix only after a while. Costs are of requests \
               alone, at the prices given; storage, transfer and refused requests are not on the bill.";
    vec![exact.to_owned(), times.to_owned(), not.to_owned()]
}
