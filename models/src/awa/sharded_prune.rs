//! Pruning where a lane has several shards, each of which numbers its rows by itself.
//!
//! A segment may be pruned once every ready row in it has its done row. Numbers are of a shard, so
//! two rows of one segment may have the same number; whoever looks for the done row by its number
//! alone finds another shard's, and drops a job that nobody has run.

use super::ring::{Ring, SEGMENTS, Segment};
use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const JOBS: usize = 4;
const SHARDS: usize = 4;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many jobs.
    pub jobs: u8,
    /// How many shards the lane has.
    pub shards: u8,
    /// How many segments the ring has.
    pub segments: u8,
    /// The last number a shard gives.
    pub max_seq: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { jobs: 2, shards: 2, segments: 2, max_seq: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["jobs", "shards", "segments", "max_seq"];

    fn check(&self) -> Result<(), String> {
        within("jobs", self.jobs, 1..=JOBS as u8)?;
        within("shards", self.shards, 1..=SHARDS as u8)?;
        within("segments", self.segments, 2..=SEGMENTS as u8)?;
        within("max_seq", self.max_seq, 1..=100)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Looks for a done row by its number, whatever its shard.
    IgnoresShard,
    /// Prunes whatever is sealed.
    PrunesAll,
    /// Leaves the done rows of a segment behind.
    PrunesReadyOnly,
    /// Gives the same number again.
    RepeatsNumbers,
    /// Does not seal what was open.
    RotateSealsNothing,
    /// Does not move the cursor.
    RotateForgetsCursor,
}

const ENQUEUE: u8 = 0;
const COMPLETE: u8 = 1;
const ROTATE: u8 = 2;
const PRUNE: u8 = 3;
const REST: u8 = 4;

/// Where a job's row lies, ready or done, and what it is known by there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Row {
    shard: u8,
    seq: u8,
    segment: u8,
}

/// The rows of each job, the ring they lie in, and the number each shard gives next.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    ready: [Option<Row>; JOBS],
    done: [Option<Row>; JOBS],
    ring: Ring,
    next_seq: [u8; SHARDS],
    /// Whether a job was pruned before it was done.
    dropped: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    /// Whether a done row goes by this number on that shard.
    fn is_done(&self, row: &Row) -> bool {
        self.done.iter().flatten().any(|done| done.seq == row.seq && done.shard == row.shard)
    }

    fn is_pending(&self, segment: u8) -> bool {
        self.ready.iter().flatten().any(|row| row.segment == segment && !self.is_done(row))
    }

    /// What is asked before a segment is pruned.
    fn may_prune(&self, segment: u8) -> bool {
        let mut inside = self.ready.iter().flatten().filter(|row| row.segment == segment);
        if self.is(Mutant::IgnoresShard) {
            return inside.all(|row| self.done.iter().flatten().any(|done| done.seq == row.seq));
        }
        self.is(Mutant::PrunesAll) || !self.is_pending(segment)
    }

    fn prune(&mut self, segment: u8) {
        self.dropped |= self.is_pending(segment);
        let spares_done = self.is(Mutant::PrunesReadyOnly);
        let inside = |row: &mut Row| row.segment == segment;
        self.ready.iter_mut().for_each(|row| _ = row.take_if(inside));
        if !spares_done {
            self.done.iter_mut().for_each(|row| _ = row.take_if(inside));
        }
        self.ring.prune(segment);
    }

    fn unique(what: &str, rows: &[Option<Row>]) -> Result<(), String> {
        let rows: Vec<_> = rows.iter().flatten().map(|row| (row.shard, row.seq)).collect();
        let twice = rows.iter().enumerate().find(|(index, key)| rows[..*index].contains(key));
        twice.map_or(Ok(()), |(_, (shard, seq))| {
            Err(format!("two {what} rows of shard {shard} have the number {seq}"))
        })
    }

    fn done_has_ready(&self) -> Result<(), String> {
        let both = self.ready.iter().zip(&self.done);
        match both.into_iter().position(|(ready, done)| done.is_some() && done != ready) {
            Some(job) => Err(format!("job {job} has a done row and no ready row of its key")),
            None => Ok(()),
        }
    }

    fn none_dropped(&self) -> Result<(), String> {
        unless(!self.dropped, || "a job was pruned before it was done".to_owned())
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("one-open-ready-segment", |it| it.ring.one_open()),
    Promise::new("ready-cursor-is-open", |it| it.ring.cursor_is_open()),
    Promise::new("ready-key-unique", |it| State::unique("ready", &it.ready)),
    Promise::new("done-key-unique", |it| State::unique("done", &it.done)),
    Promise::new("done-rows-come-from-ready-rows", State::done_has_ready),
    Promise::new("no-pending-ready-dropped", State::none_dropped),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["enqueue", "complete", "rotate", "prune", "rest"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        let Sizes { jobs, shards, max_seq, .. } = self.sizes.0;
        for job in 0..jobs {
            let index = usize::from(job);
            match (&self.ready[index], &self.done[index]) {
                (None, _) if self.ring.is_open() => {
                    let free = |shard: &u8| self.next_seq[usize::from(*shard)] <= max_seq;
                    let arg = |shard| u16::from(job) * 10 + u16::from(shard);
                    (0..shards).filter(free).for_each(|shard| moves.due(ENQUEUE, arg(shard)));
                }
                (Some(_), None) => moves.due(COMPLETE, job.into()),
                _ => {}
            }
        }
        if self.ring.may_rotate() {
            moves.may(ROTATE, 0);
        }
        let sealed = self.ring.those(Segment::Sealed).filter(|segment| self.may_prune(*segment));
        sealed.for_each(|segment| moves.due(PRUNE, segment.into()));
        moves.may(REST, 0);
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let (low, high) = (usize::from(arg % 10), usize::from(arg / 10));
        match kind {
            ENQUEUE => {
                let seq = self.next_seq[low];
                let segment = self.ring.cursor();
                self.ready[high] = Some(Row { shard: low as u8, seq, segment });
                if !self.is(Mutant::RepeatsNumbers) {
                    self.next_seq[low] += 1;
                }
            }
            COMPLETE => self.done[low] = self.ready[low],
            ROTATE if self.is(Mutant::RotateSealsNothing) => {
                self.ring.open_next();
                self.ring.advance();
            }
            ROTATE if self.is(Mutant::RotateForgetsCursor) => {
                self.ring.seal();
                self.ring.open_next();
            }
            ROTATE => self.ring.rotate(),
            PRUNE => self.prune(low as u8),
            _ => {}
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let rows = |rows: &[Option<Row>]| {
            let one = |Row { shard, seq, segment }: &Row| format!("{shard}#{seq} in {segment}");
            rows.iter().flatten().map(one).collect::<Vec<_>>().join(", ")
        };
        let columns = [("ready", rows(&self.ready)), ("done", rows(&self.done))];
        columns.into_iter().chain([("segments", self.ring.words())]).collect()
    }
}

/// The model.
#[derive(Clone)]
pub struct ShardedPrune {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for ShardedPrune {
    const NAME: &'static str = "awa/sharded_prune";
    const ABOUT: &'static str = "a ring pruned under shards that number their rows by themselves";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::IgnoresShard,
            "no-pending-ready-dropped",
            "takes another shard's done row of the same number for the job's own",
        ),
        breaks(Mutant::PrunesAll, "no-pending-ready-dropped", "prunes whatever is sealed"),
        breaks(
            Mutant::PrunesReadyOnly,
            "done-rows-come-from-ready-rows",
            "prunes the ready rows of a segment and leaves its done rows",
        ),
        breaks(Mutant::RepeatsNumbers, "ready-key-unique", "a shard gives the same number twice"),
        breaks(
            Mutant::RotateSealsNothing,
            "one-open-ready-segment",
            "rotates without sealing what was open",
        ),
        breaks(
            Mutant::RotateForgetsCursor,
            "ready-cursor-is-open",
            "rotates without moving the cursor",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        ShardedPrune { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            ready: [None; JOBS],
            done: [None; JOBS],
            ring: Ring::new(self.sizes.segments),
            next_seq: [1; SHARDS],
            dropped: false,
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(PROMISES, now)
    }

    fn always(&self) -> Vec<Always<State>> {
        Promise::promised(PROMISES).collect()
    }
}
