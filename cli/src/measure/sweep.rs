//! `--sweep name=v1,v2,..`: the same load once a value, and a row where each ends.

use super::report::Badge;
use super::soak::{Ran, fields, run, shown, valid};
use super::{Args, curves, table, write};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use heap::soak::{Params, Sample};
use serde_json::{Value, json};

pub(super) fn sweep(args: &Args, params: &Params, given: &str, out: &Out) -> Result<Exit, Failure> {
    let loads = loads(params, given)?;
    let (workload, name) = (&args.workload, loads[0].0);
    out.say(table::title(workload, params));
    let titles = [name].into_iter().chain(table::ENDED);
    let mut rows = vec![titles.map(str::to_owned).collect::<Vec<_>>()];
    let mut all: Vec<(&str, Ran)> = Vec::new();
    for (_, value, params) in &loads {
        let ran = run(params, out)?;
        rows.push(table::ended(value, ran.soak.loaded(), ran.end()));
        all.push((value, ran));
        if was_interrupted() {
            break;
        }
    }
    table::aligned(&rows).iter().for_each(|line| out.verdict(line));
    if let Some(path) = &args.csv {
        write(path, &csv(name, &all), out)?;
    }
    args.write(|| curves::swept(args, (params, name), &rows, &all), out)?;
    let mut whole = true;
    for (value, ran) in &all {
        out.say(format!("\n{name}={value}"));
        ran.soak.verdict().iter().for_each(|said| out.say(format!("  {said}")));
        whole &= ran.whole;
    }
    let rows: Vec<Value> = all.iter().map(|(value, ran)| row(name, value, ran)).collect();
    let object = json!({
        "workload": workload, "sweep": name, "params": shown(params), "rows": rows,
        "seconds": all.iter().map(|it| it.1.seconds).sum::<f64>(),
    });
    let badge = Badge::of(whole, true);
    out.object(badge.outcome(), object);
    Ok(badge.exit())
}

/// The name and the values of `--sweep name=value,value,..`; at least one.
pub(super) fn values(given: &str) -> Result<(&str, Vec<&str>), Failure> {
    let wanted = || Failure::input(format!("--sweep {given}: expected name=value,value,.."));
    let (name, values) = given.split_once('=').ok_or_else(wanted)?;
    Ok((name, values.split(',').collect()))
}

/// The parameter's name, each value, and the load with it.
fn loads<'a>(params: &Params, given: &'a str) -> Result<Vec<(&'a str, &'a str, Params)>, Failure> {
    let (name, values) = values(given)?;
    let load = |value: &'a str| {
        let mut params = params.clone();
        params.set(name, value).map_err(|why| Failure::input(format!("--sweep {why}")))?;
        valid(&params)?;
        Ok((name, value, params))
    };
    values.into_iter().map(load).collect()
}

/// Every sample of every load, the value before it.
fn csv(name: &str, all: &[(&str, Ran)]) -> String {
    let mut csv = format!("{name},{}\n", Sample::COLUMNS.join(","));
    for (value, ran) in all {
        ran.soak.samples().iter().for_each(|it| csv += &format!("{value},{}\n", it.csv()));
    }
    csv
}

fn row(name: &str, value: &str, ran: &Ran) -> Value {
    let mut row = fields(ran.end());
    row.insert(name.to_owned(), serde_json::from_str(value).unwrap_or(json!(value)));
    row.insert("verdict".to_owned(), json!(ran.soak.verdict()));
    row.insert("seconds".to_owned(), json!(ran.seconds));
    Value::Object(row)
}
