//! `run_head`: many writers move one row's number by compare-and-swap, under a lock that may lapse.
//!
//! The writer is the code one would ship: lock, read, `UPDATE .. WHERE seq = $read`, unlock. The
//! hard part is silence: an UPDATE whose answer was lost may have landed, or may land later, so its
//! outcome stays unknown until the row itself shows whose transition it holds.
//!
//! Mutual exclusion is not promised: the lock is there to save work, and the compare-and-swap
//! holds when the lock does not. After seed 000, workstream A2.

use crate::worlds::leases;
use crate::worlds::objects::Profile;
use crate::worlds::rows::{Isolation, Set, Update, Vacuum};
use crate::worlds::{CONFLICT, Door, EXPIRED, Run, Services, TAKEN, WAITED};
use checker::specs::head::{Counters, Head, Op, Ret, counters};
use sim::model::Seen;
use sim::prelude::*;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many writers.
    pub writers: u16,
    /// How many transitions there are to make, in all runs together.
    pub transitions: u64,
    /// How many runs (rows) they are spread over.
    pub runs: u16,
    /// What writers hold while they move a head.
    pub lock: Lock,
    /// When the lock runs out, in milliseconds.
    pub ttl: u32,
    /// What a writer whose UPDATE changed 0 rows learns.
    pub conflict: Open<Conflict>,
    /// How a transition is sent.
    pub commit: Open<Commit>,
}

/// What writers hold while they move a head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// Nothing.
    None,
    /// A key in Redis that runs out.
    Redlock,
}

/// What a writer whose UPDATE changed 0 rows learns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// That it lost.
    Plain,
    /// Also where the head is now: it reads again before it answers.
    Head,
}

/// How a transition is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commit {
    /// One statement, which commits itself.
    Auto,
    /// `BEGIN; UPDATE; COMMIT`, so that the row stays locked over several round trips.
    Explicit,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            writers: 3,
            transitions: 3,
            runs: 1,
            lock: Lock::Redlock,
            ttl: 5000,
            conflict: Open::Any,
            commit: Open::Any,
        }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "transitions", "runs"];

    fn draw(&mut self, rng: &mut Rng) {
        self.conflict.draw(rng, &[Conflict::Plain, Conflict::Head]);
        self.commit.draw(rng, &[Commit::Auto, Commit::Explicit]);
    }

    fn simpler(&self) -> Vec<Self> {
        let (conflict, commit) = (Open::Is(Conflict::Plain), Open::Is(Commit::Auto));
        vec![Sizes { conflict, commit, ..self.clone() }, Sizes { conflict, ..self.clone() }]
    }

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=256)?;
        within("transitions", self.transitions, 1..=1_000_000)?;
        within("runs", self.runs, 1..=1024)?;
        within("ttl", self.ttl, 1..=86_400_000)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// `SET seq = $read + 1`, no `AND seq = $read`.
    NoCas,
    /// `SET seq = seq + 1`, no `AND seq = $read`.
    NoCasIncrement,
    /// Extends its lock right before the write, and trusts it.
    LockOnly,
    /// Checks a fencing token when it writes, and only then.
    FenceAtWrite,
    /// Takes silence for success.
    TrustSilence,
    /// Sends the same UPDATE again after silence, and believes the second answer.
    RetrySilence,
    /// Takes "0 rows updated" for success (dbos-transact-py#742).
    ZeroRowsIsWin,
    /// Reads in one transaction and writes in another, by id only.
    TwoTransactions,
    /// Counts on from what it wrote last, without reading again.
    StaleRead,
    /// Takes the lock without an expiry.
    LockForever,
}

use Mutant::*;

/// The model.
#[derive(Clone)]
pub struct RunHead {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

const LOCKED: &[(&str, &str)] = &[("lock", "redlock")];

impl Model for RunHead {
    const NAME: &'static str = "run_head";
    const ABOUT: &'static str = "writers move a row's number by compare-and-swap under a lock that may lapse";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation {
            mutant: NoCas,
            breaks: Property::FORK,
            how: "SET seq = $read + 1 without AND seq = $read: two writers decide on one state",
            params: &[],
        },
        Mutation {
            mutant: NoCasIncrement,
            breaks: Property::FORK,
            how: "SET seq = seq + 1 without AND seq = $read: the numbers never repeat, the decisions do",
            params: &[],
        },
        Mutation {
            mutant: LockOnly,
            breaks: Property::FORK,
            how: "extends its lock right before the write and trusts it: it lapses in between",
            params: LOCKED,
        },
        Mutation {
            mutant: FenceAtWrite,
            breaks: Property::FORK,
            how: "a token checked at the write only: an old holder writes before the new one does",
            params: LOCKED,
        },
        Mutation {
            mutant: TrustSilence,
            breaks: Property::LOST,
            how: "a lost reply is taken for success: the UPDATE never ran",
            params: &[],
        },
        Mutation {
            mutant: RetrySilence,
            breaks: Property::GAP,
            how: "a lost reply is retried blindly: the second UPDATE loses to the first",
            params: &[("commit", "auto"), ("conflict", "plain")],
        },
        Mutation {
            mutant: ZeroRowsIsWin,
            breaks: Property::FORK,
            how: "'0 rows updated' is taken for a win (dbos-transact-py#742)",
            params: &[],
        },
        Mutation {
            mutant: TwoTransactions,
            breaks: Property::FORK,
            how: "reads in one transaction and writes in another, by id only",
            params: &[("commit", "explicit")],
        },
        Mutation {
            mutant: StaleRead,
            breaks: Property::MONOTONE,
            how: "counts on from its own last write without reading again: the head goes back",
            params: &[("transitions", "4")],
        },
        Mutation {
            mutant: LockForever,
            breaks: Property::PROGRESS,
            how: "the lock has no expiry (SET NX without PX): its holder crashes, and nobody goes on",
            params: LOCKED,
        },
    ];
    const GUARD: Option<Mutant> = Some(NoCas);

    type World = Services;
    type Spec = Head<Run>;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        RunHead { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        self.sizes.writers
    }

    fn role(&self, _client: ClientId) -> char {
        'w'
    }

    fn worlds(&self) -> Vec<Services> {
        let locked = self.sizes.lock == Lock::Redlock;
        vec![Services::new(self.sizes.runs, locked, Vacuum::AtOnce, Profile::Strong)]
    }

    fn spec(&self) -> Head<Run> {
        Head::new(0)
    }

    async fn client(self, io: Io<Self>) {
        let services = Door::new(&io);
        for run in (0..self.sizes.runs).map(Run) {
            let writer = Writer { model: &self, io: &io, services: &services, run };
            writer.work().await;
        }
    }

    fn invariant(&self, _before: Option<&Services>, now: &Services) -> Result<(), Violation> {
        monotone(now)
    }

    fn sometimes(&self) -> Vec<&'static str> {
        let mut sometimes = vec!["late effects"];
        if self.sizes.writers > 1 {
            sometimes.push(CONFLICT);
            if self.sizes.lock == Lock::Redlock {
                sometimes.push(EXPIRED);
            }
            if self.sizes.commit != Open::Is(Commit::Auto) {
                sometimes.push(WAITED);
            }
        }
        sometimes
    }

    fn stats(&self, history: &Seen<Self>, marks: &Marks) -> Vec<(&'static str, u64)> {
        let seen = history.iter().enumerate().map(|(index, it)| it.seen(index));
        stats(counters(seen), marks)
    }

    /// Over random seeds of 100 transitions, by 1 to 64 writers, each took up to 10 steps and 4
    /// more for every writer, most of them naps of those who want the lock. Allowed is more than
    /// ten times that; that a run is done is seen in one more round.
    fn steps_max(&self) -> usize {
        let work = self.sizes.transitions as usize + usize::from(self.sizes.runs);
        20_000 + work * 10 * (10 + 6 * usize::from(self.sizes.writers))
    }
}

/// No commit sets a head back.
pub(crate) fn monotone(now: &Services) -> Result<(), Violation> {
    let Some((run, from, to)) = now.rows.went_back() else { return Ok(()) };
    Err(Violation::new(Property::MONOTONE, format!("{run} went back from {from} to {to}")))
}

/// The seed's own counters, and what they cannot see.
pub(crate) fn stats(counters: Counters, marks: &Marks) -> Vec<(&'static str, u64)> {
    vec![
        ("final_seq", counters.final_seq),
        ("winners", counters.winners),
        ("conflicts", counters.conflicts),
        ("duplicates", counters.duplicates),
        ("gaps", counters.gaps),
        ("forks", counters.forks),
        ("expiries_mid_transition", marks.count(EXPIRED)),
        ("taken_over_mid_transition", marks.count(TAKEN)),
    ]
}

/// One writer at work on one run.
struct Writer<'a> {
    model: &'a RunHead,
    io: &'a Io<RunHead>,
    services: &'a Door<'a, RunHead>,
    run: Run,
}

impl Writer<'_> {
    fn is(&self, mutant: Mutant) -> bool {
        self.model.mutant == Some(mutant)
    }

    /// How many transitions this run is to make: the first runs take what cannot be shared evenly.
    fn target(&self) -> u64 {
        let (all, runs) = (self.model.sizes.transitions, u64::from(self.model.sizes.runs));
        all / runs + u64::from(u64::from(self.run.0) < all % runs)
    }

    fn ttl(&self) -> u32 {
        if self.is(LockForever) { leases::NEVER } else { self.model.sizes.ttl }
    }

    async fn work(&self) {
        let sizes = &self.model.sizes;
        let mut written = None;
        let mut tries_left = 3 * self.target() + 10;
        loop {
            let me = self.io.unique();
            let token = match sizes.lock {
                Lock::None => None,
                Lock::Redlock => match self.services.lock(self.run, me, self.ttl()).await {
                    Ok(Some(token)) => Some(token),
                    Ok(None) | Err(Lost) => {
                        self.services.sleep(sizes.ttl.div_ceil(10)).await;
                        continue;
                    }
                },
            };
            let done = self.transition(me, token, &mut written).await;
            if token.is_some() {
                self.services.unlock(self.run, me).await;
            }
            // A broken twin may never get there, and must end all the same.
            tries_left -= u64::from(self.model.mutant.is_some());
            if done || tries_left == 0 {
                return;
            }
        }
    }

    /// Reads the head and tries to move it by one. True when there is nothing left to do.
    async fn transition(&self, body: u64, token: Option<u64>, written: &mut Option<u64>) -> bool {
        let stale = written.take().filter(|_| self.is(StaleRead));
        let from = match stale {
            Some(seq) => seq,
            None => match self.read().await {
                Ok(seq) => seq,
                Err(Lost) => return false,
            },
        };
        if from >= self.target() {
            return true;
        }
        if self.is(LockOnly) && !self.services.extend(self.run, body, self.ttl()).await {
            return false;
        }
        let asked = self.io.begin(Op::Cas { key: self.run, from });
        let fenced = self.is(FenceAtWrite);
        let update = Update {
            run: self.run,
            set: if self.by_server() { Set::Next } else { Set::To(from + 1) },
            seen: self.guarded().then_some(from),
            token: token.filter(|_| fenced),
            body,
        };
        match self.send(update).await {
            Ok(Some(seq)) => {
                *written = Some(seq);
                asked.end(Ret::Won { seq: Some(seq) });
            }
            Ok(None) if self.is(ZeroRowsIsWin) => asked.end(Ret::Won { seq: Some(from + 1) }),
            Ok(None) => self.lost(asked, from).await,
            Err(Lost) if self.is(TrustSilence) => asked.end(Ret::Won { seq: Some(from + 1) }),
            // It may have landed, or may land yet. Only the row can say so, and only if it did.
            Err(Lost) => {
                if let Ok(Some(row)) = self.services.select(self.run).await
                    && row.body == body
                {
                    asked.end(Ret::Won { seq: Some(row.seq) });
                }
            }
        }
        false
    }

    async fn read(&self) -> Result<u64, Lost> {
        let explicit = self.is(TwoTransactions);
        if explicit {
            self.services.begin(Isolation::ReadCommitted).await?;
        }
        let asked = self.io.begin(Op::Read { key: self.run });
        let row = self.services.select(self.run).await?.expect("the row of a run is never deleted");
        asked.end(Ret::Head(row.seq));
        if explicit {
            self.services.commit().await?;
        }
        Ok(row.seq)
    }

    /// Sends the UPDATE, in a transaction of its own or as one statement.
    async fn send(&self, update: Update) -> Result<Option<u64>, Lost> {
        let sent = self.send_once(update).await;
        match sent {
            Err(Lost) if self.is(RetrySilence) => self.send_once(update).await,
            sent => sent,
        }
    }

    async fn send_once(&self, update: Update) -> Result<Option<u64>, Lost> {
        if self.model.sizes.commit.or(Commit::Auto) == Commit::Auto {
            return self.services.update(update).await;
        }
        self.services.begin(Isolation::ReadCommitted).await?;
        let seq = self.services.update(update).await?;
        self.services.commit().await?;
        Ok(seq)
    }

    /// The compare failed: somebody moved the head since it was read.
    async fn lost(&self, asked: sim::io::Asked<'_, RunHead>, from: u64) {
        if self.model.sizes.conflict.or(Conflict::Plain) == Conflict::Plain {
            return asked.end(Ret::Lost);
        }
        match self.services.select(self.run).await {
            Ok(Some(row)) if row.seq != from => asked.end(Ret::Saw { head: row.seq }),
            // It lost all the same, wherever the head is.
            _ => asked.end(Ret::Lost),
        }
    }

    fn guarded(&self) -> bool {
        !matches!(
            self.model.mutant,
            Some(NoCas | NoCasIncrement | LockOnly | FenceAtWrite | TwoTransactions | StaleRead)
        )
    }

    fn by_server(&self) -> bool {
        self.guarded() || self.is(NoCasIncrement)
    }
}
