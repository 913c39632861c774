//! Many seeds of one model on several threads, and the distinct causes of what failed.
//!
//! What it finds depends on the seeds alone, never on how many threads ran them or who was first: a
//! worker that has found what was looked for makes the others finish every seed before it.

use crate::cause::{self, Shortest};
use crate::interrupt;
use crate::out::{Failure, Out};
use crate::report::Ran;
use crate::setup;
use checker::workers::{Supply, Threads, each};
use checker::{Property, Verdict};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value};
use sim::registry::{AnyModel, MutantCard};
use sim::scenario::{Kind, Scenario};
use sim::session::{Outcome, Plan};
use sim::step::Step;
use sim::trace::Origin;
use sim::world::Marks;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Seeds after the first that broke a mutant, among which its shortest cause is looked for.
const RECORD_SEEDS: u64 = 2_000;

/// Failing seeds that are minimised, to see how many causes they have.
pub(crate) const MINIMISED_MAX: usize = 100;

/// Seeds a worker takes at a time.
const CHUNK: u64 = 32;

/// A model to be fuzzed, and how.
#[derive(Clone)]
pub(crate) struct Work<'a> {
    pub(crate) model: &'a dyn AnyModel,
    pub(crate) params: Map<String, Value>,
    pub(crate) mutant: Option<String>,
    /// Which seeds, unless time runs out first.
    pub(crate) range: Range<u64>,
    /// For how long.
    pub(crate) time: Option<Duration>,
    /// How many threads; one a core unless given.
    pub(crate) jobs: Option<usize>,
    /// Given, or left to each seed.
    pub(crate) chooser: Option<Kind>,
    /// Given, or left to each seed.
    pub(crate) faults: Option<u32>,
    /// Stop at the first seed that breaks this.
    pub(crate) until: Option<Property>,
}

/// What came of many seeds.
#[derive(Default)]
pub(crate) struct Campaign {
    pub(crate) schedules: u64,
    pub(crate) steps: u64,
    pub(crate) marks: Marks,
    /// The seeds that failed, lowest first, and what they broke.
    pub(crate) failing: Vec<(u64, Property)>,
    /// The lowest seed of which nothing could be said, and why.
    pub(crate) unknown: Option<(u64, String)>,
    /// Behaviour, and the lowest seed that showed it: what happened, or a figure worth telling, and
    /// how often to the nearest power of two.
    shown: BTreeMap<(&'static str, u32), u64>,
}

/// A minimised failure.
pub(crate) struct Cause {
    pub(crate) seed: u64,
    pub(crate) from: usize,
    pub(crate) ran: Ran,
    /// Whether everything was tried to make it shorter.
    pub(crate) complete: bool,
}

impl Cause {
    /// What makes two failures one: the promise they break, and what had to go wrong for it. Who
    /// was first, and in which order innocent steps came, makes no difference to a person.
    fn kind(&self) -> (Option<&Property>, BTreeSet<&str>) {
        let scenes =
            self.ran.scenes.iter().filter(|it| !matches!(it.step, Step::Apply(_) | Step::Reply(_)));
        let verbs = scenes.filter_map(|scene| scene.text.split(' ').next()).collect();
        (self.ran.trace.verdict.broken(), verbs)
    }
}

pub(crate) struct Caught {
    pub(crate) found: Option<u64>,
    pub(crate) schedules: u64,
}

impl Work<'_> {
    /// The same campaign with a broken twin, whose own parameters are not overridden.
    fn of_mutant(
        &self,
        mutant: &MutantCard,
        range: Range<u64>,
        until: Option<Property>,
    ) -> Work<'_> {
        let mut params = self.params.clone();
        for (name, _) in mutant.params {
            params.remove(*name);
        }
        Work { params, mutant: Some(mutant.name.clone()), range, until, ..self.clone() }
    }

    fn scenario(&self, seed: u64) -> Scenario {
        Scenario { seed, chooser: self.chooser, faults_max: self.faults }
    }

    fn threads(&self) -> Threads {
        self.jobs.map_or_else(Threads::of_this_machine, Threads)
    }

    pub(crate) fn run(&self, out: &Out) -> Result<Campaign, Failure> {
        // Refuse bad parameters before any thread starts.
        setup::session(self.model, &self.params, self.mutant.as_deref())?;
        let bar = bar(out, &self.range, self.time);
        let seeds = Supply::new(self.range.clone(), CHUNK);
        let deadline = self.time.and_then(|time| Instant::now().checked_add(time));
        let threads = self.threads();
        let found = each(&threads, threads.0, |_| self.work(&seeds, deadline, &bar));
        bar.finish_and_clear();
        let mut campaign = Campaign::default();
        found.into_iter().for_each(|mine| campaign.merge(mine));
        campaign.failing.sort_by_key(|(seed, _)| *seed);
        // Who ran which seed must not show.
        campaign.marks.sort();
        Ok(campaign)
    }

    fn work(&self, seeds: &Supply, deadline: Option<Instant>, bar: &ProgressBar) -> Campaign {
        let mut campaign = Campaign::default();
        let Ok(mut session) = self.model.session(&self.params, self.mutant.as_deref()) else {
            return campaign;
        };
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        seeds.work(
            || is_late() || interrupt::was_interrupted(),
            |share| {
                let size = share.end - share.start;
                for seed in share {
                    let outcome = session.play(&Plan::Seed(self.scenario(seed)));
                    if self.until.is_some() && outcome.verdict.broken() == self.until.as_ref() {
                        seeds.enough(seed);
                    }
                    campaign.note(seed, session.steps().len() as u64, outcome);
                }
                bar.inc(size);
            },
        );
        campaign
    }

    /// The distinct causes of what failed, shortest first, each by its shortest schedule.
    pub(crate) fn causes(&self, campaign: &Campaign) -> Result<Vec<Cause>, Failure> {
        let mutant = self.mutant.as_deref();
        let mut causes: Vec<Cause> = Vec::new();
        for (seed, _) in campaign.failing.iter().take(MINIMISED_MAX) {
            if interrupt::was_interrupted() {
                break;
            }
            let mut session = setup::session(self.model, &self.params, mutant)?;
            let outcome = session.play(&Plan::Seed(self.scenario(*seed)));
            let (params, steps) = (session.params(), session.steps().to_vec());
            let faults = outcome.faults_max;
            let shortest = cause::shortest(self.model, &params, mutant, (0, &steps), faults)?;
            let Shortest { mut ran, complete, .. } = shortest.expect("what failed fails again");
            ran.trace.origin = Origin::Seed { seed: *seed, chooser: self.scenario(*seed).kind() };
            let cause = Cause { seed: *seed, from: steps.len(), ran, complete };
            match causes.iter_mut().find(|it| it.kind() == cause.kind()) {
                Some(known) if known.ran.trace.steps.len() <= cause.ran.trace.steps.len() => {}
                Some(known) => *known = cause,
                None => causes.push(cause),
            }
        }
        causes.sort_by_key(|cause| (cause.ran.trace.steps.len(), cause.seed));
        Ok(causes)
    }

    /// What should have happened at least once, and did not.
    pub(crate) fn missing(&self, campaign: &Campaign) -> Result<Vec<&'static str>, Failure> {
        if self.mutant.is_some() {
            return Ok(Vec::new());
        }
        let wanted = setup::session(self.model, &self.params, None)?.sometimes();
        let never = |name: &&str| campaign.marks.count(name) == 0;
        let faults = self.faults != Some(0);
        Ok(wanted.into_iter().filter(|it| is_possible(it, faults)).filter(never).collect())
    }

    /// The shortest cause among the seeds from `seed` on, as a trace.
    pub(crate) fn shortest(
        &self,
        mutant: &MutantCard,
        seed: u64,
        out: &Out,
    ) -> Result<Option<String>, Failure> {
        let work = self.of_mutant(mutant, seed..seed.saturating_add(RECORD_SEEDS), None);
        let mut campaign = work.run(out)?;
        campaign.failing.retain(|(_, property)| *property == mutant.breaks);
        let causes = work.causes(&campaign)?;
        Ok(causes.first().filter(|it| it.complete).map(|cause| cause.ran.trace.to_json()))
    }

    /// Looks for the lowest seed at which a mutant breaks the promise it names.
    pub(crate) fn catch(&self, mutant: &MutantCard, out: &Out) -> Result<Caught, Failure> {
        let work = self.of_mutant(mutant, self.range.clone(), Some(mutant.breaks.clone()));
        let campaign = work.run(out)?;
        let found = campaign.failing.iter().find(|(_, property)| *property == mutant.breaks);
        let found = found.map(|(seed, _)| *seed);
        let schedules = found.map_or(campaign.schedules, |seed| seed - work.range.start + 1);
        Ok(Caught { found, schedules })
    }
}

impl Campaign {
    /// The seed after which none showed anything new.
    pub(crate) fn new_until(&self) -> Option<u64> {
        self.shown.values().max().copied()
    }

    /// Notes what came of `seed`.
    fn note(&mut self, seed: u64, steps: u64, outcome: Outcome) {
        self.schedules += 1;
        self.steps += steps;
        for (name, count) in outcome.marks.iter() {
            self.marks.add(name, count);
        }
        self.show(seed, &outcome);
        match outcome.verdict {
            Verdict::Pass => {}
            Verdict::Fail(it) => self.failing.push((seed, it.property)),
            Verdict::Unknown { why } => {
                self.unknown.get_or_insert((seed, why));
            }
        }
    }

    /// Notes what the run of `seed` showed.
    fn show(&mut self, seed: u64, outcome: &Outcome) {
        for (name, count) in outcome.marks.iter() {
            let lowest = self.shown.entry((name, count.checked_ilog2().map_or(0, |it| it + 1)));
            lowest.and_modify(|it| *it = seed.min(*it)).or_insert(seed);
        }
    }

    fn merge(&mut self, other: Campaign) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        other.marks.iter().for_each(|(name, count)| self.marks.add(name, count));
        for (behaviour, seed) in other.shown {
            let lowest = self.shown.entry(behaviour);
            lowest.and_modify(|it| *it = seed.min(*it)).or_insert(seed);
        }
        self.failing.extend(other.failing);
        self.unknown = [self.unknown.take(), other.unknown].into_iter().flatten().min();
    }
}

fn bar(out: &Out, range: &Range<u64>, time: Option<Duration>) -> ProgressBar {
    if !out.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = match time {
        Some(_) => ProgressBar::new_spinner(),
        None => ProgressBar::new(range.end - range.start),
    };
    let style = match time {
        Some(_) => "{elapsed} {pos} seeds, {per_sec}",
        None => "{bar:30} {pos}/{len} seeds, {per_sec}",
    };
    bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
    bar
}

/// Whether it can happen at all: some of it needs faults.
pub(crate) fn is_possible(mark: &str, faults: bool) -> bool {
    faults || mark != "late effects"
}
