//! A conversation with the simulated services, in which a call that waits is answered when the
//! world says that it is freed.

use checker::ClientId;
use models::worlds::leases::{self, Call as Redis};
use models::worlds::objects::{self, Body, Call as S3, Profile, When};
use models::worlds::rows::{self, Isolation, Set, Statement, Update, Vacuum};
use models::worlds::{Call, Reply, Run, Services, clock};
use sim::step::{CallId, Move};
use sim::world::{Moves, World};
use std::task::Poll;

use rows::Reply::{Done, Updated};

pub(crate) const RUN: Run = Run(0);
pub(crate) const PASS: u8 = 0;
pub(crate) const LAPSE: u8 = 1;
pub(crate) const CLOSE: u8 = 2;
pub(crate) const VACUUM: u8 = 3;
pub(crate) const APPEAR: u8 = 4;
pub(crate) const FLAP: u8 = 9;
pub(crate) const WRITE: u8 = 10;

/// Services, with the calls that wait in them.
pub(crate) struct Talk {
    pub(crate) services: Services,
    pub(crate) waiting: Vec<(CallId, Call)>,
    /// What waiting calls heard when they were freed, in order.
    pub(crate) woken: Vec<(u16, Reply)>,
}

/// A call that `client` waits for.
pub(crate) fn caller(client: u16) -> CallId {
    CallId { client: ClientId(client), slot: 0 }
}

impl Talk {
    pub(crate) fn new(vacuum: Vacuum, profile: Profile) -> Self {
        let services = Services::new(2, false, vacuum, profile);
        Talk { services, waiting: Vec::new(), woken: Vec::new() }
    }

    pub(crate) fn postgres() -> Self {
        Talk::new(Vacuum::AtOnce, Profile::Strong)
    }

    pub(crate) fn call(&mut self, from: CallId, call: Call) -> Option<Reply> {
        let answer = self.services.apply(from, &call);
        if answer.is_pending() {
            self.waiting.push((from, call));
        }
        self.wake();
        match answer {
            Poll::Ready(reply) => Some(reply),
            Poll::Pending => None,
        }
    }

    /// As the engine does it: whoever is freed is applied there and then, in that order.
    pub(crate) fn wake(&mut self) {
        while let Some(id) = self.services.freed() {
            let index = self.waiting.iter().position(|(it, _)| *it == id);
            let (id, call) = self.waiting.remove(index.expect("only who waits can be freed"));
            match self.services.apply(id, &call) {
                Poll::Ready(reply) => self.woken.push((id.client.0, reply)),
                Poll::Pending => self.waiting.push((id, call)),
            }
        }
    }

    /// A statement on connection `number` of `client`; nothing: it waits.
    pub(crate) fn sql(
        &mut self,
        client: u16,
        number: u64,
        statement: Statement,
    ) -> Option<rows::Reply> {
        // Each connection has a slot of its own, so that all may wait at once.
        let from = CallId { client: ClientId(client), slot: number as u8 };
        self.postgres_call(from, number, &[], statement)
    }

    /// The same, from a client that no longer holds the connections `gave_up`.
    pub(crate) fn postgres_call(
        &mut self,
        from: CallId,
        session: u64,
        gave_up: &[u64],
        statement: Statement,
    ) -> Option<rows::Reply> {
        let gave_up = gave_up.to_vec();
        match self.call(from, Call::Postgres(rows::Call { session, gave_up, statement }))? {
            Reply::Postgres(reply) => Some(reply),
            other => panic!("Postgres answered {other:?}"),
        }
    }

    pub(crate) fn begin(&mut self, client: u16, isolation: Isolation) {
        assert_eq!(self.sql(client, 1, Statement::Begin(isolation)), Some(Done));
    }

    pub(crate) fn commit(&mut self, client: u16) {
        assert_eq!(self.sql(client, 1, Statement::Commit), Some(Done));
    }

    pub(crate) fn rollback(&mut self, client: u16) {
        assert_eq!(self.sql(client, 1, Statement::Rollback), Some(Done));
    }

    /// The number that `client` reads.
    pub(crate) fn seq(&mut self, client: u16) -> Option<u64> {
        match self.sql(client, 1, Statement::Select { run: RUN }) {
            Some(rows::Reply::Row(row)) => row.map(|row| row.seq),
            other => panic!("a SELECT answered {other:?}"),
        }
    }

    /// `UPDATE .. SET seq = seq + 1 WHERE seq = from`
    pub(crate) fn cas(&mut self, client: u16, from: u64) -> Option<rows::Reply> {
        self.sql(client, 1, Statement::Update(swap(client, from)))
    }

    /// What waiting updates heard since this was last asked.
    pub(crate) fn heard(&mut self) -> Vec<(u16, rows::Reply)> {
        let postgres = |(client, reply)| match reply {
            Reply::Postgres(reply) => (client, reply),
            other => panic!("Postgres answered {other:?}"),
        };
        self.woken.drain(..).map(postgres).collect()
    }

    pub(crate) fn redis(&mut self, client: u16, call: Redis) -> leases::Reply {
        match self.call(caller(client), Call::Redis(call)) {
            Some(Reply::Redis(reply)) => reply,
            other => panic!("Redis answered {other:?}"),
        }
    }

    pub(crate) fn lock(&mut self, client: u16, run: Run, ttl_ms: u32) -> leases::Reply {
        self.redis(client, Redis::Acquire { run, value: u64::from(client), ttl_ms })
    }

    pub(crate) fn s3(&mut self, call: S3) -> objects::Reply {
        match self.call(caller(0), Call::S3(call)) {
            Some(Reply::S3(reply)) => reply,
            other => panic!("S3 answered {other:?}"),
        }
    }

    pub(crate) fn put(&mut self, key: &str, by: u64, when: When) -> objects::Reply {
        self.s3(S3::Put { key: key.to_owned(), body: Body { by, after: 0 }, when })
    }

    pub(crate) fn list(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> (Vec<String>, bool) {
        let start_after = after.map(str::to_owned);
        match self.s3(S3::List { prefix: prefix.to_owned(), start_after, limit }) {
            objects::Reply::Page { keys, truncated } => (keys, truncated),
            other => panic!("a LIST answered {other:?}"),
        }
    }

    pub(crate) fn sleep(&mut self, client: u16, ms: u32) -> Option<Reply> {
        self.call(caller(client), Call::Clock(clock::Call::Sleep { ms }))
    }

    /// Whether this move is offered at all.
    pub(crate) fn offers(&self, kind: u8, arg: u16) -> bool {
        let mut moves = Moves::default();
        self.services.moves(&mut moves);
        moves.iter().any(|it| it == Move { kind, arg })
    }

    pub(crate) fn advance(&mut self, kind: u8, arg: u16) {
        assert!(self.offers(kind, arg), "{} {arg} is not offered", Services::MOVES[kind as usize]);
        self.services.advance(Move { kind, arg });
        self.wake();
    }
}

pub(crate) fn swap(client: u16, from: u64) -> Update {
    Update { run: RUN, set: Set::Next, seen: Some(from), token: None, body: u64::from(client) + 1 }
}

/// A client that moves the head from `from` and keeps its transaction open.
pub(crate) fn holding(isolation: Isolation, from: u64) -> Talk {
    let mut talk = Talk::postgres();
    talk.begin(0, isolation);
    assert_eq!(talk.cas(0, from), Some(Updated(Some(from + 1))));
    talk
}
