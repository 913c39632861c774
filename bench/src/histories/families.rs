//! The families of histories, one datatype each.

use super::Lived;
use serde_json::{Map, Value, json};
use sim::rng::Rng;
use std::collections::BTreeMap;

/// A datatype, and how its histories are told.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// As `checker check --spec` knows it.
    pub(crate) spec: &'static str,
    /// Whether one lie might pass, so that a violation takes several.
    pub(crate) lies: bool,
    pub(crate) begin: fn() -> Box<dyn Lived>,
}

pub(crate) const FAMILIES: &[Family] = &[
    Family { name: "head", spec: "head", lies: false, begin: || Box::new(Head::default()) },
    Family {
        name: "unique",
        spec: "cas-register",
        lies: false,
        begin: || Box::new(Register::unique()),
    },
    Family {
        name: "values5",
        spec: "cas-register",
        lies: true,
        begin: || Box::new(Register::of(5)),
    },
    Family { name: "kv", spec: "kv", lies: false, begin: || Box::new(Texts::default()) },
    Family {
        name: "list",
        spec: "object-store",
        lies: false,
        begin: || Box::new(Objects::default()),
    },
];

fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        other => unreachable!("{other} has no fields"),
    }
}

fn is(asked: &Map<String, Value>, what: &str) -> bool {
    asked["f"] == what
}

/// Everybody reads the head and tries to move it one on from there.
#[derive(Default)]
struct Head {
    head: u64,
    seen: BTreeMap<usize, u64>,
}

impl Lived for Head {
    fn ask(&mut self, client: usize, rng: &mut Rng) -> Map<String, Value> {
        match self.seen.get(&client) {
            Some(from) if rng.below(3) > 0 => fields(json!({"f": "cas", "key": "r", "from": from})),
            _ => fields(json!({"f": "read", "key": "r"})),
        }
    }

    fn answer(&mut self, client: usize, asked: &Map<String, Value>) -> Value {
        if is(asked, "read") {
            self.seen.insert(client, self.head);
            return json!(self.head);
        }
        let wins = asked["from"] == self.head;
        self.head += u64::from(wins);
        self.seen.insert(client, self.head);
        json!(wins)
    }

    fn lie(&self, asked: &Map<String, Value>, told: &Value) -> Option<Value> {
        is(asked, "read").then(|| json!(told.as_u64().unwrap_or_default() / 2))
    }
}

/// Reads, writes and compare-and-sets of one register.
struct Register {
    now: u64,
    /// How many values there are; none: each is written once.
    values: Option<u64>,
    latest: u64,
    seen: BTreeMap<usize, u64>,
}

impl Register {
    fn unique() -> Self {
        Register { now: 0, values: None, latest: 0, seen: BTreeMap::new() }
    }

    fn of(values: u64) -> Self {
        Register { values: Some(values), ..Register::unique() }
    }

    fn value(&mut self, rng: &mut Rng) -> u64 {
        self.latest += 1;
        self.values.map_or(self.latest, |values| rng.below(values))
    }
}

impl Lived for Register {
    fn ask(&mut self, client: usize, rng: &mut Rng) -> Map<String, Value> {
        let from = self.seen.get(&client).copied().unwrap_or(self.now);
        match rng.below(3) {
            0 => fields(json!({"f": "read", "key": "r"})),
            1 => fields(json!({"f": "write", "key": "r", "value": self.value(rng)})),
            _ => fields(json!({"f": "cas", "key": "r", "from": from, "to": self.value(rng)})),
        }
    }

    fn answer(&mut self, client: usize, asked: &Map<String, Value>) -> Value {
        let told = match asked["f"].as_str() {
            Some("read") => json!(self.now),
            Some("write") => {
                self.now = asked["value"].as_u64().unwrap_or_default();
                json!(true)
            }
            _ => {
                let wins = asked["from"] == self.now;
                if wins {
                    self.now = asked["to"].as_u64().unwrap_or_default();
                }
                json!(wins)
            }
        };
        self.seen.insert(client, self.now);
        told
    }

    fn lie(&self, asked: &Map<String, Value>, told: &Value) -> Option<Value> {
        let told = told.as_u64()?;
        let lie = self.values.map_or(told / 2, |values| (told + 1) % values);
        is(asked, "read").then(|| json!(lie))
    }
}

/// Ten texts that everybody appends to and reads.
#[derive(Default)]
struct Texts {
    texts: BTreeMap<String, String>,
    count: u64,
}

impl Lived for Texts {
    fn ask(&mut self, client: usize, rng: &mut Rng) -> Map<String, Value> {
        let key = rng.below(10).to_string();
        if rng.below(2) == 0 {
            return fields(json!({"f": "get", "key": key}));
        }
        self.count += 1;
        let value = format!("x {client} {} y", self.count);
        fields(json!({"f": "append", "key": key, "value": value}))
    }

    fn answer(&mut self, _: usize, asked: &Map<String, Value>) -> Value {
        let text = self.texts.entry(asked["key"].as_str().unwrap_or_default().to_owned());
        let text = text.or_default();
        if is(asked, "get") {
            return json!(text);
        }
        text.push_str(asked["value"].as_str().unwrap_or_default());
        Value::Null
    }

    fn lie(&self, asked: &Map<String, Value>, told: &Value) -> Option<Value> {
        let (text, is_get) = (told.as_str()?, is(asked, "get"));
        let cut = text[..text.len() / 2].rfind('x')?;
        is_get.then(|| json!(text[..cut]))
    }
}

/// Objects that are written once, and pages of their names.
#[derive(Default)]
struct Objects {
    keys: std::collections::BTreeSet<String>,
    count: u64,
}

impl Lived for Objects {
    fn ask(&mut self, _: usize, rng: &mut Rng) -> Map<String, Value> {
        if rng.below(2) == 0 && self.count > 0 {
            let after = format!("k/{:09}", self.count.saturating_sub(rng.below(100)));
            return fields(json!({"f": "list", "prefix": "k/", "start_after": after, "limit": 50}));
        }
        self.count += 1;
        let (key, value) = (format!("k/{:09}", self.count), self.count);
        fields(json!({"f": "put", "key": key, "value": value}))
    }

    fn answer(&mut self, _: usize, asked: &Map<String, Value>) -> Value {
        if is(asked, "put") {
            self.keys.insert(asked["key"].as_str().unwrap_or_default().to_owned());
            return json!(true);
        }
        let after = asked["start_after"].as_str().unwrap_or_default();
        let keys = self.keys.iter().filter(|key| key.as_str() > after).take(50);
        json!({"keys": keys.collect::<Vec<_>>()})
    }

    fn lie(&self, _: &Map<String, Value>, told: &Value) -> Option<Value> {
        let mut keys = told.get("keys")?.as_array()?.clone();
        // The oldest of them was there long before, and is left out.
        (keys.len() > 40).then(|| {
            keys.remove(0);
            json!({"keys": keys})
        })
    }
}
