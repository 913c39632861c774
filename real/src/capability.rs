//! What an S3 must be able to do before anything it does is held against it.
//!
//! A store that answers 200 to a condition it has never heard of is not wrong about races: it lacks
//! the condition. So each is tried by itself first, one call at a time, and what is found lacking
//! makes a run inconclusive.

use models::worlds::objects::{Body, Call, Reply, When};
use models::worlds::{Call as Any, Reply as Told, Services};
use sim::world::Legible;
use std::fmt;

use crate::error::RealError;
use crate::s3::{Bucket, Etags};

/// Something that an S3 may lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capability {
    /// A PUT with `If-None-Match: *` is refused where there is an object.
    IfNoneMatch,
    /// A PUT with `If-Match` is refused where the object is another by now.
    IfMatch,
    /// A listing goes on after a key.
    StartAfter,
    /// A page holds as many keys as were asked for, and says that there are more.
    PageSize,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::IfNoneMatch => "If-None-Match",
            Capability::IfMatch => "If-Match",
            Capability::StartAfter => "StartAfter",
            Capability::PageSize => "page size",
        })
    }
}

/// Something that it does lack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// What.
    pub capability: Capability,
    /// How that shows.
    pub why: String,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server lacks {}: {}", self.capability, self.why)
    }
}

/// No run has this number, so that its keys meet nobody's.
const EPOCH: u32 = 0;

/// What a bucket's server lacks. An error: it does not even put and list.
pub(crate) async fn probe(bucket: &Bucket) -> Result<Vec<Lack>, RealError> {
    let probe = Probe { bucket, etags: Etags::default() };
    for (key, by) in [("list/a", 1), ("list/b", 2), ("list/c", 3), ("there", 4)] {
        let put = probe.ask(put(key, by, When::Always)).await;
        put.map_err(|why| RealError::Connect { service: bucket.shown().to_owned(), why })?;
    }
    let mut lacks: Vec<Lack> = Vec::new();
    for (capability, call, right) in [
        (Capability::IfNoneMatch, put("there", 5, When::Absent), Reply::PreconditionFailed),
        (Capability::IfNoneMatch, put("new", 6, When::Absent), Reply::Written),
        (Capability::IfMatch, put("list/a", 7, When::Is(1)), Reply::Written),
        (Capability::IfMatch, put("list/a", 8, When::Is(1)), Reply::PreconditionFailed),
        (Capability::StartAfter, list(Some("list/a"), 1000), page(&["list/b", "list/c"], false)),
        (Capability::PageSize, list(None, 2), page(&["list/a", "list/b"], true)),
    ] {
        let known = lacks.iter().any(|it| it.capability == capability);
        if let (Some(why), false) = (probe.differs(call, right).await, known) {
            lacks.push(Lack { capability, why });
        }
    }
    Ok(lacks)
}

struct Probe<'a> {
    bucket: &'a Bucket,
    etags: Etags,
}

impl Probe<'_> {
    async fn ask(&self, call: Call) -> Result<Reply, String> {
        self.bucket.send(&self.etags, EPOCH, &call).await
    }

    /// How the answer differs from the right one, if it does.
    async fn differs(&self, call: Call, right: Reply) -> Option<String> {
        let told = self.ask(call.clone()).await;
        let call = Any::S3(call);
        let words = |reply| Services::answer(&call, &Told::S3(reply));
        let told = match told {
            Ok(reply) if reply == right => return None,
            Ok(reply) => words(reply),
            Err(why) => why,
        };
        Some(format!("{} is answered '{told}', not '{}'", Services::ask(&call), words(right)))
    }
}

fn put(key: &str, by: u64, when: When) -> Call {
    Call::Put { key: key.to_owned(), body: Body { by, after: 0 }, when }
}

fn list(start_after: Option<&str>, limit: u32) -> Call {
    Call::List { prefix: "list/".to_owned(), start_after: start_after.map(str::to_owned), limit }
}

fn page(keys: &[&str], truncated: bool) -> Reply {
    Reply::Page { keys: keys.iter().map(|it| (*it).to_owned()).collect(), truncated }
}
