//! What stores did wrong, each fault by itself; and the one thing that is no fault: "slow down".

use crate::talk::{APPEAR, FLAP, RUN, Talk, WRITE, swap};
use models::worlds::objects::{Body, Call as S3, Profile, Reply, When};
use models::worlds::rows::{Reply::Updated, Set, Statement, Update, Vacuum};
use models::worlds::slow_down::Rate;
use models::worlds::{Call, Reply as Answer};

fn store(profile: Profile) -> Talk {
    Talk::new(Vacuum::AtOnce, profile)
}

/// A store with the keys 1, 2 and 3.
fn of_three(profile: Profile) -> Talk {
    let mut talk = store(profile);
    for key in ["1", "2", "3"] {
        assert_eq!(talk.put(key, 1, When::Always), Reply::Written);
    }
    talk
}

fn get(talk: &mut Talk, key: &str) -> Option<u64> {
    match talk.s3(S3::Get { key: key.to_owned() }) {
        Reply::Found(body) => body.map(|it| it.by),
        other => panic!("a GET answered {other:?}"),
    }
}

#[test]
fn a_miss_is_remembered_until_the_cache_forgets_and_only_where_one_was() {
    let mut talk = store(Profile::NegativeCache);
    assert_eq!(get(&mut talk, "1"), None);
    talk.put("1", 7, When::Always);
    talk.put("2", 7, When::Always);
    assert_eq!((get(&mut talk, "1"), get(&mut talk, "2")), (None, Some(7)));
    assert_eq!(talk.list("", None, 9).0, ["1", "2"], "listings do not ask that cache");
    talk.advance(APPEAR, 0);
    assert_eq!(get(&mut talk, "1"), Some(7));
}

#[test]
fn pages_go_wrong_where_they_end_or_go_on() {
    for (profile, first, second) in [
        (Profile::EndsEarly, (vec!["1", "2"], false), (vec!["3"], false)),
        (Profile::OnePage, (vec!["1", "2"], true), (vec![], false)),
        (Profile::RepeatsAtBorder, (vec!["1", "2"], true), (vec!["2", "3"], false)),
        (Profile::SkipsAtBorder, (vec!["1", "2"], true), (vec![], false)),
    ] {
        let mut talk = of_three(profile);
        let told = |(keys, truncated): (Vec<&str>, bool)| {
            (keys.into_iter().map(str::to_owned).collect::<Vec<_>>(), truncated)
        };
        assert_eq!(talk.list("", None, 2), told(first), "{profile:?}");
        assert_eq!(talk.list("", Some("2"), 2), told(second), "{profile:?}");
    }
}

#[test]
fn a_page_that_goes_on_comes_from_the_cache_of_the_listing_that_last_began() {
    let mut talk = of_three(Profile::CachedListing);
    assert_eq!(talk.list("", None, 2).0, ["1", "2"]);
    talk.put("4", 1, When::Always);
    assert_eq!(talk.list("", Some("2"), 2).0, ["3"], "it was there when the listing began");
    assert_eq!(talk.list("", None, 9).0, ["1", "2", "3", "4"]);
    assert_eq!(talk.list("", Some("2"), 2).0, ["3", "4"]);
}

#[test]
fn what_lies_on_a_bad_disk_is_read_and_not_listed() {
    let mut talk = of_three(Profile::FlappingKeys);
    assert_eq!(talk.list("", None, 9).0, ["1", "2", "3"]);
    talk.advance(FLAP, 0);
    assert_eq!(talk.list("", None, 9).0, ["1", "2"]);
    assert_eq!(get(&mut talk, "3"), Some(1));
    talk.advance(FLAP, 0);
    assert_eq!(talk.list("", None, 9).0, ["1", "2", "3"]);
}

/// A conditional PUT of `client`; nothing: it waits.
fn create(talk: &mut Talk, client: u16) -> Option<Answer> {
    let body = Body { by: u64::from(client), after: 0 };
    let put = S3::Put { key: "1".to_owned(), body, when: When::Absent };
    talk.call(crate::talk::caller(client), Call::S3(put))
}

#[test]
fn who_has_checked_writes_later_whoever_wrote_before() {
    let mut talk = store(Profile::ChecksThenWrites);
    assert_eq!((create(&mut talk, 1), create(&mut talk, 2)), (None, None));
    talk.advance(WRITE, 1);
    talk.advance(WRITE, 0);
    let written = |client| (client, Answer::S3(Reply::Written));
    assert_eq!(talk.woken, [written(2), written(1)], "both were told that they created it");
    assert_eq!(get(&mut talk, "1"), Some(1));
    assert_eq!(create(&mut talk, 3), Some(Answer::S3(Reply::PreconditionFailed)));
}

#[test]
fn a_condition_that_is_not_looked_at_refuses_nobody() {
    let mut talk = store(Profile::IgnoresCondition);
    assert_eq!(talk.put("1", 1, When::Absent), Reply::Written);
    assert_eq!(talk.put("1", 2, When::Absent), Reply::Written);
}

#[test]
fn beyond_its_rate_a_store_says_slow_down_and_does_nothing_until_the_second_is_over() {
    assert_eq!((Rate::S3.puts, Rate::S3.gets), (3500, 5500));
    let mut talk = store(Profile::Strong);
    talk.services.objects = talk.services.objects.clone().limited(Rate { puts: 1, gets: 2 });
    assert_eq!(talk.put("a/1", 1, When::Always), Reply::Written);
    assert_eq!(talk.put("a/1", 2, When::Always), Reply::SlowDown);
    assert_eq!(talk.put("b/1", 1, When::Always), Reply::Written, "another prefix, another limit");
    assert_eq!(get(&mut talk, "a/1"), Some(1), "a 503 did nothing");
    assert_eq!(talk.list("a/", None, 9).0, ["a/1"]);
    assert_eq!(talk.s3(S3::Get { key: "a/1".to_owned() }), Reply::SlowDown);
    for (ms, answer) in [(999, Reply::SlowDown), (1, Reply::Written)] {
        talk.sleep(5, ms);
        talk.advance(crate::talk::PASS, 0);
        assert_eq!(talk.put("a/1", 3, When::Always), answer, "after {ms} ms more");
    }
}

#[test]
fn a_token_that_is_left_in_the_row_leaves_the_rest_as_it_is_and_refuses_older_ones() {
    let mut talk = Talk::postgres();
    assert_eq!(talk.cas(0, 0), Some(Updated(Some(1))));
    let before = talk.services.rows.head(RUN);
    let leave = |talk: &mut Talk, token| {
        let update = Update { set: Set::Token, seen: None, token: Some(token), ..swap(9, 0) };
        talk.sql(0, 1, Statement::Update(update))
    };
    assert_eq!(leave(&mut talk, 2), Some(Updated(Some(1))));
    assert_eq!(leave(&mut talk, 1), Some(Updated(None)));
    let after = talk.services.rows.head(RUN);
    assert_eq!((after.seq, after.body, after.token), (before.seq, before.body, 2));
}
