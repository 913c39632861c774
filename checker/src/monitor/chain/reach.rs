//! All points at which each stage can begin, when some operations deny that it was there.
//!
//! Kept as intervals, stage by stage, and walked backwards for one choice of points: the latest
//! point of a stage that is no later than that of the next is always a right one, because a later
//! point leaves more room after it.

use super::Bound;

/// An operation that denies a stage: `p(stage) >= call` or `p(stage + 1) <= at`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avoid {
    pub(super) stage: u32,
    pub(super) call: u64,
    pub(super) at: u64,
    pub(super) position: u32,
}

/// The intervals of each stage, one after another.
#[derive(Default)]
struct Sets {
    flat: Vec<(u64, u64)>,
    starts: Vec<usize>,
}

impl Sets {
    /// Adds an interval to the latest stage; they come by both ends.
    fn push(&mut self, low: u64, high: u64) {
        if low > high {
            return;
        }
        let start = self.starts.last().copied().unwrap_or(0);
        match self.flat[start..].last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => self.flat.push((low, high)),
        }
    }

    fn of(&self, stage: usize) -> &[(u64, u64)] {
        let end = self.starts.get(stage + 1).copied().unwrap_or(self.flat.len());
        &self.flat[self.starts[stage]..end]
    }
}

/// A point for each stage up to the one where it ends, which is `must` or a later one; or the stage
/// after which there is no way to go on. `avoids` are sorted by stage and call.
pub(super) fn reach(
    bounds: &[Bound],
    must: usize,
    mut avoids: Vec<Avoid>,
) -> Result<Vec<u64>, usize> {
    let mut sets = Sets { flat: Vec::with_capacity(bounds.len()), starts: vec![0] };
    sets.flat.push((0, 0));
    let mut rest = &mut avoids[..];
    for stage in 0..bounds.len() {
        // Step by step: over all stages that is one pass, and a search for each is not.
        let here = rest.iter().take_while(|it| it.stage as usize <= stage).count();
        let (denials, later) = rest.split_at_mut(here);
        rest = later;
        if stage >= must {
            let call = denials.last().map_or(0, |it| it.call);
            if let Some(&(low, _)) = sets.of(stage).iter().find(|it| it.1 >= call) {
                return Ok(points(&sets, stage, low.max(call)));
            }
        }
        let Some(next) = bounds.get(stage + 1) else { break };
        follow(&mut sets, stage, *next, denials);
        if sets.of(stage + 1).is_empty() {
            return Err(stage);
        }
    }
    Err(bounds.len() - 1)
}

/// Adds the intervals of the stage after `stage`.
fn follow(sets: &mut Sets, stage: usize, next: Bound, denials: &mut [Avoid]) {
    let (from, to) = (sets.starts[stage], sets.flat.len());
    sets.starts.push(to);
    if denials.is_empty() {
        let low = sets.flat[from].0;
        sets.push(low.max(next.lower), next.upper);
        return;
    }
    // Whoever begins no later than this call must end by the earliest of the returns from here on.
    for k in (1..denials.len()).rev() {
        denials[k - 1].at = denials[k - 1].at.min(denials[k].at);
    }
    for position in from..to {
        let (low, high) = sets.flat[position];
        let mut begin = low;
        for denial in &denials[denials.partition_point(|it| it.call <= low)..] {
            if begin > high {
                break;
            }
            if begin < denial.call {
                sets.push(begin.max(next.lower), next.upper.min(denial.at));
                begin = denial.call;
            }
        }
        if begin <= high {
            sets.push(begin.max(next.lower), next.upper);
        }
    }
}

/// One point for each stage, backwards from that of the last.
fn points(sets: &Sets, last: usize, point: u64) -> Vec<u64> {
    let mut points = vec![point; last + 1];
    let mut point = point;
    for stage in (0..last).rev() {
        let set = sets.of(stage);
        let before = set.partition_point(|it| it.0 <= point);
        point = set[before.max(1) - 1].1.min(point);
        points[stage] = point;
    }
    points
}
