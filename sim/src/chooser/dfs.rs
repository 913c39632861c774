//! Systematic: the seed is the schedule, written as a number, and counting up the seeds tries all.
//!
//! At a point with `n` steps the last digit of what is left of the seed, to base `n`, says which is
//! taken. Digit 0 is whatever the fair schedule does; the others are the rest in an order that only
//! the steps decide. When nothing is left, the fair schedule goes on for ever, and that is as if
//! there were zeros: so seed 0 deviates from it nowhere, and as long as the digits are used up each
//! seed is a schedule of its own. All that deviate in their first `k` steps alone are among the first
//! `n1 * .. * nk` seeds. A run that ends before its digits do is one that a smaller seed plays too.
//!
//! After Godefroid, "Model Checking for Programming Languages using VeriSoft" (POPL 1997), who
//! searches depth first and remembers nothing but the choices on the way to where he is; and Emmi,
//! Qadeer and Rakamaric, "Delay-Bounded Scheduling" (POPL 2011), who count how often a schedule
//! deviates from one that is given. Where it differs: no seed may depend on another, so nothing is
//! remembered at all, and it is the first choice that changes fastest and not the last.

use super::Chooser;
use crate::menu::Menu;
use crate::step::Step;

/// The digits of a number, as choices; then dull.
#[derive(Clone, Debug)]
pub struct Dfs {
    left: u64,
    others: Vec<(Step, usize)>,
}

impl Dfs {
    /// Plays the schedule of this number.
    pub fn new(number: u64) -> Self {
        Dfs { left: number, others: Vec::new() }
    }
}

impl Chooser for Dfs {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let count = menu.len() as u64;
        let digit = (self.left % count) as usize;
        self.left /= count;
        let nth = digit.checked_sub(1)?;
        let dull = menu.fair();
        self.others.clear();
        let others = menu.iter().zip(0..).filter(|(_, index)| Some(*index) != dull);
        self.others.extend(others);
        self.others.sort_unstable();
        // Where nothing is fair but a client may come back, nothing is left out.
        self.others.get(nth).map(|(_, index)| *index)
    }
}
