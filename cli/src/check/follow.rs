//! A history judged while it is still being written.
//!
//! The hard part is saying at once what is wrong and saying it well. While it comes, only what is
//! open is held, and as much of what came first as is small; when it breaks, the whole of it says
//! which promise and which few operations, from memory or from the file. And where much is never
//! heard of, the ways it can have gone are too many to follow: then all of it is kept, within the
//! memory, and judged again as it grows, by the datatype's monitor where it has one.

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
use std::time::{Duration, Instant};

pub(super) fn follow<S: Written + Sync>(mut input: Input, job: &Job) -> Result<Report, Failure>
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    let begun = Instant::now();
    let is_over =
        || interrupt::was_interrupted() || job.time.is_some_and(|time| begun.elapsed() >= time);
    let budget =
        Budget { bytes_max: job.memory / 2, stop: Some(&is_over), configurations_max: WAYS_MAX };
    let mut live: Live<'_, S> =
        Live::new(Stream::new(start(&job.start)?, S::SPLIT, budget), job.memory);
    let mut again = Again::new(start::<S>(&job.start)?, job.memory / 2);
    let mut reader = Reader::new(job.format, job.renames.clone());
    let name = input.name().to_owned();
    let at = |error| Failure::input(format!("{name}: {error}"));
    let mut is_decided = false;
    while let Some(block) = input.follow(is_over)? {
        again.news(block);
        reader.feed(block, &mut live).map_err(at)?;
        is_decided = live.found.is_some() || live.gave_up() && !again.looks(&mut live, &is_over);
        if is_decided || is_over() {
            break;
        }
    }
    let over = is_over();
    if !is_decided && !over {
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
    if !over
        && live.gave_up()
        && again.unknown.is_none()
        && let Some(kept) = live.kept.take().filter(|kept| !kept.is_full())
    {
        let operations = kept.finish().map_err(|wrong| Failure::input(wrong.to_string()))?;
        return judge::decide::<S>(Report { again: true, ..report }, &operations, job, &is_over);
    }
    let (judged, parts) = (live.stream.judged().max(again.judged), live.stream.parts());
    let known = match live.stream.finish() {
        _ if over => {
            Known::Unknown(format!("stopped: nothing is wrong in the first {judged} answers"))
        }
        Verdict::Unknown { why } => {
            let too_much = (again.judged > 0).then(|| "it is too much to follow".to_owned());
            let why = again.unknown.or(too_much).unwrap_or(why);
            Known::Unknown(format!("{why}; nothing is wrong in the first {judged} answers"))
        }
        _ => Known::Pass { parts, monitored: 0 },
    };
    Ok(Report { known, ..report })
}

/// Ways that an answer may be followed in, before all of it is judged again instead.
const WAYS_MAX: usize = 512;

/// Ways that it is judged again in, if there are no more operations than a part of them.
const AGAIN_MAX: usize = 1 << 20;

/// What is too much to follow, judged again as it grows. What has not returned may have taken
/// effect or not, so whatever is wrong with a beginning is wrong with all of it.
struct Again<S> {
    init: S,
    memory: usize,
    /// When it was judged last, and how long that took.
    last: Option<(Instant, Duration)>,
    /// Whether anything came since then.
    is_behind: bool,
    /// Whether nothing came lately.
    is_idle: bool,
    /// How many answers have been judged.
    judged: usize,
    /// Why that came to no end, if it did not.
    unknown: Option<String>,
}

/// Of the time at most one part in so many is for judging again.
const REST: u32 = 4;

impl<S: Written> Again<S> {
    fn new(init: S, memory: usize) -> Self {
        let (is_behind, is_idle) = (false, false);
        Again { init, memory, last: None, is_behind, is_idle, judged: 0, unknown: None }
    }

    /// This has come; an empty block says that nothing has for a while.
    fn news(&mut self, block: &[u8]) {
        self.is_idle = block.is_empty();
        self.is_behind |= !self.is_idle;
    }

    /// Judges all so far, if it is time to; whether it makes sense to go on. Once more, with its
    /// proof, when it is over.
    fn looks(&mut self, live: &mut Live<'_, S>, is_over: &(dyn Fn() -> bool + Sync)) -> bool {
        let Some(kept) = &mut live.kept else { return false };
        kept.allow(self.memory / 2);
        let is_early = self.last.is_some_and(|(since, took)| since.elapsed() < took * REST);
        if !self.is_behind || is_early && !self.is_idle {
            return true;
        }
        self.is_behind = false;
        let operations = kept.so_far();
        let begun = Instant::now();
        let configurations_max = AGAIN_MAX.max(8 * operations.len());
        let budget = Budget { configurations_max, bytes_max: self.memory, stop: Some(is_over) };
        let verdict = checker::judge(&self.init, operations, &budget);
        self.last = Some((Instant::now(), begun.elapsed()));
        match verdict {
            Verdict::Pass => {
                self.judged = operations.iter().filter(|it| it.ret().is_some()).count();
                return true;
            }
            Verdict::Fail(_) => {}
            Verdict::Unknown { why } => self.unknown = Some(why),
        }
        false
    }
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

    /// Whether there is too much to follow.
    fn gave_up(&self) -> bool {
        self.stream.gave_up().is_some()
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
        let Some(op) = self.stream.asked(id) else {
            // It has no place any more where all that is open is told apart.
            self.stream.lost(id);
            return Ok(());
        };
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
