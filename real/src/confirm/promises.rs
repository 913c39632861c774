//! An object store's promises, each by itself: kept one client at a time, and kept in a race?
//!
//! A race must be one, and say which promise it broke. So each starts all clients at once, at an
//! object that nobody has touched, and is judged alone; and how many had two puts under way at the
//! same time is counted, because a run in which nobody met anybody proves nothing.

use checker::specs::objects::{Objects, Op, Ret};
use checker::{Budget, Checked, Operation, Verdict, check, line};
use models::object_store::{About, PROMISES};
use models::served::{Pace, Served, Setup, Spoken};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use super::at_speed::Stage;
use super::{Options, Outcome, no_evidence};
use crate::capability::Capability;
use crate::error::RealError;
use crate::targets::{Card, Targets};

/// How often a promise is tried one client at a time.
const IN_TURN: u32 = 10;

/// How often it is tried by a race.
const fn races(about: About) -> u32 {
    match about {
        About::IfNoneMatch | About::IfMatch => 150,
        _ => 200,
    }
}

/// What is left out of it without this.
const fn needs(about: About) -> Option<Capability> {
    match about {
        About::IfNoneMatch => Some(Capability::IfNoneMatch),
        About::IfMatch => Some(Capability::IfMatch),
        _ => None,
    }
}

/// All that was found out about a store.
#[derive(Debug)]
pub struct Promises {
    /// The store.
    pub card: Card,
    /// How many clients raced.
    pub clients: u64,
    /// One for each promise.
    pub trials: Vec<Trial>,
    /// Calls that nobody answered.
    pub lost: u64,
    /// Answers of the store.
    pub answers: u64,
    /// How long it took.
    pub seconds: f64,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// One promise.
#[derive(Debug)]
pub struct Trial {
    /// Which, as a model's parameter has it.
    pub about: About,
    /// Which, as a reader calls it.
    pub promise: &'static str,
    /// One client at a time.
    pub in_turn: Tally,
    /// All at once.
    pub racing: Tally,
    /// What the store lacks of what is needed to try it, and how it shows.
    pub lacking: Option<String>,
    /// The first time it was broken.
    pub evidence: Option<Evidence>,
}

/// How often it was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// In how many tries it was tried to the end.
    pub tried: u32,
    /// In how many of these it was broken.
    pub broken: u32,
    /// In how many of these nobody can say.
    pub undecided: u32,
    /// In how many of these two puts were under way at the same time.
    pub overlapping: u32,
    /// How many there were to be.
    pub wanted: u32,
}

/// A try that broke a promise.
#[derive(Debug)]
pub struct Evidence {
    /// Which race it was, counted from 1.
    pub number: u32,
    /// Whether it was one.
    pub in_turn: bool,
    /// All that was asked and answered, in nanoseconds from its beginning.
    pub history: Vec<Value>,
    /// The few operations of it that cannot be explained.
    pub minimal: Vec<usize>,
    /// What is wrong, in a sentence.
    pub why: String,
}

impl Trial {
    /// What it says of the promise.
    pub fn outcome(&self) -> Outcome {
        let Tally { tried, undecided, wanted, overlapping, .. } = self.racing;
        let enough = tried == wanted && self.in_turn.tried == self.in_turn.wanted;
        match () {
            () if self.evidence.is_some() => Outcome::Breaks,
            () if self.lacking.is_some() || !enough || overlapping == 0 => Outcome::Inconclusive,
            () if undecided + self.in_turn.undecided > 0 => Outcome::Inconclusive,
            () => Outcome::Agrees,
        }
    }

    /// In a sentence.
    pub fn why(&self) -> String {
        let Tally { tried, broken, undecided, overlapping, wanted } = self.racing;
        let alone = self.in_turn;
        match (&self.lacking, &self.evidence) {
            (Some(lacking), _) => lacking.clone(),
            (None, Some(it)) if it.in_turn => {
                let (broken, tried) = (alone.broken, alone.tried);
                format!("broken in {broken} of {tried} tries, one client at a time: {}", it.why)
            }
            (None, Some(it)) => format!("broken in {broken} of {tried} races: {}", it.why),
            _ if alone.tried < alone.wanted => {
                format!("{} of {} tries were made, one client at a time", alone.tried, alone.wanted)
            }
            _ if alone.undecided > 0 => {
                let (undecided, tried) = (alone.undecided, alone.tried);
                format!("{undecided} of {tried} tries one client at a time could not be judged")
            }
            _ if tried < wanted => format!("{tried} of {wanted} races were run"),
            _ if undecided > 0 => format!("{undecided} of {tried} races could not be judged"),
            _ if overlapping == 0 => "no two puts were ever under way at the same time".to_owned(),
            _ => format!("held in {tried} races, of which {overlapping} had puts that overlap"),
        }
    }
}

/// Runs the clients of `object_store` at each of its promises, and says which the store keeps.
///
/// `goes_on` is told the promise and how many races are over, before each, and may end it.
pub fn confirm_promises(
    served: &dyn Served,
    setup: &Setup<'_>,
    targets: &Targets,
    options: Options,
    goes_on: &dyn Fn(&str, u32) -> bool,
) -> Result<Promises, RealError> {
    let begin = Instant::now();
    let (card, _) = targets.s3.as_ref().ok_or_else(|| RealError::Wanted { text: String::new() })?;
    let (deadline, races) = (begin + options.time_max, options.races);
    let stage = Stage::new(served, targets, options)?;
    let mut court = Court { stage, setup, deadline, races, object: 0, goes_on, ended: false };
    let mut trials: Vec<Trial> = Vec::new();
    let mut notes = no_evidence(targets);
    for (about, promise) in PROMISES {
        match court.tries(about, promise, targets) {
            Ok(trial) => trials.push(trial),
            // What was found before the server broke down was found all the same.
            Err(error) if trials.iter().any(|it| it.evidence.is_some()) => {
                notes.push(format!("{promise}, and what comes after it, was not tried: {error}"));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let counts = court.stage.counts();
    if counts.lost > 0 {
        let why = court.stage.error().unwrap_or_default();
        notes.push(format!("{} calls were lost, the first because: {why}", counts.lost));
    }
    Ok(Promises {
        card: card.clone(),
        clients: setup.params.get("writers").and_then(number).unwrap_or(0),
        trials,
        lost: counts.lost,
        answers: counts.answers[2],
        seconds: begin.elapsed().as_secs_f64(),
        notes,
    })
}

/// A parameter as a number, though it may still be text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Where promises are tried.
struct Court<'a> {
    stage: Stage<'a>,
    setup: &'a Setup<'a>,
    deadline: Instant,
    races: u32,
    /// The next object that nobody has touched.
    object: u32,
    goes_on: &'a dyn Fn(&str, u32) -> bool,
    ended: bool,
}

impl Court<'_> {
    fn tries(
        &mut self,
        about: About,
        promise: &'static str,
        targets: &Targets,
    ) -> Result<Trial, RealError> {
        let lacking = needs(about).and_then(|it| targets.lacks(it));
        let (in_turn, racing) = (Tally::default(), Tally::default());
        let mut trial = Trial { about, promise, in_turn, racing, lacking, evidence: None };
        if trial.lacking.is_some() {
            return Ok(trial);
        }
        trial.in_turn.wanted = IN_TURN.min(self.races);
        trial.racing.wanted = races(about).min(self.races);
        for in_turn in [true, false] {
            let wanted = if in_turn { trial.in_turn.wanted } else { trial.racing.wanted };
            for number in 1..=wanted {
                let goes_on = !self.ended && (self.goes_on)(promise, number);
                if !goes_on || !self.once(&mut trial, in_turn, number)? {
                    self.ended = true;
                    return Ok(trial);
                }
            }
        }
        Ok(trial)
    }

    /// One try; false if the time is over.
    fn once(&mut self, trial: &mut Trial, in_turn: bool, number: u32) -> Result<bool, RealError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Ok(false);
        }
        let mut params = self.setup.params.clone();
        params.insert("about".to_owned(), json!(trial.about));
        params.insert("objects".to_owned(), json!(1));
        params.insert("first".to_owned(), json!(self.object));
        self.object += 1;
        let setup = Setup { params: &params, mutant: None };
        let pace = if in_turn { Pace::InTurn } else { Pace::Together };
        let Some(spoken) = self.stage.speak(&setup, left, pace)? else { return Ok(false) };
        let tally = if in_turn { &mut trial.in_turn } else { &mut trial.racing };
        tally.tried += 1;
        match &spoken.verdict {
            Verdict::Pass => {}
            Verdict::Unknown { .. } => tally.undecided += 1,
            Verdict::Fail(_) => tally.broken += 1,
        }
        let operations = read(&spoken);
        tally.overlapping += u32::from(overlap(&operations));
        if let (Verdict::Fail(it), None) = (&spoken.verdict, &trial.evidence) {
            let Spoken { history, .. } = spoken;
            let (minimal, why) = cut_down(&operations, it.why.clone());
            trial.evidence = Some(Evidence { number, in_turn, history, minimal, why });
        }
        Ok(true)
    }
}

/// The recorded history, as the checker reads it.
fn read(spoken: &Spoken) -> Vec<Operation<Op, Ret>> {
    let read = |it: &Value| line::from_value(it.clone()).expect("we wrote it a moment ago");
    spoken.history.iter().map(read).collect()
}

/// Whether two puts were under way at the same time.
fn overlap(operations: &[Operation<Op, Ret>]) -> bool {
    let mut puts: Vec<(u64, u64)> = operations
        .iter()
        .filter(|it| matches!(it.op, Op::Put { .. }))
        .map(|it| (it.call, it.returned_at().unwrap_or(u64::MAX)))
        .collect();
    puts.sort_unstable();
    puts.windows(2).any(|pair| pair[1].0 < pair[0].1)
}

/// The few operations that cannot be explained, and a sentence.
fn cut_down(operations: &[Operation<Op, Ret>], why: String) -> (Vec<usize>, String) {
    let Checked::Fail(found) = check(&Objects::default(), operations, &Budget::default()) else {
        return ((0..operations.len()).collect(), why);
    };
    let few: Vec<&Operation<Op, Ret>> = found.minimal.iter().map(|&it| &operations[it]).collect();
    (found.minimal, two_winners(&few).unwrap_or(why))
}

/// What two puts under one condition were both told, if that is what the few come to.
fn two_winners(few: &[&Operation<Op, Ret>]) -> Option<String> {
    let won: Vec<_> = few
        .iter()
        .filter(|it| it.ret() == Some(&Ret::Done))
        .filter_map(|it| match &it.op {
            Op::Put { key, if_none_match: true, .. } => Some((key, None)),
            Op::Put { key, if_match: Some(old), .. } => Some((key, Some(old))),
            _ => None,
        })
        .collect();
    match won[..] {
        [(key, None), (other, None)] if key == other => {
            Some(format!("both were told they created {key}; at most one can have"))
        }
        [(key, Some(old)), (other, Some(same))] if (key, old) == (other, same) => Some(format!(
            "both were told they replaced the same version of {key}; at most one can have"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checker::{ClientId, History};

    fn puts(if_match: Option<u64>, answers: [Ret; 2]) -> Vec<Operation<Op, Ret>> {
        let mut history = History::default();
        let key = || "k".to_owned();
        let put = |value, if_none_match, if_match| {
            let key = key();
            Op::Put { key, value, if_none_match, if_match }
        };
        if let Some(old) = if_match {
            let first = history.invoke(ClientId(9), put(old, false, None), 1);
            history.finish(first, Ret::Done, 2);
        }
        let asked = [3, 4].map(|at| {
            let op = put(at, if_match.is_none(), if_match);
            history.invoke(ClientId(at as u16), op, at)
        });
        for (index, (ret, at)) in asked.into_iter().zip(answers.into_iter().zip([5, 6])) {
            history.finish(index, ret, at);
        }
        history.operations().to_vec()
    }

    #[test]
    fn two_winners_are_told_in_a_sentence_and_one_is_right() {
        for (if_match, said) in [(None, "they created k"), (Some(7), "the same version of k")] {
            let both = puts(if_match, [Ret::Done, Ret::Done]);
            assert!(overlap(&both));
            let (minimal, why) = cut_down(&both, "unsaid".to_owned());
            assert!(why.contains(said) && minimal.len() >= 2, "{why}: {minimal:?}");
            let one = puts(if_match, [Ret::Done, Ret::Refused]);
            let passes = check(&Objects::default(), &one, &Budget::default());
            assert!(matches!(passes, Checked::Pass(_)), "{passes:?}");
        }
    }

    #[test]
    fn a_promise_is_kept_only_if_it_was_tried_to_the_end_by_puts_that_met() {
        let tally =
            |tried, overlapping| Tally { tried, overlapping, wanted: 5, ..Tally::default() };
        let trial = |racing, lacking: Option<&str>| Trial {
            about: About::IfMatch,
            promise: "one",
            in_turn: tally(5, 0),
            racing,
            lacking: lacking.map(str::to_owned),
            evidence: None,
        };
        for (racing, lacking, outcome) in [
            (tally(5, 3), None, Outcome::Agrees),
            (tally(4, 3), None, Outcome::Inconclusive),
            (tally(5, 0), None, Outcome::Inconclusive),
            (Tally { undecided: 1, ..tally(5, 3) }, None, Outcome::Inconclusive),
            (tally(0, 0), Some("it lacks If-Match"), Outcome::Inconclusive),
        ] {
            let trial = trial(racing, lacking);
            assert_eq!(trial.outcome(), outcome, "{trial:?}");
        }
    }
}
