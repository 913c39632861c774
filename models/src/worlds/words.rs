//! Services in words: what a step shows beside itself in a story.

use super::leases::{Call as Redis, Leases, NEVER, Reply as RedisReply};
use super::objects::{Call as S3, Reply as S3Reply, When};
use super::rows::{Isolation, Reply as PostgresReply, Set, Statement, Update};
use super::{Call, Reply, Run, Services, clock};

/// A transition's number in words: `3#2` is the second number that client 3 drew.
pub(crate) fn transition(by: u64) -> String {
    match by {
        0 => "nobody".to_owned(),
        _ => format!("{}#{}", by >> 32, by & 0xffff_ffff),
    }
}

pub(super) fn ask(call: &Call) -> String {
    match call {
        Call::Postgres(call) => statement(&call.statement),
        Call::Redis(call) => redis(call),
        Call::Node(node, call) => format!("{node}: {}", redis(call)),
        Call::S3(call) => s3(call),
        Call::Clock(clock::Call::Sleep { ms }) => format!("sleep {ms} ms"),
        Call::Clock(clock::Call::Now) => "clock".to_owned(),
        Call::Clock(clock::Call::Trust { until_ms, .. }) => format!("trust it until {until_ms}"),
    }
}

/// The SQL, with the values in place.
pub(crate) fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Begin(Isolation::ReadCommitted) => "begin".to_owned(),
        Statement::Begin(Isolation::RepeatableRead) => "begin repeatable read".to_owned(),
        Statement::Commit => "commit".to_owned(),
        Statement::Rollback => "rollback".to_owned(),
        Statement::Select { run } => format!("select {run}"),
        Statement::Update(it) => update(it),
    }
}

/// A guarded UPDATE is a compare-and-swap and reads as one.
fn update(Update { run, set, seen, token, .. }: &Update) -> String {
    let to = match (set, seen) {
        (Set::Next, Some(seen)) => return format!("cas {run} {seen}->{}", seen + 1),
        (Set::To(seq), Some(seen)) => return format!("cas {run} {seen}->{seq}"),
        (Set::Next, None) => "seq+1".to_owned(),
        (Set::To(seq), None) => seq.to_string(),
        (Set::Same, _) => return format!("register {run}"),
        (Set::NextOf(body), _) => return format!("cas {run} {}", transition(*body)),
        (Set::Token, _) => return format!("update {run} token={}", token.unwrap_or_default()),
    };
    let token = token.map_or(String::new(), |token| format!(" if token<={token}"));
    format!("update {run} seq={to}{token}")
}

fn redis(call: &Redis) -> String {
    match call {
        Redis::Acquire { run, ttl_ms: NEVER, .. } => format!("lock {run} for ever"),
        Redis::Acquire { run, ttl_ms, .. } => format!("lock {run} px {ttl_ms}"),
        Redis::Release { run, .. } => format!("unlock {run}"),
        Redis::Extend { run, ttl_ms, .. } => format!("extend lock {run} px {ttl_ms}"),
        Redis::Delete { run } => format!("del lock {run}"),
        Redis::Expire { run, ttl_ms } => format!("pexpire lock {run} {ttl_ms}"),
    }
}

fn s3(call: &S3) -> String {
    match call {
        S3::Put { key, when, .. } => match when {
            When::Always => format!("put {key}"),
            When::Absent => format!("put {key} if-none-match *"),
            When::Is(by) => format!("put {key} if-match {}", transition(*by)),
        },
        S3::Get { key } => format!("get {key}"),
        S3::List { prefix, start_after, .. } => match start_after {
            Some(after) => format!("list {prefix} after {after}"),
            None => format!("list {prefix}"),
        },
    }
}

pub(super) fn answer(call: &Call, reply: &Reply) -> String {
    match reply {
        Reply::Clock(clock::Reply::Woke) => "woke".to_owned(),
        Reply::Clock(clock::Reply::Now { ms }) => ms.to_string(),
        Reply::Clock(clock::Reply::Left { ms: 0 }) => "it is over".to_owned(),
        Reply::Clock(clock::Reply::Left { ms }) => format!("{ms} left"),
        Reply::Redis(RedisReply::Granted { .. }) => "granted".to_owned(),
        Reply::Redis(RedisReply::Busy) => "busy".to_owned(),
        Reply::Redis(RedisReply::Held(true)) => "done".to_owned(),
        Reply::Redis(RedisReply::Held(false)) => "was no longer mine".to_owned(),
        Reply::Postgres(PostgresReply::Updated(seq)) if is_swap(call) => {
            (if seq.is_some() { "won" } else { "LOST" }).to_owned()
        }
        Reply::Postgres(reply) => postgres_answer(reply),
        Reply::S3(reply) => s3_answer(reply),
    }
}

fn is_swap(call: &Call) -> bool {
    match call {
        Call::Postgres(call) => match &call.statement {
            Statement::Update(update) => {
                update.seen.is_some() || matches!(update.set, Set::NextOf(_))
            }
            _ => false,
        },
        _ => false,
    }
}

fn postgres_answer(reply: &PostgresReply) -> String {
    match reply {
        PostgresReply::Done => "ok".to_owned(),
        PostgresReply::Row(Some(row)) => format!("{}", row.seq),
        PostgresReply::Row(None) => "no row".to_owned(),
        PostgresReply::Updated(Some(seq)) => format!("1 row, now {seq}"),
        PostgresReply::Updated(None) => "0 rows".to_owned(),
        PostgresReply::SerializationFailure => "error 40001".to_owned(),
        PostgresReply::InFailedTransaction => "error 25P02".to_owned(),
        PostgresReply::RolledBack => "rolled back".to_owned(),
        PostgresReply::Closed => "connection closed".to_owned(),
    }
}

fn s3_answer(reply: &S3Reply) -> String {
    match reply {
        S3Reply::Written => "200".to_owned(),
        S3Reply::PreconditionFailed => "412".to_owned(),
        S3Reply::SlowDown => "503".to_owned(),
        S3Reply::Found(Some(body)) => transition(body.by),
        S3Reply::Found(None) => "404".to_owned(),
        S3Reply::Page { keys, truncated } => {
            let more = if *truncated { ", more to come" } else { "" };
            match (keys.first(), keys.last()) {
                (Some(first), Some(last)) if keys.len() > 1 => {
                    format!("{} keys, {first} to {last}{more}", keys.len())
                }
                (Some(only), _) => format!("1 key, {only}{more}"),
                _ => "no keys".to_owned(),
            }
        }
    }
}

/// The first run's lock and head, how many versions its row has, and how many objects there are.
pub(super) fn columns(services: &Services) -> Vec<(&'static str, String)> {
    let run = Run(0);
    let mut columns = Vec::new();
    if !services.nodes.is_empty() {
        let on = |it: &Leases| it.holder(run).map_or("-".to_owned(), |it| format!("w{}", it.0));
        columns.push(("keys", services.nodes.iter().map(on).collect::<Vec<_>>().join(" ")));
    } else if services.locked {
        let holder = services.leases.holder(run);
        columns.push(("lock", holder.map_or("free".to_owned(), |it| format!("w{}", it.0))));
    }
    if services.clock.is_read() {
        let names: Vec<_> = services.clock.trusting().map(|it| format!("w{}", it.0)).collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(" and ") };
        columns.push(("trusts", names));
    }
    if services.rows.runs() > 0 {
        columns.push(("head", services.rows.head(run).seq.to_string()));
    }
    if services.rows.keeps_dead() {
        columns.push(("versions", services.rows.versions(run).to_string()));
    }
    if !services.objects.is_empty() {
        columns.push(("objects", services.objects.len().to_string()));
    }
    columns
}
