//! Histories drawn by proptest, for those who write a datatype of their own (feature `proptest`).
//!
//! The hard part is that a history drawn field by field is nearly always wrong, and tests nothing.
//! So one is *lived*: each operation gets an interval and a moment within it, and is answered in
//! the order of those moments. Such a history can always have gone like this; changing one answer
//! ([`lied`]) makes one that mostly cannot.
//!
//! ```
//! use checker::strategy::{Shape, history};
//! use checker::specs::head::{Head, Op, Ret};
//! use checker::{Budget, Verdict, judge};
//! use proptest::prelude::*;
//!
//! let ops = prop_oneof![
//!     Just(Op::Read { key: 7_u32 }),
//!     (0..4_u64).prop_map(|from| Op::Cas { key: 7, from }),
//! ];
//! // The datatype once more, as plainly as can be.
//! let answer = |head: &mut u64, op: &Op<u32>| match op {
//!     Op::Read { .. } => Ret::Head(*head),
//!     Op::Cas { from, .. } if from == head => {
//!         *head += 1;
//!         Ret::Won { seq: None }
//!     }
//!     Op::Cas { .. } => Ret::Lost,
//! };
//! proptest!(|(lived in history(Shape::default(), ops, 0, answer))| {
//!     let verdict = judge(&Head::default(), &lived, &Budget::default());
//!     prop_assert_eq!(verdict, Verdict::Pass);
//! });
//! ```

use crate::{ClientId, Operation, Outcome};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::ops::Range;

/// How large histories are, and how much of them nobody hears.
#[derive(Clone, PartialEq, Debug)]
pub struct Shape {
    /// How many operations.
    pub operations: Range<usize>,
    /// By how many clients, each one call at a time.
    pub clients: u16,
    /// How long a call takes at most; clients overlap the more.
    pub duration_max: u64,
    /// Of a hundred operations, so many are never heard of: half of them have taken effect.
    pub open_percent: u8,
    /// Of a hundred operations, so many fail and do nothing.
    pub failed_percent: u8,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            operations: 0..12,
            clients: 4,
            duration_max: 6,
            open_percent: 10,
            failed_percent: 5,
        }
    }
}

/// One operation before it is lived.
#[derive(Clone, Debug)]
struct Draft<Op> {
    client: u16,
    /// Since the client's operation before.
    pause: u64,
    duration: u64,
    /// When it takes effect, within its interval.
    moment: Index,
    /// Of a hundred.
    fate: u8,
    /// The order of those that take effect at one moment.
    rank: u32,
    op: Op,
}

/// Histories of these operations, each answered by `answer` at some moment of its interval, from
/// `state` on.
pub fn history<State, Op, Ret>(
    shape: Shape,
    ops: impl Strategy<Value = Op>,
    state: State,
    answer: impl Fn(&mut State, &Op) -> Ret,
) -> impl Strategy<Value = Vec<Operation<Op, Ret>>>
where
    State: Clone,
    Op: Clone + std::fmt::Debug,
    Ret: std::fmt::Debug,
{
    let timing = (0..shape.clients.max(1), 0..3_u64, 0..=shape.duration_max);
    let draft = (timing, any::<Index>(), 0..100_u8, any::<u32>(), ops);
    let draft = draft.prop_map(|((client, pause, duration), moment, fate, rank, op)| Draft {
        client,
        pause,
        duration,
        moment,
        fate,
        rank,
        op,
    });
    vec(draft, shape.operations.clone())
        .prop_map(move |drafts| lived(&shape, drafts, state.clone(), &answer))
}

fn lived<State, Op, Ret>(
    shape: &Shape,
    drafts: Vec<Draft<Op>>,
    mut state: State,
    answer: impl Fn(&mut State, &Op) -> Ret,
) -> Vec<Operation<Op, Ret>> {
    let mut free = vec![0; usize::from(shape.clients.max(1))];
    let mut timed: Vec<(u64, u64, u64, Draft<Op>)> = drafts
        .into_iter()
        .map(|draft| {
            let clock = &mut free[usize::from(draft.client)];
            let call = *clock + draft.pause;
            let at = call + draft.duration;
            *clock = at + 1;
            (call + draft.moment.index(draft.duration as usize + 1) as u64, call, at, draft)
        })
        .collect();
    timed.sort_by_key(|(moment, _, _, draft)| (*moment, draft.rank));
    let mut history: Vec<Operation<Op, Ret>> = timed
        .into_iter()
        .map(|(_, call, at, draft)| {
            let failed = 100 - shape.failed_percent.min(100);
            let outcome = if draft.fate >= failed {
                Outcome::Failed
            } else if draft.fate < shape.open_percent {
                if draft.rank % 2 == 0 {
                    answer(&mut state, &draft.op);
                }
                Outcome::Open
            } else {
                Outcome::Returned { at, ret: answer(&mut state, &draft.op) }
            };
            Operation { client: ClientId(draft.client), op: draft.op, call, outcome }
        })
        .collect();
    history.sort_by_key(|operation| operation.call);
    history
}

/// The same histories with one answer made another, if there is one.
pub fn lied<Op, Ret>(
    histories: impl Strategy<Value = Vec<Operation<Op, Ret>>>,
    answers: impl Strategy<Value = Ret>,
) -> impl Strategy<Value = Vec<Operation<Op, Ret>>>
where
    Op: std::fmt::Debug,
    Ret: std::fmt::Debug,
{
    (histories, any::<Index>(), answers).prop_map(|(mut history, which, lie)| {
        let mut told: Vec<&mut Ret> = history
            .iter_mut()
            .filter_map(|one| match &mut one.outcome {
                Outcome::Returned { ret, .. } => Some(ret),
                Outcome::Open | Outcome::Failed => None,
            })
            .collect();
        if !told.is_empty() {
            let which = which.index(told.len());
            *told[which] = lie;
        }
        history
    })
}
