//! The world `tables` by itself, where its worth does not hang on a server being there.

use checker::ClientId;
use models::worlds::tables::{
    Call, Isolation, Reply, Scan, Schema, SqlState, Statement, Tables, Term, Test, Wait,
};
use sim::step::CallId;
use std::task::Poll;

const SCHEMA: &[Schema] = &[Schema { name: "t", columns: &["id", "v"], unique: &[] }];

struct Sessions(Tables);

impl Sessions {
    /// Two rows, both at 0.
    fn new() -> Self {
        let mut sessions = Sessions(Tables::new(SCHEMA));
        for id in [1, 2] {
            let row = vec![Term::To(id), Term::To(0)];
            sessions.does(9, Statement::Insert { table: 0, row, or_nothing: false });
        }
        sessions
    }

    fn says(&mut self, session: u16, statement: Statement) -> Poll<Reply> {
        let id = CallId { client: ClientId(session), slot: 0 };
        self.0.apply(id, &Call { session: 0, gave_up: Vec::new(), statement })
    }

    /// Says what need not wait.
    fn does(&mut self, session: u16, statement: Statement) {
        assert!(self.says(session, statement).is_ready(), "nobody is in its way");
    }

    /// Who is let on, and the answer to what it waited with.
    fn freed(&mut self) -> Option<(u16, Poll<Reply>)> {
        let id = self.0.freed()?;
        // What it says is known by now; a waiter is told by its call alone.
        let call = Call { session: 0, gave_up: Vec::new(), statement: Statement::Commit };
        Some((id.client.0, self.0.apply(id, &call)))
    }

    fn values(&self) -> Vec<i64> {
        self.0.rows(0).filter_map(|row| row[1]).collect()
    }
}

fn scan(only: &[Test], lock: Option<Wait>) -> Scan {
    Scan { table: 0, only: only.to_vec(), limit: None, lock }
}

fn add(id: i64) -> Statement {
    let scan = scan(&[Test::equals(0, id)], None);
    Statement::Update { scan, set: vec![(1, Term::Plus(1))] }
}

fn rows(rows: &[[i64; 2]]) -> Poll<Reply> {
    let row = |it: &[i64; 2]| it.iter().copied().map(Some).collect();
    Poll::Ready(Reply::Rows(rows.iter().map(row).collect()))
}

fn failed(state: SqlState) -> Poll<Reply> {
    Poll::Ready(Reply::Failed(state))
}

#[test]
fn a_waiter_looks_again_at_what_the_row_is_by_then() {
    let mut sessions = Sessions::new();
    sessions.does(0, Statement::Begin(Isolation::ReadCommitted));
    assert_eq!(sessions.says(0, add(1)), rows(&[[1, 1]]));
    let zeros = scan(&[Test::equals(1, 0)], None);
    let set = vec![(1, Term::To(9))];
    assert_eq!(sessions.says(1, Statement::Update { scan: zeros, set }), Poll::Pending);
    assert_eq!(sessions.freed(), None, "nothing has happened");
    sessions.does(0, Statement::Commit);
    assert_eq!(sessions.freed(), Some((1, rows(&[[2, 9]]))));
    assert_eq!(sessions.values(), [1, 9]);
}

#[test]
fn a_snapshot_that_is_kept_to_refuses_what_was_changed_since() {
    let mut sessions = Sessions::new();
    sessions.does(0, Statement::Begin(Isolation::RepeatableRead));
    assert_eq!(sessions.says(0, Statement::Select(scan(&[], None))), rows(&[[1, 0], [2, 0]]));
    sessions.does(1, add(1));
    assert_eq!(sessions.says(0, Statement::Select(scan(&[], None))), rows(&[[1, 0], [2, 0]]));
    assert_eq!(sessions.says(0, add(1)), failed(SqlState::SerializationFailure));
    assert_eq!(sessions.says(0, add(2)), failed(SqlState::InFailedTransaction));
    assert_eq!(sessions.says(0, Statement::Commit), Poll::Ready(Reply::RolledBack));
    assert_eq!(sessions.values(), [1, 0]);
}

#[test]
fn who_closes_a_circle_of_waiters_hears_of_it_and_the_rest_goes_on() {
    let mut sessions = Sessions::new();
    for session in [0, 1] {
        sessions.does(session, Statement::Begin(Isolation::ReadCommitted));
        sessions.does(session, add(i64::from(session) + 1));
    }
    assert_eq!(sessions.says(0, add(2)), Poll::Pending);
    assert_eq!(sessions.says(1, add(1)), failed(SqlState::DeadlockDetected));
    assert_eq!(sessions.freed(), Some((0, rows(&[[2, 1]]))));
}

#[test]
fn a_transaction_that_was_left_open_is_closed_and_undone() {
    let mut sessions = Sessions::new();
    sessions.does(0, Statement::Begin(Isolation::ReadCommitted));
    sessions.does(0, add(1));
    assert_eq!(sessions.says(1, add(1)), Poll::Pending);
    sessions.0.gone(ClientId(0));
    assert_eq!(sessions.freed(), None, "the server has yet to notice");
    assert_eq!(sessions.0.orphans().collect::<Vec<_>>(), [ClientId(0)]);
    sessions.0.close(ClientId(0));
    assert_eq!(sessions.freed(), Some((1, rows(&[[1, 1]]))));
    assert_eq!(sessions.says(0, add(1)), Poll::Ready(Reply::Closed));
}

#[test]
fn tables_that_say_the_same_are_the_same_state() {
    let mut sessions = Sessions::new();
    sessions.does(0, add(1));
    let once = sessions.0.clone();
    let back = vec![(1, Term::Plus(0))];
    sessions.does(1, Statement::Update { scan: scan(&[], Some(Wait::Skips)), set: back });
    assert_eq!(sessions.0, once, "no snapshot tells them apart");
}
