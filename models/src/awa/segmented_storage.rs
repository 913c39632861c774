//! awa's storage in rings of segments: ready rows, leases, terminal rows and claim receipts, each in a
//! ring of its own, rotated and pruned by themselves.
//!
//! No row is deleted: a segment is truncated once nothing in it is needed. But one ring's rows are
//! needed by another's. That a claim is closed is known by a closure row beside its receipt, or,
//! after a success, by the terminal row alone; that lies with the job's body in the ready ring. So
//! what may be pruned there depends on what has not been pruned here, and a row that is evidence
//! must not go before what it is evidence of.
//!
//! The source is AwaSegmentedStorage (hardbyte/awa at 53f6426, pull request 349). `spec=mended` adds
//! what it lacks: four promises that it does not make, and the closure row that awa's own code
//! writes when it removes a terminal row, without which the first of the four is broken in six states.

mod moves;
mod promises;
mod state;

use super::ring::{Ring, SEGMENTS};
use crate::promise::{Promise, breaks};
use checker::specs::nothing::Nothing;
use sim::prelude::*;
pub use state::State;
use state::{JOBS, Job, LEASES, WORKERS};

/// How it is sized, and which specification it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many jobs.
    pub jobs: u8,
    /// How many workers.
    pub workers: u8,
    /// How many segments each ring has.
    pub segments: u8,
    /// How often a job may be claimed.
    pub leases: u8,
    /// How many rows may be appended to the lane.
    pub appends: u8,
    /// The published specification, or the mended one.
    pub spec: Specification,
}

/// Which specification.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Specification {
    /// As awa has it.
    Published,
    /// With the promises that it lacks, and with what they take.
    Mended,
}

impl Default for Sizes {
    fn default() -> Self {
        let spec = Specification::Published;
        Sizes { jobs: 1, workers: 1, segments: 2, leases: 2, appends: 2, spec }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["jobs", "workers", "segments", "leases", "appends"];

    fn check(&self) -> Result<(), String> {
        within("jobs", self.jobs, 1..=JOBS as u8)?;
        within("workers", self.workers, 1..=WORKERS as u8)?;
        within("segments", self.segments, 2..=SEGMENTS as u8)?;
        within("leases", self.leases, 1..=LEASES as u8)?;
        within("appends", self.appends, self.jobs..=state::APPENDS as u8)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Prunes ready rows whose terminal rows are the evidence of a claim.
    PrunesEvidence,
    /// Removes a terminal row, the evidence of a claim, and writes no closure row for it.
    RemovesEvidence,
    /// Prunes ready rows that are yet to be claimed.
    PrunesReady,
    /// Prunes ready rows of jobs that are leased.
    PrunesLeased,
    /// Prunes receipts that are open.
    PrunesOpenClaims,
    /// Prunes the segment of receipts that is open.
    PrunesClaimCursor,
    /// Prunes leases that are alive.
    PrunesLiveLeases,
    /// Opens a segment of leases that is sealed and not pruned.
    RotatesIntoSealedLeases,
    /// Opens a segment of receipts that is sealed and not pruned.
    RotatesIntoSealedClaims,
    /// Closes no stale receipt.
    RescuesNothing,
    /// Lets a worker end an attempt that is no longer its own.
    FinalizesUnfenced,
    /// Leaves the receipt open when a job completes.
    CompletesWithReceiptOpen,
    /// Claims a job whose turn it is not.
    ClaimsOutOfTurn,
}

/// The model.
#[derive(Clone)]
pub struct SegmentedStorage {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const MENDED: (&str, &str) = ("spec", "mended");

/// A mutant that breaks a promise which only the mended specification makes.
const fn unseen(
    mutant: Mutant,
    promise: &'static str,
    params: &'static [(&'static str, &'static str)],
    how: &'static str,
) -> Mutation<Mutant> {
    Mutation::new(mutant, Property::named(promise), params, how)
}

impl Model for SegmentedStorage {
    const NAME: &'static str = "awa/segmented_storage";
    const ABOUT: &'static str = "jobs, leases and receipts in rings that are pruned apart";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        unseen(
            Mutant::PrunesEvidence,
            "evidence-complete",
            &[MENDED],
            "prunes a job's body and terminal row while its claim has no other evidence",
        ),
        unseen(
            Mutant::RemovesEvidence,
            "evidence-complete",
            &[MENDED],
            "removes a terminal row and writes no closure row for its claim",
        ),
        unseen(
            Mutant::PrunesLiveLeases,
            "active-lease-has-segment",
            &[MENDED],
            "prunes leases that are alive",
        ),
        unseen(
            Mutant::RotatesIntoSealedLeases,
            "rotate-only-into-pruned",
            &[MENDED],
            "opens a segment of leases that is sealed and not pruned",
        ),
        unseen(
            Mutant::RotatesIntoSealedClaims,
            "rotate-only-into-pruned",
            &[MENDED],
            "opens a segment of receipts that is sealed and not pruned",
        ),
        unseen(
            Mutant::FinalizesUnfenced,
            "at-most-one-finalize-per-lease",
            &[MENDED, ("workers", "2")],
            "lets a worker end an attempt that was taken from it",
        ),
        breaks(
            Mutant::PrunesReady,
            "lane-state-consistent",
            "prunes ready rows that are yet to be claimed",
        ),
        breaks(Mutant::PrunesOpenClaims, "no-lost-claim", "prunes receipts that are open"),
        breaks(
            Mutant::PrunesClaimCursor,
            "one-open-claim-segment",
            "prunes the segment that receipts are written to",
        ),
        breaks(
            Mutant::CompletesWithReceiptOpen,
            "terminal-has-no-live-runtime",
            "leaves the receipt open when a job completes",
        ),
        breaks(
            Mutant::ClaimsOutOfTurn,
            "lane-state-consistent",
            "claims a job whose turn it is not",
        ),
    ];
    const EQUIVALENT: &'static [(Mutant, &'static str)] = &[
        (
            Mutant::PrunesLeased,
            "a job that is leased has an open receipt, and that keeps its ready row already: 137856 \
             states either way",
        ),
        (
            Mutant::RescuesNothing,
            "a receipt is closed in the step that ends its attempt, so none is ever stale: 137856 \
             states either way",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        SegmentedStorage { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        let ring = Ring::new(self.sizes.segments);
        vec![State {
            jobs: [Job::default(); JOBS],
            ready: ring.clone(),
            lease: ring.clone(),
            terminal: ring.clone(),
            claim: ring,
            lane: state::Lane { append_seq: 1, claim_seq: 1, ready_count: 0, leased_count: 0 },
            tombstones: [None; state::APPENDS],
            breach: None,
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(promises::PUBLISHED, now)?;
        match self.sizes.spec {
            Specification::Published => Ok(()),
            Specification::Mended => {
                Promise::check(promises::LACKING, now)?;
                Promise::check(promises::NOTED, now)
            }
        }
    }

    fn always(&self) -> Vec<Always<State>> {
        let published = Promise::promised(promises::PUBLISHED);
        match self.sizes.spec {
            Specification::Published => {
                published.chain(Promise::asked(promises::LACKING)).collect()
            }
            Specification::Mended => {
                let lacking = Promise::promised(promises::LACKING);
                published.chain(lacking).chain(Promise::promised(promises::NOTED)).collect()
            }
        }
    }
}
