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
    /// What was possible at the last choice, each by its code and with its priority.
    drawn: Vec<(u64, u64)>,
    next: Vec<(u64, u64)>,
}

/// The code of what was taken: no step's.
const TAKEN: u64 = u64::MAX;

impl Pos {
    /// Draws from `rng`.
    pub fn new(rng: Rng) -> Self {
        // Enough for most menus.
        let (drawn, next) = (Vec::with_capacity(16), Vec::with_capacity(16));
        Pos { rng, drawn, next }
    }
}

impl Chooser for Pos {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let Pos { rng, drawn, next } = self;
        next.clear();
        menu.iter().map(Step::code).for_each(|code| next.push((code, 0)));
        // A menu hardly changes its order, so a step most often follows the one looked up before.
        let (mut index, mut highest, mut here) = (0, 0, 0);
        for (at, (code, priority)) in next.iter_mut().enumerate() {
            let is_it = |(it, _): &(u64, u64)| it == code;
            if drawn.get(here).is_some_and(|(it, _)| *it == TAKEN) {
                here += 1;
            }
            let before = match drawn.get(here).is_some_and(is_it) {
                true => Some(here),
                false => drawn.iter().position(is_it),
            };
            *priority = before.map_or_else(|| rng.bits(), |before| drawn[before].1);
            here = before.map_or(here, |before| before + 1);
            if *priority >= highest {
                (index, highest) = (at, *priority);
            }
        }
        next[index].0 = TAKEN;
        std::mem::swap(drawn, next);
        Some(index)
    }
}
