//! A graph of worlds counted by several workers at once.
//!
//! The hard part is saying the same however many there are. Levels are taken one after the other,
//! and all workers ask one table which worlds are new; which of them finds a world first is chance,
//! but the worlds of a level are the same, and so are depth and counts. What depends on the order,
//! the way to a failure and what a bound leaves out, is left to the search that goes in order: this
//! one only says whether it is needed.

use super::moves::{BATCH, Known};
use super::shared::Shared;
use super::{Explored, Limits, Look, Search};
use crate::model::Model;
use crate::world::{Moves, World};
use checker::workers::{Threads, Workers, each};

/// Worlds that one worker takes at a time, at least: a thread takes longer to start than that many
/// to expand.
const SHARE: usize = 1 << 10;
/// Shares between two looks at the bounds.
const BLOCK: usize = 64;
/// New worlds that one is thought to lead to, before it is known how many they are.
const AHEAD: usize = 4;

/// What can be said without an order; `None`: something broke, or a bound was met.
pub(super) fn count<M: Model>(
    workers: &dyn Workers,
    model: &M,
    limits: &Limits,
    look: Look<'_>,
) -> Option<Explored> {
    let known = Known::new(model, limits.symmetry);
    let seen = Shared::default();
    let states_max = limits.states_max;
    let mut graph = Graph { model, known, seen, states_max, distinct: 0, generated: 0 };
    let mut level = vec![graph.begin()?];
    let mut depth = 0;
    while level.iter().any(|it| !it.is_empty()) {
        depth += 1;
        let mut next = Vec::new();
        for block in shares(&level).chunks(BLOCK) {
            next.extend(graph.expand(workers, block)?);
            if graph.distinct >= limits.states_max || !look(graph.distinct, graph.generated) {
                return None;
            }
        }
        level = next;
    }
    let mut search = Search::<u64>::new(limits, look);
    (search.generated, search.depth) = (graph.generated, depth);
    Some(search.explored_of(graph.distinct, None))
}

/// The worlds of a level, in shares of [`SHARE`] at least but for the last.
fn shares<W>(level: &[Vec<W>]) -> Vec<Vec<&[W]>> {
    let mut shares = Vec::new();
    let mut share = Vec::new();
    let mut size = 0;
    for worlds in level.iter().flat_map(|it| it.chunks(SHARE)) {
        share.push(worlds);
        size += worlds.len();
        if size >= SHARE {
            shares.push(std::mem::take(&mut share));
            size = 0;
        }
    }
    if size > 0 {
        shares.push(share);
    }
    shares
}

struct Graph<'a, M> {
    model: &'a M,
    known: Known,
    seen: Shared,
    states_max: u64,
    distinct: u64,
    generated: u64,
}

/// What a worker found one step beyond its share.
struct Found<W> {
    new: Vec<W>,
    generated: u64,
}

impl<M: Model> Graph<'_, M> {
    fn begin(&mut self) -> Option<Vec<M::World>> {
        let mut found = Found { new: Vec::new(), generated: 0 };
        let roots = self.model.worlds().into_iter();
        let mut roots = roots.map(|it| (self.known.fingerprint(&it), it)).collect();
        self.look_up(&mut roots, &mut found)?;
        if M::COMPARES {
            found.new.iter().try_for_each(|world| self.model.invariant(None, world)).ok()?;
        }
        (self.distinct, self.generated) = (found.new.len() as u64, found.generated);
        Some(found.new)
    }

    /// What is new one step beyond these worlds.
    fn expand(
        &mut self,
        workers: &dyn Workers,
        block: &[Vec<&[M::World]>],
    ) -> Option<Vec<Vec<M::World>>> {
        let workers = if block.len() > 1 { workers } else { &Threads(1) };
        let worlds = block.iter().flatten().map(|it| it.len()).sum::<usize>();
        self.seen.make_room(workers, self.distinct as usize + AHEAD * worlds);
        let found = each(workers, block.len(), |number| self.successors(&block[number]));
        let mut next = Vec::new();
        for found in found {
            let Found { new, generated } = found?;
            self.distinct += new.len() as u64;
            self.generated += generated;
            next.push(new);
        }
        Some(next)
    }

    /// `None`: one of these worlds, or a step from it, breaks a promise; or there are too many.
    fn successors(&self, share: &[&[M::World]]) -> Option<Found<M::World>> {
        let mut found = Found { new: Vec::with_capacity(SHARE), generated: 0 };
        let mut batch = Vec::with_capacity(2 * BATCH);
        let mut moves = Moves::default();
        for world in share.iter().copied().flatten() {
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
                batch.push((self.known.fingerprint(&next), next));
            }
            if batch.len() >= BATCH {
                self.look_up(&mut batch, &mut found)?;
                if self.distinct + found.new.len() as u64 >= self.states_max {
                    return None;
                }
            }
        }
        self.look_up(&mut batch, &mut found)?;
        Some(found)
    }

    /// Which of the batch are new.
    fn look_up(&self, batch: &mut Vec<(u64, M::World)>, found: &mut Found<M::World>) -> Option<()> {
        found.generated += batch.len() as u64;
        self.seen.approach(batch.iter().map(|(print, _)| *print));
        for (print, world) in batch.drain(..) {
            if self.seen.insert(print).ok()? {
                if !M::COMPARES {
                    self.model.invariant(None, &world).ok()?;
                }
                found.new.push(world);
            }
        }
        Some(())
    }
}
