//! `--sweep name=v1,v2,..` of a load on an object store: the load once a value, its rows together.

use super::objects::{Ran, lines, read, run};
use super::plot::{Axis, Line, Scale};
use super::report::{Badge, Report};
use super::{Args, Place, drawn, place, sweep, write};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use models::objects_load::{Cell, Table, joined};
use serde_json::{Value, json};

pub(super) fn sweep(args: &Args, place: &Place, given: &str, out: &Out) -> Result<Exit, Failure> {
    let (name, values) = sweep::values(given)?;
    let mut workloads = Vec::new();
    for value in values {
        let mut params = args.setup.params()?;
        params.insert(name.to_owned(), Value::from(value));
        let wrong = |failure: Failure| Failure::input(failure.why.replacen("-p ", "--sweep ", 1));
        workloads.push((value, read(args, &params).map_err(wrong)?));
    }
    let targets = place.started()?;
    let mut all: Vec<(&str, Ran)> = Vec::new();
    for (value, workload) in workloads {
        all.push((value, run(&workload, targets.as_ref(), out)?));
        if was_interrupted() {
            break;
        }
    }
    let rows = together(name, &all);
    out.say(format!("{} over {name}, on {}\n", args.workload, place.name()));
    lines(&rows).iter().for_each(|line| out.verdict(line));
    for (value, ran) in &all {
        out.say(format!("\n{name}={value}"));
        ran.found().iter().for_each(|said| out.say(format!("  {said}")));
    }
    out.say(format!("\n{}", place::caution(all[0].1.card.as_ref())));
    if let Some(path) = &args.csv {
        write(path, &rows.csv(), out)?;
    }
    args.write(|| report(args, name, &all, &rows), out)?;
    let badge = badge(&all);
    let object = json!({
        "workload": args.workload, "sweep": name, "on": all[0].1.on(), "rows": rows.objects(),
        "seconds": all.iter().map(|it| it.1.seconds).sum::<f64>(),
        "differences": all.iter().flat_map(|it| it.1.differences.clone()).collect::<Vec<_>>(),
    });
    out.object(badge.outcome(), object);
    Ok(badge.exit())
}

/// How all of them came out.
fn badge(all: &[(&str, Ran)]) -> Badge {
    let (whole, same) =
        (all.iter().all(|it| it.1.whole), all.iter().all(|it| it.1.differences.is_empty()));
    Badge::of(whole, same)
}

/// The rows of all values, each with its value before it.
fn together(name: &str, all: &[(&str, Ran)]) -> Table {
    let mut rows = Vec::new();
    let mut columns = Vec::new();
    for (value, ran) in all {
        let mut table = joined(&ran.tables());
        // What is swept over may be a column of its own.
        let own = table.columns.iter().position(|it| it == name);
        own.iter().for_each(|at| drop(table.columns.remove(*at)));
        let value = value.parse().map_or(Cell::Text((*value).to_owned()), Cell::Whole);
        for mut row in table.rows {
            own.iter().for_each(|at| drop(row.remove(*at)));
            row.insert(0, value.clone());
            rows.push(row);
        }
        columns = table.columns;
    }
    columns.insert(0, name.to_owned());
    Table { title: "Where each ends", columns, rows }
}

/// What is drawn over the values, where the load has it: column, unit, and what it is.
const DRAWN: [(&str, &str, &str); 9] = [
    ("put_per_s", "/s", "PUTs a second"),
    ("put_p50_ms", "ms", "What a PUT takes (p50)"),
    ("put_p99_ms", "ms", "What a PUT takes (p99)"),
    ("slowed_pct", "%", "Requests answered by 503"),
    ("wait_p99_ms", "ms", "What a snapshot waits in the buffer (p99)"),
    ("monthly_usd", "USD", "The monthly bill for PUTs"),
    ("list_p50_ms", "ms", "What listing all takes (p50)"),
    ("fan_out_s", "s", "GETs of all states"),
    ("get_per_s", "/s", "GETs a second"),
];

fn report(args: &Args, name: &str, all: &[(&str, Ran)], rows: &Table) -> Report {
    let mut said = vec![format!("{} with {} values of {name}", args.workload, all.len())];
    said.extend(
        all.iter().map(|(value, ran)| format!("{name}={value}: {}", ran.found().join("; "))),
    );
    let first = &all[0].1;
    said.push(place::caution(first.card.as_ref()).to_owned());
    let mut params = drawn::params(&first.workload);
    params.retain(|it| it.0 != name);
    let values = rows.column(&rows.columns[0]);
    let least = values.iter().copied().fold(f64::MAX, f64::min);
    let wide = least > 0.0 && values.iter().any(|it| *it >= 20.0 * least);
    let x = Axis { unit: "", scale: if wide { Scale::Log } else { Scale::Linear } };
    let plots = DRAWN.iter().filter(|(column, ..)| rows.columns.iter().any(|it| it == column));
    let plots = plots.map(|(column, unit, title)| {
        let y = Axis { unit, scale: Scale::Linear };
        drawn::plot(&format!("{title}, by {name}"), x, y, over(rows, column))
    });
    Report {
        title: format!("{} over {name}", args.workload),
        badge: badge(all),
        said,
        plots: plots.collect(),
        tables: vec![drawn::table(rows)],
        command: args.command(),
        params,
        notes: drawn::notes(first.card.as_ref()),
    }
}

/// What a row is of, by column.
const OF: [&str; 4] = ["size_kib", "concurrency", "batch", "states"];

/// A column over the first: a line for each row that a value has.
fn over(rows: &Table, column: &str) -> Vec<Line> {
    let differs = |at: &usize| rows.rows.iter().any(|row| row[*at] != rows.rows[0][*at]);
    let of: Vec<usize> = (1..rows.columns.len())
        .filter(|at| OF.contains(&rows.columns[*at].as_str()))
        .filter(differs)
        .collect();
    let (x, y) = (rows.column(&rows.columns[0]), rows.column(column));
    let mut lines: Vec<Line> = Vec::new();
    for (row, point) in rows.rows.iter().zip(x.into_iter().zip(y)) {
        let name: Vec<String> =
            of.iter().map(|at| format!("{} {}", rows.columns[*at], row[*at].text())).collect();
        let name = name.join(", ");
        match lines.iter_mut().find(|it| it.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { name, points: vec![point], steps: false }),
        }
    }
    lines
}
