//! A history as lanes: each operation from its call to its return, and how far some order explains
//! them.
//!
//! Columns are the distinct times of the history, in order: a nanosecond and an hour are one column
//! each, or a picture of a real run would be empty almost everywhere.

use super::lanes::{Branch, FORMAT, Kind, Lane, Op, Run, Shown, Way};
use super::ops;
use super::trace::{CLIENTS_FEW, plural, sentence};
use crate::check::specs;
use crate::out::Failure;
use checker::check::Counterexample;
use checker::format::{Collector, Format, Header, Reader, Renames, Start, Written, Wrong};
use checker::{Budget, Checked, Operation, Spec, check, line};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) fn shown(path: &Path, text: &str, spec: Option<&str>) -> Result<Shown, Failure> {
    let (title, text) = (path.display().to_string(), text.as_bytes());
    let format = Format::detect(text).unwrap_or(Format::Jsonl);
    let header = if format == Format::Jsonl { Header::of(text) } else { Header::default() };
    let entry = specs::find(spec, header.spec.as_deref(), &title)?;
    let start = header.init.map_or(format.start(), Start::Given);
    let run = (entry.draw)(&title, text, format, &start)?;
    let operations = format!("{} by {}", run.ops.len(), run.lanes_of(Kind::Client));
    let about =
        vec![("spec".to_owned(), entry.name.to_owned()), ("operations".to_owned(), operations)];
    Ok(Shown { format: FORMAT, kind: "history", title, about, column: "moment", runs: vec![run] })
}

/// Reads a history that is called `name`, judges it and lays it out.
pub(crate) fn draw<S: Written>(
    name: &str,
    text: &[u8],
    format: Format,
    start: &Start,
) -> Result<Run, Failure>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let at = |error| Failure::input(format!("{name}: {error}"));
    let wrong = |wrong: Wrong| Failure::input(format!("{name}: {wrong}"));
    let mut reader = Reader::new(format, Renames::default());
    let mut collector = Collector::<S>::new(usize::MAX);
    reader.feed(text, &mut collector).map_err(at)?;
    reader.end(&mut collector).map_err(at)?;
    let operations = collector.finish().map_err(wrong)?;
    if operations.is_empty() {
        return Err(Failure::input(format!("{name}: holds no operation")));
    }
    Ok(drawn(&S::start(start).map_err(wrong)?, operations))
}

/// Judges operations, sorted by call, and lays them out.
fn drawn<S>(start: &S, operations: Vec<Operation<S::Op, S::Ret>>) -> Run
where
    S: Spec,
    S::Op: Clone + Serialize,
    S::Ret: Clone + Serialize,
{
    let lines: Vec<Value> = operations.iter().map(line::to_value).collect();
    let columns = columns(&operations);
    let column = |time: u64| 2 * (1 + columns.partition_point(|it| *it < time) as u64);
    let draw = |(one, line): (&Operation<S::Op, S::Ret>, &Value)| {
        ops::op(line, column(one.call), one.returned_at().map(column))
    };
    let mut all: Vec<Op> = operations.iter().zip(&lines).map(draw).collect();
    let mut run = Run { columns: columns.len(), recorded: columns.len(), ..Run::default() };
    match check(start, &operations, &Budget::default()) {
        Checked::Pass(witness) => {
            run.outcome = "pass";
            run.sentence =
                format!("Some order explains every answer of {} operations.", operations.len());
            for order in &witness.orders {
                let order: Vec<usize> = order.iter().map(|it| *it as usize).collect();
                place(start, &operations, &order, &mut all);
            }
        }
        Checked::Unknown(unknown) => {
            run.outcome = "unknown";
            run.sentence = sentence(&format!("Nobody knows: {unknown}"));
        }
        Checked::Fail(found) => {
            run.outcome = "fail";
            run.sentence = sentence(&found.violation.why);
            run.property = Some(found.violation.property.to_string());
            let guilty = found.minimal.iter().chain(&found.violation.operations);
            guilty.for_each(|it| all[*it].guilty = true);
            let last = found.minimal.iter().filter_map(|it| operations[*it].returned_at()).max();
            let broken = found.violation.at.or(last);
            run.failed_at = broken.map(|time| (column(time) / 2) as usize);
            run.ways = ways(&found, &operations);
        }
    }
    run.lesson =
        "Columns are moments, in order; an operation took effect somewhere on its bar.".to_owned();
    run.focus = run.failed_at.unwrap_or(1);
    forks(&mut run, &lines, &all);
    let clients = clients(&mut all);
    match clients.len() > CLIENTS_FEW {
        true => run.lanes.extend(clients),
        false => {
            run.branches.iter_mut().for_each(|it| it.lane += clients.len());
            run.lanes.splice(..0, clients);
        }
    }
    run.ops = all;
    run
}

/// Every distinct time.
fn columns<O, R>(operations: &[Operation<O, R>]) -> Vec<u64> {
    let ends = operations.iter().filter_map(Operation::returned_at);
    let mut times: Vec<u64> = operations.iter().map(|it| it.call).chain(ends).collect();
    times.sort_unstable();
    times.dedup();
    times
}

fn clients(all: &mut [Op]) -> Vec<Lane> {
    let tracks = ops::lay(all);
    let lane = |(client, tracks): (u16, u8)| Lane {
        kind: Kind::Client,
        name: format!("c{client}"),
        client: Some(client),
        tracks,
        values: Vec::new(),
    };
    tracks.into_iter().map(lane).collect()
}

/// Keys whose heads are drawn as lanes.
const HEADS_MAX: usize = 4;

/// A head for each run that forked, or for the only run, and what was decided on a state that was
/// gone.
fn forks(run: &mut Run, lines: &[Value], all: &[Op]) {
    let stale = ops::stale(lines, all);
    // A compare-and-set that lost is what one is for: only a trace, which is short, shows them.
    run.arrows = stale.iter().filter(|it| it.won).filter_map(ops::arrow).collect();
    let mut moved = BTreeMap::<&str, Vec<(u64, String)>>::new();
    let won = |line: &Value, op: &Op| line["f"] == "cas" && op.answer == "won";
    let mut order: Vec<usize> = (0..all.len()).filter(|&it| won(&lines[it], &all[it])).collect();
    order.sort_by_key(|&it| all[it].to);
    let seconds: BTreeSet<(u16, u64, u64)> =
        stale.iter().filter(|it| it.won).map(|it| (it.client, it.parent, it.answered)).collect();
    for index in order {
        let from = lines[index]["from"].as_u64().unwrap_or_default();
        let values = moved.entry(lines[index]["key"].as_str().unwrap_or_default()).or_default();
        if values.is_empty() {
            values.push((0, from.to_string()));
        }
        if seconds.contains(&(all[index].client, from, all[index].to.unwrap_or_default())) {
            continue;
        }
        values.push((all[index].to.unwrap_or_default(), (from + 1).to_string()));
    }
    let alone = moved.len() == 1;
    let forked = |key: &str| stale.iter().any(|it| it.won && it.key == key);
    for (key, values) in moved.into_iter().filter(|(key, _)| alone || forked(key)).take(HEADS_MAX) {
        let lane = run.lanes.len();
        let branch = |it: &ops::Stale| Branch {
            lane,
            from: it.replaced,
            at: it.answered,
            text: format!("second child of {}", it.parent),
        };
        run.branches.extend(stale.iter().filter(|it| it.won && it.key == key).map(branch));
        let name = if alone || key.is_empty() { "head".to_owned() } else { format!("head {key}") };
        run.lanes.push(Lane { kind: Kind::State, name, client: None, tracks: 0, values });
    }
}

/// The states along an order that is known to be right: from the one it begins in, one after each.
/// Nothing is known of what was answered to those that are `unheard`.
fn states<S: Spec>(
    start: &S,
    operations: &[Operation<S::Op, S::Ret>],
    order: &[usize],
    unheard: &[usize],
) -> Option<Vec<S>> {
    let after = |state: &S, index: usize| -> Vec<S> {
        let Operation { op, .. } = &operations[index];
        let ret = operations[index].ret().filter(|_| !unheard.contains(&index));
        state.step(op, ret).into_iter().collect()
    };
    // Where several states may follow, the first that leads to the end.
    let mut path = vec![start.clone()];
    let mut untried: Vec<Vec<S>> = Vec::new();
    while path.len() <= order.len() {
        if untried.len() < path.len() {
            untried.push(after(path.last()?, order[path.len() - 1]));
        }
        match untried.last_mut()?.pop() {
            Some(next) => path.push(next),
            None => {
                untried.pop();
                path.pop();
            }
        }
    }
    Some(path)
}

/// Notes each operation's place in an order, and the states around it.
fn place<S: Spec>(
    start: &S,
    operations: &[Operation<S::Op, S::Ret>],
    order: &[usize],
    all: &mut [Op],
) {
    let words: Option<Vec<String>> =
        states(start, operations, order, &[]).map(|it| it.iter().map(S::words).collect());
    for (place, &index) in order.iter().enumerate() {
        all[index].place = Some(place + 1);
        all[index].states = words.as_ref().map(|it| (it[place].clone(), it[place + 1].clone()));
    }
}

fn ways<S: Spec>(found: &Counterexample<S>, operations: &[Operation<S::Op, S::Ret>]) -> Vec<Way> {
    let way = |way: &checker::ways::Way<S>| {
        let states = states(&found.start, operations, &way.order, &found.beside);
        let states = states.unwrap_or_default();
        let after = states.iter().skip(1).map(S::words).chain(std::iter::repeat(String::new()));
        Way {
            start: found.start.words(),
            order: way.order.iter().copied().zip(after).collect(),
            stuck: way.candidates.iter().map(|it| (it.operation, it.wrong.clone())).collect(),
        }
    };
    found.ways.iter().map(way).collect()
}

impl Run {
    /// `3 clients`.
    fn lanes_of(&self, kind: Kind) -> String {
        let count = self.lanes.iter().filter(|it| it.kind == kind).count();
        format!("{count} client{}", plural(count))
    }
}

/// Whether this text is a history: its first line is an operation, an event, or a header; or it is
/// written as others write theirs.
pub(super) fn is_history(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let value: Value = serde_json::from_str(first).unwrap_or_default();
    let is_header = |format: &str| format.starts_with("unforked-history/");
    value.get("client").is_some()
        || value.get("e").is_some()
        || value["format"].as_str().is_some_and(is_header)
        || matches!(Format::detect(text.as_bytes()), Some(Format::Edn | Format::Porcupine))
}
