//! The page of `claims`: what a claim read, and what it walked over, as the queue was worked off.

use super::claims::{Measured, held, title, windows};
use super::plot::{Axis, Band, Line, Plot, Scale};
use super::report::{Badge, Report, Table};
use super::{Args, beside, typed};
use crate::setup;
use heap::claims::Sample;

/// A title, a unit, and what is drawn of a sample.
type Shown = (&'static str, &'static str, fn(&Sample) -> f64);

const PAGES: Shown = ("Pages that a claim reads", "pages", |it| it.pages);
const SHOWN: [Shown; 3] = [
    ("Dead rows that a claim walks over", "rows", |it| it.dead),
    ("n_dead_tup: dead rows as the collector counts them", "", |it| it.n_dead as f64),
    ("Heap", "pages", |it| it.heap_pages as f64),
];

const NOTES: [&str; 3] = [
    "A claim is DELETE FROM run_head WHERE run_id = (SELECT run_id FROM run_head ORDER BY run_id LIMIT \
     1 FOR UPDATE SKIP LOCKED). Before each one a job is put in, so that the queue stays as long as it is.",
    "Pages are counted as EXPLAIN (ANALYZE, BUFFERS) counts them, shared hit and read together: a page \
     each time it is asked for after another. Beside a server every claim must read as many as its plan \
     says, and every page of table, maps and index must be equal at each sample.",
    "A dead row costs a claim a look at the heap until some claim finds that nobody can see it any \
     more, and marks its index entry; the next claims skip it. VACUUM takes marked entries away, and \
     nothing that an open transaction may still see.",
];

/// The page.
pub(super) fn report(args: &Args, measured: &Measured, badge: Badge) -> Report {
    let params = &measured.params;
    let samples = measured.simulated.samples();
    let curve = |(title, unit, of): &Shown| {
        let points = samples.iter().map(|it| (it.claims as f64, of(it))).collect();
        let line = Line { name: "simulated".to_owned(), points, steps: false };
        let bands = held(params).map(|(from, to)| {
            let name = format!("open transaction: {}", params.hold.name());
            Band { from, to, within: None, name }
        });
        Plot {
            title: (*title).to_owned(),
            x: Axis { unit: "claims", scale: Scale::Linear },
            y: Axis { unit, scale: Scale::Linear },
            lines: vec![line],
            bands: bands.into_iter().collect(),
        }
    };
    let mut plots: Vec<Plot> = [PAGES].iter().chain(&SHOWN).map(curve).collect();
    let mut tables = Vec::new();
    if let Some(real) = &measured.real {
        let postgres = |points| Line { name: "postgres".to_owned(), points, steps: false };
        plots[0].lines.push(postgres(windows(samples, &real.pages)));
        let course = || samples.iter().zip(&real.course);
        let dead = course().map(|(it, real)| (it.claims as f64, real.stats.dead as f64));
        plots[2].lines.push(postgres(dead.collect()));
        let heap = course().map(|(it, real)| (it.claims as f64, real.heap_pages as f64));
        plots[3].lines.push(postgres(heap.collect()));
        tables.push(beside::took("", &real.latencies));
    }
    tables.push(Table {
        title: "Samples".to_owned(),
        head: Sample::COLUMNS.map(str::to_owned).to_vec(),
        rows: samples.iter().map(|it| it.fields().to_vec()).collect(),
        under: String::new(),
    });
    let said = measured.said().into_iter().chain([measured.compared()]);
    let params = typed(params.shown());
    Report {
        title: title(&measured.params),
        badge,
        said: said.collect(),
        plots,
        tables,
        command: args.command(),
        params: params.iter().map(|(name, it)| (name.clone(), setup::show_value(it))).collect(),
        notes: NOTES.map(str::to_owned).to_vec(),
    }
}
