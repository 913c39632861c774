//! A history judged while it is made: one event in, every way it can have gone so far kept.
//!
//! The hard part is that an operation under way may have taken effect already, and nobody knows yet
//! what it will be told. So a way it can have gone remembers, for each that it has put in order,
//! the states before and after, and for each that it has not, the states that have passed by: when
//! the answer comes, it is right there or the way was none. What has returned is forgotten, so that
//! memory follows what is open.

mod part;

use crate::budget::{Budget, Reason};
use crate::{ClientId, Property, Spec, Verdict, Violation};
use part::{Open, Part, Shut};
use std::collections::BTreeMap;

/// How a stream keeps apart what knows nothing of one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// Every operation touches one key, and each key is judged apart.
    ByKey,
    /// Some operation may touch all keys: they are judged as one, by a state that holds them all.
    Whole,
}

/// A history that is being made.
///
/// ```
/// use checker::specs::head::{Head, Op, Ret};
/// use checker::stream::{Split, Stream};
/// use checker::{Budget, ClientId};
///
/// let cas = || Op::Cas { key: "run-1".to_owned(), from: 0 };
/// let mut stream = Stream::new(Head::default(), Split::ByKey, Budget::default());
/// stream.call(1, ClientId(0), cas(), 10);
/// stream.call(2, ClientId(1), cas(), 11);
/// assert_eq!(stream.returned(1, Ret::Won { seq: None }, 12), Ok(()));
/// let found = stream.returned(2, Ret::Won { seq: None }, 13).expect_err("both won");
/// assert_eq!(found.at, Some(13));
/// ```
pub struct Stream<'a, S: Spec> {
    init: S,
    split: Split,
    parts: BTreeMap<u64, Part<S>>,
    /// Where each operation is that is under way.
    open: BTreeMap<u64, (u64, u8)>,
    budget: Budget<'a>,
    /// Operations called so far.
    called: usize,
    /// Events so far: the order of what passed by.
    clock: u64,
    judged: usize,
    broken: Option<Violation>,
    gave_up: Option<(Reason, u64)>,
}

impl<'a, S: Spec> Stream<'a, S> {
    /// A history that begins in `init`. The budget of ways is each answer's own.
    pub fn new(init: S, split: Split, budget: Budget<'a>) -> Self {
        Stream {
            init,
            split,
            parts: BTreeMap::new(),
            open: BTreeMap::new(),
            budget,
            called: 0,
            clock: 0,
            judged: 0,
            broken: None,
            gave_up: None,
        }
    }

    /// Whether an operation of this id is under way.
    pub fn is_open(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// What was asked by an operation that is under way, while the stream still judges.
    pub fn asked(&self, id: u64) -> Option<&S::Op> {
        let &(number, slot) = self.open.get(&id)?;
        self.parts.get(&number)?.get(slot).map(|open| &open.op)
    }

    /// How many keys there were, if they are judged apart.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// How many operations were called.
    pub fn called(&self) -> usize {
        self.called
    }

    /// How many operations are under way.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How many answers were judged.
    pub fn judged(&self) -> usize {
        self.judged
    }

    /// Why no more is judged, if a budget ran out.
    pub fn gave_up(&self) -> Option<Reason> {
        self.gave_up.map(|(reason, _)| reason)
    }

    /// An operation begins. Events come in the order of time.
    ///
    /// # Panics
    ///
    /// If one of this id [is open](Stream::is_open).
    pub fn call(&mut self, id: u64, client: ClientId, op: S::Op, at: u64) {
        assert!(!self.is_open(id), "an operation is called once");
        self.clock += 1;
        let key = S::key(&op);
        let number = match self.split {
            Split::ByKey => key.unwrap_or(0),
            Split::Whole => 0,
        };
        let index = self.called;
        self.called += 1;
        let init = &self.init;
        let part = self.parts.entry(number).or_insert_with(|| Part::new(init.clone()));
        let open = Open { index, client, op, key, call: at, since: self.clock, is_lost: false };
        match part.call(open) {
            Some(slot) => drop(self.open.insert(id, (number, slot))),
            None => {
                self.open.insert(id, (number, u8::MAX));
                let crowded = Reason::Crowded { most: part::SLOTS_MAX as usize, at };
                self.gave_up = self.gave_up.or(Some((crowded, at)));
            }
        }
    }

    /// An operation has answered.
    ///
    /// # Panics
    ///
    /// If none of this id [is open](Stream::is_open).
    pub fn returned(&mut self, id: u64, ret: S::Ret, at: u64) -> Result<(), Violation> {
        self.shut(id, Shut::Returned(&ret), at)
    }

    /// An operation has certainly done nothing.
    ///
    /// # Panics
    ///
    /// If none of this id [is open](Stream::is_open).
    pub fn failed(&mut self, id: u64, at: u64) -> Result<(), Violation> {
        self.shut(id, Shut::Failed, at)
    }

    /// Nobody will hear of an operation again: it may have taken effect, or may yet.
    ///
    /// # Panics
    ///
    /// If none of this id [is open](Stream::is_open).
    pub fn lost(&mut self, id: u64) {
        // What may or may not be can contradict nothing.
        let _ = self.shut(id, Shut::Lost, 0);
    }

    fn shut(&mut self, id: u64, shut: Shut<'_, S::Ret>, at: u64) -> Result<(), Violation> {
        let (number, slot) = self.open.remove(&id).expect("an operation returns after its call");
        self.clock += 1;
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if self.gave_up.is_some() {
            return Ok(());
        }
        let part = self.parts.get_mut(&number).expect("its call was in it");
        let result = part.shut(slot, shut, self.clock, &self.budget);
        if let Err(reason) = result {
            self.gave_up = Some((reason, at));
            return Ok(());
        }
        if part.is_possible() {
            self.judged += usize::from(matches!(shut, Shut::Returned(_)));
            part.free(slot, shut);
            return Ok(());
        }
        let Open { index, client, op, call, .. } = part.at(slot);
        let what = match shut {
            Shut::Returned(ret) => format!("explains {client}'s {}", S::phrase(op, ret)),
            _ => format!(
                "is left, because {client}'s operation failed which others heard the effect of"
            ),
        };
        let why = format!("no order of the operations {what} ({call}..{at})");
        let violation = Violation {
            at: Some(at),
            operations: vec![*index],
            ..Violation::new(Property::LINEARIZABLE, why)
        };
        self.broken = Some(violation.clone());
        Err(violation)
    }

    /// What is known when no more will come.
    pub fn finish(self) -> Verdict {
        match (self.broken, self.gave_up) {
            (Some(violation), _) => Verdict::Fail(violation),
            (None, Some((reason, _))) => {
                Verdict::Unknown { why: format!("{reason}: {} answers were judged", self.judged) }
            }
            (None, None) => Verdict::Pass,
        }
    }
}
