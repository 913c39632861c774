//! Every way in which a seed is run, and the first in which it is not the run it was.
//!
//! Each way catches what the others share: the order of a hash map differs from run to run, the
//! name of a thread only on another thread, the layout of memory for certain only in another
//! process.

use crate::out::Failure;
use crate::setup;
use serde_json::Map;
use sim::determinism::{Parted, Recording, compare, record};
use sim::registry::AnyModel;
use std::ops::Range;
use std::panic::resume_unwind;
use std::process::Command;

/// Seeds that are held in memory at a time.
const CHUNK: u64 = 200;
/// Enough for a thread to run seeds beside others.
pub(crate) const THREADS: u64 = 4;

/// A seed that is not one run.
pub(crate) struct Leak {
    /// How it was run the second time.
    pub(crate) how: &'static str,
    pub(crate) parted: Parted,
}

/// A model, and how to record its seeds in a process of their own: one recording a line of stdout.
pub(crate) struct Patient<'a> {
    pub(crate) model: &'a dyn AnyModel,
    pub(crate) fresh: &'a dyn Fn(Range<u64>) -> std::io::Result<Command>,
}

impl Patient<'_> {
    /// Looks for something that leaks into the first `seeds` seeds.
    pub(crate) fn examine(&self, seeds: u64) -> Result<Option<Leak>, Failure> {
        let open = || setup::session(self.model, &Map::new(), None);
        let mut batch = open()?;
        for from in (0..seeds).step_by(CHUNK as usize) {
            let range = from..(from + CHUNK).min(seeds);
            let first = record(batch.as_mut(), range.clone());
            for (index, first) in first.iter().enumerate().rev() {
                let seed = from + index as u64;
                let again = record(batch.as_mut(), seed..seed + 1);
                let alone = record(open()?.as_mut(), seed..seed + 1);
                for (how, second) in [("run again after others", again), ("run alone", alone)] {
                    if let Some(parted) = compare(seed, first, &second[0]) {
                        return Ok(Some(Leak { how, parted }));
                    }
                }
            }
            if let Some(parted) = self.on_threads(range.clone(), &first)? {
                return Ok(Some(Leak { how: "run on another thread", parted }));
            }
            if let Some(parted) = self.in_fresh_process(range, &first)? {
                return Ok(Some(Leak { how: "run in a fresh process", parted }));
            }
        }
        Ok(None)
    }

    /// The seeds shared out among several threads.
    fn on_threads(
        &self,
        range: Range<u64>,
        first: &[Recording],
    ) -> Result<Option<Parted>, Failure> {
        let one = |thread: u64| -> Result<Option<Parted>, Failure> {
            let mut session = setup::session(self.model, &Map::new(), None)?;
            let mine = range.clone().zip(first).skip(thread as usize).step_by(THREADS as usize);
            let mut parted = mine.filter_map(|(seed, first)| {
                compare(seed, first, &record(session.as_mut(), seed..seed + 1)[0])
            });
            Ok(parted.next())
        };
        let found = std::thread::scope(|scope| {
            let one = &one;
            let jobs: Vec<_> = (0..THREADS).map(|it| scope.spawn(move || one(it))).collect();
            let join =
                jobs.into_iter().map(|job| job.join().unwrap_or_else(|it| resume_unwind(it)));
            join.collect::<Result<Vec<_>, Failure>>()
        })?;
        Ok(found.into_iter().flatten().min_by_key(|it| it.seed))
    }

    fn in_fresh_process(
        &self,
        range: Range<u64>,
        first: &[Recording],
    ) -> Result<Option<Parted>, Failure> {
        let failed = |why: String| Failure::input(format!("a fresh process: {why}"));
        let started = (self.fresh)(range.clone()).and_then(|mut command| command.output());
        let output = started.map_err(|error| failed(format!("cannot be started: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let theirs: Result<Vec<Recording>, _> = lines.map(serde_json::from_str).collect();
        let theirs = theirs.map_err(|error| failed(format!("cannot be understood: {error}")))?;
        if !output.status.success() || theirs.len() != first.len() {
            let said = String::from_utf8_lossy(&output.stderr);
            let (got, asked) = (theirs.len(), first.len());
            return Err(failed(format!("ran {got} of {asked} seeds, {}: {said}", output.status)));
        }
        let pairs = range.zip(first.iter().zip(&theirs));
        Ok(pairs.into_iter().find_map(|(seed, (first, theirs))| compare(seed, first, theirs)))
    }
}
