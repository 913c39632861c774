//! Operations of a datatype, out of what a reader hands on.
//!
//! The hard part is that files are not in order: operations are sorted by call, and a return that
//! stands before its call in a file of events is kept until that comes.

use super::raw::Raw;
use super::record::{Asked, Entry, Sink, Wrong};
use super::written::Written;
use crate::text::Names;
use crate::{Operation, Outcome, Spec};
use std::collections::BTreeMap;

/// The operations of a datatype, sorted by call.
pub type Operations<S> = Vec<Operation<<S as Spec>::Op, <S as Spec>::Ret>>;

/// Collects operations, as far as the memory goes.
pub struct Collector<S: Written> {
    operations: Vec<Operation<S::Op, S::Ret>>,
    names: Names,
    /// Where each operation is that was called and has not returned.
    open: BTreeMap<u64, usize>,
    /// Returns whose calls have not come.
    early: BTreeMap<u64, Outcome<Raw<'static>>>,
    is_sorted: bool,
    bytes_max: usize,
    is_full: bool,
}

impl<S: Written> Collector<S> {
    /// Collects `bytes_max` bytes of operations at most.
    pub fn new(bytes_max: usize) -> Self {
        Collector {
            operations: Vec::new(),
            names: Names::default(),
            open: BTreeMap::new(),
            early: BTreeMap::new(),
            is_sorted: true,
            bytes_max,
            is_full: false,
        }
    }

    /// Whether there was more than the memory allows. What came then is not here.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Allows so many bytes of operations from now on.
    pub fn allow(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// The operations so far, in the order in which they came. Those whose returns are yet to come
    /// are open.
    pub fn so_far(&self) -> &[Operation<S::Op, S::Ret>] {
        &self.operations
    }

    /// The operations, sorted by call.
    pub fn finish(mut self) -> Result<Operations<S>, Wrong> {
        if let Some((id, _)) = self.early.first_key_value() {
            return Err(Wrong {
                field: None,
                expected: format!("a call of operation {id}, which returned"),
                found: String::from("none in the whole file"),
            });
        }
        if !self.is_sorted {
            self.operations.sort_by_key(|operation| operation.call);
        }
        Ok(self.operations)
    }

    #[inline]
    fn push(
        &mut self,
        asked: &Asked<'_>,
        call: u64,
        outcome: Outcome<Raw<'_>>,
    ) -> Result<(), Wrong> {
        if self.operations.len() == self.operations.capacity() && !self.make_room() {
            return Ok(());
        }
        let op = S::op(asked, &mut self.names)?;
        let outcome = self.outcome(&op, outcome)?;
        if let Some(last) = self.operations.last() {
            self.is_sorted &= last.call <= call;
        }
        self.operations.push(Operation { client: asked.client, op, call, outcome });
        Ok(())
    }

    #[inline]
    fn outcome(&mut self, op: &S::Op, outcome: Outcome<Raw<'_>>) -> Result<Outcome<S::Ret>, Wrong> {
        Ok(match outcome {
            Outcome::Open => Outcome::Open,
            Outcome::Failed => Outcome::Failed,
            Outcome::Returned { at, ret } => {
                Outcome::Returned { at, ret: S::ret(op, ret, &mut self.names)? }
            }
        })
    }

    /// Room for more operations, by half of what there are: growing needs both at one time.
    #[cold]
    fn make_room(&mut self) -> bool {
        let one = size_of::<Operation<S::Op, S::Ret>>();
        let now = self.operations.len();
        let most = self.bytes_max.saturating_sub(self.names.bytes()) / one;
        let more = (now / 2).max(1024).min(most.saturating_sub(2 * now));
        self.is_full |= more == 0;
        self.operations.reserve_exact(more);
        !self.is_full
    }

    fn ended(&mut self, index: usize, outcome: Outcome<Raw<'_>>) -> Result<(), Wrong> {
        let call = self.operations[index].call;
        if let Outcome::Returned { at, .. } = outcome
            && at < call
        {
            return Err(Wrong {
                field: Some("at"),
                expected: format!("a return not before the call at {call}"),
                found: at.to_string(),
            });
        }
        let outcome = match outcome {
            Outcome::Returned { at, ret } => {
                let ret = S::ret(&self.operations[index].op, ret, &mut self.names)?;
                Outcome::Returned { at, ret }
            }
            Outcome::Open => Outcome::Open,
            Outcome::Failed => Outcome::Failed,
        };
        self.operations[index].outcome = outcome;
        Ok(())
    }
}

impl<S: Written> Sink for Collector<S> {
    #[inline]
    fn entry(&mut self, entry: Entry<'_>) -> Result<(), Wrong> {
        if self.is_full {
            return Ok(());
        }
        match entry {
            Entry::Operation { asked, call, outcome } => self.push(asked, call, outcome),
            Entry::Call { id, asked, at } => {
                if self.open.contains_key(&id) {
                    return Err(twice(id, "returned before it is called again", "a second call"));
                }
                self.push(asked, at, Outcome::Open)?;
                if self.is_full {
                    return Ok(());
                }
                let index = self.operations.len() - 1;
                match self.early.remove(&id) {
                    Some(outcome) => self.ended(index, outcome),
                    None => {
                        self.open.insert(id, index);
                        Ok(())
                    }
                }
            }
            Entry::Return { id, outcome } => match self.open.remove(&id) {
                Some(index) => self.ended(index, outcome),
                None if self.early.contains_key(&id) => {
                    Err(twice(id, "called before it returns again", "a second return"))
                }
                None => {
                    let outcome = outcome.map(Raw::into_owned);
                    self.early.insert(id, outcome);
                    Ok(())
                }
            },
        }
    }
}

fn twice(id: u64, wanted: &str, found: &str) -> Wrong {
    Wrong {
        field: Some("id"),
        expected: format!("operation {id} to have {wanted}"),
        found: found.to_owned(),
    }
}
