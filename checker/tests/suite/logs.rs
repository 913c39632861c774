//! Logs: drawn, lived, and judged.

use crate::brute::Plain;
use crate::generate::{Draw, Random};
use crate::monitors::agree;
use checker::Value;
use checker::specs::log::{Log, Op, Ret};

/// A list, and how many appends there were.
#[derive(Clone, Default)]
struct List(Vec<u64>, u64);

impl Plain for List {
    type Op = Op<u64>;
    type Ret = Ret<u64>;

    fn answer(&mut self, op: &Op<u64>) -> Ret<u64> {
        match op {
            Op::Append { value, .. } => {
                self.0.push(*value);
                // Every other one says where it went.
                Ret::At(Some(self.0.len() as u64 - 1).filter(|_| value % 2 == 1))
            }
            Op::Read { from, .. } => {
                Ret::Values(self.0.iter().skip(*from as usize).copied().collect())
            }
        }
    }

    fn says_the_same(truth: &Ret<u64>, said: &Ret<u64>, state: &Self, op: &Op<u64>) -> bool {
        match (op, said) {
            (Op::Append { .. }, Ret::At(Some(place))) => *place == state.0.len() as u64,
            (Op::Append { .. }, Ret::At(None)) => true,
            _ => truth == said,
        }
    }
}

impl Draw for List {
    fn draw(random: &mut Random) -> Op<u64> {
        let key = Value::Null;
        if random.one_in(2) {
            Op::Append { key, value: random.below(40) }
        } else {
            Op::Read { key, from: random.pick(&[0, 0, 0, 1, 2, 5]) }
        }
    }

    fn aim(&mut self, _: &mut Random, op: Op<u64>) -> Op<u64> {
        let Op::Append { key, value } = op else { return op };
        self.1 += 1;
        Op::Append { key, value: if value == 0 { 1 } else { self.1 } }
    }

    fn lie(random: &mut Random, ret: &Ret<u64>) -> Ret<u64> {
        let Ret::Values(values) = ret else {
            return Ret::At(Some(random.below(4)).filter(|_| random.one_in(2)));
        };
        let mut values = values.clone();
        match random.below(4) {
            0 => values.push(random.below(6)),
            1 => values.reverse(),
            2 if !values.is_empty() => drop(values.remove(0)),
            _ => drop(values.pop()),
        }
        Ret::Values(values)
    }
}

#[test]
fn logs_are_decided_most_of_the_time() {
    agree::<List, _>(&Log::default(), 41, 40_000, 8).decides(80);
}
