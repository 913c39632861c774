//! What one page says of the names in its window.
//!
//! The hard part is saying little: a listing of a thousand names among ten thousand is compared by
//! walking both in order, names that were certainly there are counted and not looked at, and only
//! puts that overlap it are asked which came first.

use super::super::there::{There, rank_of};
use super::super::{Op, Ret};
use super::{End, NOBODY, Object, Pages};
use crate::monitor::words;
use crate::value::Datum;
use crate::{Property, Violation};

/// A page, by the ranks of the names.
struct Page {
    position: u32,
    call: u64,
    at: u64,
    /// The names that it tells of, in or out.
    window: std::ops::Range<usize>,
    /// The names after those, one of which must be there.
    more: Option<std::ops::Range<usize>>,
    /// Those that it names.
    told: Vec<u32>,
}

impl<V: Datum> Pages<'_, V> {
    /// Adds what all pages say.
    pub(super) fn lists(&mut self) -> Result<(), End> {
        let mut comings: Vec<(u64, u32)> = (0..)
            .zip(&self.objects)
            .filter(|(_, object)| object.there_at < u64::MAX)
            .map(|(rank, object)| (if object.is_old { 0 } else { object.there_at + 1 }, rank))
            .collect();
        comings.sort_unstable();
        let mut comings = comings.into_iter().peekable();
        let mut puts: Vec<(u32, u32)> = (0..)
            .zip(&self.objects)
            .flat_map(|(rank, object)| object.puts.iter().map(move |&put| (put, rank)))
            .filter(|(put, _)| self.order.is_in[*put as usize])
            .collect();
        puts.sort_unstable();
        let mut there = There::new(self.objects.len());
        let (mut called, mut active) = (0, Vec::new());
        for position in 0..self.part.len() as u32 {
            let operation = self.at(position);
            let Op::List { .. } = &operation.op else { continue };
            let Some(page) = self.page(position)? else { continue };
            while let Some((_, rank)) = comings.next_if(|(since, _)| *since <= page.call) {
                there.add(rank as usize);
            }
            while called < puts.len() && self.at(puts[called].0).call <= page.call {
                active.push(puts[called]);
                called += 1;
            }
            active.retain(|&(put, _)| self.order.times[put as usize].1 >= page.call);
            let later = puts[called..].iter();
            let later = later.take_while(|(put, _)| self.order.times[*put as usize].0 <= page.at);
            let overlapping: Vec<(u32, u32)> = active.iter().chain(later).copied().collect();
            self.tell(&page, &there, &overlapping)?;
        }
        Ok(())
    }

    /// What the answer means, if it says anything.
    fn page(&self, position: u32) -> Result<Option<Page>, End> {
        let operation = self.at(position);
        let Op::List { prefix, start_after, limit } = &operation.op else { return Ok(None) };
        let (keys, truncated) = match operation.ret() {
            None => return Ok(None),
            Some(Ret::Keys { keys, truncated }) => (keys, *truncated),
            Some(_) => return Err(End::Never(position)),
        };
        let never = Err(End::Never(position));
        let is_full = limit.is_some_and(|limit| keys.len() == limit as usize);
        if limit.is_some_and(|limit| keys.len() > limit as usize) {
            return never;
        }
        let (start_after, prefix) = (start_after.as_deref(), prefix.as_str());
        let begins = |it: &Object<'_>| it.name < prefix || Some(it.name) <= start_after;
        let start = self.objects.partition_point(begins);
        let end = self.objects[start..].partition_point(|it| it.name.starts_with(prefix)) + start;
        let mut told = Vec::with_capacity(keys.len());
        let mut next = start;
        for key in keys {
            next = rank_of(&self.objects[..end], next, key, |it| it.name);
            if next >= end || self.objects[next].name != key {
                return Err(self.unlisted(position, key));
            }
            told.push(next as u32);
            next += 1;
        }
        let (call, at) = (operation.call, operation.returned_at().unwrap_or(u64::MAX));
        let window = |end: usize| start..end;
        let page = |window, more| Ok(Some(Page { position, call, at, window, more, told }));
        match truncated {
            _ if *limit == Some(0) => page(start..start, None),
            Some(true) if is_full || limit.is_none() => page(window(next), Some(next..end)),
            Some(true) => never,
            None if is_full => page(window(next), None),
            Some(false) | None => page(window(end), None),
        }
    }

    /// A name that is not in the store, not in the window, or not in order.
    fn unlisted(&self, position: u32, key: &str) -> End {
        let what = words::phrase::<super::Objects<V>>(self.at(position));
        let why = format!("{what}, {key} among them, which nobody put there");
        let property = Property::named("unwritten");
        End::Wrong(words::violation(self.part, property, why, [position as usize]))
    }

    fn tell(&mut self, page: &Page, there: &There, overlapping: &[(u32, u32)]) -> Result<(), End> {
        let is_there = |object: &Object<'_>| object.is_old || object.there_at < page.call;
        let mut certain = 0;
        for &rank in &page.told {
            let object = &self.objects[rank as usize];
            if is_there(object) {
                certain += 1;
            } else if object.first_call > page.at {
                return Err(self.unlisted(page.position, object.name));
            }
        }
        if certain != there.within(&page.window) {
            return Err(self.missing(page));
        }
        // Puts of names it tells that are not certainly there: one is enough.
        let mut seen: Vec<(u32, u32)> = Vec::new();
        let mut more: Vec<u32> = Vec::new();
        for &(put, rank) in overlapping {
            let object = &self.objects[rank as usize];
            if page.window.contains(&(rank as usize)) {
                if page.told.binary_search(&rank).is_err() {
                    // One that nobody heard of may be as late as it likes.
                    let is_open = self.order.times[put as usize].1 == u64::MAX;
                    let may_skip = self.relaxed && !object.is_simple() && is_open;
                    if !may_skip {
                        self.order.pairs.push((page.position, put));
                    }
                } else if !is_there(object) {
                    seen.push((rank, put));
                }
            } else if page.more.as_ref().is_some_and(|more| more.contains(&(rank as usize))) {
                more.push(put);
            }
        }
        self.follow(page, seen)?;
        if let Some(rest) = &page.more
            && there.within(rest) == 0
        {
            if more.is_empty() {
                return Err(End::Never(page.position));
            }
            self.order.groups.push((more, page.position));
        }
        Ok(())
    }

    /// The page comes after the first put of each name.
    fn follow(&mut self, page: &Page, mut seen: Vec<(u32, u32)>) -> Result<(), End> {
        seen.sort_unstable();
        let mut told = page.told.iter().copied().filter(|&rank| {
            let object = &self.objects[rank as usize];
            !object.is_old && object.there_at >= page.call
        });
        for same in seen.chunk_by(|one, other| one.0 == other.0) {
            let object = &self.objects[same[0].0 as usize];
            if told.next() != Some(same[0].0) {
                return Err(self.unlisted(page.position, object.name));
            }
            match same {
                [(_, put)] => self.order.pairs.push((*put, page.position)),
                _ if object.first != NOBODY => {
                    self.order.pairs.push((object.first, page.position));
                }
                _ => {
                    let puts = same.iter().map(|it| it.1).collect();
                    self.order.groups.push((puts, page.position));
                }
            }
        }
        match told.next() {
            Some(rank) => {
                let name = self.objects[rank as usize].name;
                Err(self.unlisted(page.position, name))
            }
            None => Ok(()),
        }
    }

    /// A name that was certainly there, and is not told.
    fn missing(&self, page: &Page) -> End {
        let silent = page.window.clone().find(|&rank| {
            let object = &self.objects[rank];
            let was_there = object.is_old || object.there_at < page.call;
            was_there && page.told.binary_search(&(rank as u32)).is_err()
        });
        let Some(object) = silent.map(|rank| &self.objects[rank]) else { return End::Declined };
        let put = object
            .puts
            .iter()
            .copied()
            .find(|&put| self.order.times[put as usize].1 == object.there_at && !object.is_old);
        let what = words::phrase::<super::Objects<V>>(self.at(page.position));
        let why = match put {
            Some(put) => format!(
                "{what}, and not {}, although {} had returned before",
                object.name,
                words::whose::<super::Objects<V>>(self.at(put))
            ),
            None => format!("{what}, and not {}, which was there at the start", object.name),
        };
        let who = put.into_iter().chain([page.position]).map(|it| it as usize);
        let violation: Violation =
            words::violation(self.part, Property::LIST_AFTER_WRITE, why, who);
        End::Wrong(violation)
    }
}
