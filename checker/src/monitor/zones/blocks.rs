//! Values in rows: each block begins with a write, and goes on by compare-and-sets.

use super::{NOBODY, Touch, Touched, Zoned};

/// One value: who wrote it, who replaced it, and what bounds its time.
#[derive(Clone, Copy)]
struct Value {
    writer: u32,
    /// Who found it and replaced it, and by what.
    leaver: u32,
    next: u32,
    block: u32,
    /// Whose return is the earliest of those that are on this value, itself written.
    first: u32,
    /// Whose call is the latest.
    last: u32,
}

const UNKNOWN: Value = Value {
    writer: NOBODY,
    leaver: NOBODY,
    next: NOBODY,
    block: NOBODY,
    first: NOBODY,
    last: NOBODY,
};

/// The operations that bound a block, and what they bound it to.
#[derive(Clone, Copy)]
struct Block {
    /// The value it begins with.
    root: u32,
    first: u32,
    /// The earliest return.
    first_at: u64,
    last: u32,
    /// The latest call.
    last_call: u64,
}

impl Block {
    /// Whether it owns the time between; else it may be at one moment.
    fn is_wide(&self) -> bool {
        self.first_at < self.last_call
    }
}

/// When a block can begin, in the order in which they do if each waits as long as it can.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) late: u64,
    pub(super) is_wide: bool,
    pub(super) number: u32,
    pub(super) early: u64,
    /// Who writes its first value.
    pub(super) writer: u32,
}

/// A write that nobody answered for and nobody saw: it may have gone anywhere after its call.
#[derive(Clone, Copy)]
pub(super) struct Spare {
    pub(super) value: u32,
    pub(super) call: u64,
    /// The value it must have found, of a compare-and-set.
    pub(super) from: Option<u32>,
}

pub(super) struct Blocks {
    values: Vec<Value>,
    /// By call.
    pub(super) spares: Vec<Spare>,
    /// That with the initial value is the first.
    blocks: Vec<Block>,
    /// Those that own time, by their first return, without the first block.
    wide: Vec<u32>,
}

impl Blocks {
    /// Finds who wrote what, as far as it was seen, and ties it together.
    pub(super) fn new(touched: &[Touched], count: usize) -> Result<Self, Zoned> {
        let mut values = vec![UNKNOWN; count.max(1)];
        for (position, it) in (0..).zip(touched) {
            if let Touch::Write(value) | Touch::Cas(_, value) = it.touch {
                let value = &mut values[value as usize];
                if value.writer != NOBODY {
                    return Err(Zoned::Declined);
                }
                value.writer = position;
            }
        }
        if values[0].writer != NOBODY {
            return Err(Zoned::Declined);
        }
        let spares = leave(touched, &mut values)?;
        let mut all = Blocks { values, spares, blocks: Vec::new(), wide: Vec::new() };
        all.bound(touched);
        all.tie(touched)?;
        let wide = (1..all.blocks.len() as u32).filter(|&it| all.blocks[it as usize].is_wide());
        all.wide = wide.collect();
        all.wide.sort_unstable_by_key(|&it| all.blocks[it as usize].first_at);
        Ok(all)
    }

    /// The first return and the last call of each value.
    fn bound(&mut self, touched: &[Touched]) {
        let values = &mut self.values;
        for (position, it) in (0..).zip(touched) {
            let value = match it.touch {
                Touch::Read(value) => value,
                Touch::Write(value) | Touch::Cas(_, value)
                    if values[value as usize].writer == position =>
                {
                    value
                }
                _ => continue,
            };
            let value = &mut values[value as usize];
            if value.first == NOBODY || it.at < touched[value.first as usize].at {
                value.first = position;
            }
            if value.last == NOBODY || it.call > touched[value.last as usize].call {
                value.last = position;
            }
        }
    }

    /// Follows the compare-and-sets from each value that was simply written.
    fn tie(&mut self, touched: &[Touched]) -> Result<(), Zoned> {
        let mut tied = 0;
        for root in 0..self.values.len() as u32 {
            let writer = self.values[root as usize].writer;
            let is_root = root == 0
                || writer != NOBODY && matches!(touched[writer as usize].touch, Touch::Write(_));
            if !is_root {
                tied += usize::from(writer == NOBODY);
                continue;
            }
            let number = self.blocks.len() as u32;
            let (first_at, last_call) = (u64::MAX, 0);
            let mut block = Block { root, first: NOBODY, first_at, last: NOBODY, last_call };
            let mut next = root;
            loop {
                tied += 1;
                let value = &mut self.values[next as usize];
                value.block = number;
                if value.first != NOBODY {
                    let (at, call) =
                        (touched[value.first as usize].at, touched[value.last as usize].call);
                    if block.first == NOBODY || at < block.first_at {
                        (block.first, block.first_at) = (value.first, at);
                    }
                    if block.last == NOBODY || call > block.last_call {
                        (block.last, block.last_call) = (value.last, call);
                    }
                }
                next = value.next;
                if next == NOBODY {
                    break;
                }
            }
            self.blocks.push(block);
        }
        if tied == self.values.len() {
            return Ok(());
        }
        // Compare-and-sets in a circle: each found what another one had yet to write.
        let lost = self.values.iter().filter(|it| it.block == NOBODY && it.first != NOBODY);
        let first = lost.map(|it| it.first).min_by_key(|&it| touched[it as usize].at);
        Err(first.map_or(Zoned::Declined, |it| Zoned::Unwritten(it as usize)))
    }

    /// Two blocks that exclude one another.
    pub(super) fn split(&self) -> Option<Zoned> {
        let block = |number: u32| &self.blocks[number as usize];
        let split = |one: &Block, other: &Block| Zoned::Split {
            first: one.first as usize,
            between: other.last as usize,
            until: other.first as usize,
            last: one.last as usize,
        };
        for pair in self.wide.windows(2) {
            let (one, other) = (block(pair[0]), block(pair[1]));
            if other.first_at < one.last_call {
                return Some(split(one, other));
            }
        }
        let mut narrow = self.blocks.iter().skip(1).filter(|it| !it.is_wide());
        narrow.find_map(|inner| {
            let outer = self.owner(inner.last_call)?;
            (inner.first_at < outer.last_call).then(|| split(outer, inner))
        })
    }

    /// The block that owns this moment, its ends apart.
    fn owner(&self, moment: u64) -> Option<&Block> {
        let begun =
            self.wide.partition_point(|&number| self.blocks[number as usize].first_at < moment);
        let block = &self.blocks[*self.wide.get(begun.checked_sub(1)?)? as usize];
        (moment < block.last_call).then_some(block)
    }

    /// When each block can begin: those that own time, when they do; the others no sooner than
    /// the first moment and no later than the second, neither of which is owned by another.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let slot = |(number, block): (u32, &Block)| {
            let writer = self.values[block.root as usize].writer;
            if block.is_wide() {
                return Slot { late: block.first_at, is_wide: true, number, early: 0, writer };
            }
            // If its ends are taken, as far as the block that has them reaches.
            let early = self.owner(block.last_call).map_or(block.last_call, |it| it.last_call);
            let late = self.owner(block.first_at).map_or(block.first_at, |it| it.first_at);
            Slot { late, is_wide: false, number, early, writer }
        };
        let mut slots: Vec<Slot> = (1..).zip(&self.blocks[1..]).map(slot).collect();
        slots.sort_unstable();
        slots
    }

    /// The stage of each value, in this order of the blocks after the first, and of spares: those
    /// are counted on after the blocks.
    pub(super) fn stages(&self, order: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut stages = vec![NOBODY; self.values.len()];
        let mut next = 0;
        for number in [0].into_iter().chain(order) {
            if let Some(spare) = (number as usize).checked_sub(self.blocks.len()) {
                stages[self.spares[spare].value as usize] = next;
                next += 1;
                continue;
            }
            let mut value = self.blocks[number as usize].root;
            while value != NOBODY {
                stages[value as usize] = next;
                next += 1;
                value = self.values[value as usize].next;
            }
        }
        stages
    }

    /// How many there are, that with the initial value included.
    pub(super) fn count(&self) -> usize {
        self.blocks.len()
    }

    /// The block that ends with this value.
    pub(super) fn ended_by(&self, value: u32) -> Option<u32> {
        let value = &self.values[value as usize];
        (value.next == NOBODY && value.block != NOBODY).then_some(value.block)
    }

    /// The latest moment at which the last value of each block can have been written; at the start,
    /// if nobody did.
    pub(super) fn last_written(&self, touched: &[Touched]) -> Vec<Option<u64>> {
        let mut written = vec![None; self.blocks.len()];
        for value in (0..self.values.len() as u32).filter(|&it| self.ended_by(it).is_some()) {
            let Value { first, block, .. } = self.values[value as usize];
            if value != 0 {
                written[block as usize] = Some(touched[first as usize].at);
            }
        }
        written
    }

    /// Whether these two must be in the order of the stages, whatever the order of the blocks.
    pub(super) fn is_certain(&self, touched: &[Touched], first: usize, second: usize) -> bool {
        let block = |position: usize| match touched[position].touch {
            Touch::Write(value) | Touch::Cas(_, value) | Touch::Read(value) => {
                self.values[value as usize].block
            }
            _ => NOBODY,
        };
        block(second) == 0 || block(first) == block(second) && block(first) != NOBODY
    }

    /// An operation that denies a value which was there throughout, by its own block alone.
    pub(super) fn denied(&self, touched: &[Touched]) -> Option<Zoned> {
        let denials = (0..).zip(touched).filter_map(|(position, it)| match it.touch {
            Touch::Avoid(value) if self.values[value as usize].block != NOBODY => {
                Some((value, position, it))
            }
            _ => None,
        });
        let throughout = self.throughout(touched);
        let alone = self.blocks.len() == 1
            && touched.iter().all(|it| it.at < u64::MAX || it.touch == Touch::Dropped);
        for (value, position, it) in denials {
            let (since, until) = throughout[value as usize];
            let from_start = value == 0;
            let began = from_start || since != NOBODY && touched[since as usize].at < it.call;
            let lasted = until != NOBODY && it.at < touched[until as usize].call;
            let for_ever = alone && self.values[value as usize].next == NOBODY;
            if began && (lasted || for_ever) {
                return Some(Zoned::Denied {
                    since: (!from_start).then_some(since as usize),
                    refused: position,
                    until: lasted.then_some(until as usize),
                });
            }
        }
        None
    }

    /// For each value, whose return shows that it had been written, and whose call that it had not
    /// been replaced.
    fn throughout(&self, touched: &[Touched]) -> Vec<(u32, u32)> {
        let mut throughout = vec![(NOBODY, NOBODY); self.values.len()];
        let mut row: Vec<u32> = Vec::new();
        for block in &self.blocks {
            row.clear();
            let mut until = NOBODY;
            let mut value = block.root;
            while value != NOBODY {
                row.push(value);
                let Value { last, leaver, next, .. } = self.values[value as usize];
                for position in [last, leaver].into_iter().filter(|it| *it != NOBODY) {
                    if until == NOBODY
                        || touched[position as usize].call > touched[until as usize].call
                    {
                        until = position;
                    }
                }
                throughout[value as usize].1 = until;
                value = next;
            }
            let mut since = NOBODY;
            for &value in row.iter().rev() {
                let first = self.values[value as usize].first;
                if first != NOBODY
                    && (since == NOBODY || touched[first as usize].at < touched[since as usize].at)
                {
                    since = first;
                }
                throughout[value as usize].0 = since;
            }
        }
        throughout
    }
}

/// Sets apart the writes that nobody answered for and nobody saw, and notes who replaced what.
fn leave(touched: &[Touched], values: &mut [Value]) -> Result<Vec<Spare>, Zoned> {
    let is_open = |position: u32| touched[position as usize].at == u64::MAX;
    // Whose answer shows that the value was there.
    let mut needed = vec![NOBODY; values.len()];
    let mut seen: Vec<(u32, usize)> = Vec::new();
    for (position, it) in touched.iter().enumerate().filter(|(_, it)| it.at < u64::MAX) {
        if let Touch::Read(value) | Touch::Cas(value, _) = it.touch {
            seen.push((value, position));
        }
        while let Some((value, position)) = seen.pop() {
            if value == 0 || needed[value as usize] != NOBODY {
                continue;
            }
            needed[value as usize] = position as u32;
            let writer = values[value as usize].writer;
            let Some(it) = touched.get(writer as usize) else {
                return Err(Zoned::Unwritten(position));
            };
            if let Touch::Cas(from, _) = it.touch
                && is_open(writer)
            {
                seen.push((from, position));
            }
        }
    }
    let mut spares = Vec::new();
    for ((number, value), needed) in (0..).zip(values.iter_mut()).zip(&needed) {
        if value.writer != NOBODY && is_open(value.writer) && *needed == NOBODY {
            let Touched { touch, call, .. } = touched[value.writer as usize];
            let from = if let Touch::Cas(from, _) = touch { Some(from) } else { None };
            spares.push(Spare { value: number, call, from });
            value.writer = NOBODY;
        }
    }
    spares.sort_unstable_by_key(|it| (it.call, it.value));
    for (position, it) in (0..).zip(touched) {
        let Touch::Cas(from, to) = it.touch else { continue };
        if values[to as usize].writer == position {
            let value = &mut values[from as usize];
            if value.leaver != NOBODY {
                let both = [value.leaver, position];
                let seen = [value.next, to].map(|value| needed[value as usize]);
                let shown =
                    both.into_iter().zip(seen).filter(|(it, seen)| is_open(*it) && *seen != NOBODY);
                let seen = shown.map(|(_, seen)| seen as usize).collect();
                return Err(Zoned::Fork(both[0] as usize, both[1] as usize, seen));
            }
            (value.leaver, value.next) = (position, to);
        }
    }
    Ok(spares)
}
