//! The page of a load on the table: HOT%, dead%, sizes and dead rows over time, one curve a run.
//!
//! The verdict stands on top, and the curves are there to be held against it; so what was held
//! back, and when, is drawn behind all of them, and where there is a real server beside, between
//! which values it was expected.

use super::Args;
use super::plot::{Axis, Band, Line, Plot, Scale};
use super::report::{Badge, Report, Table};
use super::soak::{Ran, shown};
use super::table;
use crate::setup;
use heap::soak::{self, Course, Hold, Params, Sample, megabytes};

/// A quantity that is drawn.
struct Shown {
    title: &'static str,
    unit: &'static str,
    of: fn(&Sample) -> f64,
    /// Whether the table as it was loaded has it too.
    loaded: bool,
    /// What the band of a real server's is named; empty if there is none.
    band: &'static str,
}

const SHOWN: [Shown; 6] = [
    Shown {
        title: "HOT: updates that stayed on their page, a window",
        unit: "%",
        of: |it| it.hot_window,
        loaded: false,
        band: "",
    },
    Shown {
        title: "Dead rows, of the heap's bytes",
        unit: "%",
        of: |it| it.dead_pct,
        loaded: true,
        band: DEAD_MOST,
    },
    Shown {
        title: "Heap",
        unit: "MB",
        of: |it| megabytes(it.heap_bytes),
        loaded: true,
        band: "heap MB",
    },
    Shown {
        title: "Index",
        unit: "MB",
        of: |it| megabytes(it.index_bytes),
        loaded: true,
        band: "index MB",
    },
    Shown {
        title: "n_dead_tup: dead rows as the collector counts them",
        unit: "",
        of: |it| it.n_dead as f64,
        loaded: true,
        band: "",
    },
    Shown {
        title: "Leaves of the index: room that is used",
        unit: "%",
        of: |it| it.leaf_density,
        loaded: true,
        band: "",
    },
];

/// The only one whose band is about all of the time.
const DEAD_MOST: &str = "dead %, at most";

/// What has a band and says nothing that the windows do not, where there is no server beside.
const HOT_SO_FAR: Shown = Shown {
    title: "HOT: of all updates until then",
    unit: "%",
    of: |it| it.hot,
    loaded: false,
    band: "HOT %",
};

/// What is on every page of a load.
const NOTES: [&str; 2] = [
    "Every page, map, index page and statistic is exact for the order of statements that the seed \
     draws, under the rules of Postgres 15. The order itself, how long a VACUUM takes, and when \
     statistics arrive are a band: as likely as the server's own, not the server's own.",
    "Sizes are of files, in megabytes of 1,000,000 bytes, as pg_table_size and pg_indexes_size \
     count them; dead% and free% are what pgstattuple says, leaf density what pgstatindex says. A \
     window is the time since the sample before.",
];

/// A curve's name, and what it is of.
type Curve<'a> = (String, Course<'a>);

/// The page of one load.
pub(super) fn report(args: &Args, ran: &Ran) -> Report {
    let soak = &ran.soak;
    let rows = soak.samples().iter().map(|it| it.fields().to_vec()).collect();
    let params = soak.params();
    Report {
        said: soak.verdict(),
        plots: plots(&[(String::new(), soak.course())], &held(params), &SHOWN),
        tables: vec![samples(rows)],
        ..page(args, params, Badge::of(ran.whole, true))
    }
}

/// Samples under their columns.
pub(super) fn samples(rows: Vec<Vec<String>>) -> Table {
    let head = Sample::COLUMNS.map(str::to_owned).to_vec();
    Table { title: "Samples".to_owned(), head, rows, under: String::new() }
}

/// The page of a sweep over `name`: a curve for each value. `rows` is what the terminal shows.
pub(super) fn swept(
    args: &Args,
    (params, name): (&Params, &str),
    rows: &[Vec<String>],
    all: &[(&str, Ran)],
) -> Report {
    let (head, ends) = rows.split_first().expect("a table has titles");
    let ends = Table {
        title: "Where each ends".to_owned(),
        head: head.clone(),
        rows: ends.to_vec(),
        under: "Sizes go from what was loaded to what is there at the end.".to_owned(),
    };
    let label = |value: &str| format!("{name}={value}");
    let mut said = vec![format!("{} with {} values of {name}", args.workload, all.len())];
    said.extend(all.iter().map(|(value, ran)| {
        let verdict = ran.soak.verdict();
        format!("{}: {}", label(value), verdict.join("; "))
    }));
    let runs: Vec<Curve<'_>> =
        all.iter().map(|(value, ran)| (label(value), ran.soak.course())).collect();
    let mut page = page(args, params, Badge::of(all.iter().all(|it| it.1.whole), true));
    page.params.retain(|it| it.0 != name);
    Report { said, plots: plots(&runs, &[], &SHOWN), tables: vec![ends], ..page }
}

/// What every page of a load has.
pub(super) fn page(args: &Args, params: &Params, badge: Badge) -> Report {
    let all = shown(params);
    let all = all.iter().map(|(name, it)| (name.clone(), setup::show_value(it)));
    Report {
        title: table::title(&args.workload, params).trim_end().to_owned(),
        badge,
        said: Vec::new(),
        plots: Vec::new(),
        tables: Vec::new(),
        command: args.command(),
        params: all.collect(),
        notes: NOTES.map(str::to_owned).to_vec(),
    }
}

/// What is drawn of a load on both sides, and where the server was expected.
pub(super) fn both(
    params: &Params,
    (simulated, real): (Course<'_>, Course<'_>),
    bands: &[soak::Band],
) -> Vec<Plot> {
    let runs = [("simulated".to_owned(), simulated), ("postgres".to_owned(), real)];
    let expected = |mut plot: Plot, shown: &Shown| {
        let band = bands.iter().find(|it| it.what == shown.band);
        plot.bands.extend(band.map(|it| expected(it, params.duration as f64)));
        plot
    };
    let held = held(params);
    let mut all: Vec<Plot> = Vec::new();
    for shown in [&HOT_SO_FAR].into_iter().chain(&SHOWN) {
        all.push(expected(plot(&runs, &held, shown), shown));
    }
    all
}

/// A band where it counts: of what was the most ever seen from the beginning, else at the end.
fn expected(band: &soak::Band, end: f64) -> Band {
    let (share, name) = match band.what {
        DEAD_MOST => (0.0, "the most on postgres is expected here"),
        _ => (0.97, "postgres is expected to end here"),
    };
    Band { from: end * share, to: end, within: Some((band.low, band.high)), name: name.to_owned() }
}

/// One plot a quantity, one curve a run.
fn plots(runs: &[Curve<'_>], bands: &[Band], shown: &[Shown]) -> Vec<Plot> {
    shown.iter().map(|it| plot(runs, bands, it)).collect()
}

fn plot(runs: &[Curve<'_>], bands: &[Band], shown: &Shown) -> Plot {
    let curve = |(name, course): &Curve<'_>| {
        let first = [course.loaded].into_iter().filter(|_| shown.loaded);
        let all = first.chain(course.samples);
        let points = all.map(|it| (it.t_s as f64, (shown.of)(it))).collect();
        Line { name: name.clone(), points, steps: false }
    };
    Plot {
        title: shown.title.to_owned(),
        x: Axis { unit: "", scale: Scale::Clock },
        y: Axis { unit: shown.unit, scale: Scale::Linear },
        lines: runs.iter().map(curve).collect(),
        bands: bands.to_vec(),
    }
}

/// While another session's transaction was open.
fn held(params: &Params) -> Vec<Band> {
    if params.hold == Hold::None {
        return Vec::new();
    }
    let to = if params.hold_until == 0 { params.duration } else { params.hold_until };
    let name = format!("open transaction: {}", params.hold.name());
    vec![Band { from: params.hold_from as f64, to: to as f64, within: None, name }]
}
