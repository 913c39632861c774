//! A trace as lanes: the run it records, and its control beside it.
//!
//! The steps are played again, because the picture needs what a trace does not hold: the state
//! after each step, and who held which lock for how long. A control that goes on after the trace's
//! own steps, or a failure that only the fair schedule shows, is told some way beyond them.

use super::lanes::{
    Belief, Branch, Call, Ended, FORMAT, Kind, Lane, Lease, Op, Risk, Run, Shown, Step as Row,
};
use super::ops;
use crate::file::Loaded;
use crate::out::Failure;
use crate::setup;
use crate::story::{self, Told};
use crate::why;
use checker::{ClientId, Property, Verdict};
use serde_json::Value;
use sim::minimise::failed_after;
use sim::session::{Outcome, Plan, Scene, Session};
use sim::step::Step;
use sim::trace::Origin;
use std::collections::{BTreeMap, BTreeSet};

/// Steps of the fair schedule that are shown after a trace's own.
const TAIL_MAX: usize = 24;
/// How far beyond a trace's own steps a failure may be, to be shown.
const FAILED_MAX: usize = 500;
/// Steps that are shown at all.
const STEPS_MAX: usize = 20_000;
/// A failure that came sooner than this is asked how likely it was, by so many endings a step.
const ASKED_MAX: usize = 64;
const TAILS: u64 = 100;

pub(super) fn shown(title: String, loaded: &Loaded) -> Result<Shown, Failure> {
    let trace = &loaded.trace;
    let guard = loaded.model.card().guard;
    let own = trace.mutant.as_deref();
    // The one decision that parts the run from its control.
    let parts = own.or(guard.as_deref());
    let mut runs = vec![run(loaded, own, label(own, parts))?];
    if parts.is_some() {
        let other = if own.is_some() { None } else { parts };
        runs.push(run(loaded, other, label(other, parts))?);
    }
    let mut about = vec![("model".to_owned(), trace.model.clone())];
    about.extend(own.map(|it| ("mutant".to_owned(), it.to_owned())));
    let params = trace.params.iter();
    about.extend(params.map(|(name, value)| (name.clone(), setup::show_value(value))));
    if let Origin::Seed { seed, chooser } = trace.origin {
        about.push(("seed".to_owned(), format!("{seed} ({chooser})")));
    }
    about.push(("digest".to_owned(), format!("{:016x}", trace.digest)));
    Ok(Shown { format: FORMAT, kind: "trace", title, about, column: "step", runs })
}

/// What a run is called beside its control: `without CAS` or `with CAS`, where the mutant that
/// parts the two is `no_cas`; else the mutant's own name, or `as it should be`.
fn label(mutant: Option<&str>, parts: Option<&str>) -> String {
    let shout = |name: &str| match name.len() {
        0..=3 => name.to_uppercase(),
        _ => name.replace('_', " "),
    };
    match (mutant, parts.and_then(|it| it.strip_prefix("no_"))) {
        (Some(_), Some(guard)) => format!("without {}", shout(guard)),
        (None, Some(guard)) => format!("with {}", shout(guard)),
        (Some(mutant), None) => mutant.replace('_', " "),
        (None, None) => "as it should be".to_owned(),
    }
}

/// A run, told, and what is known of all of it.
struct Played<'a> {
    scenes: &'a [Scene],
    history: &'a [Value],
    outcome: &'a Outcome,
    begins: Vec<(&'static str, String)>,
    name: &'a dyn Fn(u16) -> String,
    failed_at: Option<usize>,
}

fn run(loaded: &Loaded, mutant: Option<&str>, label: String) -> Result<Run, Failure> {
    let trace = &loaded.trace;
    let mut session = setup::session(loaded.model, &trace.params, mutant)?;
    assert!(session.begin_in(trace.start), "a trace that was read begins somewhere");
    let plan = Plan::Steps { steps: &loaded.steps, faults_max: trace.faults_max };
    let outcome = session.play(&plan);
    let taken = session.steps().to_vec();
    let recorded = loaded.steps.len().saturating_sub(outcome.skipped).min(taken.len());
    let violation = outcome.verdict.violation();
    let broken =
        violation.filter(|it| it.at.is_some()).map(|_| failed_after(&outcome, taken.len()));
    let told = match (violation, broken) {
        // What must come and does not is seen only in what the fair schedule made of it.
        (Some(it), _) if it.property == Property::PROGRESS => recorded + TAIL_MAX,
        (_, Some(at)) if at > recorded && at <= recorded + FAILED_MAX => at,
        _ => recorded,
    };
    let told = told.min(taken.len()).min(STEPS_MAX);
    let begins = session.begins();
    let (again, scenes) = session.tell(&taken, told, &outcome);
    let last = scenes.iter().flat_map(clients).max().unwrap_or(0);
    let names: Vec<String> = (0..=last).map(|it| session.name_of(ClientId(it))).collect();
    let name = |client: u16| names.get(usize::from(client)).cloned().unwrap_or_default();
    let played = Played {
        scenes: &scenes,
        history: &again.history,
        outcome: &outcome,
        begins,
        name: &name,
        failed_at: broken.filter(|at| (1..=scenes.len()).contains(at)),
    };
    let unseen = taken.len() - scenes.len();
    let mut run = Run { label, recorded, ..played.run(unseen) };
    // Where nothing comes to an end, each of the endings takes as long as the fair schedule may.
    let ends = violation.is_some_and(|it| it.property != Property::PROGRESS);
    if ends && played.failed_at.is_some_and(|at| at <= ASKED_MAX) {
        ask_why(&mut run, session.as_mut(), &taken, trace.faults_max);
    }
    Ok(run)
}

/// How likely the failure was after each step, as a lane below all others.
fn ask_why(run: &mut Run, session: &mut dyn Session, steps: &[Step], faults_max: u32) {
    let Some(curve) = why::curve(session, steps, faults_max, TAILS) else { return };
    let risk = |it: &sim::why::Chance| Risk { p: it.p(), low: it.low(), high: it.high() };
    run.chances = curve.chances.iter().map(risk).collect();
    run.likely_at = curve.decisive();
    run.inevitable_from = curve.inevitable_from();
    let (name, values) = ("chance".to_owned(), Vec::new());
    run.lanes.push(Lane { kind: Kind::Chance, name, client: None, tracks: 0, values });
}

fn clients(scene: &Scene) -> impl Iterator<Item = u16> {
    let effects = scene.effects.iter().map(|(id, _)| id.client.0);
    let holders = scene.holds.iter().map(|it| it.by.0);
    scene.who.iter().map(|it| it.0).chain(effects).chain(holders)
}

/// The half column of step number `index + 1`.
fn at(index: usize) -> u64 {
    2 * (index as u64 + 1)
}

impl Played<'_> {
    fn run(&self, unseen: usize) -> Run {
        let mut ops = self.ops();
        let tracks = ops::lay(&mut ops);
        let leases = self.leases();
        let beliefs = self.beliefs();
        let mut lanes = self.lanes(&tracks, &leases);
        // Where many clients would push it out of sight, what they share comes first.
        if tracks.len().max(lanes.iter().filter(|it| it.client.is_some()).count()) > CLIENTS_FEW {
            lanes.sort_by_key(|lane| matches!(lane.kind, Kind::Client));
        }
        let stale = ops::stale(self.history, &ops);
        let head = lanes.iter().position(|it| it.kind == Kind::State && it.name == "head");
        let shares = ops::only_key(&cas_lines(self.history)).is_some();
        let branches = stale.iter().filter(|it| it.won && shares).filter_map(|it| {
            let text = format!("second child of {}", it.parent);
            Some(Branch { lane: head?, from: it.replaced, at: it.answered, text })
        });
        let branches = branches.collect();
        let arrows = stale.iter().filter_map(ops::arrow).collect();
        let close = story::closest_window(self.scenes);
        let focus =
            self.failed_at.or(close.map(|(end, ..)| end)).unwrap_or(self.scenes.len().min(1));
        let (sentence, why) = self.sentence(unseen);
        let violation = self.outcome.verdict.violation();
        Run {
            outcome: match &self.outcome.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail(_) => "fail",
                Verdict::Unknown { .. } => "unknown",
            },
            property: violation.map(|it| it.property.to_string()),
            sentence,
            why,
            lesson: self.lesson(&beliefs),
            columns: self.scenes.len(),
            focus,
            failed_at: self.failed_at,
            lanes,
            steps: self.steps(),
            ops,
            leases,
            beliefs,
            arrows,
            branches,
            ..Run::default()
        }
    }

    fn ops(&self) -> Vec<Op> {
        let violation = self.outcome.verdict.violation();
        let guilty = |index: usize| violation.is_some_and(|it| it.operations.contains(&index));
        let op = |(index, line): (usize, &Value)| {
            let from = line["call"].as_u64().unwrap_or_default();
            let op = ops::op(line, from, line["return"].as_u64());
            Op { guilty: guilty(index), ..op }
        };
        self.history.iter().enumerate().map(op).collect()
    }

    fn lanes(&self, tracks: &BTreeMap<u16, u8>, leases: &[Lease]) -> Vec<Lane> {
        let lane = |kind, name: &str, client| Lane {
            kind,
            name: name.to_owned(),
            client,
            tracks: client.and_then(|it| tracks.get(&it)).copied().unwrap_or(0),
            values: Vec::new(),
        };
        let all: BTreeSet<u16> = self.scenes.iter().flat_map(clients).collect();
        let mut lanes: Vec<Lane> =
            all.iter().map(|it| lane(Kind::Client, &(self.name)(*it), Some(*it))).collect();
        let locks: BTreeSet<&str> = leases.iter().map(|it| it.lock.as_str()).collect();
        lanes.extend(locks.iter().map(|it| lane(Kind::Lock, it, None)));
        for (name, values) in self.columns() {
            if !locks.contains(name) {
                lanes.push(Lane { values, ..lane(Kind::State, name, None) });
            }
        }
        let moves = self.scenes.iter().filter(|it| it.who.is_none());
        let mut kinds: Vec<&str> = moves.map(verb).collect();
        kinds.sort_unstable();
        kinds.dedup();
        lanes.extend(kinds.into_iter().map(|it| lane(Kind::Moves, it, None)));
        let faulty = |it: &Scene| it.step.is_fault() || matches!(it.step, Step::Late(_));
        if self.scenes.iter().any(faulty) {
            lanes.push(lane(Kind::Faults, "faults", None));
        }
        lanes
    }

    /// How each column's value changed.
    fn columns(&self) -> Vec<(&'static str, Vec<(u64, String)>)> {
        let mut columns: Vec<(&'static str, Vec<(u64, String)>)> = Vec::new();
        let begins = self.begins.iter().map(|(name, value)| (0, name, value));
        let rest = self.scenes.iter().enumerate().flat_map(|(index, scene)| {
            scene.columns.iter().map(move |(name, value)| (at(index), name, value))
        });
        for (when, name, value) in begins.chain(rest) {
            let known = columns.iter().position(|(it, _)| it == name);
            let index = known.unwrap_or_else(|| {
                columns.push((*name, Vec::new()));
                columns.len() - 1
            });
            let values = &mut columns[index].1;
            if values.last().is_none_or(|(_, last)| last != value) {
                values.push((when, value.clone()));
            }
        }
        columns
    }

    fn steps(&self) -> Vec<Row> {
        let mut before = &self.begins;
        let mut rows = Vec::with_capacity(self.scenes.len());
        for scene in self.scenes {
            let was = |name: &str| before.iter().find(|(it, _)| *it == name);
            let changed = scene.columns.iter().filter_map(|(name, after)| {
                let before = was(name).map_or("", |(_, value)| value);
                (before != after).then(|| ((*name).to_owned(), before.to_owned(), after.clone()))
            });
            rows.push(Row {
                verb: verb(scene).to_owned(),
                moved: matches!(scene.step, Step::World(_)),
                client: scene.who.map(|it| it.0),
                text: scene.text.clone(),
                dull: scene.dull,
                calls: scene.effects.iter().map(|(id, note)| call(id.client.0, note)).collect(),
                marks: scene.marks.iter().map(|mark| self.mark(mark)).collect(),
                changed: changed.collect(),
            });
            before = &scene.columns;
        }
        rows
    }

    fn mark(&self, (mark, client): &(&'static str, Option<ClientId>)) -> String {
        match client {
            Some(client) => format!("{mark} ({})", (self.name)(client.0)),
            None => (*mark).to_owned(),
        }
    }

    /// Each lease from its grant to its end.
    fn leases(&self) -> Vec<Lease> {
        let mut open = BTreeMap::<String, Lease>::new();
        let mut done = Vec::new();
        for (index, scene) in self.scenes.iter().enumerate() {
            let stands = |lock: &str| scene.holds.iter().find(|it| it.stands && it.lock == lock);
            let over = |lease: &Lease| stands(&lease.lock).is_none_or(|it| it.by.0 != lease.client);
            let ended: Vec<String> =
                open.values().filter(|it| over(it)).map(|it| it.lock.clone()).collect();
            for mut lease in ended.iter().filter_map(|lock| open.remove(lock)) {
                let own = scene.who.is_some_and(|it| it.0 == lease.client);
                lease.to = at(index);
                lease.ended = if own { Ended::GivenBack } else { Ended::RanOut };
                done.push(lease);
            }
            for hold in scene.holds.iter().filter(|it| it.stands) {
                let lease = open.entry(hold.lock.clone()).or_insert_with(|| Lease {
                    lock: hold.lock.clone(),
                    client: hold.by.0,
                    from: at(index),
                    to: at(self.scenes.len()) - 1,
                    ended: Ended::Held,
                    of_ms: hold.left_ms,
                    left_ms: Vec::new(),
                });
                if let Some(left) = hold.left_ms
                    && lease.left_ms.last().is_none_or(|(_, last)| *last != left)
                {
                    lease.left_ms.push((at(index), left));
                }
            }
        }
        done.extend(open.into_values());
        done.sort_by_key(|it| it.from);
        done
    }

    /// From the step at which a lock was gone to the one at which its holder heard of it. One that
    /// never heard that it was granted believes nothing, and one that crashed forgets.
    fn beliefs(&self) -> Vec<Belief> {
        let mut heard = BTreeSet::<(u16, String)>::new();
        let mut open = BTreeMap::<(u16, String), u64>::new();
        let mut spans = Vec::new();
        for (index, scene) in self.scenes.iter().enumerate() {
            for hold in &scene.holds {
                let of = (hold.by.0, hold.lock.clone());
                let own = scene.who == Some(hold.by) && !matches!(scene.step, Step::Late(_));
                if hold.stands && own {
                    heard.insert(of);
                } else if !hold.stands && heard.contains(&of) {
                    open.entry(of).or_insert(at(index));
                }
            }
            let crashed = |client| matches!(scene.step, Step::Crash(it) if it.0 == client);
            let lapsed = |of: &(u16, String)| {
                scene.holds.iter().any(|it| !it.stands && (it.by.0, &it.lock) == (of.0, &of.1))
            };
            let over: Vec<_> =
                open.keys().filter(|of| crashed(of.0) || !lapsed(of)).cloned().collect();
            for of in over {
                heard.remove(&of);
                spans.extend(open.remove(&of).map(|from| (of.0, from, at(index))));
            }
            heard.retain(|(client, _)| !crashed(*client));
        }
        let end = at(self.scenes.len()) - 1;
        spans.extend(open.into_iter().map(|((client, _), from)| (client, from, end)));
        spans.sort_by_key(|(_, from, _)| *from);
        let text = |client| format!("{} still believes it holds the lock", (self.name)(client));
        let belief = |(client, from, to)| Belief { client, from, to, text: text(client) };
        spans.into_iter().map(belief).collect()
    }

    /// The verdict, and how it came about.
    fn sentence(&self, unseen: usize) -> (String, Option<String>) {
        let count = self.scenes.len();
        match &self.outcome.verdict {
            Verdict::Pass => (
                format!("Every promise was kept in {count} step{}.", plural(count)),
                story::closest_window(self.scenes).map(|(end, hero, rival)| {
                    format!(
                        "The closest call ends at step {end}: the lock of {} had run out, {} had it.",
                        (self.name)(hero.0),
                        (self.name)(rival.0)
                    )
                }),
            ),
            Verdict::Unknown { why } => (format!("Nobody knows: {why}."), None),
            Verdict::Fail(violation) => {
                let (scenes, history, name) = (self.scenes, self.history, self.name);
                let told = Told { violation, scenes, history, name };
                let mut why = story::why_forked(&told).map(|it| format!("{}.", it.replace('\n', " ")));
                if self.failed_at.is_none() && unseen > 0 {
                    let more = format!(
                        "The fair schedule went on for {unseen} step{} more that are not shown.",
                        plural(unseen)
                    );
                    why = Some(why.map_or(more.clone(), |it| format!("{it} {more}")));
                }
                (sentence(&violation.why), why)
            }
        }
    }

    /// What is worth remembering of it.
    fn lesson(&self, beliefs: &[Belief]) -> String {
        // The last to write on a lock that was gone.
        let wrote = |belief: &&Belief| {
            self.scenes.iter().enumerate().any(|(index, scene)| {
                let hit = |(mark, by): &(&str, Option<ClientId>)| {
                    *mark == models::worlds::EXPIRED && by.is_some_and(|it| it.0 == belief.client)
                };
                (belief.from..=belief.to).contains(&at(index)) && scene.marks.iter().any(hit)
            })
        };
        match beliefs.iter().rev().find(wrote) {
            Some(belief) => format!(
                "The lock told {} it was alone; only the row could know.",
                (self.name)(belief.client)
            ),
            None => "Columns are steps, in the order they happened. Time has no width.".to_owned(),
        }
    }
}

/// More clients than this, and what they share is drawn above them.
pub(super) const CLIENTS_FEW: usize = 6;

fn cas_lines(history: &[Value]) -> Vec<Value> {
    history.iter().filter(|line| line["f"] == "cas").cloned().collect()
}

fn verb(scene: &Scene) -> &str {
    scene.text.split(' ').next().unwrap_or_default()
}

fn call(client: u16, note: &str) -> Call {
    let (asked, answer) = note.rsplit_once(": ").unwrap_or((note, ""));
    Call { client, asked: asked.to_owned(), answer: answer.to_owned() }
}

pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// With a full stop; with a capital, unless it begins with a name such as w0.
pub(super) fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    let word = text.split(' ').next().unwrap_or_default();
    let begins =
        if word.chars().all(char::is_alphabetic) { first.to_uppercase() } else { first.to_owned() };
    format!("{begins}{}.", rest.trim_end_matches('.'))
}
