//! A reader of the log: where is the head, which keys are new, and what do they say?
//!
//! The head comes first. What is listed after it has every body up to it, and more: bodies that
//! lost, and bodies that have yet to win. Each body names the one it follows, so whoever walks from
//! the head back sees the winners only; and whoever counts sees a listing that misses one.

use super::design::Sizes;
use super::sequence::{Op, Ret};
use super::{Member, Mutant, PREFIX, RUN, SKIPPED};
use crate::worlds::rows::Row;
use sim::prelude::*;

impl<P: Params + Into<Sizes> + 'static> Member<'_, P> {
    pub(super) async fn read(&self) {
        let mut since = 0;
        for _ in 0..self.model.sizes.tries {
            // Silence ends a try: what it would have shown, the next one does.
            if let Ok(bodies) = self.read_since(since).await {
                since += bodies;
            }
        }
    }

    /// Reads all after `since`; how many that were.
    async fn read_since(&self, since: u64) -> Result<u64, Lost> {
        let asked = self.io.begin(Op::Since { after: since });
        let (row, keys) = if self.is(Mutant::ListsBeforeHead) {
            let keys = self.list(since).await?;
            (self.row().await?, keys)
        } else {
            let row = self.row().await?;
            (row, self.list(since).await?)
        };
        let takes_all = self.is(Mutant::ShowsOrphans) || self.is(Mutant::ReaderDoesNotCount);
        let ret = match takes_all {
            true => self.all(&keys, row.seq).await?,
            false => self.winners(&keys, since, row).await?,
        };
        let count = if let Ret::Bodies(bodies) = &ret { bodies.len() as u64 } else { 0 };
        if keys.len() as u64 > count {
            self.io.mark(SKIPPED);
        }
        asked.end(ret);
        Ok(count)
    }

    async fn row(&self) -> Result<Row, Lost> {
        let row = self.services.select(RUN).await?;
        Ok(row.expect("the row of a run is never deleted"))
    }

    /// The keys of all objects that may hold a body after `since`.
    async fn list(&self, since: u64) -> Result<Vec<String>, Lost> {
        let Sizes { batch, page, .. } = self.model.sizes;
        let before = match self.is(Mutant::StartsInsideBatch) {
            true => since,
            false => (since + 1).saturating_sub(batch),
        };
        let start_after = (before > 0).then(|| format!("{}/~", self.model.number(before)));
        self.services.list_all(PREFIX, start_after, page).await
    }

    /// The winners' bodies after `since`, from the head back.
    async fn winners(&self, keys: &[String], since: u64, head: Row) -> Result<Ret, Lost> {
        let (mut seq, mut by) = (head.seq, head.body);
        let mut bodies = Vec::new();
        while seq > since {
            let listed = self.model.keys(seq, by).find(|(_, key)| keys.contains(key));
            let Some((first, key)) = listed else { return Ok(Ret::Hole(seq)) };
            let Some(body) = self.services.get(key).await? else { return Ok(Ret::Hole(seq)) };
            bodies.extend((first.max(since + 1)..=seq).map(|_| body.by));
            (seq, by) = (first - 1, body.after);
        }
        bodies.reverse();
        Ok(Ret::Bodies(bodies))
    }

    /// Every body that is listed, up to number `head`.
    async fn all(&self, keys: &[String], head: u64) -> Result<Ret, Lost> {
        let beyond = self.model.number(head + 1);
        let mut bodies = Vec::new();
        for key in keys.iter().filter(|key| **key < beyond) {
            bodies.extend(self.services.get(key.clone()).await?.map(|body| body.by));
        }
        Ok(Ret::Bodies(bodies))
    }
}
