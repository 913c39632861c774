//! A history judged while it is still being written.
//!
//! The hard part is saying at once what is wrong and saying it well. While it comes, only what is
//! open is held, and as much of what came first as is small; when it breaks, the whole of it says
//! which promise and which few operations, from memory or from the file.

use super::Job;
use super::input::Input;
use super::judge::{self, start};
use super::report::{Count, Found, Known, Report};
use crate::interrupt;
use crate::out::Failure;
use checker::format::{Collector, Entry, Raw, Reader, Sink, Written, Wrong};
use checker::stream::{Split, Stream};
use checker::text::Names;
use checker::{Budget, Outcome, Verdict, Violation};
use std::time::Instant;

pub(super) fn follow<S: Written + Sync>(mut input: Input, job: &Job) -> Result<Report, Failure>
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    let begun = Instant::now();
    let is_over =
        || interrupt::was_interrupted() || job.time.is_some_and(|time| begun.elapsed() >= time);
    let budget = Budget { bytes_max: job.memory, stop: Some(&is_over), ..Budget::default() };
    let mut live: Live<'_, S> =
        Live::new(Stream::new(start(&job.start)?, S::SPLIT, budget), job.memory);
    let mut reader = Reader::new(job.format, job.renames.clone());
    let name = input.name().to_owned();
    let at = |error| Failure::input(format!("{name}: {error}"));
    while let Some(block) = input.follow(is_over)? {
        reader.feed(block, &mut live).map_err(at)?;
        if live.found.is_some() || live.stream.gave_up().is_some() || is_over() {
            break;
        }
    }
    let over = is_over();
    if live.found.is_none() && !over {
        reader.end(&mut live).map_err(at)?;
    }
    if live.stream.called() == 0 && !over {
        return Err(Failure::input(format!("{name}: expected operations, found none")));
    }
    let report = Report {
        file: input.path().map(|path| path.display().to_string()),
        skipped: reader.skipped(),
        bytes: input.bytes,
        judging: begun.elapsed(),
        followed: true,
        count: live.count(),
        ..Report::new(name.clone())
    };
    if let Some(violation) = live.found {
        let kept = live.kept.take().filter(|kept| !kept.is_full());
        return told::<S>(report, violation, kept, &input, job);
    }
    let (judged, parts) = (live.stream.judged(), live.stream.parts());
    let known = match live.stream.finish() {
        Verdict::Unknown { why } if !over => Known::Unknown(why),
        _ if over => {
            Known::Unknown(format!("stopped: nothing is wrong in the first {judged} answers"))
        }
        _ => Known::Pass { parts, monitored: 0 },
    };
    Ok(Report { known, ..report })
}

/// A violation, told by the whole of what came until then, if that can be had.
fn told<S: Written + Sync>(
    report: Report,
    violation: Violation,
    kept: Option<Collector<S>>,
    input: &Input,
    job: &Job,
) -> Result<Report, Failure>
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    let whole = match (kept.map(Collector::finish), input.path()) {
        (Some(Ok(operations)), _) => {
            judge::decide::<S>(Report::new(report.name.clone()), &operations, job, &|| false)
        }
        (_, Some(path)) => judge::judge::<S>(Input::until(path, input.bytes)?, job),
        (_, None) => Ok(Report::new(report.name.clone())),
    };
    let known = match whole {
        Ok(Report { known: Known::Fail(found), .. }) => found,
        _ => Found {
            property: violation.property.name().to_owned(),
            why: violation.why,
            at: violation.at,
            ways: Vec::new(),
            init: None,
            begins_later: false,
            minimal: Vec::new(),
            beside: 0,
            few: Vec::new(),
        },
    };
    Ok(Report { known: Known::Fail(known), ..report })
}

/// What is kept of a history from its front, in bytes: enough to tell most failures.
const KEPT_MAX: usize = 64 << 20;

/// Judges each event as it comes.
struct Live<'a, S: Written> {
    stream: Stream<'a, S>,
    names: Names,
    clients: Vec<bool>,
    failed: usize,
    /// The time of the latest event.
    now: u64,
    found: Option<Violation>,
    /// All of it, while it is small.
    kept: Option<Collector<S>>,
}

impl<'a, S: Written> Live<'a, S> {
    fn new(stream: Stream<'a, S>, memory: usize) -> Self {
        Live {
            stream,
            names: Names::default(),
            clients: vec![false; 1 << 16],
            failed: 0,
            now: 0,
            found: None,
            kept: Some(Collector::new(KEPT_MAX.min(memory / 4))),
        }
    }

    fn keep(&mut self, entry: &Entry<'_>) -> Result<(), Wrong> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        kept.entry(entry.clone())?;
        if kept.is_full() {
            self.kept = None;
        }
        Ok(())
    }

    fn count(&self) -> Count {
        Count {
            ops: self.stream.called(),
            open: self.stream.open(),
            failed: self.failed,
            clients: self.clients.iter().filter(|it| **it).count(),
            keys: if S::SPLIT == Split::ByKey { self.stream.parts() } else { 0 },
        }
    }

    /// Events come in the order of time, a call before its return.
    fn may_come(&mut self, entry: &Entry<'_>) -> Result<(), Wrong> {
        let wrong = |field, expected: String, found: &str| {
            Err(Wrong { field, expected, found: found.to_owned() })
        };
        let (id, at) = match entry {
            Entry::Operation { .. } => {
                let expected = "an event such as {\"e\":\"call\",\"id\":7,..}: \
                                whole operations are known too late for --follow";
                return wrong(None, expected.to_owned(), "an operation");
            }
            Entry::Call { id, at, .. } => (*id, *at),
            Entry::Return { id, outcome: Outcome::Returned { at, .. } } => (*id, *at),
            Entry::Return { id, .. } => (*id, self.now),
        };
        let is_call = matches!(entry, Entry::Call { .. });
        if is_call == self.stream.is_open(id) {
            let (before, found) = if is_call {
                ("answered before it is called again", "a second call")
            } else {
                ("called before it returns", "no call")
            };
            return wrong(Some("id"), format!("operation {id} to have been {before}"), found);
        }
        if at < self.now {
            let expected = format!("events in the order of time, from {} on", self.now);
            return wrong(Some("at"), expected, &at.to_string());
        }
        self.now = at;
        Ok(())
    }

    fn returned(&mut self, id: u64, at: u64, ret: Raw<'_>) -> Result<(), Wrong> {
        let Some(op) = self.stream.asked(id) else { return Ok(()) };
        let ret = S::ret(op, ret, &mut self.names)?;
        self.found = self.stream.returned(id, ret, at).err();
        Ok(())
    }
}

impl<S: Written> Sink for Live<'_, S> {
    fn entry(&mut self, entry: Entry<'_>) -> Result<(), Wrong> {
        if self.found.is_some() {
            return Ok(());
        }
        self.may_come(&entry)?;
        self.keep(&entry)?;
        match entry {
            // It may not come.
            Entry::Operation { .. } => Ok(()),
            Entry::Call { id, asked, at } => {
                self.clients[usize::from(asked.client.0)] = true;
                let op = S::op(asked, &mut self.names)?;
                self.stream.call(id, asked.client, op, at);
                Ok(())
            }
            Entry::Return { id, outcome: Outcome::Open } => {
                self.stream.lost(id);
                Ok(())
            }
            Entry::Return { id, outcome: Outcome::Failed } => {
                self.failed += 1;
                self.found = self.stream.failed(id, self.now).err();
                Ok(())
            }
            Entry::Return { id, outcome: Outcome::Returned { at, ret } } => {
                self.returned(id, at, ret)
            }
        }
    }
}
