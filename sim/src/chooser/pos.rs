//! Partial order sampling: every step draws a priority when it becomes possible, and keeps it.
//!
//! After Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling" (CAV 2018). There a step
//! draws anew when it races with the one just taken; the engine knows of no two calls whether they
//! race, so here none does. What is left is what matters most: a step that drew badly stays behind
//! however many others pass it, as a client does that is paused, where a uniform walk would take it
//! sooner and sooner.

use super::Chooser;
use crate::menu::Menu;
use crate::rng::Rng;
use crate::step::Step;

/// Sticky random priorities.
#[derive(Clone, Debug)]
pub struct Pos {
    rng: Rng,
    /// What was possible at the last choice, but for what was taken.
    drawn: Vec<(Step, u64)>,
    next: Vec<(Step, u64)>,
}

impl Pos {
    /// Draws from `rng`.
    pub fn new(rng: Rng) -> Self {
        Pos { rng, drawn: Vec::new(), next: Vec::new() }
    }
}

impl Chooser for Pos {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        self.next.clear();
        menu.iter().for_each(|step| {
            let before = self.drawn.iter().find(|(it, _)| *it == step);
            let priority = before.map_or_else(|| self.rng.bits(), |(_, priority)| *priority);
            self.next.push((step, priority));
        });
        let ranked = self.next.iter().enumerate().max_by_key(|(_, (_, priority))| *priority);
        let index = ranked.map(|(index, _)| index)?;
        std::mem::swap(&mut self.drawn, &mut self.next);
        self.drawn.swap_remove(index);
        Some(index)
    }
}
