//! Small random histories: true ones, and true ones with an answer changed.
//!
//! Each history is first lived: every operation gets an interval and a moment within it, and is
//! answered by a datatype written here a second time, as plainly as can be.

use crate::brute::Plain;
use checker::specs::{head, objects};
use checker::{ClientId, Operation, Outcome};
use std::collections::BTreeMap;

/// Splitmix64: the same numbers for ever.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }
}

/// A datatype whose histories can be drawn.
pub(crate) trait Draw: Plain {
    fn draw(random: &mut Random) -> Self::Op;
    /// The operation as whoever asks it now would, knowing what has been.
    fn aim(&mut self, _random: &mut Random, op: Self::Op) -> Self::Op {
        op
    }
    fn lie(random: &mut Random, ret: &Self::Ret) -> Self::Ret;
}

/// A history of at most `count_max` operations.
pub(crate) fn history<D: Draw>(
    random: &mut Random,
    count_max: u64,
) -> Vec<Operation<D::Op, D::Ret>> {
    let count = 1 + random.below(count_max);
    let span = 2 + random.below(14);
    let mut lived: Vec<_> = (0..count)
        .map(|client| {
            let call = random.below(span);
            let at = call + random.below(6);
            let moment = call + random.below(at - call + 1);
            (moment, random.next(), client as u16, call, at, D::draw(random))
        })
        .collect();
    lived.sort_by_key(|one| (one.0, one.1));
    let mut state = D::default();
    let mut operations = Vec::new();
    for (_, _, client, call, at, op) in lived {
        let op = state.aim(random, op);
        let outcome = match random.below(10) {
            0 => Outcome::Failed,
            1 | 2 => {
                if random.one_in(2) {
                    state.answer(&op);
                }
                Outcome::Open
            }
            _ => Outcome::Returned { at, ret: state.answer(&op) },
        };
        operations.push(Operation { client: ClientId(client), op, call, outcome });
    }
    for _ in 0..random.below(3) {
        let index = random.below(count) as usize;
        if let Outcome::Returned { ret, .. } = &mut operations[index].outcome {
            *ret = D::lie(random, ret);
        }
    }
    operations.sort_by_key(|operation| operation.call);
    operations
}

/// The heads of two runs.
#[derive(Clone, Default)]
pub(crate) struct Heads(BTreeMap<String, u64>);

impl Plain for Heads {
    type Op = head::Op<String>;
    type Ret = head::Ret;

    fn answer(&mut self, op: &Self::Op) -> head::Ret {
        let head = self.0.entry(op.key().clone()).or_default();
        match op {
            head::Op::Read { .. } => head::Ret::Head(*head),
            head::Op::Cas { from, .. } if from == head => {
                *head += 1;
                head::Ret::Won { seq: Some(*head) }
            }
            // Where it was is told to those who asked from an odd number.
            head::Op::Cas { from, .. } if from % 2 == 1 => head::Ret::Saw { head: *head },
            head::Op::Cas { .. } => head::Ret::Lost,
        }
    }

    fn says_the_same(truth: &head::Ret, said: &head::Ret, state: &Self, op: &Self::Op) -> bool {
        let head = state.0.get(op.key()).copied().unwrap_or(0);
        match (truth, said) {
            (head::Ret::Won { .. }, head::Ret::Won { .. }) => true,
            (head::Ret::Saw { .. } | head::Ret::Lost, head::Ret::Lost) => true,
            (head::Ret::Lost, head::Ret::Saw { head: seen }) => *seen == head,
            _ => truth == said,
        }
    }
}

impl Draw for Heads {
    fn draw(random: &mut Random) -> Self::Op {
        let key = if random.one_in(5) { "run-2" } else { "run-1" }.to_string();
        if random.one_in(3) {
            head::Op::Read { key }
        } else {
            head::Op::Cas { key, from: random.pick(&[0, 0, 0, 1, 1, 2, 3]) }
        }
    }

    fn lie(random: &mut Random, ret: &head::Ret) -> head::Ret {
        match ret {
            head::Ret::Head(head) => head::Ret::Head(head.saturating_sub(1) + 2 * random.below(2)),
            _ => {
                let saw = head::Ret::Saw { head: random.below(4) };
                random.pick(&[head::Ret::Won { seq: None }, head::Ret::Lost, saw])
            }
        }
    }
}

/// A store of a few objects.
#[derive(Clone, Default)]
pub(crate) struct Store(BTreeMap<String, u64>);

const KEYS: [&str; 4] = ["a/1", "a/2", "a/3", "b/1"];

impl Plain for Store {
    type Op = objects::Op;
    type Ret = objects::Ret;

    fn answer(&mut self, op: &objects::Op) -> objects::Ret {
        let page = |prefix: &str, after: &Option<String>, limit: Option<u32>| {
            let mut keys: Vec<String> = self.0.keys().cloned().collect();
            keys.retain(|key| key.starts_with(prefix) && Some(key) > after.as_ref());
            let all = keys.len();
            keys.truncate(limit.map_or(all, |limit| limit as usize));
            let truncated = Some(keys.len() < all).filter(|_| limit != Some(2));
            objects::Ret::Keys { keys, truncated }
        };
        match op {
            objects::Op::Put { key, value, if_none_match, if_match } => {
                let now = self.0.get(key).copied();
                if *if_none_match && now.is_some() || if_match.is_some() && now != *if_match {
                    return objects::Ret::Refused;
                }
                self.0.insert(key.clone(), *value);
                objects::Ret::Done
            }
            objects::Op::Get { key } => objects::Ret::Value(self.0.get(key).copied()),
            objects::Op::Delete { key } => {
                self.0.remove(key);
                objects::Ret::Done
            }
            objects::Op::List { prefix, start_after, limit } => page(prefix, start_after, *limit),
            objects::Op::Since { prefix, start_after } => page(prefix, start_after, None),
        }
    }

    fn says_the_same(
        truth: &objects::Ret,
        said: &objects::Ret,
        _: &Self,
        op: &objects::Op,
    ) -> bool {
        if matches!(op, objects::Op::Since { .. }) {
            return true;
        }
        match (truth, said) {
            (
                objects::Ret::Keys { keys, truncated: truth },
                objects::Ret::Keys { keys: page, truncated: said },
            ) => match op {
                // Without a limit it may stop anywhere, if it says so.
                objects::Op::List { limit: None, .. } if *said == Some(true) => {
                    keys.len() > page.len() && keys.starts_with(page)
                }
                objects::Op::List { limit: Some(0), .. } => keys == page,
                _ => keys == page && (said.is_none() || said == truth),
            },
            _ => truth == said,
        }
    }
}

impl Draw for Store {
    fn draw(random: &mut Random) -> objects::Op {
        let key = random.pick(&KEYS[..2 + random.0 as usize % 3]).to_string();
        let prefix = random.pick(&["", "a/", "b/"]).to_string();
        let start_after = Some(random.pick(&KEYS).to_string()).filter(|_| random.one_in(3));
        match random.below(10) {
            0..4 => objects::Op::Put {
                key,
                value: if random.one_in(2) { random.below(2) } else { 10 + random.below(90) },
                if_none_match: random.one_in(3),
                if_match: Some(random.below(2)).filter(|_| random.one_in(4)),
            },
            4 | 5 => objects::Op::Get { key },
            6 => objects::Op::Delete { key },
            7 => objects::Op::Since { prefix, start_after },
            _ => {
                let limit = random.pick(&[None, Some(0), Some(1), Some(2), Some(3)]);
                objects::Op::List { prefix, start_after, limit }
            }
        }
    }

    fn lie(random: &mut Random, ret: &objects::Ret) -> objects::Ret {
        match ret {
            objects::Ret::Done | objects::Ret::Refused => {
                random.pick(&[objects::Ret::Done, objects::Ret::Refused])
            }
            objects::Ret::Value(_) => {
                objects::Ret::Value(random.pick(&[None, Some(0), Some(1), Some(20)]))
            }
            objects::Ret::Keys { keys, truncated } => {
                let (mut keys, mut truncated) = (keys.clone(), *truncated);
                match random.below(3) {
                    0 if !keys.is_empty() => {
                        drop(keys.remove(random.below(keys.len() as u64) as usize))
                    }
                    1 => {
                        keys.push(random.pick(&KEYS).to_string());
                        keys.sort();
                    }
                    _ => truncated = truncated.map(|said| !said),
                }
                objects::Ret::Keys { keys, truncated }
            }
        }
    }
}
