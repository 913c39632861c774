//! Stores whose objects only grow in number, and stores of single objects: drawn, lived, judged.

use crate::brute::Plain;
use crate::generate::{Draw, Random, Store};
use crate::monitors::agree;
use crate::returned;
use checker::specs::objects::{Objects, Op, Ret};
use checker::{Monitored, Part, Spec};

/// A store whose histories have one shape.
macro_rules! shaped {
    ($name:ident, $draw:expr) => {
        #[derive(Clone, Default)]
        struct $name(Store, u64);

        impl Plain for $name {
            type Op = Op;
            type Ret = Ret;

            fn answer(&mut self, op: &Op) -> Ret {
                self.0.answer(op)
            }

            fn says_the_same(truth: &Ret, said: &Ret, state: &Self, op: &Op) -> bool {
                Store::says_the_same(truth, said, &state.0, op)
            }
        }

        impl Draw for $name {
            fn draw(random: &mut Random) -> Op {
                loop {
                    let op = Store::draw(random);
                    if $draw(&op) {
                        return op;
                    }
                }
            }

            fn aim(&mut self, random: &mut Random, op: Op) -> Op {
                self.1 += 1;
                match op {
                    // Seldom a value that was there before.
                    Op::Put { key, value, if_none_match, if_match } => Op::Put {
                        key,
                        value: if value == 0 { 1 } else { self.1 },
                        if_none_match,
                        if_match: if_match.map(|_| random.below(4)),
                    },
                    other => other,
                }
            }

            fn lie(random: &mut Random, ret: &Ret) -> Ret {
                match Store::lie(random, ret) {
                    Ret::Value(Some(_)) => Ret::Value(Some(random.below(8))),
                    other => other,
                }
            }
        }
    };
}

shaped!(Growing, |op: &Op| match op {
    Op::Put { if_match, .. } => if_match.is_none(),
    Op::Delete { .. } => false,
    Op::Since { .. } => false,
    _ => true,
});
shaped!(Pieces, |op: &Op| !matches!(op, Op::List { .. }));
shaped!(Any, |_: &Op| true);

#[test]
fn listings_of_a_growing_store_are_decided_most_of_the_time() {
    let tally = agree::<Growing, _>(&Objects::default(), 51, 60_000, 8);
    println!("{tally:?}");
    tally.decides(80);
}

#[test]
fn single_objects_are_decided_most_of_the_time() {
    let tally = agree::<Pieces, _>(&Objects::default(), 52, 40_000, 8);
    println!("{tally:?}");
    tally.decides(80);
}

#[test]
fn what_a_monitor_of_stores_decides_is_right() {
    let tally = agree::<Any, _>(&Objects::default(), 53, 40_000, 7);
    println!("{tally:?}");
    tally.decides(40);
}

#[test]
fn a_name_that_was_listed_is_listed_ever_after() {
    let list = || Op::List { prefix: String::new(), start_after: None, limit: None };
    let keys = |keys: &[&str]| Ret::Keys {
        keys: keys.iter().map(|&key| key.into()).collect(),
        truncated: Some(false),
    };
    let put = Op::Put { key: "a".into(), value: 1, if_none_match: false, if_match: None };
    let operations = [
        returned(0, 0, 20, put, Ret::Done),
        returned(1, 2, 3, list(), keys(&["a"])),
        returned(2, 4, 5, list(), keys(&[])),
    ];
    let Monitored::Fail(violation) = Objects::default().monitor(Part::new(&operations, &[0, 1, 2]))
    else {
        panic!("the second listing lost a name")
    };
    assert_eq!(violation.property.name(), "monotonic-listing");
    assert_eq!(violation.operations, [1, 2]);
}
