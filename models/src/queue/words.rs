//! The queue in words: what a step shows beside itself in a story.

use super::promises::number;
use super::statements::{Job, Query, State};
use super::world::{Call, Queue, Reply};
use crate::worlds::tables;

pub(super) fn ask(call: &Call) -> String {
    match call {
        Call::Sql { query, .. } => said(query),
        Call::Sleep { ms } => format!("sleep {ms} ms"),
        Call::Listen => "listen for work".to_owned(),
        Call::Await { .. } => "wait for the result".to_owned(),
        Call::Execute(job) => format!("execute {}", number(job.id)),
        Call::Told { job } => format!("tell the caller of {}", number(*job)),
        Call::Answer { found: true } => "answer the caller".to_owned(),
        Call::Answer { found: false } => "answer the caller: no result".to_owned(),
    }
}

fn said(query: &Query) -> String {
    let job = |job: &i64| number(*job);
    match query {
        Query::Begin => "begin".to_owned(),
        Query::Commit => "commit".to_owned(),
        Query::Enqueue { job: it, .. } => format!("insert {} or nothing", job(it)),
        Query::Claim { .. } => "claim, skip locked".to_owned(),
        Query::Peek => "select a ready job".to_owned(),
        Query::ClaimById { job: it } => format!("claim {}", job(it)),
        Query::Beat { job: it, attempt } => format!("heartbeat {} attempt {attempt}", job(it)),
        Query::Complete { job: it, attempt, fenced: true } => {
            format!("complete {} if attempt {attempt} runs", job(it))
        }
        Query::Complete { job: it, .. } => format!("complete {}", job(it)),
        Query::Fail { job: it, delay_ms, .. } => format!("retry {} in {delay_ms} ms", job(it)),
        Query::Rescue => "rescue what is stale".to_owned(),
        Query::Stale => "select what is stale".to_owned(),
        Query::RescueById { job: it } => format!("rescue {}", job(it)),
        Query::Look { .. } => "select the result".to_owned(),
        Query::Keep { .. } => "insert the result or nothing".to_owned(),
        Query::Pending { .. } => "select open jobs".to_owned(),
    }
}

pub(super) fn answer(call: &Call, reply: &Reply) -> String {
    match reply {
        Reply::Done => "done".to_owned(),
        Reply::Leave => "nothing is left to come".to_owned(),
        Reply::Sql(tables::Reply::Rows(rows)) => match (call, rows.as_slice()) {
            (_, []) => "0 rows".to_owned(),
            (Call::Sql { query, .. }, [row]) if query.is_of_jobs() => {
                let it = Job::read(row);
                format!("{} {} {}", number(it.id), state(&it), it.attempt)
            }
            (_, rows) => format!("{} rows", rows.len()),
        },
        Reply::Sql(tables::Reply::Failed(error)) => format!("error {}", error.code()),
        Reply::Sql(tables::Reply::RolledBack) => "rolled back".to_owned(),
        Reply::Sql(tables::Reply::Closed) => "connection closed".to_owned(),
        Reply::Sql(tables::Reply::Done | tables::Reply::Locked(_)) => "ok".to_owned(),
    }
}

fn state(job: &Job) -> &'static str {
    match job.state {
        State::Ready => "ready",
        State::Running => "running",
        State::Done => "done",
    }
}

/// The time, and the first two jobs.
pub(super) fn columns(queue: &Queue) -> Vec<(&'static str, String)> {
    let job = |it: Job| format!("{} {} {}", number(it.id), state(&it), it.attempt);
    let jobs: Vec<_> = queue.jobs().take(2).map(job).collect();
    let jobs = if jobs.is_empty() { "-".to_owned() } else { jobs.join(", ") };
    vec![("ms", queue.tables.now_ms().to_string()), ("jobs", jobs)]
}
