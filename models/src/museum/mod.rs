//! Real bugs of real queues and workflow engines, each as it was and as it is put right.
//!
//! An exhibit is a model like any other: sound without a mutant, and its one mutant is the bug as it
//! was reported. What is hard is to keep what made the bug and nothing else, so that its schedule
//! fits in a head; each file says what of the project it keeps.

pub mod bull_308;
pub mod dbos_742;
pub mod dbos_java_491;
pub mod delta_1410;
pub mod etcd_11456;
pub mod graphile_580;
pub mod iceberg_2317;
pub mod jobs;
pub mod oban_1093;
pub mod oban_532;
pub mod patchlevel_615;
pub mod pg_boss_535;
pub mod procrastinate_103;
pub mod que_web_28;
pub mod river_1302;
pub mod sidekiq_unique_559;
pub mod slatedb_766;
pub mod solid_queue_689;
pub mod solid_queue_761;
pub mod store;

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
    Exhibit { name: slatedb_766::SlateDb::NAME, link: slatedb_766::LINK },
    Exhibit { name: iceberg_2317::Iceberg::NAME, link: iceberg_2317::LINK },
    Exhibit { name: delta_1410::Delta::NAME, link: delta_1410::LINK },
    Exhibit { name: etcd_11456::Etcd::NAME, link: etcd_11456::LINK },
    Exhibit { name: solid_queue_689::SolidQueue::NAME, link: solid_queue_689::LINK },
    Exhibit { name: patchlevel_615::Patchlevel::NAME, link: patchlevel_615::LINK },
    Exhibit { name: graphile_580::Graphile::NAME, link: graphile_580::LINK },
    Exhibit { name: pg_boss_535::PgBoss::NAME, link: pg_boss_535::LINK },
    Exhibit { name: sidekiq_unique_559::SidekiqUnique::NAME, link: sidekiq_unique_559::LINK },
    Exhibit { name: oban_1093::ObanUnique::NAME, link: oban_1093::LINK },
    Exhibit { name: dbos_java_491::DbosJava::NAME, link: dbos_java_491::LINK },
    Exhibit { name: que_web_28::QueWeb::NAME, link: que_web_28::LINK },
    Exhibit { name: solid_queue_761::Semaphored::NAME, link: solid_queue_761::LINK },
];

/// An exhibit has one size: the one at which it was reported, or less.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsReported {}

impl Params for AsReported {}
