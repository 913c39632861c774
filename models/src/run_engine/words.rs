//! The run engine in words: what a step shows beside itself in a story.

use super::jobs::{self, Job, Taken};
use super::table::{self, Snapshot};
use super::world::{Call, Engine, Reply};
use crate::worlds::leases;
use crate::worlds::{Run, words};

/// A snapshot's number in words: `3#2` is the second that client 3 drew, `s1` the first of all.
pub(super) fn snapshot(id: u64) -> String {
    match id >> 32 {
        _ if id == 0 => "nothing".to_owned(),
        BEGUN => format!("s{}", id & 0xffff_ffff),
        _ => words::transition(id),
    }
}

/// Who wrote what was there in the beginning.
const BEGUN: u64 = 0xffff;

/// The number of what was there in the beginning.
pub(super) fn begun(number: u64) -> u64 {
    BEGUN << 32 | number
}

pub(super) fn ask(call: &Call) -> String {
    match call {
        Call::Table(call) => table(call),
        Call::Jobs(jobs::Call::Send(it)) => format!("send {}", job(it)),
        Call::Jobs(jobs::Call::Take { monitor: false }) => "take a run".to_owned(),
        Call::Jobs(jobs::Call::Take { monitor: true }) => "take a job".to_owned(),
        Call::Jobs(jobs::Call::Ack { key, lease: Some(_) }) => format!("ack {}", snapshot(*key)),
        Call::Jobs(jobs::Call::Ack { key, lease: None }) => format!("del {}", snapshot(*key)),
        Call::Jobs(jobs::Call::Nack { key, .. }) => format!("nack {}", snapshot(*key)),
        Call::Jobs(jobs::Call::Beat { key }) => format!("heartbeat {}", snapshot(*key)),
        Call::Lock(leases::Call::Acquire { run, .. }) => format!("lock {run}"),
        Call::Lock(_) => "unlock".to_owned(),
        Call::Claim(run) => format!("set key {run} nx"),
        Call::Peek => "get key".to_owned(),
        Call::Put(run) => format!("set key {run}"),
    }
}

fn table(call: &table::Call) -> String {
    match call {
        table::Call::Latest { run } => format!("latest of {run}"),
        table::Call::Append { snapshot: it, .. } => {
            format!("insert {} {} after {}", snapshot(it.id), it.status, snapshot(it.previous))
        }
        table::Call::Since { run, after, replica, .. } => {
            let from = if *replica { " of the replica" } else { "" };
            format!("since {} of {run}{from}", snapshot(*after))
        }
        table::Call::AwaitWaitpoint { run } => format!("what does {run} wait for"),
        table::Call::Complete { waitpoint } => format!("complete {}", snapshot(*waitpoint)),
    }
}

fn job(it: &Job) -> String {
    let ttl = if it.ttl { " ttl" } else { "" };
    format!("{} {}{ttl}", it.kind, snapshot(it.about))
}

pub(super) fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Table(table::Reply::Latest(latest, blocked)) => {
            let waits = if *blocked { ", waits" } else { "" };
            latest.map_or("none".to_owned(), |it| format!("{}{waits}", row(&it)))
        }
        Reply::Table(table::Reply::Appended(true)) => "1 row".to_owned(),
        Reply::Table(table::Reply::Appended(false)) => "0 rows".to_owned(),
        Reply::Table(table::Reply::Rows(rows, _)) => {
            let rows: Vec<_> = rows.iter().map(row).collect();
            if rows.is_empty() { "0 rows".to_owned() } else { rows.join(", ") }
        }
        Reply::Table(table::Reply::Waitpoint(it)) => it.map_or("nothing".to_owned(), snapshot),
        Reply::Table(table::Reply::Done) | Reply::Jobs(jobs::Reply::Done) => "ok".to_owned(),
        Reply::Jobs(jobs::Reply::Taken(Some(Taken { job: it, .. }))) => job(it),
        Reply::Jobs(jobs::Reply::Taken(None)) => "none".to_owned(),
        Reply::Lock(leases::Reply::Granted { .. }) => "granted".to_owned(),
        Reply::Lock(leases::Reply::Held(true)) => "ok".to_owned(),
        Reply::Lock(_) => "was no longer mine".to_owned(),
        Reply::Key(true) => "yes".to_owned(),
        Reply::Key(false) => "no".to_owned(),
    }
}

fn row(it: &Snapshot) -> String {
    format!("{} {}", snapshot(it.id), it.status)
}

/// The first run's latest, who has its lock, and what waits to be done.
pub(super) fn columns(engine: &Engine) -> Vec<(&'static str, String)> {
    let run = Run(0);
    let holder = engine.locks.holder(run).map_or("free".to_owned(), |it| format!("{}", it.0));
    let last = engine.table.last(run).map_or("-".to_owned(), |it| it.status.to_string());
    let jobs: Vec<_> = engine.jobs.all().map(job).collect();
    vec![("lock", holder), ("run", last), ("jobs", jobs.join(", "))]
}
