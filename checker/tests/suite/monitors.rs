//! Every monitor beside brute force: what it passes has an order that the spec plays again, what it
//! fails has none at all, and it may decline, but not most of the time.
//!
//! `UNFORKED_LONG=n` draws n times as many histories.

use crate::brute::linearizable;
use crate::generate::{Draw, Heads, Random, history};
use checker::monitor::validate;
use checker::specs::head::Head;
use checker::{Budget, Monitored, Operation, Outcome, Part, Spec, Verdict, judge};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// How often a monitor passed, failed and declined, by part.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) declined: u64,
}

impl Tally {
    /// Holds it to have decided at least so many in a hundred, both ways.
    #[track_caller]
    pub(crate) fn decides(self, percent: u64) {
        let decided = self.passed + self.failed;
        assert!(100 * decided >= percent * (decided + self.declined), "declines much: {self:?}");
        assert!(self.passed >= 500 && self.failed >= 500, "never does one of them: {self:?}");
    }
}

pub(crate) fn times(count: u64) -> u64 {
    let more = std::env::var("UNFORKED_LONG").ok().and_then(|it| it.parse::<u64>().ok());
    count * more.unwrap_or(1)
}

/// The parts of a history, as the judge makes them.
pub(crate) fn parts<S: Spec>(operations: &[Operation<S::Op, S::Ret>]) -> Vec<Vec<u32>> {
    let mut parts: BTreeMap<Option<u64>, Vec<u32>> = BTreeMap::new();
    let whole = operations.iter().any(|it| S::key(&it.op).is_none());
    for (index, operation) in (0..).zip(operations) {
        if !matches!(operation.outcome, Outcome::Failed) {
            let key = S::key(&operation.op).filter(|_| !whole);
            parts.entry(key).or_default().push(index);
        }
    }
    parts.into_values().collect()
}

/// Compares on `count` histories of at most `most` operations.
pub(crate) fn agree<D: Draw, S>(init: &S, seed: u64, count: u64, most: u64) -> Tally
where
    S: Spec<Op = D::Op, Ret = D::Ret>,
    D::Op: Debug,
    D::Ret: Debug,
{
    let mut random = Random(seed);
    let mut tally = Tally::default();
    for number in 0..times(count) {
        let operations = history::<D>(&mut random, most);
        let mut truths = true;
        for members in parts::<S>(&operations) {
            let apart: Vec<_> =
                members.iter().map(|&index| operations[index as usize].clone()).collect();
            let truth = linearizable::<D>(&apart);
            truths &= truth;
            let part = Part::new(&operations, &members);
            let context = || {
                format!(
                    "seed {seed}, history {number}: {}",
                    apart.iter().map(|it| format!("\n{it:?}")).collect::<String>()
                )
            };
            match init.monitor(part) {
                Monitored::Declined => tally.declined += 1,
                Monitored::Pass(order) => {
                    let proof = validate(init, part, &order);
                    assert!(truth, "a wrong pass {order:?} {}", context());
                    assert_eq!(proof, Ok(()), "no proof {order:?} of {members:?} {}", context());
                    tally.passed += 1;
                }
                Monitored::Fail(violation) => {
                    assert!(!truth, "a wrong fail {violation:?} {}", context());
                    let mut latest = violation.operations.iter().map(|&it| &operations[it]);
                    let at = latest.next_back().and_then(Operation::returned_at);
                    assert_eq!(at, violation.at, "{violation:?} {}", context());
                    assert!(at.is_some(), "{violation:?} {}", context());
                    tally.failed += 1;
                }
            }
        }
        if number % 8 == 0 {
            let verdict = judge(init, &operations, &Budget::default());
            let named = init.diagnose(&operations).is_some();
            assert_eq!(
                verdict == Verdict::Pass,
                truths && !named,
                "{verdict:?} {}",
                operations.iter().map(|it| format!("\n{it:?}")).collect::<String>()
            );
        }
    }
    tally
}

#[test]
fn heads_are_decided_always() {
    let tally = agree::<Heads, _>(&Head::default(), 11, 40_000, 8);
    tally.decides(100);
}
