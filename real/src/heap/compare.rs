//! One stream, on the simulated table and on the real one, until they differ.

use super::{Latencies, Server, statements};
use crate::error::RealError;
use heap::{Difference, Events, Op, Rules, State, Step, Stream, Table};
use std::fmt;
use std::time::Instant;

/// A stream whose end was reached.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Statements and the like that both were given.
    pub steps: usize,
    /// What the server showed each time that all was compared.
    pub course: Vec<Checked>,
    /// Pages of the heap in the end.
    pub heap_pages: usize,
    /// Pages of the index in the end.
    pub index_pages: usize,
    /// The level of the index's root in the end.
    pub height: u8,
    /// What happened on the way.
    pub events: Events,
    /// What the statistics say in the end.
    pub stats: heap::Stats,
    /// How long the server's answers took.
    pub latencies: Latencies,
}

/// What a table was like after so many steps of a stream.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Checked {
    /// Steps that were done.
    pub steps: usize,
    /// Pages of the heap.
    pub heap_pages: usize,
    /// Pages of the index, its first included.
    pub index_pages: usize,
    /// What the statistics say.
    pub stats: heap::Stats,
}

impl Checked {
    /// The simulated table.
    pub fn of(table: &Table, steps: usize) -> Self {
        let (heap_pages, index_pages) = (table.heap_pages(), table.index_pages().max(1));
        Checked { steps, heap_pages, index_pages, stats: table.stats() }
    }

    pub(super) fn real(state: &State, steps: usize) -> Self {
        let (heap_pages, index_pages) = (state.heap.len(), state.index.len() + 1);
        Checked { steps, heap_pages, index_pages, stats: state.stats }
    }
}

/// Where a stream shows a difference. The first side is the server's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// How many steps were done when it was seen.
    pub steps: usize,
    /// The last of them.
    pub last: Option<Step>,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} steps, the last of them {:?}:", self.steps, self.last)?;
        self.differences.iter().try_for_each(|it| write!(f, "\n{it}"))
    }
}

/// Runs a stream on both, and compares where it says.
pub fn compare(
    server: &Server,
    stream: &Stream,
    fillfactor: u8,
    rules: Rules,
) -> Result<Result<Compared, Mismatch>, RealError> {
    let mut real = server.table(fillfactor, stream.sessions)?;
    let mut table = stream.table(fillfactor, rules);
    let mut checks = stream.checks.iter().copied().peekable();
    let (mut course, mut latencies) = (Vec::new(), Latencies::default());
    for (at, step) in stream.steps.iter().enumerate() {
        let began = Instant::now();
        let answer = real.apply(&stream.keys, *step)?;
        latencies.add(statements::kind(step.op), began.elapsed());
        let ours = table.apply(*step);
        let ours = ours.map_err(|error| RealError::Broke { why: format!("step {at}: {error}") })?;
        let mut differences = Vec::new();
        if counts(step.op) && answer != ours {
            let (one, other) = (format!("{answer:?}"), format!("{ours:?}"));
            differences.push(Difference { place: "answer".to_owned(), one, other });
        }
        if checks.next_if_eq(&(at + 1)).is_some() {
            let state = real.state()?;
            course.push(Checked::real(&state, at + 1));
            differences.extend(state.differences(&table.state()));
        }
        if !differences.is_empty() {
            real.remove()?;
            return Ok(Err(Mismatch { steps: at + 1, last: Some(*step), differences }));
        }
    }
    real.remove()?;
    Ok(Ok(summary(stream, course, &table, latencies)))
}

/// Whether both say how many rows there were.
fn counts(op: Op) -> bool {
    !matches!(op, Op::Flush | Op::Begin(_) | Op::Commit | Op::Rollback | Op::Vacuum | Op::Analyze)
}

fn summary(stream: &Stream, course: Vec<Checked>, table: &Table, latencies: Latencies) -> Compared {
    Compared {
        steps: stream.steps.len(),
        course,
        heap_pages: table.heap_pages(),
        index_pages: table.index_pages(),
        height: table.index_height(),
        events: table.events(),
        stats: table.stats(),
        latencies,
    }
}

/// Finds the step after which a stream first shows a difference, by comparing after each.
pub fn first_difference(
    server: &Server,
    stream: &Stream,
    fillfactor: u8,
    rules: Rules,
) -> Result<Option<Mismatch>, RealError> {
    let mut all = stream.clone();
    all.steps.clear();
    all.checks.clear();
    // Statistics arrive when they are told, so each step is followed by that.
    for step in &stream.steps {
        all.steps.push(*step);
        all.steps.extend(flushes(stream));
        all.checks.push(all.steps.len());
    }
    let found = compare(server, &all, fillfactor, rules)?.err();
    let each = 1 + usize::from(stream.sessions);
    Ok(found.map(|it| {
        let steps = it.steps.div_ceil(each);
        Mismatch { steps, last: stream.steps.get(steps - 1).copied(), ..it }
    }))
}

/// Cuts a stream that shows a difference down to one that still does, by leaving out ever smaller
/// parts (delta debugging), with at most `runs` tries.
pub fn minimise(
    server: &Server,
    stream: &Stream,
    fillfactor: u8,
    rules: Rules,
    runs: usize,
) -> Result<Stream, RealError> {
    let mut best = stream.clone();
    let (mut part, mut left) = (best.steps.len().div_ceil(2), runs);
    while part > 0 && left > 0 {
        let mut begin = 0;
        while begin < best.steps.len() && left > 0 {
            let end = (begin + part).min(best.steps.len());
            let mut tried = best.clone();
            tried.steps.drain(begin..end);
            left -= 1;
            if differs(server, &tried, fillfactor, rules)? {
                best = tried;
            } else {
                begin = end;
            }
        }
        part /= 2;
    }
    best.checks = vec![best.steps.len()];
    Ok(best)
}

fn flushes(stream: &Stream) -> impl Iterator<Item = Step> {
    (0..stream.sessions).map(|session| Step { session, op: Op::Flush })
}

/// Whether a stream shows a difference, in its end at the latest. One that the simulated table
/// refuses shows none.
fn differs(
    server: &Server,
    stream: &Stream,
    fillfactor: u8,
    rules: Rules,
) -> Result<bool, RealError> {
    let mut stream = stream.clone();
    stream.steps.extend(flushes(&stream.clone()));
    stream.checks = vec![stream.steps.len()];
    let mut table = stream.table(fillfactor, rules);
    if stream.steps.iter().any(|step| table.apply(*step).is_err()) {
        return Ok(false);
    }
    Ok(compare(server, &stream, fillfactor, rules)?.is_err())
}
