//! A run as a person reads it: who did what, what was answered, and how the state moved.
//!
//! A bare PASS convinces nobody, so a run that holds shows its closest call: the write of somebody
//! whose lock had run out, beside the one who had it by then. A failure shows every step, because
//! it was minimised to fit on a screen.

use checker::{ClientId, Property, Violation};
use models::worlds::{CONFLICT, EXPIRED, GRANTED, LAPSED, TAKEN, WON};
use serde_json::Value;
use sim::session::Scene;
use sim::step::Step;
use std::collections::BTreeMap;

/// The steps that a story shows of one scene.
struct Row {
    number: usize,
    cells: BTreeMap<u16, String>,
    columns: Vec<String>,
}

/// The closest call of a run that held, as a table with a lane for each of the two.
pub(crate) fn closest(scenes: &[Scene], name: &dyn Fn(u16) -> String) -> Option<Vec<String>> {
    let Call { window, hero, rival, .. } = closest_call(scenes)?;
    let (hero, rival) = (hero.0, rival.0);
    let rows = scenes[window.clone()].iter().zip(window.start + 1..);
    let rows: Vec<Row> =
        rows.filter_map(|(scene, number)| row(scene, number, &[hero, rival])).collect();
    let mut head = vec!["step".to_owned(), name(hero), name(rival)];
    head.extend(scenes[window.start].columns.iter().map(|(name, _)| (*name).to_owned()));
    let mut table = vec![head];
    for row in rows {
        let cell = |client| row.cells.get(&client).cloned().unwrap_or_default();
        let mut line = vec![row.number.to_string(), cell(hero), cell(rival)];
        line.extend(row.columns);
        table.push(line);
    }
    Some(layout(&table))
}

/// The same as steps: where it ends, whose lock had run out, and who had it.
pub(crate) fn closest_window(scenes: &[Scene]) -> Option<(usize, ClientId, ClientId)> {
    closest_call(scenes).map(|Call { window, hero, rival, .. }| (window.end, hero, rival))
}

/// How many writes were sent by somebody whose lock had run out.
pub(crate) fn close_calls(scenes: &[Scene]) -> usize {
    scenes.iter().flat_map(|scene| &scene.marks).filter(|(mark, _)| *mark == EXPIRED).count()
}

/// A write by `hero`, whose lock had run out, while `rival` held it.
struct Call {
    /// From the grant of the hero's lock to the write.
    window: std::ops::Range<usize>,
    hero: ClientId,
    rival: ClientId,
    /// The rival moved the head in between, and the hero was told so: it could not be closer.
    close: bool,
}

/// To whom something happened at a step.
fn hit(scene: &Scene, wanted: &str) -> impl Iterator<Item = ClientId> {
    scene.marks.iter().filter(move |(mark, _)| *mark == wanted).filter_map(|(_, client)| *client)
}

/// Where it was closest, and the shortest of those.
fn closest_call(scenes: &[Scene]) -> Option<Call> {
    let taken = |(end, scene)| hit(scene, TAKEN).map(move |hero| (end, hero));
    let calls = scenes.iter().enumerate().flat_map(taken);
    let calls = calls.filter_map(|(end, hero)| {
        let before = &scenes[..end];
        let start = before.iter().rposition(|scene| hit(scene, GRANTED).any(|it| it == hero))?;
        let meanwhile = &before[start..];
        let mut granted = meanwhile.iter().rev().flat_map(|scene| hit(scene, GRANTED));
        let rival = granted.find(|it| *it != hero)?;
        let moved = meanwhile.iter().any(|scene| hit(scene, WON).any(|it| it == rival));
        let lost = hit(&scenes[end], CONFLICT).any(|it| it == hero);
        Some(Call { window: start..end + 1, hero, rival, close: moved && lost })
    });
    calls.min_by_key(|call| (!call.close, call.window.len()))
}

/// A scene's line, if it matters to these clients.
fn row(scene: &Scene, number: usize, clients: &[u16]) -> Option<Row> {
    let mut cells = BTreeMap::new();
    for (id, note) in &scene.effects {
        if clients.contains(&id.client.0) {
            cells.insert(id.client.0, note.clone());
        }
    }
    match scene.step {
        Step::World(_) => {
            for client in hit(scene, LAPSED).filter(|it| clients.contains(&it.0)) {
                cells.insert(client.0, "(paused; the lock runs out)".to_owned());
            }
        }
        step if step.client().is_some_and(|it| clients.contains(&it.0)) && cells.is_empty() => {
            let verb = scene.text.split(' ').next().unwrap_or_default();
            cells.insert(step.client()?.0, format!("({verb})"));
        }
        _ => {}
    }
    let columns = scene.columns.iter().map(|(_, value)| value.clone()).collect();
    (!cells.is_empty()).then_some(Row { number, cells, columns })
}

/// Every step of a minimised failure.
pub(crate) fn every_step(scenes: &[Scene], name: &dyn Fn(u16) -> String, at: usize) -> Vec<String> {
    let mut table = Vec::new();
    for (index, scene) in scenes.iter().enumerate() {
        let who = scene.step.client().map_or("--".to_owned(), |client| name(client.0));
        let marker = if index + 1 == at { "<--" } else { "" };
        let mut lines = scene_lines(scene, &who, name);
        let first = lines.remove(0);
        let mut line = vec![(index + 1).to_string(), first.0, first.1, first.2];
        line.extend(scene.columns.iter().map(|(name, value)| format!("{name} {value}")));
        line.push(if scene.dull {
            format!(". {marker}").trim_end().to_owned()
        } else {
            marker.to_owned()
        });
        table.push(line);
        table.extend(lines.into_iter().map(|it| vec![String::new(), it.0, it.1, it.2]));
    }
    layout(&table)
}

/// Who did what, and the answer: one line for the step, one more for each it let through.
fn scene_lines(
    scene: &Scene,
    who: &str,
    name: &dyn Fn(u16) -> String,
) -> Vec<(String, String, String)> {
    let split = |note: &str| match note.rsplit_once(": ") {
        Some((asked, answer)) => (asked.to_owned(), answer.to_owned()),
        None => (note.to_owned(), String::new()),
    };
    let mut lines = Vec::new();
    let own = scene.step.client();
    if !matches!(scene.step, Step::Apply(_)) {
        let text = match scene.step {
            Step::World(_) => scene.text.clone(),
            _ => scene.text.split(' ').next().unwrap_or_default().to_owned(),
        };
        lines.push((who.to_owned(), text, String::new()));
    }
    for (id, note) in &scene.effects {
        let (asked, answer) = split(note);
        let who = if own == Some(id.client) { who.to_owned() } else { name(id.client.0) };
        lines.push((who, asked, answer));
    }
    if lines.is_empty() {
        lines.push((who.to_owned(), scene.text.clone(), String::new()));
    }
    lines
}

/// Columns as wide as they need to be.
fn layout(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(index, (cell, width))| match index {
            0 => format!("  {cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

/// Why a fork happened, in terms of steps: who decided on what, and when that was gone.
pub(crate) fn why_forked(told: &Told<'_>) -> Option<String> {
    let violation = told.violation;
    if violation.property != Property::FORK {
        return None;
    }
    let [one, other] = violation.operations[..] else { return None };
    let operation = |index: usize| told.history.get(index);
    let step = |index: usize, when: &str| Some(operation(index)?.get(when)?.as_u64()? / 2);
    let ends = [(one, step(one, "return")?), (other, step(other, "return")?)];
    let ((late, acted), (early, replaced)) =
        if ends[0].1 > ends[1].1 { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
    let client = |index: usize| operation(index)?.get("client")?.as_u64();
    let (client, rival) = (client(late)?, client(early)?);
    let read = |it: &&Value| {
        it["client"] == client && it["f"] == "read" && it["return"].as_u64().is_some()
    };
    let decided = told.history[..late].iter().rev().find(read)?["return"].as_u64()? / 2;
    let name = |client: u64| (told.name)(client as u16);
    let why = format!(
        "{} decided at step {decided} on a head that step {replaced} replaced",
        name(client)
    );
    let gone = |client: u64, step: u64| {
        let before = &told.scenes[..told.scenes.len().min(step as usize - 1)];
        lock_gone(before, ClientId(client as u16))
    };
    Some(match (gone(client, acted), gone(rival, replaced)) {
        (Some(at), _) => {
            format!("{why};\nits lock was gone at step {at} and step {acted} checked nothing")
        }
        (None, Some(at)) => {
            let rival = name(rival);
            format!("{why};\n{rival}'s lock was gone at step {at} and step {acted} checked nothing")
        }
        (None, None) => format!("{why}, and step {acted} checked nothing"),
    })
}

/// The step at which the lock of `client` ran out, if it has taken none since.
fn lock_gone(scenes: &[Scene], client: ClientId) -> Option<usize> {
    let has = |scene: &Scene, mark| hit(scene, mark).any(|it| it == client);
    let last = scenes.iter().rposition(|scene| has(scene, GRANTED) || has(scene, LAPSED))?;
    has(&scenes[last], LAPSED).then_some(last + 1)
}

/// What is known of a failing run.
pub(crate) struct Told<'a> {
    pub(crate) violation: &'a Violation,
    pub(crate) scenes: &'a [Scene],
    pub(crate) history: &'a [Value],
    pub(crate) name: &'a dyn Fn(u16) -> String,
}
