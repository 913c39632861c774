//! Rows that others have published of such loads, to be shown beside what is seen here.
//!
//! They were measured on another machine, another major and by another's harness, whose figures are
//! rounded; so they are beside the point where both sides here agree and they do not, and then the
//! row says why. Source: the benchmark of a head row for Trigger.dev's execution snapshots,
//! <https://gist.github.com/1stvamp/1a1350a2ec1fc854c96d9780afd4b6a4>, workstreams A0 and D.

/// A row: a load, and what was said of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Published {
    /// What it is called here.
    pub name: &'static str,
    /// What it has for parameters where the load has others.
    pub set: &'static [(&'static str, &'static str)],
    /// The figures, if there are any.
    pub figures: Option<Figures>,
    /// What is to be known of it.
    pub remark: &'static str,
}

/// The figures of a row, as rounded as they are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figures {
    /// Percent of updates that stayed on their page.
    pub hot: f64,
    /// Megabytes of the heap, loaded and at the end.
    pub heap: (f64, f64),
    /// Megabytes of the index, loaded and at the end.
    pub index: (f64, f64),
    /// Percent of dead rows at most.
    pub dead: f64,
    /// Vacuums by autovacuum.
    pub autovacuums: f64,
}

impl Figures {
    /// The figure of this name, as [`crate::soak::bands`] has it, and by how much rounding may
    /// have moved it.
    pub fn of(&self, what: &str) -> Option<(f64, f64)> {
        Some(match what {
            "heap MB, loaded" => (self.heap.0, 0.05),
            "heap MB" => (self.heap.1, 0.05),
            // Its free space map is 0.02 MB, and there or not.
            "index MB, loaded" => (self.index.0, 0.08),
            "index MB" => (self.index.1, 0.08),
            "HOT %" => (self.hot, 0.005),
            "dead %, at most" => (self.dead, 0.5),
            "autovacuums" => (self.autovacuums, 0.0),
            _ => return None,
        })
    }
}

/// The four rows of workstream A0.
const A0: [Published; 4] = [
    Published {
        name: "100k rows, fillfactor 90",
        set: &[],
        figures: Some(Figures {
            hot: 96.85,
            heap: (9.5, 9.7),
            index: (3.9, 3.9),
            dead: 1.6,
            autovacuums: 1.0,
        }),
        remark: "",
    },
    Published {
        name: "1M rows, fillfactor 90",
        set: &[("active", "1000000")],
        figures: Some(Figures {
            hot: 90.97,
            heap: (94.2, 94.7),
            index: (39.0, 39.0),
            dead: 0.4,
            autovacuums: 0.0,
        }),
        remark: "its sampler reads 94 MB every 5 s with a snapshot open, and no row is touched \
                 twice: while it reads, a page that is full stays full. One that reads 240 MB a second \
                 gives 91.1 (-p scan_rate=240)",
    },
    Published {
        name: "10k rows, churn, 120 s",
        set: &[
            ("active", "10000"),
            ("tmin", "3"),
            ("tmax", "6"),
            ("duration", "120"),
            ("rate", "675"),
        ],
        figures: Some(Figures {
            hot: 99.46,
            heap: (1.0, 1.4),
            index: (0.4, 0.9),
            dead: 8.0,
            autovacuums: 10.0,
        }),
        remark: "",
    },
    Published {
        name: "100k rows, fillfactor 70",
        set: &[("fillfactor", "70")],
        figures: Some(Figures {
            hot: 98.32,
            heap: (12.4, 12.4),
            index: (3.9, 3.9),
            dead: 1.5,
            autovacuums: 1.0,
        }),
        remark: "12.4 MB is the size with both maps, which autovacuum makes; loaded it is 12.3",
    },
];

/// 40 s of each hold.
const HELD: [Published; 5] = [
    held("no hold", &[("hold", "none"), DURATION, UNTIL], ""),
    held(
        "rc-select",
        &[("hold", "rc-select"), DURATION, UNTIL],
        "the harness's HOLD_TXN=1 is this, and says that it pins xmin for the whole run: it does \
         not, under READ COMMITTED a snapshot ends with its statement",
    ),
    held("rc-xid", &[("hold", "rc-xid"), DURATION, UNTIL], ""),
    held("rr", &[("hold", "rr"), DURATION, UNTIL], ""),
    held("cursor", &[("hold", "cursor"), DURATION, UNTIL], ""),
];

const DURATION: (&str, &str) = ("duration", "40");
const UNTIL: (&str, &str) = ("hold_until", "0");

const fn held(
    name: &'static str,
    set: &'static [(&'static str, &'static str)],
    remark: &'static str,
) -> Published {
    Published { name, set, figures: None, remark }
}

/// The rows of a load; none of a load of which nothing was published.
pub fn published(load: &str) -> &'static [Published] {
    match load {
        "a0" => &A0,
        "held-xmin" => &HELD,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::Params;

    #[test]
    fn every_row_is_a_load() {
        for load in ["a0", "held-xmin"] {
            assert!(published(load).len() >= 4);
            for row in published(load) {
                let mut params = Params::of(load).expect("it is a load");
                for (name, value) in row.set {
                    params.set(name, value).expect("it may be that");
                }
                assert_eq!(params.check(), Ok(()), "{}", row.name);
            }
        }
        assert!(published("soak").is_empty());
    }
}
