//! The strategies that are there for others: what is lived holds, what is lied mostly does not.

use checker::specs::head::{Head, Op, Ret};
use checker::strategy::{Shape, history, lied};
use checker::{Budget, Verdict, judge};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::cell::Cell;

#[test]
fn what_is_lived_can_have_gone_like_this_and_a_lie_mostly_cannot() {
    let ops = || {
        let read = Just(Op::Read { key: 7_u32 });
        prop_oneof![read, (0..4_u64).prop_map(|from| Op::Cas { key: 7, from })]
    };
    let answer = |head: &mut u64, op: &Op<u32>| match op {
        Op::Read { .. } => Ret::Head(*head),
        Op::Cas { from, .. } if from == head => {
            *head += 1;
            Ret::Won { seq: None }
        }
        Op::Cas { .. } => Ret::Saw { head: *head },
    };
    let lived = || history(Shape { operations: 1..12, ..Shape::default() }, ops(), 0, answer);
    let broken = Cell::new(0);
    let lies = lied(lived(), Just(Ret::Head(9)));
    let config = Config {
        cases: 500,
        rng_seed: RngSeed::Fixed(42),
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&(lived(), lies), |(lived, lied)| {
        prop_assert_eq!(judge(&Head::default(), &lived, &Budget::default()), Verdict::Pass);
        let verdict = judge(&Head::default(), &lied, &Budget::default());
        broken.set(broken.get() + u32::from(matches!(verdict, Verdict::Fail(_))));
        Ok(())
    });
    assert_eq!(result, Ok(()));
    assert!(broken.get() > 400, "{} of 500", broken.get());
}
