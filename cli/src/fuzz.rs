//! `checker fuzz`: many seeds, each a whole scenario, and every distinct failure minimised.
//!
//! What it reports depends on the seeds alone, never on how many threads ran them or who was first:
//! a worker that has found a failure makes the others finish every seed before it.

use crate::file;
use crate::interrupt;
use crate::out::{Exit, Failure, Out, paint};
use crate::report::{self, Ran};
use crate::setup::{self, Setup};
use anstyle::AnsiColor;
use checker::{Property, Verdict};
use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use sim::minimise::minimise;
use sim::registry::{AnyModel, MutantCard, Plan, Scene};
use sim::run::FAULTS_MAX;
use sim::scenario::{Kind, Scenario};
use sim::step::Step;
use sim::world::Marks;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The model, or `all`
    model: String,
    #[command(flatten)]
    setup: Setup,
    /// A deliberately broken twin instead of the sound model
    #[arg(long, conflicts_with = "mutants")]
    mutant: Option<String>,
    /// The sound model must hold, and every mutant must be caught by the promise it names
    #[arg(long)]
    mutants: bool,
    /// Which seeds, the last one not included
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with = "time")]
    seeds: Option<Range<u64>>,
    /// For how long, such as 60s or 10m, instead of a number of seeds
    #[arg(long, value_parser = duration)]
    time: Option<Duration>,
    /// How many threads; both cores unless given
    #[arg(long)]
    jobs: Option<usize>,
    /// Who chooses the next step; drawn by each seed unless given
    #[arg(long, value_parser = setup::chooser)]
    chooser: Option<Kind>,
    /// How many faults may be spent; drawn by each seed unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(FAULTS_MAX)))]
    faults: Option<u32>,
    /// Where failures are written [default: traces/found]; with --mutants, also each mutant's
    /// shortest cause
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Where failures go in a campaign that does not say.
const FOUND: &str = "traces/found";
/// Seeds after the first that broke a mutant, among which its shortest cause is looked for.
const RECORD_SEEDS: u64 = 2_000;
/// Seeds of a campaign that does not say.
const SEEDS: Range<u64> = 0..10_000;
/// Failing seeds that are minimised, to see how many causes they have.
const MINIMISED_MAX: usize = 100;
/// Causes that are written.
const WRITTEN_MAX: usize = 10;
/// Seeds a worker takes at a time.
const CHUNK: u64 = 32;

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wanted = || format!("expected A..B with A below B, such as 0..1000, not '{text}'");
    let (from, to) = text.split_once("..").ok_or_else(wanted)?;
    let range = from.parse().map_err(|_| wanted())?..to.parse().map_err(|_| wanted())?;
    if range.is_empty() { Err(wanted()) } else { Ok(range) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("expected a time such as 500ms, 60s, 10m or 1h, not '{text}'");
    let at = text.find(|it: char| !it.is_ascii_digit()).ok_or_else(wanted)?;
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().map_err(|_| wanted())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(60 * number)),
        "h" => Ok(Duration::from_secs(3600 * number)),
        _ => Err(wanted()),
    }
}

pub(crate) fn fuzz(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let models = match args.model.as_str() {
        "all" => models::ALL.to_vec(),
        name => vec![setup::model(name)?],
    };
    let mut worst = Exit::Holds;
    let mut objects = Vec::new();
    for model in models {
        let (exit, object) = fuzz_one(args, model, out)?;
        objects.push(object);
        worst = worse(worst, exit);
        if interrupt::was_interrupted() {
            break;
        }
    }
    let outcome = match worst {
        Exit::Holds => "pass",
        Exit::Found => "fail",
        _ => "unknown",
    };
    match <[Value; 1]>::try_from(objects) {
        Ok([object]) => out.object(outcome, object),
        Err(objects) => out.object(outcome, json!({"models": objects})),
    }
    Ok(worst)
}

fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Found, _) | (_, Exit::Found) => Exit::Found,
        (Exit::Unknown, _) | (_, Exit::Unknown) => Exit::Unknown,
        _ => Exit::Holds,
    }
}

fn fuzz_one(args: &Args, model: &dyn AnyModel, out: &Out) -> Result<(Exit, Value), Failure> {
    let card = model.card();
    let work = Work {
        model,
        params: args.setup.params()?,
        mutant: args.mutant.clone(),
        args,
        range: match (&args.seeds, args.time) {
            (Some(seeds), _) => seeds.clone(),
            (None, Some(_)) => 0..u64::MAX,
            (None, None) => SEEDS,
        },
        until: None,
    };
    let began = Instant::now();
    let campaign = work.run(out)?;
    let causes = work.causes(&campaign)?;
    let written = write(args, card.name, &causes)?;
    let missing = work.missing(&campaign)?;
    say(out, &work, &campaign, &causes, &missing, &written, began);
    let mut exit = match causes.is_empty() {
        false => Exit::Found,
        true if missing.is_empty() && campaign.unknown.is_none() => Exit::Holds,
        true => Exit::Unknown,
    };
    let mut mutants = Vec::new();
    if args.mutants && exit != Exit::Found {
        for mutant in &card.mutants {
            let caught = work.catch(mutant, out)?;
            say_mutant(out, mutant, &caught);
            if let (Some(seed), Some(directory)) = (caught.found, &args.output) {
                let path = directory.join(format!("{}-{}.json", card.name, mutant.name));
                file::write(&path, &work.shortest(mutant, seed, out)?)?;
                out.say(format!("         wrote {}", path.display()));
            }
            if caught.found.is_none() {
                exit = Exit::Unknown;
            }
            mutants.push(json!({
                "name": mutant.name,
                "property": mutant.breaks,
                "found": caught.found.is_some(),
                "seed": caught.found,
                "schedules": caught.schedules,
            }));
        }
    }
    let failures: Vec<Value> = (causes.iter().zip(&written))
        .map(|(cause, path)| {
            json!({
                "trace": path.display().to_string(),
                "property": cause.ran.trace.verdict.broken(),
                "seed": cause.seed,
                "steps": cause.ran.trace.steps.len(),
            })
        })
        .collect();
    let marks: Map<String, Value> =
        campaign.marks.iter().map(|(name, count)| (name.to_owned(), json!(count))).collect();
    let object = json!({
        "model": card.name,
        "mutant": args.mutant,
        "schedules": campaign.schedules,
        "steps": campaign.steps,
        "failing": campaign.failing.len(),
        "failures": failures,
        "mutants": mutants,
        "marks": marks,
        "never": missing,
    });
    if let Some(path) = written.first() {
        out.reproduce(&format!("checker replay {}", path.display()));
    }
    Ok((exit, object))
}

/// A model to be fuzzed, and how.
struct Work<'a> {
    model: &'a dyn AnyModel,
    params: Map<String, Value>,
    mutant: Option<String>,
    args: &'a Args,
    range: Range<u64>,
    /// Stop at the first seed that breaks this.
    until: Option<Property>,
}

/// What came of many seeds.
#[derive(Default)]
struct Campaign {
    schedules: u64,
    steps: u64,
    marks: Marks,
    /// The seeds that failed, lowest first, and what they broke.
    failing: Vec<(u64, Property)>,
    /// The lowest seed of which nothing could be said, and why.
    unknown: Option<(u64, String)>,
}

/// A minimised failure.
struct Cause {
    seed: u64,
    from: usize,
    ran: Ran,
}

impl Cause {
    /// What makes two failures one: the promise they break, and what had to go wrong for it. Who
    /// was first, and in which order innocent steps came, makes no difference to a person.
    fn kind(&self) -> (Option<&Property>, BTreeSet<&str>) {
        let verb = |scene: &'_ Scene| scene.text.split(' ').next().unwrap_or_default().len();
        let scenes =
            self.ran.scenes.iter().filter(|it| !matches!(it.step, Step::Apply(_) | Step::Reply(_)));
        let verbs = scenes.map(|scene| &scene.text[..verb(scene)]).collect();
        (self.ran.trace.verdict.broken(), verbs)
    }
}

struct Caught {
    found: Option<u64>,
    schedules: u64,
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
        Work {
            model: self.model,
            params,
            mutant: Some(mutant.name.clone()),
            args: self.args,
            range,
            until,
        }
    }

    fn scenario(&self, seed: u64) -> Scenario {
        Scenario { seed, chooser: self.args.chooser, faults_max: self.args.faults }
    }

    fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.args.jobs.unwrap_or_else(cores).max(1)
    }

    fn run(&self, out: &Out) -> Result<Campaign, Failure> {
        // Refuse bad parameters before any thread starts.
        setup::session(self.model, &self.params, self.mutant.as_deref())?;
        let range = self.range.clone();
        let bar = bar(out, &range, self.args.time);
        let (next, best) = (AtomicU64::new(range.start), AtomicU64::new(u64::MAX));
        let all = Mutex::new(Campaign::default());
        let deadline = self.args.time.map(|time| Instant::now() + time);
        std::thread::scope(|scope| {
            for _ in 0..self.jobs() {
                scope.spawn(|| {
                    let mine = self.work(&range, &next, &best, deadline, &bar);
                    all.lock().unwrap_or_else(|it| it.into_inner()).merge(mine);
                });
            }
        });
        bar.finish_and_clear();
        let mut campaign = all.into_inner().unwrap_or_else(|it| it.into_inner());
        campaign.failing.sort_by_key(|(seed, _)| *seed);
        campaign.marks.sort();
        // Whoever was merged first must not show.
        let marks: BTreeMap<_, _> = campaign.marks.iter().collect();
        campaign.marks.clear();
        marks.into_iter().for_each(|(name, count)| campaign.marks.add(name, count));
        Ok(campaign)
    }

    fn work(
        &self,
        range: &Range<u64>,
        next: &AtomicU64,
        best: &AtomicU64,
        deadline: Option<Instant>,
        bar: &ProgressBar,
    ) -> Campaign {
        let mut campaign = Campaign::default();
        let Ok(mut session) = self.model.session(&self.params, self.mutant.as_deref()) else {
            return campaign;
        };
        loop {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if from >= range.end
                || from > best.load(Ordering::Relaxed)
                || late
                || interrupt::was_interrupted()
            {
                return campaign;
            }
            let to = (from + CHUNK).min(range.end);
            for seed in from..to {
                let outcome = session.play(&Plan::Seed(self.scenario(seed)));
                campaign.schedules += 1;
                campaign.steps += session.steps().len() as u64;
                for (name, count) in outcome.marks.iter() {
                    campaign.marks.add(name, count);
                }
                match outcome.verdict {
                    Verdict::Pass => {}
                    Verdict::Fail(it) => {
                        if self.until.as_ref() == Some(&it.property) {
                            best.fetch_min(seed, Ordering::Relaxed);
                        }
                        campaign.failing.push((seed, it.property));
                    }
                    Verdict::Unknown { why } => {
                        campaign.unknown.get_or_insert((seed, why));
                    }
                }
            }
            bar.inc(to - from);
        }
    }

    /// The distinct causes of what failed, shortest first, each by its shortest schedule.
    fn causes(&self, campaign: &Campaign) -> Result<Vec<Cause>, Failure> {
        let mutant = self.mutant.as_deref();
        let mut causes: Vec<Cause> = Vec::new();
        for (seed, _) in campaign.failing.iter().take(MINIMISED_MAX) {
            if interrupt::was_interrupted() {
                break;
            }
            let mut session = setup::session(self.model, &self.params, mutant)?;
            let outcome = session.play(&Plan::Seed(self.scenario(*seed)));
            let (params, steps) = (session.params(), session.steps().to_vec());
            let cause = minimise(self.model, &params, mutant, &steps, outcome.faults_max);
            let cause = cause.map_err(Failure::input)?.expect("what failed fails again");
            let faults = cause.steps.iter().filter(|step| step.is_fault()).count() as u32;
            let mut ran = report::tell(
                self.model,
                &cause.params,
                mutant,
                &cause.steps,
                faults,
                Some(cause.steps.len()),
            )?;
            ran.trace.origin =
                sim::trace::Origin::Seed { seed: *seed, chooser: self.scenario(*seed).kind() };
            let cause = Cause { seed: *seed, from: steps.len(), ran };
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
    fn missing(&self, campaign: &Campaign) -> Result<Vec<&'static str>, Failure> {
        if self.mutant.is_some() {
            return Ok(Vec::new());
        }
        let wanted = setup::session(self.model, &self.params, None)?.sometimes();
        let possible = |name: &&str| *name != "late effects" || self.args.faults != Some(0);
        let never = |name: &&str| campaign.marks.count(name) == 0;
        Ok(wanted.into_iter().filter(possible).filter(never).collect())
    }

    /// The shortest cause among the seeds from `seed` on, as a trace.
    fn shortest(&self, mutant: &MutantCard, seed: u64, out: &Out) -> Result<String, Failure> {
        let work = self.of_mutant(mutant, seed..seed + RECORD_SEEDS, None);
        let mut campaign = work.run(out)?;
        campaign.failing.retain(|(_, property)| *property == mutant.breaks);
        let causes = work.causes(&campaign)?;
        Ok(causes.first().expect("a seed that failed fails again").ran.trace.to_json())
    }

    /// Looks for the lowest seed at which a mutant breaks the promise it names.
    fn catch(&self, mutant: &MutantCard, out: &Out) -> Result<Caught, Failure> {
        let work = self.of_mutant(mutant, self.range.clone(), Some(mutant.breaks.clone()));
        let campaign = work.run(out)?;
        let found = campaign.failing.iter().find(|(_, property)| *property == mutant.breaks);
        let found = found.map(|(seed, _)| *seed);
        let schedules = found.map_or(campaign.schedules, |seed| seed - work.range.start + 1);
        Ok(Caught { found, schedules })
    }
}

impl Campaign {
    fn merge(&mut self, other: Campaign) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        other.marks.iter().for_each(|(name, count)| self.marks.add(name, count));
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

fn write(args: &Args, model: &str, causes: &[Cause]) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::new();
    for cause in causes.iter().take(WRITTEN_MAX) {
        let trace = &cause.ran.trace;
        let property = trace.verdict.broken().map_or("unknown", Property::name);
        let short = sim::hash::Fixed::of(&trace.steps).wide() as u16;
        let path = args
            .output
            .as_deref()
            .unwrap_or(Path::new(FOUND))
            .join(format!("{model}-{property}-{short:04x}.json"));
        file::write(&path, &trace.to_json())?;
        written.push(path);
    }
    Ok(written)
}

fn say(
    out: &Out,
    work: &Work<'_>,
    campaign: &Campaign,
    causes: &[Cause],
    missing: &[&str],
    written: &[PathBuf],
    began: Instant,
) {
    let name = work.model.card().name;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(first) = causes.first() {
        first.ran.say_verdict(out, 0.0);
        let steps = first.ran.trace.steps.len();
        out.say(format!(
            "     first at seed {}; {} steps minimised to {steps}",
            first.seed, first.from
        ));
        first.ran.say_failed(out);
        first.ran.say_control(out);
    }
    let marks: Vec<String> =
        campaign.marks.iter().map(|(name, count)| format!("{name} {count}")).collect();
    out.say(format!("seen     {}", marks.join(", ")));
    let distinct = match causes.len() {
        0 => String::new(),
        1 => ", 1 distinct cause".to_owned(),
        many => format!(
            ", {many} distinct causes in the first {}",
            campaign.failing.len().min(MINIMISED_MAX)
        ),
    };
    out.say(format!(
        "seeds    {} run, {} fail{distinct}   {seconds:.1} s",
        campaign.schedules,
        campaign.failing.len()
    ));
    for path in written {
        out.say(format!("wrote    {}", path.display()));
    }
    if causes.is_empty() {
        let verdict = match (missing.is_empty(), &campaign.unknown) {
            (true, None) => format!(
                "{}     {name}: every promise kept in {} schedules",
                paint(AnsiColor::Green, "PASS"),
                campaign.schedules
            ),
            (false, _) => format!(
                "{}  {name}: never happened, so nothing is known of it: {}; give it more seeds",
                paint(AnsiColor::Yellow, "UNKNOWN"),
                missing.join(", ")
            ),
            (true, Some((seed, why))) => {
                format!("{}  {name}: seed {seed}: {why}", paint(AnsiColor::Yellow, "UNKNOWN"))
            }
        };
        out.verdict(verdict);
    }
}

fn say_mutant(out: &Out, mutant: &MutantCard, caught: &Caught) {
    let line = match caught.found {
        Some(seed) => format!(
            "{}   {:<26} {:<18} seed {seed}, schedule {}",
            paint(AnsiColor::Green, "caught"),
            mutant.name,
            mutant.breaks,
            caught.schedules
        ),
        None => format!(
            "{} {:<26} {:<18} not in {} schedules: {}",
            paint(AnsiColor::Red, "SURVIVED"),
            mutant.name,
            mutant.breaks,
            caught.schedules,
            mutant.how
        ),
    };
    out.verdict(line);
}
