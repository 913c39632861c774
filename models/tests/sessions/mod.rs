//! Connections: which of them a client holds, and what is left of one whose transaction failed.

use checker::ClientId;
use models::worlds::Run;
use models::worlds::objects::Profile;
use models::worlds::rows::{self, Row, Statement, Update, Vacuum};
use sim::step::CallId;
use sim::world::World;

use super::talk::{CLOSE, RUN, Talk, VACUUM, caller, holding, swap};
use rows::Isolation::{ReadCommitted, RepeatableRead};
use rows::Reply::{Closed, Done, InFailedTransaction, RolledBack, SerializationFailure, Updated};

/// A call of `client` that nobody waits for any more.
fn adrift(client: u16) -> CallId {
    CallId { client: ClientId(client), slot: CallId::ADRIFT }
}

#[test]
fn what_a_crashed_client_left_open_is_rolled_back_when_the_server_notices() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!(talk.cas(1, 0), None);
    talk.services.gone(ClientId(0));
    talk.wake();
    assert_eq!(talk.heard(), [], "the server has yet to notice");
    talk.advance(CLOSE, 0);
    assert_eq!(talk.heard(), [(1, Updated(Some(1)))]);
    assert!(!talk.offers(CLOSE, 0));
}

#[test]
fn a_closed_connection_is_never_used_again() {
    let mut talk = holding(ReadCommitted, 0);
    talk.services.gone(ClientId(0));
    talk.advance(CLOSE, 0);
    // Its COMMIT was on the way.
    assert_eq!(talk.sql(0, 1, Statement::Commit), Some(Closed));
    assert_eq!(talk.cas(0, 0), Some(Closed));
    assert_eq!(talk.services.rows.head(RUN).seq, 0);
    assert_eq!(talk.sql(0, 2, Statement::Update(swap(0, 0))), Some(Updated(Some(1))));
}

#[test]
fn a_connection_that_was_given_up_is_closed_when_the_server_notices() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!(
        talk.postgres_call(caller(0), 2, &[1], Statement::Update(swap(0, 0))),
        None,
        "it waits for itself"
    );
    talk.advance(CLOSE, 0);
    assert_eq!(talk.heard(), [(0, Updated(Some(1)))]);
}

#[test]
fn a_client_may_use_two_connections_at_once() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!(talk.sql(0, 2, Statement::Begin(RepeatableRead)), Some(Done));
    let select = Statement::Select { run: RUN };
    assert_eq!(talk.sql(0, 2, select.clone()), Some(rows::Reply::Row(Some(Row::default()))));
    assert_eq!(
        talk.sql(0, 3, Statement::Update(swap(0, 0))),
        None,
        "it waits for its own other connection"
    );
    assert!(!talk.offers(CLOSE, 0), "nothing was given up");
    assert_eq!(talk.seq(0), Some(1), "each connection is in its own transaction");
    talk.commit(0);
    assert_eq!(talk.heard(), [(0, Updated(None))]);
    assert_eq!(talk.sql(0, 2, select), Some(rows::Reply::Row(Some(Row::default()))));
    assert_eq!(talk.sql(0, 2, Statement::Commit), Some(Done));
}

#[test]
fn of_two_connections_each_is_given_up_for_itself() {
    let mut talk = Talk::postgres();
    for number in [1, 2, 3] {
        assert_eq!(talk.sql(0, number, Statement::Begin(ReadCommitted)), Some(Done));
    }
    assert_eq!(talk.sql(0, 3, Statement::Update(swap(0, 0))), Some(Updated(Some(1))));
    assert_eq!(talk.postgres_call(caller(0), 4, &[1, 2], Statement::Update(swap(0, 0))), None);
    talk.advance(CLOSE, 0);
    assert_eq!(talk.sql(0, 1, Statement::Commit), Some(Closed));
    talk.advance(CLOSE, 0);
    assert_eq!(talk.sql(0, 2, Statement::Commit), Some(Closed));
    assert!(!talk.offers(CLOSE, 0));
    assert_eq!(talk.sql(0, 3, Statement::Commit), Some(Done));
    assert_eq!(talk.heard(), [(0, Updated(None))]);
}

#[test]
fn a_transaction_that_begins_on_a_connection_nobody_holds_is_rolled_back() {
    let mut talk = Talk::postgres();
    talk.services.gone(ClientId(0));
    assert!(!talk.offers(CLOSE, 0), "its BEGIN is still on the way");
    let begin = Statement::Begin(ReadCommitted);
    assert_eq!(talk.postgres_call(adrift(0), 1, &[], begin), Some(Done));
    assert_eq!(talk.cas(1, 0), Some(Updated(Some(1))), "the client that begins anew knows nothing");
    talk.advance(CLOSE, 0);
    assert_eq!(talk.sql(0, 1, Statement::Commit), Some(Closed));
}

/// A transaction that has changed `Run(1)` and met an error on `RUN`.
fn failed() -> Talk {
    let mut talk = Talk::new(Vacuum::Ticks, Profile::Strong);
    talk.begin(1, RepeatableRead);
    assert_eq!(
        talk.sql(1, 1, Statement::Update(Update { run: Run(1), ..swap(1, 0) })),
        Some(Updated(Some(1)))
    );
    assert_eq!(talk.cas(0, 0), Some(Updated(Some(1))));
    assert_eq!(
        talk.sql(2, 1, Statement::Update(Update { run: Run(1), ..swap(2, 0) })),
        None,
        "the row is locked"
    );
    assert_eq!(talk.cas(1, 0), Some(SerializationFailure));
    talk
}

#[test]
fn an_error_undoes_a_transaction_there_and_then() {
    let mut talk = failed();
    assert_eq!(talk.heard(), [(2, Updated(Some(1)))], "whoever waited for its row has it");
    talk.advance(VACUUM, 0);
    assert_eq!(talk.services.rows.versions(RUN), 1, "its snapshot is let go");
}

#[test]
fn a_transaction_that_failed_hears_nothing_until_it_ends() {
    for (end, answer) in [(Statement::Rollback, Done), (Statement::Commit, RolledBack)] {
        let mut talk = failed();
        for statement in [
            Statement::Select { run: RUN },
            Statement::Update(swap(1, 1)),
            Statement::Begin(ReadCommitted),
        ] {
            assert_eq!(talk.sql(1, 1, statement), Some(InFailedTransaction));
        }
        assert_eq!(talk.sql(1, 1, end), Some(answer));
        assert_eq!(talk.services.rows.head(Run(1)).body, 3, "nothing of it is left");
        assert_eq!(talk.cas(1, 1), Some(Updated(Some(2))), "the connection goes on");
        talk.begin(1, ReadCommitted);
        assert_eq!(talk.cas(1, 2), Some(Updated(Some(3))));
        talk.commit(1);
    }
}

#[test]
fn a_failed_transaction_whose_client_is_gone_is_closed_like_any() {
    let mut talk = failed();
    talk.services.gone(ClientId(1));
    talk.advance(CLOSE, 1);
    assert_eq!(talk.sql(1, 1, Statement::Rollback), Some(Closed));
}
