//! Operations of a history as a picture needs them: in words, in tracks, and which of them decided
//! on a state that was gone.
//!
//! It reads the JSON form, so that it serves every datatype. What it knows by name is a `cas` from
//! a number, because a fork is two of them from one parent.

use super::lanes::{Arrow, End, Op};
use serde_json::Value;
use std::collections::BTreeMap;

/// One line of a history, drawn from `from` to `to`.
pub(super) fn op(line: &Value, from: u64, to: Option<u64>) -> Op {
    let client = line["client"].as_u64().unwrap_or_default() as u16;
    let (text, short) = asked(line);
    let returned = line["return"].as_u64();
    let failed = line["outcome"] == "failed";
    let refused = line["ret"] == false || line["ret"].get("head").is_some();
    let end = match (failed, returned, refused) {
        (true, ..) => End::Failed,
        (_, None, _) => End::Open,
        (_, Some(_), true) => End::Refused,
        (_, Some(_), false) => End::Done,
    };
    let answer = if returned.is_some() && !failed { answer(line) } else { String::new() };
    let called = line["call"].as_u64().unwrap_or_default();
    let (track, guilty, place, states) = (0, false, None, None);
    let to = if failed { Some(from + 1) } else { to };
    let key = line["key"].as_str().unwrap_or_default().to_owned();
    Op {
        client,
        text,
        key,
        short,
        answer,
        end,
        from,
        to,
        called,
        returned,
        track,
        guilty,
        place,
        states,
    }
}

/// `cas run-0 0->1`, and the same without the key.
fn asked(line: &Value) -> (String, String) {
    let f = line["f"].as_str().unwrap_or("?");
    let mut rest = String::new();
    for (name, value) in line.as_object().into_iter().flatten() {
        let bare = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (name.as_str(), value) {
            ("client" | "f" | "key" | "call" | "return" | "ret" | "outcome" | "to", _) => {}
            (_, Value::Null | Value::Bool(false)) => {}
            ("from", Value::Number(_)) if f == "cas" => {
                let next = value.as_u64().map_or(Value::Null, |it| Value::from(it + 1));
                let to = line.get("to").unwrap_or(&next);
                rest.push_str(&format!(" {bare}->{to}"));
            }
            ("value", _) => rest.push_str(&format!(" {bare}")),
            (_, Value::Bool(true)) => rest.push_str(&format!(" {}", name.replace('_', "-"))),
            _ => rest.push_str(&format!(" {}={bare}", name.replace('_', "-"))),
        }
    }
    let key = line["key"].as_str().map_or(String::new(), |key| format!(" {key}"));
    (format!("{f}{key}{rest}"), format!("{f}{rest}"))
}

fn answer(line: &Value) -> String {
    let ret = &line["ret"];
    match (line["f"].as_str(), ret) {
        (Some("cas"), Value::Bool(won)) => (if *won { "won" } else { "lost" }).to_owned(),
        (_, Value::Bool(done)) => (if *done { "done" } else { "refused" }).to_owned(),
        (_, Value::Null) => "none".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Object(fields)) => match (fields.get("head"), fields.get("keys")) {
            (Some(head), _) => format!("lost, saw {head}"),
            (_, Some(Value::Array(keys))) => names(keys),
            _ => ret.to_string(),
        },
        _ => ret.to_string(),
    }
}

fn names(keys: &[Value]) -> String {
    let name = |key: &Value| key.as_str().unwrap_or("?").to_owned();
    match keys {
        [] => "no keys".to_owned(),
        [only] => name(only),
        [first, .., last] => format!("{} keys, {} to {}", keys.len(), name(first), name(last)),
    }
}

/// Lays the operations of each client on as few tracks as they need, in the order of their calls;
/// how many that are. An open operation stays only until its client calls again.
pub(super) fn lay(ops: &mut [Op]) -> BTreeMap<u16, u8> {
    let mut free = BTreeMap::<u16, Vec<u64>>::new();
    for op in ops {
        let tracks = free.entry(op.client).or_default();
        let track = tracks.iter().position(|end| *end <= op.from).unwrap_or_else(|| {
            if tracks.len() < TRACKS_MAX {
                tracks.push(0);
            }
            tracks.len() - 1
        });
        tracks[track] = op.to.unwrap_or(op.from + 1);
        op.track = track as u8;
    }
    free.into_iter().map(|(client, tracks)| (client, tracks.len() as u8)).collect()
}

/// More calls of one client at one time are drawn over one another.
const TRACKS_MAX: usize = 6;

/// A transition from a parent that another had replaced.
pub(super) struct Stale {
    pub(super) key: String,
    pub(super) parent: u64,
    pub(super) client: u16,
    /// When the read that decided returned, in half columns.
    pub(super) decided: Option<u64>,
    /// When the first child was acknowledged.
    pub(super) replaced: u64,
    /// When this one was answered.
    pub(super) answered: u64,
    /// Whether it was told that it won.
    pub(super) won: bool,
}

/// Every `cas` that was answered after another from the same parent had won.
pub(super) fn stale(lines: &[Value], ops: &[Op]) -> Vec<Stale> {
    let mut answered: Vec<usize> = (0..ops.len()).filter(|&it| ops[it].to.is_some()).collect();
    answered.sort_by_key(|&it| ops[it].to);
    let mut first = BTreeMap::<(String, u64), u64>::new();
    let mut read = BTreeMap::<(u16, String), u64>::new();
    let mut found = Vec::new();
    for index in answered {
        let (line, op) = (&lines[index], &ops[index]);
        let key = line["key"].as_str().unwrap_or_default().to_owned();
        let (client, at) = (op.client, op.to.unwrap_or_default());
        match (line["f"].as_str(), line["from"].as_u64()) {
            (Some("read"), _) => {
                read.insert((client, key), at);
            }
            (Some("cas"), Some(parent)) if matches!(op.end, End::Done | End::Refused) => {
                let won = op.end == End::Done;
                let decided = read.get(&(client, key.clone())).copied();
                match first.get(&(key.clone(), parent)).copied() {
                    Some(replaced) => found.push(Stale {
                        key,
                        parent,
                        client,
                        decided,
                        replaced,
                        answered: at,
                        won,
                    }),
                    None if won => {
                        first.insert((key, parent), at);
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }
    found
}

/// From where it was decided to where it was acted on.
pub(super) fn arrow(stale: &Stale) -> Option<Arrow> {
    let text = if stale.won { "decided here, acted there" } else { "decided here, refused there" };
    let (client, to, acted) = (stale.client, stale.answered, stale.won);
    stale.decided.map(|from| Arrow { client, from, to, text: text.to_owned(), acted })
}

/// The key that all operations share, if they do.
pub(super) fn only_key(lines: &[Value]) -> Option<&str> {
    let mut keys = lines.iter().filter_map(|line| line["key"].as_str());
    let first = keys.next()?;
    keys.all(|key| key == first).then_some(first)
}
