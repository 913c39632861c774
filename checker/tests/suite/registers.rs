//! Registers: drawn, lived, judged, and each violation by its name.

use crate::brute::Plain;
use crate::generate::{Draw, Random};
use crate::monitors::agree;
use crate::{open, returned};
use checker::specs::register::{Op, Register, Ret};
use checker::{Budget, Checked, Monitored, Operation, Part, Spec, Value, Violation, check};

/// A register that most often gets values it never held.
#[derive(Clone, Default)]
struct Plainest {
    value: u64,
    past: Vec<u64>,
}

impl Plain for Plainest {
    type Op = Op<u64>;
    type Ret = Ret<u64>;

    fn answer(&mut self, op: &Op<u64>) -> Ret<u64> {
        match op {
            Op::Read { .. } => return Ret::Value(self.value),
            Op::Write { value, .. } => self.value = *value,
            Op::Cas { from, to, .. } if *from == self.value => self.value = *to,
            Op::Cas { .. } => return Ret::Refused,
        }
        Ret::Done
    }

    fn says_the_same(truth: &Ret<u64>, said: &Ret<u64>, _: &Self, _: &Op<u64>) -> bool {
        truth == said
    }
}

impl Draw for Plainest {
    fn draw(random: &mut Random) -> Op<u64> {
        let key = Value::Null;
        match random.below(10) {
            0..4 => Op::Read { key },
            4..6 => Op::Write { key, value: random.below(40) },
            _ => Op::Cas { key, from: random.below(40), to: random.below(40) },
        }
    }

    fn aim(&mut self, random: &mut Random, op: Op<u64>) -> Op<u64> {
        let next = |this: &mut Self, drawn: u64| {
            let value = if drawn == 0 { 1 } else { this.past.len() as u64 + 1 };
            this.past.push(value);
            value
        };
        match op {
            Op::Read { .. } => op,
            Op::Write { key, value } => Op::Write { key, value: next(self, value) },
            Op::Cas { key, from, to } => {
                let from = match from % 4 {
                    0 => 0,
                    1 => random.below(8),
                    _ => self.value,
                };
                Op::Cas { key, from, to: next(self, to) }
            }
        }
    }

    fn lie(random: &mut Random, ret: &Ret<u64>) -> Ret<u64> {
        match ret {
            Ret::Value(_) => Ret::Value(random.below(6)),
            _ => random.pick(&[Ret::Done, Ret::Refused]),
        }
    }
}

#[test]
fn registers_are_decided_most_of_the_time() {
    let tally = agree::<Plainest, _>(&Register::default(), 21, 40_000, 8);
    println!("{tally:?}");
    tally.decides(80);
}

type One = Operation<Op<u64>, Ret<u64>>;

fn read() -> Op<u64> {
    Op::Read { key: Value::Null }
}

fn write(value: u64) -> Op<u64> {
    Op::Write { key: Value::Null, value }
}

fn cas(from: u64, to: u64) -> Op<u64> {
    Op::Cas { key: Value::Null, from, to }
}

fn monitored(operations: &[One]) -> Monitored {
    let members: Vec<u32> = (0..operations.len() as u32).collect();
    Register::new(0).monitor(Part::new(operations, &members))
}

fn broken(operations: &[One]) -> Violation {
    match monitored(operations) {
        Monitored::Fail(violation) => violation,
        other => panic!("expected a violation, found {other:?}"),
    }
}

#[test]
fn a_stale_read_says_what_it_missed() {
    let violation = broken(&[
        returned(1, 0, 1, write(241), Ret::Done),
        returned(7, 1880, 1890, cas(241, 242), Ret::Done),
        returned(3, 1897, 1901, read(), Ret::Value(241)),
    ]);
    assert_eq!(
        violation.why,
        "c3's read, told 241 although c7's compare-and-set from 241 to 242, told it won had \
         returned at 1890, before c3's began at 1897"
    );
    assert_eq!((violation.property.name(), violation.at), ("stale-read", Some(1901)));
    assert_eq!(violation.operations, [1, 2]);
}

#[test]
fn a_client_hears_of_itself_what_it_did_and_saw() {
    let stale = |client: u16, seen: One| {
        let wrote = returned(1, 0, 1, write(1), Ret::Done);
        broken(&[wrote, seen, returned(client, 20, 21, read(), Ret::Value(1))]).property
    };
    let own = returned(7, 8, 9, cas(1, 2), Ret::Done);
    assert_eq!(stale(7, own).name(), "read-your-writes");
    let seen = broken(&[
        returned(1, 0, 9, cas(0, 1), Ret::Done),
        returned(7, 1, 2, read(), Ret::Value(1)),
        returned(7, 3, 4, read(), Ret::Value(0)),
    ]);
    assert_eq!(seen.property.name(), "monotonic-reads");
}

#[test]
fn what_nobody_wrote_is_not_read() {
    let violation = broken(&[returned(3, 7, 9, read(), Ret::Value(5))]);
    assert_eq!(violation.why, "c3's read, told 5, but nobody wrote that by then");
    let silent = [open(1, 0, write(5)), returned(3, 7, 9, read(), Ret::Value(5))];
    assert_eq!(monitored(&silent), Monitored::Pass(vec![0, 1]));
}

#[test]
fn one_value_is_replaced_once() {
    let violation =
        broken(&[returned(1, 0, 5, cas(0, 1), Ret::Done), returned(2, 0, 6, cas(0, 2), Ret::Done)]);
    assert_eq!(violation.property.name(), "fork");
    assert_eq!(violation.operations, [0, 1]);
}

/// A write that changes nothing now may still take effect later: the third log of etcd's.
#[test]
fn a_silent_write_of_what_is_there_already_is_kept_in_hand() {
    let operations = [
        returned(0, 0, 1, write(1), Ret::Done),
        open(1, 2, write(1)),
        returned(0, 3, 4, write(2), Ret::Done),
        returned(0, 5, 6, read(), Ret::Value(1)),
    ];
    assert_eq!(monitored(&operations), Monitored::Declined);
    let verdict = checker::judge(&Register::new(0), &operations, &checker::Budget::default());
    assert_eq!(verdict, checker::Verdict::Pass);
}

/// The last value stays for ever, so whoever was told afterwards that it was another is wrong.
#[test]
fn the_last_value_persists() {
    let operations =
        [returned(0, 0, 1, cas(0, 1), Ret::Done), returned(1, 2, 3, cas(1, 2), Ret::Refused)];
    let violation = broken(&operations);
    assert_eq!(violation.operations, [0, 1]);
    let replaced = [&[open(2, 0, cas(1, 3))], &operations[..]].concat();
    assert!(!matches!(monitored(&replaced), Monitored::Fail(_)));
}

#[test]
fn a_write_that_nobody_saw_replaces_one_value_that_somebody_denies() {
    let denied = |value: u64, at: u64| {
        [
            returned(0, at, at + 1, write(value), Ret::Done),
            returned(1, at + 3, at + 4, cas(value, 90 + value), Ret::Refused),
            returned(0, at + 6, at + 7, write(10 + value), Ret::Done),
        ]
    };
    let passes = |more: &[One]| {
        let mut all = [&denied(1, 10)[..], &denied(2, 20), more].concat();
        all.sort_by_key(|one| one.call);
        matches!(monitored(&all), Monitored::Pass(_))
    };
    assert!(passes(&[open(2, 5, write(5)), open(3, 22, write(6))]));
    assert!(!passes(&[open(2, 5, write(5))]), "there is one for two");
    assert!(!passes(&[open(2, 5, write(5)), open(3, 25, write(6))]), "it came too late");
    assert!(passes(&[open(2, 5, write(5)), open(3, 5, cas(2, 6))]), "from what is denied");
    assert!(!passes(&[open(2, 5, write(5)), open(3, 5, cas(12, 6))]), "from something else");
}

#[test]
fn what_is_cut_down_begins_where_it_can_have_begun() {
    // Many writes, then a compare-and-set from what was replaced long before: not from what the
    // register held at first.
    let mut operations: Vec<_> =
        (0..50).map(|n| returned(0, 10 * n, 10 * n + 5, cas(n, n + 1), Ret::Done)).collect();
    operations.push(returned(1, 600, 601, cas(40, 99), Ret::Done));
    let checked = check(&Register::new(0), &operations, &Budget::default());
    let Checked::Fail(found) = checked else { panic!("40 was gone") };
    assert!(found.minimal.len() <= 3, "{:?}", found.minimal);
    assert_eq!(found.start, Register::new(40));
}

#[test]
fn a_register_is_written_as_its_users_write_it() {
    let line = r#"{"client":3,"f":"cas","from":null,"to":"a","call":1,"return":2,"ret":true}"#;
    let value = serde_json::from_str(line).expect("it is JSON");
    let one: Operation<Op, Ret> = checker::line::from_value(value).expect("it is an operation");
    assert_eq!(checker::line::to_value(&one).to_string(), line);
    let after = Register::default().step(&one.op, one.ret()).into_iter().next();
    assert_eq!(after, Some(Register::new(Value::from("a"))));
}
