//! The toys without any framework: what this machine allows, and so the upper bound of the others.

#[path = "../../shared/figure.rs"]
mod figure;
#[path = "../../shared/shapes.rs"]
mod shapes;
#[path = "../../shared/toy.rs"]
mod toy;
mod messages;
mod states;
mod steps;

use figure::Figure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut figures = vec![
        Figure::new("steps", "bare loop", steps::bare),
        Figure::new("steps", "bare loop, log and hash", steps::recorded),
        Figure::new("round-trips", "bare heap of events, 1-10 ms", messages::round),
    ];
    for shape in shapes::SHAPES {
        let name = format!("bare BFS, {}", shape.name);
        figures.push(Figure::new("states", name, move |_| states::explore(shape, false)));
        let name = format!("bare BFS + symmetry, {}", shape.name);
        figures.push(Figure::new("states", name, move |_| states::explore(shape, true)));
    }
    figure::answer(&figures)
}
