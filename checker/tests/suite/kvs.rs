//! Texts by key: drawn, lived, judged, and the logs of others that everybody measures on.

use crate::brute::Plain;
use crate::generate::{Draw, Random};
use crate::monitors::agree;
use checker::Value;
use checker::specs::kv::{Kv, Op, Ret};
use std::collections::BTreeMap;

/// Texts, and how many writes there were.
#[derive(Clone, Default)]
struct Texts(BTreeMap<Value, String>, u64);

impl Plain for Texts {
    type Op = Op;
    type Ret = Ret;

    fn answer(&mut self, op: &Op) -> Ret {
        match op {
            Op::Get { key } => return Ret::Value(self.0.get(key).cloned()),
            Op::Put { key, value } => drop(self.0.insert(key.clone(), value.clone())),
            Op::Append { key, value } => {
                self.0.entry(key.clone()).or_default().push_str(value);
            }
        }
        Ret::Done(true)
    }

    fn says_the_same(truth: &Ret, said: &Ret, _: &Self, _: &Op) -> bool {
        let nothing = (&Ret::Value(None), &Ret::Value(Some(String::new())));
        truth == said || (truth, said) == nothing
    }
}

impl Draw for Texts {
    fn draw(random: &mut Random) -> Op {
        let key = Value::Int(random.below(5).min(1) as i64);
        let value = random.below(30).to_string();
        match random.below(9) {
            0..4 => Op::Get { key },
            4 => Op::Put { key, value },
            _ => Op::Append { key, value },
        }
    }

    fn aim(&mut self, _: &mut Random, op: Op) -> Op {
        self.1 += 1;
        // Seldom a value that was there before.
        let next = |value: String| match &value[..] {
            "1" | "3" | "5" | "7" => String::from("a"),
            "2" => String::from("aa"),
            _ => char::from(b'`' + self.1 as u8).to_string(),
        };
        match op {
            Op::Get { .. } => op,
            Op::Put { key, value } => Op::Put { key, value: next(value) },
            Op::Append { key, value } => Op::Append { key, value: next(value) },
        }
    }

    fn lie(random: &mut Random, ret: &Ret) -> Ret {
        let Ret::Value(text) = ret else { return Ret::Done(true) };
        let mut text = text.clone().unwrap_or_default();
        match random.below(4) {
            0 => text = random.pick(&["", "a", "b", "c", "ab", "abc"]).to_string(),
            1 => text.push(random.pick(&['a', 'b', 'c', 'd'])),
            2 => text = text.chars().rev().collect(),
            _ => drop(text.pop()),
        }
        Ret::Value(Some(text).filter(|text| !text.is_empty() || random.one_in(2)))
    }
}

#[test]
fn texts_are_decided_most_of_the_time() {
    let tally = agree::<Texts, _>(&Kv::default(), 31, 60_000, 8);
    println!("{tally:?}");
    tally.decides(85);
}
