//! Histories to measure checkers on: lived, then written down, with or without a planted violation.
//!
//! Clients take turns on one logical clock: a call, an effect some time later, a return later
//! still. So a history is as concurrent as it has clients, and true by construction; a planted
//! violation changes one answer to what was right long before, or several where one might pass.

mod families;

pub(crate) use families::{FAMILIES, Family};

use serde_json::{Map, Value, json};
use sim::rng::Rng;
use std::io::{self, Write};

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) ops: u64,
    pub(crate) clients: usize,
    /// Whether one answer is changed.
    pub(crate) is_bad: bool,
    /// How many of a thousand are never heard of.
    pub(crate) unheard: u64,
    pub(crate) seed: u64,
}

impl Shape {
    /// `head-10000-c64-bad-u10`
    pub(crate) fn name(&self, family: &str) -> String {
        let bad = if self.is_bad { "bad" } else { "ok" };
        let unheard = if self.unheard == 0 { String::new() } else { format!("-u{}", self.unheard) };
        format!("{family}-{}-c{}-{bad}{unheard}", self.ops, self.clients)
    }
}

/// A datatype that is lived in.
pub(crate) trait Lived {
    /// What a client asks next: the fields of its line.
    fn ask(&mut self, client: usize, rng: &mut Rng) -> Map<String, Value>;
    /// It takes effect.
    fn answer(&mut self, client: usize, asked: &Map<String, Value>) -> Value;
    /// Another answer to the same question, wrong wherever it stands.
    fn lie(&self, asked: &Map<String, Value>, told: &Value) -> Option<Value>;
}

/// One client's operation under way.
struct Open {
    asked: Map<String, Value>,
    call: u64,
    told: Option<Value>,
}

struct Line {
    client: usize,
    asked: Map<String, Value>,
    call: u64,
    heard: Option<(u64, Value)>,
}

/// Writes the history as JSON Lines, sorted by call.
pub(crate) fn write(family: &Family, shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = live(family, shape);
    lines.sort_by_key(|line| line.call);
    writeln!(out, "{}", json!({"format": checker::line::FORMAT, "spec": family.spec}))?;
    for Line { client, asked, call, heard } in lines {
        let mut line = Map::new();
        line.insert("client".into(), json!(client));
        line.extend(asked);
        line.insert("call".into(), json!(call));
        if let Some((at, ret)) = heard {
            line.insert("return".into(), json!(at));
            line.insert("ret".into(), ret);
        }
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

fn live(family: &Family, shape: Shape) -> Vec<Line> {
    let mut state = (family.begin)();
    let mut rng = Rng::new(shape.seed);
    let mut open: Vec<Option<Open>> = (0..shape.clients).map(|_| None).collect();
    // Who never heard is dead; another takes the seat.
    let mut names: Vec<usize> = (0..shape.clients).collect();
    let mut next = shape.clients;
    let (mut lines, mut asked, mut lied) = (Vec::new(), 0, !shape.is_bad);
    let mut clock = 0;
    while lines.len() < shape.ops as usize {
        let seat = rng.below(shape.clients as u64) as usize;
        clock += 1;
        match open[seat].take() {
            None if asked == shape.ops => {}
            None => {
                asked += 1;
                let asked = state.ask(names[seat], &mut rng);
                open[seat] = Some(Open { asked, call: clock, told: None });
            }
            Some(Open { asked, call, told: None }) => {
                let told = state.answer(names[seat], &asked);
                open[seat] = Some(Open { asked, call, told: Some(told) });
            }
            Some(Open { asked, call, told: Some(mut told) }) => {
                let client = names[seat];
                let mut heard = None;
                if rng.below(1000) < shape.unheard {
                    (names[seat], next) = (next, next + 1);
                } else {
                    let is_late = lines.len() as u64 * 4 > shape.ops * 3;
                    let lies = !lied || (shape.is_bad && family.lies && rng.below(20) == 0);
                    if lies
                        && is_late
                        && let Some(lie) = state.lie(&asked, &told)
                    {
                        (told, lied) = (lie, true);
                    }
                    heard = Some((clock, told));
                }
                lines.push(Line { client, asked, call, heard });
            }
        }
    }
    assert!(lied, "there was no place for a lie");
    lines
}
