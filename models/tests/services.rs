//! What the simulated services answer, exactly: Postgres rows, Redis leases, S3 objects, and time.
//!
//! Each test is a conversation. A connection is named by two numbers, its client and its place
//! among that client's connections; a call that waits is answered when the world says that it is
//! freed, and what it heard is written down.

mod nodes;
mod sessions;
mod stores;
mod talk;

use checker::ClientId;
use models::worlds::leases::{self, Call as Redis};
use models::worlds::objects::{self, Body, Call as S3, Profile, When};
use models::worlds::rows::{Isolation, Row, Statement, Update, Vacuum};
use models::worlds::{HELD_BACK, Reply, Run, clock, rows};
use sim::world::{Legible, World};

use Isolation::{ReadCommitted, RepeatableRead};
use rows::Reply::{SerializationFailure, Updated};
use talk::{APPEAR, LAPSE, PASS, RUN, Talk, VACUUM, holding, swap};

#[test]
fn a_cas_moves_the_head_once_and_says_where_to() {
    let mut talk = Talk::postgres();
    assert_eq!(talk.cas(0, 0), Some(Updated(Some(1))));
    assert_eq!(talk.cas(1, 0), Some(Updated(None)));
    assert_eq!(talk.seq(1), Some(1));
    assert_eq!(talk.services.rows.head(RUN), Row { seq: 1, body: 1, token: 0 });
    assert_eq!(talk.services.rows.head(Run(1)), Row::default(), "another row is another row");
}

#[test]
fn what_is_not_committed_is_seen_by_its_own_transaction_only() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!((talk.seq(0), talk.seq(1)), (Some(1), Some(0)));
    talk.commit(0);
    assert_eq!(talk.seq(1), Some(1));
}

/// As measured on a real server: the snapshot is judged before anybody waits.
#[test]
fn a_where_that_does_not_match_the_snapshot_is_zero_rows_at_once() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!(talk.cas(1, 1), Some(Updated(None)), "the row it asks for is not yet there");
    assert_eq!(talk.cas(1, 7), Some(Updated(None)));
}

#[test]
fn a_where_that_matches_waits_and_is_judged_again_after_the_commit() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!(talk.cas(1, 0), None, "the row is locked");
    assert_eq!(talk.heard(), []);
    talk.commit(0);
    assert_eq!(talk.heard(), [(1, Updated(None))], "the head has moved on");
}

#[test]
fn after_a_rollback_it_is_judged_on_the_old_row() {
    let mut talk = holding(ReadCommitted, 0);
    assert_eq!(talk.cas(1, 0), None);
    talk.rollback(0);
    assert_eq!(talk.heard(), [(1, Updated(Some(1)))]);
    assert_eq!(talk.services.rows.head(RUN).body, 2, "it is the waiter's");
}

#[test]
fn without_a_where_the_second_look_updates_what_the_first_did_not_see() {
    let mut talk = holding(ReadCommitted, 0);
    let blind = Update { seen: None, ..swap(1, 0) };
    assert_eq!(talk.sql(1, 1, Statement::Update(blind)), None);
    talk.commit(0);
    assert_eq!(talk.heard(), [(1, Updated(Some(2)))], "seq + 1 of the newest version");
}

#[test]
fn those_who_wait_are_served_first_come_first() {
    for (commits, heard) in [
        (true, [(2, Updated(None)), (1, Updated(None)), (3, Updated(None))]),
        (false, [(2, Updated(Some(1))), (1, Updated(None)), (3, Updated(None))]),
    ] {
        let mut talk = holding(ReadCommitted, 0);
        for client in [2, 1, 3] {
            assert_eq!(talk.cas(client, 0), None);
        }
        if commits {
            talk.commit(0);
        } else {
            talk.rollback(0);
        }
        assert_eq!(talk.heard(), heard);
    }
}

/// Postgres locks the row before it looks the second time.
#[test]
fn a_second_look_that_changes_nothing_keeps_the_row_until_its_transaction_ends() {
    let mut talk = holding(ReadCommitted, 0);
    talk.begin(1, ReadCommitted);
    assert_eq!((talk.cas(1, 0), talk.cas(2, 0)), (None, None));
    talk.commit(0);
    assert_eq!(talk.heard(), [(1, Updated(None))], "and nobody behind it");
    assert_eq!(talk.cas(3, 1), None, "a match on the newest version waits too");
    talk.commit(1);
    assert_eq!(talk.heard(), [(2, Updated(None)), (3, Updated(Some(2)))]);
}

#[test]
fn a_snapshot_is_taken_by_the_first_statement_and_stays() {
    let mut talk = Talk::postgres();
    talk.begin(1, RepeatableRead);
    assert_eq!(talk.cas(0, 0), Some(Updated(Some(1))));
    assert_eq!(talk.seq(1), Some(1), "BEGIN alone takes none");
    assert_eq!(talk.cas(0, 1), Some(Updated(Some(2))));
    assert_eq!(talk.seq(1), Some(1));
    talk.commit(1);
    assert_eq!(talk.seq(1), Some(2));
}

#[test]
fn under_read_committed_every_statement_sees_anew() {
    let mut talk = Talk::postgres();
    talk.begin(1, ReadCommitted);
    assert_eq!(talk.seq(1), Some(0));
    assert_eq!(talk.cas(0, 0), Some(Updated(Some(1))));
    assert_eq!(talk.seq(1), Some(1));
}

#[test]
fn an_update_of_what_changed_since_the_snapshot_cannot_be_serialised() {
    let mut talk = Talk::postgres();
    talk.begin(1, RepeatableRead);
    assert_eq!(talk.seq(1), Some(0));
    assert_eq!(talk.cas(0, 0), Some(Updated(Some(1))));
    assert_eq!(talk.cas(1, 0), Some(SerializationFailure));
}

#[test]
fn an_update_that_waited_under_a_snapshot_fails_if_the_holder_commits() {
    for (commits, heard) in [(true, SerializationFailure), (false, Updated(Some(1)))] {
        let mut talk = holding(ReadCommitted, 0);
        talk.begin(1, RepeatableRead);
        assert_eq!(talk.cas(1, 0), None);
        if commits {
            talk.commit(0);
        } else {
            talk.rollback(0);
        }
        assert_eq!(talk.heard(), [(1, heard)]);
    }
}

#[test]
fn a_fencing_token_refuses_an_older_holder() {
    let mut talk = Talk::postgres();
    let mut write = |token| {
        let update = Update { seen: None, token: Some(token), ..swap(0, 0) };
        talk.sql(0, 1, Statement::Update(update))
    };
    assert_eq!(write(2), Some(Updated(Some(1))));
    assert_eq!(write(1), Some(Updated(None)));
    assert_eq!(write(2), Some(Updated(Some(2))), "its own token still passes");
}

/// A reader holds a snapshot of 0 while the head moves to 2.
fn held(vacuum: Vacuum) -> Talk {
    let mut talk = Talk::new(vacuum, Profile::Strong);
    talk.begin(1, RepeatableRead);
    assert_eq!(talk.seq(1), Some(0));
    for from in 0..2 {
        assert_eq!(talk.cas(0, from), Some(Updated(Some(from + 1))));
    }
    assert_eq!(talk.services.rows.versions(RUN), 3);
    talk
}

#[test]
fn vacuum_keeps_what_a_held_snapshot_can_see() {
    let mut talk = held(Vacuum::Ticks);
    talk.advance(VACUUM, 0);
    assert_eq!(talk.services.rows.unreadable(), None);
    assert_eq!(talk.seq(1), Some(0));
    assert_eq!(talk.services.marks().map(|it| it.count(HELD_BACK)), Some(1));
    talk.commit(1);
    assert_eq!(talk.cas(0, 2), Some(Updated(Some(3))));
    talk.advance(VACUUM, 0);
    assert_eq!(talk.services.rows.versions(RUN), 1, "nobody is left who could see the dead");
    assert!(!talk.offers(VACUUM, 0), "nothing is left to look at");
}

#[test]
fn vacuum_that_does_not_ask_takes_a_version_from_its_reader() {
    let mut talk = held(Vacuum::IgnoresSnapshots);
    assert_eq!(talk.services.rows.unreadable(), None);
    talk.advance(VACUUM, 0);
    let (session, run) = talk.services.rows.unreadable().expect("its version is gone");
    assert_eq!((session.client, run), (ClientId(1), RUN));
    assert_eq!(talk.seq(1), None);
}

#[test]
fn a_transaction_that_wrote_holds_back_the_dead() {
    let mut talk = Talk::new(Vacuum::Ticks, Profile::Strong);
    talk.begin(0, ReadCommitted);
    let other = Update { run: Run(1), ..swap(0, 0) };
    assert_eq!(talk.sql(0, 1, Statement::Update(other)), Some(Updated(Some(1))));
    assert_eq!(talk.cas(1, 0), Some(Updated(Some(1))));
    talk.advance(VACUUM, 0);
    assert_eq!(talk.services.rows.versions(RUN), 2);
}

#[test]
fn a_lock_is_granted_to_one_and_given_back_by_value() {
    let mut talk = Talk::postgres();
    assert_eq!(talk.lock(1, RUN, 100), leases::Reply::Granted { token: 1 });
    assert_eq!(talk.lock(2, RUN, 100), leases::Reply::Busy);
    assert_eq!(talk.lock(2, Run(1), 100), leases::Reply::Granted { token: 1 });
    let release = |value| Redis::Release { run: RUN, value };
    let extend = |value| Redis::Extend { run: RUN, value, ttl_ms: 300 };
    assert_eq!(talk.redis(2, extend(2)), leases::Reply::Held(false), "it is not theirs");
    let left = |talk: &Talk| talk.services.leases.left_ms().find(|(run, _)| *run == RUN);
    assert_eq!(left(&talk), Some((RUN, 100)), "so it is as it was");
    assert_eq!(talk.redis(2, release(2)), leases::Reply::Held(false), "it is not theirs");
    assert_eq!(talk.redis(1, extend(1)), leases::Reply::Held(true));
    assert_eq!(left(&talk), Some((RUN, 300)), "its time begins anew");
    assert_eq!(talk.redis(1, release(1)), leases::Reply::Held(true));
    assert_eq!(talk.lock(2, RUN, 100), leases::Reply::Granted { token: 2 }, "tokens only grow");
}

#[test]
fn a_lapse_frees_the_lock_and_wakes_only_those_whose_time_has_come() {
    let mut talk = Talk::postgres();
    talk.lock(1, RUN, 100);
    assert_eq!((talk.sleep(2, 60), talk.sleep(3, 200)), (None, None));
    talk.advance(LAPSE, 0);
    assert_eq!(talk.services.leases.holder(RUN), None);
    let woke = Reply::Clock(clock::Reply::Woke);
    assert_eq!(talk.woken, [(2, woke.clone())]);
    assert_eq!(talk.services.clock.next_ms(), Some(100));
    talk.advance(PASS, 0);
    assert_eq!(talk.woken.last(), Some(&(3, woke)));
    assert!(!talk.offers(PASS, 0), "nobody sleeps");
}

#[test]
fn a_lapse_takes_every_lock_that_runs_out_before_it() {
    let mut talk = Talk::postgres();
    talk.lock(1, RUN, 50);
    talk.lock(2, Run(1), 100);
    talk.advance(LAPSE, 1);
    assert_eq!(talk.services.leases.left_ms().count(), 0);
}

#[test]
fn time_passes_of_itself_only_while_no_lock_runs_out() {
    let mut talk = Talk::postgres();
    talk.lock(1, RUN, 100);
    talk.sleep(2, 100);
    assert!(!talk.offers(PASS, 0), "the lock would run out at the same moment");
    talk.sleep(3, 99);
    talk.advance(PASS, 0);
    assert_eq!(talk.services.leases.left_ms().collect::<Vec<_>>(), [(RUN, 1)]);
}

#[test]
fn sleepers_wake_in_the_order_they_lay_down_and_the_dead_do_not_wake() {
    let mut talk = Talk::postgres();
    for client in [3, 1, 2] {
        talk.sleep(client, 10);
    }
    talk.services.gone(ClientId(1));
    talk.advance(PASS, 0);
    let woken: Vec<u16> = talk.woken.iter().map(|(client, _)| *client).collect();
    assert_eq!(woken, [3, 2]);
}

#[test]
fn a_put_takes_effect_when_its_condition_holds() {
    use objects::Reply::{Found, PreconditionFailed, Written};
    let mut talk = Talk::postgres();
    for (by, when, answer) in [
        (1, When::Is(1), PreconditionFailed),
        (1, When::Absent, Written),
        (2, When::Absent, PreconditionFailed),
        (2, When::Is(3), PreconditionFailed),
        (2, When::Is(1), Written),
        (3, When::Always, Written),
        (4, When::Is(2), PreconditionFailed),
    ] {
        assert_eq!(talk.put("a", by, when), answer, "{by} {when:?}");
    }
    let get = |key: &str| S3::Get { key: key.to_owned() };
    assert_eq!(talk.s3(get("a")), Found(Some(Body { by: 3, after: 0 })));
    assert_eq!(talk.s3(get("b")), Found(None));
}

/// The keys b/1, b/2, b/3 with neighbours on both sides.
fn listed(profile: Profile) -> Talk {
    let mut talk = Talk::new(Vacuum::AtOnce, profile);
    for key in ["b/3", "a", "b/1", "c", "b/2"] {
        talk.put(key, 1, When::Always);
    }
    talk
}

#[test]
fn a_listing_has_the_keys_with_its_prefix_in_order_from_the_first_after() {
    let mut talk = listed(Profile::Strong);
    let cases = [
        ("b/", None, 10, &["b/1", "b/2", "b/3"][..], false),
        ("b/", None, 3, &["b/1", "b/2", "b/3"], false),
        ("b/", None, 2, &["b/1", "b/2"], true),
        ("b/", Some("b/1"), 1, &["b/2"], true),
        ("b/", Some("b/2"), 1, &["b/3"], false),
        ("b/", Some("b/1x"), 10, &["b/2", "b/3"], false),
        ("b/", Some("b/3"), 10, &[], false),
        ("b/", Some("c"), 10, &[], false),
        ("b/", Some("a"), 10, &["b/1", "b/2", "b/3"], false),
        ("", None, 10, &["a", "b/1", "b/2", "b/3", "c"], false),
        ("", Some("b/2"), 1, &["b/3"], true),
        ("d", None, 10, &[], false),
    ];
    for (prefix, after, limit, keys, truncated) in cases {
        let told = talk.list(prefix, after, limit);
        let keys = keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(told, (keys, truncated), "'{prefix}' after {after:?}, {limit} at most");
    }
}

#[test]
fn a_page_has_a_thousand_keys_at_most() {
    let mut talk = Talk::postgres();
    for n in 0..1001 {
        talk.put(&format!("{n:04}"), 1, When::Always);
    }
    let (keys, truncated) = talk.list("", None, 5000);
    assert_eq!((keys.len(), truncated), (objects::PAGE_MAX as usize, true));
}

#[test]
fn an_eventual_listing_learns_of_keys_in_any_order_and_a_replica_in_theirs() {
    for (profile, second) in [(Profile::EventualList, true), (Profile::StaleReplica, false)] {
        let mut talk = Talk::new(Vacuum::AtOnce, profile);
        talk.put("1", 1, When::Always);
        talk.put("2", 1, When::Always);
        assert_eq!(talk.list("", None, 9), (vec![], false), "{profile:?}");
        assert_eq!(talk.offers(APPEAR, 1), second, "{profile:?}");
        talk.advance(APPEAR, 0);
        assert_eq!(talk.list("", None, 9).0, ["1"]);
        let get = S3::Get { key: "2".to_owned() };
        assert!(matches!(talk.s3(get), objects::Reply::Found(Some(_))), "reads are not listings");
    }
}

#[test]
fn a_store_that_skips_at_the_border_skips_where_a_page_goes_on() {
    let mut talk = listed(Profile::SkipsAtBorder);
    assert_eq!(talk.list("b/", None, 1), (vec!["b/1".to_owned()], true));
    assert_eq!(talk.list("b/", Some("b/1"), 9).0, ["b/3"]);
}
