//! Queues, those that hand out once and those that do so again: drawn, lived, judged.

use crate::brute::Plain;
use crate::generate::{Draw, Random};
use crate::monitors::agree;
use checker::Value;
use checker::specs::queue::{Op, Queue, Ret};
use checker::specs::redelivery::Redelivery;

/// The values in a queue, and how many there were.
#[derive(Clone, Default)]
struct Once(Vec<u64>, u64);

fn draw(random: &mut Random) -> Op<u64> {
    let key = Value::Null;
    match random.below(9) {
        0..4 => Op::Enqueue { key, value: random.below(40) },
        4..8 => Op::Dequeue { key },
        _ => Op::Ack { key, value: 1 + random.below(3) },
    }
}

fn aim(count: &mut u64, op: Op<u64>) -> Op<u64> {
    let Op::Enqueue { key, value } = op else { return op };
    *count += 1;
    Op::Enqueue { key, value: if value == 0 { 1 } else { *count } }
}

fn lie(random: &mut Random, ret: &Ret<u64>) -> Ret<u64> {
    match ret {
        Ret::Value(_) => Ret::Value(Some(1 + random.below(4)).filter(|_| !random.one_in(3))),
        Ret::Done(done) => Ret::Done(!done),
    }
}

impl Plain for Once {
    type Op = Op<u64>;
    type Ret = Ret<u64>;

    fn answer(&mut self, op: &Op<u64>) -> Ret<u64> {
        match op {
            Op::Enqueue { value, .. } => self.0.push(*value),
            Op::Dequeue { .. } if self.0.is_empty() => return Ret::Value(None),
            Op::Dequeue { .. } => return Ret::Value(Some(self.0.remove(0))),
            Op::Ack { .. } => {}
        }
        Ret::Done(true)
    }

    fn says_the_same(truth: &Ret<u64>, said: &Ret<u64>, _: &Self, op: &Op<u64>) -> bool {
        truth == said || matches!(op, Op::Ack { .. })
    }
}

impl Draw for Once {
    fn draw(random: &mut Random) -> Op<u64> {
        draw(random)
    }

    fn aim(&mut self, _: &mut Random, op: Op<u64>) -> Op<u64> {
        aim(&mut self.1, op)
    }

    fn lie(random: &mut Random, ret: &Ret<u64>) -> Ret<u64> {
        lie(random, ret)
    }
}

/// A queue that hands out the first again until it is acknowledged.
#[derive(Clone, Default)]
struct Again(Vec<u64>, u64);

impl Plain for Again {
    type Op = Op<u64>;
    type Ret = Ret<u64>;

    fn answer(&mut self, op: &Op<u64>) -> Ret<u64> {
        match op {
            Op::Enqueue { value, .. } => self.0.push(*value),
            Op::Dequeue { .. } => return Ret::Value(self.0.first().copied()),
            Op::Ack { value, .. } => match self.0.iter().position(|it| it == value) {
                Some(place) => drop(self.0.remove(place)),
                None => return Ret::Done(false),
            },
        }
        Ret::Done(true)
    }

    fn says_the_same(truth: &Ret<u64>, said: &Ret<u64>, state: &Self, op: &Op<u64>) -> bool {
        match (op, said) {
            (Op::Dequeue { .. }, Ret::Value(Some(value))) => state.0.contains(value),
            (Op::Dequeue { .. }, Ret::Value(None)) => true,
            _ => truth == said,
        }
    }
}

impl Draw for Again {
    fn draw(random: &mut Random) -> Op<u64> {
        draw(random)
    }

    fn aim(&mut self, _: &mut Random, op: Op<u64>) -> Op<u64> {
        aim(&mut self.1, op)
    }

    fn lie(random: &mut Random, ret: &Ret<u64>) -> Ret<u64> {
        lie(random, ret)
    }
}

#[test]
fn queues_are_decided_most_of_the_time() {
    let tally = agree::<Once, _>(&Queue::default(), 71, 60_000, 8);
    println!("{tally:?}");
    tally.decides(70);
}

#[test]
fn redelivery_is_decided_most_of_the_time() {
    let tally = agree::<Again, _>(&Redelivery::default(), 72, 60_000, 8);
    println!("{tally:?}");
    tally.decides(80);
}
