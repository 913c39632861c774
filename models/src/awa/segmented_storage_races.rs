//! A claim in two steps, between which the rings it is to be written to may rotate and be pruned.
//!
//! A worker reads where the cursors are, and writes lease and receipt there later. A segment that is
//! left in between is empty as far as anybody sees, so it may be pruned, and then the rows land in
//! a segment that counts as truncated: the next rotation opens it over them. Reading the segments
//! again at the commit is enough.
//!
//! The source is AwaSegmentedStorageRaces (hardbyte/awa at 53f6426).

use super::ring::{Ring, SEGMENTS, Segment};
use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const WORKERS: usize = 4;
const JOBS: usize = 3;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many jobs.
    pub jobs: u8,
    /// How many workers.
    pub workers: u8,
    /// How many segments each ring has.
    pub segments: u8,
    /// How many rows may be appended to the lane.
    pub appends: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { jobs: 1, workers: 2, segments: 2, appends: 2 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["jobs", "workers", "segments", "appends"];

    fn check(&self) -> Result<(), String> {
        within("jobs", self.jobs, 1..=JOBS as u8)?;
        within("workers", self.workers, 1..=WORKERS as u8)?;
        within("segments", self.segments, 2..=SEGMENTS as u8)?;
        within("appends", self.appends, self.jobs..=100)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Writes where the cursors were.
    CommitsUnchecked,
    /// Looks at the segment of receipts again, and not at that of leases.
    ChecksClaimOnly,
    /// Looks at the segment of leases again, and not at that of receipts.
    ChecksLeaseOnly,
    /// Does not keep others from claiming the job meanwhile.
    ClaimsUnlocked,
}

const ENQUEUE: u8 = 0;
const BEGIN: u8 = 1;
const COMMIT: u8 = 2;
const ABORT: u8 = 3;
const ROTATE: u8 = 4;
const PRUNE: u8 = 5;
const REST: u8 = 6;

/// The rings, by the number in a move.
const LEASE: usize = 0;
const CLAIM: usize = 1;
const RINGS: [&str; 2] = ["lease", "receipt"];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Job {
    /// Its place in the lane; 0: it is not enqueued.
    lane_seq: u8,
    owner: Option<u8>,
    /// Where its lease lies, and where its receipt does.
    rows: [Option<u8>; RINGS.len()],
}

/// What a worker is about to claim, and where the cursors were when it looked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Intent {
    job: u8,
    cursors: [u8; RINGS.len()],
}

/// The jobs, the rings of leases and receipts, and what each worker is about to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    jobs: [Job; JOBS],
    rings: [Ring; RINGS.len()],
    append_seq: u8,
    claim_seq: u8,
    intents: [Option<Intent>; WORKERS],
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

    /// Whether the job is ready, and next in its lane.
    fn is_next(&self, job: &Job) -> bool {
        job.lane_seq == self.claim_seq && job.owner.is_none()
    }

    fn may_begin(&self, worker: usize, index: usize) -> bool {
        let about = |it: &Option<Intent>| it.is_some_and(|it| usize::from(it.job) == index);
        let locked = self.intents.iter().any(about) && !self.is(Mutant::ClaimsUnlocked);
        let open = self.rings.iter().all(Ring::is_open);
        self.intents[worker].is_none() && !locked && self.is_next(&self.jobs[index]) && open
    }

    fn may_commit(&self, intent: &Intent) -> bool {
        let unchecked = |ring: usize| match ring {
            LEASE => self.is(Mutant::ChecksClaimOnly),
            _ => self.is(Mutant::ChecksLeaseOnly),
        };
        let open = |ring: usize| {
            let still = self.rings[ring].segment(intent.cursors[ring]) == Segment::Open;
            still || unchecked(ring) || self.is(Mutant::CommitsUnchecked)
        };
        self.is_next(&self.jobs[usize::from(intent.job)]) && (0..RINGS.len()).all(open)
    }

    fn commit(&mut self, worker: usize) {
        let Intent { job, cursors } = self.intents[worker].take().expect("it has begun");
        let job = &mut self.jobs[usize::from(job)];
        job.owner = Some(worker as u8);
        job.rows = cursors.map(Some);
        self.claim_seq += 1;
    }

    /// Nothing that was written lies in a pruned segment of that ring.
    fn pruned_is_empty(&self, ring: usize) -> Result<(), String> {
        let rows = self.jobs().iter().map(|job| job.rows[ring]);
        self.rings[ring].pruned_is_empty(&format!("a {}", RINGS[ring]), rows)
    }

    fn leased_is_enqueued(&self) -> Result<(), String> {
        let lost = |job: &Job| job.owner.is_some() && job.lane_seq == 0;
        unless(!self.jobs().iter().any(lost), || "a job is leased that nobody enqueued".to_owned())
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("one-open-lease-segment", |it| it.rings[LEASE].one_open()),
    Promise::new("one-open-claim-segment", |it| it.rings[CLAIM].one_open()),
    Promise::new("lease-cursor-is-open", |it| it.rings[LEASE].cursor_is_open()),
    Promise::new("claim-cursor-is-open", |it| it.rings[CLAIM].cursor_is_open()),
    Promise::new("active-leases-subset-ready-entries", State::leased_is_enqueued),
    Promise::new("pruned-lease-segments-are-empty", |it| it.pruned_is_empty(LEASE)),
    Promise::new("pruned-claim-segments-are-empty", |it| it.pruned_is_empty(CLAIM)),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] =
        &["enqueue", "begin", "commit", "abort", "rotate", "prune", "rest"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        let Sizes { workers, appends, .. } = self.sizes.0;
        // A worker or a segment, and then the job or the ring.
        let pair = |low: usize, high: u8| u16::from(high) * 10 + low as u16;
        for (index, job) in self.jobs().iter().enumerate() {
            if job.lane_seq == 0 && self.append_seq <= appends {
                moves.due(ENQUEUE, index as u16);
            }
            let begins = |worker: &u8| self.may_begin(usize::from(*worker), index);
            (0..workers).filter(begins).for_each(|it| moves.due(BEGIN, pair(index, it)));
        }
        for (worker, intent) in self.intents.iter().enumerate() {
            let Some(intent) = intent else { continue };
            if self.may_commit(intent) {
                moves.due(COMMIT, worker as u16);
            }
            moves.due(ABORT, worker as u16);
        }
        for (number, ring) in self.rings.iter().enumerate() {
            if ring.may_rotate() {
                moves.may(ROTATE, number as u16);
            }
            let used = |segment| self.jobs().iter().any(|job| job.rows[number] == Some(segment));
            let empty = ring.those(Segment::Sealed).filter(|segment| !used(*segment));
            empty.for_each(|segment| moves.due(PRUNE, pair(number, segment)));
        }
        moves.may(REST, 0);
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let (low, high) = (usize::from(arg % 10), (arg / 10) as u8);
        match kind {
            ENQUEUE => {
                self.jobs[low].lane_seq = self.append_seq;
                self.append_seq += 1;
            }
            BEGIN => {
                let cursors = [self.rings[LEASE].cursor(), self.rings[CLAIM].cursor()];
                self.intents[usize::from(high)] = Some(Intent { job: low as u8, cursors });
            }
            COMMIT => self.commit(low),
            ABORT => self.intents[low] = None,
            ROTATE => self.rings[low].rotate(),
            PRUNE => self.rings[low].prune(high),
            _ => {}
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let job = |job: &Job| match (job.owner, job.lane_seq) {
            (Some(owner), _) => format!("w{owner}"),
            (None, 0) => "-".to_owned(),
            _ => "ready".to_owned(),
        };
        vec![
            ("jobs", self.jobs().iter().map(job).collect::<Vec<_>>().join(" ")),
            ("lease ring", self.rings[LEASE].words()),
            ("claim ring", self.rings[CLAIM].words()),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct SegmentedStorageRaces {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for SegmentedStorageRaces {
    const NAME: &'static str = "awa/segmented_storage_races";
    const ABOUT: &'static str = "a claim in two steps while its rings rotate and are pruned";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::CommitsUnchecked,
            "pruned-lease-segments-are-empty",
            "writes lease and receipt where the cursors were when it looked",
        ),
        breaks(
            Mutant::ChecksClaimOnly,
            "pruned-lease-segments-are-empty",
            "looks again at the segment of receipts, and not at that of leases",
        ),
        breaks(
            Mutant::ChecksLeaseOnly,
            "pruned-claim-segments-are-empty",
            "looks again at the segment of leases, and not at that of receipts",
        ),
    ];
    const EQUIVALENT: &'static [(Mutant, &'static str)] = &[(
        Mutant::ClaimsUnlocked,
        "whoever commits second finds the job leased: the lane's lock spares the work, and the commit \
         is what keeps it right",
    )];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        SegmentedStorageRaces { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            jobs: [Job::default(); JOBS],
            rings: [(); RINGS.len()].map(|()| Ring::new(self.sizes.segments)),
            append_seq: 1,
            claim_seq: 1,
            intents: [None; WORKERS],
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
