//! The search beside brute force: every order, of every subset of what nobody heard of.

use crate::generate::{Draw, Heads, Random, Store, history};
use crate::monitors::times;
use checker::specs::{head::Head, objects, objects::Objects};
use checker::{
    Budget, Checked, Operation, Outcome, Property, Spec, Verdict, Violation, check, judge,
};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A datatype as plain as can be: it does what it is asked, and answers.
pub(crate) trait Plain: Clone + Default {
    type Op: Clone;
    type Ret: Clone;
    fn answer(&mut self, op: &Self::Op) -> Self::Ret;
    /// Whether the answer `said` is as good as the `truth`, in the state before.
    fn says_the_same(truth: &Self::Ret, said: &Self::Ret, state: &Self, op: &Self::Op) -> bool;
    /// Every state that may follow when `op` answers this, or when nobody heard what.
    fn futures(&self, op: &Self::Op, said: Option<&Self::Ret>) -> Vec<Self> {
        let mut next = self.clone();
        let truth = next.answer(op);
        let right = said.is_none_or(|said| Self::says_the_same(&truth, said, self, op));
        if right { vec![next] } else { Vec::new() }
    }
}

/// Whether some order explains the rest: tries each operation that nothing left must precede.
fn explains<P: Plain>(state: &P, left: &[&Operation<P::Op, P::Ret>]) -> bool {
    if left.iter().all(|one| one.ret().is_none()) {
        return true;
    }
    (0..left.len()).any(|index| {
        let one = left[index];
        if left.iter().any(|other| other.returned_at().is_some_and(|at| at < one.call)) {
            return false;
        }
        let next = state.futures(&one.op, one.ret());
        let rest: Vec<_> =
            left.iter().filter(|other| !std::ptr::eq(**other, one)).copied().collect();
        next.iter().any(|next| explains(next, &rest))
    })
}

pub(crate) fn linearizable<P: Plain>(operations: &[Operation<P::Op, P::Ret>]) -> bool {
    let left: Vec<_> =
        operations.iter().filter(|one| !matches!(one.outcome, Outcome::Failed)).collect();
    explains(&P::default(), &left)
}

/// A spec with some of its hints taken away.
macro_rules! without {
    ($name:ident $(, $hint:item)*) => {
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub(crate) struct $name<S>(pub(crate) S);
        impl<S: Spec> Spec for $name<S> {
            type Op = S::Op;
            type Ret = S::Ret;
            fn step(&self, op: &S::Op, ret: Option<&S::Ret>) -> impl IntoIterator<Item = Self> {
                self.0.step(op, ret).into_iter().map($name)
            }
            $($hint)*
        }
    };
}
without!(
    Bare,
    fn key(op: &S::Op) -> Option<u64> {
        S::key(op)
    }
);
without!(
    Silent,
    fn key(op: &S::Op) -> Option<u64> {
        S::key(op)
    },
    fn reads(op: &S::Op, ret: Option<&S::Ret>) -> bool {
        S::reads(op, ret)
    },
    fn spent(&self, op: &S::Op) -> bool {
        self.0.spent(op)
    }
);

/// Compares on `count` histories; gives how often each promise was broken.
fn compare<D: Draw<Op: Debug, Ret: Debug>, S: Spec<Op = D::Op, Ret = D::Ret> + Default + Debug>(
    seed: u64,
    count: u64,
    show: impl Fn(&[Operation<D::Op, D::Ret>]) -> String,
) -> BTreeMap<String, u64> {
    let mut random = Random(seed);
    let mut broken: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..times(count) {
        let operations = history::<D>(&mut random, 7);
        let truth = linearizable::<D>(&operations);
        let context = || format!("history {number}:\n{}", show(&operations));
        let budget = Budget::default();
        let bare = judge(&Bare(S::default()), &operations, &budget);
        let silent = judge(&Silent(S::default()), &operations, &budget);
        assert_eq!(bare == Verdict::Pass, truth, "{bare:?} {}", context());
        assert_eq!(silent == Verdict::Pass, truth, "{silent:?} {}", context());
        let named = S::default().diagnose(&operations);
        if let Some(violation) = &named {
            assert!(evidence(&operations, violation), "{violation:?} {}", context());
            let weak = violation.property == Property::SINCE_COMPLETE;
            assert!(weak || !truth, "{violation:?} {}", context());
            let prefix = until(&operations, violation.at.unwrap_or(u64::MAX));
            assert!(weak || !linearizable::<D>(&prefix), "{violation:?} too early {}", context());
        }
        let verdict = judge(&S::default(), &operations, &budget);
        assert_eq!(verdict == Verdict::Pass, truth && named.is_none(), "{verdict:?} {}", context());
        proven::<S>(&operations, &verdict, &context());
        let name = verdict.broken().map_or("none", Property::name);
        *broken.entry(name.to_string()).or_default() += 1;
    }
    broken
}

/// The proof says what the verdict says, and what is cut down still breaks the same promise.
fn proven<S: Spec<Op: Clone + Debug, Ret: Clone + Debug> + Default + Debug>(
    operations: &[Operation<S::Op, S::Ret>],
    verdict: &Verdict,
    context: &str,
) {
    let budget = Budget::default();
    match check(&S::default(), operations, &budget) {
        // The order was validated on the way.
        Checked::Pass(_) => assert_eq!(*verdict, Verdict::Pass, "{context}"),
        Checked::Fail(found) => {
            assert_eq!(verdict.violation(), Some(&found.violation), "{context}");
            let few = found.few(operations);
            let again = judge(&found.start, &few, &budget);
            assert_eq!(again.broken(), verdict.broken(), "{found:?} {context}");
            for without in 0..found.minimal.len() {
                let mut fewer = found.clone();
                let gone = fewer.minimal.remove(without);
                let seen: Vec<_> = fewer.minimal.iter().map(|&it| &operations[it]).collect();
                if S::default().resume(&seen).unwrap_or_default() == found.start {
                    let until = seen.iter().filter_map(|it| it.returned_at()).max();
                    if !S::reads(&operations[gone].op, operations[gone].ret()) {
                        fewer.beside.push(gone);
                    }
                    fewer.beside.retain(|&it| Some(operations[it].call) <= until);
                    let again = judge(&found.start, &fewer.few(operations), &budget);
                    assert_ne!(
                        again.broken(),
                        verdict.broken(),
                        "{gone} too many: {found:?} {context}"
                    );
                }
            }
            if found.violation.property == Property::LINEARIZABLE {
                assert!(!found.ways.is_empty(), "{few:?} {context}");
                let known = others_forgotten::<S>(operations, &found.minimal);
                let again = judge(&Bare(S::default()), &known, &budget);
                assert_eq!(again.broken(), verdict.broken(), "no reason: {found:?} {context}");
            }
        }
        Checked::Unknown(unknown) => panic!("{unknown} {context}"),
    }
}

/// The history, but nobody knows what became of the others while these ran, nor of what came later.
/// Of what changes nothing by its own account nobody knows anything.
fn others_forgotten<S: Spec<Op: Clone, Ret: Clone>>(
    operations: &[Operation<S::Op, S::Ret>],
    kept: &[usize],
) -> Vec<Operation<S::Op, S::Ret>> {
    let from = kept.iter().map(|&it| operations[it].call).min().unwrap_or(0);
    let until = kept.iter().filter_map(|&it| operations[it].returned_at()).max();
    let mut known = Vec::new();
    for (index, it) in operations.iter().enumerate() {
        let meanwhile = it.returned_at().is_none_or(|at| at >= from) && Some(it.call) <= until;
        if kept.contains(&index) || it.returned_at().is_some_and(|at| at < from) {
            known.push(it.clone());
        } else if meanwhile && !S::reads(&it.op, it.ret()) && !matches!(it.outcome, Outcome::Failed)
        {
            known.push(Operation { outcome: Outcome::Open, ..it.clone() });
        }
    }
    known
}

/// The history as it was known at time `at`.
fn until<Op: Clone, Ret: Clone>(
    operations: &[Operation<Op, Ret>],
    at: u64,
) -> Vec<Operation<Op, Ret>> {
    let known = operations.iter().filter(|it| it.call <= at).cloned();
    known
        .map(|it| match it.returned_at() {
            Some(returned) if returned > at => Operation { outcome: Outcome::Open, ..it },
            _ => it,
        })
        .collect()
}

/// Whether a violation points at operations of the history, the last of which broke it.
fn evidence<Op, Ret>(operations: &[Operation<Op, Ret>], violation: &Violation) -> bool {
    violation
        .operations
        .last()
        .is_some_and(|&index| operations[index].returned_at() == violation.at)
}

fn counts(broken: &BTreeMap<String, u64>, names: &[&str]) {
    for name in names {
        let count = broken.get(*name).copied().unwrap_or(0);
        assert!(count >= 50, "{name} was seen {count} times only: {broken:?}");
    }
}

#[test]
fn the_search_agrees_with_brute_force_on_heads() {
    let broken = compare::<Heads, Head<String>>(1, 60_000, |all| format!("{all:#?}"));
    counts(&broken, &["none", "fork", "gap", "lost-write", "linearizable"]);
}

#[test]
fn the_search_agrees_with_brute_force_on_objects() {
    let broken = compare::<Store, Objects>(2, 60_000, |all| format!("{all:#?}"));
    let names = ["none", "linearizable", "list-after-write", "since-complete"];
    counts(&broken, &names);
    counts(&broken, &["read-after-write", "one-winner"]);
}

/// The weak promise of a reading of all pages, said a second time.
fn since_holds(operations: &[Operation<objects::Op, objects::Ret>]) -> bool {
    operations.iter().all(|since| {
        let (
            objects::Op::Since { prefix, start_after },
            Some(objects::Ret::Keys { keys, truncated }),
        ) = (&since.op, since.ret())
        else {
            return true;
        };
        let cut = truncated == &Some(true);
        let twice = keys.iter().any(|key| keys.iter().filter(|other| *other == key).count() > 1);
        let complete = operations.iter().all(|put| {
            let (objects::Op::Put { key, .. }, Some(objects::Ret::Done)) = (&put.op, put.ret())
            else {
                return true;
            };
            let deleted = operations.iter().any(|delete| {
                matches!(&delete.op, objects::Op::Delete { key: other } if other == key)
                    && !matches!(delete.outcome, Outcome::Failed)
                    && Some(delete.call) <= since.returned_at()
            });
            !put.precedes(since)
                || deleted
                || !key.starts_with(prefix.as_str())
                || Some(key) <= start_after.as_ref()
                || (cut && Some(key) > keys.iter().max())
                || keys.contains(key)
        });
        !twice && complete
    })
}

#[test]
fn since_complete_is_what_its_definition_says() {
    let mut random = Random(3);
    let mut found = 0;
    for _ in 0..times(60_000) {
        let operations = history::<Store>(&mut random, 9);
        let Some(violation) = Objects::default().diagnose(&operations) else {
            assert!(since_holds(&operations), "{operations:#?}");
            continue;
        };
        if violation.property == Property::SINCE_COMPLETE {
            assert!(!since_holds(&operations), "{violation:?} {operations:#?}");
            found += 1;
        }
    }
    assert!(found >= 100, "{found}");
}
