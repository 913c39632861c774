//! The simulated tables are the real ones, statement for statement, as several sessions use them.

#[path = "tables/scenarios.rs"]
mod scenarios;
mod skip;

use models::worlds::tables::SqlState;
use real::RealError;
use real::service::ServiceError;
use real::tables::{Counts, Played, Program, Server};

/// The server, or none where there is none.
fn server() -> Option<Server> {
    match Server::start() {
        Ok(server) => Some(server),
        Err(RealError::Service(error @ ServiceError::NotFound { .. })) => {
            skip::skip("postgres", error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Compares, and fails with the least that shows the difference.
fn agree(server: &mut Server, name: &str, program: &Program) -> Counts {
    match server.compare(program).expect("the server answers") {
        Played::Agrees(counts) => counts,
        Played::Undecided => Counts { undecided: 1, ..Counts::default() },
        Played::Differs(whole) => {
            let (_, least) = server.minimise(program).expect("the server answers");
            let lines = if least.is_empty() { whole } else { least };
            let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
            panic!("{name} differs:\n{}", lines.join("\n"));
        }
    }
}

#[test]
fn what_the_literature_names_goes_as_it_goes_on_the_server() {
    let Some(mut server) = server() else { return };
    for it in scenarios::all() {
        let program = Program::written(&it.says);
        assert!(program.is_whole(), "{}: its transactions are whole", it.name);
        let counts = agree(&mut server, it.name, &program);
        let errors: Vec<SqlState> = counts.errors.keys().copied().collect();
        assert_eq!((counts.waits, errors), (it.waits, it.errors.to_vec()), "{}", it.name);
        assert_eq!(counts.undecided, 0, "{}", it.name);
    }
}

/// How many programs are drawn.
const SEEDS: u64 = 400;

/// Programs drawn from seeds; `make tables-long` plays more of them.
#[test]
fn drawn_programs_go_as_they_go_on_the_server() {
    let Some(mut server) = server() else { return };
    let mut counts = Counts::default();
    for seed in 0..SEEDS {
        counts.add(&agree(&mut server, &format!("seed {seed}"), &Program::drawn(seed)));
    }
    println!("{counts}");
    assert!(counts.waits > 0 && counts.second_looks_missed > 0);
    assert_eq!(counts.errors.len(), SqlState::ALL.len(), "each error was had");
    assert!(counts.undecided * 100 <= SEEDS, "{} of them show nothing", counts.undecided);
}
