//! The page of a load on the table: HOT%, dead%, sizes and dead rows over time, one curve a run.
//!
//! The verdict stands on top, and the curves are there to be held against it; so what was held
//! back, and when, is drawn behind all of them.

use super::Args;
use super::plot::{Axis, Band, Line, Plot, Scale};
use super::report::{Badge, Report, Table};
use super::soak::{Ran, shown};
use super::table;
use crate::setup;
use heap::soak::{Hold, Params, Sample, Soak, megabytes};

/// What a curve shows of a sample.
type Shows = fn(&Sample) -> f64;

/// The plots, with the unit, what is shown, and whether the table as it was loaded has it too.
const PLOTS: [(&str, &str, Shows, bool); 6] = [
    ("HOT: updates that stayed on their page, a window", "%", |it| it.hot_window, false),
    ("Dead rows, of the heap's bytes", "%", |it| it.dead_pct, true),
    ("Heap", "MB", |it| megabytes(it.heap_bytes), true),
    ("Index", "MB", |it| megabytes(it.index_bytes), true),
    ("n_dead_tup: dead rows as the collector counts them", "", |it| it.n_dead as f64, true),
    ("Leaves of the index: room that is used", "%", |it| it.leaf_density, true),
];

/// What is on every page of a load.
const NOTES: [&str; 2] = [
    "Every page, map, index page and statistic is exact for the order of statements that the seed \
     draws, under the rules of Postgres 15. The order itself, how long a VACUUM takes, and when \
     statistics arrive are a band: as likely as the server's own, not the server's own.",
    "Sizes are of files, in megabytes of 1,000,000 bytes, as pg_table_size and pg_indexes_size \
     count them; dead% and free% are what pgstattuple says, leaf density what pgstatindex says. A \
     window is the time since the sample before.",
];

/// The page of one load.
pub(super) fn report(args: &Args, ran: &Ran) -> Report {
    let soak = &ran.soak;
    let samples = Table {
        title: "Samples".to_owned(),
        head: Sample::COLUMNS.map(str::to_owned).to_vec(),
        rows: soak.samples().iter().map(|it| it.fields().to_vec()).collect(),
        under: String::new(),
    };
    Report {
        said: soak.verdict(),
        plots: plots(&[(String::new(), soak)]),
        tables: vec![samples],
        ..page(args, soak.params(), ran.whole)
    }
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
    let runs: Vec<(String, &Soak)> =
        all.iter().map(|(value, ran)| (label(value), &ran.soak)).collect();
    let mut page = page(args, params, all.iter().all(|it| it.1.whole));
    page.params.retain(|it| it.0 != name);
    Report { said, plots: plots(&runs), tables: vec![ends], ..page }
}

/// What every page of a load has.
fn page(args: &Args, params: &Params, whole: bool) -> Report {
    let all = shown(params);
    let all = all.iter().map(|(name, it)| (name.clone(), setup::show_value(it)));
    Report {
        title: table::title(&args.workload, params).trim_end().to_owned(),
        badge: Badge::of(whole, true),
        said: Vec::new(),
        plots: Vec::new(),
        tables: Vec::new(),
        command: args.command(),
        params: all.collect(),
        notes: NOTES.map(str::to_owned).to_vec(),
    }
}

/// One plot a quantity, one curve a run.
fn plots(runs: &[(String, &Soak)]) -> Vec<Plot> {
    let bands: Vec<Band> = match runs {
        [(_, soak)] => band(soak).into_iter().collect(),
        _ => Vec::new(),
    };
    let plot = |(title, unit, shows, loaded): &(&str, &'static str, Shows, bool)| {
        let curve = |(name, soak): &(String, &Soak)| {
            let first = [soak.loaded()].into_iter().filter(|_| *loaded);
            let all = first.chain(soak.samples());
            let points = all.map(|it| (it.t_s as f64, shows(it))).collect();
            Line { name: name.clone(), points, steps: false }
        };
        Plot {
            title: (*title).to_owned(),
            x: Axis { unit: "", scale: Scale::Clock },
            y: Axis { unit, scale: Scale::Linear },
            lines: runs.iter().map(curve).collect(),
            bands: bands.clone(),
        }
    };
    PLOTS.iter().map(plot).collect()
}

/// While another session's transaction was open.
fn band(soak: &Soak) -> Option<Band> {
    let params = soak.params();
    if params.hold == Hold::None {
        return None;
    }
    let to = if params.hold_until == 0 { params.duration } else { params.hold_until };
    let name = format!("open transaction: {}", params.hold.name());
    Some(Band { from: params.hold_from as f64, to: to as f64, name })
}
