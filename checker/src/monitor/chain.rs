//! When each stage of a state that goes through numbered stages can have begun, once for all.
//!
//! A head, a lock with growing tokens, a log, and the values of a register once their order is
//! known: stage `k` begins when its maker takes effect, at a point `p(k)`. Operations respect real
//! time if and only if each can be given a point in its closed interval, in that order. So makers
//! and readers bound the points: `p(k)` is no earlier than the call of its maker and of the readers
//! of stage `k - 1`, and no later than the return of its maker and of its own readers. Without
//! more, the earliest points that keep the lower bounds keep the upper ones if any do
//! (Gibbons & Korach, "Testing shared memories", 1997).
//!
//! The hard part is an operation that says where the state was *not*, such as a compare-and-set
//! that lost: the state was at `n` throughout `[call, at]` unless `p(n) >= call` or
//! `p(n + 1) <= at`. That is a choice, but one between neighbours: given all points that stage `n`
//! can begin at, those of `n + 1` follow. They are kept as intervals. The bound that such
//! operations put on `p(n + 1)` grows with `p(n)`, so of each run of points between two calls the
//! first is as good as all, and there are no more intervals than such operations that overlap.

mod order;
mod reach;

use crate::Operation;
use order::order;
use reach::{Avoid, reach};

/// What an operation says of the stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    /// It took no effect and tells nothing: it is no part of the order.
    Dropped,
    /// It is right whenever it is.
    Free,
    /// It begins this stage, which is not the first one.
    Makes(u32),
    /// It was then this stage.
    Sees(u32),
    /// It was then any stage but this.
    Avoids(u32),
    /// This stage had then not yet begun, and is not the first one.
    Before(u32),
    /// It was then an odd stage.
    SeesOdd,
}

impl Mark {
    /// Which of the above, counted from 0: an index into a table, where a branch would be guessed
    /// wrong every other time.
    fn kind(self) -> usize {
        match self {
            Mark::Dropped => 0,
            Mark::Free => 1,
            Mark::Makes(_) => 2,
            Mark::Sees(_) => 3,
            Mark::Avoids(_) => 4,
            Mark::Before(_) => 5,
            Mark::SeesOdd => 6,
        }
    }

    /// The stage it names, if it names one.
    fn stage(self) -> u32 {
        match self {
            Mark::Makes(stage) | Mark::Sees(stage) | Mark::Avoids(stage) | Mark::Before(stage) => {
                stage
            }
            Mark::Dropped | Mark::Free | Mark::SeesOdd => 0,
        }
    }
}

/// What an operation says, and when: all that is looked at again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) mark: Mark,
    pub(crate) call: u64,
    /// When it returned: never, for one that did not.
    pub(crate) at: u64,
}

impl Said {
    pub(crate) fn new<Op, Ret>(mark: Mark, operation: &Operation<Op, Ret>) -> Self {
        Said { mark, call: operation.call, at: operation.returned_at().unwrap_or(u64::MAX) }
    }
}

/// What the operations of a part say, by their positions in it.
pub(crate) struct Stages {
    /// One for each operation, by call.
    pub(crate) said: Vec<Said>,
    /// The last stage there is a maker for; each up to it has one.
    pub(crate) last: u32,
    /// The last stage that somebody must have reached. Makers beyond it never answered.
    pub(crate) must: u32,
}

/// Why the stages cannot have gone by, by positions in the part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// `second` was called after `first` had returned, but has to come before it.
    Late { first: usize, second: usize },
    /// It was `stage` during the whole of `refused`, which denies it: it was since before `since`
    /// returned, until after `until` was called.
    Throughout { stage: u32, refused: usize, since: Option<usize>, until: Option<usize> },
    /// No choice of what was before and what after `stage` is right for all.
    Tangled { stage: u32 },
}

/// The points between which a stage can begin.
#[derive(Clone, Copy)]
struct Bound {
    lower: u64,
    upper: u64,
}

/// The order in which they can have gone, by position, or why there is none.
pub(crate) fn decide(stages: Stages) -> Result<Vec<u32>, Broken> {
    let (bounds, avoiding) = bounds(&stages);
    let must = stages.must as usize;
    if (0..=must).any(|k| bounds[k].lower > bounds[k].upper) {
        return Err(late(&stages.said, &bounds));
    }
    let avoids = if avoiding { avoids(&stages, &bounds) } else { Vec::new() };
    let points = if avoids.is_empty() {
        bounds[..=must].iter().map(|bound| bound.lower).collect()
    } else {
        match reach(&bounds[..=stages.last as usize], must, avoids) {
            Ok(points) => points,
            Err(stage) => return Err(refusal(&stages, &bounds, stage)),
        }
    };
    Ok(order(stages.said, &points))
}

const KINDS: usize = 7;

/// What a mark asks of its stage: masks of its call and its return, which are neutral where it asks
/// nothing.
#[derive(Clone, Copy)]
struct Asks {
    /// That a stage begins no earlier than its call.
    call: u64,
    /// That its stage begins no later than its return.
    at: u64,
    /// How far the stage that it asks the former of is from its own.
    next: usize,
}

/// By kind of mark.
const ASKS: [Asks; KINDS] = {
    let nothing = Asks { call: 0, at: 0, next: 0 };
    let makes = Asks { call: u64::MAX, at: u64::MAX, next: 0 };
    let sees = Asks { next: 1, ..makes };
    let before = Asks { at: 0, ..makes };
    [nothing, nothing, makes, sees, nothing, before, nothing]
};

/// The bounds of each stage, one more than there are, each in view of all others; and whether any
/// operation says where the state was not.
fn bounds(stages: &Stages) -> (Vec<Bound>, bool) {
    let count = stages.last as usize + 2;
    let mut bounds = vec![Bound { lower: 0, upper: u64::MAX }; count];
    let mut kinds = [false; KINDS];
    for said in &stages.said {
        let kind = said.mark.kind();
        let Asks { call, at, next } = ASKS[kind];
        kinds[kind] = true;
        // One beyond the last stage asks nothing of those that can be.
        let stage = (said.mark.stage() as usize).min(count - 1);
        let bound = &mut bounds[stage];
        bound.upper = bound.upper.min(said.at | !at);
        let bound = &mut bounds[(stage + next).min(count - 1)];
        bound.lower = bound.lower.max(said.call & call);
    }
    let avoiding = kinds[Mark::Avoids(0).kind()] || kinds[Mark::SeesOdd.kind()];
    for k in 1..count {
        bounds[k].lower = bounds[k].lower.max(bounds[k - 1].lower);
    }
    for k in (0..stages.must as usize).rev() {
        bounds[k].upper = bounds[k].upper.min(bounds[k + 1].upper);
    }
    (bounds, avoiding)
}

/// What the operations that deny a stage still ask, once the bounds are known: sorted by stage and
/// call.
fn avoids(stages: &Stages, bounds: &[Bound]) -> Vec<Avoid> {
    let (last, must) = (stages.last, stages.must as usize);
    let mut avoids = Vec::new();
    let mut denies = |position: usize, stage: u32, said: &Said| {
        let k = stage as usize;
        let before = stage > 0 && said.call <= bounds[k].lower;
        let after = k < must && said.at >= bounds[k + 1].upper;
        if !before && !after {
            // Nothing is before the first stage.
            let call = if stage == 0 { u64::MAX } else { said.call };
            avoids.push(Avoid { stage, call, at: said.at, position: position as u32 });
        }
    };
    for (position, said) in stages.said.iter().enumerate() {
        match said.mark {
            Mark::Avoids(stage) if stage <= last => denies(position, stage, said),
            Mark::SeesOdd => {
                // Stages that may have begun before its call, and may have ended after its return.
                let begun = bounds[..=last as usize].partition_point(|it| it.lower < said.call);
                let ended = bounds[..=must].partition_point(|it| it.upper <= said.at);
                let first = (ended as u32).saturating_sub(1);
                for stage in (first..(begun as u32).max(1)).filter(|stage| stage % 2 == 0) {
                    denies(position, stage, said);
                }
            }
            _ => {}
        }
    }
    avoids.sort_unstable_by_key(|it| (it.stage, it.call, it.position));
    avoids
}

/// Two operations in the wrong order.
fn late(said: &[Said], bounds: &[Bound]) -> Broken {
    let broken = bounds.iter().position(|it| it.lower > it.upper).unwrap_or(0) as u32;
    match (until_upper(said, broken), since_lower(said, broken)) {
        (Some(first), Some(second)) => Broken::Late { first, second },
        _ => Broken::Tangled { stage: broken },
    }
}

/// The operation whose return shows that the stage had begun.
fn until_upper(said: &[Said], stage: u32) -> Option<usize> {
    let shows = |mark: Mark| matches!(mark, Mark::Makes(k) | Mark::Sees(k) if k >= stage);
    let all = said.iter().enumerate().filter(|(_, it)| shows(it.mark) && it.at < u64::MAX);
    all.min_by_key(|(_, it)| it.at).map(|(position, _)| position)
}

/// The operation whose call shows that the stage had not yet begun.
fn since_lower(said: &[Said], stage: u32) -> Option<usize> {
    let shows = |mark: Mark| match mark {
        Mark::Makes(k) | Mark::Before(k) => k <= stage,
        Mark::Sees(k) => k < stage,
        _ => false,
    };
    let all = said.iter().enumerate().filter(|(_, it)| shows(it.mark));
    all.max_by_key(|(_, it)| it.call).map(|(position, _)| position)
}

/// Whose denial is wrong by itself, if one is.
fn refusal(stages: &Stages, bounds: &[Bound], stuck: usize) -> Broken {
    let must = stages.must as usize;
    let avoids = avoids(stages, bounds);
    let hopeless = avoids.iter().find(|it| {
        let k = it.stage as usize;
        let began = k <= must && (k == 0 || bounds[k].upper < it.call);
        began && (bounds[k + 1].lower > it.at || k == stages.last as usize)
    });
    let Some(it) = hopeless else { return Broken::Tangled { stage: stuck as u32 } };
    let since = if it.stage == 0 { None } else { until_upper(&stages.said, it.stage) };
    let is_last = it.stage == stages.last;
    let until = if is_last { None } else { since_lower(&stages.said, it.stage + 1) };
    Broken::Throughout { stage: it.stage, refused: it.position as usize, since, until }
}
