//! Real bugs of real queues and workflow engines, each as it was and as it is put right.
//!
//! An exhibit is a model like any other: sound without a mutant, and its one mutant is the bug as it
//! was reported. What is hard is to keep what made the bug and nothing else, so that its schedule
//! fits in a head; each file says what of the project it keeps.

pub mod bull_308;
pub mod dbos_742;
pub mod jobs;
pub mod oban_532;
pub mod procrastinate_103;
pub mod river_1302;

use sim::prelude::*;

/// A bug that somebody reported.
#[derive(Clone, Copy, Debug)]
pub struct Exhibit {
    /// The model's name.
    pub name: &'static str,
    /// Where it was reported.
    pub link: &'static str,
}

/// All of them, as `docs/museum.md` lists them.
pub const EXHIBITS: &[Exhibit] = &[
    Exhibit { name: river_1302::River::NAME, link: river_1302::LINK },
    Exhibit { name: oban_532::Oban::NAME, link: oban_532::LINK },
    Exhibit { name: dbos_742::Dbos::NAME, link: dbos_742::LINK },
    Exhibit { name: procrastinate_103::Procrastinate::NAME, link: procrastinate_103::LINK },
    Exhibit { name: bull_308::Bull::NAME, link: bull_308::LINK },
];

/// An exhibit has one size: the one at which it was reported, or less.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsReported {}

impl Params for AsReported {}
