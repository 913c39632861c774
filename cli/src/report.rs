//! One run, told: its story, its figures, its verdict, and its control.
//!
//! The control is the same schedule with one decision changed: the guard taken out of a run that
//! held, or put back into one that failed. It is nearly free, because a replay is total, and it
//! shows both that the guard matters and that the check can fail.

use crate::file::Loaded;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup;
use crate::story::{self, Told};
use anstyle::AnsiColor;
use checker::{ClientId, Verdict};
use serde_json::{Map, Value, json};
use sim::minimise::failed_after;
use sim::registry::AnyModel;
use sim::session::{Figures, Outcome, Plan, Scene, Session};
use sim::step::Step;
use sim::trace::{Trace, verdict_to_json};

/// More steps than this are not told one by one.
const TOLD_MAX: usize = 20_000;

/// A run that is to be told.
///
/// Its steps, digest and figures are all of one thing: of a trace's own steps where a trace is
/// told, and of the whole run where a run is.
pub(crate) struct Ran {
    pub(crate) trace: Trace,
    pub(crate) scenes: Vec<Scene>,
    pub(crate) outcome: Outcome,
    pub(crate) steps: usize,
    /// How many more the fair schedule took before the verdict was known.
    pub(crate) tail: usize,
    pub(crate) digest: u64,
    pub(crate) figures: Figures,
    pub(crate) control: Control,
    /// What a campaign must have seen, and this run has not.
    never: Vec<&'static str>,
    names: Vec<String>,
}

/// What came of the same steps with one decision changed.
pub(crate) enum Control {
    /// There is no guard to take out.
    None,
    /// Without the guard.
    Without(Verdict, usize),
    /// With the guard put back.
    With(Verdict),
}

/// Judges the `steps` of a trace once more and tells all of them.
pub(crate) fn tell(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
    (start, steps): (usize, &[Step]),
    faults_max: u32,
) -> Result<Ran, Failure> {
    let mut session = setup::session(model, params, mutant)?;
    assert!(session.begin_in(start), "who tells a run knows where it began");
    let outcome = session.play(&Plan::Steps { steps, faults_max });
    told(model, session, steps.to_vec(), outcome, mutant, Some(steps.len()))
}

/// Tells a run that `session` has just made. `count`: how many steps a trace is to hold; without
/// one the run itself is told, as far as a person would read.
pub(crate) fn told(
    model: &dyn AnyModel,
    mut session: Box<dyn Session>,
    steps: Vec<Step>,
    outcome: Outcome,
    mutant: Option<&str>,
    count: Option<usize>,
) -> Result<Ran, Failure> {
    let taken = session.steps().len();
    let params = session.params();
    let figures = session.figures(&outcome);
    let skipped = outcome.skipped;
    let whole = count.map(|count| count.saturating_sub(skipped));
    let told = whole.unwrap_or_else(|| failed_after(&outcome, taken).min(TOLD_MAX));
    let (trace, scenes) = session.tell(&steps, told, &outcome);
    let (steps_told, digest, figures) = match count {
        Some(_) => (trace.steps.len(), trace.digest, session.told().clone()),
        None => (taken, outcome.digest, figures),
    };
    let control = control(model, &params, mutant, (session.start(), &steps), &outcome)?;
    let clients = scenes.iter().flat_map(|scene| {
        scene.step.client().into_iter().chain(scene.effects.iter().map(|(id, _)| id.client))
    });
    let last = clients.map(|client| client.0).max().unwrap_or(0);
    let names = (0..=last).map(|it| session.name_of(ClientId(it))).collect();
    let tail = taken - steps_told;
    let mut never = session.sometimes();
    never.retain(|name| figures.marks.count(name) == 0);
    let steps = steps_told;
    Ok(Ran { trace, scenes, outcome, steps, tail, digest, figures, control, never, names })
}

fn control(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
    (start, steps): (usize, &[Step]),
    outcome: &Outcome,
) -> Result<Control, Failure> {
    let plan = Plan::Steps { steps, faults_max: outcome.faults_max };
    if mutant.is_some() {
        let mut session = setup::session(model, params, None)?;
        let begins = session.begin_in(start);
        return Ok(if begins { Control::With(session.play(&plan).verdict) } else { Control::None });
    }
    let Some(guard) = model.card().guard else { return Ok(Control::None) };
    let mut session = setup::session(model, params, Some(&guard))?;
    if !session.begin_in(start) {
        return Ok(Control::None);
    }
    let without = session.play(&plan);
    let at = failed_after(&without, session.steps().len());
    Ok(Control::Without(without.verdict, at))
}

impl Ran {
    fn name(&self) -> impl Fn(u16) -> String + '_ {
        |client| {
            self.names.get(usize::from(client)).cloned().unwrap_or_else(|| format!("c{client}"))
        }
    }

    /// The exit status that the verdict is.
    pub(crate) fn exit(&self) -> Exit {
        match &self.outcome.verdict {
            Verdict::Pass => Exit::Holds,
            Verdict::Fail(_) => Exit::Violated,
            Verdict::Unknown { .. } => Exit::Unknown,
        }
    }

    /// `pass`, `fail` or `unknown`.
    pub(crate) fn outcome_name(&self) -> &'static str {
        match &self.outcome.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Unknown { .. } => "unknown",
        }
    }

    /// What `--json` says of the run.
    pub(crate) fn json(&self) -> Value {
        let verdict = verdict_to_json(&self.outcome.verdict);
        let control = match &self.control {
            Control::None => {
                json!({"outcome": "none", "why": "the model has no guard to take out"})
            }
            Control::Without(verdict, _) | Control::With(verdict) => verdict_to_json(verdict),
        };
        let figures = |all: &mut dyn Iterator<Item = (&'static str, u64)>| -> Map<String, Value> {
            all.map(|(name, value)| (name.to_owned(), json!(value))).collect()
        };
        json!({
            "model": self.trace.model,
            "mutant": self.trace.mutant,
            "params": self.trace.params,
            "digest": format!("{:016x}", self.digest),
            "steps": self.steps,
            "tail": self.tail,
            "ops": self.figures.ops,
            "property": verdict.get("property"),
            "why": verdict.get("why"),
            "control": control,
            "stats": figures(&mut self.figures.stats.iter().copied()),
            "marks": figures(&mut self.figures.marks.iter()),
            "never": self.never,
        })
    }

    /// The story of a run that held: its closest call and its figures.
    pub(crate) fn say_held(&self, out: &Out, all: bool) {
        let name = self.name();
        if all {
            out.say("");
            story::every_step(&self.scenes, &name, 0).iter().for_each(|line| out.say(line));
        } else if let Some(table) = story::closest(&self.scenes, &name) {
            out.say("");
            table.iter().for_each(|line| out.say(line));
            let calls = story::close_calls(&self.scenes);
            let told = if self.steps > self.scenes.len() {
                format!(" in the first {} steps", self.scenes.len())
            } else {
                String::new()
            };
            out.say(format!(
                "  closest of {calls} expiries mid-transition{told}; --all shows every step"
            ));
        } else {
            out.say("");
            out.say(format!("  {}--all shows every step", self.no_close_call()));
        }
        if self.tail > 0 {
            out.say(format!("  to its end it took {} dull steps more", self.tail));
        }
        out.say("");
        self.say_figures(out);
        self.say_never(out);
    }

    /// Why there is no closest call to show, where a lock could have run out.
    fn no_close_call(&self) -> String {
        let locks = self.figures.stats.iter().any(|(name, _)| *name == "expiries_mid_transition");
        match story::close_calls(&self.scenes) {
            _ if !locks => String::new(),
            0 => "0 expiries mid-transition; ".to_owned(),
            calls => {
                format!("{calls} expiries mid-transition; no rival had the lock by then; ")
            }
        }
    }

    /// The figures, on a line or two.
    pub(crate) fn say_figures(&self, out: &Out) {
        let stat = |name: &str| {
            self.figures.stats.iter().find(|(it, _)| *it == name).map(|(_, value)| *value)
        };
        let shown = [
            ("head", stat("final_seq")),
            ("winners", stat("winners")),
            ("CAS lost", stat("conflicts")),
            ("duplicates", stat("duplicates")),
            ("gaps", stat("gaps")),
            ("forks", stat("forks")),
            ("expiries mid-transition", stat("expiries_mid_transition")),
        ];
        let figures: Vec<String> = shown
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", (*value)?)))
            .collect();
        if !figures.is_empty() {
            out.say(format!("  {}", figures.join("  ")));
        }
        if self.lists() {
            let always = match self.outcome.verdict {
                Verdict::Pass => "always",
                _ => "see the verdict",
            };
            out.say(format!("  listed after written: {always}"));
        }
        let counted =
            self.figures.marks.iter().filter(|(name, _)| *name != models::worlds::EXPIRED);
        let counted: Vec<String> = counted.map(|(name, count)| format!("{name} {count}")).collect();
        if !counted.is_empty() {
            out.say(format!("  {}", counted.join("  ")));
        }
    }

    /// What a run that held says nothing of, because it did not happen.
    fn say_never(&self, out: &Out) {
        if !self.never.is_empty() {
            out.say(format!("  not put to the test here: {}", self.never.join(", ")));
        }
    }

    fn lists(&self) -> bool {
        self.trace.history.iter().any(|it| it["f"] == "list" || it["f"] == "since")
    }

    /// The story of a failure: every step, why, and the control.
    pub(crate) fn say_failed(&self, out: &Out) {
        let name = self.name();
        let at = failed_after(&self.outcome, self.scenes.len());
        out.say("");
        story::every_step(&self.scenes, &name, at).iter().for_each(|line| out.say(line));
        out.say("");
        if let Some(violation) = self.outcome.verdict.violation() {
            let told =
                Told { violation, scenes: &self.scenes, history: &self.trace.history, name: &name };
            if let Some(why) = story::why_forked(&told) {
                out.say(format!("why      {}", why.replace('\n', "\n         ")));
            }
        }
        self.say_control(out);
    }

    /// `PASS` or `FAIL`, in one line.
    pub(crate) fn say_verdict(&self, out: &Out, seconds: f64) {
        match &self.outcome.verdict {
            Verdict::Pass => out.verdict(format!(
                "{}     every promise kept in this schedule   {seconds:.2} s",
                paint(AnsiColor::Green, "PASS")
            )),
            Verdict::Fail(it) => out.verdict(format!(
                "{} {}: {}",
                paint(AnsiColor::Red, "FAIL"),
                it.property,
                it.why
            )),
            Verdict::Unknown { why } => {
                out.verdict(format!("{}  {why}", paint(AnsiColor::Yellow, "UNKNOWN")));
            }
        }
    }

    /// What the same steps do with one decision changed.
    pub(crate) fn say_control(&self, out: &Out) {
        let label = paint(AnsiColor::Cyan, "CONTROL");
        match &self.control {
            Control::None => {}
            Control::Without(Verdict::Fail(it), at) => out.say(format!(
                "{label}  same steps without the guard: {} at step {at}: {}",
                it.property, it.why
            )),
            Control::Without(..) => {
                out.say(format!(
                    "{label}  same steps without the guard hold too: \
                     it was not needed in this schedule"
                ));
            }
            Control::With(Verdict::Pass) => {
                out.say(format!("{label}  same steps with the guard put back: hold"));
            }
            Control::With(Verdict::Fail(it)) => out.say(format!(
                "{label}  same steps with the guard put back: {}: {}",
                it.property, it.why
            )),
            Control::With(Verdict::Unknown { why }) => out.say(format!("{label}  unknown: {why}")),
        }
    }
}

/// A trace, played again from its file.
pub(crate) fn again(loaded: &Loaded) -> Result<Ran, Failure> {
    let trace = &loaded.trace;
    let way = (trace.start, &loaded.steps[..]);
    tell(loaded.model, &trace.params, trace.mutant.as_deref(), way, trace.faults_max)
}
