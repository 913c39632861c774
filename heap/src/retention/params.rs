//! What a load with retention is sized by, and the ways in which old runs are got rid of.

use crate::param::{self, Field, Named};

/// How old runs go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Partitions by `created_at`: `DETACH PARTITION .. CONCURRENTLY`, then `DROP TABLE`.
    Drop,
    /// The same with a plain `DETACH PARTITION`.
    Detach,
    /// One table: a bulk `DELETE`, then `VACUUM`.
    Delete,
}

impl Way {
    /// Each, by its name.
    pub const ALL: [(&'static str, Way); 3] =
        [("drop", Way::Drop), ("detach", Way::Detach), ("delete", Way::Delete)];

    /// The name it is given by.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|it| it.1 == self).map_or("", |it| it.0)
    }

    /// Whether the table is partitioned.
    pub fn is_partitioned(self) -> bool {
        self != Way::Delete
    }
}

/// Which of them are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ways(Option<Way>);

impl Ways {
    /// Those that are.
    pub fn all(self) -> Vec<Way> {
        Way::ALL
            .into_iter()
            .map(|it| it.1)
            .filter(|it| self.0.is_none_or(|one| one == *it))
            .collect()
    }
}

impl Named for Ways {
    fn name(&self) -> &'static str {
        self.0.map_or("all", Way::name)
    }

    fn names(&self) -> Vec<&'static str> {
        ["all"].into_iter().chain(Way::ALL.map(|it| it.0)).collect()
    }

    fn take(&mut self, name: &str) -> bool {
        let found = Way::ALL.into_iter().find(|it| it.0 == name);
        self.0 = found.map(|it| it.1);
        found.is_some() || name == "all"
    }
}

/// A load with retention. Times are simulated, in seconds.
#[derive(Clone, PartialEq, Debug)]
pub struct Params {
    /// Runs that are created a second.
    pub rate: u64,
    /// How long the load goes on.
    pub duration: u64,
    /// Connections that create runs and move them on.
    pub concurrency: u64,
    /// How long runs go to one partition, and how often old ones are retired.
    pub range: u64,
    /// Partitions that are kept beside the one that runs go to, for who comes late.
    pub keep: u64,
    /// Updates of a run; the last one finishes it.
    pub transitions: u64,
    /// Percent of runs that are never finished, and have to outlive their partition.
    pub sleepers: f64,
    /// Seconds for which a reader keeps a transaction with a snapshot open across each retirement;
    /// 0 is no reader.
    pub reader: u64,
    /// Percent of a page that fresh rows fill.
    pub fillfactor: u64,
    /// How old runs go.
    pub by: Ways,
    /// Fixes which runs sleep.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            rate: 500,
            duration: 30,
            concurrency: 8,
            range: 5,
            keep: 1,
            transitions: 3,
            sleepers: 3.0,
            reader: 0,
            fillfactor: 90,
            by: Ways::default(),
            seed: 1,
        }
    }
}

impl Params {
    /// The names of all parameters.
    pub const NAMES: [&'static str; 11] = [
        "rate",
        "duration",
        "concurrency",
        "range",
        "keep",
        "transitions",
        "sleepers",
        "reader",
        "fillfactor",
        "by",
        "seed",
    ];

    fn field(&mut self, name: &str) -> Option<Field<'_>> {
        const DAY: u64 = 86_400;
        Some(match name {
            "rate" => Field::Whole(&mut self.rate, 1..=100_000),
            "duration" => Field::Whole(&mut self.duration, 2..=DAY),
            "concurrency" => Field::Whole(&mut self.concurrency, 1..=1000),
            "range" => Field::Whole(&mut self.range, 1..=DAY),
            "keep" => Field::Whole(&mut self.keep, 1..=1000),
            "transitions" => Field::Whole(&mut self.transitions, 1..=1000),
            "sleepers" => Field::Real(&mut self.sleepers, 0.0..=100.0),
            "reader" => Field::Whole(&mut self.reader, 0..=DAY),
            "fillfactor" => Field::Whole(&mut self.fillfactor, 10..=100),
            "by" => Field::Named(&mut self.by),
            "seed" => Field::Whole(&mut self.seed, 0..=u64::MAX),
            _ => return None,
        })
    }

    /// Sets a parameter as it was typed, or says what was expected.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match self.field(name) {
            Some(field) => field.set(name, value),
            None => Err(param::unknown(name, &Self::NAMES)),
        }
    }

    /// What is wrong with them together, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let Params { range, keep, duration, reader, .. } = *self;
        let first = range * (keep + 1);
        if first >= duration {
            return Err(format!(
                "range={range} keep={keep} duration={duration}: nothing is retired before second \
                 {first}; expected a longer duration"
            ));
        }
        if reader >= range {
            return Err(format!(
                "reader={reader} range={range}: expected the reader to be gone before the next \
                 retirement"
            ));
        }
        Ok(())
    }

    /// Each parameter, as one would type it.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let mut copy = self.clone();
        Self::NAMES.into_iter().filter_map(|name| Some((name, copy.field(name)?.show()))).collect()
    }

    /// The seconds at which runs are retired, each with the first second whose runs stay.
    pub fn retirements(&self) -> impl Iterator<Item = (u64, u64)> {
        let Params { range, keep, duration, .. } = *self;
        (1..).map(move |it| ((it + keep) * range, it * range)).take_while(move |it| it.0 < duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_can_be_shown_and_set_to_what_it_shows() {
        let mut given = Params::default();
        given.set("by", "detach").expect("it is a way");
        let mut other = Params::default();
        for (name, value) in given.shown() {
            assert_eq!(other.set(name, &value), Ok(()));
        }
        assert_eq!((&other, given.shown().len()), (&given, Params::NAMES.len()));
        assert_eq!(given.by.all(), [Way::Detach]);
        assert_eq!(Params::default().by.all().len(), 3);
        let wrong = other.set("by", "hand").expect_err("it is none");
        assert_eq!(wrong, "by=hand: expected all, drop, detach, delete");
    }

    #[test]
    fn what_never_retires_anything_is_refused() {
        let params = Params { duration: 10, ..Params::default() };
        assert!(params.check().expect_err("too short").contains("before second 10"));
        let params = Params { reader: 5, ..Params::default() };
        assert!(params.check().expect_err("too long").contains("before the next"));
        assert_eq!(Params::default().check(), Ok(()));
        let all: Vec<_> = Params::default().retirements().collect();
        assert_eq!(all, [(10, 5), (15, 10), (20, 15), (25, 20)]);
    }
}
