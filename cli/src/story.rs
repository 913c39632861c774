//! A run as a person reads it: who did what, what was answered, and how the state moved.
//!
//! A bare PASS convinces nobody, so a run that holds shows its closest call: the write of somebody
//! whose lock had run out, beside the one who had it by then. A failure shows every step, because
//! it was minimised to fit on a screen.

use checker::{Property, Violation};
use models::worlds::{EXPIRED, TAKEN};
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
    let (window, hero, rival) = closest_call(scenes)?;
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

/// How many writes were sent by somebody whose lock had run out.
pub(crate) fn close_calls(scenes: &[Scene]) -> usize {
    scenes.iter().filter(|scene| scene.marks.contains(&EXPIRED)).count()
}

/// Where it was closest: from the grant of the lock to the write after its expiry, whose lock it
/// was, and who had it by then.
fn closest_call(scenes: &[Scene]) -> Option<(std::ops::Range<usize>, u16, u16)> {
    let calls = scenes.iter().enumerate().filter(|(_, scene)| scene.marks.contains(&TAKEN));
    let windows = calls.filter_map(|(end, scene)| {
        let (hero, _) = scene.effects.first()?;
        let hero = hero.client.0;
        let granted = |scene: &Scene| {
            scene.effects.iter().any(|(id, note)| id.client.0 == hero && note.contains("granted"))
        };
        let start = scenes[..end].iter().rposition(granted)?;
        let rival = scenes[start..end].iter().rev().find_map(|scene| {
            let (id, note) = scene.effects.first()?;
            (id.client.0 != hero && note.contains("granted")).then_some(id.client.0)
        })?;
        let moved = scenes[start..end].iter().any(|scene| {
            scene.effects.iter().any(|(id, note)| id.client.0 == rival && note.contains("won"))
        });
        let lost = scene.effects.iter().any(|(_, note)| note.contains("LOST"));
        Some((!(moved && lost), end - start, start..end + 1, hero, rival))
    });
    windows.min_by_key(|it| (it.0, it.1)).map(|(_, _, window, hero, rival)| (window, hero, rival))
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
        Step::World(_) if scene.text.starts_with("lapse") => {
            cells.entry(clients[0]).or_insert_with(|| "(paused; the lock runs out)".to_owned());
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
    let ((late, acted), (_, replaced)) =
        if ends[0].1 > ends[1].1 { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
    let client = operation(late)?.get("client")?.as_u64()?;
    let read = |it: &&Value| {
        it["client"] == client && it["f"] == "read" && it["return"].as_u64().is_some()
    };
    let decided = told.history[..late].iter().rev().find(read)?["return"].as_u64()? / 2;
    let who = (told.name)(client as u16);
    let mut why =
        format!("{who} decided at step {decided} on a head that step {replaced} replaced");
    let lapse = |scene: &Scene| scene.text.starts_with("lapse");
    let gone = told.scenes[..acted as usize - 1].iter().rposition(lapse);
    match gone {
        Some(index) => {
            let gone = index + 1;
            why.push_str(&format!(
                ";\nits lock was gone at step {gone} and step {acted} checked nothing"
            ));
        }
        None => why.push_str(&format!(", and step {acted} checked nothing")),
    }
    Some(why)
}

/// What is known of a failing run.
pub(crate) struct Told<'a> {
    pub(crate) violation: &'a Violation,
    pub(crate) scenes: &'a [Scene],
    pub(crate) history: &'a [Value],
    pub(crate) name: &'a dyn Fn(u16) -> String,
}
