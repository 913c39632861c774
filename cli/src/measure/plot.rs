//! A plot as SVG: lines or steps over one axis, and bands for what lasted a while or was expected.
//!
//! Hard is what a reader never notices: ticks that are round on a clock, on a scale and on a
//! logarithm alike; lines that are told apart without their colours; and thousands of samples of
//! which no peak may get lost. Colours are classes, so that the page decides between light and dark.

mod axis;

pub(crate) use axis::{Axis, Scale};

use crate::html::text;
use axis::Range;
use std::fmt::Write;

/// The drawing, in its own units; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Room at the left for the numbers, at the right, and below for the axis and its unit.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 16.0;
const BELOW: f64 = 40.0;
/// Room above, and for each row of names.
const ABOVE: f64 = 14.0;
const ROW: f64 = 18.0;
/// How wide a letter is, roughly.
const LETTER: f64 = 7.0;
/// Lines that look different; the page has as many colours and dashes.
const LOOKS: usize = 8;
/// Points of a line that are drawn.
const POINTS_MAX: usize = 600;
/// Points of a plot that say their values when pointed at, and points of a line that are marked.
const SAYING_MAX: usize = 800;
const MARKED_MAX: usize = 12;
/// Numbers that belong together.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Line {
    /// What they are; shown if there is more than one line.
    pub(crate) name: String,
    /// In the order of the first.
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether a value holds until the next, instead of leading to it.
    pub(crate) steps: bool,
}

/// What lasted from one place to another, or what is expected there.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Band {
    /// From where.
    pub(crate) from: f64,
    /// To where; what is beyond the last point ends there.
    pub(crate) to: f64,
    /// Between which values a line is expected; none if it is about no values.
    pub(crate) within: Option<(f64, f64)>,
    /// What it was.
    pub(crate) name: String,
}

/// Lines over one axis.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Plot {
    /// What is shown, in a few words.
    pub(crate) title: String,
    /// The axis that goes right.
    pub(crate) x: Axis,
    /// The axis that goes up.
    pub(crate) y: Axis,
    /// At least one.
    pub(crate) lines: Vec<Line>,
    /// Behind them.
    pub(crate) bands: Vec<Band>,
}

/// Where the plot itself is, and what its edges stand for.
struct Frame {
    x: Range,
    y: Range,
    top: f64,
}

impl Frame {
    fn across(&self, x: f64) -> f64 {
        LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)
    }

    fn up(&self, y: f64) -> f64 {
        let bottom = HEIGHT - BELOW;
        bottom - self.y.share(y) * (bottom - self.top)
    }

    /// Whether a point can be drawn at all.
    fn has(&self, (x, y): (f64, f64)) -> bool {
        let on = |range: Range, it: f64| it.is_finite() && (range.scale != Scale::Log || it > 0.0);
        on(self.x, x) && on(self.y, y)
    }
}

impl Plot {
    /// The drawing. Its classes are the page's.
    pub(crate) fn svg(&self) -> String {
        let names = self.names();
        let rows = names.last().map_or(0.0, |it| it.1 + 1.0);
        let top = ABOVE + rows * ROW;
        let points = || self.lines.iter().flat_map(|it| it.points.iter().copied());
        let x = Range::of(self.x.scale, points().map(|it| it.0));
        let expected = self.bands.iter().filter_map(|it| it.within);
        let values = points().map(|it| it.1).chain(expected.flat_map(|it| [it.0, it.1]));
        let y = Range::of(self.y.scale, values);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            text(&self.title)
        );
        if let (Some(x), Some(y)) = (x, y) {
            let frame = Frame { x, y: y.rounded(), top };
            self.draw(&frame, &names, &mut svg);
        } else {
            let _ = writeln!(svg, "<text class=\"none\" x=\"{LEFT}\" y=\"40\">no samples</text>");
        }
        svg + "</svg>\n"
    }

    fn draw(&self, frame: &Frame, names: &[(f64, f64)], svg: &mut String) {
        self.bands(frame, svg);
        self.axes(frame, svg);
        let all: usize = self.lines.iter().map(|it| it.points.len()).sum();
        for (at, line) in self.lines.iter().enumerate() {
            let look = at % LOOKS;
            let points: Vec<_> = line.points.iter().copied().filter(|it| frame.has(*it)).collect();
            let points = thinned(&points);
            let path = path(frame, &points, line.steps);
            let _ = writeln!(svg, "<path class=\"curve look{look}\" d=\"{path}\"/>");
            if all <= SAYING_MAX {
                let class = if points.len() <= MARKED_MAX { "dot marked" } else { "dot" };
                let class = format!("{class} look{look}");
                points.iter().for_each(|it| self.say(frame, (line, &class), *it, svg));
            }
        }
        for ((x, row), (at, line)) in names.iter().zip(self.lines.iter().enumerate()) {
            let y = ABOVE + row * ROW;
            let (look, to, name) = (at % LOOKS, x + 22.0, text(&line.name));
            let _ = writeln!(
                svg,
                "<path class=\"curve look{look}\" d=\"M{x:.0} {y:.0}H{to:.0}\"/>\
                 <text class=\"name\" x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
                to + 6.0,
                y + 4.0,
            );
        }
    }

    /// Where each line's name goes: from the left, and in which row. None for a single line.
    fn names(&self) -> Vec<(f64, f64)> {
        let (mut x, mut row) = (LEFT, 0.0);
        let place = |line: &Line| {
            let width = 28.0 + line.name.chars().count() as f64 * LETTER + 16.0;
            if x > LEFT && x + width > WIDTH - RIGHT {
                (x, row) = (LEFT, row + 1.0);
            }
            x += width;
            (x - width, row)
        };
        if self.lines.len() > 1 { self.lines.iter().map(place).collect() } else { Vec::new() }
    }

    fn bands(&self, frame: &Frame, svg: &mut String) {
        for band in &self.bands {
            let (from, to) = (frame.across(band.from), frame.across(band.to));
            let (kind, high, low) = match band.within {
                None => ("", frame.top, HEIGHT - BELOW),
                Some((low, high)) => (" expected", frame.up(high), frame.up(low)),
            };
            let (wide, tall, name) = (to - from, low - high, text(&band.name));
            // A name that its band has no room for stands before it.
            let narrow = wide < band.name.chars().count() as f64 * LETTER;
            let (side, x) = if narrow { (" before", from - 6.0) } else { ("", from + 6.0) };
            let _ = writeln!(
                svg,
                "<rect class=\"band{kind}\" x=\"{from:.1}\" y=\"{high:.1}\" width=\"{wide:.1}\" \
                 height=\"{tall:.1}\"/><text class=\"band-name{kind}{side}\" x=\"{x:.1}\" \
                 y=\"{:.1}\">{name}</text>",
                high + 14.0,
            );
        }
    }

    fn axes(&self, frame: &Frame, svg: &mut String) {
        let (bottom, right) = (HEIGHT - BELOW, WIDTH - RIGHT);
        let ticks = frame.y.ticks();
        for (at, value) in ticks.iter().enumerate() {
            // The last one has the unit.
            let last = at + 1 == ticks.len();
            let said = if last { self.y.value(*value) } else { self.y.tick(*value) };
            let y = frame.up(*value);
            let _ = writeln!(
                svg,
                "<path class=\"rule\" d=\"M{LEFT:.0} {y:.1}H{right:.0}\"/>\
                 <text class=\"tick up\" x=\"{:.0}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                text(&said),
            );
        }
        let ticks = frame.x.ticks();
        for value in &ticks {
            let (x, said) = (frame.across(*value), self.x.tick(*value));
            // What stands at the edge stays within the drawing.
            let side = if x > right - 20.0 { "last" } else { "along" };
            let _ = writeln!(
                svg,
                "<path class=\"notch\" d=\"M{x:.1} {bottom:.0}v4\"/>\
                 <text class=\"tick {side}\" x=\"{x:.1}\" y=\"{:.0}\">{}</text>",
                bottom + 18.0,
                text(&said),
            );
        }
        let (unit, below) = (text(self.x.unit), bottom + 34.0);
        let _ = writeln!(
            svg,
            "<text class=\"tick last\" x=\"{right:.0}\" y=\"{below:.0}\">{unit}</text>"
        );
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{LEFT:.0} {bottom:.0}H{right:.0}\"/>");
    }

    /// A point that says what it is when pointed at.
    fn say(
        &self,
        frame: &Frame,
        (line, class): (&Line, &str),
        (x, y): (f64, f64),
        svg: &mut String,
    ) {
        let name = if self.lines.len() > 1 { format!("{}, ", line.name) } else { String::new() };
        let said = format!("{name}{}: {}", self.x.value(x), self.y.value(y));
        let _ = writeln!(
            svg,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            frame.across(x),
            frame.up(y),
            text(&said),
        );
    }
}

fn path(frame: &Frame, points: &[(f64, f64)], steps: bool) -> String {
    let mut path = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let (x, y) = (frame.across(*x), frame.up(*y));
        let _ = match (at, steps) {
            (0, _) => write!(path, "M{x:.1} {y:.1}"),
            (_, true) => write!(path, "H{x:.1}V{y:.1}"),
            (_, false) => write!(path, "L{x:.1} {y:.1}"),
        };
    }
    path
}

/// As many points as can be seen: of each stretch its lowest and its highest.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= POINTS_MAX {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(POINTS_MAX / 2);
    let mut kept = Vec::with_capacity(POINTS_MAX);
    for part in points.chunks(stretch) {
        let by_value = |one: &&(f64, f64), other: &&(f64, f64)| one.1.total_cmp(&other.1);
        let low = part.iter().min_by(by_value).copied();
        let high = part.iter().max_by(by_value).copied();
        let mut ends: Vec<(f64, f64)> = low.into_iter().chain(high).collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        ends.dedup();
        kept.extend(ends);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Axis = Axis { unit: "states", scale: Scale::Log };
    const MB: Axis = Axis { unit: "MB", scale: Scale::Linear };
    const TIME: Axis = Axis { unit: "", scale: Scale::Clock };

    fn plot(x: Axis, points: &[(f64, f64)]) -> Plot {
        let line =
            |name: &str| Line { name: name.to_owned(), points: points.to_vec(), steps: false };
        let lines = vec![line("a<b")];
        Plot { title: "size".to_owned(), x, y: MB, lines, bands: Vec::new() }
    }

    #[test]
    fn the_first_and_the_last_point_lie_on_the_edges() {
        let svg = plot(TIME, &[(0.0, 0.0), (80.0, 10.0)]).svg();
        assert!(svg.contains("d=\"M60.0 200.0L624.0 14.0\""), "{svg}");
        let svg = plot(COUNT, &[(10.0, 0.0), (1000.0, 10.0)]).svg();
        assert!(svg.contains("d=\"M60.0 200.0L624.0 14.0\""), "{svg}");
        assert!(svg.contains("<title>100 states") || svg.contains("<title>1000 states: 10 MB"));
    }

    #[test]
    fn what_is_no_number_or_has_no_logarithm_is_left_out() {
        let svg = plot(COUNT, &[(0.0, 1.0), (10.0, f64::NAN), (10.0, 1.0), (100.0, 2.0)]).svg();
        assert_eq!(svg.matches("<title>").count(), 2, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(plot(TIME, &[]).svg().contains("no samples"));
        for points in [&[(5.0, 5.0)][..], &[(0.0, 0.0)], &[(3.0, 1.0), (3.0, 2.0)]] {
            for axis in [TIME, COUNT] {
                let svg = plot(axis, points).svg();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }

    #[test]
    fn lines_are_named_only_where_there_are_several_and_never_as_markup() {
        let mut plot = plot(TIME, &[(0.0, 1.0), (9.0, 2.0)]);
        assert!(!plot.svg().contains("a&lt;b"));
        let first = plot.lines[0].clone();
        let more = (0..20).map(|at| Line { name: format!("line {at}"), ..first.clone() });
        plot.lines.extend(more);
        let svg = plot.svg();
        assert!(svg.contains(">a&lt;b</text>") && !svg.contains("a<b"), "{svg}");
        assert!(svg.contains(">line 19</text>"));
        let name = "held".to_owned();
        plot.bands.push(Band { from: 2.0, to: f64::MAX, within: None, name });
        let svg = plot.svg();
        assert!(svg.contains(">held</text>") && svg.contains("class=\"band\""), "{svg}");
    }

    #[test]
    fn what_is_expected_is_drawn_between_its_values_and_makes_room_for_them() {
        let mut plot = plot(TIME, &[(0.0, 0.0), (100.0, 10.0)]);
        let name = "expected".to_owned();
        plot.bands.push(Band { from: 0.0, to: 100.0, within: Some((10.0, 20.0)), name });
        let svg = plot.svg();
        let drawn = "<rect class=\"band expected\" x=\"60.0\" y=\"14.0\" width=\"564.0\" \
                     height=\"93.0\"/>";
        assert!(svg.contains(drawn), "{svg}");
        plot.bands[0].from = 99.0;
        assert!(plot.svg().contains("band-name expected before\" x=\"612.4\""), "{}", plot.svg());
    }

    #[test]
    fn steps_hold_until_the_next_and_no_peak_is_thinned_away() {
        let mut plot = plot(TIME, &[(0.0, 0.0), (5.0, 10.0), (10.0, 0.0)]);
        plot.lines[0].steps = true;
        assert!(plot.svg().contains("H342.0V14.0H624.0V200.0"), "{}", plot.svg());
        let mut points: Vec<(f64, f64)> = (0..50_000).map(|it| (f64::from(it), 1.0)).collect();
        points[31_415].1 = 9.0;
        let kept = thinned(&points);
        assert!(kept.len() <= POINTS_MAX && kept.contains(&(31_415.0, 9.0)));
        assert!(kept.is_sorted_by(|one, other| one.0 < other.0));
    }
}
