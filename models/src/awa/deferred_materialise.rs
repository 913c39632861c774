//! Deferred materialisation: jobs whose bodies lie in segments that are rotated and pruned.
//!
//! A job is enqueued into the open segment, claimed, closed, and materialised later from the body
//! in its segment. A segment that is sealed may be pruned, but never while a job in it has yet to
//! be materialised: that is what the guard of `prune` is for.

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const JOBS: usize = 4;
const SEGMENTS: usize = 6;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many jobs.
    pub jobs: u8,
    /// How many segments.
    pub segments: u8,
    /// How often a job may be enqueued.
    pub leases: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { jobs: 2, segments: 3, leases: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["jobs", "segments"];

    fn check(&self) -> Result<(), String> {
        within("jobs", self.jobs, 1..=JOBS as u8)?;
        within("segments", self.segments, 2..=SEGMENTS as u8)?;
        within("leases", self.leases, 1..=100)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Prunes a segment with a closed job in it.
    PrunesClosed,
    /// Prunes a segment with a claimed job in it.
    PrunesClaimed,
    /// Prunes a segment with a ready job in it.
    PrunesReady,
    /// Prunes any sealed segment.
    PrunesAll,
    /// Prunes the open segment too.
    PrunesOpen,
    /// Does not seal what was open.
    RotateSealsNothing,
    /// Does not move the cursor.
    RotateForgetsCursor,
    /// Enqueues into any segment.
    StaleCursor,
    /// Reads what is materialised, and not what is closed and yet to be.
    ReadsMaterialisedOnly,
    /// Forgets the job of a worker that crashes.
    CrashLosesJob,
    /// Enqueues a job again that was materialised.
    EnqueuesAgain,
    /// Does not ask whether the segment can be read before it materialises.
    MaterialiseUnchecked,
    /// Does not ask whether the segment can be read before it claims.
    ClaimUnchecked,
}

const ENQUEUE: u8 = 0;
const CLAIM: u8 = 1;
const COMPLETE: u8 = 2;
const CRASH: u8 = 3;
const MATERIALISE: u8 = 4;
const ROTATE: u8 = 5;
const PRUNE: u8 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Stage {
    #[default]
    Idle,
    Ready,
    Claimed,
    Closed,
    Materialised,
    /// Forgotten: only a mutant gets here.
    Lost,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Job {
    stage: Stage,
    segment: u8,
    leases: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Segment {
    Open,
    #[default]
    Sealed,
    Pruned,
}

/// Jobs, segments, and which of these is written to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    jobs: [Job; JOBS],
    segments: [Segment; SEGMENTS],
    cursor: u8,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn jobs(&self) -> &[Job] {
        &self.jobs[..usize::from(self.sizes.0.jobs)]
    }

    fn segments(&self) -> &[Segment] {
        &self.segments[..usize::from(self.sizes.0.segments)]
    }

    fn segment_of(&self, job: &Job) -> Segment {
        self.segments[usize::from(job.segment)]
    }

    /// Whether whoever asks is told that the job is done: the view joins what is materialised and
    /// what is closed.
    fn is_seen_done(&self, job: &Job) -> bool {
        let closed = job.stage == Stage::Closed && !self.is(Mutant::ReadsMaterialisedOnly);
        closed || job.stage == Stage::Materialised
    }

    /// The body of every job that has yet to be materialised can be read.
    fn source_readable(&self) -> Result<(), String> {
        let needed =
            |job: &&Job| matches!(job.stage, Stage::Ready | Stage::Claimed | Stage::Closed);
        let lost = |job: &&Job| self.segment_of(job) == Segment::Pruned;
        match self.jobs().iter().filter(needed).find(lost) {
            Some(job) => {
                let stage = format!("{:?}", job.stage).to_lowercase();
                Err(format!("a {stage} job lies in segment {}, which is pruned", job.segment))
            }
            None => Ok(()),
        }
    }

    fn one_open(&self) -> Result<(), String> {
        let open = self.segments().iter().filter(|segment| **segment == Segment::Open).count();
        let there = self.segments[usize::from(self.cursor)] == Segment::Open;
        unless(open == 1 && there, || {
            format!("{open} segments are open, the cursor is on {}", self.cursor)
        })
    }

    fn seen_done(&self) -> Result<(), String> {
        let done = |job: &Job| matches!(job.stage, Stage::Closed | Stage::Materialised);
        match self.jobs().iter().position(|job| done(job) != self.is_seen_done(job)) {
            Some(job) => Err(format!("job {job} is closed, and whoever asks is told it is not")),
            None => Ok(()),
        }
    }

    fn none_lost(&self) -> Result<(), String> {
        match self.jobs().iter().position(|job| job.stage == Stage::Lost) {
            Some(job) => Err(format!("job {job} was enqueued, and nobody knows of it any more")),
            None => Ok(()),
        }
    }

    /// Whether nothing in the segment is needed any more.
    fn may_prune(&self, segment: u8) -> bool {
        let spared = |job: &Job| match job.stage {
            Stage::Idle | Stage::Materialised | Stage::Lost => true,
            Stage::Closed => self.is(Mutant::PrunesClosed),
            Stage::Claimed => self.is(Mutant::PrunesClaimed),
            Stage::Ready => self.is(Mutant::PrunesReady),
        };
        let sealed = match self.segments[usize::from(segment)] {
            Segment::Sealed => true,
            Segment::Open => self.is(Mutant::PrunesOpen),
            Segment::Pruned => false,
        };
        let mut inside = self.jobs().iter().filter(|job| job.segment == segment);
        sealed && (self.is(Mutant::PrunesAll) || inside.all(spared))
    }

    fn offer_job(&self, job: &Job, index: u16, moves: &mut Moves) {
        let readable = self.segment_of(job) != Segment::Pruned;
        let again = job.stage == Stage::Materialised && self.is(Mutant::EnqueuesAgain);
        match job.stage {
            _ if again && job.leases < self.sizes.0.leases => {
                moves.due(ENQUEUE, index << 8 | u16::from(self.cursor));
            }
            Stage::Idle if job.leases < self.sizes.0.leases => match self.is(Mutant::StaleCursor) {
                false => moves.due(ENQUEUE, index << 8 | u16::from(self.cursor)),
                true => (0..u16::from(self.sizes.0.segments))
                    .for_each(|segment| moves.due(ENQUEUE, index << 8 | segment)),
            },
            Stage::Ready if readable || self.is(Mutant::ClaimUnchecked) => moves.due(CLAIM, index),
            Stage::Claimed => {
                moves.due(COMPLETE, index);
                if readable {
                    moves.may(CRASH, index);
                }
            }
            Stage::Closed if readable || self.is(Mutant::MaterialiseUnchecked) => {
                moves.due(MATERIALISE, index);
            }
            _ => {}
        }
    }
}

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] =
        &["enqueue", "claim", "complete", "crash-job", "materialise", "rotate", "prune"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        for (job, index) in self.jobs().iter().zip(0..) {
            self.offer_job(job, index, moves);
        }
        for (segment, index) in self.segments().iter().zip(0u16..) {
            if index != u16::from(self.cursor) && *segment != Segment::Open {
                moves.may(ROTATE, index);
            }
            if self.may_prune(index as u8) {
                moves.due(PRUNE, index);
            }
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let (low, high) = (usize::from(arg & 0xff), usize::from(arg >> 8));
        match kind {
            ENQUEUE => {
                let job = &mut self.jobs[high];
                *job = Job { stage: Stage::Ready, segment: low as u8, leases: job.leases + 1 };
            }
            CLAIM => self.jobs[low].stage = Stage::Claimed,
            CRASH if self.is(Mutant::CrashLosesJob) => self.jobs[low].stage = Stage::Lost,
            COMPLETE | CRASH => self.jobs[low].stage = Stage::Closed,
            MATERIALISE => self.jobs[low].stage = Stage::Materialised,
            ROTATE => {
                if !self.is(Mutant::RotateSealsNothing) {
                    self.segments[usize::from(self.cursor)] = Segment::Sealed;
                }
                self.segments[low] = Segment::Open;
                if !self.is(Mutant::RotateForgetsCursor) {
                    self.cursor = low as u8;
                }
            }
            _ => self.segments[low] = Segment::Pruned,
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let words = |stages: Vec<String>| stages.join(" ").to_lowercase();
        vec![
            ("jobs", words(self.jobs().iter().map(|job| format!("{:?}", job.stage)).collect())),
            ("segments", words(self.segments().iter().map(|it| format!("{it:?}")).collect())),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct DeferredMaterialise {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

/// A job that is closed is materialised.
const EVENTUALLY_MATERIALISED: Property = Property::named("eventually-materialised");

const PROMISES: &[Promise<State>] = &[
    Promise::new("source-readable", State::source_readable),
    Promise::new("one-open", State::one_open),
    Promise::new("seen-done", State::seen_done),
    Promise::new("lost-write", State::none_lost),
];

impl Model for DeferredMaterialise {
    const NAME: &'static str = "awa/deferred_materialise";
    const ABOUT: &'static str = "jobs materialised later from segments that are rotated and pruned";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(Mutant::PrunesClosed, "source-readable", "prunes a segment with a closed job in it"),
        breaks(Mutant::PrunesClaimed, "source-readable", "prunes a segment with a claimed job"),
        breaks(Mutant::PrunesReady, "source-readable", "prunes a segment with a ready job in it"),
        breaks(Mutant::PrunesAll, "source-readable", "prunes whatever is sealed"),
        breaks(Mutant::PrunesOpen, "one-open", "prunes the open segment too"),
        breaks(Mutant::RotateSealsNothing, "one-open", "rotates without sealing what was open"),
        breaks(Mutant::RotateForgetsCursor, "one-open", "rotates without moving the cursor"),
        breaks(Mutant::StaleCursor, "source-readable", "enqueues where a stale cursor points"),
        breaks(
            Mutant::ReadsMaterialisedOnly,
            "seen-done",
            "reads what is materialised, and not what is closed and yet to be",
        ),
        breaks(Mutant::CrashLosesJob, "lost-write", "forgets the job of a worker that crashes"),
    ];
    const EQUIVALENT: &'static [(Mutant, &'static str)] = &[
        (
            Mutant::EnqueuesAgain,
            "a job that is enqueued again is a job like any other: 5436 states, every promise kept",
        ),
        (
            Mutant::MaterialiseUnchecked,
            "a closed job's segment is never pruned, so asking whether it is changes no state: \
             1710 states either way",
        ),
        (
            Mutant::ClaimUnchecked,
            "a ready job's segment is never pruned, so asking whether it is changes no state: \
             1710 states either way",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        DeferredMaterialise { sizes, mutant }
    }

    /// Any segment may be the first to be open.
    fn worlds(&self) -> Vec<State> {
        let world = |first: u8| {
            let mut segments = [Segment::Sealed; SEGMENTS];
            segments[usize::from(first)] = Segment::Open;
            let mut jobs = [Job::default(); JOBS];
            jobs[..usize::from(self.sizes.jobs)].iter_mut().for_each(|it| it.segment = first);
            State {
                jobs,
                segments,
                cursor: first,
                sizes: Constant(self.sizes),
                mutant: Constant(self.mutant),
            }
        };
        (0..self.sizes.segments).map(world).collect()
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn comes(&self) -> Vec<Comes<State>> {
        let materialised = |job: u8| {
            let stage = move |world: &State| world.jobs[usize::from(job)].stage;
            Comes::leads_to(
                EVENTUALLY_MATERIALISED,
                format!("job {job}, which is closed, is materialised"),
                move |world| stage(world) == Stage::Closed,
                move |world| stage(world) == Stage::Materialised,
            )
        };
        (0..self.sizes.jobs).map(materialised).collect()
    }

    /// Of workers nothing is counted on: a job need never be claimed.
    fn fairness(&self) -> Vec<Fair> {
        let materialise =
            (0..self.sizes.jobs.into()).map(|job| Fair::of_move("materialise", MATERIALISE, job));
        let prune =
            (0..self.sizes.segments.into()).map(|segment| Fair::of_move("prune", PRUNE, segment));
        materialise.chain(prune).collect()
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(PROMISES, now)
    }

    fn always(&self) -> Vec<Always<State>> {
        Promise::promised(PROMISES).collect()
    }
}
