//! `snapshot_log`: the head in a row and the bodies on S3, written and read in every order that a
//! designer would try.
//!
//! Two stores, and no transaction over both. A body under its number alone is overwritten by a
//! loser whose compare-and-swap then fails, so the swap is right and the log forks all the same; a
//! head that moves first points at nothing when its writer crashes; a PUT that is refused may have
//! been refused by its own first try. Without a mutant, `lock`, `guard` and `order` choose among
//! the designs that hold; `checker decide` tries the others too. After seed 000, A2 and B.

pub mod design;
pub mod sequence;

mod reader;
mod writer;

use crate::run_head::{monotone, stats};
use crate::worlds::clock::Rate;
use crate::worlds::objects::Profile;
use crate::worlds::rows::Vacuum;
use crate::worlds::{CONFLICT, Door, EXPIRED, Run, Services};
use design::{AnyDesign, Guard, Lock, NODES, Order, Sizes};
use sequence::{NO_HOLE, NO_ORPHAN, Sequence, counters};
use sim::model::Seen;
use sim::prelude::*;
use sim::registry::{AnyModel, Registered};
use std::marker::PhantomData;

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// No `AND seq = $read`.
    NoCas,
    /// The token is checked when the head is moved, and only then.
    FenceAtWrite,
    /// A body's key is its number alone, and nothing refuses a second one.
    KeyBySeq,
    /// The head moves before its body is put.
    HeadFirst,
    /// The head moves as bodies are buffered; they are put when the batch is full.
    BuffersBodies,
    /// Silence after a PUT is taken for success.
    TrustsSilence,
    /// `If-None-Match` without `AND seq = $read`: whoever adopts a body sets the head.
    BlindHead,
    /// "412" after one's own lost reply is taken for another's body (slatedb#766).
    OwnBodyIsOthers,
    /// Whoever finds the number taken gives up, and leaves the head to the one who took it.
    NeverAdopts,
    /// `9` and `10`: names are not in the order of the numbers.
    UnpaddedKeys,
    /// A reader shows every body that is listed.
    ShowsOrphans,
    /// A reader lists first and asks for the head afterwards.
    ListsBeforeHead,
    /// A reader lists from N, although N + 1 may lie in an object that begins before it.
    StartsInsideBatch,
    /// The store skips a key where a page goes on (minio#21463), and the reader counts.
    StoreSkips,
    /// The same store, and a reader that shows what is listed.
    ReaderDoesNotCount,
}

use Mutant::*;

/// The model. `P` says which designs may be asked for: those that hold, or any.
#[derive(Clone)]
pub struct SnapshotLog<P = Sizes> {
    sizes: Sizes,
    mutant: Option<Mutant>,
    given_as: PhantomData<fn() -> P>,
}

/// The same with any design, whatever it breaks: what `checker decide` tries.
pub const ANY_DESIGN: &dyn AnyModel = &Registered::<SnapshotLog<AnyDesign>>::new();

const RUN: Run = Run(0);
/// What every body's key begins with.
const PREFIX: &str = "runs/run-0/";

const WINNER_BODY: Property = Property::named("winner-body");
const BODY_BEFORE_HEAD: Property = Property::named("body-before-head");

/// A PUT that nobody answered was sent again.
const SENT_AGAIN: &str = "puts sent again";
/// A PUT found its number taken, and moved the head there for whoever took it.
const ADOPTED: &str = "bodies adopted";
/// A reader passed over a body that did not win.
const SKIPPED: &str = "orphans skipped";

const BY_STORE: &[(&str, &str)] =
    &[("lock", "none"), ("guard", "cas-and-if-none-match"), ("order", "put-by-seq")];
const FAULTY_PAGES: &[(&str, &str)] = &[
    ("lock", "none"),
    ("guard", "cas-and-if-none-match"),
    ("order", "put-by-seq"),
    ("page", "1"),
];
const NO_LOCK: &[(&str, &str)] = &[("lock", "none")];

impl<P: Params + Into<Sizes> + 'static> Model for SnapshotLog<P> {
    const NAME: &'static str = "snapshot_log";
    const ABOUT: &'static str = "a head in a row and its bodies on S3: which lock, guard and order hold";
    const VERSION: u32 = 1;

    type Params = P;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation::new(NoCas, Property::FORK, &[], "SET seq = $read + 1 without AND seq = $read"),
        Mutation::new(
            FenceAtWrite,
            Property::FORK,
            &[("guard", "fence-at-read")],
            "the token is not left in the row when the head is read: an old holder writes first",
        ),
        Mutation::new(
            KeyBySeq,
            WINNER_BODY,
            NO_LOCK,
            "the key is the number alone: a loser overwrites the winner's body, and the CAS is right",
        ),
        Mutation::new(
            HeadFirst,
            BODY_BEFORE_HEAD,
            NO_LOCK,
            "the head moves before the body is put: a crash leaves it pointing at nothing",
        ),
        Mutation::new(
            BuffersBodies,
            BODY_BEFORE_HEAD,
            &[("batch", "2"), ("lock", "none")],
            "the head moves while bodies lie in a buffer, two to an object: a crash loses them",
        ),
        Mutation::new(
            TrustsSilence,
            BODY_BEFORE_HEAD,
            NO_LOCK,
            "a PUT that nobody answered is taken for done: it never landed",
        ),
        Mutation::new(
            BlindHead,
            Property::MONOTONE,
            BY_STORE,
            "If-None-Match alone: the log cannot fork, but a slow writer sets the head back",
        ),
        Mutation::new(
            OwnBodyIsOthers,
            Property::GAP,
            BY_STORE,
            "412 after one's own lost reply is taken for another's body (slatedb#766)",
        ),
        Mutation::new(
            NeverAdopts,
            Property::LINEARIZABLE,
            BY_STORE,
            "who finds the number taken gives up: a crashed writer stops the log for ever",
        ),
        Mutation::new(
            UnpaddedKeys,
            NO_HOLE,
            &[("first", "9"), ("lock", "none")],
            "keys are not padded: '10' sorts before '9', and StartAfter=9 misses it",
        ),
        Mutation::new(
            ShowsOrphans,
            NO_ORPHAN,
            NO_LOCK,
            "a reader shows every body up to the head that is listed, also those that lost",
        ),
        Mutation::new(
            ListsBeforeHead,
            NO_HOLE,
            NO_LOCK,
            "a reader lists, then asks for the head: it moved in between",
        ),
        Mutation::new(
            StartsInsideBatch,
            NO_HOLE,
            &[("batch", "2"), ("lock", "none")],
            "StartAfter=N misses the object that holds N + 1 and is named by its first number",
        ),
        Mutation::new(
            StoreSkips,
            NO_HOLE,
            FAULTY_PAGES,
            "the store skips a key where a page goes on (minio#21463): a reader that counts says so",
        ),
        Mutation::new(
            ReaderDoesNotCount,
            Property::LOST,
            FAULTY_PAGES,
            "the same store, and a reader that takes the listing for the log: it shows less, unasked",
        ),
    ];
    const GUARD: Option<Mutant> = Some(NoCas);

    type World = Services;
    type Spec = Sequence;

    fn new(params: P, mutant: Option<Mutant>) -> Self {
        SnapshotLog { sizes: params.into(), mutant, given_as: PhantomData }
    }

    fn clients(&self) -> u16 {
        self.sizes.writers + self.sizes.readers
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 < self.sizes.writers { 'w' } else { 'r' }
    }

    fn worlds(&self) -> Vec<Services> {
        let locked = self.sizes.lock != Lock::None;
        let profile = match self.mutant {
            Some(StoreSkips | ReaderDoesNotCount) => Profile::SkipsAtBorder,
            _ => Profile::Strong,
        };
        let services = Services::new(1, locked, Vacuum::AtOnce, profile);
        vec![match self.sizes.lock {
            Lock::None | Lock::Single => services,
            Lock::Redlock => {
                let nodes = (0..NODES).map(|_| Rate::default());
                let clocks = (0..self.clients()).map(|_| Rate::default());
                services.with_nodes(nodes).with_clocks(clocks)
            }
        }]
    }

    fn spec(&self) -> Sequence {
        Sequence::default()
    }

    async fn client(self, io: Io<Self>) {
        let role = self.role(io.me());
        let member = Member { model: &self, io: &io, services: &Door::new(&io) };
        match role {
            'w' => member.write().await,
            _ => member.read().await,
        }
    }

    fn invariant(&self, _before: Option<&Services>, now: &Services) -> Result<(), Violation> {
        monotone(now)?;
        self.bodies(now)
    }

    fn sometimes(&self) -> Vec<&'static str> {
        let mut sometimes = vec!["late effects", SENT_AGAIN];
        if self.sizes.writers > 1 {
            sometimes.push(CONFLICT);
            if self.sizes.lock != Lock::None {
                sometimes.push(EXPIRED);
            }
            if self.creates() && self.by_seq() {
                sometimes.push(ADOPTED);
            } else if self.sizes.readers > 0 {
                sometimes.push(SKIPPED);
            }
        }
        sometimes
    }

    fn stats(&self, history: &Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        stats(counters(history), marks)
    }

    /// A try takes a writer 10 steps at most and a reader 2 for every number, and every writer may
    /// have to wait for the lock once for each grant to another.
    fn steps_max(&self) -> usize {
        let Sizes { writers, readers, tries, batch, .. } = self.sizes;
        let (writers, tries) = (usize::from(writers), tries as usize);
        let grants = writers * tries;
        let numbers = grants * batch as usize;
        20_000 + 20 * grants * (writers + batch as usize) + 20 * usize::from(readers) * tries * numbers
    }
}

impl<P> SnapshotLog<P> {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn compares(&self) -> bool {
        self.sizes.guard.compares() && !self.is(NoCas) && !self.is(BlindHead)
    }

    fn creates(&self) -> bool {
        self.sizes.guard.creates()
    }

    fn by_seq(&self) -> bool {
        self.sizes.by_seq() || self.is(KeyBySeq)
    }

    fn head_first(&self) -> bool {
        self.sizes.order == Order::HeadFirst || self.is(HeadFirst) || self.is(BuffersBodies)
    }

    fn registers(&self) -> bool {
        self.sizes.guard == Guard::FenceAtRead && !self.is(FenceAtWrite)
    }

    /// Number `seq` as keys write it, so that names are in the order of the numbers.
    fn number(&self, seq: u64) -> String {
        let number = seq + self.sizes.first - 1;
        if self.is(UnpaddedKeys) {
            return format!("{PREFIX}{number}");
        }
        format!("{PREFIX}{number:08}")
    }

    /// The key of the object that `by` put, whose first body is number `seq`.
    fn key(&self, seq: u64, by: u64) -> String {
        let number = self.number(seq);
        if self.by_seq() {
            return number;
        }
        format!("{number}/{}.{}", by >> 32, by & 0xffff_ffff)
    }

    /// Where body `seq` of `by` may lie: its object is named by the first of a batch.
    fn keys(&self, seq: u64, by: u64) -> impl Iterator<Item = (u64, String)> + '_ {
        let first = (seq + 1).saturating_sub(self.sizes.batch).max(1);
        (first..=seq).rev().map(move |first| (first, self.key(first, by)))
    }

    /// Every number up to the head has its winner's body.
    ///
    /// What is never replaced is there still, so it will do to look at the head and at what it
    /// follows. Once an object was replaced, the whole log is walked after every step.
    fn bodies(&self, now: &Services) -> Result<(), Violation> {
        let row = now.rows.head(RUN);
        let known = row.seq.saturating_sub(1 + self.sizes.batch);
        let known = if now.objects.has_replaced() { 0 } else { known };
        let (mut seq, mut by) = (row.seq, row.body);
        while seq > known {
            let mut keys = self.keys(seq, by);
            let found = keys.find_map(|(first, key)| Some((first, now.objects.get(&key)?)));
            let moved = format!("{RUN} is at {}, and number {seq} is {}'s", row.seq, writer(by));
            let Some((first, body)) = found else {
                let why = format!("{moved}, whose body is not there");
                return Err(Violation::new(BODY_BEFORE_HEAD, why));
            };
            if body.by != by {
                let why = format!("{moved}, but the body there is {}'s", writer(body.by));
                return Err(Violation::new(WINNER_BODY, why));
            }
            (seq, by) = (first - 1, body.after);
        }
        Ok(())
    }
}

fn writer(by: u64) -> String {
    format!("w{}", by >> 32)
}

/// One client of the log.
struct Member<'a, P: Params + Into<Sizes> + 'static> {
    model: &'a SnapshotLog<P>,
    io: &'a Io<SnapshotLog<P>>,
    services: &'a Door<'a, SnapshotLog<P>>,
}
