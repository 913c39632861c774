//! The page of a replay: how the table grew with the statements, and what it was left like.
//!
//! One after another is exact, so where a server was asked too its curve lies on the simulated one:
//! it is drawn to be seen there, at each place where every page was compared.

use super::plot::{Axis, Line, Plot, Scale};
use super::replay::{Played, Real};
use super::report::{Badge, Report, Table};
use super::transitions::Recorded;
use super::{Args, beside};
use real::heap::Checked;

/// A title, a unit, and what is drawn of the table.
type Shown = (&'static str, &'static str, fn(&Checked) -> f64);

const SHOWN: [Shown; 4] = [
    ("Heap", "pages", |it| it.heap_pages as f64),
    ("Index", "pages", |it| it.index_pages as f64),
    ("HOT: of all updates until then", "%", |it| {
        it.stats.hot_updated as f64 * 100.0 / it.stats.updated as f64
    }),
    ("n_dead_tup: dead rows as the collector counts them", "", |it| it.stats.dead as f64),
];

const NOTES: [&str; 2] = [
    "The statements are done one after another, each by the connection that the file names. Then \
     every page is exact under the rules of Postgres 15: every line pointer, both maps, the index.",
    "Beside a server all of that is compared up to fifty times on the way, where no transaction is \
     open, and the statistics too. A page has 8 kB. dead% and n_dead are of the end.",
];

/// The page.
pub(super) fn report(
    args: &Args,
    (recorded, fillfactor): (&Recorded, u8),
    played: &Played,
    (real, badge): (Option<&Real>, Badge),
) -> Report {
    let mut tables = vec![Table::of("What it left".to_owned(), played.rows(), "")];
    let compared = real.and_then(|it| it.compared.as_ref().ok());
    tables.extend(compared.map(|it| beside::took("", &it.latencies)));
    let mut courses = vec![("simulated", &played.course)];
    courses.extend(compared.map(|it| ("postgres", &it.course)));
    let file = args.file.as_ref().map_or(String::new(), |it| it.display().to_string());
    Report {
        title: format!("replay of {file} at fillfactor {fillfactor}"),
        badge,
        said: vec![played.verdict(real)],
        plots: SHOWN.iter().map(|shown| plot(recorded, &courses, shown)).collect(),
        tables,
        command: args.command(),
        params: vec![("fillfactor".to_owned(), fillfactor.to_string())],
        notes: NOTES.map(str::to_owned).to_vec(),
    }
}

fn plot(recorded: &Recorded, courses: &[(&str, &Vec<Checked>)], (title, unit, of): &Shown) -> Plot {
    let line = |(name, course): &(&str, &Vec<Checked>)| {
        let points = course.iter().map(|it| (recorded.statements(it.steps) as f64, of(it)));
        let points = points.collect();
        Line { name: (*name).to_owned(), points, steps: false }
    };
    Plot {
        title: (*title).to_owned(),
        x: Axis { unit: "statements", scale: Scale::Linear },
        y: Axis { unit, scale: Scale::Linear },
        lines: courses.iter().map(line).collect(),
        bands: Vec::new(),
    }
}
