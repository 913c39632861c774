//! A datatype as a table, where a part of a history leads to few states by few kinds of operation.
//!
//! A register of five values, a lock, a flag: most histories that people record ask the same few
//! questions over and over. Then all that can follow is found once, and a step of the search is a
//! look-up, whatever a state is made of. The hard part is to know soon that it does not pay: the
//! kinds are counted first, and the states only as far as there is room for them.

use super::{End, Event, Search, events};
use crate::budget::Meter;
use crate::monitor::Part;
use crate::monitor::names::Names;
use crate::{Operation, Outcome, Spec};
use std::hash::{Hash, Hasher};

/// States that are worth a table.
const STATES_MAX: usize = 64;
/// A table pays if there are so many operations for each kind of them.
const USES_MIN: usize = 8;

/// No state: the answer is wrong there.
const NOWHERE: u16 = u16::MAX;

/// An operation and its answer, or that there was none, by what the search asks of them.
#[derive(Clone, Copy, Debug)]
struct Word {
    kind: u16,
    /// A small number for what it touches; [`NOWHERE`] is all of it.
    key: u16,
    reads: bool,
}

/// What follows in each state from each kind.
struct Table {
    kinds: usize,
    /// By state, then by kind.
    next: Vec<u16>,
    /// Whether it can change nothing from there on, of those that nobody heard of.
    spent: Vec<bool>,
}

/// A state, by its number.
#[derive(Clone, Copy)]
struct Row<'a> {
    table: &'a Table,
    state: u16,
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Eq for Row<'_> {}

impl Hash for Row<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u16(self.state);
    }
}

impl Row<'_> {
    fn place(&self, word: &Word) -> usize {
        usize::from(self.state) * self.table.kinds + usize::from(word.kind)
    }
}

impl Spec for Row<'_> {
    type Op = Word;
    type Ret = ();

    fn step(&self, op: &Word, _ret: Option<&()>) -> impl IntoIterator<Item = Self> {
        let state = self.table.next[self.place(op)];
        (state != NOWHERE).then_some(Row { state, ..*self })
    }

    fn reads(op: &Word, _ret: Option<&()>) -> bool {
        op.reads
    }

    fn spent(&self, op: &Word) -> bool {
        self.table.spent[self.place(op)]
    }

    fn kind(op: &Word, _ret: Option<&()>) -> Option<u64> {
        Some(u64::from(op.kind))
    }

    fn key(op: &Word) -> Option<u64> {
        (op.key != NOWHERE).then_some(u64::from(op.key))
    }
}

/// A part of a history in such words.
pub(crate) struct Tabled {
    table: Table,
    operations: Vec<Operation<Word, ()>>,
    events: Vec<Event>,
}

impl Tabled {
    /// The part told so, if that pays.
    pub(crate) fn of<S: Spec>(init: &S, part: Part<'_, S::Op, S::Ret>) -> Option<Self> {
        let (operations, examples) = words::<S>(part)?;
        let table = table(init, part, &examples)?;
        let members: Vec<u32> = (0..operations.len() as u32).collect();
        let events = events(Part::new(&operations, &members));
        Some(Tabled { table, operations, events })
    }

    /// [`Search::run`], with positions in the part for operations.
    pub(crate) fn run(&self, keeps_order: bool, new: bool, meter: &mut Meter<'_>) -> End {
        let init = Row { table: &self.table, state: 0 };
        Search::new(&self.operations, keeps_order).run(&init, &self.events, new, meter)
    }
}

/// Operations as words, and an example of each kind, by its position.
type Words = (Vec<Operation<Word, ()>>, Vec<u32>);

/// A part in words, if its operations are of few kinds.
fn words<S: Spec>(part: Part<'_, S::Op, S::Ret>) -> Option<Words> {
    let kinds_max = (part.len() / USES_MIN).min(usize::from(NOWHERE));
    let (mut numbers, mut keys) = (Names::new(), Names::new());
    let (mut kinds, mut examples): (Vec<Word>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut operations = Vec::with_capacity(part.len());
    for (position, (_, it)) in (0..).zip(part.iter()) {
        let kind = S::kind(&it.op, it.ret())?;
        let number = numbers.of(kind) as usize;
        if number == kinds.len() {
            if number == kinds_max {
                return None;
            }
            let reads = it.ret().is_some_and(|ret| S::reads(&it.op, Some(ret)));
            let key = S::key(&it.op).map_or(NOWHERE, |key| keys.of(key) as u16);
            kinds.push(Word { kind: number as u16, key, reads });
            examples.push(position);
        }
        let op = kinds[number];
        let outcome = match it.outcome {
            Outcome::Returned { at, .. } => Outcome::Returned { at, ret: () },
            Outcome::Open => Outcome::Open,
            Outcome::Failed => Outcome::Failed,
        };
        operations.push(Operation { client: it.client, op, call: it.call, outcome });
    }
    Some((operations, examples))
}

/// All states that these kinds lead to, if they are few and none has several futures.
fn table<S: Spec>(init: &S, part: Part<'_, S::Op, S::Ret>, examples: &[u32]) -> Option<Table> {
    let mut states = vec![init.clone()];
    let (mut next, mut spent) = (Vec::new(), Vec::new());
    let mut done = 0;
    while done < states.len() {
        if next.len() > part.len() {
            return None;
        }
        for &example in examples {
            let it = part.get(part.members()[example as usize]);
            let state = &states[done];
            spent.push(it.ret().is_none() && state.spent(&it.op));
            let mut follow = state.step(&it.op, it.ret()).into_iter();
            let (one, other) = (follow.next(), follow.next());
            drop(follow);
            if other.is_some() {
                return None;
            }
            next.push(match one {
                None => NOWHERE,
                Some(one) => match states.iter().position(|it| *it == one) {
                    Some(known) => known as u16,
                    None if states.len() == STATES_MAX => return None,
                    None => {
                        states.push(one);
                        states.len() as u16 - 1
                    }
                },
            });
        }
        done += 1;
    }
    Some(Table { kinds: examples.len(), next, spent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::hash::mix;
    use crate::monitor::validate;
    use crate::specs::register::{Op, Register, Ret};
    use crate::{ClientId, Value};

    type Lived = Vec<Operation<Op<u64>, Ret<u64>>>;

    /// Many questions to a register of `values` values, each answered at its call; now and then one
    /// is answered wrongly, or not at all.
    fn live(seed: u64, count: u64, values: u64) -> Lived {
        let (mut held, key) = (0, Value::Null);
        let one = |number: u64| {
            let drawn = |salt: u64, below: u64| mix(mix(seed, number), salt) % below;
            let key = key.clone();
            let op = match drawn(0, 4) {
                0 => Op::Read { key },
                1 => Op::Write { key, value: drawn(1, values) },
                _ => Op::Cas { key, from: drawn(2, values), to: drawn(3, values) },
            };
            let ret = match &op {
                Op::Read { .. } if drawn(4, 20) == 0 => Ret::Value(drawn(5, values)),
                Op::Read { .. } => Ret::Value(held),
                Op::Write { value, .. } => {
                    held = *value;
                    Ret::Done
                }
                Op::Cas { from, to, .. } if *from == held => {
                    held = *to;
                    Ret::Done
                }
                Op::Cas { .. } => Ret::Refused,
            };
            let at = 4 * number + drawn(6, 16);
            let is_open = drawn(7, 100) == 0;
            let outcome = if is_open { Outcome::Open } else { Outcome::Returned { at, ret } };
            Operation { client: ClientId(number as u16), op, call: 4 * number, outcome }
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn a_table_finds_what_the_datatype_finds() {
        let (mut right, mut wrong) = (0, 0);
        for seed in 0..400 {
            let lived = live(seed, 240, 2);
            let members: Vec<u32> = (0..lived.len() as u32).collect();
            let part = Part::new(&lived, &members);
            let init = Register::new(0);
            let tabled = Tabled::of(&init, part).expect("they are of few kinds");
            let budget = Budget::default();
            for new in [true, false] {
                let mut meter = Meter::new(&budget, usize::MAX);
                let plain = Search::new(&lived, true).run(&init, &events(part), new, &mut meter);
                match (tabled.run(true, new, &mut meter).of_whole(&members), plain) {
                    (End::Explained(order), End::Explained(other)) => {
                        assert_eq!(validate(&init, part, &order), Ok(()), "seed {seed}");
                        assert_eq!(order, other, "seed {seed}");
                        right += 1;
                    }
                    (End::Contradicted(one), End::Contradicted(other)) => {
                        assert_eq!(one, other, "seed {seed}");
                        wrong += 1;
                    }
                    _ => panic!("seed {seed}: the two do not agree"),
                }
            }
        }
        assert!(right > 100 && wrong > 100, "{right} right, {wrong} wrong");
    }

    #[test]
    fn what_does_not_pay_has_no_table() {
        let tabled = |count, values| {
            let lived = live(1, count, values);
            let members: Vec<u32> = (0..lived.len() as u32).collect();
            Tabled::of(&Register::new(0), Part::new(&lived, &members)).is_some()
        };
        assert!(tabled(400, 2));
        assert!(!tabled(40, 2), "each kind is asked once or twice");
        assert!(!tabled(4000, 1000), "there are too many kinds");
    }
}
