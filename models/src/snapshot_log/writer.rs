//! A writer of the log: lock, read, put the body, move the head, unlock.

use super::design::{Lock, NODES, Sizes};
use super::sequence::{Op, Ret};
use super::{ADOPTED, Member, Mutant, RUN, SENT_AGAIN, SnapshotLog};
use crate::worlds::leases::Call as Redis;
use crate::worlds::objects::{Body, When};
use crate::worlds::quorum::{Quorum, Vote};
use crate::worlds::rows::{Row, Set, Update};
use sim::io::Asked;
use sim::prelude::*;

/// What came of putting a body.
enum Put {
    /// It is there.
    There,
    /// The number is taken, by this body.
    Taken(Body),
    /// Nobody answered, twice.
    Unknown,
}

impl<P: Params + Into<Sizes> + 'static> Member<'_, P> {
    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.model.is(mutant)
    }

    pub(super) async fn write(&self) {
        for turn in 0..self.model.sizes.tries {
            let me = self.io.unique();
            let Ok(token) = self.lock(turn, me).await else { continue };
            // Silence ends a try: what came of it, the next one reads.
            let _ = self.append(me, token).await;
            match self.model.sizes.lock {
                Lock::None => {}
                Lock::Single => self.services.unlock(RUN, me).await,
                Lock::Redlock => {
                    self.io.at(&(turn, "over"));
                    self.unlock_most(me).await;
                    self.io.at(&(turn, "over"));
                }
            }
        }
    }

    /// Takes the lock; its token, where its holders get one.
    async fn lock(&self, turn: u32, me: u64) -> Result<Option<u64>, Lost> {
        match self.model.sizes.lock {
            Lock::None => Ok(None),
            Lock::Single => Ok(Some(self.wait_for_lock(me).await)),
            Lock::Redlock => {
                let held = self.lock_most(me).await;
                // Which nodes answered, and when, is forgotten.
                self.io.at(&(turn, held));
                if held {
                    return Ok(None);
                }
                // As node-redlock does where it is told to try once: no lock, no work.
                self.unlock_most(me).await;
                self.io.at(&(turn, "over"));
                Err(Lost)
            }
        }
    }

    /// Nobody can hold it for longer than it lasts, so that is how long a nap takes.
    async fn wait_for_lock(&self, me: u64) -> u64 {
        let ttl = self.model.sizes.ttl;
        loop {
            if let Ok(Some(token)) = self.services.lock(RUN, me, ttl).await {
                return token;
            }
            self.services.sleep(ttl).await;
        }
    }

    fn quorum(&self) -> Quorum {
        Quorum::of(NODES, self.model.sizes.ttl).in_turn()
    }

    async fn lock_most(&self, me: u64) -> bool {
        let acquire = Redis::Acquire { run: RUN, value: me, ttl_ms: self.model.sizes.ttl };
        let asked = self.quorum().ask(self.services, me, acquire).await;
        matches!(asked, Vote::Held { .. })
    }

    async fn unlock_most(&self, me: u64) {
        let release = Redis::Release { run: RUN, value: me };
        self.quorum().release(self.services, release).await;
    }

    /// Appends a body, or a batch of them, after the head.
    async fn append(&self, me: u64, token: Option<u64>) -> Result<(), Lost> {
        if self.model.registers()
            && let Some(token) = token
        {
            let leave = Update { run: RUN, set: Set::Token, seen: None, token: Some(token), body: 0 };
            self.services.update(leave).await?;
        }
        let row = self.head().await?;
        let body = Body { by: me, after: row.body };
        if self.model.head_first() {
            if self.advance(None, row.seq, me, token).await? {
                self.put(row.seq + 1, body).await;
            }
            return Ok(());
        }
        let asked = self.ask(row.seq, me);
        match self.put(row.seq + 1, body).await {
            Put::There => self.advance(Some(asked), row.seq, me, token).await.map(drop),
            Put::Taken(_) if self.is(Mutant::NeverAdopts) => {
                asked.end(Ret::Lost);
                Ok(())
            }
            // The store has decided: the head follows, whoever moves it.
            Put::Taken(other) => {
                self.services.update(self.update(row.seq, other.by, token)).await?;
                self.io.mark(ADOPTED);
                asked.end(Ret::Lost);
                Ok(())
            }
            Put::Unknown => Err(Lost),
        }
    }

    fn ask(&self, from: u64, by: u64) -> Asked<'_, SnapshotLog<P>> {
        self.io.begin(Op::Append { from, by })
    }

    async fn head(&self) -> Result<Row, Lost> {
        let asked = self.io.begin(Op::Head);
        let row = self.services.select(RUN).await?.expect("the row of a run is never deleted");
        asked.end(Ret::Head(row.seq));
        Ok(row)
    }

    /// Puts an object. Sent again it says the same under the same key, so a PUT that nobody
    /// answered can be.
    async fn put(&self, seq: u64, body: Body) -> Put {
        let key = self.model.key(seq, body.by);
        let when = if self.model.creates() { When::Absent } else { When::Always };
        let mut sent = self.services.put(key.clone(), body, when).await;
        if sent.is_err() {
            if self.is(Mutant::TrustsSilence) {
                return Put::There;
            }
            self.io.mark(SENT_AGAIN);
            sent = self.services.put(key.clone(), body, when).await;
        }
        match sent {
            Ok(true) => Put::There,
            Ok(false) => self.taken(key, body.by).await,
            Err(Lost) => Put::Unknown,
        }
    }

    /// Refused: by another's body, or by one's own, whose acknowledgement was lost.
    async fn taken(&self, key: String, me: u64) -> Put {
        match self.services.get(key).await {
            Ok(Some(body)) if body.by == me && !self.is(Mutant::OwnBodyIsOthers) => Put::There,
            Ok(Some(body)) => Put::Taken(body),
            Ok(None) | Err(Lost) => Put::Unknown,
        }
    }

    /// Moves the head over every body of the object; whether it went all the way.
    async fn advance(
        &self,
        mut asked: Option<Asked<'_, SnapshotLog<P>>>,
        head: u64,
        me: u64,
        token: Option<u64>,
    ) -> Result<bool, Lost> {
        for from in head..head + self.model.sizes.batch {
            let asked = asked.take().unwrap_or_else(|| self.ask(from, me));
            let ret = self.swap(from, me, token).await?;
            let won = ret == Ret::Won;
            asked.end(ret);
            if !won {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves the head by one. Silence leaves the outcome open, unless the row says who won.
    async fn swap(&self, from: u64, me: u64, token: Option<u64>) -> Result<Ret, Lost> {
        let owned = self.model.creates() && self.model.by_seq() && !self.model.head_first();
        match self.services.update(self.update(from, me, token)).await {
            Ok(Some(_)) => Ok(Ret::Won),
            // Somebody moved it for the owner of the number.
            Ok(None) if owned => Ok(Ret::Won),
            Ok(None) if self.model.sizes.guard.fences() => Ok(Ret::Fenced),
            Ok(None) => Ok(Ret::Lost),
            Err(Lost) => {
                let row = self.services.select(RUN).await?;
                let mine = |row: &Row| row.seq > from && (owned || row.body == me);
                row.filter(mine).map(|_| Ret::Won).ok_or(Lost)
            }
        }
    }

    fn update(&self, from: u64, body: u64, token: Option<u64>) -> Update {
        let compares = self.model.compares();
        Update {
            run: RUN,
            set: if compares { Set::Next } else { Set::To(from + 1) },
            seen: compares.then_some(from),
            token: token.filter(|_| self.model.sizes.guard.fences()),
            body,
        }
    }
}
