//! What a few sessions say, and whose turn it is: small programs, written or drawn from a seed.
//!
//! The hard part is a session that waits: its turn is passed over, and what it has left to say
//! comes when it is let on. So any list of turns is one, and any part of a program that keeps its
//! transactions whole is a program, which is what cutting one down needs.

use models::worlds::tables::{
    Is, Isolation, Mode, Scan, Schema, Statement, Term, Test, Unique, Wait,
};
use sim::rng::Rng;

/// A table with a unique column and a partly unique one, and a plain table.
///
/// Only `id` and `v` are asked for: an index on another column would be another order.
pub const SCHEMA: &[Schema] = &[
    Schema {
        name: "t",
        columns: &["id", "v", "u", "w", "p"],
        unique: &[
            Unique { column: 2, only: &[] },
            Unique { column: 3, only: &[Test::equals(4, 0)] },
        ],
    },
    Schema { name: "s", columns: &["id", "v"], unique: &[] },
];

/// The rows that are there in the beginning.
pub fn begins() -> Vec<Statement> {
    let insert = |table: usize, row: &[i64]| Statement::Insert {
        table,
        row: row.iter().map(|it| if *it < 0 { Term::Null } else { Term::To(*it) }).collect(),
        or_nothing: false,
    };
    vec![
        insert(0, &[1, 0, 1, -1, 0]),
        insert(0, &[2, 0, 2, 1, 0]),
        insert(0, &[3, 1, -1, 1, 1]),
        insert(1, &[1, 0]),
        insert(1, &[2, 0]),
    ]
}

/// What each session says, and whose turn it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Program {
    /// Session by session.
    pub says: Vec<Vec<Statement>>,
    /// By session. When these are over the first who can goes on.
    pub turns: Vec<usize>,
}

impl Program {
    /// Statements in the order in which they are said, each with its session.
    pub fn written(statements: &[(usize, Statement)]) -> Self {
        let mut program = Program::default();
        for (session, statement) in statements {
            let sessions = program.says.len().max(session + 1);
            program.says.resize(sessions, Vec::new());
            program.says[*session].push(statement.clone());
            program.turns.push(*session);
        }
        program
    }

    /// Two or three sessions, two to four statements each beside BEGIN and COMMIT.
    pub fn drawn(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let sessions = 2 + rng.below(2);
        let says: Vec<_> = (0..sessions).map(|_| says(&mut rng)).collect();
        let total: usize = says.iter().map(Vec::len).sum();
        let turns = (0..total * 2).map(|_| rng.below(sessions) as usize).collect();
        Program { says, turns }
    }

    /// Whether the server would take every session's part without a word about transactions.
    pub fn is_whole(&self) -> bool {
        self.says.iter().all(|it| is_whole(it))
    }

    /// It with a part left out, each part once: the smaller programs to try.
    pub fn smaller(&self) -> Vec<Program> {
        let mut smaller = Vec::new();
        for session in 0..self.says.len() {
            let count = self.says[session].len();
            let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |it| vec![one, it]));
            let cuts = [(0..count).collect()].into_iter().chain((0..count).map(|it| vec![it]));
            for cut in cuts.chain(pairs).filter(|it: &Vec<usize>| !it.is_empty()) {
                let mut program = self.clone();
                for index in cut.iter().rev() {
                    program.says[session].remove(*index);
                }
                smaller.push(program);
            }
        }
        let turns = (0..self.turns.len()).map(|index| {
            let mut program = self.clone();
            program.turns.remove(index);
            program
        });
        smaller.extend(turns);
        smaller.retain(Program::is_whole);
        smaller
    }
}

fn is_whole(says: &[Statement]) -> bool {
    let mut open = false;
    for it in says {
        let right = match it {
            Statement::Begin(_) => !std::mem::replace(&mut open, true),
            Statement::Commit | Statement::Rollback => std::mem::replace(&mut open, false),
            Statement::LockTable { .. } => open,
            _ => true,
        };
        if !right {
            return false;
        }
    }
    !open
}

fn says(rng: &mut Rng) -> Vec<Statement> {
    let count = 2 + rng.below(3);
    if rng.one_in(5) {
        return (0..count).map(|_| statement(rng, false)).collect();
    }
    let isolation = *rng.pick(&[Isolation::ReadCommitted, Isolation::RepeatableRead]);
    let mut says = vec![Statement::Begin(isolation)];
    says.extend((0..count).map(|_| statement(rng, true)));
    says.push(if rng.one_in(4) { Statement::Rollback } else { Statement::Commit });
    says
}

fn statement(rng: &mut Rng, in_block: bool) -> Statement {
    let table = usize::from(rng.one_in(4));
    match rng.below(100) {
        0..12 => Statement::Select(scan(rng, table, false)),
        12..32 => Statement::Select(scan(rng, table, true)),
        32..62 => {
            let locks = rng.one_in(4);
            Statement::Update { scan: scan(rng, table, locks), set: set(rng, table) }
        }
        62..69 => {
            let locks = rng.one_in(4);
            Statement::Delete(scan(rng, table, locks))
        }
        69..86 => {
            let row = match table {
                0 => vec![some(rng, 1, 5), some(rng, 0, 1), few(rng), few(rng), some(rng, 0, 1)],
                _ => vec![some(rng, 1, 4), some(rng, 0, 1)],
            };
            Statement::Insert { table, row, or_nothing: rng.one_in(3) }
        }
        86..89 => Statement::Truncate(table),
        89..93 if in_block => {
            Statement::LockTable { table, mode: *rng.pick(&Mode::ALL), nowait: rng.one_in(2) }
        }
        93..96 => Statement::Unadvise { key: 1 + rng.below(2) as i64 },
        _ => Statement::Advise {
            key: 1 + rng.below(2) as i64,
            xact: rng.one_in(2),
            tries: rng.one_in(3),
        },
    }
}

fn scan(rng: &mut Rng, table: usize, locks: bool) -> Scan {
    let only = match rng.below(10) {
        0..6 => vec![Test::equals(0, 1 + rng.below(3) as i64)],
        6..8 => vec![Test { column: 1, is: *rng.pick(&[Is::Less, Is::Equal]), than: Term::To(1) }],
        8 => vec![Test { column: 0, is: Is::More, than: Term::To(1) }],
        _ => Vec::new(),
    };
    let lock = locks.then(|| *rng.pick(&[Wait::Blocks, Wait::Skips, Wait::Fails]));
    let limit = (locks && rng.one_in(2)).then_some(1);
    Scan { table, only, limit, lock }
}

fn set(rng: &mut Rng, table: usize) -> Vec<(usize, Term)> {
    match rng.below(if table == 0 { 8 } else { 4 }) {
        0..4 => vec![(1, Term::Plus(1))],
        4 => vec![(2, few(rng))],
        5 => vec![(3, few(rng))],
        6 => vec![(4, some(rng, 0, 1))],
        _ => vec![(1, Term::To(0)), (2, few(rng)), (3, few(rng))],
    }
}

/// One of a few values, so that they collide.
fn few(rng: &mut Rng) -> Term {
    if rng.one_in(4) { Term::Null } else { some(rng, 1, 3) }
}

fn some(rng: &mut Rng, first: i64, last: i64) -> Term {
    Term::To(first + rng.below((last - first + 1) as u64) as i64)
}
