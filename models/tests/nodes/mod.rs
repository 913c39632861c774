//! Several Redis servers, and clocks that clients read: what each rate does to a deadline, and what
//! happens where nobody counts on it.

use super::talk::{LAPSE, PASS, RUN, Talk, caller};
use checker::ClientId;
use models::worlds::clock::{self, Rate};
use models::worlds::leases::{self, Call as Redis};
use models::worlds::objects::Profile;
use models::worlds::rows::Vacuum;
use models::worlds::{Call, Node, Reply, Services, Surroundings};
use sim::step::CallId;
use sim::world::World;

const EXPIRE: u8 = 5;
const JUMP: u8 = 6;
const FORGET: u8 = 7;
const FALL_BACK: u8 = 8;

/// Two nodes and two clients: the first of each is half a percent fast, the second as slow.
fn drifting(surroundings: Surroundings) -> Talk {
    let rates = || [Rate(5), Rate(-5)].into_iter();
    let services = Services::new(1, true, Vacuum::AtOnce, Profile::Strong);
    let services = services.with_nodes(rates()).with_clocks(rates()).amid(surroundings);
    Talk { services, waiting: Vec::new(), woken: Vec::new() }
}

fn node(talk: &mut Talk, client: u16, node: u8, call: Redis) -> leases::Reply {
    match talk.call(caller(client), Call::Node(Node(node), call)) {
        Some(Reply::Redis(reply)) => reply,
        other => panic!("Redis answered {other:?}"),
    }
}

fn lock(talk: &mut Talk, client: u16, at: u8) -> leases::Reply {
    node(talk, client, at, Redis::Acquire { run: RUN, value: u64::from(client), ttl_ms: 1000 })
}

fn now(talk: &mut Talk, client: u16) -> u64 {
    match talk.call(caller(client), Call::Clock(clock::Call::Now)) {
        Some(Reply::Clock(clock::Reply::Now { ms })) => ms,
        other => panic!("a clock answered {other:?}"),
    }
}

fn trust(talk: &mut Talk, from: CallId, until_ms: u64) -> u32 {
    let value = u64::from(from.client.0);
    match talk.call(from, Call::Clock(clock::Call::Trust { value, until_ms })) {
        Some(Reply::Clock(clock::Reply::Left { ms })) => ms,
        other => panic!("a clock answered {other:?}"),
    }
}

fn left(talk: &Talk, at: usize) -> Option<u32> {
    talk.services.nodes[at].left_ms().next().map(|(_, left)| left)
}

const GRANTED: leases::Reply = leases::Reply::Granted { token: 1 };

#[test]
fn each_node_has_locks_and_a_clock_of_its_own() {
    let mut talk = drifting(Surroundings::Sound);
    assert_eq!([lock(&mut talk, 0, 0), lock(&mut talk, 1, 1)], [GRANTED, GRANTED]);
    assert_eq!((left(&talk, 0), left(&talk, 1)), (Some(996), Some(1006)), "true milliseconds");
    assert!(!talk.offers(LAPSE, 0), "the one server there may be has no lock");
    talk.advance(EXPIRE, 0);
    assert_eq!((left(&talk, 0), left(&talk, 1)), (None, Some(10)));
    assert!([JUMP, FORGET, FALL_BACK].iter().all(|kind| !talk.offers(*kind, 1)));
}

#[test]
fn a_clock_shows_the_time_by_its_own_rate() {
    let mut talk = drifting(Surroundings::Sound);
    let start = now(&mut talk, 0);
    assert_eq!(now(&mut talk, 1), start);
    talk.sleep(0, 1000);
    talk.advance(PASS, 0);
    assert_eq!((now(&mut talk, 0), now(&mut talk, 1)), (start + 1005, start + 995));
}

#[test]
fn whoever_trusts_a_lock_does_so_until_its_own_clock_says_no() {
    let mut talk = drifting(Surroundings::Sound);
    let start = now(&mut talk, 0);
    assert_eq!(trust(&mut talk, caller(0), start + 1000), 1000);
    assert_eq!(talk.services.two_holders(), None);
    assert_eq!(trust(&mut talk, caller(1), start + 1000), 1000);
    assert_eq!(talk.services.two_holders(), Some((ClientId(0), ClientId(1))));
    talk.sleep(0, 996);
    talk.advance(PASS, 0);
    assert_eq!(talk.services.clock.trusting().collect::<Vec<_>>(), [ClientId(1)], "it is slow");
    assert_eq!(trust(&mut talk, caller(0), start + 1000), 0, "it is over");
    let adrift = CallId { slot: CallId::ADRIFT, ..caller(0) };
    assert_eq!(trust(&mut talk, adrift, start + 2000), 0, "nobody waits to believe it");
    assert_eq!(talk.services.clock.trusting().collect::<Vec<_>>(), [ClientId(1)]);
}

#[test]
fn nobody_trusts_what_it_gives_back_or_takes_along_in_a_crash() {
    let mut talk = drifting(Surroundings::Sound);
    let trusts = |talk: &Talk| talk.services.clock.trusting().count();
    let until = now(&mut talk, 0) + 1000;
    trust(&mut talk, caller(0), until);
    node(&mut talk, 0, 1, Redis::Release { run: RUN, value: 7 });
    assert_eq!(trusts(&talk), 1, "that was another lock");
    node(&mut talk, 0, 1, Redis::Release { run: RUN, value: 0 });
    assert_eq!(trusts(&talk), 0);
    trust(&mut talk, caller(0), until);
    node(&mut talk, 0, 1, Redis::Delete { run: RUN });
    assert_eq!(trusts(&talk), 0);
    trust(&mut talk, caller(0), until);
    talk.services.gone(ClientId(0));
    assert_eq!(trusts(&talk), 0);
}

#[test]
fn what_names_no_value_is_done_to_whoever_has_the_lock() {
    let mut talk = drifting(Surroundings::Sound);
    let expire = Redis::Expire { run: RUN, ttl_ms: 2010 };
    assert_eq!(node(&mut talk, 1, 0, expire.clone()), leases::Reply::Held(false));
    lock(&mut talk, 0, 0);
    assert_eq!(node(&mut talk, 1, 0, expire), leases::Reply::Held(true));
    assert_eq!(left(&talk, 0), Some(2000));
    let delete = Redis::Delete { run: RUN };
    assert_eq!(node(&mut talk, 1, 0, delete.clone()), leases::Reply::Held(true));
    assert_eq!(node(&mut talk, 1, 0, delete), leases::Reply::Held(false));
}

#[test]
fn a_node_may_lose_its_keys_where_nobody_counts_on_it() {
    let second = leases::Reply::Granted { token: 2 };
    for (surroundings, kind, then) in
        [(Surroundings::NodesJump, JUMP, second), (Surroundings::NodesForget, FORGET, GRANTED)]
    {
        let mut talk = drifting(surroundings);
        assert!(!talk.offers(kind, 0), "there is nothing to lose");
        lock(&mut talk, 0, 0);
        let before = now(&mut talk, 0);
        talk.advance(kind, 0);
        assert_eq!((left(&talk, 0), now(&mut talk, 0)), (None, before), "no time passed");
        assert_eq!(lock(&mut talk, 1, 0), then, "{surroundings:?}: tokens, and what is left");
    }
}

#[test]
fn a_clock_that_falls_back_is_believed() {
    let mut talk = drifting(Surroundings::ClientsFallBack);
    let start = now(&mut talk, 1);
    assert!(!talk.offers(FALL_BACK, 1), "it trusts nothing");
    trust(&mut talk, caller(1), start + 995);
    talk.advance(FALL_BACK, 1);
    assert_eq!(now(&mut talk, 1), start - 1000);
    assert!(!talk.offers(FALL_BACK, 1), "once is enough");
    talk.sleep(0, 2005);
    talk.advance(PASS, 0);
    assert_eq!((talk.services.clock.trusting().count(), now(&mut talk, 1)), (1, start + 994));
}
