//! What a measurement is of: every variable of a load on the table, by the name it is given by.
//!
//! The same name is read, listed, shown beside a result and swept over, so each stands here once.
//! A load that says nothing leaves what Postgres 15 ships with, but for the naptime, which all
//! loads here shorten to ten seconds as the harnesses do whose figures they are compared with.

use crate::param::{self, Field, Named};
use std::ops::RangeInclusive;

/// What another session does while the load runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hold {
    /// There is none.
    #[default]
    None,
    /// `BEGIN; SELECT 1` under READ COMMITTED, and then nothing.
    RcSelect,
    /// `BEGIN; SELECT txid_current()` under READ COMMITTED, and then nothing.
    RcXid,
    /// `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1`, and then nothing.
    Rr,
    /// A cursor under READ COMMITTED that is never read to its end.
    Cursor,
}

impl Hold {
    /// Each, by its name.
    pub const ALL: [(&'static str, Hold); 5] = [
        ("none", Hold::None),
        ("rc-select", Hold::RcSelect),
        ("rc-xid", Hold::RcXid),
        ("rr", Hold::Rr),
        ("cursor", Hold::Cursor),
    ];

    /// The name it is given by.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|it| it.1 == self).map_or("", |it| it.0)
    }
}

/// A load on the table, and how the server is set up. Times are simulated.
#[derive(Clone, PartialEq, Debug)]
pub struct Params {
    /// Rows that are there at any time.
    pub active: u64,
    /// Seconds that the load goes on.
    pub duration: u64,
    /// Connections that work at the same time.
    pub concurrency: u64,
    /// Percent of a page that fresh rows fill.
    pub fillfactor: u64,
    /// Percent of the first rows that are never touched.
    pub sleepers: f64,
    /// The fewest transitions of a row before it is deleted.
    pub tmin: u64,
    /// The most.
    pub tmax: u64,
    /// Rows that a transaction moves on; with 1 each statement is a transaction.
    pub commit_batch: u64,
    /// Whether a connection waits for its commit, its transaction open until its next turn.
    pub synchronous_commit: bool,
    /// Milliseconds of a statement that is a transaction, its commit included; 0 is as long as it
    /// takes until the connection's next turn, as where connections never rest.
    pub commit: f64,
    /// Updates a second, of all connections together.
    pub rate: u64,
    /// Seconds between samples; 0 is as often as makes sense.
    pub sample: u64,
    /// Megabytes (1e6) a second that a sample reads, its snapshot open; 0 is at once.
    pub scan_rate: u64,
    /// Seconds between `REINDEX CONCURRENTLY`; 0 is never.
    pub reindex_every: u64,
    /// What another session does.
    pub hold: Hold,
    /// The second at which it begins.
    pub hold_from: u64,
    /// The second at which it ends; 0 is never.
    pub hold_until: u64,
    /// `autovacuum`.
    pub autovacuum: bool,
    /// `autovacuum_naptime`, in seconds.
    pub naptime: u64,
    /// `autovacuum_vacuum_threshold`, in rows.
    pub threshold: u64,
    /// `autovacuum_vacuum_scale_factor`.
    pub scale_factor: f64,
    /// `autovacuum_vacuum_insert_threshold`, in rows.
    pub insert_threshold: u64,
    /// `autovacuum_vacuum_insert_scale_factor`.
    pub insert_scale_factor: f64,
    /// `autovacuum_analyze_threshold`, in rows.
    pub analyze_threshold: u64,
    /// `autovacuum_analyze_scale_factor`.
    pub analyze_scale_factor: f64,
    /// `autovacuum_vacuum_cost_limit`.
    pub cost_limit: u64,
    /// `autovacuum_vacuum_cost_delay`, in milliseconds.
    pub cost_delay: f64,
    /// What a page costs VACUUM: 1 if cached, 2 if read, 20 more if it becomes dirty by it.
    pub page_cost: u64,
    /// Fixes every choice.
    pub seed: u64,
}

/// The loads there are by name, each with what it shows.
pub const LOADS: [(&str, &str); 3] = [
    ("a0", "a minute on one hot table: sizes, HOT%, dead%"),
    ("soak", "hours: do dead% and the index plateau, or when must one reindex"),
    ("held-xmin", "what an open transaction holds back, and what comes back when it ends"),
];

impl Named for Hold {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn names(&self) -> Vec<&'static str> {
        Self::ALL.map(|it| it.0).to_vec()
    }

    fn take(&mut self, name: &str) -> bool {
        let found = Self::ALL.iter().find(|it| it.0 == name);
        found.is_some_and(|it| {
            *self = it.1;
            true
        })
    }
}

impl Params {
    /// The names of all parameters. `hours` is another way to give `duration`.
    pub const NAMES: [&'static str; 30] = [
        "active",
        "duration",
        "hours",
        "concurrency",
        "fillfactor",
        "sleepers",
        "tmin",
        "tmax",
        "commit_batch",
        "synchronous_commit",
        "commit",
        "rate",
        "sample",
        "scan_rate",
        "reindex_every",
        "hold",
        "hold_from",
        "hold_until",
        "autovacuum",
        "naptime",
        "threshold",
        "scale_factor",
        "insert_threshold",
        "insert_scale_factor",
        "analyze_threshold",
        "analyze_scale_factor",
        "cost_limit",
        "cost_delay",
        "page_cost",
        "seed",
    ];

    /// What a load of this name is unless it is said otherwise; none if there is no such load.
    pub fn of(load: &str) -> Option<Params> {
        let a0 = Params {
            active: 100_000,
            duration: 60,
            concurrency: 8,
            fillfactor: 90,
            sleepers: 2.0,
            tmin: 5,
            tmax: 20,
            commit_batch: 1,
            synchronous_commit: true,
            commit: 0.0,
            rate: 882,
            sample: 5,
            scan_rate: 500,
            reindex_every: 0,
            hold: Hold::None,
            hold_from: 0,
            hold_until: 0,
            autovacuum: true,
            naptime: 10,
            threshold: 50,
            scale_factor: 0.2,
            insert_threshold: 1000,
            insert_scale_factor: 0.2,
            analyze_threshold: 50,
            analyze_scale_factor: 0.1,
            cost_limit: 200,
            cost_delay: 2.0,
            page_cost: 2,
            seed: 1,
        };
        let soak = Params {
            active: 1_000_000,
            duration: 3600,
            concurrency: 16,
            commit_batch: 10,
            synchronous_commit: false,
            rate: 1000,
            sample: 0,
            ..a0.clone()
        };
        match load {
            "a0" => Some(a0),
            "soak" => Some(soak),
            "held-xmin" => Some(Params {
                active: 20_000,
                duration: 80,
                rate: 12_000,
                sample: 10,
                hold: Hold::Rr,
                hold_until: 40,
                ..soak
            }),
            _ => None,
        }
    }

    fn field(&mut self, name: &str) -> Option<Field<'_>> {
        const ROWS: RangeInclusive<u64> = 0..=1_000_000_000;
        const SECONDS: RangeInclusive<u64> = 0..=31_536_000;
        const SHARE: RangeInclusive<f64> = 0.0..=100.0;
        Some(match name {
            "active" => Field::Whole(&mut self.active, 1..=20_000_000),
            "duration" => Field::Whole(&mut self.duration, 1..=31_536_000),
            "concurrency" => Field::Whole(&mut self.concurrency, 1..=1000),
            "fillfactor" => Field::Whole(&mut self.fillfactor, 10..=100),
            "sleepers" => Field::Real(&mut self.sleepers, 0.0..=99.0),
            "tmin" => Field::Whole(&mut self.tmin, 1..=1_000_000),
            "tmax" => Field::Whole(&mut self.tmax, 1..=1_000_000),
            "commit_batch" => Field::Whole(&mut self.commit_batch, 1..=100_000),
            "synchronous_commit" => Field::Switch(&mut self.synchronous_commit),
            "commit" => Field::Real(&mut self.commit, 0.0..=10_000.0),
            "rate" => Field::Whole(&mut self.rate, 1..=1_000_000),
            "sample" => Field::Whole(&mut self.sample, SECONDS),
            "scan_rate" => Field::Whole(&mut self.scan_rate, 0..=1_000_000),
            "reindex_every" => Field::Whole(&mut self.reindex_every, SECONDS),
            "hold" => Field::Named(&mut self.hold),
            "hold_from" => Field::Whole(&mut self.hold_from, SECONDS),
            "hold_until" => Field::Whole(&mut self.hold_until, SECONDS),
            "autovacuum" => Field::Switch(&mut self.autovacuum),
            "naptime" => Field::Whole(&mut self.naptime, 1..=2_147_483),
            "threshold" => Field::Whole(&mut self.threshold, ROWS),
            "scale_factor" => Field::Real(&mut self.scale_factor, SHARE),
            "insert_threshold" => Field::Whole(&mut self.insert_threshold, ROWS),
            "insert_scale_factor" => Field::Real(&mut self.insert_scale_factor, SHARE),
            "analyze_threshold" => Field::Whole(&mut self.analyze_threshold, ROWS),
            "analyze_scale_factor" => Field::Real(&mut self.analyze_scale_factor, SHARE),
            "cost_limit" => Field::Whole(&mut self.cost_limit, 1..=10_000),
            "cost_delay" => Field::Real(&mut self.cost_delay, SHARE),
            "page_cost" => Field::Whole(&mut self.page_cost, 0..=100),
            "seed" => Field::Whole(&mut self.seed, 0..=u64::MAX),
            _ => return None,
        })
    }

    /// Sets a parameter as it was typed, or says what was expected.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name == "hours" {
            let hours: Option<f64> = value.parse().ok().filter(|it| (0.001..=8760.0).contains(it));
            let wanted = || format!("hours={value}: expected hours from 0.001 to 8760");
            self.duration = (hours.ok_or_else(wanted)? * 3600.0).ceil() as u64;
            return Ok(());
        }
        match self.field(name) {
            Some(field) => field.set(name, value),
            None => Err(param::unknown(name, &Self::NAMES)),
        }
    }

    /// What is wrong with them together, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.tmin > self.tmax {
            let Params { tmin, tmax, .. } = self;
            return Err(format!("tmin={tmin} tmax={tmax}: expected tmin up to tmax"));
        }
        if self.commit != 0.0 && (self.commit_batch != 1 || !self.synchronous_commit) {
            return Err(format!(
                "commit={}: expected 0 where a transaction has several rows or does not wait for \
                 its commit (commit_batch=1, synchronous_commit=on)",
                self.commit,
            ));
        }
        if self.hold_until != 0 && self.hold_until <= self.hold_from {
            let Params { hold_from, hold_until, .. } = self;
            return Err(format!(
                "hold_from={hold_from} hold_until={hold_until}: expected it to end after it begins"
            ));
        }
        Ok(())
    }

    /// Each parameter, as one would type it.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let mut copy = self.clone();
        let names = Self::NAMES.into_iter().filter(|it| *it != "hours");
        let show = |name| Some((name, copy.field(name)?.show()));
        names.filter_map(show).collect()
    }

    /// Rows that one statement of the loading inserts, as the harnesses have it.
    pub fn load_batch(&self) -> u64 {
        if self.commit_batch == 1 { 50_000 } else { 100_000 }
    }

    /// Seconds between samples: what was given, or the harness's 30 and, in long runs, a 288th.
    pub fn window(&self) -> u64 {
        if self.sample == 0 { 30.max(self.duration / 288) } else { self.sample }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_can_be_shown_and_set_to_what_it_shows() {
        for (load, _) in LOADS {
            let params = Params::of(load).expect("it is a load");
            let mut other = Params::of("a0").expect("it is one");
            assert_eq!(params.shown().len(), Params::NAMES.len() - 1);
            for (name, value) in params.shown() {
                assert_eq!(other.set(name, &value), Ok(()));
            }
            assert_eq!((&other, other.check()), (&params, Ok(())));
        }
        assert_eq!(Params::of("nothing"), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        let mut params = Params::of("a0").expect("it is a load");
        let mut error = |name, value| params.set(name, value).expect_err("it is wrong");
        assert!(error("colour", "1").contains("there is no parameter colour; there are active,"));
        assert_eq!(error("fillfactor", "5"), "fillfactor=5: expected a number from 10 to 100");
        assert!(error("hold", "rw").ends_with("expected none, rc-select, rc-xid, rr, cursor"));
        assert_eq!(error("autovacuum", "1"), "autovacuum=1: expected on or off");
        assert!(error("hours", "x").contains("expected hours"));
        assert_eq!((params.set("hours", "1.5"), params.duration), (Ok(()), 5400));
        params.tmin = 30;
        assert!(params.check().expect_err("it is wrong").contains("expected tmin up to tmax"));
    }
}
