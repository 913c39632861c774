//! What a seed means: a whole scenario, drawn from nothing but itself.
//!
//! Each part is drawn from a stream of its own, so that giving one by hand (`--faults 1`) leaves
//! the others as they were.

use crate::chooser::{Chooser, Dfs, Novel, Pct, Pos, Random, Swarm};
use crate::menu::Menu;
use crate::rng::Rng;
use checker::hash::mix;
use std::fmt;
use std::str::FromStr;

/// A way of choosing that a seed can drive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Uniform.
    Random,
    /// Drawn weights.
    Swarm,
    /// Strict priorities with a few changes.
    Pct,
    /// Sticky priorities.
    Pos,
    /// What was done least.
    Novel,
    /// The seed's own digits.
    Dfs,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Kind] =
        &[Kind::Random, Kind::Swarm, Kind::Pct, Kind::Pos, Kind::Novel, Kind::Dfs];

    /// What seeds draw from: each as often as it deserves by `bench/strength.md`. Not among them is
    /// [`Kind::Dfs`], under which a seed is a number of a schedule and draws nothing.
    pub const PORTFOLIO: &'static [Kind] = &[
        Kind::Random,
        Kind::Random,
        Kind::Swarm,
        Kind::Swarm,
        Kind::Swarm,
        Kind::Pos,
        Kind::Pos,
        Kind::Pct,
        Kind::Novel,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Random => "random",
            Kind::Swarm => "swarm",
            Kind::Pct => "pct",
            Kind::Pos => "pos",
            Kind::Novel => "novel",
            Kind::Dfs => "dfs",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Kind::ALL.iter().map(Kind::to_string).collect::<Vec<_>>().join(", ");
        let found = Kind::ALL.iter().find(|kind| kind.to_string() == name);
        found
            .copied()
            .ok_or_else(|| format!("no chooser is called '{name}'; there are: {}", known()))
    }
}

/// What a seed decides, and what was decided for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Given, or left to the seed.
    pub chooser: Option<Kind>,
    /// Given, or left to the seed.
    pub faults_max: Option<u32>,
}

impl Scenario {
    /// Everything left to `seed`.
    pub fn of(seed: u64) -> Self {
        Scenario { seed, chooser: None, faults_max: None }
    }

    /// Under [`Kind::Dfs`] seeds count the schedules of one program, so all of them draw alike.
    fn stream(&self, part: u64) -> Rng {
        let seed = if self.chooser == Some(Kind::Dfs) { 0 } else { self.seed };
        Rng::new(mix(seed, part))
    }

    /// The stream that fills in parameters left open.
    pub fn params(&self) -> Rng {
        self.stream(1)
    }

    /// How many faults may be spent. A fixed budget misses what needs none and what needs three.
    pub fn faults(&self) -> u32 {
        self.faults_max.unwrap_or_else(|| *self.stream(2).pick(&[0, 0, 1, 2, 3, 5]))
    }

    /// Who chooses.
    pub fn kind(&self) -> Kind {
        self.chooser.unwrap_or_else(|| *self.stream(3).pick(Kind::PORTFOLIO))
    }

    /// The chooser itself.
    pub fn chooser(&self) -> Seeded {
        let rng = self.stream(4);
        match self.kind() {
            Kind::Random => Seeded::Random(Random::new(rng)),
            Kind::Swarm => Seeded::Swarm(Swarm::new(rng)),
            Kind::Pct => Seeded::Pct(Box::new(Pct::new(rng))),
            Kind::Pos => Seeded::Pos(Pos::new(rng)),
            Kind::Novel => Seeded::Novel(Novel::new(rng)),
            Kind::Dfs => Seeded::Dfs(Dfs::new(self.seed)),
        }
    }
}

/// A chooser that a seed drives.
#[derive(Clone, Debug)]
pub enum Seeded {
    /// Uniform.
    Random(Random),
    /// Drawn weights.
    Swarm(Swarm),
    /// Strict priorities with a few changes.
    Pct(Box<Pct>),
    /// Sticky priorities.
    Pos(Pos),
    /// What was done least.
    Novel(Novel),
    /// The seed's own digits.
    Dfs(Dfs),
}

impl Chooser for Seeded {
    #[inline]
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        match self {
            Seeded::Random(it) => it.choose(menu),
            Seeded::Swarm(it) => it.choose(menu),
            Seeded::Pct(it) => it.choose(menu),
            Seeded::Pos(it) => it.choose(menu),
            Seeded::Novel(it) => it.choose(menu),
            Seeded::Dfs(it) => it.choose(menu),
        }
    }
}
