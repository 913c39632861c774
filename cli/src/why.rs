//! `checker why`: after which step a failure became likely, and from where it could not be avoided.
//!
//! A trace says what happened, not which of it mattered. So each beginning of it is played again
//! with many random endings, and what is drawn is the share of them that fail in the same way.

use crate::file;
use crate::interrupt;
use crate::out::{Exit, Failure, Out, paint};
use crate::setup;
use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use checker::Property;
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use sim::minimise::failed_after;
use sim::session::{Plan, Session};
use sim::step::Step;
use sim::why::{self, Chance};
use std::path::PathBuf;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// A trace of a failure
    trace: PathBuf,
    /// How many random endings after each step
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u64).range(1..))]
    tails: u64,
}

/// A failure, and how likely it was after each of its steps, as far as was asked.
pub(crate) struct Curve {
    property: Property,
    /// One a step, with what came of it; none for the chance before any.
    texts: Vec<String>,
    /// Before any step, then after each.
    pub(crate) chances: Vec<Chance>,
    tails: u64,
}

pub(crate) fn why(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let loaded = file::load(&args.trace)?;
    let trace = &loaded.trace;
    let mutant = trace.mutant.as_deref();
    let mut session = setup::session(loaded.model, &trace.params, mutant)?;
    assert!(session.begin_in(trace.start), "a trace that was read begins somewhere");
    let Some(curve) = curve(session.as_mut(), &loaded.steps, trace.faults_max, args.tails) else {
        return Err(Failure::input(format!(
            "{}: breaks no promise, so there is no failure to explain: \
             expected a trace of a failure",
            args.trace.display()
        )));
    };
    out.say(format!(
        "{}{}: {}, {} steps",
        trace.model,
        mutant.map_or(String::new(), |it| format!(" --mutant {it}")),
        setup::show(&trace.params),
        curve.texts.len()
    ));
    curve.say(out);
    let mut object = json!({"model": trace.model, "mutant": trace.mutant});
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), curve.json()) {
        object.extend(fields);
    }
    out.object(if curve.is_whole() { "pass" } else { "unknown" }, object);
    Ok(Exit::Holds)
}

/// `None` if these steps break nothing.
pub(crate) fn curve(
    session: &mut dyn Session,
    steps: &[Step],
    faults_max: u32,
    tails: u64,
) -> Option<Curve> {
    let outcome = session.play(&Plan::Steps { steps, faults_max });
    let property = outcome.verdict.broken()?.clone();
    // Up to the failure: what a longer trace did after it explains nothing, and where a shorter one
    // left the end to the fair schedule, those steps are as much its cause.
    let steps = session.steps()[..failed_after(&outcome, session.steps().len())].to_vec();
    let texts = session.tell(&steps, steps.len(), &outcome).0.steps;
    let failure = why::Failure { steps: &steps, faults_max, property: &property };
    let goes_on = || !interrupt::was_interrupted();
    let chance = |count| failure.chance(session, count, tails, &goes_on);
    let chances = (0..=steps.len()).map_while(chance).collect();
    Some(Curve { property, texts, chances, tails })
}

/// What the first row is called.
const START: &str = "(before any step)";
/// How much of a step's text is shown.
const TEXT_MAX: usize = 48;
const BAR: usize = 20;

impl Curve {
    /// Whether nobody interrupted it.
    fn is_whole(&self) -> bool {
        self.chances.len() == self.texts.len() + 1
    }

    /// The step that raised the chance most, if one did and nobody interrupted.
    pub(crate) fn decisive(&self) -> Option<usize> {
        self.is_whole().then(|| why::decisive(&self.chances)).flatten()
    }

    /// The step from which on every ending failed, if there is one and nobody interrupted.
    pub(crate) fn inevitable_from(&self) -> Option<usize> {
        self.is_whole().then(|| why::inevitable_from(&self.chances)).flatten()
    }

    fn text(&self, step: usize) -> &str {
        step.checked_sub(1).map_or(START, |index| &self.texts[index])
    }

    fn say(&self, out: &Out) {
        out.say(format!(
            "how often {} random endings after each step break '{}', with the 95% interval",
            self.tails, self.property
        ));
        out.say("");
        let blocks = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        let texts: Vec<String> =
            (0..self.chances.len()).map(|step| short(self.text(step))).collect();
        let width = texts.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        for (step, (chance, text)) in self.chances.iter().zip(&texts).enumerate() {
            let row = format!(
                "  {step:>4}  {text:<width$}  {}  {:>4}  {:>4} to {:<4}{}",
                bar(chance.p(), blocks),
                percent(chance.p()),
                percent(chance.low()),
                percent(chance.high()),
                self.mark(step)
            );
            out.say(row.trim_end());
        }
        out.say("");
        let unknown: u64 = self.chances.iter().map(|it| it.unknown).sum();
        if unknown > 0 {
            out.say(format!("  of {unknown} endings nothing could be said"));
        }
        out.say("  an ending is a uniform random walk with the faults that were left: no forecast");
        out.verdict(format!("{}      {}", paint(AnsiColor::Cyan, "WHY"), self.summary()));
    }

    fn mark(&self, step: usize) -> String {
        let decisive = self.decisive() == Some(step);
        let inevitable = self.inevitable_from() == Some(step);
        match (decisive, inevitable) {
            (true, true) => "  <-- here it became likely, and inevitable",
            (true, false) => "  <-- here it became likely",
            (false, true) => "  <-- from here on it was inevitable",
            (false, false) => "",
        }
        .to_owned()
    }

    fn summary(&self) -> String {
        let (property, asked) = (&self.property, self.chances.len());
        if !self.is_whole() {
            return format!("{property}: asked after {asked} of {} steps", self.texts.len());
        }
        let name = |step: usize| match step {
            0 => "before any step".to_owned(),
            step => format!("at step {step} ({})", short(self.text(step))),
        };
        let first = percent(self.chances[0].p());
        let (likely, sure) = (self.decisive(), self.inevitable_from());
        if let Some(step) = likely.filter(|_| likely == sure) {
            let name = name(step);
            return format!("{property}: {first} before any step; it became inevitable {name}");
        }
        let likely = match likely {
            Some(step) => format!("it became likely {}", name(step)),
            None => "no one step made it likely".to_owned(),
        };
        let sure = match sure {
            Some(step) => format!("it was inevitable {}", name(step)),
            None if self.chances.last().is_some_and(|it| it.failed == it.tails) => {
                "too few endings to say where it was inevitable".to_owned()
            }
            None => "it was never inevitable".to_owned(),
        };
        format!("{property}: {first} before any step; {likely}; {sure}")
    }

    fn json(&self) -> Value {
        let step = |(step, chance): (usize, &Chance)| {
            json!({
                "step": step,
                "text": self.text(step),
                "p": chance.p(),
                "low": chance.low(),
                "high": chance.high(),
                "unknown": chance.unknown,
            })
        };
        json!({
            "property": self.property,
            "tails": self.tails,
            "steps": self.chances.iter().enumerate().map(step).collect::<Value>(),
            "inevitable_from": self.inevitable_from(),
            "decisive": self.decisive(),
        })
    }
}

/// As much of a step's text as fits a row.
fn short(text: &str) -> String {
    let text = text.trim_end_matches("(dull)").trim_end_matches([' ', ';', '|']);
    match text.chars().count() > TEXT_MAX {
        true => text.chars().take(TEXT_MAX - 2).chain("..".chars()).collect(),
        false => text.to_owned(),
    }
}

/// To an eighth of a character with `blocks`, else in whole ones.
fn bar(p: f64, blocks: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (p * (BAR * 8) as f64).round() as usize;
    let drawn = match blocks {
        true => format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]),
        false => "#".repeat((eighths + 4) / 8),
    };
    format!("|{drawn:<BAR$}|")
}

/// `7%`; nothing that was not always or never is rounded to it.
pub(crate) fn percent(p: f64) -> String {
    let whole = (p * 100.0).round();
    let whole = match p {
        0.0 | 1.0 => whole,
        _ => whole.clamp(1.0, 99.0),
    };
    format!("{whole}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(0.0, false), format!("|{}|", " ".repeat(BAR)));
        assert_eq!(bar(0.5, false), format!("|{}{}|", "#".repeat(10), " ".repeat(10)));
        assert_eq!(bar(1.0, true), format!("|{}|", "█".repeat(BAR)));
        for p in (0..=1000).map(|it| f64::from(it) / 1000.0) {
            for blocks in [false, true] {
                assert_eq!(bar(p, blocks).chars().count(), BAR + 2, "{p}");
            }
        }
    }

    #[test]
    fn only_always_is_a_hundred_percent_and_only_never_is_none() {
        let said = [0.0, 0.001, 0.5, 0.999, 1.0].map(percent);
        assert_eq!(said, ["0%", "1%", "50%", "99%", "100%"]);
    }

    #[test]
    fn a_row_says_what_happened_and_not_that_it_was_dull() {
        assert_eq!(short("apply w0 | select run-0: 0; (dull)"), "apply w0 | select run-0: 0");
        assert_eq!(short("lapse 0 | (dull)"), "lapse 0");
        assert_eq!(short(&"x".repeat(99)).chars().count(), TEXT_MAX);
    }
}
