//! How the time to judge a history grows with it, ours and Porcupine's: `bench/growth.svg`.

use crate::checker::{self, Row};
use plotters::prelude::*;
use serde_json::Value;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

/// What is grown: a family, and how many clients it has.
const CURVES: [(&str, usize); 4] = [("head", 4), ("head", 64), ("unique", 16), ("list", 16)];
const SIZES: [u64; 7] = [100, 300, 1_000, 10_000, 30_000, 100_000, 1_000_000];
/// Milliseconds after which nobody goes on to a larger one.
const ENOUGH: f64 = 10_000.0;

type Points = Vec<(f64, f64)>;
type Failure = Box<dyn std::error::Error>;

/// Measures, and draws the plot.
pub(crate) fn plot() -> ExitCode {
    match draw() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the plot was not drawn: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw() -> Result<(), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("growth.svg");
    let porcupine = crate::peers::porcupine();
    let root = SVGBackend::new(&path, (960, 720)).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((2, 2));
    for ((family, clients), panel) in CURVES.into_iter().zip(&panels) {
        let ours = curve(family, clients, &checker::ours);
        let theirs = match &porcupine {
            Ok(program) => {
                curve(family, clients, &|spec, path| checker::theirs(program, spec, path))
            }
            Err(_) => Points::new(),
        };
        panel_of(panel, &format!("{family}, {clients} clients"), &ours, &theirs)?;
    }
    root.present()?;
    println!("wrote {}", path.display());
    Ok(())
}

fn curve(family: &'static str, clients: usize, measure: &dyn Fn(&str, &Path) -> Value) -> Points {
    let mut points = Points::new();
    for ops in SIZES {
        let row = Row::plain(family, ops, clients);
        let Ok((path, spec)) = checker::written(&row) else { break };
        let said = measure(spec, &path);
        let (Some(ms), Some("pass")) = (said["ms"].as_f64(), said["verdict"].as_str()) else {
            break;
        };
        eprintln!("{family} {ops} c{clients}: {ms:.3} ms");
        points.push((ops as f64, ms));
        if ms > ENOUGH {
            break;
        }
    }
    points
}

fn panel_of(
    panel: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    ours: &Points,
    theirs: &Points,
) -> Result<(), Failure> {
    let (x, y): (Range<f64>, Range<f64>) = (100.0..1e6, 1e-3..1e4);
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 20))
        .margin(10)
        .margin_right(32)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .x_desc("operations")
        .y_desc("ms, parsing apart")
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .draw()?;
    for (name, points, colour) in [("unforked", ours, BLUE), ("Porcupine", theirs, RED)] {
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        let dots = points.iter().map(|&it| Circle::new(it, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    Ok(())
}

/// `100000.0` as `100 k`.
fn short(figure: &f64) -> String {
    match *figure {
        it if it >= 1e6 => format!("{} M", it / 1e6),
        it if it >= 1e3 => format!("{} k", it / 1e3),
        it => format!("{it}"),
    }
}
