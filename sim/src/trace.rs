//! The durable form of a run: JSON, one step a line, so that a diff of it can be read.
//!
//! The steps are the truth and the seed is only where they came from: a trace made today replays
//! after the choosers change. What is written here is a contract (`unforked-trace/1`).

use crate::run::FAULTS_MAX;
use crate::scenario::Kind;
use crate::session::Scene;
use checker::{ClientId, Property, Verdict, Violation};
use serde_json::{Map, Value, json};
use std::fmt;

/// The format this version writes.
pub const FORMAT: &str = "unforked-trace/1";

/// Where a schedule came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A seed and its chooser.
    Seed {
        /// The seed.
        seed: u64,
        /// Who chose.
        chooser: Kind,
    },
    /// Steps somebody gave.
    Steps,
}

/// A run, as a file holds it.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// The model's name.
    pub model: String,
    /// The mutant's, if it was broken.
    pub mutant: Option<String>,
    /// Every parameter.
    pub params: Map<String, Value>,
    /// The model's version.
    pub model_version: u32,
    /// Where the schedule came from.
    pub origin: Origin,
    /// How many faults could be spent.
    pub faults_max: u32,
    /// What was said of it.
    pub verdict: Verdict,
    /// Chained over every step's effect.
    pub digest: u64,
    /// One decision each, with a note after ` | `.
    pub steps: Vec<String>,
    /// One operation each.
    pub history: Vec<Value>,
}

/// A step as a trace's line: the decision, then what came of it. `said`: marks that its answers
/// say already.
pub fn line_of(scene: &Scene, name: &dyn Fn(ClientId) -> String, said: &[&str]) -> String {
    let own = scene.step.client();
    let effects = scene.effects.iter().map(|(id, note)| match own {
        Some(client) if client == id.client => note.clone(),
        _ => format!("{} {note}", name(id.client)),
    });
    let mut notes: Vec<String> = effects.collect();
    let unsaid = scene.marks.iter().filter(|(mark, _)| !said.contains(mark));
    notes.extend(unsaid.map(|(mark, _)| mark.to_string()));
    if scene.dull {
        notes.push("(dull)".to_owned());
    }
    match notes.is_empty() {
        true => scene.text.clone(),
        false => format!("{} | {}", scene.text, notes.join("; ")),
    }
}

impl Trace {
    /// The file's text.
    pub fn to_json(&self) -> String {
        let (seed, chooser) = match self.origin {
            Origin::Seed { seed, chooser } => (json!(seed), json!(chooser.to_string())),
            Origin::Steps => (Value::Null, json!("replay")),
        };
        let head = [
            ("format", json!(FORMAT)),
            ("model", json!(self.model)),
            ("mutant", json!(self.mutant)),
            ("params", Value::Object(self.params.clone())),
            ("model_version", json!(self.model_version)),
            ("seed", seed),
            ("chooser", chooser),
            ("faults_max", json!(self.faults_max)),
            ("verdict", verdict_to_json(&self.verdict)),
            ("digest", json!(format!("{:016x}", self.digest))),
        ];
        let mut out = String::from("{\n");
        for (name, value) in head {
            out.push_str(&format!("  \"{name}\": {value},\n"));
        }
        let steps: Vec<Value> = self.steps.iter().map(|step| json!(step)).collect();
        out.push_str(&format!("  \"steps\": {},\n", lines(&steps)));
        out.push_str(&format!("  \"history\": {}\n}}\n", lines(&self.history)));
        out
    }

    /// Reads a file's text.
    pub fn from_json(text: &str) -> Result<Trace, TraceError> {
        let value: Value = serde_json::from_str(text).map_err(|error| TraceError::NotJson {
            line: error.line(),
            column: error.column(),
            // It ends with where, which is said already.
            why: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?;
        let Value::Object(map) = value else {
            return Err(TraceError::Field { name: "the file", wanted: "an object" });
        };
        let format = map.get("format").and_then(Value::as_str);
        match format {
            Some(FORMAT) => {}
            Some(other) if other.starts_with("unforked-trace/") => {
                return Err(TraceError::NewerFormat { found: other.to_owned() });
            }
            _ => return Err(TraceError::Field { name: "format", wanted: "\"unforked-trace/1\"" }),
        }
        Trace::from_map(&map)
    }

    fn from_map(map: &Map<String, Value>) -> Result<Trace, TraceError> {
        let field = |name: &'static str, wanted: &'static str| TraceError::Field { name, wanted };
        let text = |name, wanted| {
            map.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(field(name, wanted))
        };
        let number = |name, wanted| {
            let number = map.get(name).and_then(Value::as_u64);
            number.and_then(|it| u32::try_from(it).ok()).ok_or(field(name, wanted))
        };
        let list =
            |name, wanted| map.get(name).and_then(Value::as_array).ok_or(field(name, wanted));
        let mutant = match map.get("mutant") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(field("mutant", "a name or null")),
        };
        let params = match map.get("params") {
            Some(Value::Object(params)) => params.clone(),
            _ => return Err(field("params", "an object of parameters")),
        };
        let step = |value: &Value| value.as_str().map(str::to_owned);
        let steps = list("steps", "a list of steps")?.iter().map(step).collect::<Option<Vec<_>>>();
        let digest = text("digest", "16 hexadecimal digits")?;
        let digest = Some(digest).filter(|it| it.len() == 16);
        let digest = digest.and_then(|it| u64::from_str_radix(&it, 16).ok());
        let seed = match map.get("seed") {
            None | Some(Value::Null) => None,
            Some(seed) => Some(seed.as_u64().ok_or(field("seed", "a whole number, or null"))?),
        };
        let chooser = text("chooser", "the name of a chooser, or replay")?;
        let origin = match seed {
            Some(seed) => {
                let known = chooser.parse().map_err(|_| {
                    field("chooser", "a chooser's name: random, swarm, pct, pos, novel or dfs")
                });
                Origin::Seed { seed, chooser: known? }
            }
            None => Origin::Steps,
        };
        Ok(Trace {
            model: text("model", "a model's name")?,
            mutant,
            params,
            model_version: number("model_version", "a whole number")?,
            origin,
            faults_max: number("faults_max", "a number of faults, 64 at most").and_then(|it| {
                Some(it)
                    .filter(|it| *it <= FAULTS_MAX)
                    .ok_or(field("faults_max", "a number of faults, 64 at most"))
            })?,
            verdict: verdict_from_json(map.get("verdict"))
                .ok_or(field("verdict", "an object with an outcome: pass, fail or unknown"))?,
            digest: digest.ok_or(field("digest", "16 hexadecimal digits"))?,
            steps: steps.ok_or(field("steps", "a list of strings"))?,
            history: list("history", "a list of operations")?.clone(),
        })
    }
}

/// One value a line.
fn lines(values: &[Value]) -> String {
    if values.is_empty() {
        return "[]".to_owned();
    }
    let rows: Vec<String> = values.iter().map(|value| format!("    {value}")).collect();
    format!("[\n{}\n  ]", rows.join(",\n"))
}

/// A verdict, as traces and `--json` write it.
pub fn verdict_to_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Pass => json!({"outcome": "pass"}),
        Verdict::Fail(it) => json!({"outcome": "fail", "property": it.property, "why": it.why}),
        Verdict::Unknown { why } => json!({"outcome": "unknown", "why": why}),
    }
}

fn verdict_from_json(value: Option<&Value>) -> Option<Verdict> {
    let value = value?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    Some(match text("outcome")? {
        "pass" => Verdict::Pass,
        "fail" => {
            let property: Property = serde_json::from_value(value.get("property")?.clone()).ok()?;
            Verdict::Fail(Violation::new(property, text("why")?))
        }
        "unknown" => Verdict::Unknown { why: text("why")?.to_owned() },
        _ => return None,
    })
}

/// What can be wrong with a trace file, said so that the reader can mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraceError {
    /// It cannot be read as JSON at all.
    NotJson {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What the reader expected.
        why: String,
    },
    /// A later version wrote it.
    NewerFormat {
        /// What it says it is.
        found: String,
    },
    /// Something is missing or of another kind.
    Field {
        /// What.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { line, column, why } => {
                write!(f, "line {line}, column {column}: not a trace: expected JSON, {why}")
            }
            Self::NewerFormat { found } => write!(
                f,
                "the format is '{found}', and this version reads '{FORMAT}': use a newer checker"
            ),
            Self::Field { name, wanted } => write!(f, "'{name}' should be {wanted}"),
        }
    }
}

impl std::error::Error for TraceError {}
