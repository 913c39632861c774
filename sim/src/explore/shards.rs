//! A graph of worlds counted by several workers at once.
//!
//! The hard part is saying the same however many there are. A level is taken in blocks; of each,
//! first every world's successors are made and sorted into shards by their fingerprints, then every
//! shard looks its own up. So nobody waits for another's table, the blocks and the shards are the
//! same for any number of workers, and the sums are too. What depends on the order, the way to a
//! failure and what a bound leaves out, is left to the search that goes in order: this one only
//! says whether it is needed.

use super::moves::Known;
use super::table::Table;
use super::{Explored, Limits, Look, Search};
use crate::model::Model;
use crate::world::{Moves, World};
use checker::workers::{Threads, Workers, each};
use std::sync::Mutex;

const SHARDS: usize = 16;
/// Worlds that one worker takes at a time.
const SLICE: usize = 1 << 10;
/// Slices between two meetings.
const BLOCK: usize = 32;

/// What can be said without an order; `None`: something broke, or a bound was met.
pub(super) fn count<M: Model>(
    workers: &dyn Workers,
    model: &M,
    limits: &Limits,
    look: Look<'_>,
) -> Option<Explored> {
    let known = &Known::new(model, limits.symmetry);
    let tables = (0..SHARDS).map(|_| Mutex::default()).collect();
    let mut shards = Shards { model, known, tables, distinct: 0, generated: 0 };
    let roots = model.worlds().into_iter().map(|it| (known.fingerprint(&it), it));
    let mut level = shards.begin(roots)?;
    let mut depth = 0;
    while level.iter().any(|it| !it.is_empty()) {
        depth += 1;
        let slices: Vec<&[M::World]> = level.iter().flat_map(|it| it.chunks(SLICE)).collect();
        let mut next: Vec<Vec<M::World>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for block in slices.chunks(BLOCK) {
            // A thread takes longer to start than a slice to expand.
            let is_small =
                block.len() <= SHARDS && block.iter().map(|it| it.len()).sum::<usize>() <= SLICE;
            let workers = if is_small { &Threads(1) } else { workers };
            for (next, new) in next.iter_mut().zip(shards.expand(workers, block)?) {
                next.extend(new);
            }
            if shards.distinct >= limits.states_max || !look(shards.distinct, shards.generated) {
                return None;
            }
        }
        level = next;
    }
    let Shards { distinct, generated, .. } = shards;
    let mut search = Search::<u64>::new(limits, look);
    (search.generated, search.depth) = (generated, depth);
    Some(search.explored_of(distinct, None))
}

struct Shards<'a, M: Model> {
    model: &'a M,
    known: &'a Known,
    tables: Vec<Mutex<Table<u64>>>,
    distinct: u64,
    generated: u64,
}

/// Successors in heaps: of one slice by shard, or of one shard by slice.
type Sorted<W> = Vec<Vec<(u64, W)>>;

impl<M: Model> Shards<'_, M> {
    fn begin(
        &mut self,
        roots: impl Iterator<Item = (u64, M::World)>,
    ) -> Option<Vec<Vec<M::World>>> {
        let mut level = Vec::new();
        for (print, world) in roots {
            self.generated += 1;
            if self.table(shard(print)).insert(print) {
                self.model.invariant(None, &world).ok()?;
                level.push(world);
            }
        }
        self.distinct = level.len() as u64;
        Some(vec![level])
    }

    fn table(&self, shard: usize) -> std::sync::MutexGuard<'_, Table<u64>> {
        self.tables[shard].lock().expect("nobody panics holding it")
    }

    /// What is new one step beyond these worlds.
    fn expand(
        &mut self,
        workers: &dyn Workers,
        block: &[&[M::World]],
    ) -> Option<Vec<Vec<M::World>>> {
        let made = each(workers, block.len(), |number| self.successors(block[number]));
        let made = made.into_iter().collect::<Option<Vec<_>>>()?;
        let by_shard: Vec<Mutex<Sorted<M::World>>> =
            (0..SHARDS).map(|_| Mutex::new(Vec::with_capacity(made.len()))).collect();
        for sorted in made {
            for (successors, shard) in sorted.into_iter().zip(&by_shard) {
                self.generated += successors.len() as u64;
                shard.lock().expect("nobody panics holding it").push(successors);
            }
        }
        let new = each(workers, SHARDS, |number| {
            let mine = std::mem::take(&mut *by_shard[number].lock().expect("it is mine alone"));
            self.new_of(number, mine)
        });
        let new = new.into_iter().collect::<Option<Vec<_>>>()?;
        self.distinct += new.iter().map(|it| it.len() as u64).sum::<u64>();
        Some(new)
    }

    /// `None`: one of these worlds, or a step from it, breaks a promise.
    fn successors(&self, worlds: &[M::World]) -> Option<Sorted<M::World>> {
        let mut sorted: Sorted<M::World> =
            (0..SHARDS).map(|_| Vec::with_capacity(SLICE / 2)).collect();
        let mut moves = Moves::default();
        for world in worlds {
            moves.clear();
            world.moves(&mut moves);
            if moves.is_empty() {
                self.model.settled(world).ok()?;
            }
            for chosen in moves.iter() {
                let mut next = world.clone();
                next.advance(chosen);
                if M::COMPARES {
                    self.model.invariant(Some(world), &next).ok()?;
                }
                let print = self.known.fingerprint(&next);
                sorted[shard(print)].push((print, next));
            }
        }
        Some(sorted)
    }

    fn new_of(&self, number: usize, made: Vec<Vec<(u64, M::World)>>) -> Option<Vec<M::World>> {
        let mut table = self.table(number);
        let mut new = Vec::new();
        for successors in made {
            table.approach(successors.iter().map(|(print, _)| *print));
            for (print, world) in successors {
                if table.insert(print) {
                    if !M::COMPARES {
                        self.model.invariant(None, &world).ok()?;
                    }
                    new.push(world);
                }
            }
        }
        Some(new)
    }
}

/// By the high bits: the low ones are the place in the table.
fn shard(print: u64) -> usize {
    (print >> 60) as usize
}
