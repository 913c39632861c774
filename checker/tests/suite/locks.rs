//! Locks and leases: drawn, lived, judged, and what they call by name.

use crate::brute::Plain;
use crate::generate::{Draw, Random};
use crate::monitors::agree;
use crate::{open, returned};
use checker::specs::lease::{self, Lease};
use checker::specs::lock::{Lock, Op, Ret};
use checker::{Budget, Operation, Value, Verdict, judge};

/// The latest token, and whether it is held.
#[derive(Clone, Default)]
struct Plainest(u64, bool);

impl Plain for Plainest {
    type Op = Op;
    type Ret = Ret;

    fn answer(&mut self, op: &Op) -> Ret {
        match op {
            Op::Acquire { .. } if self.1 => Ret::Token(None),
            Op::Acquire { .. } => {
                *self = Plainest(self.0 + 1 + self.0 % 2, true);
                Ret::Token(Some(self.0))
            }
            Op::Release { token, .. } => {
                let right = self.1 && self.0 == *token;
                self.1 &= !right;
                Ret::Released(right)
            }
        }
    }

    fn says_the_same(truth: &Ret, said: &Ret, _: &Self, _: &Op) -> bool {
        truth == said
    }

    fn futures(&self, op: &Op, said: Option<&Ret>) -> Vec<Self> {
        let free = !self.1;
        match (op, said) {
            (Op::Acquire { .. }, None) if free => {
                (self.0 + 1..14).map(|token| Plainest(token, true)).collect()
            }
            (Op::Acquire { .. }, Some(Ret::Token(Some(token)))) => Some(Plainest(*token, true))
                .filter(|_| free && *token > self.0)
                .into_iter()
                .collect(),
            _ => {
                let mut next = self.clone();
                let truth = next.answer(op);
                if said.is_none_or(|said| *said == truth) { vec![next] } else { Vec::new() }
            }
        }
    }
}

fn draw(random: &mut Random) -> Op {
    let key = Value::Null;
    if random.one_in(2) {
        Op::Acquire { key }
    } else {
        Op::Release { key, token: 1 + random.below(8) }
    }
}

fn aim(latest: u64, op: Op) -> Op {
    match op {
        Op::Release { key, token } if token > 2 => Op::Release { key, token: latest.max(1) },
        other => other,
    }
}

impl Draw for Plainest {
    fn draw(random: &mut Random) -> Op {
        draw(random)
    }

    fn aim(&mut self, _: &mut Random, op: Op) -> Op {
        aim(self.0, op)
    }

    fn lie(random: &mut Random, ret: &Ret) -> Ret {
        match ret {
            Ret::Token(_) => Ret::Token(Some(1 + random.below(7)).filter(|_| random.one_in(2))),
            Ret::Released(done) => Ret::Released(!done),
        }
    }
}

#[test]
fn locks_are_decided_most_of_the_time() {
    let tally = agree::<Plainest, _>(&Lock::default(), 61, 60_000, 8);
    println!("{tally:?}");
    tally.decides(70);
}

/// The latest token, and whether somebody may have it.
#[derive(Clone, Default)]
struct Lapsing(u64, bool);

impl Plain for Lapsing {
    type Op = Op;
    type Ret = lease::Ret;

    fn answer(&mut self, op: &Op) -> lease::Ret {
        match op {
            // Every third one is denied, if it is held: a lapse may come at any time.
            Op::Acquire { .. } if self.1 && self.0 % 3 == 2 => lease::Ret::Denied(()),
            Op::Acquire { .. } => {
                *self = Lapsing(self.0 + 1, true);
                lease::Ret::Granted { token: self.0, valid_until: 0 }
            }
            Op::Release { token, .. } => {
                let right = self.1 && self.0 == *token;
                self.1 &= !right;
                lease::Ret::Released(right)
            }
        }
    }

    fn says_the_same(_: &lease::Ret, _: &lease::Ret, _: &Self, _: &Op) -> bool {
        unreachable!("futures are given")
    }

    fn futures(&self, op: &Op, said: Option<&lease::Ret>) -> Vec<Self> {
        let mut futures = Vec::new();
        match (op, said) {
            (Op::Acquire { .. }, None) => {
                futures.push(self.clone());
                futures.extend((self.0 + 1..14).map(|token| Lapsing(token, true)));
            }
            (Op::Acquire { .. }, Some(lease::Ret::Granted { token, .. })) => {
                futures.extend(Some(Lapsing(*token, true)).filter(|_| *token > self.0));
            }
            (Op::Acquire { .. }, _) => futures.extend(Some(self.clone()).filter(|_| self.1)),
            (Op::Release { token, .. }, _) => {
                let may = self.1 && self.0 == *token;
                if may && said != Some(&lease::Ret::Released(false)) {
                    futures.push(Lapsing(self.0, false));
                }
                if said != Some(&lease::Ret::Released(true)) {
                    futures.push(self.clone());
                }
            }
        }
        futures
    }
}

impl Draw for Lapsing {
    fn draw(random: &mut Random) -> Op {
        draw(random)
    }

    fn aim(&mut self, _: &mut Random, op: Op) -> Op {
        aim(self.0, op)
    }

    fn lie(random: &mut Random, ret: &lease::Ret) -> lease::Ret {
        match ret {
            lease::Ret::Released(done) => lease::Ret::Released(!done),
            _ if random.one_in(4) => lease::Ret::Denied(()),
            _ => lease::Ret::Granted { token: 1 + random.below(7), valid_until: 0 },
        }
    }
}

#[test]
fn leases_are_decided_often() {
    let tally = agree::<Lapsing, _>(&Lease::default(), 62, 60_000, 8);
    println!("{tally:?}");
    tally.decides(25);
}

fn acquire() -> Op {
    Op::Acquire { key: Value::Null }
}

fn release(token: u64) -> Op {
    Op::Release { key: Value::Null, token }
}

#[test]
fn nobody_gets_what_is_still_valid_for_another() {
    let grant = |client, call, at, token, valid_until| -> Operation<Op, lease::Ret> {
        returned(client, call, at, acquire(), lease::Ret::Granted { token, valid_until })
    };
    let judged = |all: &[_]| judge(&Lease::default(), all, &Budget::default());
    let two = [grant(1, 0, 5, 1, 60), grant(3, 30, 45, 2, 90)];
    let verdict = judged(&two);
    let violation = verdict.violation().expect("they overlap");
    assert_eq!(violation.property, lease::LEASE_OVERLAP);
    assert_eq!((violation.at, &violation.operations[..]), (Some(45), &[0, 1][..]));
    assert_eq!(
        violation.why,
        "c3 got it under 2 by 45, although it was c1's until 60 and nobody had begun to let it go"
    );
    let let_go = [two[0].clone(), open(1, 20, release(1)), two[1].clone()];
    assert_eq!(judged(&let_go), Verdict::Pass);
    assert_eq!(judged(&[grant(1, 0, 5, 1, 60), grant(3, 30, 61, 2, 90)]), Verdict::Pass);
}
