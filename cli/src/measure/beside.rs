//! The page of a load on both sides: what was simulated and what the server showed, in one plot.
//!
//! The two do not share the order of their statements, so curves that differ say nothing yet: where
//! the server was expected is drawn with them, and the table has every figure with its band. With
//! published rows there are several loads on the page, each with plots of its own.

use super::on_postgres::{Both, Verdict, times};
use super::report::{Report, Table};
use super::{Args, curves};
use real::heap::Latencies;

const BANDS: &str = "What no order of statements decides is equal. The rest has a band, by what was \
    measured: a heap that several connections extend at once grows by up to 512 pages more, an index \
    by a fifth or six pages, and HOT falls where connections meet on a page, as nobody may prune what \
    another one holds pinned.";

/// The page. There is at least one load.
pub(super) fn report(args: &Args, all: &[Both], verdict: &Verdict) -> Report {
    let named = |both: &Both| both.row.map_or(String::new(), |row| format!("{}: ", row.name));
    let first = &all[0];
    let mut page = curves::page(args, first.simulated.soak.params(), verdict.badge);
    if all.len() > 1 {
        page.title = format!("{}: {} rows that were published", args.workload, all.len());
        for both in all {
            let own = curves::page(args, both.simulated.soak.params(), verdict.badge).params;
            page.params.retain(|it| own.contains(it));
        }
    }
    page.title = format!("{}, beside postgres {}", page.title, first.real.version);
    page.said = [verdict.compared.clone()].into_iter().chain(verdict.outside.clone()).collect();
    for both in all {
        let name = named(both);
        page.said.extend(both.said().into_iter().map(|said| format!("{name}{said}")));
        let params = both.simulated.soak.params();
        let sides = (both.simulated.soak.course(), both.real.course());
        let plots = curves::both(params, sides, &both.bands).into_iter().map(|mut plot| {
            plot.title = format!("{name}{}", plot.title);
            plot
        });
        page.plots.extend(plots);
        page.tables.push(Table::of(format!("{name}Figures"), both.figures(), ""));
        page.tables.push(took(&name, &both.real.latencies));
        for (side, of) in [("simulated", sides.0), ("on postgres", sides.1)] {
            let rows = of.samples.iter().map(|it| it.fields().to_vec()).collect();
            let title = format!("{name}Samples, {side}");
            page.tables.push(Table { title, ..curves::samples(rows) });
        }
    }
    page.notes.push(BANDS.to_owned());
    page
}

/// How long statements took on the server.
pub(super) fn took(name: &str, latencies: &Latencies) -> Table {
    let under = "From the call to its answer, commits that reach the disk included.";
    Table::of(format!("{name}Statements on postgres"), times(latencies), under)
}
