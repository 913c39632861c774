//! The band around a simulated load within which a real server may be.
//!
//! A percentage alone would be wrong: a table whose extension several connections wait for grows by
//! `min(512, 20 * waiters)` pages at once (`RelationAddExtraBlocks`, hio.c), which is nothing to a
//! large table and five times a small one. So sizes have an absolute part. How wide the rest is was
//! measured: identical statements on 1 to 8 connections, five times each, and the rows of the
//! harness's report on two servers. What no order of statements decides has no width at all.

use crate::layout::BLCKSZ;
use crate::soak::params::{Hold, Params};
use crate::soak::sample::Sample;

/// The loaded table, and what was seen from then on; of the simulated table or of the real one.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The table as it was loaded.
    pub loaded: &'a Sample,
    /// What was seen since, a window apart.
    pub samples: &'a [Sample],
}

/// A figure of both sides, and between which the real one is expected.
#[derive(Clone, PartialEq, Debug)]
pub struct Band {
    /// What it is a figure of, with its unit.
    pub what: &'static str,
    /// What was simulated.
    pub simulated: f64,
    /// What the server shows.
    pub real: f64,
    /// The least that is expected of it.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Band {
    /// Whether the real figure is within it.
    pub fn holds(&self) -> bool {
        (self.low..=self.high).contains(&self.real)
    }
}

/// Connections up to which HOT% was seen to stay within three points.
const FEW: u64 = 4;
/// Points of HOT% between two servers under the same paced load.
const HOT: f64 = 3.0;

impl Course<'_> {
    fn end(&self) -> &Sample {
        self.samples.last().unwrap_or(self.loaded)
    }

    fn dead_peak(&self) -> f64 {
        self.samples.iter().map(|it| it.dead_pct).fold(0.0, f64::max)
    }
}

/// The bands of a load, `real` beside `simulated`. `paced`: connections were mostly done before their
/// next statement was due, so that statements seldom overlapped.
pub fn bands(params: &Params, simulated: Course<'_>, real: Course<'_>, paced: bool) -> Vec<Band> {
    let (ours, theirs) = (simulated.end(), real.end());
    let megabytes = |it: u64| it as f64 / 1e6;
    let band = |what, simulated: f64, real: f64, low: f64, high: f64| Band {
        what,
        simulated,
        real,
        low,
        high,
    };
    let exact = |what, simulated, real| band(what, simulated, real, simulated, simulated);
    let heap = megabytes(ours.heap_bytes);
    let index = megabytes(ours.index_bytes);
    let six_pages = megabytes(6 * BLCKSZ as u64);
    let dead = simulated.dead_peak();
    let pinned = params.hold_pins() && params.hold_lasts();
    let vacuums = ours.autovacuums as f64;
    let mut all = vec![
        exact(
            "heap MB, loaded",
            megabytes(simulated.loaded.heap_bytes),
            megabytes(real.loaded.heap_bytes),
        ),
        exact(
            "index MB, loaded",
            megabytes(simulated.loaded.index_bytes),
            megabytes(real.loaded.index_bytes),
        ),
        band(
            "heap MB",
            heap,
            megabytes(theirs.heap_bytes),
            heap * 0.9,
            heap * 1.25 + megabytes(extension(params.concurrency)),
        ),
        band(
            "index MB",
            index,
            megabytes(theirs.index_bytes),
            index - f64::max(index * 0.2, six_pages),
            index + f64::max(index * 0.2, six_pages),
        ),
        band(
            "HOT %",
            ours.hot,
            theirs.hot,
            (ours.hot - hot_below(params, paced)).max(0.0),
            (ours.hot + HOT).min(100.0),
        ),
    ];
    let peak = real.dead_peak();
    all.push(if pinned {
        band("dead %, at most", dead, peak, dead - 5.0, dead + 5.0)
    } else {
        // Autovacuum's naptime begins where it begins: a round more or less of dead rows.
        band("dead %, at most", dead, peak, 0.0, dead * 2.0 + 5.0)
    });
    all.push(band(
        "autovacuums",
        vacuums,
        theirs.autovacuums as f64,
        (vacuums * 0.7 - 1.0).floor().max(0.0),
        (vacuums * 1.3 + 1.0).ceil(),
    ));
    all
}

/// Bytes that contended extensions may have added at once: one, and one more for every two
/// connections, contained all that was measured.
fn extension(connections: u64) -> u64 {
    (20 * (connections - 1)).min(512) * (1 + connections / 2) * BLCKSZ as u64
}

/// How many points of HOT% below the simulated a server may be. Connections that never rest meet on
/// pages, where a pin keeps dead rows from going in time; a full page makes that dearer.
fn hot_below(params: &Params, paced: bool) -> f64 {
    match params {
        _ if paced || params.concurrency <= FEW => HOT,
        Params { fillfactor: 91.., .. } => 15.0,
        _ => 7.0,
    }
}

impl Params {
    /// Whether what the other session does holds the horizon back.
    pub fn hold_pins(&self) -> bool {
        !matches!(self.hold, Hold::None | Hold::RcSelect)
    }

    /// Whether it goes on to the end.
    fn hold_lasts(&self) -> bool {
        self.hold_until == 0 || self.hold_until >= self.duration
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::Soak;

    fn soak(given: &[(&str, &str)]) -> Soak {
        let mut params = Params::of("a0").expect("it is a load");
        for (name, value) in [("active", "1000"), ("duration", "20")].iter().chain(given) {
            params.set(name, value).expect("it may be that");
        }
        let mut soak = Soak::new(&params).expect("it is simulated");
        while soak.go_on().expect("it is simulated") {}
        soak
    }

    fn judged(params: &Params, ours: &Soak, theirs: &Soak) -> Vec<&'static str> {
        let bands = bands(params, ours.course(), theirs.course(), true);
        bands.iter().filter(|it| !it.holds()).map(|it| it.what).collect()
    }

    #[test]
    fn a_load_is_within_the_band_of_itself_and_of_another_order() {
        let one = soak(&[]);
        assert_eq!(judged(one.params(), &one, &one), Vec::<&str>::new());
        assert_eq!(judged(one.params(), &one, &soak(&[("seed", "2")])), Vec::<&str>::new());
    }

    #[test]
    fn what_is_another_load_is_outside() {
        let one = soak(&[]);
        let other = soak(&[("fillfactor", "70")]);
        assert!(judged(one.params(), &one, &other).contains(&"heap MB, loaded"));
        let held = soak(&[("hold", "rr"), ("rate", "2000")]);
        let found = judged(one.params(), &one, &held);
        assert!(found.contains(&"HOT %") && found.contains(&"dead %, at most"), "{found:?}");
        assert!(judged(held.params(), &held, &one).contains(&"dead %, at most"));
    }

    #[test]
    fn extensions_add_pages_and_not_percents() {
        assert_eq!(extension(1), 0);
        assert_eq!(extension(8) / 8192, 700, "162 pages were seen where 25 were simulated");
    }
}
