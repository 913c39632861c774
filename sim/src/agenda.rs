//! All that can happen next, kept up to date instead of rebuilt.
//!
//! The order is part of the contract: first what a fair schedule does, enabled longest first; then
//! moves the world may make; then what may follow a fault; then faults. So entry 0 is the dullest
//! step, and always taking it is fair: whatever stays enabled comes to the front in the end.

use crate::step::{Move, Step};
use crate::world::{Moves, World};

#[derive(Clone, Copy)]
pub(crate) enum Section {
    /// Happens in due course.
    Fair = 0,
    /// The world may do it: a lease lapses.
    May = 1,
    /// May follow a fault: a late call lands, a client comes back.
    Rare = 2,
    /// Costs budget.
    Fault = 3,
}

#[derive(Default)]
pub(crate) struct Agenda {
    steps: Vec<Step>,
    /// Where each section but the last ends.
    ends: [usize; 3],
    offered: Moves,
    scratch: Moves,
}

impl Agenda {
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.ends = [0; 3];
        self.offered.due.clear();
        self.offered.may.clear();
    }

    pub(crate) fn menu(&self) -> &[Step] {
        &self.steps
    }

    /// Whether nothing is left that must or may happen by itself.
    pub(crate) fn is_stuck(&self) -> bool {
        self.ends[Section::May as usize] == 0
    }

    pub(crate) fn add(&mut self, section: Section, step: Step) {
        let section = section as usize;
        match self.ends.get(section) {
            Some(end) => self.steps.insert(*end, step),
            None => self.steps.push(step),
        }
        for end in &mut self.ends[section.min(3)..] {
            *end += 1;
        }
    }

    /// Takes `step` off, if it is there.
    pub(crate) fn remove(&mut self, section: Section, step: Step) {
        let section = section as usize;
        let start = if section == 0 { 0 } else { self.ends[section - 1] };
        let end = self.ends.get(section).copied().unwrap_or(self.steps.len());
        let Some(offset) = self.steps[start..end].iter().position(|it| *it == step) else { return };
        self.steps.remove(start + offset);
        for end in &mut self.ends[section.min(3)..] {
            *end -= 1;
        }
    }

    /// No more faults: the budget is spent.
    pub(crate) fn end_faults(&mut self) {
        self.steps.truncate(self.ends[2]);
    }

    /// Asks the world what it may do now. A move that was offered before keeps its place.
    pub(crate) fn refresh<W: World>(&mut self, world: &W) {
        if W::MOVES.is_empty() {
            return;
        }
        let mut now = std::mem::take(&mut self.scratch);
        now.due.clear();
        now.may.clear();
        world.moves(&mut now);
        if now != self.offered {
            let before = std::mem::take(&mut self.offered);
            self.replace(Section::Fair, &before.due, &now.due);
            self.replace(Section::May, &before.may, &now.may);
            self.scratch = before;
            self.offered = now;
        } else {
            self.scratch = now;
        }
    }

    fn replace(&mut self, section: Section, before: &[Move], now: &[Move]) {
        for gone in before.iter().filter(|it| !now.contains(it)) {
            self.remove(section, Step::World(*gone));
        }
        for new in now.iter().filter(|it| !before.contains(it)) {
            self.add(section, Step::World(*new));
        }
    }

    /// A move was made: if it is offered again it counts as newly enabled.
    pub(crate) fn made(&mut self, chosen: Move) {
        let without = |offered: &mut Vec<Move>| {
            let at = offered.iter().position(|it| *it == chosen);
            at.map(|at| offered.remove(at)).is_some()
        };
        if without(&mut self.offered.due) {
            self.remove(Section::Fair, Step::World(chosen));
        } else if without(&mut self.offered.may) {
            self.remove(Section::May, Step::World(chosen));
        }
    }
}
