//! `cluster`: the whole picture. Writers lock, put a snapshot's body, move the head by
//! compare-and-swap and unlock; readers list and follow the log since N; autovacuum ticks beside a
//! session that holds a snapshot.
//!
//! A body is put before the head moves, under a key of its own, and names the transition it
//! follows. So a loser's body is an orphan that no reader follows, and a head never points at
//! nothing. Seed 000 in one model; `traces/seed-42.json` is one run of it.

use crate::run_head::{monotone, stats};
use crate::worlds::objects::{Body, Profile, When};
use crate::worlds::rows::{Isolation, Set, Update, Vacuum};
use crate::worlds::{CONFLICT, Door, EXPIRED, HELD_BACK, Run, Services};
use crate::log::{Log, Op, Ret, heads};
use checker::specs::{head, objects};
use sim::prelude::*;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many writers.
    pub writers: u16,
    /// How many readers.
    pub readers: u16,
    /// How many sessions that hold a snapshot.
    pub holders: u16,
    /// How many transitions there are to make.
    pub transitions: u64,
    /// When the lock runs out, in milliseconds.
    pub ttl: u32,
    /// How many keys a page holds.
    pub page: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { writers: 3, readers: 1, holders: 1, transitions: 4, ttl: 5000, page: 3 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "readers", "holders", "transitions"];

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=256)?;
        within("readers", self.readers, 0..=64)?;
        within("holders", self.holders, 0..=64)?;
        within("transitions", self.transitions, 1..=100_000)?;
        within("ttl", self.ttl, 1..=86_400_000)?;
        within("page", self.page, 1..=1000)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// No `AND seq = $read`.
    NoCas,
    /// The body's key is the number alone.
    KeyBySeq,
    /// The head moves before the body is put.
    HeadFirst,
    /// Vacuum does not ask who is reading.
    VacuumIgnoresSnapshots,
}

use Mutant::*;

/// The model.
#[derive(Clone)]
pub struct Cluster {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const RUN: Run = Run(0);
const WINNER_BODY: Property = Property::named("winner-body");
const SNAPSHOT_READABLE: Property = Property::named("snapshot-readable");

impl Model for Cluster {
    const NAME: &'static str = "cluster";
    const ABOUT: &'static str = "writers, locks, bodies on S3, readers, vacuum and a held snapshot together";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation {
            mutant: NoCas,
            breaks: Property::FORK,
            how: "SET seq = $read + 1 without AND seq = $read: the lock alone guards the head",
            params: &[],
        },
        Mutation {
            mutant: KeyBySeq,
            breaks: WINNER_BODY,
            how: "the body's key is the number alone: a loser overwrites the winner's body",
            params: &[],
        },
        Mutation {
            mutant: HeadFirst,
            breaks: WINNER_BODY,
            how: "the head moves before the body is put: until then it points at nothing",
            params: &[],
        },
        Mutation {
            mutant: VacuumIgnoresSnapshots,
            breaks: SNAPSHOT_READABLE,
            how: "vacuum takes versions that a held snapshot still sees",
            params: &[],
        },
    ];
    const GUARD: Option<Mutant> = Some(NoCas);

    type World = Services;
    type Spec = Log;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        Cluster { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        self.sizes.writers + self.sizes.readers + self.sizes.holders
    }

    fn role(&self, client: ClientId) -> char {
        match client.0 {
            it if it < self.sizes.writers => 'w',
            it if it < self.sizes.writers + self.sizes.readers => 'r',
            _ => 'h',
        }
    }

    fn worlds(&self) -> Vec<Services> {
        let vacuum = match self.mutant {
            Some(VacuumIgnoresSnapshots) => Vacuum::IgnoresSnapshots,
            _ => Vacuum::Ticks,
        };
        vec![Services::new(1, true, vacuum, Profile::Strong)]
    }

    fn spec(&self) -> Log {
        Log::default()
    }

    async fn client(self, io: Io<Self>) {
        let role = self.role(io.me());
        let member = Member { model: &self, io: &io, services: &Door::new(&io) };
        match role {
            'w' => member.write().await,
            'r' => member.read().await,
            _ => member.hold().await,
        }
    }

    fn invariant(&self, _before: Option<&Services>, now: &Services) -> Result<(), Violation> {
        if let Some((session, run)) = now.rows.unreadable() {
            let why = format!(
                "the snapshot held by h{} can no longer read {run}: vacuum took its version",
                session.client.0
            );
            return Err(Violation::new(SNAPSHOT_READABLE, why));
        }
        monotone(now)?;
        self.bodies(now)
    }

    fn sometimes(&self) -> Vec<&'static str> {
        let mut sometimes = vec!["late effects"];
        if self.sizes.writers > 1 {
            sometimes.extend([CONFLICT, EXPIRED]);
        }
        if self.sizes.readers > 0 && self.sizes.writers > 1 {
            sometimes.push("orphans skipped");
        }
        if self.sizes.holders > 0 {
            sometimes.push(HELD_BACK);
        }
        sometimes
    }

    fn stats(&self, history: &sim::model::Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        stats(head::counters(heads(history)), marks)
    }

    /// Over random seeds of 100 transitions, each took up to about 10 steps and 4 more for every
    /// writer (1 to 16) and reader (1 to 64, a key a page). Allowed is more than ten times that.
    fn steps_max(&self) -> usize {
        let many = usize::from(self.sizes.writers + self.sizes.readers);
        20_000 + self.sizes.transitions as usize * 10 * (10 + 6 * many)
    }
}

impl Cluster {
    /// Every number up to the head has its winner's body.
    ///
    /// Each number was the head after some step, and its body was looked for then. What is never
    /// replaced is there still, so it will do to look at the head and at what it follows. Once an
    /// object was replaced, the whole log is walked after every step.
    fn bodies(&self, now: &Services) -> Result<(), Violation> {
        let row = now.rows.head(RUN);
        let known = if now.objects.has_replaced() { 0 } else { row.seq.saturating_sub(2) };
        let (mut seq, mut by) = (row.seq, row.body);
        while seq > known {
            let key = self.key(seq, by);
            let found = now.objects.get(&key);
            let Some(body) = found.filter(|body| body.by == by) else {
                let there = found.map_or("there is none".to_owned(), |body| {
                    format!("it is {}'s", transition(body.by))
                });
                let why = format!(
                    "{RUN} is at {seq}, moved there by {}, but of its body at {key} {there}",
                    transition(by)
                );
                return Err(Violation::new(WINNER_BODY, why));
            };
            (seq, by) = (seq - 1, body.after);
        }
        Ok(())
    }

    fn key(&self, seq: u64, by: u64) -> String {
        match self.mutant {
            Some(KeyBySeq) => format!("{PREFIX}{seq:08}"),
            _ => format!("{PREFIX}{seq:08}/{}.{}", by >> 32, by & 0xffff_ffff),
        }
    }
}

/// What every body's key begins with.
const PREFIX: &str = "runs/run-0/";

fn transition(by: u64) -> String {
    format!("w{}", by >> 32)
}

/// One client of the cluster.
struct Member<'a> {
    model: &'a Cluster,
    io: &'a Io<Cluster>,
    services: &'a Door<'a, Cluster>,
}

impl Member<'_> {
    fn is(&self, mutant: Mutant) -> bool {
        self.model.mutant == Some(mutant)
    }

    async fn write(&self) {
        let sizes = &self.model.sizes;
        let mut tries_left = 3 * sizes.transitions + 10;
        loop {
            let me = self.io.unique();
            let Ok(Some(_)) = self.services.lock(RUN, me, sizes.ttl).await else {
                self.services.sleep(sizes.ttl.div_ceil(10)).await;
                continue;
            };
            let done = self.transition(me).await;
            self.services.unlock(RUN, me).await;
            // A broken twin may never get there, and must end all the same.
            tries_left -= u64::from(self.model.mutant.is_some());
            if done || tries_left == 0 {
                return;
            }
        }
    }

    /// True when there is nothing left to do.
    async fn transition(&self, me: u64) -> bool {
        let Ok(row) = self.head().await else { return false };
        if row.seq >= self.model.sizes.transitions {
            return true;
        }
        let body = Body { by: me, after: row.body };
        if self.is(HeadFirst) {
            if self.swap(row.seq, me).await {
                self.put(row.seq + 1, body).await;
            }
        } else if self.put(row.seq + 1, body).await {
            self.swap(row.seq, me).await;
        }
        false
    }

    async fn head(&self) -> Result<crate::worlds::rows::Row, Lost> {
        let asked = self.io.begin(Op::Head(head::Op::Read { key: RUN }));
        let row = self.services.select(RUN).await?.expect("the row of a run is never deleted");
        asked.end(Ret::Head(head::Ret::Head(row.seq)));
        Ok(row)
    }

    /// Whether the body is surely there.
    async fn put(&self, seq: u64, body: Body) -> bool {
        let key = self.model.key(seq, body.by);
        let asked = self.io.begin(Op::Object(objects::Op::Put {
            key: key.clone(),
            value: body.by,
            if_none_match: false,
            if_match: None,
        }));
        let written = self.services.put(key, body, When::Always).await;
        if written.is_ok() {
            asked.end(Ret::Object(objects::Ret::Done));
        }
        written.is_ok()
    }

    /// Moves the head from `from`, if it is still there. Silence leaves the outcome open.
    async fn swap(&self, from: u64, me: u64) -> bool {
        let asked = self.io.begin(Op::Head(head::Op::Cas { key: RUN, from }));
        let (set, seen) = match self.is(NoCas) {
            true => (Set::To(from + 1), None),
            false => (Set::Next, Some(from)),
        };
        let update = Update { run: RUN, set, seen, token: None, body: me };
        match self.services.update(update).await {
            Ok(Some(seq)) => {
                asked.end(Ret::Head(head::Ret::Won { seq: Some(seq) }));
                true
            }
            Ok(None) => {
                asked.end(Ret::Head(head::Ret::Lost));
                false
            }
            Err(Lost) => false,
        }
    }

    /// Follows the log: where is the head, what is new since last time, and what does it say?
    async fn read(&self) {
        let sizes = &self.model.sizes;
        let mut since = 0;
        for _ in 0..2 + sizes.transitions / 2 {
            if let Ok(row) = self.head().await {
                if self.follow(since, row.seq, row.body).await.is_ok() {
                    since = row.seq;
                }
                if since >= sizes.transitions {
                    return;
                }
            }
            self.services.sleep(sizes.ttl.div_ceil(5)).await;
        }
    }

    /// Lists the keys since `since`, then reads the winners' bodies from the head back.
    async fn follow(&self, since: u64, head: u64, mut by: u64) -> Result<(), Lost> {
        let start_after = (since > 0).then(|| format!("{PREFIX}{since:08}/~"));
        let asked = self.io.begin(Op::Object(objects::Op::Since {
            prefix: PREFIX.to_owned(),
            start_after: start_after.clone(),
        }));
        let keys = self.services.list_all(PREFIX, start_after, self.model.sizes.page).await?;
        if keys.len() as u64 > head.saturating_sub(since) {
            self.io.mark("orphans skipped");
        }
        asked.end(Ret::Object(objects::Ret::Keys { keys, truncated: None }));
        for seq in (since + 1..=head).rev() {
            let key = self.model.key(seq, by);
            let asked = self.io.begin(Op::Object(objects::Op::Get { key: key.clone() }));
            let body = self.services.get(key).await?;
            asked.end(Ret::Object(objects::Ret::Value(body.map(|body| body.by))));
            let Some(body) = body else { return Ok(()) };
            by = body.after;
        }
        Ok(())
    }

    /// Holds a snapshot for a while and reads the same row twice.
    async fn hold(&self) {
        for _ in 0..2 {
            // Whatever fell silent, the server rolls back; there is nothing to repair.
            let _ = self.hold_once().await;
        }
    }

    async fn hold_once(&self) -> Result<(), Lost> {
        self.services.begin(Isolation::RepeatableRead).await?;
        self.services.select(RUN).await?;
        self.services.sleep(self.model.sizes.ttl.div_ceil(4)).await;
        self.services.select(RUN).await?;
        self.services.commit().await
    }
}
