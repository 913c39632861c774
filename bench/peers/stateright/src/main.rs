//! The toys on stateright: the writers simulated, and every state of the lock.

#[path = "../../shared/figure.rs"]
mod figure;
#[path = "../../shared/shapes.rs"]
mod shapes;
#[path = "../../shared/toy.rs"]
mod toy;
mod lock;
mod writers;

use figure::Figure;
use lock::Search;
use shapes::SHAPES;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut figures = vec![Figure::new("steps", "stateright simulation", writers::round)];
    for shape in SHAPES {
        for (search, words) in
            [(Search::Bfs, "BFS"), (Search::Dfs, "DFS"), (Search::Symmetric, "DFS + symmetry")]
        {
            let name = format!("stateright {words}, {}", shape.name);
            figures.push(Figure::new("states", name, move |_| lock::explore(shape, search)));
        }
    }
    figure::answer(&figures)
}
