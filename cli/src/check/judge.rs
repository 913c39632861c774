//! A whole history, read and judged within the budgets.

use super::Job;
use super::input::Input;
use super::report::{Count, Found, Known, Report, Row};
use crate::interrupt;
use crate::out::Failure;
use checker::check::Counterexample;
use checker::format::{Collector, Reader, Start, Written};
use checker::line;
use checker::workers::Threads;
use checker::{Budget, Checked, Operation, check_on, judge as judge_few};
use serde::Serialize;
use serde_json::json;
use std::time::Instant;

/// How many ways to get stuck are told.
const WAYS_MAX: usize = 4;

pub(super) fn judge<S: Written + Sync>(mut input: Input, job: &Job) -> Result<Report, Failure>
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    start::<S>(&job.start)?;
    let begun = Instant::now();
    let is_over =
        || interrupt::was_interrupted() || job.time.is_some_and(|time| begun.elapsed() >= time);
    let mut reader = Reader::new(job.format, job.renames.clone());
    let mut collector: Collector<S> = Collector::new(job.memory);
    let name = input.name().to_owned();
    let at = |error| Failure::input(format!("{name}: {error}"));
    let mut late = false;
    while let Some(block) = input.next()? {
        reader.feed(block, &mut collector).map_err(at)?;
        late = is_over();
        if late || collector.is_full() {
            break;
        }
    }
    let (full, read) = (collector.is_full(), collector.len());
    if !late && !full && !input.is_cut {
        reader.end(&mut collector).map_err(at)?;
    }
    let reading = begun.elapsed();
    let mut report = Report {
        file: input.path().map(|path| path.display().to_string()),
        skipped: reader.skipped(),
        bytes: input.bytes,
        reading,
        ..Report::new(name.clone())
    };
    if late || full {
        let what = if full {
            format!("{} bytes were not enough", job.memory)
        } else {
            "the time was not enough".to_owned()
        };
        report.count.ops = read;
        report.known = Known::Unknown(format!("{what}: {read} operations had been read"));
        return Ok(report);
    }
    let operations =
        collector.finish().map_err(|wrong| Failure::input(format!("{name}: {wrong}")))?;
    if operations.is_empty() {
        return Err(Failure::input(format!("{name}: expected operations, found none")));
    }
    let held = operations.capacity() * size_of::<Operation<S::Op, S::Ret>>();
    let job = Job { memory: job.memory.saturating_sub(held), ..job.clone() };
    decide::<S>(report, &operations, &job, &is_over)
}

/// Judges what was read.
pub(super) fn decide<S: Written + Sync>(
    mut report: Report,
    operations: &[Operation<S::Op, S::Ret>],
    job: &Job,
    is_over: &(dyn Fn() -> bool + Sync),
) -> Result<Report, Failure>
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    report.count = count::<S>(operations);
    let budget =
        Budget { configurations_max: usize::MAX, bytes_max: job.memory, stop: Some(is_over) };
    let begun = Instant::now();
    let init = start::<S>(&job.start)?;
    let checked = check_on(&Threads::of_this_machine(), &init, operations, &budget);
    report.judging = begun.elapsed();
    report.known = match checked {
        Checked::Pass(witness) => {
            Known::Pass { parts: witness.orders.len(), monitored: witness.monitored }
        }
        Checked::Fail(found) => Known::Fail(found_in(&init, operations, &found)),
        Checked::Unknown(unknown) => Known::Unknown(unknown.to_string()),
    };
    Ok(report)
}

/// Where the history begins.
pub(super) fn start<S: Written>(start: &Start) -> Result<S, Failure> {
    S::start(start).map_err(|wrong| Failure::input(wrong.to_string()))
}

fn count<S: Written>(operations: &[Operation<S::Op, S::Ret>]) -> Count {
    let mut count = Count { ops: operations.len(), ..Count::default() };
    let mut clients = vec![false; 1 << 16];
    let mut keys = Vec::new();
    let mut last = None;
    for one in operations {
        clients[usize::from(one.client.0)] = true;
        count.note(&one.outcome);
        let key = S::key(&one.op);
        if key != last {
            keys.extend(key);
            last = key;
        }
    }
    keys.sort_unstable();
    keys.dedup();
    count.clients = clients.into_iter().filter(|it| *it).count();
    count.keys = keys.len();
    count
}

/// What is wrong, told of the few operations that are shown.
fn found_in<S: Written>(
    init: &S,
    operations: &[Operation<S::Op, S::Ret>],
    found: &Counterexample<S>,
) -> Found
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let mut ways = Vec::new();
    for way in found.ways.iter().take(WAYS_MAX) {
        let after = after(operations, &way.order, &found.minimal);
        for candidate in &way.candidates {
            let Operation { client, op, .. } = &operations[candidate.operation];
            let told = operations[candidate.operation].ret().map(|ret| S::phrase(op, ret));
            let told = told.unwrap_or_else(|| "call".to_owned());
            ways.push(format!("{after}{client}'s {told}: {}", candidate.wrong));
        }
    }
    // What is shown may break the promise elsewhere than the whole did: the sentence is of it.
    let own = judge_few(&found.start, &found.few(operations), &Budget::default());
    let own = own.violation().filter(|own| own.property == found.violation.property).cloned();
    let violation = own.as_ref().unwrap_or(&found.violation);
    Found {
        property: violation.property.name().to_owned(),
        why: violation.why.clone(),
        at: violation.at,
        ways,
        init: found.start.begins(),
        begins_later: found.start != *init,
        minimal: found.minimal.iter().map(|&it| Row::of(&operations[it])).collect(),
        beside: found.beside.len(),
        few: found.few(operations).iter().map(|it| Row::of(it).line).collect(),
    }
}

/// What had come before, by the last that is shown: `after 2 more and c0's read, `
fn after<Op: Serialize, Ret: Serialize>(
    operations: &[Operation<Op, Ret>],
    order: &[usize],
    shown: &[usize],
) -> String {
    let told: Vec<usize> = order.iter().copied().filter(|it| shown.contains(it)).collect();
    let beside = match order.len() - told.len() {
        0 => String::new(),
        1 => String::from(" and another of that time"),
        many => format!(" and {many} others of that time"),
    };
    match told.split_last() {
        None if beside.is_empty() => String::new(),
        None => format!("after{}, ", beside.trim_start_matches(" and")),
        Some((last, before)) => {
            let more = match before.len() {
                0 => String::new(),
                more => format!("{more} more and "),
            };
            format!("after {more}{}{beside}, ", Row::of(&operations[*last]).who_asked())
        }
    }
}

/// The first line of what was cut down.
pub(super) fn header(spec: &str, init: Option<&serde_json::Value>) -> serde_json::Value {
    let mut header = line::header(spec);
    if let (Some(init), Some(fields)) = (init, header.as_object_mut()) {
        fields.insert("init".to_owned(), json!(init));
    }
    header
}
